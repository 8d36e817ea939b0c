"""Squaring off, cut off by kill -9 at any step: on the next start each position is
closed once, by as much as was held."""

import pytest
import trio

from adapters.brokers.paper import Fault
from tests.sim.store import SimStore
from tests.support.closing import a_paper, intraday, of_infy, positions
from tests.support.mortal import Steps, living

STRIDE = 7
"""Every so many steps one is tried here; all of them take some minutes."""


def traded(paper):
    """Units that were traded in each symbol, both ways together."""
    units = {}
    for trade in paper._account.trades:
        units[trade.symbol] = units.get(trade.symbol, 0) + int(trade.quantity)
    return units


async def scenario(crash_at, fault):
    """Square off, die at a step if told to, come back.

    Returns:
        The steps from the halt to the end, the broker, the last gateway's floor.
    """
    paper, store = a_paper(), SimStore(lambda store, writes: None)
    async with living({"one": paper}, store) as (gateway, life):
        await gateway.place(intraday(), of_infy())
        await gateway.place(intraday(side="SELL", price=900))
        if fault is not None:
            paper.script.on("place", fault, times=2)
        steps = Steps(crash_at, life.end)
        trio.lowlevel.add_instrument(steps)
        with trio.move_on_after(6):
            async with trio.open_nursery() as halting:
                halting.start_soon(_halt, gateway)
                await life.over.wait()
                halting.cancel_scope.cancel()
        trio.lowlevel.remove_instrument(steps)
    stored = life.left or store
    if not stored.switch().engaged:  # it died before: the trader asks again
        async with living({"one": paper}, stored) as (gateway, _):
            await gateway.halt()
            await trio.sleep(200)
    else:
        async with living({"one": paper}, stored) as (gateway, _):
            await trio.sleep(200)
    return steps.count, paper, gateway


async def _halt(gateway):
    await gateway.halt()


async def check(crash_at, fault):
    """What is wrong after a crash there; nothing, if all is as it has to be.

    An order that was SENDING and never arrived is not sent again: its position is left
    to a person, and told.
    """
    _, paper, gateway = await scenario(crash_at, fault)
    lost = {row.order.symbol for row in gateway.closing() if row.status == "not_placed"}
    closed = {"NSE:SBIN": 10, "NSE:INFY": 7}
    wanted = {s: n if s in lost else 2 * n for s, n in closed.items()}
    wrong = []
    if traded(paper) != wanted:
        wrong.append(f"traded {traded(paper)}, wanted {wanted}")
    if set(positions(paper)) != lost:
        wrong.append(f"left open {positions(paper)}, lost {lost}")
    if not all(row.is_settled for row in gateway.closing()):
        wrong.append(f"not settled: {gateway.told()}")
    return wrong, bool(lost)


@pytest.mark.parametrize(
    "fault",
    [None, Fault.lose_answer(hidden_for=20), Fault.slow_connect(0.5)],
    ids=["quiet", "answer lost", "slow"],
)
async def test_a_position_is_closed_once_wherever_it_is_cut_off(autojump_clock, fault):
    steps, paper, _ = await scenario(None, fault)
    assert positions(paper) == {}
    broken, lost = {}, 0
    points = range(1, steps, STRIDE)
    for step in points:
        wrong, is_lost = await check(step, fault)
        lost += is_lost
        if wrong:
            broken[step] = wrong
    assert broken == {}
    assert lost < len(points) / 3
