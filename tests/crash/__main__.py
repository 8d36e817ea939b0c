"""`python -m tests.crash`: print what was killed, what was found; fail on a breach."""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.crash import locked, ready
from tests.crash.lane import RANDOM
from tests.crash.points import POINTS
from tests.crash.run import Outcome, crash
from tests.crash.storms import REQUESTS, STRUCK, Storms

CUT_EVERY = 5
"""Of the storms each fifth is cut by a kill, and each tenth finds a slow venue."""
LOCK_SECONDS = 20.0
READY_WITHIN = 2.0
"""Seconds. Source: reliability.md section 8, with ten thousand open orders."""


def main() -> int:
    """Run, print the counts, and tell by the exit status whether all is well."""
    options = _options()
    print(f"seed {options.seed}", flush=True)
    extras: list[str] = []
    with tempfile.TemporaryDirectory(prefix="ordo-crash-") as name:
        directory = Path(name)
        if options.storms is not None:
            extras += _storms(directory, options.seed, options.storms)
        else:
            extras += _crash(directory, options)
    for breach in extras[:20]:
        print(f"  {breach}")
    print(f"{len(extras)} breaches")
    return 1 if extras else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--at-each", type=int, help="kills at each point; default 1/20")
    parser.add_argument("--lanes", type=int, default=2, help="Ordos side by side")
    parser.add_argument("--clients", type=int, default=12, help="of each Ordo")
    parser.add_argument("--seed", default=str(time.time_ns()))
    parser.add_argument("--short", action="store_true", help="the kills alone")
    parser.add_argument("--storms", type=int, help="so many storms, and no kills else")
    return parser.parse_args()


def _crash(directory: Path, options: argparse.Namespace) -> list[str]:
    found: list[str] = []

    def meanwhile() -> None:
        if not options.short:
            found.extend(_lock(directory / "lock"))
            found.extend(_ready(directory / "ready"))

    end = crash(
        directory,
        kills=options.kills,
        at_each=options.kills // 20 if options.at_each is None else options.at_each,
        lanes=options.lanes,
        clients=options.clients,
        seed=options.seed,
        wholly=not options.short,
        meanwhile=meanwhile,
    )
    _show(end)
    return found + end.breaches


def _show(end: Outcome) -> None:
    print(f"\n{'killed':<36}{'times':>6}")
    for name in (*POINTS, RANDOM):
        print(f"{name:<36}{end.killed[name]:>6}")
    print(f"{'in all':<36}{end.killed.total():>6}")
    print(f"\nfaults at the venue: {end.faults.total()}, of {len(end.faults)} kinds")
    ledgers = [lane.ledger for lane in end.lanes]
    refused = sum((ledger.refused for ledger in ledgers), Counter())
    print(
        f"{sum(each.asked for each in ledgers)} requests,"
        f" {sum(each.unanswered for each in ledgers)} without an answer,"
        f" {sum(each.cancels for each in ledgers)} cancels\n"
        f"refused: {dict(refused)}"
    )
    for verdict, audit in zip(end.verdicts, end.audits, strict=True):
        print(
            f"{verdict.acknowledged} keys acknowledged, {verdict.replayed} replayed;"
            f" {verdict.venue_orders} orders at the venue;"
            f" {verdict.settling} not settled yet;"
            f" {verdict.halts} halts held; audit: {audit}"
        )
    print(f"{end.sockets} order sockets opened")
    print(f"slowest start {end.slowest_start:.2f} s, in all {end.took:.0f} s")


def _lock(directory: Path) -> list[str]:
    end = locked.lock(directory, LOCK_SECONDS)
    print(
        f"\na database locked for {LOCK_SECONDS:.0f} s: answers {dict(end.answers)},"
        f" the slowest in {end.slowest:.1f} s, an order accepted"
        f" {end.back_after:.1f} s after it"
    )
    return end.breaches


def _ready(directory: Path) -> list[str]:
    end = ready.measure(directory)
    held = "held" if end.ready <= READY_WITHIN else "MISSED"
    print(
        f"\n{end.orders} open orders, kill -9, {ready.STARTS} starts, the slowest:\n"
        f"{'ready, s':<36}{end.ready:>6.2f}  <= {READY_WITHIN:g}  {held}\n"
        f"{'first order acknowledged, s':<36}{end.first_order:>6.2f}",
        flush=True,
    )
    return []  # a machine that is busy misses the bar, and has lost nothing


def _storms(directory: Path, seed: str, number: int) -> list[str]:
    """Storm after storm; each says what came of it only where that was wrong."""
    answers: Counter[str] = Counter()
    breaches: list[str] = []
    points, cut = itertools.cycle(STRUCK), 0
    with Storms(directory / "storms", seed) as storms:
        for each in range(number):
            if each % CUT_EVERY == CUT_EVERY - 1:
                cut += 1
                end = storms.cut(each, next(points))
            else:
                end = storms.calm(each, slow=each % 10 == 0)
            answers += end.answers
            breaches += end.breaches
    print(
        f"{number} storms of {REQUESTS} requests, repeated, {cut} of them cut by a"
        f" kill: {dict(answers)}"
    )
    return breaches


if __name__ == "__main__":
    sys.exit(main())
