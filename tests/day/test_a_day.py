"""A whole market day under virtual time; its numbers against the brokers' own books."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import pairwise

import trio
import trio._core._run as trio_run
import trio.testing

from tests.day import check
from tests.day.books import cash
from tests.day.desk import AROUND, DROPS, Desk
from tests.day.exchange import BALANCE
from tests.day.plan import make

BROKERS = ("one", "two", "three")
PRICES = {
    "NSE:SBIN": Decimal(812),
    "NSE:INFY": Decimal(1498),
    "NSE:RELIANCE": Decimal(1402),
    "NSE:TCS": Decimal(3120),
    "NSE:ITC": Decimal(404),
}
TELL = ("one", "two")
"""They have a stream of order updates; of the third one the book alone tells."""
SEED = 20261123
DAY = 86_400.0
SIX_OF_A_HOLIDAY = DAY + 33_300.0
"""18:30 of Tuesday, 24 November 2026, on which nobody trades."""
BEFORE_SIX = 2 * DAY + 30_300.0
"""17:40 of the Wednesday: the first trading day after the Monday of the plan."""


def played(seed, main, *args):
    """Run under a virtual clock; the same seed goes the same way."""
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True
    trio_run._r.seed(seed)
    try:
        clock = trio.testing.MockClock(autojump_threshold=0)
        return trio.run(main, *args, clock=clock)
    finally:
        trio_run._ALLOW_DETERMINISTIC_SCHEDULING = False


def test_a_day_ends_as_the_brokers_books_do(tmp_path):
    desk = Desk(make(SEED, BROKERS, PRICES, 200, moments=AROUND), tmp_path, tell=TELL)
    played(SEED, _day, desk)


async def _day(desk):
    async with desk.open():
        await desk.trade()
        await _evening(desk)
    await trio.sleep_until(SIX_OF_A_HOLIDAY)
    async with desk.open(seed=2):
        assert Counter(row["status"] for row in await desk.orders())["settled"] == 0
    await trio.sleep_until(BEFORE_SIX)
    async with desk.open(seed=3):
        await _settlement(desk)


async def _evening(desk):
    """15:30: orders, fills, positions, events and money."""
    books, rows = desk.books(), await desk.orders()
    _was_eventful(desk, rows)
    assert check.orders(rows, books) == []
    stored = {row["order_id"]: _stored(desk, row) for row in rows}
    told = desk.recorder.events
    assert check.stories(rows, told, stored) == []
    assert check.in_order(told) == []
    assert check.fills(rows, told, books) == []
    for row in rows:
        booked = books[row["broker"]].get(row["client_tag"])
        average = booked.average if booked else None
        assert desk.store.order(row["order_id"]).average_price == average
    for row in rows[::20]:
        events = (await desk.get(f"orders/{row['order_id']}"))["events"]
        assert [each["status"] for each in events] == stored[row["order_id"]]
    await _accounts(desk, books)
    for batch_id in desk.batch_ids.values():
        await trio.sleep(3)  # three reads of a book and a quote; 200 a minute
        data = await desk.get(f"reconcile/{batch_id}")
        assert check.report(data, books, PRICES) == []


async def _accounts(desk, books):
    """All was squared off: nothing is held, and the profit is money by now."""
    held = (await desk.get("positions"))["positions"]
    assert check.positions(held, books) == []
    assert {row["quantity"] for row in held} == {0}
    for row in (await desk.get("funds"))["funds"]:
        assert row["cash"] - BALANCE == cash(books[row["broker"]].values())


def _was_eventful(desk, rows):
    """The day had what it was to have; else the rest would prove nothing."""
    assert len(desk.legs) == desk.plan.legs == 200
    codes = Counter(leg["error_code"] for leg in desk.legs.values())
    assert codes["broker_unavailable"] >= 10  # the hour without one of them
    assert codes["rejected"] >= 5
    assert codes["unknown"] >= 5
    assert codes["deadline_exceeded"] >= 4  # buys whose sells were not filled
    statuses = Counter(row["status"] for row in rows)
    assert statuses["filled"] >= 100
    assert statuses["cancelled"] >= 30
    assert {leg["sent_as"]["type"] for leg in rows if leg["sent_as"]} == {"LIMIT", "SL"}
    assert desk.refusals.count("conflict") >= 3  # it was filled as it was cancelled
    assert any(row["status"] == "cancelled" and row["filled_quantity"] for row in rows)
    listened = {name: each.connections for name, each in desk.exchanges.items()}
    assert (listened["one"], listened["three"]) == (1 + len(DROPS), 0)
    assert listened["two"] > 50  # for an hour in vain
    stories = [desk.store.events(row["order_id"]) for row in rows]
    assert sum(_parts(story) > 1 for story in stories) >= 30
    assert sum("modified" in repr(story) for story in stories) >= 5
    assert max(_unknown_for(story) for story in stories) > 3500


def _parts(story):
    return sum(event.fill_quantity is not None for event in story)


def _unknown_for(story):
    """Seconds that an order was unknown for."""
    return sum(
        (after.at - before.at).total_seconds()
        for before, after in pairwise(story)
        if before.status == "unknown"
    )


def _stored(desk, row):
    return [str(event.status) for event in desk.store.events(row["order_id"])]


async def _settlement(desk):
    """18:00 of the next trading day, and an hour for Ordo to look."""
    before = await desk.orders()
    await trio.sleep(3700)
    after = await desk.orders()
    wanted = [
        "settled" if row["status"] == "filled" else row["status"] for row in before
    ]
    assert [row["status"] for row in after] == wanted
    told = [each for each in desk.recorder.events if each.type == "order.settled"]
    settled = {row["order_id"] for row in after if row["status"] == "settled"}
    assert sorted(each.order_id for each in told) == sorted(settled)
    assert len(settled) > 100
