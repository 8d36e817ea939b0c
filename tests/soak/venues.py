"""Several FYERS venues in one process, which shares the machine with Ordo.

`python -m tests.soak.venues --count 3` prints `{"ports": [...]}` once they listen.
Their books show the orders of the last seconds only: a real one shows the whole day,
and what Ordo needs to read that would hide whether Ordo itself grows. Checkers see all.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import trio

from tests.support.processes import VENUE_TOKEN, Process
from tests.venues.fyers import FyersVenue
from tests.venues.fyers_rows import Entry

SHOWN = 30.0
"""Seconds that an order stays in the book that Ordo reads, at the least."""
FUNDS = 1e12


class Venues(Process):
    """The process; `urls` has one for each venue."""

    def __init__(self, log: Path, count: int, seconds: float) -> None:
        super().__init__(
            *(sys.executable, "-m", "tests.soak.venues"),
            *("--count", str(count), "--max-seconds", str(seconds)),
            log=log,
        )
        ports = json.loads(self.line())["ports"]
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]


def show_recent(venue: FyersVenue) -> None:
    """Let the book forget what is older than `SHOWN` and was read twice: so Ordo has
    seen it filled, however far behind it is."""
    book, rows = venue.book, venue.book.rows
    first, ends = 0, [0, 0]  # of the orders by number; of the last two answers

    def recent(entries: list[Entry] | None = None, stale: int = 0) -> list[Any]:
        nonlocal first, ends
        if entries is None:
            entries = list(itertools.islice(book.orders.values(), first, None))
            since = venue.clock() - SHOWN
            old = itertools.takewhile(lambda entry: entry.arrived < since, entries)
            first = min(first + sum(1 for _ in old), ends[0])
            ends = [ends[1], len(book.orders)]
        return rows(entries, stale)

    book.rows = recent  # type: ignore[method-assign]


async def _serve(count: int, seconds: float) -> None:
    venues = [FyersVenue(tokens=(VENUE_TOKEN,), funds=FUNDS) for _ in range(count)]
    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            for venue in venues:
                show_recent(venue)
                await nursery.start(venue.serve)
            print(json.dumps({"ports": [v.port for v in venues]}), flush=True)
            await trio.to_thread.run_sync(_closed, abandon_on_cancel=True)
            nursery.cancel_scope.cancel()


def _closed() -> None:
    """Until standard input ends, with whoever started this."""
    sys.stdin.read()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--max-seconds", type=float, default=600.0)
    options = parser.parse_args()
    trio.run(_serve, options.count, options.max_seconds)


if __name__ == "__main__":
    main()
