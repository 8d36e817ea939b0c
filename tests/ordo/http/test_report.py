"""The report of a batch: the worked example of the docs, and books that differ."""

from decimal import Decimal
from pathlib import Path

import msgspec
import trio

from adapters import OrderStatus
from adapters.brokers.paper import Fault
from ordo.http.report import report
from tests.ordo.http.caller import ORDER, a_body, calling
from tests.support.gateway import an_order
from tests.support.memory_store import START
from tests.support.records import a_record

D = Decimal

DOCS = Path(__file__).parents[3] / "docs" / "reports.md"
LAST = {"NSE:SBIN": D(812), "NSE:INFY": D(1500)}


def an_example():
    """The four orders of the worked example."""
    rows = [
        ("NSE:SBIN", "BUY", 10, "812", 10, "811.50", OrderStatus.FILLED),
        ("NSE:SBIN", "BUY", 10, "813", 4, "812.75", OrderStatus.PARTIALLY_FILLED),
        ("NSE:SBIN", "SELL", 15, "815", 12, "815.25", OrderStatus.CANCELLED),
        ("NSE:INFY", "BUY", 2, "1490", 2, "1489.95", OrderStatus.SETTLED),
    ]
    return [
        a_record(
            status,
            order_id=f"ORDER{number}",
            order=an_order(symbol=symbol, side=side, quantity=quantity, price=price),
            filled_quantity=D(done),
            average_price=D(at),
        )
        for number, (symbol, side, quantity, price, done, at, status) in enumerate(rows)
    ]


def a_batch():
    from adapters import Batch

    return Batch(
        batch_id="B",
        principal="token:t",
        idempotency_key="k",
        portfolio_id=7,
        created_at=START,
        deadline_ms=5000,
    )


def test_the_worked_example_is_reckoned_as_the_docs_say():
    made = report(a_batch(), an_example(), LAST, [])
    assert (made.expected_pnl, made.actual_pnl) == (D("40.00"), D("42.50"))
    assert made.unrealised_pnl == D("18.60")
    assert (made.total_value, made.filled_value) == (D(31455), D("24128.90"))
    assert (made.total_qty, made.filled_qty) == (37, 28)
    counts = (made.total_orders, made.filled_orders, made.pending_orders)
    assert counts == (4, 2, 1)
    assert (made.cancelled_orders, made.rejected_orders, made.unknown_orders) == (
        1,
        0,
        0,
    )
    text = DOCS.read_text()
    for number in ("40.00", "42.50", "18.60", "31455", "24128.90"):
        assert f"**{number}**" in text


def test_without_a_last_price_nobody_makes_one_up():
    assert report(a_batch(), an_example(), {}, []).unrealised_pnl is None


async def test_a_batch_is_held_against_the_books(autojump_clock, tmp_path):
    body = {
        "brokers": ["one", "two"],
        "portfolio_id": "swing",
        "orders": [
            ORDER,
            {**ORDER, "side": "SELL", "price": 700},
            {**ORDER, "price": 1},
        ],
    }
    async with calling(tmp_path, "one", "two") as caller:
        placed = await caller.place(body)
        batch_id = placed.data["batch_id"]
        answer = await caller.get(f"/api/v1/reconcile/{batch_id}")
    data = answer.data
    assert answer.json["status"] == "success"
    assert [row["broker"] for row in answer.legs] == ["one", "two"]
    assert (data["batch_id"], data["portfolio_id"]) == (batch_id, "swing")
    assert (data["total_orders"], data["filled_orders"]) == (6, 4)
    assert data["pending_orders"] == 2
    assert data["expected_pnl"] == 20 * (700 - 813)
    filled = [row for row in data["orders"] if row["filled_quantity"]]
    bought = sum(r["average_price"] * 10 for r in filled if r["side"] == "BUY")
    sold = sum(r["average_price"] * 10 for r in filled if r["side"] == "SELL")
    assert data["actual_pnl"] == sold - bought
    assert data["unrealised_pnl"] == 0
    whats = {(row["broker"], row["what"]) for row in data["differences"]}
    assert ("one", "filled_quantity") in whats
    assert all(row["mended"] for row in data["differences"])


async def test_a_book_that_cannot_be_read_is_told_beside_the_numbers(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, "one", "two") as caller:
        placed = await caller.place(a_body("one", "two", price=700))
        fault = Fault.connect_failure()
        caller.papers["two"].script.on("order_book", fault, times=None)
        batch_id = placed.data["batch_id"]
        answer = await caller.get(f"/api/v1/reconcile/{batch_id}")
    assert answer.json["status"] == "partial"
    assert [row["status"] for row in answer.legs] == ["success", "error"]
    assert answer.data["pending_orders"] == 2


async def test_a_broker_that_is_gone_is_told(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        placed = await caller.place(a_body(price=700))
        store = caller.system.records._store
        order_id = placed.legs[0]["order_id"]
        record = msgspec.structs.replace(store.order(order_id), broker="former")
        store._orders[order_id] = record
        answer = await caller.get(f"/api/v1/reconcile/{placed.data['batch_id']}")
        await trio.lowlevel.checkpoint()
    assert answer.legs[0]["message"] == "former is not configured any more"


async def test_a_batch_that_is_not_there(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        answer = await caller.get("/api/v1/reconcile/0123456789ABCDEF")
    assert answer.code == "not_found"
