"""`python -m tests.soak`: a table of stages, the bars, and what was lost: nothing."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench.__main__ import Bar
from tests.soak.run import Soak, Stage

OVERLOAD, GENTLE = 2.0, 0.6
"""Times what Ordo can take on this machine, for the last stage and for the first."""
CAPACITY_SECONDS = 8.0
SPARE_SECONDS = 300.0
"""For starting, settling and comparing."""


def main() -> int:
    """Run the stages; the exit status tells whether anything was lost."""
    options = _options()
    length = 2 * options.seconds + options.overload_seconds + SPARE_SECONDS
    with tempfile.TemporaryDirectory(prefix="ordo-soak-") as directory:
        soak = Soak(Path(directory), options.legs, length)
        try:
            stages, capacity = _stages(soak, options)
        finally:
            soak.close()
    print(
        f"\n{options.legs} legs; one after the other, 16 connections took "
        f"{capacity:.0f} requests/s\n"
    )
    _table(stages)
    _bars(stages)
    lost = [each for stage in stages for each in stage.lost]
    for each in lost[:20]:
        print(f"  {each}")
    print(f"{len(lost)} lost or doubled")
    return 1 if lost else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="requests/s")
    parser.add_argument("--legs", type=int, default=3)
    parser.add_argument(
        "--seconds", type=float, default=120.0, help="of a steady stage"
    )
    parser.add_argument("--overload-seconds", type=float, default=30.0)
    return parser.parse_args()


def _stages(soak: Soak, options: argparse.Namespace) -> tuple[list[Stage], float]:
    capacity = soak.capacity(min(CAPACITY_SECONDS, options.seconds))
    wanted = (
        ("within what it takes", GENTLE * capacity, options.seconds),
        ("as stated", options.rate, options.seconds),
        ("twice what it takes", OVERLOAD * capacity, options.overload_seconds),
    )
    stages = []
    for name, rate, seconds in wanted:
        stages.append(soak.stage(name, rate, seconds))
        print(f"{name}: {dict(stages[-1].answers)}", flush=True)
    return stages, capacity


def _table(stages: list[Stage]) -> None:
    print(
        f"{'':<22}{'offered/s':>10}{'taken/s':>9}   inside{'p50':>7}{'p99':>7}"
        f"   answer{'p50':>7}{'p99':>7}{'shed':>7}   in ms{'p50':>6}{'p99':>7}"
        f"{'RSS MB':>8}{'grew %':>8}{'lost':>6}"
    )
    for stage in stages:
        print(
            f"{stage.name:<22}{stage.offered:>10.0f}{stage.per_second:>9.0f}"
            + " " * 9
            + "".join(f"{value:>7.0f}" for value in stage.inside)
            + " " * 9
            + "".join(f"{value:>7.0f}" for value in stage.took)
            + f"{stage.shed:>7}"
            + " " * 8
            + "".join(f"{value:>6.0f} " for value in stage.shed_took)
            + f"{stage.rss[-1]:>7.0f}{stage.growth:>8.1f}{len(stage.lost):>6}"
        )
    print()


def _bars(stages: list[Stage]) -> None:
    gentle, stated, double = stages
    shed = [stage for stage in stages if stage.shed]
    bars = [
        Bar("inside Ordo at what it takes, p99 ms", gentle.inside[1], most=50.0),
        Bar("inside Ordo as stated, p99 ms", stated.inside[1], most=50.0),
        Bar("taken of what was stated, %", _share(stated), least=99.0),
        Bar("RSS growth within what it takes, %", gentle.growth, most=5.0),
        Bar("longest pass of the loop so far, ms", gentle.max_lag, most=100.0),
        Bar("answers at twice that, p99 ms", double.took[1], most=1000.0),
        Bar("refusals at twice that, p99 ms", double.shed_took[1], most=1000.0),
        Bar("answers other than 200, 202, 503", sum(map(_strange, stages)), most=0.0),
        Bar(
            "503 without Retry-After",
            sum(stage.shed_without_retry_after for stage in shed),
            most=0.0,
        ),
    ]
    for bar in bars:
        wanted = f"<= {bar.most:g}" if bar.most is not None else f">= {bar.least:g}"
        held = "held" if bar.held else "MISSED"
        print(f"{bar.name:<40}{bar.value:>9.1f}  {wanted:<8} {held}")


def _share(stage: Stage) -> float:
    """How many of the requests were taken, in percent."""
    taken = sum(n for name, n in stage.answers.items() if name in ("200", "202"))
    return 100 * taken / (sum(stage.answers.values()) + stage.late)


def _strange(stage: Stage) -> int:
    """Answers that are neither an order's nor a refusal to take one, and silence."""
    good = ("200", "202", "503 overloaded")
    return sum(n for name, n in stage.answers.items() if name not in good)


if __name__ == "__main__":
    sys.exit(main())
