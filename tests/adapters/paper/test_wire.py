"""Slow and unreliable by settings: delays, bad luck, and the last look."""

from decimal import Decimal

import pytest
import trio

from adapters import Acked, BookStatus, Rejected, SentUnknown, Stopped
from tests.adapters.paper.family import (
    SBIN,
    fills,
    make_broker,
    order,
    pass_by,
    place,
    row,
)


async def outcomes(broker, count):
    """How so many orders ended: `+` acked, `-` rejected, `?` unknown."""
    marks = ""
    for _ in range(count):
        try:
            answer = await place(broker, "BUY", 1)
        except SentUnknown:
            marks += "?"
        else:
            marks += "+" if isinstance(answer, Acked) else "-"
    return marks


async def test_by_default_no_time_passes(autojump_clock):
    broker = make_broker()
    await place(broker)
    await broker.cancel("PAPER-000001")
    await broker.order_book()
    assert trio.current_time() == 0


async def test_every_answer_takes_the_delay(autojump_clock):
    broker = make_broker(delay=3.0)
    await place(broker, "BUY", 10, 800)
    assert trio.current_time() == 3
    await broker.modify("PAPER-000001", order("BUY", 10, 801), pass_by)
    await broker.cancel("PAPER-000001")
    await broker.order_book()
    await broker.order_by_tag("A1")
    await broker.trades()
    await broker.positions()
    await broker.holdings()
    await broker.funds()
    await broker.quotes([SBIN])
    await broker.check()
    assert trio.current_time() == 33


async def test_jitter_makes_an_answer_late_by_chance(autojump_clock):
    broker = make_broker(delay=3.0, jitter=2.0)
    times = []
    for _ in range(3):
        began = trio.current_time()
        await broker.check()
        times.append(round(trio.current_time() - began, 3))
    assert times == [3.648, 3.302, 4.302]


async def test_an_order_is_in_the_book_while_its_answer_is_on_the_way(autojump_clock):
    broker = make_broker(delay=3.0)
    with trio.move_on_after(1) as scope:
        await place(broker)
    assert scope.cancelled_caught
    assert (await row(broker)).status is BookStatus.FILLED


async def test_the_last_look_comes_right_before_the_order_is_in_the_book(
    autojump_clock,
):
    broker = make_broker(delay=3.0)
    looks = []

    def look():
        looks.append((trio.current_time(), len(broker._account.book.entries)))

    await broker.place(order("BUY", 10, 800), "A1", look)
    await broker.modify("PAPER-000001", order("BUY", 10, 801), look)
    assert looks == [(0, 0), (3, 1)]


async def test_a_last_look_that_says_no_stops_the_order(autojump_clock):
    broker = make_broker(delay=3.0)

    def stop():
        raise Stopped("kill_switch_engaged", "halted")

    with pytest.raises(Stopped):
        await broker.place(order(), "A1", stop)
    assert trio.current_time() == 0
    assert await broker.order_book() == []


async def test_a_last_look_that_says_no_stops_a_change():
    broker = make_broker()
    await place(broker, "BUY", 10, 800)

    def stop():
        raise Stopped("kill_switch_engaged", "halted")

    with pytest.raises(Stopped):
        await broker.modify("PAPER-000001", order("BUY", 10, 801), stop)
    assert (await row(broker)).price == 800


async def test_some_orders_are_refused_the_same_ones_for_the_same_seed():
    assert await outcomes(make_broker(refuse_rate=0.3), 12) == "+-+-++-+-+--"
    assert await outcomes(make_broker(refuse_rate=0.3), 12) == "+-+-++-+-+--"


async def test_a_refusal_by_chance_stands_in_the_book():
    broker = make_broker(refuse_rate=1.0)
    assert await place(broker) == Rejected(
        code="RMS_REJECTED",
        text="RMS: rejected by chance",
        broker_order_id="PAPER-000001",
    )
    entry = await row(broker)
    assert entry.status is BookStatus.REJECTED
    assert entry.message == "RMS: rejected by chance"
    assert await fills(broker) == []


async def test_some_answers_are_lost_and_their_orders_stand_in_the_book():
    broker = make_broker(fail_rate=0.3)
    assert await outcomes(broker, 12) == "+?+?++?+?+??"
    assert len(await broker.order_book()) == 12
    assert len(await fills(broker)) == 12


async def test_a_lost_answer_is_noticed_after_the_usual_delay(autojump_clock):
    broker = make_broker(fail_rate=1.0, delay=2.0)
    with pytest.raises(SentUnknown, match="connection reset before the answer"):
        await place(broker)
    assert trio.current_time() == 2


async def test_bad_luck_strikes_new_orders_only():
    broker = make_broker(refuse_rate=1.0, fail_rate=1.0)
    await place(broker)
    assert await broker.cancel("PAPER-000001") == Rejected(
        code="ORDER_NOT_OPEN", text="order PAPER-000001 is rejected"
    )


async def test_the_book_shows_an_order_and_its_trades_after_the_book_delay(
    autojump_clock,
):
    broker = make_broker(book_delay=5.0)
    await place(broker)
    await trio.sleep(4.9)
    assert await broker.order_book() == []
    assert await broker.order_by_tag("A1") is None
    assert await broker.trades() == []
    assert (await broker.positions())[0].quantity == 10
    await trio.sleep(0.1)
    assert len(await broker.order_book()) == 1
    assert (await broker.order_by_tag("A1")).broker_order_id == "PAPER-000001"
    assert await fills(broker) == [(10, "812.05")]


async def test_a_refusal_for_lack_of_funds_shows_after_the_book_delay_too(
    autojump_clock,
):
    broker = make_broker(book_delay=5.0, balance=Decimal(1))
    await place(broker)
    assert await broker.order_book() == []
    await trio.sleep(5)
    assert (await row(broker)).status is BookStatus.REJECTED


async def test_the_way_of_waiting_is_passed_in():
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    broker = make_broker(delay=9.0, sleep=sleep)
    await place(broker)
    assert waited == [0.0, 9.0]
