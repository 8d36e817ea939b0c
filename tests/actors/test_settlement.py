"""Settlement: which orders, at what hour, in what portions, over restarts, faults."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import trio

from actors.mailbox import Mailbox
from actors.records import Records
from actors.settlement import AT_ONCE, CAUSE, LOOK_EVERY, Settlement, due_at
from actors.supervisor import ChildGivenUp
from actors.writer import StoreHealth, Writer
from adapters import (
    AuditQuery,
    OrderEvent,
    OrderQuery,
    OrderStatus,
    StoreFailed,
    event_of,
)
from adapters.market import load_calendar
from tests.contracts.writes import accept, record, save
from tests.support.gateway import inline, make_paper, make_system, running, wall
from tests.support.memory_store import START, MemoryStore

SIX = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
"""18:00 in India on the first day of these tests, a Monday; Tuesday is a holiday."""
FRIDAY = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
S = OrderStatus


def filled_in(store, number, at=FRIDAY, status=S.FILLED, **fields):
    """An order that has come to *status* at that time."""
    one = record(number, at=at - timedelta(hours=1), **fields)
    store.commit([accept(number, one), save(one, status, at=at, cause="the book")])
    return one.order_id


def status(store, order_id):
    return store.order(order_id).status


async def settling(store, seconds, now=wall):
    """The actor and its writer over *store* for so long."""
    box = Mailbox("writer", 100)
    writer = Writer(box, store, StoreHealth(), run_sync=inline)
    records = Records(store, run_sync=inline)
    async with trio.open_nursery() as tree:
        await tree.start(writer.run)
        await tree.start(Settlement(box, records, load_calendar(), now).run)
        await trio.sleep(seconds)
        tree.cancel_scope.cancel()


def until(moment):
    """Seconds of virtual time from the start of a test."""
    return (moment - START).total_seconds()


# When ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "filled", "due"),
    [
        ("NSE:SBIN", FRIDAY, SIX),
        ("NSE:SBIN", datetime(2026, 11, 23, 4, 0, tzinfo=UTC), SIX + timedelta(days=2)),
        ("MCX:GOLD", datetime(2026, 11, 23, 4, 0, tzinfo=UTC), SIX + timedelta(days=1)),
        # Half past eleven at night in India: still Friday there.
        ("US:AAPL", datetime(2026, 11, 20, 18, 0, tzinfo=UTC), SIX),
        # Past midnight in India: the day there counts, so it is never too early.
        (
            "US:AAPL",
            datetime(2026, 11, 23, 19, 0, tzinfo=UTC),
            SIX + timedelta(days=2),
        ),
    ],
)
def test_due_is_six_in_the_evening_of_the_trading_day_after(symbol, filled, due):
    order = record(1, symbol=symbol).order
    order = msgspec.structs.replace(order, symbol=symbol)
    one = record(1, order=order, at=filled, status=S.FILLED)
    assert due_at(one, load_calendar()) == due


async def test_a_fill_of_friday_is_settled_on_monday_at_six_and_not_before(
    autojump_clock,
):
    store = MemoryStore()
    one = filled_in(store, 1)
    now = SIX - timedelta(minutes=30)  # it looks each hour from its start

    def clock():
        return now + timedelta(seconds=trio.current_time())

    await settling(store, LOOK_EVERY - 1, clock)
    assert status(store, one) is S.FILLED
    await settling(store, 1, lambda: SIX - timedelta(microseconds=1))
    assert status(store, one) is S.FILLED
    await settling(store, 1, lambda: SIX)
    assert status(store, one) is S.SETTLED


async def test_it_looks_each_hour(autojump_clock):
    store = MemoryStore()
    one = filled_in(store, 1)
    reads = []
    page = store.filled_before

    def counted(*args):
        reads.append(trio.current_time())
        return page(*args)

    store.filled_before = counted
    await settling(store, until(SIX) - 1)
    assert status(store, one) is S.FILLED
    assert [int(at // 3600) for at in reads[::2]] == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    await settling(store, 3600 + 1)
    assert status(store, one) is S.SETTLED


async def test_an_event_and_an_audit_record_tell_of_each_order(autojump_clock):
    store = MemoryStore()
    one = filled_in(store, 1)
    await settling(store, 1, lambda: SIX)
    assert store.events(one)[-1] == OrderEvent(
        order_id=one, at=SIX, status=S.SETTLED, cause=CAUSE
    )
    row = store.audit(AuditQuery(order_id=one))[-1]
    assert (row.entry.actor, row.entry.action) == ("settlement", "order.settled")
    assert (row.entry.broker, row.entry.batch_id) == ("fyers", record(1).batch_id)
    assert event_of(row).type == "order.settled"
    assert event_of(row).data["cause"] == CAUSE
    assert store.order(one).updated_at == SIX


# Which --------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [each for each in S if each is not S.FILLED])
async def test_nothing_but_a_filled_order_is_ever_settled(autojump_clock, other):
    store = MemoryStore()
    one = filled_in(store, 1, status=other)
    before = store.order(one)
    await settling(store, 3600, lambda: SIX + timedelta(days=30))
    assert store.order(one) == before


async def test_a_cancelled_order_with_fills_stays_cancelled(autojump_clock):
    store = MemoryStore()
    one = filled_in(store, 1, status=S.CANCELLED, filled_quantity=4)
    await settling(store, 1, lambda: SIX + timedelta(days=30))
    assert status(store, one) is S.CANCELLED


async def test_what_is_not_due_hides_nothing_that_is(autojump_clock):
    store = MemoryStore()
    friday = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    waiting = [filled_in(store, n, friday) for n in range(2 * AT_ONCE)]
    gold = record(0, symbol="MCX:GOLD").order
    gold = msgspec.structs.replace(gold, symbol="MCX:GOLD")
    later = friday + timedelta(minutes=1)
    due = filled_in(store, 90, later, order=gold)
    await settling(store, 1, lambda: SIX + timedelta(days=1))
    assert status(store, due) is S.SETTLED
    assert {status(store, one) for one in waiting} == {S.FILLED}


# How ----------------------------------------------------------------------------------


async def test_it_settles_in_small_portions(autojump_clock):
    store = MemoryStore()
    many = [filled_in(store, n) for n in range(2 * AT_ONCE + 5)]
    store.commits.clear()
    await settling(store, 1, lambda: SIX)
    assert [len(commit) for commit in store.commits] == [AT_ONCE, AT_ONCE, 5]
    assert {status(store, one) for one in many} == {S.SETTLED}


async def test_what_fell_due_while_ordo_was_down_is_settled_at_its_start_and_once(
    autojump_clock,
):
    store = MemoryStore()
    one = filled_in(store, 1, FRIDAY - timedelta(days=9))
    async with running(make_system({"one": make_paper()}, store)):
        await trio.sleep(1)
    again = store.copied()
    async with running(make_system({"one": make_paper()}, again)):
        await trio.sleep(LOOK_EVERY + 1)
    assert [event.status for event in again.events(one)] == [
        S.PLACED,
        S.FILLED,
        S.SETTLED,
    ]


async def test_a_store_that_fails_only_puts_it_off(autojump_clock, caplog):
    store = MemoryStore()
    one = filled_in(store, 1)
    store.failing = "disk full"

    async def mend():
        await trio.sleep(60)
        store.failing = None

    async with trio.open_nursery() as nursery:
        nursery.start_soon(mend)
        await settling(store, LOOK_EVERY - 1, lambda: SIX)
        assert status(store, one) is S.FILLED
        await settling(store, LOOK_EVERY + 1, lambda: SIX)
    assert status(store, one) is S.SETTLED
    assert "settlement stopped early, until the next hour: " in caplog.text


async def test_a_store_that_cannot_be_read_only_puts_it_off(autojump_clock, caplog):
    store = MemoryStore()
    one, page, broken = filled_in(store, 1), store.filled_before, True

    def read(*args):
        if broken:
            raise StoreFailed("the disk failed")
        return page(*args)

    async def mend():
        nonlocal broken
        await trio.sleep(60)
        broken = False

    store.filled_before = read
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mend)
        await settling(store, LOOK_EVERY + 1, lambda: SIX)
    assert status(store, one) is S.SETTLED
    assert "until the next hour: the disk failed" in caplog.text


async def test_settlement_that_crashes_again_and_again_leaves_trading_alone(
    autojump_clock, caplog, monkeypatch
):
    async def bug(self):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Settlement, "_settle", bug)
    async with running(make_system({"one": make_paper()})) as system:
        await trio.sleep(86_400)
        assert system.store.ok
    assert f"{ChildGivenUp('settlement', 5).name} is given up" in caplog.text


async def test_filled_orders_of_a_real_store_are_settled_too(autojump_clock, tmp_path):
    from adapters.stores.sqlite import SqliteStore

    def clock():
        return SIX

    store = SqliteStore.open(
        tmp_path / "ordo.db",
        wall=clock,
        boot="test",
        audit_key=bytes(32),
        reserve_bytes=0,
    )
    many = [filled_in(store, n) for n in range(AT_ONCE + 1)]
    await settling(store, 1, clock)
    assert {status(store, one) for one in many} == {S.SETTLED}
    assert store.filled_before(SIX, 9) == []
    assert len(store.orders(OrderQuery(status=S.SETTLED))) == len(many)
    store.close()
