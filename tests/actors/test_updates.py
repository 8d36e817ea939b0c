"""A broker's own word of its orders: taken over, lost, distrusted."""

import itertools
import logging
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec
import pytest
import trio
import trio.testing

from actors.session import Session
from adapters import (
    BookStatus,
    Grant,
    NotSent,
    OrderStatus,
    SentUnknown,
    SessionExpired,
)
from adapters.brokers.paper import Fault
from adapters.secret import Secret
from tests.support.chatty import Chatty, row_of
from tests.support.gateway import make_paper, wall
from tests.support.logins import LIFE, TOKEN
from tests.support.stage import Stage, resting

OPEN, FILLED, CANCELLED = BookStatus.OPEN, BookStatus.FILLED, BookStatus.CANCELLED
START = 2.0


def stage_of(**how):
    return Stage(Chatty(make_paper(1)), **how)


def reads_at(stage):
    """Write down when the book is read, from now on."""
    times = []
    stage.paper.script.on(
        "order_book",
        Fault(),
        times=None,
        when=lambda call: bool(times.append(trio.current_time())),
    )
    return times


@asynccontextmanager
async def trading(**how):
    """A stage with one resting order, live updates, and its gap closed."""
    stage = stage_of(**how)
    async with stage.running():
        record = await stage.place(resting())
        await trio.sleep(6)
        yield stage, record


async def settle():
    await trio.testing.wait_all_tasks_blocked()


# What is told is so


async def test_a_fill_that_is_told_is_known_at_once_and_costs_no_read(autojump_clock):
    async with trading() as (stage, record):
        times = reads_at(stage)
        stage.paper.fill(record.broker_order_id, 4, "700")
        stage.paper.say(row_of(record, OPEN, 4, 700))
        await settle()
        now = stage.stored(record.order_id)
        assert (now.status, now.filled_quantity) == ("partially_filled", 4)
        assert now.average_price == Decimal(700)
        (*_, event) = stage.store.events(record.order_id)
        assert (event.fill_quantity, event.fill_price) == (4, 700)
        assert event.cause == "the broker's own word"
        assert times == []


async def test_what_comes_twice_or_late_changes_nothing(autojump_clock):
    async with trading() as (stage, record):
        stage.paper.fill(record.broker_order_id, 6, "700")
        rows = [row_of(record, OPEN, n, 700) for n in (4, 4, 2, 6, 4)]
        stage.paper.say(*rows, row_of(record))
        await trio.sleep(40)
        fills = [each.fill_quantity for each in stage.store.events(record.order_id)]
        assert fills == [None, None, 4, 2]
        assert stage.stored(record.order_id).filled_quantity == 6
        assert stage.crashes == []


async def test_an_order_in_doubt_is_found_by_its_tag(autojump_clock):
    stage = stage_of()
    async with stage.running():
        stage.paper.script.on("place", Fault.lose_answer())
        record = await stage.place(resting())
        assert record.status is OrderStatus.UNKNOWN
        (row,) = await stage.paper.order_book()
        times = reads_at(stage)
        stage.paper.say(row)
        await settle()
        assert stage.stored(record.order_id).status is OrderStatus.ACKED
        assert times == []


async def test_orders_placed_elsewhere_cost_no_read(autojump_clock):
    async with trading() as (stage, record):
        times = reads_at(stage)
        foreign = row_of(record, OPEN, broker_order_id="F1", tag=None)
        theirs = row_of(record, OPEN, broker_order_id="F2", tag="THEIRS")
        stage.paper.say(foreign, theirs, foreign)
        await trio.sleep(2)
        assert times == []


# What only the book can decide


async def one_read(stage, *said):
    """How often the book is read in the three seconds after *said*."""
    times = reads_at(stage)
    stage.paper.say(*said)
    await trio.sleep(3)
    return len(times)


async def test_an_end_is_not_overturned_by_a_late_row(autojump_clock):
    async with trading() as (stage, record):
        ended = row_of(record, BookStatus.REJECTED, message="no funds")
        stage.paper.book = [ended]
        stage.paper.say(ended)
        await settle()
        assert await one_read(stage, row_of(record, BookStatus.TRANSIT)) == 1
        assert stage.story(record.order_id) == ["placed", "acked", "rejected"]


async def test_an_end_that_was_none_is_overturned_by_the_book(autojump_clock, caplog):
    async with trading() as (stage, record):
        stage.paper.say(row_of(record, BookStatus.REJECTED, message="no funds"))
        stage.paper.say(row_of(record, BookStatus.TRANSIT))
        await trio.sleep(2)
        story = ["placed", "acked", "rejected", "acked"]
        assert stage.story(record.order_id) == story


async def test_terms_that_are_told_are_believed_once_the_book_has_them(autojump_clock):
    async with trading() as (stage, record):
        old = row_of(record, price=Decimal(690))
        assert await one_read(stage, old) == 1
        assert stage.stored(record.order_id).order.price == 700


@pytest.mark.parametrize(
    "told",
    [
        {"status": BookStatus.UNCLEAR},
        {"status": FILLED},
        {"status": FILLED, "filled": 9, "average": 700},
        {"status": FILLED, "filled": 10},
        {"status": OPEN, "filled": 4},
    ],
)
async def test_what_does_not_add_up_is_left_to_the_book(autojump_clock, told):
    async with trading() as (stage, record):
        assert await one_read(stage, row_of(record, **told)) == 1
        now = stage.stored(record.order_id)
        assert (now.status, now.filled_quantity) == (OrderStatus.ACKED, 0)


async def test_an_end_with_fewer_fills_than_known_is_left_to_the_book(autojump_clock):
    async with trading() as (stage, record):
        stage.paper.fill(record.broker_order_id, 4, "700")
        stage.paper.say(row_of(record, OPEN, 4, 700))
        await settle()
        assert await one_read(stage, row_of(record, CANCELLED)) == 1
        assert stage.stored(record.order_id).status is OrderStatus.PARTIALLY_FILLED


async def test_a_second_order_of_one_tag_is_left_to_the_book(autojump_clock):
    async with trading() as (stage, record):
        assert await one_read(stage, row_of(record, broker_order_id="B99")) == 1
        assert stage.stored(record.order_id).broker_order_id == record.broker_order_id


async def test_many_hints_are_one_read_a_second(autojump_clock):
    async with trading() as (stage, _):
        times = reads_at(stage)
        for _ in range(30):
            stage.paper.say(None, None)
            await trio.sleep(0.1)
        await trio.sleep(2)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert 3 <= len(times) <= 5
    assert min(gaps) >= 1


async def test_a_read_that_was_hinted_at_and_failed_is_made_again(autojump_clock):
    async with trading() as (stage, record):
        stage.paper.say(row_of(record))
        await trio.sleep(6)
        stage.paper.script.on("order_book", Fault.refuse("E1", "busy"), times=1)
        stage.paper.fill(record.broker_order_id, 4, "700")
        stage.paper.say(None)
        await trio.sleep(3)
        assert stage.stored(record.order_id).filled_quantity == 4


async def test_a_row_without_a_number_we_know_may_be_an_order_on_its_way(
    autojump_clock,
):
    stage = stage_of()
    async with stage.running():
        stage.paper.script.on("place", Fault.lose_answer())
        record = await stage.place(resting())
        row = row_of(record, broker_order_id="B77", tag=None)
        await trio.sleep(20)
        times = reads_at(stage)
        stage.paper.say(row)
        await settle()
        assert times == []  # found by then: it is somebody else's
        stage.paper.script.on("place", Fault.lose_request())
        await stage.place(resting())
        await trio.sleep(0.5)
        del times[:]
        stage.paper.say(row)
        await settle()
        assert times == [trio.current_time()]  # not only when it is looked for


# How often the book is read


async def test_the_book_is_read_at_its_pace_until_the_socket_has_told_something(
    autojump_clock,
):
    async with trading() as (stage, record):
        times = reads_at(stage)
        await trio.sleep(20)
        assert len(times) == 4
        stage.paper.say(row_of(record))
        await settle()
        del times[:]
        await trio.sleep(100)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert gaps == pytest.approx([30, 30], abs=0.1)


async def test_a_socket_that_withheld_a_fill_is_not_relied_on_any_more(autojump_clock):
    async with trading() as (stage, record):
        stage.paper.say(row_of(record))
        await trio.sleep(31)
        stage.paper.fill(record.broker_order_id, 4, "700")
        await trio.sleep(30)
        assert stage.stored(record.order_id).filled_quantity == 4
        times = reads_at(stage)
        await trio.sleep(20)
        assert len(times) == 4


async def test_once_the_socket_drops_the_book_has_its_pace_again_at_once(
    autojump_clock,
):
    async with trading() as (stage, record):
        stage.paper.say(row_of(record))
        await trio.sleep(12)
        stage.paper.refusals = [NotSent("down")] * 99
        times = reads_at(stage)
        stage.paper.drop()
        await trio.sleep(11)
        assert times[0] - START < 20.5  # seven seconds after a read, five are over
        assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx([5, 5])
        assert (await stage.report()).order_updates.state == "down"


async def test_each_connect_is_followed_by_a_read_which_closes_the_gap(autojump_clock):
    async with trading() as (stage, record):
        stage.paper.say(row_of(record))
        await settle()
        times = reads_at(stage)
        stage.paper.drop()
        stage.paper.fill(record.broker_order_id, 4, "700")
        await trio.sleep(1.5)
        (_, again) = stage.paper.tries
        assert times[-1] == pytest.approx(again, abs=0.01)
        assert stage.stored(record.order_id).filled_quantity == 4
        assert (await stage.report()).order_updates.state == "live"


async def test_a_gap_that_could_not_be_closed_keeps_the_usual_pace(autojump_clock):
    async with trading() as (stage, record):
        stage.paper.script.on("order_book", Fault.refuse("E1", "busy"), times=1)
        stage.paper.drop()
        await trio.sleep(1.5)
        stage.paper.say(row_of(record))
        stage.paper.fill(record.broker_order_id, 4, "700")
        await trio.sleep(6)
        assert stage.stored(record.order_id).filled_quantity == 4


# Connecting


async def test_tries_to_connect_grow_rare_up_to_a_minute(autojump_clock):
    stage = stage_of()
    stage.paper.refusals = [NotSent("down")] * 99
    async with stage.running():
        await trio.sleep(400)
    gaps = [b - a for a, b in itertools.pairwise(stage.paper.tries)]
    for gap, most in zip(gaps, [1, 2, 4, 8, 16, 32, 60, 60], strict=False):
        assert most / 2 <= gap <= most
    assert len(gaps) >= 8
    assert len(set(gaps)) == len(gaps)


async def test_a_connection_that_is_taken_and_dropped_is_not_made_every_second(
    autojump_clock,
):
    async with stage_of().running() as stage:
        for _ in range(300):
            if stage.paper.open:
                stage.paper.drop()
            await trio.sleep(1)
    assert len(stage.paper.tries) < 15


async def test_after_a_steady_connection_the_next_try_comes_within_a_second(
    autojump_clock,
):
    stage = stage_of()
    stage.paper.refusals = [NotSent("down")] * 6
    async with stage.running():
        await trio.sleep(200)
        stage.paper.drop()
        before = trio.current_time()
        await trio.sleep(2)
        assert 0.5 <= stage.paper.tries[-1] - before <= 1


async def test_a_refusal_for_who_we_are_is_not_hammered_and_the_book_tells(
    autojump_clock, caplog
):
    stage = stage_of()
    stage.paper.refusals = [SessionExpired("refused with HTTP 403")] * 9
    async with stage.running():
        times = reads_at(stage)
        await trio.sleep(800)
        assert len(stage.paper.tries) == 1
        assert stage.session.active  # an app may trade and not listen
        assert times != []
        await trio.sleep(200)
        assert len(stage.paper.tries) == 2


async def test_a_bad_frame_is_told_once_and_ends_the_connection(autojump_clock, caplog):
    async with trading() as (stage, _):
        for _ in range(3):
            stage.paper.say(SentUnknown("a frame of 6 bytes: malformed"))
            await trio.sleep(10)
        assert len(stage.paper.tries) == 4
    told = [r for r in caplog.records if r.name == "ordo.updates"]
    words = [r.getMessage() for r in told if r.levelno == logging.WARNING]
    assert len(words) == 1
    assert "a frame of 6 bytes: malformed; its book is read instead" in words[0]
    assert stage.crashes == []


# Sessions


def a_grant():
    now = wall()
    return Grant(access_token=Secret(TOKEN), issued_at=now, expires_at=now + LIFE)


def logged_in():
    return Session(required=True, grant=a_grant())


async def test_without_a_session_nothing_is_tried(autojump_clock):
    stage = stage_of(session=Session(required=True))
    async with stage.running():
        await trio.sleep(100)
        assert stage.paper.tries == []
        assert (await stage.report()).order_updates.state == "off"
        stage.session.granted(a_grant())
        await settle()
        assert len(stage.paper.tries) == 1


async def test_the_end_of_a_session_ends_the_connection(autojump_clock):
    async with trading(session=logged_in()) as (stage, _):
        assert stage.paper.open == 1
        stage.session.ended("its time is up")
        await settle()
        assert stage.paper.open == 0
        await trio.sleep(100)
        assert len(stage.paper.tries) == 1
        assert (await stage.report()).order_updates.state == "off"


async def test_a_new_session_has_a_connection_of_its_own(autojump_clock):
    async with trading(session=logged_in()) as (stage, _):
        stage.session.granted(a_grant())
        await settle()
        assert (stage.paper.open, len(stage.paper.tries)) == (1, 2)


async def test_a_new_session_does_not_cut_a_change_short(autojump_clock):
    async with trading(session=logged_in()) as (stage, record):
        stage.commit_takes = 2.0
        stage.paper.fill(record.broker_order_id, 4, "700")
        stage.paper.say(row_of(record, OPEN, 4, 700))
        await trio.sleep(1)
        stage.session.granted(a_grant())
        await trio.sleep(20)
        assert stage.story(record.order_id) == ["placed", "acked", "partially_filled"]
        assert len(stage.paper.tries) == 2


async def test_switched_off_nothing_is_tried(autojump_clock):
    stage = stage_of()
    settings = msgspec.structs.replace(stage.parts.settings, order_updates=False)
    stage.parts = stage.parts._replace(settings=settings)
    async with stage.running():
        await trio.sleep(100)
        assert stage.paper.tries == []
        assert (await stage.report()).order_updates.state == "off"


async def test_a_broker_without_a_socket_is_off(autojump_clock):
    async with Stage().running() as stage:
        assert (await stage.report()).order_updates.state == "off"


# What is told while the book is being judged


async def test_an_order_that_is_told_of_while_it_is_given_up_is_not_given_up(
    autojump_clock,
):
    """The last look before `not_placed` is two reads; the broker speaks between."""
    stage = stage_of()
    async with stage.running():
        stage.paper.script.on("place", Fault.lose_request())
        record = await stage.place(resting())
        assert record.status == "unknown"
        said = trio.Event()

        def speak(call):
            said.set()
            stage.paper.say(row_of(record, OPEN))
            return False

        stage.paper.script.on("trades", Fault(), when=speak)
        with trio.fail_after(600):
            await said.wait()
        await trio.sleep(1)
        now = stage.stored(record.order_id)
    assert (now.status, now.broker_order_id) == ("acked", "B1")
    assert "not_placed" not in stage.story(record.order_id)
    assert stage.crashes == []
