"""The run: lanes of lives and kills side by side, then the comparison."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import trio

from tests.crash.check import Verdict, judge, settled
from tests.crash.lane import RANDOM, Lane
from tests.crash.points import POINTS
from tests.support.processes import Ordo, ended, run_ordo

LATEST = 1.0
"""Seconds after which the venue has taken what reached it before the last kill: some
faults keep an order back for half a second, and a start may be quicker."""
AGREE_WITHIN, SETTLE_WITHIN = 60.0, 240.0
"""Seconds; an order that never arrived stays unknown for two minutes at the least."""
PAIR = ("all of an order sent", "recovery, before its commit")


class Outcome(NamedTuple):
    """What happened in a whole run; times are seconds."""

    killed: Counter[str]
    faults: Counter[str]
    lanes: list[Lane]
    verdicts: list[Verdict]
    audits: list[str]
    sockets: int
    """Order sockets that venues opened: every second lane listens on one."""
    slowest_start: float
    took: float

    @property
    def breaches(self) -> list[str]:
        """Of all lanes."""
        return [each for verdict in self.verdicts for each in verdict.breaches]


def plan_of(kills: int, at_each: int, rng: random.Random) -> list[tuple[str, ...]]:
    """Where each of *kills* lives is to end: *at_each* at each point, the rest at any.

    A start has something to recover for certain only after an order was cut short on
    its way, so those two stay together.

    Raises:
        ValueError: there are more points than kills.
    """
    alone = [name for name in POINTS if name not in PAIR for _ in range(at_each)]
    plan: list[tuple[str, ...]] = [*[PAIR] * at_each, *[(name,) for name in alone]]
    rest = kills - at_each * len(POINTS)
    if rest < 0:
        raise ValueError(f"wanted at least {at_each * len(POINTS)} kills, was {kills}")
    plan += [(RANDOM,)] * rest
    rng.shuffle(plan)
    return plan


def crash(
    directory: Path,
    *,
    kills: int,
    at_each: int,
    lanes: int,
    clients: int,
    seed: str,
    wholly: bool,
    meanwhile: Callable[[], None] = lambda: None,
) -> Outcome:
    """Kill Ordo *kills* times under load and venue faults, and compare.

    Args:
        directory: for data and logs.
        kills: in all lanes together.
        at_each: of these at each named point.
        lanes: Ordos at one time, each with a venue.
        clients: of each lane.
        seed: of the plan, the orders and the faults; time has its own say.
        wholly: wait until nothing is unknown any more; takes two minutes.
        meanwhile: called in that time.

    Raises:
        RuntimeError: Ordo or the venue did not start.
    """
    begun = time.perf_counter()
    plan = plan_of(kills, at_each, random.Random(seed))
    with ExitStack() as stack:
        rows = []
        for number in range(lanes):
            lane = Lane(
                *(directory / f"lane-{number}", f"{seed}/{number}", clients),
                updates=number % 2 == 1,
            )
            stack.enter_context(ended(lane.venue))
            rows.append(lane)
        trio.run(_live, rows, plan)
        lasts = []
        for lane in rows:
            lasts.append(Ordo(lane.config))
            stack.enter_context(ended(lasts[-1]))
        meanwhile()
        verdicts, audits, sockets = [], [], 0
        for lane, last in zip(rows, lasts, strict=True):
            _wait(lane, last, wholly)
            verdicts.append(judge(last.url, lane.venue.url, lane.ledger))
            sockets += lane.sockets()
            last.stop()
            audits.append(_audit(lane))
    return Outcome(
        killed=sum((lane.killed for lane in rows), Counter()),
        faults=sum((lane.weather.told for lane in rows), Counter()),
        lanes=rows,
        verdicts=verdicts,
        audits=audits,
        sockets=sockets,
        slowest_start=max(s for lane in rows for s in [*lane.starts, 0.0]),
        took=time.perf_counter() - begun,
    )


async def _live(rows: list[Lane], plan: list[tuple[str, ...]]) -> None:
    async with trio.open_nursery() as nursery:
        for number, lane in enumerate(rows):
            points = [point for some in plan[number :: len(rows)] for point in some]
            nursery.start_soon(lane.run, points)


def _wait(lane: Lane, last: Ordo, wholly: bool) -> None:
    """Until both agree, or for so long that it is a breach."""
    trio.run(trio.sleep, LATEST)
    until = time.monotonic() + (SETTLE_WITHIN if wholly else AGREE_WITHIN)
    while time.monotonic() < until:
        if settled(last.url, lane.venue.url, wholly=wholly):
            return
        trio.run(trio.sleep, 0.5)


def _audit(lane: Lane) -> str:
    """What `ordo audit verify` says."""
    end = run_ordo("audit", "verify", "--config", str(lane.config))
    if end.returncode:
        lane.ledger.contradictions.append(f"audit: {end.stderr.strip()}")
        return end.stderr.strip()
    return end.stdout.splitlines()[0]
