"""Orders in doubt at a broker without tags: found, missed, or left to people."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
import trio

from actors.breaker import BreakerSettings
from adapters import AuditQuery, BookStatus
from adapters.brokers.paper import Fault
from tests.support.gateway import make_paper, wall
from tests.support.stage import Stage, resting
from tests.support.untagged import Untagged, elsewhere, untagged


def lost():
    return Fault.lose_request()


async def in_doubt(stage, fault=None, order=None):
    """Send an order whose answer does not come back."""
    stage.paper.script.on("place", fault or Fault.lose_answer())
    record = await stage.place(order or resting())
    assert record.status == "unknown"
    return record


def told(stage, order_id):
    """What the audit says of an order that people have to decide."""
    return [
        row.entry.detail
        for row in stage.store.audit(AuditQuery(order_id=order_id, limit=1000))
        if row.entry.action == "order.undecided"
    ]


def alerts(caplog, event="order.undecided"):
    return [row for row in caplog.records if getattr(row, "event", None) == event]


# Found


async def test_an_order_that_arrived_is_found_as_the_only_one_of_its_kind(
    autojump_clock, caplog
):
    async with untagged().running() as stage:
        order = await in_doubt(stage)
        await trio.sleep(1.5)
        stored = stage.stored(order.order_id)
        assert (stored.status, stored.broker_order_id) == ("acked", "PAPER-000001")
        event = stage.store.events(order.order_id)[-1]
        assert event.cause == "found in the broker's book as the only order of its kind"
    assert [row.event for row in caplog.records] == ["order.unknown"]


async def test_orders_of_other_kinds_beside_it_do_not_matter(autojump_clock):
    async with untagged().running() as stage:
        order = await in_doubt(stage)
        for other in ({"price": 701}, {"quantity": 9}, {"product": "INTRADAY"}):
            await elsewhere(stage, resting(**other))
        await trio.sleep(1.5)
        assert stage.stored(order.order_id).broker_order_id == "PAPER-000001"


async def test_an_order_of_ours_with_a_number_is_not_taken_for_another(autojump_clock):
    async with untagged().running() as stage:
        first = await stage.place(resting())
        order = await in_doubt(stage, lost())
        await trio.sleep(200)
        assert first.broker_order_id == "PAPER-000001"
        assert stage.stored(order.order_id).status == "not_placed"


async def test_nor_is_one_that_is_settled_and_forgotten(autojump_clock):
    async with untagged().running() as stage:
        first = await stage.place(resting())
        stage.paper.fill(first.broker_order_id, 10, 700)
        await trio.sleep(61)
        assert stage.stored(first.order_id).status == "filled"
        stage.paper.turn = unwatched  # so that its number alone tells whose it is
        order = await in_doubt(stage, lost())
        await trio.sleep(200)
        assert stage.stored(order.order_id).status == "not_placed"
        assert len(stage.tags()) == 1


def unwatched(row):
    """A row that was placed just now."""
    at = row.placed_at + timedelta(seconds=60)
    return msgspec.structs.replace(row, placed_at=at)


async def test_an_order_that_was_there_before_the_send_is_not_taken(autojump_clock):
    async with untagged(poll=5.0).running() as stage:
        await elsewhere(stage, resting())
        stage.paper.ahead = timedelta(seconds=70)  # it looks as if placed after it
        await trio.sleep(61)
        order = await in_doubt(stage, lost())
        await trio.sleep(200)
        assert stage.stored(order.order_id).status == "not_placed"


async def test_a_book_that_tells_no_times_serves_where_it_was_read_before(
    autojump_clock,
):
    async with untagged(poll=1.0).running() as stage:
        stage.paper.tells_time = False
        await stage.place(resting(price=650))  # so that the book is read
        await elsewhere(stage, resting())
        await trio.sleep(2)
        order = await in_doubt(stage)
        await trio.sleep(2)
        assert stage.stored(order.order_id).broker_order_id == "PAPER-000003"


async def test_a_refused_order_in_the_book_is_found_as_rejected(autojump_clock):
    async with untagged().running() as stage:
        refused = Fault.refuse("RMS", "RMS: no margin", in_book=True)
        late = msgspec.structs.replace(refused, answers=False, after=1)
        stage.paper.script.on("place", late)
        order = await stage.place(resting(), within=3)
        assert order.status == "unknown"
        await trio.sleep(12)
        assert stage.stored(order.order_id).status == "rejected"


async def test_the_cancel_of_an_order_in_doubt_goes_out_when_it_is_found(
    autojump_clock,
):
    async with untagged().running() as stage:
        order = await in_doubt(stage, Fault.lose_answer(hidden_for=4))
        answer = await stage.cancel(order.order_id)
        assert answer.record.status == "unknown"
        await trio.sleep(6)
        assert stage.story(order.order_id)[-2:] == ["acked", "cancelled"]
        row = (await stage.paper.order_book())[0]
        assert row.status is BookStatus.CANCELLED


async def test_one_read_serves_fifty_in_doubt(autojump_clock):
    stage = Stage(Untagged(make_paper()), breaker=BreakerSettings(failures=99))
    async with stage.running():
        stage.paper.script.on("place", Fault.lose_answer(hidden_for=4), times=50)
        async with trio.open_nursery() as tasks:
            for number in range(50):
                tasks.start_soon(stage.place, resting(price=600 + number))
        reads = stage.calls("order_book")
        assert (await stage.report()).unknown_orders == 50
        await trio.sleep(2.9)  # looks after 1 and 2 s
        assert stage.calls("order_book") == reads + 2
        assert (await stage.report()).unknown_orders == 50
        await trio.sleep(3)  # and after 5 s
        assert stage.calls("order_book") == reads + 3
        assert (await stage.report()).unknown_orders == 0
        numbers = [stage.store.order(o).broker_order_id for o in stage.store._orders]
        assert len(set(numbers)) == 50


# Left to people


async def test_of_two_that_may_be_it_neither_is_taken_and_people_are_told_once(
    autojump_clock, caplog
):
    async with untagged().running() as stage:
        order = await in_doubt(stage)
        await elsewhere(stage, resting())
        await trio.sleep(1000)
        assert stage.stored(order.order_id).status == "unknown"
        numbers = "PAPER-000001, PAPER-000002"
        cause = f"its row in the book may be {numbers}"
        detail = {"symbol": "NSE:SBIN", "cause": cause, "candidates": numbers}
        assert told(stage, order.order_id) == [detail]
        (alert,) = alerts(caplog)
        assert (alert.levelname, alert.order_id) == ("CRITICAL", order.order_id)


async def test_an_order_changed_elsewhere_is_not_called_absent(autojump_clock, caplog):
    """Its row has another price now: it is no match, and no proof of absence."""

    def changed(row):
        return msgspec.structs.replace(row, price=Decimal(705))

    async with untagged().running() as stage:
        stage.paper.turn = changed
        order = await in_doubt(stage)
        await trio.sleep(100)
        assert alerts(caplog) == []
        await trio.sleep(500)
        assert stage.stored(order.order_id).status == "unknown"
        assert len(alerts(caplog)) == 1


async def test_a_broker_whose_clock_is_off_leaves_the_order_in_doubt(
    autojump_clock, caplog
):
    async with untagged().running() as stage:
        stage.paper.ahead = -timedelta(hours=12)  # an afternoon without its PM
        order = await in_doubt(stage)
        await trio.sleep(500)
        assert stage.stored(order.order_id).status == "unknown"
        assert len(alerts(caplog)) == 1


async def test_a_rejected_row_may_be_that_of_an_equal_order_refused_just_before(
    autojump_clock, caplog
):
    """Its refusal named no number: the row must not end the next one, which is live."""
    async with untagged().running() as stage:
        stage.paper.numbers_refusals = False
        stage.paper.script.on("place", Fault.refuse("RMS", "no", in_book=True))
        assert (await stage.place(resting())).status == "rejected"
        order = await in_doubt(stage, Fault.lose_answer(hidden_for=3))
        await trio.sleep(2.5)
        assert stage.stored(order.order_id).status == "unknown"
        await trio.sleep(500)
        assert stage.stored(order.order_id).status == "unknown"  # two rows may be it
        assert len(told(stage, order.order_id)) == 2


async def test_two_of_a_kind_that_an_earlier_run_left_are_not_guessed_at(
    autojump_clock, caplog
):
    first = untagged()
    async with first.running():
        one = await first.accept(resting(), sending=True)
        two = await first.accept(resting(), sending=True)
        left = first.store.copied()
        await elsewhere(first, resting())
    async with Stage(first.paper, left).running() as second:
        await trio.sleep(500)
        for record in (one, two):
            assert second.stored(record.order_id).status == "unknown"
            assert len(told(second, record.order_id)) == 1


async def test_after_a_crash_a_row_without_a_time_is_left_to_people(autojump_clock):
    first = untagged()
    first.paper.tells_time = False
    async with first.running():
        order = await in_doubt(first)
        left = first.store.copied()
    async with Stage(first.paper, left).running() as second:
        await trio.sleep(200)
        assert second.stored(order.order_id).status == "unknown"
        assert len(told(second, order.order_id)) == 1


async def test_after_a_crash_the_only_one_of_its_kind_and_time_is_found(autojump_clock):
    first = untagged()
    async with first.running():
        order = await in_doubt(first)
        left = first.store.copied()
        await elsewhere(first, resting(price=701))
    async with Stage(first.paper, left).running() as second:
        assert second.stored(order.order_id).broker_order_id == "PAPER-000001"


async def test_an_order_settled_by_an_earlier_run_is_not_taken_for_another(
    autojump_clock,
):
    first = untagged()
    async with first.running():
        done = await first.place(resting())
        first.paper.fill(done.broker_order_id, 10, 700)
        await trio.sleep(61)
        assert first.stored(done.order_id).status == "filled"
        first.paper.turn = unwatched
        order = await in_doubt(first, lost())
        left = first.store.copied()
    async with Stage(first.paper, left).running() as second:
        await trio.sleep(200)
        assert second.stored(order.order_id).status == "not_placed"


# Not placed


async def test_one_that_never_arrived_is_not_placed_as_where_tags_are_shown(
    autojump_clock,
):
    async with untagged().running() as stage:
        order = await in_doubt(stage, lost())
        await trio.sleep(119)
        assert stage.stored(order.order_id).status == "unknown"
        await trio.sleep(40)
        stored = stage.stored(order.order_id)
        assert (stored.status, stored.error_code) == ("not_placed", "not_sent")


async def test_it_is_not_concluded_while_a_trade_that_nobody_owns_may_be_its(
    autojump_clock, caplog
):
    paper = make_paper()
    async with untagged(paper).running() as stage:
        paper.script.on("order_book", Fault.stale_book(), times=None)
        order = await in_doubt(stage, order=resting(price=813))
        await trio.sleep(600)
        assert stage.stored(order.order_id).status == "unknown"
        (detail,) = told(stage, order.order_id)
        assert detail["cause"] == "a trade that nobody owns may be its"
        paper.script.clear()
        await trio.sleep(61)
        assert stage.stored(order.order_id).status == "filled"


async def test_nor_while_a_position_is_unexplained(autojump_clock, caplog):
    paper = make_paper()
    async with untagged(paper).running() as stage:
        order = await in_doubt(
            stage, Fault.lose_answer(hidden_for=400), resting(price=813)
        )
        await trio.sleep(399)
        assert stage.stored(order.order_id).status == "unknown"
        assert "NSE:SBIN: a position is unexplained" in caplog.text


async def test_a_trade_from_before_the_send_does_not_stand_in_the_way(autojump_clock):
    async with untagged().running() as stage:
        number = await elsewhere(stage, resting())
        stage.paper.fill(number, 10, 700)
        await trio.sleep(61)
        order = await in_doubt(stage, lost())
        await trio.sleep(200)
        assert stage.stored(order.order_id).status == "not_placed"


async def test_trades_of_our_other_orders_do_not_stand_in_the_way(autojump_clock):
    paper = make_paper()
    async with untagged(paper).running() as stage:
        await stage.place(resting(price=813))
        order = await in_doubt(stage, lost())
        await trio.sleep(200)
        assert stage.stored(order.order_id).status == "not_placed"


async def test_one_that_turns_up_after_all_is_taken_back_with_an_alert(
    autojump_clock, caplog
):
    async with untagged().running() as stage:
        order = await in_doubt(stage, Fault.lose_answer(hidden_for=250))
        await trio.sleep(200)
        assert stage.stored(order.order_id).status == "not_placed"
        await trio.sleep(120)
        assert stage.story(order.order_id) == [
            *("placed", "unknown", "not_placed", "acked")
        ]
    (alert,) = alerts(caplog, "order.overturned")
    assert alert.levelname == "CRITICAL"


async def test_of_two_that_turn_up_late_neither_overturns_it(autojump_clock, caplog):
    async with untagged().running() as stage:
        stage.paper.script.on("place", Fault.late(250), nth=2)
        order = await in_doubt(stage, Fault.lose_answer(hidden_for=250))
        await elsewhere(stage, resting())
        await trio.sleep(200)
        assert stage.stored(order.order_id).status == "not_placed"
        await trio.sleep(300)
        assert stage.stored(order.order_id).status == "not_placed"
        assert len(told(stage, order.order_id)) == 1


async def test_an_equal_order_placed_elsewhere_later_does_not_overturn_it(
    autojump_clock, caplog
):
    async with untagged().running() as stage:
        order = await in_doubt(stage, lost())
        await trio.sleep(200)
        await elsewhere(stage, resting())
        await trio.sleep(120)
        assert stage.stored(order.order_id).status == "not_placed"
    assert [row.event for row in caplog.records] == ["order.unknown"]


async def test_an_equal_order_of_ours_on_its_way_does_not_overturn_it(autojump_clock):
    async with untagged(poll=0.5).running() as stage:
        first = await in_doubt(stage, lost())
        await trio.sleep(155)
        assert stage.stored(first.order_id).status == "not_placed"
        await stage.place(resting(price=650))
        stage.paper.script.on("place", Fault.delay(4))
        second = await stage.place(resting(), within=9)
        assert (second.status, second.broker_order_id) == ("acked", "PAPER-000002")
        assert stage.stored(first.order_id).status == "not_placed"


def late_in_the_evening(stage):
    """It starts at 23:59 in India."""
    evening = timedelta(hours=14, minutes=44)
    clockwork = stage.clockwork._replace(wall=lambda: wall() + evening)
    stage.parts = stage.parts._replace(clockwork=clockwork)
    return stage


@pytest.mark.parametrize("tagged", [True, False])
async def test_an_order_sent_before_midnight_is_not_missed_in_the_next_days_book(
    autojump_clock, caplog, tagged
):
    stage = late_in_the_evening(Stage() if tagged else untagged())
    async with stage.running():
        order = await in_doubt(stage, lost())
        await trio.sleep(600)
        assert stage.stored(order.order_id).status == "unknown"
        (detail,) = told(stage, order.order_id)
        assert detail["cause"].startswith("its day is over")
        assert len(alerts(caplog)) == 1
        again = await stage.place(resting())
        assert again.status == "acked"  # nobody waits for yesterday's


async def test_a_row_of_the_next_day_is_not_taken_for_an_order_of_the_evening(
    autojump_clock,
):
    stage = late_in_the_evening(untagged())
    stage.paper.ahead = timedelta(hours=14, minutes=44)
    async with stage.running():
        order = await in_doubt(stage, lost())
        await trio.sleep(70)  # it is tomorrow, and still inside the order's window
        await elsewhere(stage, resting())
        await trio.sleep(120)
        assert stage.stored(order.order_id).status == "unknown"
        assert [row.placed_at.day for row in await stage.paper.order_book()] == [23]
