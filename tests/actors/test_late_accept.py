"""An accept that takes longer than the request: its orders are not left in between."""

import pytest
import trio

from adapters import Accept, OrderQuery
from tests.support.gateway import (
    a_batch,
    inline,
    make_paper,
    make_system,
    place,
    running,
)
from tests.support.memory_store import MemoryStore


async def slow_accepts(commit, writes):
    """A store that is busy for three seconds before it takes an accept."""
    if any(isinstance(write, Accept) for write in writes):
        await trio.sleep(3)
    return await inline(commit, writes)


async def test_an_order_accepted_after_its_deadline_is_denied_and_never_sent(
    autojump_clock,
):
    paper, store = make_paper(), MemoryStore()
    system = make_system({"one": paper}, store)
    system.means = system.means._replace(write_sync=slow_accepts)
    async with running(system):
        with pytest.raises(trio.TooSlowError):
            await place(system, a_batch("one", deadline_ms=2000))
        await trio.sleep(2)
        (order,) = store.orders(OrderQuery())
        replay = await place(system, a_batch("one"))
    assert (order.status, order.error_code) == ("denied", "deadline_exceeded")
    assert (replay.replayed, replay.orders) == (True, (order,))
    assert not paper._account.book.entries
