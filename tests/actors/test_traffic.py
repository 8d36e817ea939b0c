"""Orders, changes and cancels for each trade: what counts, for how long, and where."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import trio

from actors.messages import ModifyOrder
from actors.traffic import Traffic, ratio, ratio_text
from actors.verdicts import CallResult
from actors.windows import Kind
from adapters import OrderCounts, SaveOrderCounts
from adapters.brokers.paper import Fault
from tests.support.gateway import (
    a_batch,
    an_order,
    make_paper,
    make_system,
    place,
    running,
)
from tests.support.memory_store import MemoryStore
from tests.support.stage import Stage

TODAY = "2026-11-23"
NONE = OrderCounts()


def counts(stage):
    return stage.brokers[-1]._line.traffic.today()[1]


def clock(at):
    return lambda: at[0]


# The counting


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        (Kind.PLACE, OrderCounts(sent=1)),
        (Kind.MODIFY, OrderCounts(changed=1)),
        (Kind.CANCEL, OrderCounts(cancelled=1)),
        (Kind.READ, NONE),
        (Kind.RECONCILE, NONE),
    ],
)
def test_what_changes_orders_counts_and_reads_do_not(kind, counted):
    traffic = Traffic(clock([datetime(2026, 11, 23, 4, tzinfo=UTC)]))
    traffic.called(kind, CallResult.ANSWERED)
    assert traffic.today() == (date(2026, 11, 23), counted)


@pytest.mark.parametrize("result", CallResult)
def test_what_may_have_reached_the_exchange_counts(result):
    proven_not = {"connect_failed", "denied", "limited", "cancelled", "login_expired"}
    traffic = Traffic(clock([datetime(2026, 11, 23, 4, tzinfo=UTC)]))
    traffic.called(Kind.PLACE, result)
    assert traffic.today()[1].sent == (0 if result in proven_not else 1)


def test_a_day_in_india_begins_at_nothing():
    now = [datetime(2026, 11, 23, 18, 29, 59, tzinfo=UTC)]
    traffic = Traffic(clock(now), date(2026, 11, 23), OrderCounts(sent=5, trades=2))
    traffic.called(Kind.PLACE, CallResult.ANSWERED)
    assert traffic.today() == (date(2026, 11, 23), OrderCounts(sent=6, trades=2))
    now[0] = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
    assert traffic.today() == (date(2026, 11, 24), NONE)
    traffic.traded()
    assert traffic.today() == (date(2026, 11, 24), OrderCounts(trades=1))


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (OrderCounts(sent=3, changed=1, cancelled=1, trades=2), "2.50"),
        (OrderCounts(sent=2, trades=3), "0.67"),
        (OrderCounts(trades=1), "0.00"),
        (OrderCounts(sent=9), None),
        (NONE, None),
    ],
)
def test_the_ratio_is_all_that_was_asked_for_each_trade(of, text):
    assert ratio_text(of) == text


def test_the_ratio_itself_is_exact():
    assert ratio(OrderCounts(sent=1, trades=8)) == Decimal("0.125")


# At a broker


async def test_sends_cancels_and_fills_of_an_account_are_counted(autojump_clock):
    stage = Stage(make_paper())
    async with stage.running():
        await stage.place()
        await trio.sleep(60)  # filled
        resting = await stage.place(an_order(price=700))
        await stage.cancel(resting.order_id)
        assert counts(stage) == OrderCounts(sent=2, cancelled=1, trades=1)


async def test_two_fills_of_one_order_are_two_trades(autojump_clock):
    stage = Stage(make_paper(fill="manual"))
    async with stage.running():
        order = await stage.place()
        for _ in range(2):
            stage.paper.fill(order.broker_order_id, Decimal(5), Decimal(812))
            await trio.sleep(60)
        assert counts(stage) == OrderCounts(sent=1, trades=2)


async def test_what_provably_did_not_leave_does_not_count(autojump_clock):
    stage = Stage(make_paper())
    stage.paper.script.on("place", Fault.connect_failure())
    async with stage.running():
        await stage.place()  # at the second try
        assert stage.calls("place") == 2
        assert counts(stage).sent == 1


async def test_an_answer_that_was_lost_counts(autojump_clock):
    stage = Stage(make_paper())
    stage.paper.script.on("place", Fault.lose_answer())
    async with stage.running():
        await stage.place()
        assert counts(stage).sent == 1


async def test_one_that_never_left_in_time_does_not(autojump_clock):
    stage = Stage(make_paper(), submit_timeout=1)
    stage.paper.script.on("place", Fault.slow_connect(9), times=None)
    async with stage.running():
        await stage.place(within=4)
        await trio.sleep(30)
        assert counts(stage).sent == 0


async def test_a_change_counts(autojump_clock):
    system = make_system({"one": make_paper(fill="manual")})
    async with running(system):
        await trio.sleep(2)
        done = await place(system, a_batch("one"))
        message = ModifyOrder(
            order_id=done.orders[0].order_id,
            changes={"price": Decimal(700)},
            by="token:test",
        )
        with trio.fail_after(5):
            assert (await system.router.ask(message)).denial is None
        found = system.seats["one"].traffic.today()[1]
    assert found == OrderCounts(sent=1, changed=1)


# Over restarts


async def test_the_counts_are_stored_within_a_second_and_only_where_they_change(
    autojump_clock,
):
    stage = Stage(make_paper(fill="manual"))
    async with stage.running():
        await stage.place()
        await trio.sleep(1.1)
        stored = stage.store.order_counts("one", TODAY)
        await trio.sleep(60)
    assert stored == OrderCounts(sent=1)
    writes = [w for group in stage.store.commits for w in group]
    assert sum(isinstance(write, SaveOrderCounts) for write in writes) == 1


async def test_an_orderly_end_stores_the_last_of_them(autojump_clock):
    stage = Stage(make_paper(fill="manual"))
    async with stage.running():
        await trio.sleep(0.5)
        await stage.place()
    assert stage.store.order_counts("one", TODAY) == OrderCounts(sent=1)


async def test_a_restart_goes_on_counting(autojump_clock):
    store = MemoryStore()
    for number in (1, 2):
        system = make_system({"one": make_paper(fill="manual")}, store, seed=number)
        async with running(system):
            await trio.sleep(2)
            await place(system, a_batch("one", key=f"key-{number}"))
    assert store.order_counts("one", TODAY) == OrderCounts(sent=2)


async def test_a_crash_of_its_actor_forgets_nothing(autojump_clock):
    system = make_system({"one": make_paper(fill="manual")})
    async with running(system):
        await trio.sleep(2)
        await place(system, a_batch("one"))
        traffic = system.seats["one"].traffic
        system.brokers["one"].tell("no message")
        await trio.sleep(10)
        await place(system, a_batch("one", key="key-2"))
        assert system.restarts("one") == 1
        assert traffic.today()[1] == OrderCounts(sent=2)
