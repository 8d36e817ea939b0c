"""The run: load, kills, restarts, then the comparison."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import trio

from tests.crash.check import Verdict, compare, settled
from tests.crash.clients import Ledger, keep_ordering
from tests.support.processes import (
    FyersVenue,
    Ordo,
    ended,
    free_port,
    fyers_table,
    write_config,
)

SHORTEST, LONGEST = 0.2, 2.2
"""Seconds of life between ready and kill: some runs die while they still recover."""
SETTLE_WITHIN = 60.0


class Outcome(NamedTuple):
    """What happened in a whole run; times are seconds."""

    kills: int
    ledger: Ledger
    verdict: Verdict
    slowest_start: float
    took: float


def crash(
    directory: Path,
    *,
    kills: int,
    clients: int,
    seed: str,
    say: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Kill Ordo *kills* times under the load of *clients*, and compare.

    Raises:
        RuntimeError: Ordo or the venue did not start.
    """
    begun = time.perf_counter()
    venue = FyersVenue(directory / "venue.log", "--funds", "1e12")
    with ended(venue):
        port = free_port()
        config = write_config(directory, {"venue": fyers_table(venue.url)}, port=port)
        ledger = Ledger()
        starts = trio.run(
            _main, config, f"http://127.0.0.1:{port}", ledger, kills, clients, seed, say
        )
        last = Ordo(config)
        with ended(last):
            _wait(lambda: settled(last.url, venue.url))
            verdict = compare(last.url, venue.url, ledger)
            last.stop()
    return Outcome(
        kills=kills,
        ledger=ledger,
        verdict=verdict,
        slowest_start=max([*starts, last.started]),
        took=time.perf_counter() - begun,
    )


async def _main(
    config: Path,
    url: str,
    ledger: Ledger,
    kills: int,
    clients: int,
    seed: str,
    say: Callable[[str], None],
) -> list[float]:
    rng, stopping = random.Random(seed), trio.Event()
    starts: list[float] = []
    async with trio.open_nursery() as nursery:
        for number in range(clients):
            nursery.start_soon(
                keep_ordering, url, f"client-{number}", seed, ledger, stopping
            )
        for number in range(kills):
            ordo = await trio.to_thread.run_sync(Ordo, config)
            starts.append(ordo.started)
            try:
                await trio.sleep(rng.uniform(SHORTEST, LONGEST))
            finally:
                ordo.kill()
            if number % 10 == 9:
                say(f"{number + 1} kills, {len(ledger.acknowledged)} acknowledged")
        stopping.set()
    return starts


def _wait(condition: Callable[[], bool]) -> None:
    """Until *condition* holds, for `SETTLE_WITHIN` seconds at the most."""
    until = time.monotonic() + SETTLE_WITHIN
    while not condition() and time.monotonic() < until:
        trio.run(trio.sleep, 0.5)
