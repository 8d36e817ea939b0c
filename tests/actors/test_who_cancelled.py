"""Who cancelled an order: its user, the exchange at its times, or somebody else."""

from datetime import UTC, date, datetime, time

import msgspec
import pytest
import trio

from actors.lifecycle import from_book
from actors.market_day import IST
from actors.messages import CancelOrder
from actors.who_cancelled import (
    AT_ONCE,
    BEFORE_AUCTION,
    ELSEWHERE,
    END_OF_DAY,
    NOT_SEEN,
    who_cancelled,
)
from adapters import BookStatus, OrderStatus, OrderType, SentAs, Validity
from adapters.brokers.paper import Fault
from tests.actors.test_lifecycle import a_record, a_row
from tests.support.gateway import an_order, make_paper
from tests.support.market import D
from tests.support.stage import Stage

S = OrderStatus
GONE = a_row(BookStatus.CANCELLED)
LATER_SYMBOL = "NFO:NIFTY28NOV2625000CE"


def at(clock, day=23):
    """That time in India on a day of November 2026."""
    return datetime.combine(date(2026, 11, day), time.fromisoformat(clock), IST)


def standing(order=None, *, placed="10:00", **fields):
    """An order that stands in the book since *placed*."""
    times = {"created_at": at(placed).astimezone(UTC)}
    return a_record(S.ACKED, order=order or an_order(), **times, **fields)


def who(record, seen, *, looked=None, row=GONE):
    before = None if looked is None else at(looked)
    return who_cancelled(record, row, at(seen), before)


def test_one_that_was_asked_for_names_who_asked():
    asked = standing(cancel_requested=True, cancel_by="token:ID")
    assert who(asked, "11:00", looked="10:59") == "asked by token:ID"


def test_one_asked_for_before_names_were_kept_was_a_clients():
    assert who(standing(cancel_requested=True), "11:00") == "asked by a client"


def test_one_asked_for_and_seen_after_the_end_may_have_been_either():
    asked = standing(cancel_requested=True, cancel_by="token:ID")
    told = who(asked, "15:31", looked="15:30")
    assert told == "asked by token:ID, or by the exchange (end of day)"


def test_what_was_ioc_went_at_once():
    ioc = standing(an_order(validity="IOC"))
    assert who(ioc, "10:01", looked="10:00") == AT_ONCE
    expired = a_row(BookStatus.EXPIRED)
    assert who(ioc, "10:01", looked="10:00", row=expired) == AT_ONCE


def test_what_the_book_calls_expired_went_with_the_day():
    expired = a_row(BookStatus.EXPIRED)
    assert who(standing(), "14:00", looked="13:59", row=expired) == END_OF_DAY


@pytest.mark.parametrize(
    ("symbol", "looked", "seen", "told"),
    [
        ("NSE:SBIN", "15:29", "15:29:59", ELSEWHERE),
        ("NSE:SBIN", "15:29:30", "15:30", END_OF_DAY),
        ("BSE:SBIN", "15:28", "15:31", END_OF_DAY),
        ("BSE:SBIN", "15:27:59", "15:31", NOT_SEEN),
        ("NSE:SBIN", "15:33", "15:36", END_OF_DAY),
        ("NSE:SBIN", "14:00", "18:00", NOT_SEEN),
        ("NSE:SBIN", None, "18:00", NOT_SEEN),
        (LATER_SYMBOL, "15:30", "15:31", ELSEWHERE),
        (LATER_SYMBOL, "15:39", "15:40", END_OF_DAY),
        ("MCX:GOLD", "23:29", "23:59", ELSEWHERE),
        ("US:AAPL", "15:29", "15:31", ELSEWHERE),
    ],
)
def test_at_the_end_of_the_day_the_exchange_does_it(symbol, looked, seen, told):
    record = standing(an_order(symbol=symbol))
    assert who(record, seen, looked=looked) == told


def test_a_day_that_is_over_is_over_on_the_next_morning_too():
    told = who_cancelled(standing(), GONE, at("09:00", 24), at("15:36"))
    assert told == END_OF_DAY


def test_an_order_placed_after_the_end_is_not_cancelled_by_it():
    assert who(standing(placed="20:00"), "20:05", looked="20:04") == ELSEWHERE


@pytest.mark.parametrize(
    ("order", "seen", "told"),
    [
        (an_order(type="SL", trigger_price=820), "15:15", BEFORE_AUCTION),
        (an_order(type="SL", trigger_price=820), "15:14:59", ELSEWHERE),
        (an_order(disclosed_quantity=5), "15:16", BEFORE_AUCTION),
        (an_order(), "15:16", ELSEWHERE),
        (
            an_order(symbol=LATER_SYMBOL, type="SL", trigger_price=820),
            "15:16",
            ELSEWHERE,
        ),
    ],
)
def test_the_closing_auction_has_no_room_for_stops_nor_for_what_hides(
    order, seen, told
):
    assert who(standing(order), seen, looked="15:14") == told


def test_a_market_order_is_what_it_went_out_as():
    stop = an_order(type="SL-M", price=None, trigger_price=820)
    limit = SentAs(type=OrderType.SL, price=D(824), trigger_price=D(820))
    told = who(standing(stop, sent_as=limit), "15:16", looked="15:15")
    assert told == BEFORE_AUCTION


# In the story of the order


def test_the_cause_says_who_and_then_what_the_broker_says():
    row = a_row(BookStatus.CANCELLED, message="EXCH: cancelled")
    change = from_book(standing(), row, at("11:00"))
    assert change.event.cause == (
        "at the broker, not by Ordo; the broker's book: EXCH: cancelled"
    )
    assert from_book(standing(), GONE, at("11:00")).event.cause == ELSEWHERE


def test_a_fill_that_crossed_a_cancel_was_cancelled_by_nobody_again():
    record = standing(cancel_requested=True, cancel_by="token:ID")
    gone = msgspec.structs.replace(record, status=S.CANCELLED)
    change = from_book(gone, a_row(BookStatus.CANCELLED, 4, "812"), at("11:00"))
    assert change.event.cause == "the broker's book"


def last_cause(stage, order):
    return stage.store.events(order.order_id)[-1].cause


async def test_a_cancel_by_its_user_is_told_as_the_users(autojump_clock):
    stage = Stage(make_paper(fill="manual"))
    async with stage.running():
        order = await stage.place()
        await stage.cancel(order.order_id)
        assert stage.stored(order.order_id).cancel_by == "token:test"
        assert last_cause(stage, order) == "asked by token:test"


async def test_the_first_to_ask_is_the_one_who_asked(autojump_clock):
    stage = Stage(make_paper(fill="manual"))
    stage.paper.script.on("cancel", Fault.delay(3))
    async with stage.running(), trio.open_nursery() as nursery:
        order = await stage.place()
        nursery.start_soon(stage.cancel, order.order_id)
        await trio.sleep(1)
        second = CancelOrder(order_id=order.order_id, by="token:other")
        await stage.mailbox.ask(second, urgent=True)
    assert last_cause(stage, order) == "asked by token:test"


async def test_one_cancelled_by_a_halt_names_the_switch_and_who_turned_it(
    autojump_clock,
):
    stage = Stage(make_paper(fill="manual"))
    async with stage.running():
        order = await stage.place()
        await stage.halt(cancel_open=True)
        await trio.sleep(2)
        assert last_cause(stage, order) == "asked by kill_switch:me"


async def test_one_cancelled_before_it_left_names_who_asked(autojump_clock):
    stage = Stage(make_paper())
    stage.paper.script.on("place", Fault.slow_connect(2))
    async with stage.running(), trio.open_nursery() as nursery:
        record = await stage.accept()
        nursery.start_soon(stage.send, record)
        await trio.sleep(1)
        await stage.cancel(record.order_id)
    assert last_cause(stage, record) == (
        "asked by token:test; cancelled before it was sent"
    )


async def test_one_cancelled_before_its_broker_had_it_does_too(autojump_clock):
    stage = Stage(make_paper())
    async with stage.running():
        record = await stage.accept()
        await stage.cancel(record.order_id)
        await stage.send(record)
        stored = stage.stored(record.order_id)
    assert (stored.status, stored.cancel_by) == (S.CANCELLED, "token:test")
    assert last_cause(stage, record).startswith("asked by token:test; ")


async def test_one_cancelled_in_the_brokers_own_app_is_not_ordos(autojump_clock):
    stage = Stage(make_paper(fill="manual"))
    async with stage.running():
        order = await stage.place()
        await stage.paper.cancel(order.broker_order_id)
        await trio.sleep(60)
        assert last_cause(stage, order) == ELSEWHERE


async def test_who_asked_is_known_after_a_restart(autojump_clock):
    stage = Stage(make_paper(fill="manual"))
    async with stage.running():
        order = await stage.place()
        stage.paper.script.on("cancel", Fault.refuse("X", "not now"))
        await stage.cancel(order.order_id)
    after = Stage(stage.paper, stage.store)
    async with after.running():
        await trio.sleep(10)
    assert last_cause(after, order) == "asked by token:test"


async def test_an_ioc_that_found_nobody_went_by_the_exchange(autojump_clock):
    stage = Stage(make_paper())
    async with stage.running():
        order = await stage.place(an_order(validity=Validity.IOC, price=700))
        await trio.sleep(60)
    told = last_cause(stage, order)
    assert told == f"{AT_ONCE}; the broker's book: IOC: 10 not traded"


async def test_what_goes_when_the_day_ends_goes_by_the_exchange(autojump_clock):
    stage = Stage(make_paper(fill="manual"))
    await trio.sleep((at("15:29") - stage.clockwork.wall()).total_seconds())
    async with stage.running():
        order = await stage.place()
        await trio.sleep((at("15:30") - stage.clockwork.wall()).total_seconds())
        await stage.paper.cancel(order.broker_order_id)  # as the exchange does
        await trio.sleep(60)
    assert last_cause(stage, order) == END_OF_DAY
