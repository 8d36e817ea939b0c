"""How orders and batches look to clients."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from actors.messages import CheckSkipped
from adapters import Batch, Order, OrderEvent, OrderRecord, SentAs, Slice
from ordo.http.numbers import at_most_4_decimals

Status = Literal[
    "placed",
    "acked",
    "partially_filled",
    "filled",
    "settled",
    "cancelled",
    "rejected",
    "denied",
    "unknown",
    "not_placed",
]
"""An order's, and a leg's. Source: api.md, "Orders"."""
LegStatus = Status | Literal["success"]
"""`success`: a dry run found nothing against it."""


class SentAsView(msgspec.Struct, kw_only=True):
    """What went out where market protection changed the order."""

    type: str
    price: Decimal | None
    trigger_price: Decimal | None


class SliceView(msgspec.Struct, kw_only=True):
    """Which part of a larger order it is: `number` of `of`, from 1, and its units."""

    number: int
    of: int
    quantity: Decimal


class SkippedCheck(msgspec.Struct, kw_only=True):
    """A check that could not be made before the order went, and why."""

    check: str
    reason: str


class BatchData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`data` of an answer to an order. Without a batch nothing is stored."""

    batch_id: str | None
    portfolio_id: str | int | None
    idempotency_key: str | None
    replayed: bool
    created_at: str | None
    dry_run: bool = False


class LegResult(msgspec.Struct, kw_only=True):
    """An entry of `results` for an order leg; `status` is the order's.

    Parts of one order have the same `order_index` and `parent_id`.
    `checks_skipped` is empty where all pre-trade checks were made, and null where none
    were to be made: of a replay, of a cancel.
    """

    order_index: int
    broker: str
    status: LegStatus
    order_id: str | None = None
    client_tag: str | None = None
    broker_order_id: str | None = None
    error_code: str | None = None
    message: str | None = None
    broker_code: str | None = None
    broker_message: str | None = None
    http_status: int | None = None
    attempts: int = 0
    latency_ms: float | None = None
    sent_as: SentAsView | None = None
    checks_skipped: list[SkippedCheck] | None = None
    parent_id: str | None = None
    slice: SliceView | None = None
    data: dict[str, Any] | None = None


class OrderView(msgspec.Struct, kw_only=True):
    """An order as clients see it; quantities are units."""

    order_id: str
    batch_id: str
    portfolio_id: str | int | None
    order_index: int
    broker: str
    client_tag: str
    broker_order_id: str | None
    symbol: str
    side: str
    quantity: Decimal
    type: str
    price: Decimal | None
    trigger_price: Decimal | None
    product: str
    validity: str
    disclosed_quantity: Decimal | None
    note: str | None
    status: Status
    filled_quantity: Decimal
    average_price: Decimal | None
    cancel_requested: bool
    error_code: str | None
    message: str | None
    broker_code: str | None
    broker_message: str | None
    http_status: int | None
    attempts: int
    latency_ms: float | None
    sent_as: SentAsView | None
    parent_id: str | None
    slice: SliceView | None
    created_at: str
    updated_at: str
    events: list[EventView] | None = None


class EventView(msgspec.Struct, kw_only=True):
    """One change of an order's status."""

    at: str
    status: Status
    cause: str
    fill_price: Decimal | None
    fill_quantity: Decimal | None


class BatchView(msgspec.Struct, kw_only=True):
    """A batch with its legs."""

    batch_id: str
    portfolio_id: str | int | None
    idempotency_key: str
    created_at: str
    orders: list[OrderView]


class OrderList(msgspec.Struct, kw_only=True):
    """A page of orders; `next_cursor` asks for the next one, null after the last."""

    orders: list[OrderView]
    next_cursor: str | None


def stamp(at: datetime) -> str:
    """A time as clients see it: RFC 3339, UTC, milliseconds."""
    text = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def moment(at: datetime | None) -> str | None:
    """A time that may not be known."""
    return None if at is None else stamp(at)


def money(value: Decimal | None) -> Decimal | None:
    """A price or an amount as clients see it, which may not be known."""
    return None if value is None else at_most_4_decimals(value)


def sent_as_view(sent_as: SentAs | None) -> SentAsView | None:
    """What went out, where that is another order than was wanted."""
    if sent_as is None:
        return None
    return SentAsView(
        type=sent_as.type,
        price=money(sent_as.price),
        trigger_price=money(sent_as.trigger_price),
    )


def slice_view(part: Slice | None, order: Order) -> SliceView | None:
    """Which part of a larger order *order* is."""
    if part is None:
        return None
    return SliceView(number=part.number, of=part.of, quantity=order.quantity)


def skipped_view(skipped: Sequence[CheckSkipped]) -> list[SkippedCheck]:
    """The checks that were not made."""
    return [SkippedCheck(check=each.check, reason=each.reason) for each in skipped]


def leg_result(
    record: OrderRecord, skipped: Sequence[CheckSkipped] | None = None
) -> LegResult:
    """The entry of `results` for one leg, with the checks that were not made of it."""
    return LegResult(
        order_index=record.order_index,
        broker=record.broker,
        order_id=record.order_id,
        client_tag=record.client_tag,
        status=record.status.value,
        broker_order_id=record.broker_order_id,
        error_code=record.error_code,
        message=record.message,
        broker_code=record.broker_code,
        broker_message=record.broker_message,
        http_status=record.http_status,
        attempts=record.attempts,
        latency_ms=record.latency_ms,
        sent_as=sent_as_view(record.sent_as),
        checks_skipped=None if skipped is None else skipped_view(skipped),
        parent_id=None if record.slice is None else record.slice.parent_id,
        slice=slice_view(record.slice, record.order),
    )


def order_view(
    record: OrderRecord,
    portfolio_id: str | int | None,
    events: Sequence[OrderEvent] | None = None,
) -> OrderView:
    """An order of a portfolio, with its history where that is wanted."""
    order = record.order
    return OrderView(
        order_id=record.order_id,
        batch_id=record.batch_id,
        portfolio_id=portfolio_id,
        order_index=record.order_index,
        broker=record.broker,
        client_tag=record.client_tag,
        broker_order_id=record.broker_order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        type=order.type,
        price=order.price,
        trigger_price=order.trigger_price,
        product=order.product,
        validity=order.validity,
        disclosed_quantity=order.disclosed_quantity,
        note=order.note,
        status=record.status.value,
        filled_quantity=record.filled_quantity,
        average_price=money(record.average_price),
        cancel_requested=record.cancel_requested,
        error_code=record.error_code,
        message=record.message,
        broker_code=record.broker_code,
        broker_message=record.broker_message,
        http_status=record.http_status,
        attempts=record.attempts,
        latency_ms=record.latency_ms,
        sent_as=sent_as_view(record.sent_as),
        parent_id=None if record.slice is None else record.slice.parent_id,
        slice=slice_view(record.slice, order),
        created_at=stamp(record.created_at),
        updated_at=stamp(record.updated_at),
        events=None if events is None else [event_view(event) for event in events],
    )


def event_view(event: OrderEvent) -> EventView:
    """One change, without the id that the order around it bears."""
    return EventView(
        at=stamp(event.at),
        status=event.status.value,
        cause=event.cause,
        fill_price=money(event.fill_price),
        fill_quantity=event.fill_quantity,
    )


def batch_view(batch: Batch, orders: Sequence[OrderRecord]) -> BatchView:
    """A batch, its legs in the order of the request."""
    return BatchView(
        batch_id=batch.batch_id,
        portfolio_id=batch.portfolio_id,
        idempotency_key=batch.idempotency_key,
        created_at=stamp(batch.created_at),
        orders=[order_view(record, batch.portfolio_id) for record in orders],
    )
