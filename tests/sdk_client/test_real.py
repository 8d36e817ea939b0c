"""A trader's day through the client, against a real Ordo over TLS."""

from decimal import Decimal

import pytest

from ordo_client import Fill, NotFound, Order, ValidationFailed

BOTH = ("one", "two")
LABEL = "a-day"


def limit(quantity, price, side="BUY"):
    return Order(
        symbol="NSE:SBIN", side=side, quantity=quantity, type="LIMIT", price=price
    )


@pytest.fixture
def ordo(secure):
    with secure.client() as client:
        yield client


def test_an_order_is_placed_changed_filled_in_part_and_cancelled(ordo):
    [leg] = ordo.place(limit(10, 700), "one", portfolio_id=LABEL).legs
    changed = ordo.modify(leg.order_id, price=Decimal("701.05"), quantity=12)
    assert (changed.ok, changed.price, changed.quantity) == (
        True,
        Decimal("701.05"),
        12,
    )
    filled = ordo.simulate_fill(leg.order_id, Fill(fill_price=701, fill_qty=3))
    assert (filled.ok, filled.filled_quantity) == (True, 3)
    cancelled = ordo.cancel(leg.order_id)
    assert (cancelled.ok, cancelled.status) == (True, "cancelled")
    record = ordo.order(leg.order_id)
    assert [one.status for one in record.events][-2:] == [
        "partially_filled",
        "cancelled",
    ]
    assert record.events[-2].fill_price == 701
    assert [one.order_id for one in ordo.orders(portfolio_id=LABEL)] == [leg.order_id]


def test_a_desk_is_cleared(ordo):
    placed = ordo.place([limit(1, 700), limit(2, 700)], BOTH, portfolio_id="clear")
    cancelled = ordo.cancel_all(BOTH, symbol="NSE:SBIN")
    assert cancelled.ok is True
    assert (cancelled.done, cancelled.refused) == (cancelled.wanted, 0)
    assert {one.order_id for one in cancelled.answer.results} >= {
        leg.order_id for leg in placed.legs
    }
    batch = ordo.batch(placed.batch_id)
    assert {one.status for one in batch.orders} == {"cancelled"}


def test_positions_are_closed_under_a_key(ordo):
    [leg] = ordo.place(limit(7, 900), "two").legs
    ordo.reconcile("two")
    assert sum(row.quantity for row in ordo.positions("two")) == 7
    closed = ordo.close_positions("two", key="close-1")
    again = ordo.close_positions("two", key="close-1")
    assert (closed.replayed, again.replayed) == (False, True)
    assert (closed.idempotency_key, closed.batch_id) == ("close-1", again.batch_id)
    ordo.reconcile("two")
    assert sum(row.quantity for row in ordo.positions("two")) == 0
    record = ordo.order(leg.order_id)
    assert (record.status, record.filled_quantity) == ("filled", 7)


def test_a_batch_is_reported_in_units_and_money(ordo):
    placed = ordo.place([limit(4, 700), limit(6, 710)], "one")
    report = ordo.reconcile_report(placed.batch_id)
    assert (report.total_orders, report.pending_orders) == (2, 2)
    assert (report.total_qty, report.total_value) == (10, Decimal(7060))
    assert [one.order_id for one in report.orders] == [
        leg.order_id for leg in placed.legs
    ]
    ordo.cancel_all("one")


def test_a_dry_run_leaves_nothing_behind(ordo):
    result = ordo.place(limit(1, 700), BOTH, dry_run=True)
    assert (result.ok, result.dry_run, result.batch_id) == (True, True, None)
    assert [leg.status for leg in result.legs] == ["success", "success"]


def test_what_no_broker_can_do_is_told_by_each_of_them(ordo):
    book = ordo.depth("NSE:SBIN")
    assert (book.ok, len(book)) == (False, 0)
    assert [(one.broker, one.error_code) for one in book.failed] == [
        ("one", "unsupported"),
        ("two", "unsupported"),
    ]


def test_accounts_and_markets_are_read(ordo):
    assert [row.broker for row in ordo.funds()] == ["one", "two"]
    assert {row.last_price for row in ordo.quotes("NSE:SBIN")} == {Decimal(800)}
    portfolio = ordo.portfolio("one")
    assert [row.broker for row in portfolio.funds] == ["one"]
    assert portfolio.totals.funds[0].currency == "INR"
    assert list(ordo.holdings()) == []


def test_the_gateway_is_looked_after(ordo):
    assert [row.broker for row in ordo.status().brokers] == ["one", "two"]
    assert {row.state for row in ordo.sessions()} == {"active"}
    assert ordo.set_breaker("two", "OPEN").forced is True
    assert ordo.set_breaker("two", "AUTO").forced is False
    assert ordo.kill("a test").engaged is True
    assert (ordo.kill_switch().reason, ordo.status().health) == ("a test", "halted")
    assert ordo.release("over").engaged is False
    assert len(ordo.masters()) == 0
    assert "/api/v1/orders" in ordo.openapi()["paths"]


def test_pages_are_turned_by_their_cursor(ordo):
    ordo.place([limit(1, 700)] * 3, "one", portfolio_id="pages")
    first = ordo.orders(portfolio_id="pages", limit=2)
    rest = ordo.orders(portfolio_id="pages", limit=2, cursor=first.next_cursor)
    assert (len(first), len(rest), rest.next_cursor) == (2, 1, None)
    ordo.cancel_all("one")


def test_a_refusal_names_the_field(ordo):
    with pytest.raises(ValidationFailed, match="at most 4 decimals") as raised:
        ordo.place(limit(1, 0.1 + 0.2), "one")
    assert raised.value.data == {"path": "$.orders[0].price"}
    with pytest.raises(NotFound, match="no order 'nowhere'"):
        ordo.order("nowhere")
