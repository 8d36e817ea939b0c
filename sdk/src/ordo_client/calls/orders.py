"""Orders: place, look at, change, cancel, fill by hand, hold against the books."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from ordo_client.answers import Rows
from ordo_client.call import Call, Reply, encode, key_or_new, path, query
from ordo_client.order import (
    Change,
    Fill,
    Number,
    Order,
    OrderType,
    Validity,
    names,
)
from ordo_client.orders import (
    Batch,
    BatchRecord,
    Cancelled,
    OrderRecord,
    Reconciled,
    ReconcileReport,
)
from ordo_client.reading import one, rows

Orders = Order | Iterable[Order]
Names = str | Iterable[str]

ORDER_SECONDS = 5.0
"""Within which Ordo answers an order, where it is not told another deadline."""
CANCEL_SECONDS = 15.0
"""A cancel may queue behind others and wait for the broker's answer."""
FILL_SECONDS = 15.0
BOOKS_SECONDS = 20.0
"""For the brokers' books to be read and compared."""


def place(
    orders: Orders,
    brokers: Names = (),
    *,
    key: str | None = None,
    portfolio_id: str | int | None = None,
    deadline_ms: int | None = None,
    dry_run: bool = False,
    sequential: bool = False,
) -> Call[Batch]:
    """Send orders to brokers: each order to each broker is a leg, at most 50 of them.

    It is safe to try again, which is done: all tries have one idempotency key, and
    Ordo sends what bears one key once. A leg that fails raises nothing; look at the
    result's `legs`, or call its `raise_for_legs()`.

    Args:
        orders: one or several.
        brokers: for the orders that name none of their own.
        key: the idempotency key. With one that you have stored before, the same call
            is safe to make after a crash too; without, each call is new orders.
        portfolio_id: a label of yours.
        deadline_ms: milliseconds in which Ordo answers; what is on its way then is
            `unknown` and settles by itself. Default 5000, at most 60000.
        dry_run: check and answer, send nothing.
        sequential: at each broker the buys wait until its sells are filled.

    Raises:
        OrdoError: nothing was sent, unless its `may_have_arrived` is true; then call
            again with its `idempotency_key`, and never with a new one.
        ValueError: the key cannot be one.
    """
    chosen = key_or_new(key)
    body = {
        "orders": _listed(orders),
        "brokers": names(brokers),
        "portfolio_id": portfolio_id,
        "deadline_ms": deadline_ms,
        "dry_run": dry_run,
        "sequential": sequential,
    }
    return Call(
        "POST",
        path("orders"),
        _batch_under(chosen),
        body=encode(body),
        seconds=_seconds(deadline_ms),
        key=chosen,
    )


def orders(
    *,
    broker: str | None = None,
    status: str | None = None,
    symbol: str | None = None,
    batch_id: str | None = None,
    portfolio_id: str | int | None = None,
    since: datetime | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[Rows[OrderRecord]]:
    """Ordo's orders, newest first; `limit` is 100 by default, at most 1000."""
    wanted = query(
        broker=broker,
        status=status,
        symbol=symbol,
        batch_id=batch_id,
        portfolio_id=portfolio_id,
        since=since,
        limit=limit,
        cursor=cursor,
    )
    return Call("GET", path("orders"), rows("orders", OrderRecord), query=wanted)


def order(order_id: str) -> Call[OrderRecord]:
    """One order, with every change of its status in `events`."""
    return Call("GET", path("orders", order_id), one(OrderRecord))


def batch(batch_id: str) -> Call[BatchRecord]:
    """A batch with its legs as they stand."""
    return Call("GET", path("batches", batch_id), one(BatchRecord))


def modify(
    order_id: str,
    *,
    quantity: Number | UnsetType = UNSET,
    price: Number | UnsetType | None = UNSET,
    trigger_price: Number | UnsetType | None = UNSET,
    type: OrderType | UnsetType = UNSET,
    validity: Validity | UnsetType = UNSET,
    deadline_ms: int | None = None,
) -> Call[OrderRecord]:
    """Change an open order; what is left out stays. `quantity` is the new total.

    The result is the order with its terms afterwards; `ok` says whether they are as
    wanted, `failed` why not. It is safe to repeat: an order that stands as wanted is
    left alone.
    """
    change = Change(
        quantity=quantity,
        price=price,
        trigger_price=trigger_price,
        type=type,
        validity=validity,
        deadline_ms=deadline_ms,
    )
    return Call(
        "PATCH",
        path("orders", order_id),
        one(OrderRecord),
        body=encode(change),
        seconds=_seconds(deadline_ms),
    )


def cancel(order_id: str) -> Call[OrderRecord]:
    """Cancel an order: a queued one never leaves, an unknown one once it is found.

    The result is the order as it stands then: `ok` where it has ended, `pending` where
    that is not known yet.
    """
    return Call(
        "DELETE", path("orders", order_id), one(OrderRecord), seconds=CANCEL_SECONDS
    )


def cancel_all(brokers: Names = (), *, symbol: str | None = None) -> Call[Cancelled]:
    """Cancel every open order at these brokers (default all), of one symbol or of all.

    Tried again after a lost answer, it also takes orders placed in between.
    """
    return Call(
        "POST",
        path("orders", "cancel"),
        one(Cancelled),
        body=encode({"brokers": names(brokers), "symbol": symbol}),
        seconds=CANCEL_SECONDS,
    )


def close_positions(
    brokers: Names,
    *,
    symbol: str | None = None,
    key: str | None = None,
    deadline_ms: int | None = None,
) -> Call[Batch]:
    """Square off what matches: one batch of orders, under a key as with `place`.

    The brokers have to be named: nobody means all of them by leaving something out.
    Open orders stay; cancel them first. A broker whose positions could not be read, or
    stay open in part, is in `failed`.
    """
    chosen = key_or_new(key)
    body = {
        "brokers": names(brokers),
        "symbol": symbol,
        "deadline_ms": deadline_ms,
    }
    return Call(
        "POST",
        path("positions", "close"),
        _batch_under(chosen),
        body=encode(body),
        seconds=_seconds(deadline_ms),
        key=chosen,
    )


def simulate_fill(order_id: str, fills: Fill | Iterable[Fill]) -> Call[OrderRecord]:
    """Fill an open order of a simulated broker by hand.

    Never tried again by itself: asked twice, it fills twice.
    """
    return Call(
        "POST",
        path("orders", order_id, "simulate_fill"),
        one(OrderRecord),
        body=encode({"fills": [fills] if isinstance(fills, Fill) else list(fills)}),
        seconds=FILL_SECONDS,
        repeat=False,
    )


def reconcile(brokers: Names = ()) -> Call[Reconciled]:
    """Hold Ordo's orders against each broker's book now; default all brokers."""
    return Call(
        "POST",
        path("reconcile"),
        one(Reconciled),
        body=encode({"brokers": names(brokers)}),
        seconds=BOOKS_SECONDS,
    )


def reconcile_report(batch_id: str) -> Call[ReconcileReport]:
    """What a batch wanted and what it got, in orders, units and money."""
    return Call("GET", path("reconcile", batch_id), one(ReconcileReport))


def _listed(orders: Orders) -> list[Order]:
    return [orders] if isinstance(orders, Order) else list(orders)


def _seconds(deadline_ms: int | None) -> float:
    return ORDER_SECONDS if deadline_ms is None else deadline_ms / 1000


def _batch_under(key: str) -> Callable[[Reply], Batch]:
    """A reader of batches that always tell their key, one that was not stored too."""

    def reader(reply: Reply) -> Batch:
        batch = one(Batch)(reply)
        return msgspec.structs.replace(
            batch, idempotency_key=batch.idempotency_key or key
        )

    return reader
