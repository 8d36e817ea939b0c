"""Orders on their way: answered once, never sent a second time, and then let go of."""

from contextlib import asynccontextmanager

import pytest
import trio

from actors.broker import Broker
from actors.mailbox import NoReply, Request
from actors.messages import Admit, CancelOrder, ReadBroker, SendOrder
from actors.windows import regulatory
from actors.writer import Writer
from adapters.brokers.paper import Fault
from tests.support.gateway import an_order, inline
from tests.support.stage import UP, Stage, resting


@asynccontextmanager
async def alone(stage):
    """The actor under no supervisor, to look into."""
    writer = Writer(stage.writer, stage.store, stage.health, run_sync=inline)
    broker = Broker(stage.parts)
    async with trio.open_nursery() as below:
        await below.start(writer.run)
        async with trio.open_nursery() as actor:
            await actor.start(broker.run)
            await trio.sleep(UP)
            yield broker
            actor.cancel_scope.cancel()
        below.cancel_scope.cancel()


def queue(stage, message, *, urgent=False, deadline=1e9):
    """Put a request into the actor's mailbox; it is taken at the next await."""
    request = Request(message, deadline=deadline, waker=trio.Event())
    stage.mailbox._put(request, urgent=urgent)
    return request


def used(stage):
    """Slots of the first window that are taken."""
    return stage.limiter.headroom(trio.current_time(), 0).windows[0].used


# Answered once


async def test_who_was_answered_at_the_deadline_is_not_answered_again(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault(after=8, hidden_for=20))
        assert (await stage.place(resting())).status == "unknown"
        await trio.sleep(10)
        assert stage.crashes == []


async def test_who_asked_for_an_order_that_met_a_bug_is_told_at_once(autojump_clock):
    """Not only when the other orders on the wire have landed."""
    bug = Fault(carried_out=False, error=lambda: ValueError("a bug"))
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.delay(4))
        stage.paper.script.on("place", bug)
        async with trio.open_nursery() as tasks:
            tasks.start_soon(stage.place, resting())
            await trio.sleep(1)
            with pytest.raises(NoReply):
                await stage.place(resting())
            assert trio.current_time() == 3


# Let go of


async def test_a_settled_order_is_let_go_of_when_its_flight_is_over(autojump_clock):
    stage = Stage()
    async with alone(stage) as broker:
        assert (await stage.place(within=0)).status == "denied"
        await trio.sleep(1)
        assert len(broker._journal) == 0


async def test_an_order_that_may_surprise_is_let_go_of_when_it_has_not(autojump_clock):
    stage = Stage()
    async with alone(stage) as broker:
        order = await stage.place(resting())
        await stage.cancel(order.order_id)
        await trio.sleep(299)
        assert len(broker._journal) == 1
        await trio.sleep(62)  # with the next look at the book
        assert len(broker._journal) == 0


async def test_a_cancel_is_not_wanted_any_more_once_its_order_is_settled(
    autojump_clock,
):
    stage = Stage()
    async with alone(stage) as broker:
        early = await stage.accept(resting())
        await stage.cancel(early.order_id)
        assert broker._cancels.wanted(early.order_id)
        assert (await stage.send(early)).status == "cancelled"
        stage.paper.script.on("place", Fault.lose_answer())
        lost = await stage.place()
        await stage.cancel(lost.order_id)
        assert broker._cancels.wanted(lost.order_id)
        await trio.sleep(2)
        assert stage.stored(lost.order_id).status == "filled"
        assert not broker._cancels.wanted(early.order_id)
        assert not broker._cancels.wanted(lost.order_id)


async def test_a_settled_order_is_not_noted_as_to_be_cancelled(autojump_clock):
    """A halt's list is made first, and gone through afterwards."""
    stage = Stage()
    async with alone(stage) as broker:
        stage.paper.script.on("place", Fault.refuse("RMS", "no"))
        order = await stage.place()
        message = CancelOrder(order_id=order.order_id, by="kill_switch:me")
        assert await broker._cancels.cancel(message) is None
        assert not broker._journal[order.order_id].cancel_requested
        assert not broker._cancels.wanted(order.order_id)


# An admission that nobody waits for


async def test_an_admission_whose_asker_has_left_takes_no_slot(autojump_clock):
    stage = Stage(windows=[regulatory()])
    async with stage.running():
        stage.mailbox.tell("what?")  # a crash: the admission waits for the restart
        async with trio.open_nursery() as askers:
            askers.start_soon(stage.admit)
            await trio.sleep(0.1)
            askers.cancel_scope.cancel()
        await trio.sleep(1)
        assert len(stage.crashes) == 1
        assert used(stage) == 0


async def test_an_admission_whose_asker_is_leaving_takes_no_slot(autojump_clock):
    """Its time is over, but it has not been cancelled yet, in this same moment."""
    stage = Stage(windows=[regulatory()])
    async with stage.running():
        admit = Admit(order_id="ORDER1", order=an_order())
        late = queue(stage, admit, deadline=trio.current_time())
        with pytest.raises(NoReply):
            await late.answer()
        assert used(stage) == 0
        assert (await stage.admit()).slot == UP


# A stop


async def test_a_stop_sends_no_order_of_the_mailbox_not_even_one_with_a_slot(
    autojump_clock,
):
    stage = Stage(windows=[regulatory()])
    async with alone(stage):
        slot = (await stage.admit()).slot
        record = await stage.accept(resting(), sending=True)
        by = trio.current_time() + 60
        queue(stage, ReadBroker(), urgent=True)  # taken before the stop is noticed
        cancel = queue(stage, CancelOrder(order_id="X", by="me"), urgent=True)
        order = queue(stage, SendOrder(record=record, slot=slot, answer_by=by))
    assert (await order.answer()).error_code == "not_sent"
    with pytest.raises(NoReply):
        await cancel.answer()
    assert stage.calls("place") == 0
    assert stage.stored(record.order_id).status == "denied"
