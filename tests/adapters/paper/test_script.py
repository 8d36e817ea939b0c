"""Faults on demand: every way a call can go wrong, and which call gets it."""

import pytest
import trio

from adapters import (
    Acked,
    BookStatus,
    NotSent,
    RateLimited,
    Refused,
    Rejected,
    SentUnknown,
    SessionExpired,
    Stopped,
)
from adapters.brokers.paper import Fault
from tests.adapters.paper.family import INFY, SBIN, make_broker, order, pass_by, place

FIRST = Acked(broker_order_id="PAPER-000001")


async def tags(broker):
    return [entry.tag for entry in await broker.order_book()]


def looks_counted():
    """A last look that counts, and its list of times."""
    times = []
    return times, lambda: times.append(trio.current_time())


# What a fault does


async def test_a_delayed_answer_comes_late_and_its_order_is_in_the_book_at_once(
    autojump_clock,
):
    broker = make_broker()
    broker.script.on("place", Fault.delay(7))
    async with trio.open_nursery() as calls:
        calls.start_soon(place, broker)
        await trio.sleep(1)
        assert await tags(broker) == ["A1"]
    assert trio.current_time() == 7


async def test_a_slow_connect_keeps_the_last_look_waiting(autojump_clock):
    broker = make_broker()
    broker.script.on("place", Fault.slow_connect(3))
    times, look = looks_counted()
    assert await broker.place(order(), "A1", look) == FIRST
    assert times == [3]
    assert trio.current_time() == 3


async def test_the_last_look_after_a_slow_connect_can_still_stop_the_order(
    autojump_clock,
):
    broker = make_broker()
    broker.script.on("place", Fault.slow_connect(3))

    def stop():
        raise Stopped("deadline_exceeded", "too late")

    with pytest.raises(Stopped):
        await broker.place(order(), "A1", stop)
    assert await tags(broker) == []


async def test_a_connect_failure_is_not_sent_and_has_no_last_look(autojump_clock):
    broker = make_broker()
    broker.script.on("place", Fault.connect_failure(after=5))
    times, look = looks_counted()
    with pytest.raises(NotSent, match="connection refused"):
        await broker.place(order(), "A1", look)
    assert trio.current_time() == 5
    assert times == []
    assert await tags(broker) == []


async def test_a_lost_answer_leaves_the_order_in_the_book(autojump_clock):
    broker = make_broker()
    broker.script.on("place", Fault.lose_answer(after=7))
    with pytest.raises(SentUnknown, match="connection reset before the answer"):
        await place(broker)
    assert trio.current_time() == 7
    assert await tags(broker) == ["A1"]


async def test_a_lost_answer_may_hide_its_order_for_a_while(autojump_clock):
    broker = make_broker()
    broker.script.on("place", Fault.lose_answer(after=7, hidden_for=20))
    with pytest.raises(SentUnknown):
        await place(broker)
    await trio.sleep(12.9)
    assert await tags(broker) == []
    await trio.sleep(0.1)
    assert await tags(broker) == ["A1"]


async def test_a_lost_request_left_but_never_arrived(autojump_clock):
    broker = make_broker()
    broker.script.on("place", Fault.lose_request(after=7))
    times, look = looks_counted()
    with pytest.raises(SentUnknown, match="connection reset before the answer"):
        await broker.place(order(), "A1", look)
    assert times == [0]
    assert trio.current_time() == 7
    assert await tags(broker) == []


async def test_a_refused_order_is_rejected_in_the_words_given():
    broker = make_broker()
    broker.script.on("place", Fault.refuse("RMS-7", "no", http_status=400))
    assert await place(broker) == Rejected(code="RMS-7", text="no", http_status=400)
    assert await tags(broker) == []


async def test_a_refused_order_may_stand_in_the_book():
    broker = make_broker()
    broker.script.on("place", Fault.refuse("RMS-7", "no", in_book=True))
    assert await place(broker) == Rejected(
        code="RMS-7", text="no", broker_order_id="PAPER-000001"
    )
    (entry,) = await broker.order_book()
    assert (entry.status, entry.message) == (BookStatus.REJECTED, "no")


async def test_a_refused_change_or_cancel_leaves_the_order_as_it_was():
    broker = make_broker()
    await place(broker, "BUY", 10, 800)
    broker.script.on("modify", Fault.refuse("M", "no change", in_book=True))
    broker.script.on("cancel", Fault.refuse("C", "no cancel"))
    changed = await broker.modify("PAPER-000001", order("BUY", 5, 801), pass_by)
    assert changed == Rejected(code="M", text="no change")
    cancelled = await broker.cancel("PAPER-000001")
    assert cancelled == Rejected(code="C", text="no cancel")
    (entry,) = await broker.order_book()
    assert (entry.status, entry.quantity) == (BookStatus.OPEN, 10)


async def test_a_refused_read_is_an_error_of_its_own():
    broker = make_broker()
    broker.script.on("funds", Fault.refuse("R", "no funds today", http_status=400))
    with pytest.raises(Refused) as refused:
        await broker.funds()
    assert (refused.value.code, refused.value.text) == ("R", "no funds today")
    assert refused.value.http_status == 400


async def test_a_limited_order_is_not_done_and_says_when_to_come_again():
    broker = make_broker()
    broker.script.on("place", Fault.limited(retry_after=2.5))
    with pytest.raises(RateLimited) as limited:
        await place(broker)
    assert (limited.value.retry_after, limited.value.http_status) == (2.5, 429)
    assert await tags(broker) == []


async def test_an_expired_session_is_refused_before_acting():
    broker = make_broker()
    broker.script.on("place", Fault.session_expired())
    with pytest.raises(SessionExpired) as expired:
        await place(broker)
    assert (expired.value.code, expired.value.http_status) == ("SESSION_EXPIRED", 401)
    assert await tags(broker) == []


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_server_error_leaves_open_whether_it_was_done(accepted):
    broker = make_broker()
    broker.script.on("place", Fault.server_error(503, accepted=accepted))
    with pytest.raises(SentUnknown) as unknown:
        await place(broker)
    assert (str(unknown.value), unknown.value.http_status) == ("HTTP 503", 503)
    assert await tags(broker) == ["A1"] * accepted


async def test_an_order_may_show_late_in_the_book(autojump_clock):
    broker = make_broker()
    broker.script.on("place", Fault.late(30))
    assert await place(broker) == FIRST
    await trio.sleep(29.9)
    assert await broker.order_by_tag("A1") is None
    assert await broker.trades() == []
    await trio.sleep(0.1)
    assert (await broker.order_by_tag("A1")).broker_order_id == "PAPER-000001"
    assert len(await broker.trades()) == 1


async def test_a_refused_order_may_show_late_in_the_book_too(autojump_clock):
    broker = make_broker(book_delay=5.0)
    broker.script.on("place", Fault.refuse(in_book=True))
    await place(broker)
    assert await tags(broker) == []
    await trio.sleep(5)
    assert await tags(broker) == ["A1"]


async def test_a_stale_book_leaves_out_the_newest_orders():
    broker = make_broker()
    for tag in ("A1", "A2", "A3"):
        await place(broker, tag=tag)
    broker.script.on("order_book", Fault.stale_book(), nth=1)
    broker.script.on("order_book", Fault.stale_book(leaves_out=2), nth=2)
    assert [await tags(broker) for _ in range(3)] == [
        ["A1", "A2"],
        ["A1"],
        ["A1", "A2", "A3"],
    ]


async def test_a_stale_look_up_by_tag_does_not_find_the_newest_order():
    broker = make_broker()
    await place(broker, tag="A1")
    await place(broker, tag="A2")
    broker.script.on("order_by_tag", Fault.stale_book(), times=2)
    assert await broker.order_by_tag("A2") is None
    assert (await broker.order_by_tag("A1")).tag == "A1"
    assert (await broker.order_by_tag("A2")).tag == "A2"


@pytest.mark.parametrize("accepted", [False, True])
async def test_an_answer_that_never_comes_is_waited_for_until_cancelled(
    autojump_clock, accepted
):
    broker = make_broker()
    broker.script.on("place", Fault.never(accepted=accepted))
    with trio.move_on_after(3600) as scope:
        await place(broker)
    assert scope.cancelled_caught
    assert await tags(broker) == ["A1"] * accepted


async def test_each_failure_is_an_exception_of_its_own():
    broker = make_broker()
    broker.script.on("check", Fault.connect_failure(), times=2)
    failures = []
    for _ in range(2):
        with pytest.raises(NotSent) as failure:
            await broker.check()
        failures.append(failure.value)
    assert failures[0] is not failures[1]


@pytest.mark.parametrize("fault", [{"carried_out": False}, {"connects": False}])
def test_a_fault_without_an_ending_cannot_be_made(fault):
    with pytest.raises(ValueError, match="needs an"):
        Fault(**fault)


# Which call gets it


async def attempt(broker, operation="check", **more):
    """Whether a call went well."""
    try:
        if operation == "place":
            await place(broker, **more)
        else:
            await getattr(broker, operation)()
    except NotSent:
        return False
    return True


FAIL = Fault.connect_failure()


@pytest.mark.parametrize(
    ("which", "went_well"),
    [
        ({}, "-++++"),
        ({"times": 2}, "--+++"),
        ({"times": None}, "-----"),
        ({"nth": 3}, "++-++"),
        ({"nth": 2, "times": 3}, "+---+"),
        ({"nth": 4, "times": None}, "+++--"),
        ({"when": lambda call: call.number % 2 == 0}, "+-+++"),
        ({"when": lambda call: call.number % 2 == 0, "times": None}, "+-+-+"),
        ({"when": lambda call: call.number % 2 == 0, "nth": 3}, "+++++"),
        ({"when": lambda call: call.number % 2 == 0, "nth": 3, "times": 2}, "+++-+"),
    ],
)
async def test_a_fault_strikes_the_calls_that_were_named(which, went_well):
    broker = make_broker()
    broker.script.on("check", FAIL, **which)
    marks = ["+" if await attempt(broker) else "-" for _ in went_well]
    assert "".join(marks) == went_well


async def test_a_fault_for_the_next_call_counts_from_now_on():
    broker = make_broker()
    assert await attempt(broker)
    broker.script.on("check", FAIL)
    assert not await attempt(broker)
    assert await attempt(broker)


async def test_calls_of_other_operations_are_not_struck_nor_counted():
    broker = make_broker()
    broker.script.on("funds", FAIL, nth=2)
    wells = [await attempt(broker, name) for name in ("funds", "check", "funds")]
    assert wells == [True, True, False]


async def test_a_star_strikes_whatever_comes():
    broker = make_broker()
    broker.script.on("*", FAIL, times=2)
    wells = [await attempt(broker, name) for name in ("funds", "check", "trades")]
    assert wells == [False, False, True]


async def test_a_call_gets_one_fault_the_oldest_that_fits(autojump_clock):
    broker = make_broker()
    broker.script.on("check", Fault.delay(5))
    broker.script.on("check", FAIL)
    assert await attempt(broker)
    assert trio.current_time() == 5
    assert not await attempt(broker)


async def test_a_predicate_sees_order_tag_and_id():
    broker = make_broker(fill="manual")
    seen = []
    broker.script.on("*", FAIL, when=lambda call: seen.append(call))
    await place(broker, tag="A1")
    await broker.modify("PAPER-000001", order("BUY", 5, 801), pass_by)
    await broker.cancel("PAPER-000001")
    await broker.order_by_tag("A1")
    assert [
        (c.operation, c.number, c.order and c.order.quantity, c.tag, c.broker_order_id)
        for c in seen
    ] == [
        ("place", 1, 10, "A1", None),
        ("modify", 1, 5, None, "PAPER-000001"),
        ("cancel", 1, None, None, "PAPER-000001"),
        ("order_by_tag", 1, None, "A1", None),
    ]


async def test_a_predicate_picks_the_orders_of_one_symbol():
    broker = make_broker()
    broker.script.on(
        "place", FAIL, times=None, when=lambda call: call.order.symbol == INFY
    )
    wells = [await attempt(broker, "place", symbol=each) for each in (SBIN, INFY, SBIN)]
    assert wells == [True, False, True]


async def test_a_cleared_script_strikes_no_more_and_goes_on_counting():
    broker = make_broker()
    broker.script.on("check", FAIL, times=None)
    assert not await attempt(broker)
    broker.script.clear()
    assert await attempt(broker)
    assert broker.script.calls["check"] == 2
    assert broker.script.calls["place"] == 0


async def test_a_scripted_call_has_no_bad_luck_beside():
    broker = make_broker(refuse_rate=1.0)
    broker.script.on("place", Fault.delay(0))
    assert await place(broker) == FIRST


def test_a_script_names_only_what_there_is():
    script = make_broker().script
    with pytest.raises(ValueError, match=r"operation must be one of \*, place, .*'sel"):
        script.on("sell", FAIL)
    with pytest.raises(ValueError, match="nth must be at least 1, was 0"):
        script.on("place", FAIL, nth=0)
    with pytest.raises(ValueError, match="times must be at least 1, was 0"):
        script.on("place", FAIL, times=0)
