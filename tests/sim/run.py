"""Running one seed: the world under a virtual clock, and what came of it."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import trio
import trio._core._run as trio_run
import trio.testing

from tests.sim import check, clients, traders
from tests.sim.plan import SETTLE, Plan, make
from tests.sim.venue import LONG_LIFE
from tests.sim.world import World

MOST_STEPS = 3_000_000
"""Steps after which a run is taken to go round in circles."""


@dataclass
class Result:
    """What came of a seed; `breaks` should be empty.

    `orders` were accepted, `booked` is what the brokers have, `undecided` what is left
    to a person. `transients`: orders that got through, of those that met failures which
    can be recovered from. `marks`: steps done at the plan's marks.
    """

    seed: int
    mode: str
    breaks: list[str]
    trace: str
    steps: int
    orders: int = 0
    booked: int = 0
    acknowledged: int = 0
    crashes: int = 0
    bugs: int = 0
    undecided: int = 0
    hours: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    transients: tuple[int, int] = (0, 0)
    marks: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def simulate(seed: int, orders: int = 20, **changes: Any) -> Result:
    """Run a seed.

    Args:
        orders: how many legs its clients place, about.
        changes: attributes of the plan to set otherwise.
    """
    plan = make(seed, orders)
    for name, value in changes.items():
        setattr(plan, name, value)
    return play(plan)


def play(plan: Plan) -> Result:
    """Run a plan; what it does depends on the plan alone."""
    logging.disable(logging.CRITICAL)
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[attr-defined]
    trio_run._r.seed(plan.seed)
    world = World(plan)
    for step in plan.crashes:
        world.crash_at(step)
    for step in plan.bugs:
        world.steps.bug_at(step)
    told = clients.Told()
    clock = trio.testing.MockClock(autojump_threshold=0)
    try:
        trio.run(_live, world, told, clock=clock, instruments=[world.steps])
    except* RuntimeError as error:
        world.breaks.append(f"the run itself failed: {error!r}: {error.exceptions}")
    finally:
        trio_run._ALLOW_DETERMINISTIC_SCHEDULING = False  # type: ignore[attr-defined]
        logging.disable(logging.NOTSET)
    return _result(world, told)


async def _live(world: World, told: clients.Told) -> None:
    plan = world.plan
    token = trio.lowlevel.current_trio_token()
    async with trio.open_nursery() as nursery:

        def give_up() -> None:
            world.broken(f"I11 more than {MOST_STEPS} steps")
            token.run_sync_soon(nursery.cancel_scope.cancel)

        world.steps.at[MOST_STEPS] = give_up
        nursery.start_soon(world.run_gateway)
        for name, broker in plan.brokers.items():
            if broker.login == "attended":
                nursery.start_soon(traders.keep_logged_in, world, name)
        async with trio.open_nursery() as users:
            everyone = [clients.Client(world, told, batch) for batch in plan.batches]
            for client in everyone:
                users.start_soon(client.run)
            for halt in plan.halts:
                users.start_soon(clients.halt, world, told, halt)
            users.start_soon(_turn_clocks, world)
            users.start_soon(_mark, world)
            await trio.sleep_until(plan.lasts)
            if plan.mode == "liveness":
                _faults_stop(world)
        if plan.mode == "liveness":
            await clients.release(world, told)
            await _settle(world, everyone)
            await trio.sleep(1)  # a replay gives its rate slots back
            check.check_liveness(world)
            await traders.trade_again(world)
        nursery.cancel_scope.cancel()
    world.ended_at = trio.current_time()
    check.check_safety(world, told)  # a stop must not break anything either


def _faults_stop(world: World) -> None:
    for venue in world.venues.values():
        venue.faults.on = False
        venue.life = LONG_LIFE
    world.disk.on = False
    for step in (*world.plan.crashes, *world.plan.bugs):
        world.steps.at.pop(step, None)
    world.steps.bugs_due = 0


async def _mark(world: World) -> None:
    for at in world.plan.marks:
        await trio.sleep_until(at)
        world.marks.append(world.steps.count)


async def _turn_clocks(world: World) -> None:
    for at, jump in sorted(world.plan.clock):
        await trio.sleep_until(at)
        world.offset += jump
        world.note(f"the clock jumps {jump:g} s")


async def _settle(world: World, everyone: list[clients.Client]) -> None:
    """Every client hears the end of what it was told of; then time passes."""
    await trio.sleep(SETTLE)
    for client in everyone:
        if client.acknowledged and not await client.place(3):
            world.broken(f"I3 {client.key} is not answered any more")


def _result(world: World, told: clients.Told) -> Result:
    faults: Counter[str] = Counter()
    for venue in world.venues.values():
        faults.update(venue.faults.met)
        for line in venue.trace:
            world.trace.update(line.encode())
    lines = (
        sorted(
            [
                *world.lines,
                *(
                    f"{v.name} {line}"
                    for v in world.venues.values()
                    for line in v.trace
                ),
            ],
            key=_moment,
        )
        if world.plan.keep_trace
        else []
    )
    return Result(
        seed=world.plan.seed,
        mode=world.plan.mode,
        breaks=world.breaks,
        trace=world.trace.hexdigest()[:16],
        steps=world.steps.count,
        orders=len(world.store._orders),
        booked=sum(len(v.entries) for v in world.venues.values()),
        acknowledged=len(told.batches),
        crashes=world.crashes,
        bugs=world.steps.bugs,
        undecided=world.undecided,
        hours=world.ended_at / 3600,
        faults=faults,
        statuses=world.statuses,
        transients=_transients(world),
        marks=world.marks,
        lines=lines,
    )


def _moment(line: str) -> float:
    for word in line.split():
        try:
            return float(word)
        except ValueError:
            continue
    return 0.0


def _transients(world: World) -> tuple[int, int]:
    """Orders that met failures which provably came before sending, three at the most;
    and how many of them got through all the same."""
    good = met = 0
    for venue in world.venues.values():
        booked = {entry.tag for entry in venue.entries.values()}
        for tag, names in venue.met.items():
            if 1 <= sum(name != "none" for name in names) <= 2:
                met += 1
                good += tag in booked
    return good, met


__all__ = ["Result", "play", "simulate"]
