"""Held against the book: doubts, fills, surprises, and a book that cannot be read."""

import itertools
from decimal import Decimal

import msgspec
import pytest
import trio

from actors.breaker import BreakerSettings
from actors.comparing import explained
from adapters import Position, Rejected, Trade
from adapters.brokers.paper import Fault
from tests.support.gateway import an_order, make_paper
from tests.support.records import a_row
from tests.support.stage import Stage, resting


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


class Book:
    """A port whose book is what *turn* makes of it."""

    def __init__(self, inside, turn):
        self._inside = inside
        self._turn = turn

    def __getattr__(self, name):
        return getattr(self._inside, name)

    async def order_book(self):
        return self._turn(await self._inside.order_book())


def without_tags(rows):
    return [msgspec.structs.replace(row, tag=None) for row in rows]


def lost():
    return Fault.lose_request()


def refuses_what_it_took(paper):
    """A `place` that takes an order, and says no to it a second and a half later."""
    place = paper.place

    async def lie(order, tag, last_look):
        await place(order, tag, last_look)
        await trio.sleep(1.5)
        return Rejected(code="RMS", text="no")

    return lie


# When the book is read


async def test_with_nothing_open_the_book_is_read_each_minute(autojump_clock):
    async with Stage().running() as stage:
        times = reads_at(stage)
        await trio.sleep(200)
    assert times == pytest.approx([61.05, 121.05, 181.05])


async def test_while_an_order_is_open_the_book_is_read_as_often_as_the_adapter_says(
    autojump_clock,
):
    async with Stage().running() as stage:
        times = reads_at(stage)
        await stage.place(resting())
        await trio.sleep(3.5)
    assert times == [2.05, 3.05, 4.05, 5.05]


async def test_an_unknown_order_is_looked_for_at_1_2_5_10_20_30_s_then_each_minute(
    autojump_clock,
):
    async with Stage().running() as stage:
        stage.paper.script.on("place", lost())
        await stage.place()
        times = reads_at(stage)
        await trio.sleep(95)
    looks = [3, 4, 7, 12, 22, 32, 92]
    assert set(looks) <= set(times)
    assert set(times) - set(looks) == set()


async def test_one_read_serves_all_that_are_in_doubt(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.lose_answer(), times=9)
        async with trio.open_nursery() as orders:
            for _ in range(9):
                orders.start_soon(stage.place)
        times = reads_at(stage)
        await trio.sleep(5)
        assert times == [pytest.approx(3, abs=0.005)]  # the commits under load
        assert (await stage.report()).unknown_orders == 0


async def test_a_read_that_fails_is_made_again_after_1_2_4_and_up_to_30_s(
    autojump_clock,
):
    stage = Stage(breaker=BreakerSettings(failures=999))
    async with stage.running():
        times = reads_at(stage)
        await stage.place(resting())
        stage.paper.script.on("order_book", Fault.refuse("E1", "maintenance"), times=9)
        await trio.sleep(180)
    waits = [b - a for a, b in itertools.pairwise(times)]
    assert waits[:8] == pytest.approx([1, 2, 4, 8, 16, 30, 30, 30])
    assert waits[9:] == pytest.approx([1] * len(waits[9:]))


async def test_a_look_for_an_unknown_order_that_fails_is_made_again(autojump_clock):
    stage = Stage(breaker=BreakerSettings(failures=999))
    async with stage.running():
        stage.paper.script.on("place", lost())
        await stage.place()
        await trio.sleep(25)
        times = reads_at(stage)
        stage.paper.script.on("order_book", Fault.refuse("E1", "maintenance"), times=2)
        await trio.sleep(70)
    assert times == pytest.approx([32, 33, 35, 92])


async def test_a_book_that_never_comes_is_given_up_after_thirty_seconds(
    autojump_clock, caplog
):
    stage = Stage(breaker=BreakerSettings(failures=999))
    async with stage.running():
        await stage.place(resting())
        stage.paper.script.on("order_book", Fault.never(), times=4)
        await trio.sleep(40)
        assert (await stage.report()).connection == "degraded"
        assert caplog.text.count("one's book could not be read") == 1
        await trio.sleep(60)
        assert (await stage.report()).connection == "connected"


async def test_after_a_long_book_the_next_is_waited_for_longer(autojump_clock):
    def long(rows):
        others = [a_row(broker_order_id=f"X{n}", tag=None) for n in range(3999)]
        return [*rows, *others]

    async with Stage(Book(make_paper(), long)).running() as stage:
        times = reads_at(stage)
        await stage.place(resting())
        await trio.sleep(10)
    first = 1.05 + 3.999  # after the start's own read: 1 ms for each row
    assert times == pytest.approx([first, first + 4])


async def test_a_look_that_works_ends_the_wait_after_failures(autojump_clock):
    async with Stage().running() as stage:
        for _ in range(2):
            order = await stage.place(resting())
        await trio.sleep(0.1)
        stage.paper.script.on("order_book", Fault.refuse("E1", "maintenance"), times=5)
        await trio.sleep(1 + 1 + 2 + 4 + 8 + 0.5)  # and the next in 16 s
        await stage.cancel(order.order_id)
        times = reads_at(stage)
        began = trio.current_time()
        await trio.sleep(3.5)
    assert times == pytest.approx([began + 1, began + 2, began + 3])


async def test_a_book_that_has_to_wait_too_long_for_its_slot_is_a_failure(
    autojump_clock,
):
    async with Stage().running() as stage:
        await stage.place(resting())
        await trio.sleep(0.5)
        stage.limiter.pause(trio.current_time() + 100)
        await trio.sleep(1)
        assert (await stage.report()).connection == "degraded"


async def test_changes_that_take_long_to_store_are_no_failure_to_read_the_book(
    autojump_clock, caplog
):
    paper = make_paper(fill="manual")
    async with Stage(paper).running() as stage:
        orders = [await stage.place(resting()) for _ in range(9)]
        for order in orders:
            paper.fill(order.broker_order_id, 10, 700)
        stage.commit_takes = 4
        await trio.sleep(60)
        stories = [stage.story(order.order_id) for order in orders]
        assert stories == [["placed", "acked", "filled"]] * 9
    assert caplog.records == []


# What a row says


async def test_an_order_whose_tag_the_book_does_not_show_is_found_by_its_number(
    autojump_clock, caplog
):
    """And rows without a tag are not taken for one order sent twice."""
    paper = make_paper(fill="manual")
    async with Stage(Book(paper, without_tags)).running() as stage:
        orders = [await stage.place(resting()) for _ in range(2)]
        paper.fill(orders[1].broker_order_id, 10, 700)
        await trio.sleep(1.5)
        assert stage.stored(orders[0].order_id).status == "acked"
        assert stage.stored(orders[1].order_id).status == "filled"
    assert caplog.records == []


async def test_an_order_that_arrived_is_found_by_its_tag(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.lose_answer())
        order = await stage.place(resting())
        assert order.status == "unknown"
        await trio.sleep(1.5)
        found = stage.stored(order.order_id)
        assert (found.status, found.broker_order_id) == ("acked", "PAPER-000001")
        assert (found.error_code, found.message) == (None, None)
        assert stage.story(order.order_id) == ["placed", "unknown", "acked"]


async def test_an_order_that_shows_late_is_found_late(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.lose_answer(hidden_for=90))
        order = await stage.place(resting())
        await trio.sleep(89)
        assert stage.stored(order.order_id).status == "unknown"
        await trio.sleep(61)
        assert stage.stored(order.order_id).status == "acked"


async def test_fills_come_out_of_the_book_one_after_the_other(autojump_clock):
    paper = make_paper(fill="manual")
    async with Stage(paper).running() as stage:
        order = await stage.place(resting())
        paper.fill(order.broker_order_id, 4, 700)
        await trio.sleep(1.5)
        paper.fill(order.broker_order_id, 6, 710)
        await trio.sleep(1.5)
        assert stage.story(order.order_id) == [
            *("placed", "acked", "partially_filled", "filled")
        ]
        fills = [
            (event.fill_quantity, event.fill_price)
            for event in stage.store.events(order.order_id)
            if event.fill_quantity
        ]
        assert fills == [(4, 700), (6, 710)]
        assert stage.stored(order.order_id).average_price == 706
        assert (await stage.report()).open_orders == 0


async def test_a_stale_book_changes_nothing(autojump_clock):
    paper = make_paper(fill="manual")
    async with Stage(paper).running() as stage:
        order = await stage.place(resting())
        paper.script.on("order_book", Fault.stale_book(), times=3)
        await trio.sleep(5)
        assert stage.story(order.order_id) == ["placed", "acked"]


async def test_an_order_refused_in_the_book_is_rejected_in_its_words(autojump_clock):
    async with Stage().running() as stage:
        refused = Fault.refuse("RMS", "RMS: no margin", in_book=True)
        late = msgspec.structs.replace(refused, answers=False, after=1)
        stage.paper.script.on("place", late)
        order = await stage.place(within=3)
        assert order.status == "unknown"
        await trio.sleep(2)
        found = stage.stored(order.order_id)
        assert (found.status, found.broker_message) == ("rejected", "RMS: no margin")


async def test_two_orders_of_one_tag_are_told_as_a_doubled_order(
    autojump_clock, caplog
):
    async with Stage().running() as stage:
        order = await stage.place(resting())
        await stage.paper.place(resting(), order.order_id, lambda: None)
        await trio.sleep(1.5)
    doubled = [row for row in caplog.records if row.levelname == "CRITICAL"]
    assert doubled[0].event == "order.doubled"


async def test_of_two_orders_of_one_tag_the_first_is_taken(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.lose_answer())
        order = await stage.place(resting())
        await stage.paper.place(resting(), order.order_id, lambda: None)
        await trio.sleep(1.5)
        assert stage.stored(order.order_id).broker_order_id == "PAPER-000001"


async def test_orders_of_others_are_left_alone(autojump_clock):
    async with Stage().running() as stage:
        await stage.paper.place(resting(), "", lambda: None)
        await stage.paper.place(resting(), "SOMEBODY", lambda: None)
        order = await stage.place(resting())
        await trio.sleep(3)
        assert stage.stored(order.order_id).broker_order_id == "PAPER-000003"


async def test_a_row_read_before_an_order_was_settled_does_not_overturn_it(
    autojump_clock, caplog
):
    """The book is read with the order in it, and then its refusal is here first."""
    async with Stage().running() as stage:
        await stage.place(resting())
        nth = stage.calls("order_book") + 1
        stage.paper.script.on("order_book", Fault.delay(2), nth=nth)
        stage.paper.place = refuses_what_it_took(stage.paper)
        order = await stage.place(resting())
        assert order.status == "rejected"
        await trio.sleep(1)
        assert stage.story(order.order_id) == ["placed", "rejected"]
        assert caplog.records == []
        await trio.sleep(2)
        assert stage.story(order.order_id) == ["placed", "rejected", "acked"]


# Not placed


async def until_not_placed(stage, order_id):
    for _ in range(1000):
        if stage.stored(order_id).status != "unknown":
            break
        await trio.sleep(0.5)
    return trio.current_time()


async def test_one_that_never_arrived_is_not_placed_after_two_minutes_at_least(
    autojump_clock,
):
    async with Stage().running() as stage:
        stage.paper.script.on("place", lost())
        order = await stage.place()
        at = await until_not_placed(stage, order.order_id)
        assert at == pytest.approx(152, abs=1)
        settled = stage.stored(order.order_id)
        assert (settled.status, settled.error_code) == ("not_placed", "not_sent")
        assert settled.message == "asked long enough, the broker does not have it"
        trades = stage.calls("trades")
        await trio.sleep(200)
        assert stage.calls("trades") == trades  # nothing is looked for any more


async def test_a_read_counts_from_its_beginning(autojump_clock):
    """A book that takes nine seconds tells what was true nine seconds ago."""
    async with Stage().running() as stage:
        await stage.place(resting())  # so that the book is read again and again
        stage.paper.script.on("order_book", Fault.delay(9), times=None)
        await trio.sleep(5)
        stage.paper.script.on("place", lost())
        order = await stage.place(resting())
        since = trio.current_time()
        at = await until_not_placed(stage, order.order_id)
        assert since + 120 + 9 <= at < since + 120 + 9 + 10


async def test_failed_reads_do_not_count_as_not_seen(autojump_clock):
    stage = Stage(breaker=BreakerSettings(failures=999))
    async with stage.running():
        stage.paper.script.on("place", lost())
        order = await stage.place()
        stage.paper.script.on("order_book", Fault.server_error(), times=60)
        at = await until_not_placed(stage, order.order_id)
        assert at > 300


async def test_a_book_that_lacks_what_it_has_shown_does_not_count(
    autojump_clock, caplog
):
    """Such as one that is empty now and then, and says that it is all."""
    book = Book(make_paper(), lambda rows: rows)
    async with Stage(book).running() as stage:
        await stage.place(resting())
        await trio.sleep(2)
        stage.paper.script.on("place", lost())
        order = await stage.place(resting())
        book._turn = lambda rows: []
        await trio.sleep(500)
        assert stage.stored(order.order_id).status == "unknown"
        words = "one's book lacks 1 orders that it has shown: nothing is missing by it"
        assert caplog.text.count(words) == 1
        book._turn = lambda rows: rows
        await trio.sleep(90)
        assert stage.stored(order.order_id).status == "not_placed"


async def test_orders_that_a_broker_clears_out_are_not_waited_for_for_ever(
    autojump_clock,
):
    book = Book(make_paper(), lambda rows: rows)
    async with Stage(book).running() as stage:
        await stage.place(resting())
        await trio.sleep(2)
        stage.paper.script.on("place", lost())
        order = await stage.place(resting())
        book._turn = lambda rows: []
        await trio.sleep(700)
        assert stage.stored(order.order_id).status == "not_placed"


async def test_it_is_not_concluded_while_a_trade_bears_the_tag(autojump_clock):
    paper = make_paper()
    async with Stage(paper).running() as stage:
        paper.script.on("place", Fault.lose_answer())
        paper.script.on("order_book", Fault.stale_book(), times=None)
        order = await stage.place()
        await trio.sleep(600)
        assert stage.stored(order.order_id).status == "unknown"
        assert stage.calls("trades") > 3
        paper.script.clear()
        await trio.sleep(61)
        assert stage.stored(order.order_id).status == "filled"


async def test_it_is_not_concluded_while_a_position_is_unexplained(
    autojump_clock, caplog
):
    """The book and the trades hide the order, the position does not."""
    paper = make_paper()
    async with Stage(paper).running() as stage:
        paper.script.on("place", Fault.lose_answer(hidden_for=400))
        order = await stage.place()
        await trio.sleep(399)
        assert stage.stored(order.order_id).status == "unknown"
        assert "NSE:SBIN: a position is unexplained" in caplog.text
        await trio.sleep(60)
        assert stage.stored(order.order_id).status == "filled"


async def test_it_is_not_concluded_where_trades_cannot_be_read(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", lost())
        stage.paper.script.on("trades", Fault.refuse("E1", "later"), times=3)
        order = await stage.place()
        at = await until_not_placed(stage, order.order_id)
        assert stage.calls("trades") == 4
        assert at > 152


async def test_trades_that_have_to_wait_too_long_for_their_slot_are_a_failure(
    autojump_clock,
):
    async with Stage().running() as stage:
        stage.paper.script.on("place", lost())
        order = await stage.place()

        def pause(call):
            if trio.current_time() > 150:
                stage.limiter.pause(trio.current_time() + 100)
            return False

        stage.paper.script.on("order_book", Fault(), times=None, when=pause)
        await trio.sleep(155)
        assert (await stage.report()).connection == "degraded"
        assert stage.stored(order.order_id).status == "unknown"


async def test_one_that_turns_up_after_all_is_taken_back_with_an_alert(
    autojump_clock, caplog
):
    paper = make_paper()
    async with Stage(paper).running() as stage:
        paper.script.on("place", Fault.lose_answer(hidden_for=250))
        order = await stage.place(resting())
        await trio.sleep(200)
        assert stage.stored(order.order_id).status == "not_placed"
        await trio.sleep(75)
        assert stage.story(order.order_id) == [
            *("placed", "unknown", "not_placed", "acked")
        ]
    alerts = [row.message for row in caplog.records if row.levelname == "CRITICAL"]
    assert alerts == ["an order that was not_placed is acked at the broker"]


async def test_a_fill_that_crossed_the_cancel_is_not_lost(autojump_clock, caplog):
    paper = make_paper(fill="manual")
    async with Stage(paper).running() as stage:
        order = await stage.place(resting())
        assert (await stage.cancel(order.order_id)).record.status == "cancelled"
        entry = paper._account.book.entries[order.broker_order_id]
        row = msgspec.structs.replace(
            entry.row(), filled_quantity=Decimal(4), average_price=Decimal(700)
        )
        entry.row = lambda: row
        await trio.sleep(61)
        assert stage.stored(order.order_id).filled_quantity == 4
        assert stage.story(order.order_id) == [
            *("placed", "acked", "cancelled", "cancelled")
        ]
    alerts = [row.message for row in caplog.records if row.levelname == "CRITICAL"]
    assert alerts == ["an order that was cancelled is cancelled at the broker"]


async def test_an_order_on_its_way_is_nobodys_to_call_missing(autojump_clock):
    stage = Stage(submit_timeout=400)
    async with stage.running():
        stage.paper.script.on("place", Fault(after=300, hidden_for=299))
        order = await stage.place(resting())
        assert order.status == "unknown"
        await trio.sleep(290)
        assert stage.stored(order.order_id).status == "unknown"
        await trio.sleep(20)
        assert stage.story(order.order_id) == ["placed", "unknown", "acked"]


# The breaker


async def test_a_half_open_breaker_is_closed_by_two_reads_a_second_apart(
    autojump_clock,
):
    stage = Stage(breaker=BreakerSettings(failures=1, jitter=0))
    async with stage.running():
        stage.paper.script.on("place", Fault.lose_request())
        await stage.place()
        await trio.sleep(0.1)
        assert (await stage.report()).breaker == "OPEN"
        await trio.sleep(29)
        assert (await stage.report()).breaker == "OPEN"
        times = reads_at(stage)
        await trio.sleep(3)
        assert (await stage.report()).breaker == "CLOSED"
        first, second = times
        assert second - first == pytest.approx(1)


async def test_a_broker_that_stays_down_is_probed_once_a_cooldown(autojump_clock):
    stage = Stage(breaker=BreakerSettings(failures=1, jitter=0, cooldown=100))
    async with stage.running():
        stage.paper.script.on("*", Fault.connect_failure(), times=None)
        stage.breaker.force_open(2)
        stage.breaker.auto(2)
        reads = stage.calls("order_book")
        await trio.sleep(61)
        assert stage.calls("order_book") > reads
        assert (await stage.report()).breaker == "OPEN"


# Positions


def a_position(moved, symbol="NSE:SBIN"):
    return Position(
        symbol=symbol,
        product="CNC",
        quantity=Decimal(100),
        day_quantity=Decimal(moved),
        average_price=Decimal(1),
        last_price=None,
        realised_pnl=Decimal(0),
        unrealised_pnl=Decimal(0),
    )


def a_trade(quantity, side="BUY", symbol="NSE:SBIN"):
    return Trade(
        trade_id="T1",
        broker_order_id="B1",
        tag=None,
        symbol=symbol,
        side=an_order(side=side).side,
        quantity=Decimal(quantity),
        price=Decimal(1),
        product="CNC",
    )


@pytest.mark.parametrize(
    ("positions", "trades", "fits"),
    [
        ([], [], True),
        ([a_position(0)], [], True),
        ([a_position(10)], [a_trade(10)], True),
        ([a_position(6)], [a_trade(10), a_trade(4, "SELL")], True),
        ([a_position(-4)], [a_trade(4, "SELL")], True),
        ([a_position(4), a_position(6)], [a_trade(10)], True),
        ([a_position(10)], [], False),
        ([], [a_trade(10)], False),
        ([a_position(20)], [a_trade(10)], False),
        ([a_position(10, "NSE:TCS")], [], True),
        ([a_position(10)], [a_trade(10, symbol="NSE:TCS")], False),
    ],
)
def test_positions_are_explained_when_todays_trades_add_up_to_them(
    positions, trades, fits
):
    assert explained("NSE:SBIN", positions, trades) is fits
