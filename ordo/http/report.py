"""`GET /api/v1/reconcile/{batch_id}`: what became of a batch, in numbers, against the
brokers' books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import msgspec
import trio

from actors import profit
from actors.mailbox import MailboxError
from actors.messages import FetchAll, Fetched, Reconciled
from adapters import Batch, OrderRecord, OrderStatus
from ordo.http.call import Call
from ordo.http.envelope import BrokerResult, Reply, overall
from ordo.http.errors import ApiError
from ordo.http.numbers import at_most_4_decimals
from ordo.http.orders import path_id
from ordo.http.reconciling import DifferenceView, compared, result_of
from ordo.http.views import OrderView, order_view

SECONDS = 10.0
"""For last prices."""
_S = OrderStatus
COUNTED = {
    _S.FILLED: "filled",
    _S.SETTLED: "filled",
    _S.PLACED: "pending",
    _S.ACKED: "pending",
    _S.PARTIALLY_FILLED: "pending",
    _S.CANCELLED: "cancelled",
    _S.REJECTED: "rejected",
    _S.DENIED: "rejected",
    _S.NOT_PLACED: "rejected",
    _S.UNKNOWN: "unknown",
}


class BatchReport(msgspec.Struct, kw_only=True):
    """A batch in numbers; docs/reports.md defines each with a worked example.

    `rejected_orders` counts what the broker or Ordo refused, and what never arrived.
    `unrealised_pnl` is null where a last price is missing.
    """

    batch_id: str
    portfolio_id: str | int | None
    total_orders: int
    filled_orders: int
    pending_orders: int
    cancelled_orders: int
    rejected_orders: int
    unknown_orders: int
    total_qty: Decimal
    filled_qty: Decimal
    total_value: Decimal
    filled_value: Decimal
    expected_pnl: Decimal
    actual_pnl: Decimal
    unrealised_pnl: Decimal | None
    orders: list[OrderView]
    differences: list[DifferenceView]


async def batch_report(call: Call) -> Reply:
    """What became of a batch, held against the brokers' books as they are now.

    A broker whose book cannot be read has its error in `results`; the numbers are
    Ordo's own all the same.
    """
    batch_id = path_id(call, "batch_id", "batch")
    found, there = await _stored(call, batch_id), call.system.broker_names
    began = trio.current_time()
    brokers = dict.fromkeys(order.broker for order in found[1])
    ends = await compared(call, [name for name in brokers if name in there])
    found = await _stored(call, batch_id)  # a book may have changed it
    batch, orders = found
    last = await _last_prices(call, orders)
    waited = (trio.current_time() - began) * 1000
    results = [result_of(end) for end in ends]
    results += [_gone(name) for name in brokers if name not in there]
    return Reply(
        data=report(batch, orders, last, _differences(ends, orders)),
        status=overall(results),
        results=results,
        broker_ms=waited,
    )


def report(
    batch: Batch,
    orders: Sequence[OrderRecord],
    last: dict[str, Decimal],
    differences: list[DifferenceView],
) -> BatchReport:
    """The numbers of a batch; *last* holds prices by symbol."""
    counts = Counter(COUNTED[order.status] for order in orders)
    asked, filled = profit.asked(orders), profit.filled(orders)
    actual = profit.match(filled)
    open_worth = profit.unrealised(actual.still_open, last)
    shown = at_most_4_decimals
    return BatchReport(
        batch_id=batch.batch_id,
        portfolio_id=batch.portfolio_id,
        total_orders=len(orders),
        filled_orders=counts["filled"],
        pending_orders=counts["pending"],
        cancelled_orders=counts["cancelled"],
        rejected_orders=counts["rejected"],
        unknown_orders=counts["unknown"],
        total_qty=sum((o.order.quantity for o in orders), start=Decimal(0)),
        filled_qty=sum((o.filled_quantity for o in orders), start=Decimal(0)),
        total_value=shown(profit.value(asked)),
        filled_value=shown(profit.value(filled)),
        expected_pnl=shown(profit.match(asked).profit),
        actual_pnl=shown(actual.profit),
        unrealised_pnl=None if open_worth is None else shown(open_worth),
        orders=[order_view(order, batch.portfolio_id) for order in orders],
        differences=differences,
    )


async def _last_prices(call: Call, orders: Sequence[OrderRecord]) -> dict[str, Decimal]:
    """Last prices of what is still open, from the brokers that hold it."""
    still_open = profit.match(profit.filled(orders)).still_open
    wanted = {each.symbol for each in still_open}
    by_broker: dict[str, set[str]] = {}
    for order in orders:
        if order.order.symbol in wanted and order.broker in call.system.brokers:
            by_broker.setdefault(order.broker, set()).add(order.order.symbol)
    last: dict[str, Decimal] = {}

    async def ask(broker: str, symbols: set[str]) -> None:
        fetch = FetchAll(
            kind="quotes", brokers=(broker,), symbols=tuple(sorted(symbols))
        )
        try:
            with trio.fail_after(SECONDS):
                (answer,) = await call.system.router.ask(fetch)
        except (MailboxError, trio.TooSlowError):
            return
        if isinstance(answer, Fetched):
            last.update({row.symbol: row.last_price for row in answer.rows})

    async with trio.open_nursery() as asks:
        for broker, symbols in by_broker.items():
            asks.start_soon(ask, broker, symbols)
    return last


def _differences(
    ends: Sequence[Reconciled], orders: Sequence[OrderRecord]
) -> list[DifferenceView]:
    mine = {order.order_id for order in orders}
    return [
        DifferenceView(broker=end.broker, **msgspec.structs.asdict(row))
        for end in ends
        for row in end.differences
        if row.order_id in mine
    ]


def _gone(name: str) -> BrokerResult:
    return BrokerResult(
        broker=name,
        status="error",
        error_code="broker_unavailable",
        message=f"{name} is not configured any more",
    )


async def _stored(call: Call, batch_id: str) -> tuple[Batch, list[OrderRecord]]:
    found = await call.system.records.read(lambda store: store.batch(batch_id))
    if found is None:
        raise ApiError("not_found", f"no batch {batch_id}")
    return found
