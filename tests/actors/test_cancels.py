"""Cancels, wherever the order is; and what a halt cancels."""

import itertools
from contextlib import suppress
from functools import partial

import pytest
import trio

from actors.breaker import BreakerSettings
from actors.mailbox import NoReply
from actors.messages import Denial, SendOrder
from actors.windows import MINUTE, ORDERS, Window, regulatory
from adapters import Acked, SentUnknown, Unsupported
from adapters.brokers.paper import Fault
from tests.support.gateway import make_paper
from tests.support.stage import UP, Seldom, Stage, Watched, resting


async def in_background(nursery, call, *args, **kwargs):
    """Start a call; the list gets (when, answer)."""
    ends = []

    async def run():
        answer = await call(*args, **kwargs)
        ends.append((trio.current_time(), answer))

    nursery.start_soon(run)
    return ends


class Answering:
    """A port that notes the answer to each cancel, where there was one."""

    def __init__(self, inside):
        self._inside = inside
        self.answers = []

    def __getattr__(self, name):
        return getattr(self._inside, name)

    async def cancel(self, broker_order_id):
        answer = await self._inside.cancel(broker_order_id)
        self.answers.append(isinstance(answer, Acked))
        return answer


def times_of(stage, operation):
    """Write down when an operation of the paper broker is called, from now on."""
    times = []
    stage.paper.script.on(
        operation,
        Fault(),
        times=None,
        when=lambda call: bool(times.append(trio.current_time())),
    )
    return times


async def _unanswered(stage, order_id):
    """Cancel an order at an actor that is about to be stopped."""
    with suppress(NoReply):
        await stage.cancel(order_id)


def audited(stage, action="order.cancel_requested"):
    return [row.entry for row in stage.store._audit if row.entry.action == action]


# At the broker


async def test_an_open_order_is_cancelled_and_the_book_says_so(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place(resting())
        answer = await stage.cancel(order.order_id)
        assert answer.denial is None
        assert (answer.record.status, answer.record.cancel_requested) == (
            "cancelled",
            True,
        )
        await trio.sleep(0.1)
        assert stage.stored(order.order_id) == answer.record
        assert [entry.actor for entry in audited(stage)] == ["token:test"]
        assert stage.calls("cancel") == 1


async def test_a_cancel_is_in_the_store_before_its_outcome_is_known(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place(resting())
        stage.paper.script.on("cancel", Fault.delay(5))
        async with trio.open_nursery() as tasks:
            await in_background(tasks, stage.cancel, order.order_id)
            await trio.sleep(1)
            assert stage.stored(order.order_id).cancel_requested


async def test_a_filled_order_is_a_conflict(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place()
        await trio.sleep(2)
        answer = await stage.cancel(order.order_id)
        assert answer.record.status == "filled"
        assert answer.denial == Denial(code="conflict", message="it is filled already")
        assert stage.calls("cancel") == 0


async def test_an_order_whose_fill_is_being_stored_is_a_conflict_too(autojump_clock):
    paper = make_paper(fill="manual")
    async with Stage(paper).running() as stage:
        order = await stage.place(resting())
        paper.fill(order.broker_order_id, 10, 700)
        stage.commit_takes = 1
        await trio.sleep(0.5)
        answer = await stage.cancel(order.order_id)
        assert answer.denial.message == "it is filled already"
        assert stage.stored(order.order_id).status == "filled"


async def test_an_order_nobody_knows_is_not_found(autojump_clock):
    async with Stage().running() as stage:
        assert await stage.cancel("NOSUCH") == Denial(
            code="not_found", message="no order NOSUCH"
        )


async def test_a_store_that_cannot_be_read_crashes_nothing(autojump_clock):
    async with Stage().running() as stage:
        stage.reads_fail = True
        answer = await stage.cancel("NOSUCH")
        assert answer == Denial(
            code="unknown", message="its state cannot be read: cannot be read"
        )
        assert stage.crashes == []


async def test_a_fill_that_is_faster_than_the_cancel_is_told_with_the_refusal(
    autojump_clock,
):
    paper = make_paper(fill="manual")
    async with Stage(paper).running() as stage:
        order = await stage.place(resting())
        paper.fill(order.broker_order_id, 10, 700)
        answer = await stage.cancel(order.order_id)
        assert answer.record.status == "filled"
        assert answer.denial.code == "rejected"
        assert answer.denial.message.startswith("ORDER_NOT_OPEN: ")


async def test_a_partly_filled_order_keeps_its_fill(autojump_clock):
    paper = make_paper(fill="manual")
    async with Stage(paper).running() as stage:
        order = await stage.place(resting())
        paper.fill(order.broker_order_id, 4, 700)
        answer = await stage.cancel(order.order_id)
        assert (answer.record.status, answer.record.filled_quantity) == ("cancelled", 4)
        assert answer.denial is None


async def test_a_cancel_whose_answer_is_lost_is_made_again(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place(resting())
        stage.paper.script.on("cancel", Fault.lose_request(), times=2)
        answer = await stage.cancel(order.order_id)
        assert (answer.record.status, answer.denial) == ("cancelled", None)
        assert stage.calls("cancel") == 3


async def test_a_cancel_that_worked_without_an_answer_is_no_failure(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place(resting())
        stage.paper.script.on("cancel", Fault.lose_answer())
        stage.paper.script.on("cancel", Fault.lose_request(), times=2)
        answer = await stage.cancel(order.order_id)
        assert stage.calls("cancel") == 3
        assert (answer.record.status, answer.denial) == ("cancelled", None)


async def test_after_the_last_try_the_book_is_read_however_seldom_it_is_else(
    autojump_clock,
):
    async with Stage(Seldom(make_paper())).running() as stage:
        order = await stage.place(resting())
        stage.paper.script.on("cancel", Fault.lose_answer())
        stage.paper.script.on("cancel", Fault.lose_request(), times=2)
        answer = await stage.cancel(order.order_id)
        assert (answer.record.status, answer.denial) == ("cancelled", None)


async def test_a_broker_that_cannot_be_reached_is_tried_again_with_growing_waits(
    autojump_clock,
):
    async with Stage().running() as stage:
        order = await stage.place(resting())
        at = times_of(stage, "cancel")
        stage.paper.script.on("cancel", Fault.connect_failure(), times=2)
        answer = await stage.cancel(order.order_id)
        assert (answer.record.status, answer.denial) == ("cancelled", None)
        first, second, third = at
        assert 0.1 <= second - first <= 0.2
        assert 0.2 <= third - second <= 0.4


async def test_a_cancel_has_a_slot_where_orders_have_to_queue(autojump_clock):
    stage = Stage(windows=[regulatory()])
    async with stage.running():
        order = await stage.place(resting())
        await trio.sleep(2)
        began = trio.current_time()
        at = times_of(stage, "cancel")
        async with trio.open_nursery() as tasks:
            for _ in range(20):
                tasks.start_soon(stage.place, resting())
            await trio.sleep(0.1)
            await stage.cancel(order.order_id)
        assert at == [began + 0.1]


async def test_a_stop_does_not_cut_a_cancel_short(autojump_clock):
    """Nobody would know whether it arrived."""
    port = Answering(make_paper())
    stage = Stage(port)
    async with trio.open_nursery() as tasks:
        async with stage.running():
            order = await stage.place(resting())
            port.script.on("cancel", Fault.delay(3))
            tasks.start_soon(_unanswered, stage, order.order_id)
            await trio.sleep(1)
        assert port.answers == [True]


async def test_three_cancels_without_an_answer_are_told_as_that(autojump_clock):
    stage = Stage(submit_timeout=2)
    async with stage.running():
        order = await stage.place(resting())
        stage.paper.script.on("cancel", Fault.never(accepted=False), times=3)
        answer = await stage.cancel(order.order_id)
        assert answer.record.status == "acked"
        assert answer.denial.code == "broker_unavailable"
        assert answer.denial.message == "no answer to use: no answer in 2 s"
        assert stage.calls("cancel") == 3


async def test_a_limited_cancel_waits_out_the_pause(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place(resting())
        stage.paper.script.on("cancel", Fault.limited(3))
        answer = await stage.cancel(order.order_id)
        assert answer.record.status == "cancelled"
        assert trio.current_time() == 5


async def test_a_pause_longer_than_a_cancel_lives_ends_it(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place(resting())
        stage.paper.script.on("cancel", Fault.limited(90))
        answer = await stage.cancel(order.order_id)
        assert answer.denial.code == "deadline_exceeded"


async def test_an_expired_session_is_told(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place(resting())
        stage.paper.script.on("cancel", Fault.session_expired())
        answer = await stage.cancel(order.order_id)
        assert answer.denial.code == "session_expired"
        assert not stage.session.active


async def test_what_the_broker_cannot_do_is_told(autojump_clock):
    cannot = Fault(carried_out=False, error=lambda: Unsupported("no cancels"))
    async with Stage().running() as stage:
        order = await stage.place(resting())
        stage.paper.script.on("cancel", cannot)
        answer = await stage.cancel(order.order_id)
        assert answer.denial == Denial(code="unsupported", message="no cancels")


async def test_an_open_breaker_lets_a_cancel_pass_each_second(autojump_clock):
    stage = Stage(windows=[regulatory()])
    async with stage.running():
        orders = [await stage.place(resting()) for _ in range(5)]
        stage.breaker.force_open(trio.current_time())
        began = trio.current_time()
        at = []
        stage.paper.script.on(
            "cancel",
            Fault(),
            times=None,
            when=lambda call: bool(at.append(trio.current_time() - began)),
        )
        async with trio.open_nursery() as tasks:
            ends = [
                await in_background(tasks, stage.cancel, order.order_id, within=60)
                for order in orders
            ]
        assert all(b - a >= 1 for a, b in itertools.pairwise(at))
        assert len(at) == 5
        assert at[-1] < 30
        assert [answer.denial for ((_, answer),) in ends] == [None] * 5


async def test_a_breaker_that_would_let_it_pass_too_late_is_told(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place(resting())
        now = trio.current_time()
        stage.breaker.force_open(now)
        stage.breaker._urgent_from = now + 61
        answer = await stage.cancel(order.order_id)
        assert answer.denial.code == "broker_unavailable"
        assert stage.calls("cancel") == 0


async def test_a_cancel_with_no_slot_in_time_is_told_when_to_come_again(
    autojump_clock,
):
    stage = Stage(windows=[Window(1, 120.0, ORDERS)])
    async with stage.running():
        order = await stage.place(resting())
        answer = await stage.cancel(order.order_id)
        assert answer.denial.code == "deadline_exceeded"
        assert answer.denial.retry_after == 120


async def test_two_who_cancel_at_once_share_one_cancel(autojump_clock):
    stage = Stage(windows=[regulatory()])
    async with stage.running():
        order = await stage.place(resting())
        stage.limiter.pause(trio.current_time() + 3)
        async with trio.open_nursery() as tasks:
            ends = [
                await in_background(tasks, stage.cancel, order.order_id)
                for _ in range(3)
            ]
        assert stage.crashes == []
        assert stage.calls("cancel") == 1
        assert [(answer.record.status, answer.denial) for ((_, answer),) in ends] == [
            ("cancelled", None)
        ] * 3
        assert len(audited(stage)) == 3


async def test_a_cancel_that_was_refused_can_be_asked_for_again(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place(resting())
        stage.paper.script.on("cancel", Fault.refuse("E9", "frozen"))
        refused = await stage.cancel(order.order_id)
        assert refused.denial == Denial(code="rejected", message="E9: frozen")
        assert (await stage.cancel(order.order_id)).record.status == "cancelled"
        assert stage.calls("cancel") == 2


async def test_a_cancel_that_was_refused_is_not_made_again_unasked(autojump_clock):
    paper = make_paper(fill="manual")
    async with Stage(paper).running() as stage:
        order = await stage.place(resting())
        paper.script.on("cancel", Fault.refuse("E9", "frozen"))
        await stage.cancel(order.order_id)
        paper.fill(order.broker_order_id, 4, 700)  # the book changes the order
        await trio.sleep(3)
        assert stage.stored(order.order_id).status == "partially_filled"
        assert stage.calls("cancel") == 1


async def test_cancels_that_an_open_breaker_holds_up_take_no_slots_meanwhile(
    autojump_clock,
):
    stage = Stage(windows=[Window(20, MINUTE, ORDERS)])
    async with stage.running():
        orders = [await stage.place(resting()) for _ in range(5)]
        stage.breaker.force_open(trio.current_time())
        async with trio.open_nursery() as tasks:
            for order in orders:
                tasks.start_soon(partial(stage.cancel, order.order_id, within=60))
        used = stage.limiter.headroom(trio.current_time(), 0).windows[0].used
        assert used == 5 + 5


async def test_a_cancel_goes_on_when_its_asker_is_gone(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place(resting())
        stage.paper.script.on("cancel", Fault.lose_request(after=4))
        with pytest.raises(trio.TooSlowError):
            await stage.cancel(order.order_id, within=2)
        await trio.sleep(5)
        assert stage.stored(order.order_id).status == "cancelled"


# Before it is at the broker


async def test_an_order_in_the_queue_is_cancelled_without_a_call(autojump_clock):
    stage = Stage(windows=[regulatory()])
    async with stage.running():
        stage.limiter.pause(trio.current_time() + 4)
        record = await stage.accept(resting())
        async with trio.open_nursery() as tasks:
            sent = await in_background(tasks, stage.send, record)
            await trio.sleep(1)
            answer = await stage.cancel(record.order_id)
        assert (answer.record.status, answer.denial) == ("cancelled", None)
        assert [(at, order.status) for at, order in sent] == [(3, "cancelled")]
        assert stage.calls("place") == stage.calls("cancel") == 0
        assert stage.story(record.order_id) == ["placed", "cancelled"]


async def test_an_order_on_the_wire_is_cancelled_when_it_has_landed(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault(after=2, hidden_for=1.9))
        record = await stage.accept(resting())
        async with trio.open_nursery() as tasks:
            await in_background(tasks, stage.send, record)
            await trio.sleep(1)
            answer = await stage.cancel(record.order_id)
        assert trio.current_time() == 4
        assert (answer.record.status, answer.denial) == ("cancelled", None)
        assert stage.calls("cancel") == 1
        assert stage.story(record.order_id) == ["placed", "acked", "cancelled"]


async def test_an_order_on_the_wire_that_the_book_shows_is_cancelled_at_once(
    autojump_clock,
):
    async with Stage().running() as stage:
        await stage.place(resting())  # so that the book is read each second
        stage.paper.script.on("place", Fault.delay(8))
        record = await stage.accept(resting())
        async with trio.open_nursery() as tasks:
            sent = await in_background(tasks, stage.send, record, within=20)
            await trio.sleep(0.5)
            await stage.cancel(record.order_id)
        assert stage.calls("cancel") == 1
        assert stage.story(record.order_id) == ["placed", "acked", "cancelled"]
        assert [(at, order.status) for at, order in sent] == [(10, "cancelled")]


async def test_an_order_that_fills_on_the_wire_needs_no_cancel(autojump_clock):
    """The book shows it filled before its answer is here."""
    async with Stage().running() as stage:
        await stage.place(resting())  # so that the book is read each second
        await trio.sleep(0.5)
        stage.paper.script.on("place", Fault.delay(3))
        record = await stage.accept()
        async with trio.open_nursery() as tasks:
            await in_background(tasks, stage.send, record)
            await trio.sleep(0.1)
            answer = await stage.cancel(record.order_id)
        assert (answer.record.status, answer.denial) == ("filled", None)
        assert stage.calls("cancel") == 0


async def test_an_order_that_was_refused_while_the_store_was_read_is_a_conflict(
    autojump_clock,
):
    stage = Stage()

    async def slowly(call, *args):
        answer = call(*args)
        await trio.sleep(1)
        return answer

    async with stage.running():
        record = await stage.accept()
        stage.paper.script.on("place", Fault.refuse("RMS", "no"))
        stage.records._run_sync = slowly
        async with trio.open_nursery() as tasks:
            ends = await in_background(tasks, stage.cancel, record.order_id)
            await trio.sleep(0.5)
            await stage.send(record)
        ((_, answer),) = ends
        assert answer.record.status == "rejected"
        assert answer.denial.message == "it is rejected already"


async def test_a_cancel_whose_asker_leaves_before_the_landing_is_still_made(
    autojump_clock,
):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault(after=3, hidden_for=3))
        record = await stage.accept(resting())
        async with trio.open_nursery() as tasks:
            await in_background(tasks, stage.send, record)
            await trio.sleep(0.5)
            with trio.move_on_after(1):
                await stage.cancel(record.order_id)
        await trio.sleep(1)
        assert stage.stored(record.order_id).status == "cancelled"


async def test_an_unknown_order_is_cancelled_once_it_is_found(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.lose_answer(hidden_for=9))
        order = await stage.place(resting())
        answer = await stage.cancel(order.order_id)
        assert trio.current_time() == 2
        assert (answer.record.status, answer.denial) == ("unknown", None)
        assert answer.record.cancel_requested
        await trio.sleep(11)
        assert stage.story(order.order_id) == [
            *("placed", "unknown", "acked", "cancelled")
        ]
        assert stage.calls("cancel") == 1


async def test_an_order_on_the_wire_that_ends_unknown_is_cancelled_once_it_is_found(
    autojump_clock,
):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.lose_answer(after=2, hidden_for=9))
        record = await stage.accept(resting())
        async with trio.open_nursery() as tasks:
            await in_background(tasks, stage.send, record)
            await trio.sleep(1)
            answer = await stage.cancel(record.order_id)
        assert trio.current_time() == 4
        assert (answer.record.status, answer.denial) == ("unknown", None)
        await trio.sleep(11)
        assert stage.story(record.order_id) == [
            *("placed", "unknown", "acked", "cancelled")
        ]


async def test_an_unknown_order_that_turns_up_very_late_is_cancelled_too(
    autojump_clock,
):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.lose_answer(hidden_for=250))
        order = await stage.place(resting())
        await stage.cancel(order.order_id)
        await trio.sleep(300)
        assert stage.story(order.order_id) == [
            *("placed", "unknown", "not_placed", "acked", "cancelled")
        ]


async def test_an_unknown_order_that_is_found_filled_needs_no_cancel(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.lose_answer())
        order = await stage.place()
        await stage.cancel(order.order_id)
        await trio.sleep(2)
        assert stage.story(order.order_id) == ["placed", "unknown", "filled"]
        assert stage.calls("cancel") == 0


async def test_a_cancel_that_overtakes_its_order_stops_it(autojump_clock):
    """The cancel is urgent; the order still stands in the mailbox, or is on its way."""
    watched = Watched(make_paper())
    async with Stage(watched).running() as stage:
        record = await stage.accept(resting())
        answer = await stage.cancel(record.order_id)
        assert (answer.record.status, answer.denial) == ("placed", None)
        assert answer.record.cancel_requested
        order = await stage.send(record)
        assert order.status == "cancelled"
        assert len(audited(stage)) == 1
    assert watched.departures == []


async def test_a_cancel_in_the_same_moment_as_its_order_finds_it(autojump_clock):
    watched = Watched(make_paper())
    async with Stage(watched).running() as stage:
        record = await stage.accept(resting())
        by = trio.current_time() + 5
        stage.mailbox.tell(SendOrder(record=record, slot=None, answer_by=by))
        await stage.cancel(record.order_id)
        await trio.sleep(1)
        assert stage.stored(record.order_id).status == "cancelled"
        assert (await stage.report()).open_orders == 0


async def test_a_cancel_between_two_tries_ends_the_order(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.connect_failure(after=1), times=None)
        record = await stage.accept(resting())
        async with trio.open_nursery() as tasks:
            sent = await in_background(tasks, stage.send, record, within=30)
            await trio.sleep(1.05)
            await stage.cancel(record.order_id)
        assert [order.status for _, order in sent] == ["cancelled"]
        assert stage.calls("place") == 1


# Halts


async def test_a_halt_ends_the_orders_in_the_queue_at_once(autojump_clock):
    stage = Stage(windows=[regulatory()])
    async with stage.running():
        stage.limiter.pause(trio.current_time() + 4)
        async with trio.open_nursery() as tasks:
            sent = [
                await in_background(tasks, stage.place, resting(), within=20)
                for _ in range(10)
            ]
            await trio.sleep(1)
            assert (await stage.report()).queue_depth == 10
            await stage.halt()
        ends = [(order.status, order.error_code) for ((_, order),) in sent]
        assert ends == [("denied", "kill_switch_engaged")] * 10
        times = [at for ((at, _),) in sent]
        assert times == [pytest.approx(3, abs=0.005)] * 10  # the commits under load
        assert (await stage.report()).queue_depth == 0


async def test_a_halt_that_is_released_at_once_still_ends_the_queue_as_halted(
    autojump_clock,
):
    stage = Stage(windows=[regulatory()])
    async with stage.running():
        stage.limiter.pause(trio.current_time() + 4)
        async with trio.open_nursery() as tasks:
            sent = await in_background(tasks, stage.place, resting())
            await trio.sleep(1)
            await stage.halt()
            await stage.resume()
        ((_, order),) = sent
        assert (order.status, order.error_code) == ("denied", "kill_switch_engaged")


async def test_a_halt_cancels_nothing_unless_it_is_told_to(autojump_clock):
    async with Stage().running() as stage:
        await stage.place(resting())
        await stage.halt()
        await trio.sleep(5)
        assert stage.calls("cancel") == 0
        assert (await stage.switch()).progress == ()


async def test_a_halt_cancels_all_that_is_open_and_counts_along(autojump_clock):
    paper = make_paper(fill="manual")
    stage = Stage(paper, windows=[regulatory()])
    async with stage.running():
        orders = [await stage.place(resting(), within=60) for _ in range(20)]
        paper.fill(orders[0].broker_order_id, 10, 700)
        paper.script.on(
            "cancel",
            Fault.refuse("E9", "frozen"),
            times=1,
            when=lambda call: call.broker_order_id == orders[1].broker_order_id,
        )
        await stage.halt(cancel_open=True)
        await trio.sleep(0.5)
        (early,) = (await stage.switch()).progress
        assert (early.broker, early.round, early.wanted) == ("one", 1, 19 + 1)
        assert 0 < early.done < 18
        await trio.sleep(20)
        (count,) = (await stage.switch()).progress
        assert (count.broker, count.round, count.wanted) == ("one", 1, 20)
        assert (count.done, count.failed) == (19, 1)
        assert count.failures == (f"{orders[1].order_id}: E9: frozen",)
        states = [stage.stored(order.order_id).status for order in orders]
        assert states == ["filled", "acked", *["cancelled"] * 18]
        assert {entry.actor for entry in audited(stage)} == {"kill_switch:me"}


async def test_an_unknown_order_stays_uncounted_until_somebody_knows(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.lose_answer(hidden_for=30))
        order = await stage.place(resting())
        await stage.halt(cancel_open=True)
        await trio.sleep(5)
        (count,) = (await stage.switch()).progress
        assert (count.wanted, count.done, count.failed) == (1, 0, 0)
        await trio.sleep(30)
        assert stage.stored(order.order_id).status == "cancelled"


async def test_many_cancels_do_not_fill_the_kill_switchs_mailbox(
    autojump_clock, caplog
):
    stage = Stage()
    async with stage.running():
        async with trio.open_nursery() as tasks:
            for _ in range(300):
                tasks.start_soon(stage.place, resting(quantity=1))
        await stage.halt(cancel_open=True)
        await trio.sleep(5)
        (count,) = (await stage.switch()).progress
        assert (count.wanted, count.done, count.failed) == (300, 300, 0)
    assert "progress not told" not in caplog.text


async def test_progress_is_told_at_the_start_and_then_when_it_changes(autojump_clock):
    stage = Stage()
    told = []
    tell = stage.killswitch.tell

    def listen(message):
        told.append((trio.current_time(), message.wanted, message.done))
        tell(message)

    async with stage.running():
        await stage.place(resting())
        stage.killswitch.tell = listen
        stage.paper.script.on("cancel", Fault.delay(5))
        began = trio.current_time()
        await stage.halt(cancel_open=True)
        await trio.sleep(10)
    assert told == [(began, 1, 0), (began + 5, 1, 1)]


async def test_a_release_takes_nothing_out_of_the_queue(autojump_clock):
    """The actor notices it late: an order that came meanwhile is none of a halt's."""
    stage = Stage(windows=[regulatory()])
    async with stage.running():
        stage.limiter.pause(trio.current_time() + 2)
        async with trio.open_nursery() as tasks:
            sent = await in_background(tasks, stage.place, resting())
            await trio.sleep(1)
            stage.trading.change(stage.trading.switch)
        ((at, order),) = sent
        assert (at, order.status) == (UP + 2, "acked")


async def test_progress_that_cannot_be_told_stops_no_cancel(autojump_clock, caplog):
    stage = Stage()
    async with stage.running():
        order = await stage.place(resting())
        await stage.halt()
        stage.killswitch.capacity = 0
        stage.trading.change(stage.trading.switch, cancel_open=True)
        await trio.sleep(1)
        assert stage.stored(order.order_id).status == "cancelled"
    assert "progress not told" in caplog.text


async def test_a_second_cancel_all_is_a_round_of_its_own(autojump_clock):
    async with Stage().running() as stage:
        await stage.place(resting())
        await stage.halt(cancel_open=True)
        await trio.sleep(1)
        await stage.halt(cancel_open=True)
        await trio.sleep(1)
        (count,) = (await stage.switch()).progress
        assert (count.round, count.wanted) == (2, 0)


async def test_cancels_pass_while_trading_is_halted(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place(resting())
        await stage.halt()
        assert (await stage.cancel(order.order_id)).record.status == "cancelled"


@pytest.mark.parametrize("fault", [Fault.never(), Fault.lose_answer()])
async def test_silent_cancels_count_against_the_broker(autojump_clock, fault):
    stage = Stage(submit_timeout=1, breaker=BreakerSettings(failures=1, jitter=0))
    async with stage.running():
        order = await stage.place(resting())
        stage.paper.script.on("cancel", fault)
        await stage.cancel(order.order_id)
        assert (await stage.report()).breaker == "OPEN"


async def test_an_error_that_says_nothing_is_an_unknown_answer(autojump_clock):
    odd = Fault(carried_out=False, error=lambda: SentUnknown("half an answer"))
    async with Stage().running() as stage:
        order = await stage.place(resting())
        stage.paper.script.on("cancel", odd, times=3)
        answer = await stage.cancel(order.order_id)
        assert answer.denial.message == "no answer to use: half an answer"
