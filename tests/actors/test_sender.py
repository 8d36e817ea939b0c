"""One order's way to the wire: every outcome, every last look, nothing sent twice."""

from contextlib import asynccontextmanager

import pytest
import trio

from actors.breaker import BreakerSettings
from actors.broker import Broker
from actors.flight import Flight
from actors.journal import Journal
from actors.mailbox import Mailbox
from actors.messages import Admission
from actors.one_of_a_kind import OneOfAKind
from actors.sender import Sender
from actors.session_watch import SessionWatch
from actors.windows import SECOND, Window, regulatory
from actors.writer import COMMIT_TIMEOUT
from adapters import (
    LoginRefused,
    NotSent,
    RateLimited,
    SentUnknown,
    SessionExpired,
    Unsupported,
)
from adapters.brokers.paper import Fault
from tests.actors.test_logins import Desk
from tests.support.gateway import make_paper, wall
from tests.support.logins import TOKEN
from tests.support.records import a_record
from tests.support.stage import Stage, Watched, resting

LOST = Fault(carried_out=False, error=lambda: SentUnknown("HTTP 502", 502))


def brittle(**numbers):
    return BreakerSettings(**({"failures": 1, "jitter": 0} | numbers))


async def never_renewed():
    return False


async def later(seconds, call, *args):
    await trio.sleep(seconds)
    answer = call(*args)
    if hasattr(answer, "__await__"):
        await answer


async def meanwhile(seconds, call, *args, during):
    """Call something *seconds* into *during*, which gives the answer."""
    async with trio.open_nursery() as tasks:
        tasks.start_soon(later, seconds, call, *args)
        return await during


# Outcomes


async def test_an_acked_order_has_the_brokers_id_one_attempt_and_its_time(
    autojump_clock,
):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.delay(0.25))
        order = await stage.place(resting())
        assert (order.status, order.broker_order_id) == ("acked", "PAPER-000001")
        assert (order.attempts, order.latency_ms) == (1, 250.0)
        assert (order.error_code, order.message) == (None, None)
        assert stage.stored(order.order_id) == order
        assert stage.trading.on_the_wire == ()


async def test_a_rejected_order_is_told_in_the_brokers_words(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.refuse("RMS", "no margin"))
        order = await stage.place()
        assert (order.status, order.error_code) == ("rejected", "rejected")
        assert (order.broker_code, order.broker_message) == ("RMS", "no margin")
        assert order.message == "refused by one: no margin"
        assert stage.story(order.order_id) == ["placed", "rejected"]
        assert stage.breaker.state(trio.current_time()) == "CLOSED"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.lose_answer(after=1), "connection reset before the answer"),
        (Fault.lose_request(after=1), "connection reset before the answer"),
        (Fault.server_error(503), "HTTP 503"),
        (Fault.server_error(500, accepted=True), "HTTP 500"),
        (Fault.never(), "no answer in 3 s"),
        (Fault.never(accepted=False), "no answer in 3 s"),
    ],
)
async def test_whatever_may_have_arrived_is_unknown_and_never_sent_again(
    autojump_clock, fault, words
):
    paper = make_paper(book_delay=300)
    stage = Stage(paper, submit_timeout=3)
    async with stage.running():
        paper.script.on("place", fault)
        order = await stage.place(resting(), within=10)
        assert (order.status, order.error_code) == ("unknown", "unknown")
        assert order.message == f"it may have arrived ({words}); being reconciled"
        assert order.attempts == 1
        await trio.sleep(100)
        assert stage.calls("place") == 1
        assert stage.stored(order.order_id).status == "unknown"


async def test_a_connect_failure_is_tried_three_times_with_one_tag(autojump_clock):
    paper = make_paper()
    seen = []
    paper.script.on(
        "place",
        Fault.connect_failure(),
        times=None,
        when=lambda call: bool(seen.append(call.tag)) or True,
    )
    async with Stage(paper).running() as stage:
        order = await stage.place()
        assert (order.status, order.error_code) == ("denied", "not_sent")
        assert order.message == "connection refused"
        assert order.attempts == 3
        assert seen == [order.order_id] * 3


async def test_the_time_at_the_broker_is_that_of_all_tries(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.connect_failure(after=0.5))
        stage.paper.script.on("place", Fault.delay(0.25))
        order = await stage.place(resting())
        assert (order.attempts, order.latency_ms) == (2, 750.0)


async def test_the_second_try_may_succeed_and_makes_one_order(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.connect_failure())
        order = await stage.place(resting())
        assert (order.status, order.attempts) == ("acked", 2)
        assert stage.tags() == [order.order_id]


async def test_no_try_is_begun_that_would_come_after_the_deadline(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.connect_failure(after=0.95), times=None)
        order = await stage.place(within=1)
        assert (order.status, order.error_code) == ("denied", "not_sent")
        assert (order.attempts, stage.calls("place")) == (1, 1)


async def test_connecting_that_takes_too_long_counts_as_not_sent(autojump_clock):
    stage = Stage(submit_timeout=2)
    async with stage.running():
        stage.paper.script.on("place", Fault.slow_connect(99))
        order = await stage.place(resting(), within=10)
        assert (order.status, order.attempts) == ("acked", 2)


async def test_not_sent_after_the_last_look_is_believed_and_tried_again(
    autojump_clock,
):
    gone = Fault(carried_out=False, error=lambda: NotSent("journal full"))
    async with Stage().running() as stage:
        stage.paper.script.on("place", gone)
        order = await stage.place(resting())
        assert (order.status, order.attempts) == ("acked", 2)


async def test_an_expired_session_denies_the_order_and_those_after_it(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("*", Fault.session_expired(), times=None)
        order = await stage.place()
        assert (order.status, order.error_code) == ("denied", "session_expired")
        assert not stage.session.active
        again = await stage.place()
        assert (again.error_code, again.attempts) == ("session_expired", 0)
        assert stage.calls("place") == 1


# A session that ends, and can be had again without anybody


class Unattended(Desk):
    """A broker whose log-in needs nobody; it lets us in for the first time at 0 s."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.door.unattended = True

    @asynccontextmanager
    async def running(self, *, up=100.0):
        async with super().running(up=up) as stage:
            yield stage

    def end_session(self):
        """The broker ends it, until somebody logs in."""
        self.broker.good.clear()
        begin = self.door.begin

        async def let_in(state):
            grant = await begin(state)
            self.broker.good.add(TOKEN)
            return grant

        self.door.begin = let_in


async def test_a_session_that_ended_is_renewed_and_the_order_sent_once_more(
    autojump_clock,
):
    desk = Unattended()
    async with desk.running():
        desk.end_session()
        order = await desk.place(resting())
        assert (order.status, order.attempts) == ("acked", 2)
        assert desk.broker.calls.count("place") == 2
        assert desk.door.said == ["begin", "begin"]
        assert desk.tags() == [order.order_id]
        assert desk.story(order.order_id) == ["placed", "acked"]


async def test_orders_side_by_side_wait_for_one_renewal(autojump_clock):
    desk = Unattended()
    async with desk.running():
        desk.end_session()
        desk.door.takes = 2
        placed = []

        async def place():
            placed.append(await desk.place(resting()))

        async with trio.open_nursery() as senders:
            for _ in range(5):
                senders.start_soon(place)
            await trio.sleep(1)
            senders.start_soon(place)  # it finds the session gone: nothing is called
        assert [order.status for order in placed] == ["acked"] * 6
        assert desk.door.said == ["begin", "begin"]
        assert sorted(desk.tags()) == sorted(order.order_id for order in placed)
        assert sorted(order.attempts for order in placed) == [1, 2, 2, 2, 2, 2]


async def test_a_session_that_ends_again_at_once_denies_the_order(autojump_clock):
    desk = Unattended()
    async with desk.running():
        desk.broker.good.clear()  # a new log-in does not help
        order = await desk.place(resting())
        assert (order.status, order.error_code) == ("denied", "session_expired")
        assert desk.door.said == ["begin", "begin"]
        assert desk.broker.calls.count("place") == 1
        again = await desk.place(resting())  # the next renewal is not due yet
        assert (again.status, again.error_code) == ("denied", "session_expired")
        assert desk.door.said == ["begin", "begin"]


async def test_one_renewal_is_all_that_an_order_gets(autojump_clock, monkeypatch):
    """Its broker refuses the session of orders alone: each renewal looks good."""

    async def renewed(self):
        self._line.session.answered(wall())
        return True

    monkeypatch.setattr(SessionWatch, "renewed", renewed)
    desk = Unattended()
    async with desk.running():
        refused = Fault(carried_out=False, error=lambda: SessionExpired("not you"))
        desk.broker.paper.script.on("place", refused, times=None)
        order = await desk.place(resting())
        assert (order.status, order.error_code) == ("denied", "session_expired")
        assert (order.attempts, desk.calls("place")) == (2, 2)


async def test_after_a_refused_log_in_orders_bring_about_no_other(autojump_clock):
    desk = Unattended()
    async with desk.running():
        desk.broker.good.clear()
        desk.door.fails_with = LoginRefused("E1", "wrong code")
        asked = trio.current_time()
        for _ in range(3):
            order = await desk.place(resting())
            assert (order.status, order.error_code) == ("denied", "session_expired")
        assert trio.current_time() == asked  # nothing is waited for that is not due
        assert desk.door.said == ["begin", "begin"]


async def test_a_log_in_that_takes_too_long_denies_the_order_at_its_deadline(
    autojump_clock,
):
    desk = Unattended()
    async with desk.running():
        desk.end_session()
        desk.door.takes = 9
        asked = trio.current_time()
        order = await desk.place(resting(), within=5)
        assert trio.current_time() == asked + 5
        assert (order.status, order.error_code) == ("denied", "session_expired")
        await trio.sleep(30)
        assert desk.tags() == []


async def test_an_order_cancelled_while_the_session_is_renewed_does_not_leave(
    autojump_clock,
):
    desk = Unattended()
    async with desk.running():
        desk.end_session()
        desk.door.takes = 2
        record = await desk.accept(resting())
        order = await meanwhile(
            1, desk.cancel, record.order_id, during=desk.send(record)
        )
        assert order.status == "cancelled"
        assert desk.tags() == []


async def test_trading_halted_while_the_session_is_renewed_stops_the_order(
    autojump_clock,
):
    desk = Unattended()
    async with desk.running():
        desk.end_session()
        desk.door.takes = 2
        order = await meanwhile(1, desk.halt, during=desk.place(resting()))
        assert order.error_code == "kill_switch_engaged"
        assert desk.tags() == []


async def test_where_a_person_is_needed_the_order_is_denied_at_once(autojump_clock):
    desk = Desk()
    async with desk.running():
        await desk.log_in()
        desk.broker.good.clear()
        asked = trio.current_time()
        order = await desk.place(resting())
        assert (order.status, order.error_code) == ("denied", "session_expired")
        assert trio.current_time() == asked
        assert desk.door.said == ["begin", "answer"]


async def test_an_unknown_outcome_brings_about_no_log_in_and_no_second_send(
    autojump_clock,
):
    desk = Unattended()
    async with desk.running():
        lost = Fault(carried_out=False, error=lambda: SentUnknown("a page", 401))
        desk.broker.paper.script.on("place", lost)
        order = await desk.place(resting())
        assert (order.status, order.attempts) == ("unknown", 1)
        assert desk.door.said == ["begin"]
        assert desk.breaker.state(trio.current_time()) == "CLOSED"


async def test_a_page_with_429_leaves_the_order_unknown_and_pauses_the_calls(
    autojump_clock,
):
    async with Stage(windows=[regulatory()]).running() as stage:
        page = Fault(carried_out=False, error=lambda: SentUnknown("a page", 429))
        stage.paper.script.on("place", page)
        order = await stage.place(resting())
        assert order.status == "unknown"
        headroom = stage.limiter.headroom(trio.current_time(), 739_943)
        assert headroom.paused_for == 1.0


async def test_what_the_broker_cannot_do_is_denied(autojump_clock):
    cannot = Fault(carried_out=False, error=lambda: Unsupported("no SL-M here"))
    async with Stage().running() as stage:
        stage.paper.script.on("place", cannot)
        order = await stage.place()
        assert (order.status, order.error_code) == ("denied", "unsupported")
        assert order.message == "no SL-M here"


async def test_limited_it_waits_out_the_pause_and_is_sent_with_the_same_tag(
    autojump_clock,
):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.limited(retry_after=2))
        order = await stage.place(resting())
        assert (order.status, order.attempts) == ("acked", 2)
        assert trio.current_time() == 4
        assert stage.tags() == [order.order_id]


async def test_limited_beyond_its_deadline_it_is_denied(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.limited(retry_after=30))
        order = await stage.place()
        assert (order.status, order.error_code) == ("denied", "deadline_exceeded")
        assert trio.current_time() == 2
        assert stage.tags() == []


async def test_limited_and_then_overdue_it_did_not_leave(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.limited(retry_after=4))
        stage.paper.script.on("place", Fault.slow_connect(3))
        order = await stage.place(within=5)
        assert (order.status, order.error_code) == ("denied", "deadline_exceeded")
        await trio.sleep(30)
        assert stage.tags() == []
        assert stage.story(order.order_id) == ["placed", "denied"]


async def test_an_outcome_that_no_adapter_may_raise_is_a_crash_not_a_guess(
    autojump_clock,
):
    bug = Fault(carried_out=True, error=lambda: ValueError("a bug"))
    async with Stage().running() as stage:
        stage.paper.script.on("place", bug)
        with pytest.raises(Exception, match="SendOrder was left unanswered"):
            await stage.place(resting())


# The deadline


async def test_at_the_deadline_what_has_left_is_unknown_and_a_late_ack_counts(
    autojump_clock,
):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault(after=8, hidden_for=20))
        order = await stage.place(resting())
        assert trio.current_time() == 7
        assert order.status == "unknown"
        assert order.message == (
            "it may have arrived (no answer by the request's deadline);"
            " being reconciled"
        )
        assert stage.trading.on_the_wire == (order.order_id,)
        await trio.sleep(4)
        assert stage.trading.on_the_wire == ()
        assert stage.story(order.order_id) == ["placed", "unknown", "acked"]
        assert (await stage.report()).unknown_orders == 0


async def test_at_the_deadline_what_has_not_left_is_denied_and_does_not_leave(
    autojump_clock,
):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.slow_connect(6))
        order = await stage.place()
        assert trio.current_time() == 7
        assert (order.status, order.error_code) == ("denied", "deadline_exceeded")
        await trio.sleep(30)
        assert stage.tags() == []
        assert stage.story(order.order_id) == ["placed", "denied"]


async def test_an_order_whose_deadline_is_over_is_not_even_tried(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place(within=0)
        assert (order.status, order.error_code) == ("denied", "deadline_exceeded")
        assert stage.calls("place") == 0


async def test_a_late_proof_that_nothing_left_turns_unknown_into_denied(
    autojump_clock,
):
    async with Stage().running() as stage:
        refused = Fault(
            carried_out=False, after=6, error=lambda: RateLimited("slow down", 1)
        )
        stage.paper.script.on("place", refused)
        order = await stage.place()
        assert order.status == "unknown"
        await trio.sleep(3)
        assert stage.story(order.order_id) == ["placed", "unknown", "denied"]
        await trio.sleep(60)
        assert stage.tags() == []
        assert stage.calls("place") == 1


async def test_a_late_ack_takes_the_words_of_the_doubt_back(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault(after=8, hidden_for=20))
        order = await stage.place(resting())
        assert stage.stored(order.order_id).error_code == "unknown"
        await trio.sleep(4)
        late = stage.stored(order.order_id)
        assert (late.status, late.error_code, late.message) == ("acked", None, None)


async def test_a_late_error_does_not_begin_the_search_anew(autojump_clock):
    """It is unknown since its deadline, 5 s after the start; the reset comes at 9 s."""
    async with Stage().running() as stage:
        began = trio.current_time()
        stage.paper.script.on("place", Fault.lose_request(after=9))
        await stage.place()
        looks = []
        stage.paper.script.on(
            "order_book",
            Fault(),
            times=None,
            when=lambda call: bool(looks.append(trio.current_time() - began)),
        )
        await trio.sleep(40)
        assert looks == [5 + 1, 5 + 2, 5 + 5, 5 + 10, 5 + 20, 5 + 30]


async def test_an_unknown_outcome_being_stored_at_the_deadline_is_no_denial(
    autojump_clock,
):
    """It may have arrived: the deadline must not take it for one that did not leave."""
    async with Stage().running() as stage:
        record = await stage.accept(resting())
        stage.paper.script.on("place", Fault.lose_answer(after=1, hidden_for=30))
        async with trio.open_nursery() as tasks:
            tasks.start_soon(later, 0.5, setattr, stage, "commit_takes", 4)
            order = await stage.send(record, within=2)
        assert order.status == "unknown"
        assert trio.current_time() == 2 + 1 + 4
        await trio.sleep(20)
        assert stage.story(order.order_id) == ["placed", "unknown"]


async def test_an_order_that_came_long_after_its_deadline_is_denied_in_the_store(
    autojump_clock,
):
    async with Stage().running() as stage:
        record = await stage.accept()
        stage.commit_takes = 0.5
        order = await stage.send(record, within=-100)
        assert order.error_code == "deadline_exceeded"
        assert stage.stored(order.order_id).status == "denied"


async def test_a_late_rejection_ends_the_doubt(autojump_clock):
    async with Stage().running() as stage:
        refused = Fault.refuse("RMS", "no")
        stage.paper.script.on("place", Fault(**{**_fields(refused), "after": 5.5}))
        order = await stage.place()
        assert order.status == "unknown"
        await trio.sleep(2)
        assert stage.story(order.order_id) == ["placed", "unknown", "rejected"]
        reads = stage.calls("order_book")
        await trio.sleep(50)
        assert stage.calls("order_book") == reads  # nothing is looked for any more


def _fields(fault):
    return {name: getattr(fault, name) for name in fault.__struct_fields__}


async def test_a_writer_that_never_answers_holds_an_order_up_for_so_long_only(
    autojump_clock,
):
    stage = Stage()
    nobody = Mailbox("writer", 10)
    journal = Journal("one", nobody, wall)
    line = Broker(stage.parts)._line
    sender = Sender(
        line,
        journal,
        OneOfAKind(needed=False),
        stage.trading,
        1.0,
        lambda order_id: None,
        never_renewed,
    )
    record = a_record(sending_at=wall())
    journal.hold(record)
    flight = Flight(record, 0.0, deadline=5.0)
    with trio.CancelScope() as stop:
        stop.cancel()  # it is shielded from that
        order = await sender.fly(flight)
    assert trio.current_time() == 5 + 1 + 2 * COMMIT_TIMEOUT
    assert flight.landed.is_set()
    assert order.status == "unknown"
    assert journal["ORDER1"].status == "acked"


# The last look


async def test_the_last_look_stops_an_order_whose_deadline_has_passed(autojump_clock):
    watched = Watched(make_paper())
    async with Stage(watched).running() as stage:
        watched.script.on("place", Fault.slow_connect(5))
        await stage.place(within=5)
        await trio.sleep(1)
    assert watched.departures == []


async def test_the_last_look_stops_an_order_that_was_cancelled(autojump_clock):
    watched = Watched(make_paper())
    async with Stage(watched).running() as stage:
        watched.script.on("place", Fault.slow_connect(2))
        record = await stage.accept()
        during = stage.send(record)
        order = await meanwhile(1, stage.cancel, record.order_id, during=during)
        assert order.status == "cancelled"
        assert stage.story(order.order_id) == ["placed", "cancelled"]
    assert watched.departures == []


async def test_the_last_look_stops_an_order_when_the_breaker_has_opened(
    autojump_clock,
):
    watched = Watched(make_paper())
    async with Stage(watched).running() as stage:
        watched.script.on("place", Fault.slow_connect(2))
        during = stage.place()
        order = await meanwhile(1, stage.breaker.force_open, 3.0, during=during)
        assert (order.status, order.error_code) == ("denied", "broker_unavailable")
        assert order.attempts == 0
    assert watched.departures == []


async def test_the_last_look_stops_an_order_when_the_session_has_expired(
    autojump_clock,
):
    watched = Watched(make_paper())
    async with Stage(watched).running() as stage:
        watched.script.on("place", Fault.slow_connect(2))
        watched.script.on("order_book", Fault.session_expired(), times=None)
        during = stage.place()
        order = await meanwhile(1, stage.session.expired, "old", during=during)
        assert (order.status, order.error_code) == ("denied", "session_expired")
        assert order.message == "the broker wants a new login"
    assert watched.departures == []


async def test_the_last_look_stops_an_order_when_trading_was_halted(autojump_clock):
    watched = Watched(make_paper())
    async with Stage(watched).running() as stage:
        watched.script.on("place", Fault.slow_connect(2))
        during = stage.place()
        order = await meanwhile(1, stage.halt, "enough", during=during)
        assert (order.status, order.error_code) == ("denied", "kill_switch_engaged")
        assert order.message == "halted: enough"
        assert stage.breaker.state(trio.current_time()) == "CLOSED"
    assert watched.departures == []


async def test_no_order_leaves_after_the_halt_whenever_it_comes(autojump_clock):
    """A halt at each moment of an order's way: what left, left before."""
    for step in range(12):
        watched = Watched(make_paper())
        stage = Stage(watched)
        turned = []

        def halted(seen=turned, room=stage):
            return room.halt()

        async with stage.running():
            stage.commit_takes = 0.1
            watched.script.on("place", Fault.slow_connect(0.3))
            record = await stage.accept()

            async def halt(room=stage, seen=turned, wait=step * 0.05):
                await trio.sleep(wait)
                await room.halt()
                seen.append(trio.current_time())

            async with trio.open_nursery() as tasks:
                tasks.start_soon(halt)
                order = await stage.send(record)
        left = [at for at, _, _ in watched.departures]
        assert all(at <= turned[0] for at in left)
        assert (order.status == "denied") == (not left)


async def test_an_order_is_refused_early_where_it_could_not_leave_anyhow(
    autojump_clock,
):
    stage = Stage(windows=[regulatory()])
    async with stage.running():
        await stage.halt()
        order = await stage.place()
        assert order.error_code == "kill_switch_engaged"
        assert stage.calls("place") == 0
        assert stage.stored(order.order_id).sending_at is None


# SENDING, and the slot


async def test_sending_is_on_disk_before_the_first_byte_leaves(autojump_clock):
    watched = Watched(make_paper())
    stage = Stage(watched)
    watched.look = lambda tag: stage.stored(tag).sending_at
    async with stage.running():
        stage.commit_takes = 0.5
        record = await stage.accept(resting())
        assert stage.stored(record.order_id).sending_at is None
        order = await stage.send(record)
        (departure,) = watched.departures
    assert departure == (3.0, order.order_id, order.sending_at)
    assert departure[2] is not None


async def test_an_order_accepted_with_its_slot_needs_no_second_commit(autojump_clock):
    watched = Watched(make_paper())
    stage = Stage(watched)
    watched.look = lambda tag: stage.stored(tag).sending_at
    async with stage.running():
        slot = (await stage.admit(resting())).slot
        record = await stage.accept(resting(), sending=True)
        commits = len(stage.store.commits)
        order = await stage.send(record, slot=slot)
        assert len(stage.store.commits) == commits + 1
    assert watched.departures == [(2.0, order.order_id, record.sending_at)]


async def test_where_sending_cannot_be_stored_nothing_leaves(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.accept()
        stage.store.failing = "disk full"
        order = await stage.send(record)
        assert (order.status, order.error_code) == ("denied", "not_sent")
        assert order.message == "the store could not take it"
        assert stage.tags() == []
        stage.store.failing = None
        await trio.sleep(2)
        assert stage.stored(order.order_id).status == "denied"
        assert stage.stored(order.order_id).sending_at is None


async def test_an_outcome_is_not_told_before_it_is_stored(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.accept(resting())
        stage.paper.script.on("place", Fault.delay(1))
        told = []

        async def send():
            told.append(await stage.send(record))

        async with trio.open_nursery() as tasks:
            tasks.start_soon(send)
            await trio.sleep(0.5)
            stage.commit_takes = 2
            await trio.sleep(2)
            assert told == []
        assert trio.current_time() == 5
        assert told == [stage.stored(record.order_id)]


async def test_an_outcome_being_stored_at_the_deadline_is_told_when_it_is(
    autojump_clock,
):
    async with Stage().running() as stage:
        record = await stage.accept(resting())
        stage.paper.script.on("place", Fault.delay(1))
        told = []

        async def send():
            told.append(await stage.send(record, within=2))

        async with trio.open_nursery() as tasks:
            tasks.start_soon(send)
            await trio.sleep(0.5)
            stage.commit_takes = 3
        assert trio.current_time() == 6
        assert [order.status for order in told] == ["acked"]
        assert stage.story(record.order_id) == ["placed", "acked"]
        assert (await stage.report()).unknown_orders == 0


async def test_an_outcome_that_cannot_be_stored_is_unknown_until_it_is(
    autojump_clock,
):
    async with Stage().running() as stage:
        record = await stage.accept(resting())
        stage.paper.script.on("place", Fault(after=1, hidden_for=60))
        told = []

        async def send():
            told.append(await stage.send(record))

        async with trio.open_nursery() as tasks:
            tasks.start_soon(send)
            await trio.sleep(0.5)
            stage.store.failing = "disk full"
        assert told[0].status == "unknown"
        assert stage.stored(record.order_id).status == "placed"
        stage.store.failing = None
        await trio.sleep(2)
        assert stage.stored(record.order_id).status == "acked"


async def test_the_book_may_know_an_order_before_its_answer_comes(autojump_clock):
    async with Stage().running() as stage:
        await stage.place(resting())  # so that the book is read each second
        stage.paper.script.on("place", Fault.delay(3))
        order = await stage.place()
        assert trio.current_time() == 5
        assert order.status == "filled"
        await trio.sleep(5)
        assert stage.story(order.order_id) == ["placed", "filled"]
        fills = [event.fill_quantity for event in stage.store.events(order.order_id)]
        assert fills == [None, 10]


async def test_what_the_book_knew_first_is_told_once_it_is_stored(autojump_clock):
    async with Stage().running() as stage:
        await stage.place(resting())  # so that the book is read each second
        record = await stage.accept()
        stage.paper.script.on("place", Fault.delay(3))
        async with trio.open_nursery() as tasks:
            # It has left, and the book is read 0.05 s after the first one's ack.
            tasks.start_soon(later, 0.02, setattr, stage, "commit_takes", 4)
            order = await stage.send(record, within=20)
        assert trio.current_time() == 2.05 + 4
        assert order.status == "filled"
        assert order == stage.stored(order.order_id)


async def test_what_the_book_knew_and_the_store_did_not_take_is_unknown_at_the_deadline(
    autojump_clock,
):
    async with Stage().running() as stage:
        await stage.place(resting())
        record = await stage.accept()
        stage.paper.script.on("place", Fault.delay(8))
        async with trio.open_nursery() as tasks:
            tasks.start_soon(later, 0.02, setattr, stage.store, "failing", "disk full")
            order = await stage.send(record)
        assert (order.status, order.error_code) == ("unknown", "unknown")
        stage.store.failing = None
        await trio.sleep(5)
        assert stage.stored(order.order_id).status == "filled"


async def test_an_answer_that_is_lost_does_not_unsay_what_the_book_said(
    autojump_clock,
):
    async with Stage().running() as stage:
        await stage.place(resting())
        stage.paper.script.on("place", Fault.lose_answer(after=3))
        order = await stage.place()
        assert order.status == "filled"
        await trio.sleep(5)
        assert stage.story(order.order_id) == ["placed", "filled"]
        assert (await stage.report()).unknown_orders == 0


async def test_no_second_holds_more_departures_than_its_window(autojump_clock):
    """Also where commits are slow: what counts is when the bytes leave."""
    watched = Watched(make_paper())
    stage = Stage(watched, windows=[regulatory()])
    async with stage.running():
        stage.commit_takes = 0.6
        records = [await stage.accept(resting()) for _ in range(20)]
        async with trio.open_nursery() as orders:
            for record in records:
                orders.start_soon(lambda one=record: stage.send(one, within=30))
    left = [at for at, _, _ in watched.departures]
    assert len(left) == 20
    assert max(sum(a <= b < a + 1.0 for b in left) for a in left) <= 8
    assert sorted(stage.tags()) == sorted(record.order_id for record in records)


async def test_a_slot_of_an_admission_that_was_long_ago_is_dated_anew(autojump_clock):
    watched = Watched(make_paper())
    stage = Stage(watched, windows=[regulatory()])
    async with stage.running():
        slots = [(await stage.admit(resting())).slot for _ in range(8)]
        assert slots == [2.0] * 7 + [None]
        await trio.sleep(1.0)
        records = [await stage.accept(resting(), sending=True) for _ in range(7)]
        async with trio.open_nursery() as orders:
            for record, slot in zip(records, slots, strict=False):
                orders.start_soon(
                    lambda one=record, at=slot: stage.send(one, within=30, slot=at)
                )
        assert isinstance(await stage.admit(resting()), Admission)
        used = stage.limiter.headroom(trio.current_time(), 0).windows[0].used
        assert used == 7
    assert [at for at, _, _ in watched.departures] == [3.0] * 7


async def test_an_order_that_is_stopped_gives_its_slot_back(autojump_clock):
    stage = Stage(windows=[Window(10, SECOND)])
    async with stage.running():
        stage.paper.script.on("place", Fault.slow_connect(0.5))
        during = stage.place()
        order = await meanwhile(0.2, stage.halt, "enough", during=during)
        assert order.error_code == "kill_switch_engaged"
        assert stage.limiter.headroom(2.5, 0).windows[0].used == 0


async def test_orders_that_queue_when_the_breaker_opens_end_at_once(autojump_clock):
    stage = Stage(windows=[regulatory()], breaker=brittle())
    async with stage.running():
        stage.paper.script.on("place", Fault.lose_request(after=1), nth=7)
        ends = []

        async def place():
            order = await stage.place(resting(), within=60)
            ends.append((trio.current_time(), str(order.error_code)))

        async with trio.open_nursery() as orders:
            for _ in range(30):
                orders.start_soon(place)
    codes = [code for _, code in ends]
    assert codes.count("None") == 6
    assert codes.count("unknown") == 1
    assert codes.count("broker_unavailable") == 23
    assert max(at for at, code in ends if code == "broker_unavailable") <= 3.1


async def test_silence_counts_against_the_broker_and_a_stop_does_not(autojump_clock):
    stage = Stage(breaker=brittle(), submit_timeout=3)
    async with stage.running():
        stage.paper.script.on("place", Fault.slow_connect(1))
        await meanwhile(0.5, stage.halt, "x", during=stage.place())
        await stage.resume()
        assert stage.breaker.state(trio.current_time()) == "CLOSED"
        stage.paper.script.on("place", Fault.never(accepted=False))
        await stage.place()
        assert stage.breaker.state(trio.current_time()) == "OPEN"


@pytest.mark.parametrize(
    "error", [SessionExpired("old"), RateLimited("slow", 99), Unsupported("no")]
)
async def test_what_says_nothing_about_health_opens_no_breaker(autojump_clock, error):
    stage = Stage(breaker=brittle())
    async with stage.running():
        stage.paper.script.on("place", Fault(carried_out=False, error=lambda: error))
        await stage.place()
        assert stage.breaker.state(trio.current_time()) == "CLOSED"
