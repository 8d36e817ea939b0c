"""Orders that were accepted and handed to nobody: denied, and never sent."""

from collections.abc import Sequence

import pytest
import trio

from actors.mailbox import NoReply
from actors.messages import BatchDone
from actors.orphans import LOOK_EVERY, PATIENCE
from adapters import Accept, AcceptResult, OrderStatus, Write
from ordo.system import System
from tests.support.gateway import a_batch, make_paper, make_system, place, running
from tests.support.memory_store import MemoryStore
from tests.support.stage import Stage, resting

LONG = PATIENCE + 2 * LOOK_EVERY


async def test_an_order_that_nobody_was_given_is_denied_and_never_sent(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.accept(sending=True)
        await trio.sleep(LONG)
        stored = stage.stored(record.order_id)
        assert (stored.status, stored.error_code) == (OrderStatus.DENIED, "not_sent")
        assert stage.story(record.order_id) == ["placed", "denied"]
        assert stage.tags() == []


async def test_an_order_that_may_yet_be_handed_over_is_left_alone(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.accept()
        await trio.sleep(PATIENCE - LOOK_EVERY)
        assert stage.stored(record.order_id).status is OrderStatus.PLACED
        assert (await stage.send(record)).status is OrderStatus.ACKED


async def test_an_order_that_waits_for_its_turn_is_nobody_s_orphan(autojump_clock):
    async with Stage().running() as stage:
        stage.limiter.pause(trio.current_time() + LONG)
        record = await stage.accept()
        answer = await stage.send(record, within=LONG + 10)
        assert answer.status is OrderStatus.ACKED


async def test_an_order_at_the_broker_is_no_orphan(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        await trio.sleep(LONG)
        assert stage.stored(record.order_id).status is OrderStatus.ACKED


async def test_while_the_store_cannot_be_read_nothing_is_said_of_it(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.accept()
        stage.reads_fail = True
        await trio.sleep(LONG)
        assert stage.stored(record.order_id).status is OrderStatus.PLACED
        stage.reads_fail = False
        await trio.sleep(LONG)
        assert stage.stored(record.order_id).status is OrderStatus.DENIED


class Fatal(MemoryStore):
    """As it stores an accept, something else brings the router down."""

    system: System | None = None

    def commit(self, writes: Sequence[Write]) -> list[AcceptResult | None]:
        answers = super().commit(writes)
        if self.system and any(isinstance(write, Accept) for write in writes):
            self.system.router.tell("nonsense")
            self.system = None
        return answers


async def test_a_batch_accepted_as_the_router_crashes_ends_denied(autojump_clock):
    store, paper = Fatal(), make_paper()
    system = make_system({"one": paper}, store)
    async with running(system):
        await trio.sleep(2)
        store.system = system
        with pytest.raises(NoReply):
            await place(system, a_batch("one"))
        await trio.sleep(LONG)
        again = await place(system, a_batch("one"))
    assert isinstance(again, BatchDone)
    assert [order.status for order in again.orders] == [OrderStatus.DENIED]
    assert paper._account.book.entries == {}
