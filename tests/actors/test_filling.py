"""Fills by hand: made in the broker's book, and known by reading it."""

from decimal import Decimal

import pytest
import trio

from actors.messages import Denial, FillResult, SimulatedFill, SimulateFill
from adapters import NotSent, OrderStatus, Refused
from adapters.brokers.paper import Fault
from tests.support.gateway import make_paper
from tests.support.real import Real
from tests.support.stage import Stage, resting


def stage(**settings):
    return Stage(make_paper(fill="manual", **settings))


async def fill(stage, order_id, *fills):
    message = SimulateFill(
        order_id=order_id,
        fills=tuple(
            SimulatedFill(quantity=Decimal(str(q)), price=Decimal(str(p)))
            for q, p in fills
        ),
        by="token:test",
    )
    return await stage.mailbox.ask(message)


def told(record):
    return str(record.status), str(record.filled_quantity), str(record.average_price)


async def test_fills_come_back_out_of_the_book_one_by_one(autojump_clock):
    async with stage().running() as desk:
        order = await desk.place(resting())
        part = await fill(desk, order.order_id, (4, 701))
        rest = await fill(desk, order.order_id, (1, 702), (5, "702.5"))
    assert part.denial is None
    assert told(part.record) == ("partially_filled", "4", "701")
    assert rest.denial is None
    assert told(rest.record) == ("filled", "10", "701.85")
    events = desk.store.events(order.order_id)[-3:]
    assert [str(event.status) for event in events] == [
        "partially_filled",
        "partially_filled",
        "filled",
    ]
    assert [(event.fill_quantity, event.fill_price) for event in events] == [
        (4, 701),
        (1, 702),
        (5, Decimal("702.5")),
    ]


async def test_it_takes_no_time_and_no_breaker_that_lets_through(autojump_clock):
    async with stage().running() as desk:
        order = await desk.place(resting())
        began = trio.current_time()
        await fill(desk, order.order_id, (10, 700))
        assert trio.current_time() == began


async def test_while_halted_fills_are_made(autojump_clock):
    async with stage().running() as desk:
        order = await desk.place(resting())
        await desk.halt()
        answer = await fill(desk, order.order_id, (10, 700))
    assert (answer.denial, answer.record.status) == (None, OrderStatus.FILLED)


async def test_who_filled_what_is_on_record_before_it_is(autojump_clock):
    async with stage().running() as desk:
        order = await desk.place(resting())
        await fill(desk, order.order_id, (4, 701))
    entries = [record.entry for record in desk.store._audit]
    asked, made = [e for e in entries if e.order_id == order.order_id][-2:]
    assert (asked.action, asked.actor) == ("order.fill_requested", "token:test")
    assert asked.detail == {"symbol": "NSE:SBIN", "fills": ["4 at 701"]}
    assert made.action == "order.partially_filled"


@pytest.mark.parametrize("fills", [[(11, 700)], [(6, 700), (5, 700)]])
async def test_more_than_is_open_is_refused_whole(autojump_clock, fills):
    async with stage().running() as desk:
        order = await desk.place(resting())
        answer = await fill(desk, order.order_id, *fills)
        assert list(await desk.paper.trades()) == []
    words = "wanted at most the 10 that are open, was 11"
    assert answer.denial == Denial(code="invalid_quantity", message=words)
    assert answer.record.status is OrderStatus.ACKED


async def test_what_the_broker_has_filled_by_itself_counts(autojump_clock):
    async with stage().running() as desk:
        order = await desk.place(resting())
        desk.paper.fill(order.broker_order_id, 8, 700)  # which nobody has read yet
        answer = await fill(desk, order.order_id, (3, 700))
    words = "wanted at most the 2 that are open, was 3"
    assert answer.denial == Denial(code="invalid_quantity", message=words)
    assert answer.record.filled_quantity == 8


async def test_what_has_ended_by_itself_is_a_conflict(autojump_clock):
    async with stage().running() as desk:
        order = await desk.place(resting())
        desk.paper.fill(order.broker_order_id, 10, 700)
        answer = await fill(desk, order.order_id, (1, 700))
    assert answer.denial.code == "conflict"
    assert answer.record.status is OrderStatus.FILLED


async def test_a_cancelled_order_is_a_conflict(autojump_clock):
    async with stage().running() as desk:
        order = await desk.place(resting())
        await desk.cancel(order.order_id)
        answer = await fill(desk, order.order_id, (1, 700))
    words = "it is cancelled already"
    assert answer.denial == Denial(code="conflict", message=words)


async def test_an_unknown_order_is_filled_once_the_book_shows_it(autojump_clock):
    async with stage().running() as desk:
        desk.paper.script.on("place", Fault.lose_answer())
        order = await desk.place(resting())
        assert order.status is OrderStatus.UNKNOWN
        answer = await fill(desk, order.order_id, (10, 700))
    assert (answer.denial, answer.record.status) == (None, OrderStatus.FILLED)


async def test_one_that_may_not_have_arrived_is_not_filled(autojump_clock):
    async with stage().running() as desk:
        desk.paper.script.on("place", Fault.lose_request())
        order = await desk.place(resting())
        answer = await fill(desk, order.order_id, (10, 700))
    words = "nobody knows yet whether it arrived; wait, or cancel it"
    assert answer.denial == Denial(code="conflict", message=words)


async def test_where_the_book_cannot_be_read_the_fill_stands_and_is_told_later(
    autojump_clock,
):
    async with stage().running() as desk:
        order = await desk.place(resting())
        late = desk.calls("order_book") + 2  # the look before the fill is well
        desk.paper.script.on("order_book", Fault.server_error(), nth=late, times=3)
        answer = await fill(desk, order.order_id, (10, 700))
        await trio.sleep(60)
    assert answer.denial == Denial(
        code="unknown",
        message="it is filled; Ordo will know once it can read the broker's book",
    )
    assert answer.record.status is OrderStatus.ACKED
    assert desk.stored(order.order_id).status is OrderStatus.FILLED


async def test_one_order_is_filled_by_one_caller_at_a_time(autojump_clock):
    answers = []
    async with stage(delay=1.0).running() as desk:
        order = await desk.place(resting())

        async def half():
            answers.append(await fill(desk, order.order_id, (6, 700)))

        async with trio.open_nursery() as callers:
            callers.start_soon(half)
            callers.start_soon(half)
    codes = sorted(str(a.denial and a.denial.code) for a in answers)
    assert codes == ["None", "conflict"]
    assert desk.stored(order.order_id).filled_quantity == 6


async def test_afterwards_the_next_one_may(autojump_clock):
    async with stage().running() as desk:
        order = await desk.place(resting())
        await fill(desk, order.order_id, (99, 700))
        answer = await fill(desk, order.order_id, (1, 700))
    assert answer.denial is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("INVALID_PRICE", "no price"), "rejected"),
        (NotSent("the journal is full"), "broker_unavailable"),
    ],
)
async def test_what_the_broker_does_not_take_is_told(autojump_clock, error, code):
    async with stage().running() as desk:
        order = await desk.place(resting())

        async def refuse(*args):
            raise error

        desk.paper.simulate_fill = refuse
        answer = await fill(desk, order.order_id, (1, 700))
    assert answer.denial.code == code
    assert answer.record.status is OrderStatus.ACKED


async def test_a_real_broker_fills_by_itself_alone(autojump_clock):
    async with Stage(Real(make_paper(fill="manual"))).running() as desk:
        order = await desk.place(resting())
        answer = await fill(desk, order.order_id, (1, 700))
    words = "one is a real broker: its market fills orders"
    assert answer.denial == Denial(code="unsupported", message=words)
    assert isinstance(answer, FillResult)


async def test_nothing_is_filled_that_the_store_cannot_record(autojump_clock):
    async with stage().running() as desk:
        order = await desk.place(resting())
        desk.store.failing = "disk full"
        answer = await fill(desk, order.order_id, (10, 700))
        trades = list(await desk.paper.trades())
        desk.store.failing = None
    words = "the store could not take it; nothing was filled"
    assert answer.denial == Denial(code="storage_unavailable", message=words)
    assert trades == []


async def test_an_order_that_is_not_there(autojump_clock):
    async with stage().running() as desk:
        answer = await fill(desk, "0" * 16, (10, 700))
    assert answer == Denial(code="not_found", message=f"no order {'0' * 16}")
