"""A book of hundreds of open orders holds nobody up while it is compared."""

import trio

from actors.comparing import AT_ONCE
from tests.support.gateway import an_order, make_paper, wall
from tests.support.memory_store import MemoryStore
from tests.support.stage import NAME, Stage
from tests.tracking.stored import made_up, writes
from tests.tracking.venues import PRICE, UNITS


async def a_stage(number):
    """A broker with so many resting orders, and the store that knows them."""
    paper, store = make_paper(fill="manual", balance=10**9), MemoryStore()
    orders, numbers = made_up([NAME], number), {}
    order = an_order(quantity=UNITS, price=PRICE, product="INTRADAY")
    for each in orders:
        acked = await paper.place(order, each.tag, lambda: None)
        numbers[NAME, each.tag] = acked.broker_order_id
    for transaction in writes(orders, numbers, wall()):
        store.commit(transaction)
    return Stage(paper, store)


async def test_others_get_their_turn_while_a_long_book_is_compared(autojump_clock):
    turns = {}
    for orders in (1, 9 * AT_ONCE):
        stage = await a_stage(orders)
        async with stage.running():
            look = stage.brokers[0]._reconciler.look
            turns[orders] = await _turns_during(look)
    assert turns[9 * AT_ONCE] >= turns[1] + 7  # one more or less is chance


async def _turns_during(work):
    """How often another task that is always ready runs meanwhile."""
    turns = 0

    async def take_turns():
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as tasks:
        tasks.start_soon(take_turns)
        await work()
        tasks.cancel_scope.cancel()
    return turns
