"""`python -m tests.tracking`: how soon Ordo tells of what happens to open orders.

Ordo is a real process, started over ten thousand open orders at three protocol servers
that enforce what their brokers publish. Some orders are filled in part, at random, and
it is measured when the stream of events tells of it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench.__main__ import Bar, percentiles
from tests.tracking.run import Tracked, measure

WITHIN = 2.0
"""Seconds to tell of a change, where the broker tells by itself."""
MEMORY = 200.0
"""Megabytes; the bar of the design for so many open orders."""


def main() -> int:
    """Measure; the exit status tells whether every bar was held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=120.0, help="of changes")
    parser.add_argument("--rate", type=float, default=10.0, help="changes a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ordo-tracking-") as directory:
        tracked = measure(
            Path(directory), options.orders, options.seconds, options.rate
        )
    _table(tracked)
    return 0 if all(bar.held for bar in _bars(tracked)) else 1


def _table(tracked: Tracked) -> None:
    print(
        f"\n{tracked.orders} open orders, {tracked.seconds:.0f} s; ready after "
        f"{tracked.ready:.1f} s, RSS {tracked.rss:.0f} MB, "
        f"{tracked.processor:.0%} of a processor, "
        f"longest pass of the loop {tracked.max_lag_ms:.0f} ms, "
        f"over 100 ms: {tracked.blocked}\n"
    )
    print(
        f"{'':<10}{'changes':>8}   told after s{'p50':>7}{'p95':>7}{'p99':>7}"
        f"{'most':>7}   book read every{'calls/s':>9}   most in 1 s, 60 s"
    )
    for name, delays in tracked.delays.items():
        p50, p95, p99 = percentiles(delays)
        print(
            f"{name:<10}{len(delays):>8}{'':>15}{p50:>7.2f}{p95:>7.2f}{p99:>7.2f}"
            f"{max(delays, default=0):>7.2f}{tracked.reads[name]:>16.1f} s"
            f"{tracked.calls[name]:>9.2f}   "
            + ", ".join(str(most) for most in tracked.most[name].values())
        )
    print()
    for bar in _bars(tracked):
        print(f"{'held  ' if bar.held else 'MISSED'} {bar.name}: {bar.value:g}")


def _bars(tracked: Tracked) -> list[Bar]:
    return [
        Bar("RSS in MB", round(tracked.rss, 1), most=MEMORY),
        *(
            Bar(f"{name}, by its own word, p99", percentiles(delays)[2], most=WITHIN)
            for name, delays in tracked.delays.items()
            if name in tracked.live
        ),
        Bar("changes that were never told", tracked.never, most=0),
        Bar("calls that were refused for pace", tracked.refused, most=0),
        Bar("windows over their limit", int(not tracked.within_limits), most=0),
    ]


if __name__ == "__main__":
    sys.exit(main())
