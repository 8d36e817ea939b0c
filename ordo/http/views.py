"""How orders, batches and accounts look to clients."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from actors.messages import Fetched, FetchFailed
from adapters import Batch, OrderEvent, OrderRecord, SentAs
from ordo.http.envelope import BrokerResult


class LegResult(msgspec.Struct, kw_only=True):
    """An entry of `results` for an order leg; `status` is the order's."""

    order_index: int
    broker: str
    order_id: str | None
    client_tag: str | None
    status: str
    broker_order_id: str | None = None
    error_code: str | None = None
    message: str | None = None
    broker_code: str | None = None
    broker_message: str | None = None
    http_status: int | None = None
    attempts: int = 0
    latency_ms: float | None = None
    sent_as: SentAs | None = None
    data: dict[str, Any] | None = None


class OrderView(msgspec.Struct, kw_only=True):
    """An order as clients see it; quantities are units."""

    order_id: str
    batch_id: str
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
    status: str
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
    sent_as: SentAs | None
    created_at: str
    updated_at: str
    events: list[EventView] | None = None


class EventView(msgspec.Struct, kw_only=True):
    """One change of an order's status."""

    at: str
    status: str
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


def stamp(at: datetime) -> str:
    """A time as clients see it: RFC 3339, UTC, milliseconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def leg_result(record: OrderRecord) -> LegResult:
    """The entry of `results` for one leg."""
    return LegResult(
        order_index=record.order_index,
        broker=record.broker,
        order_id=record.order_id,
        client_tag=record.client_tag,
        status=record.status,
        broker_order_id=record.broker_order_id,
        error_code=record.error_code,
        message=record.message,
        broker_code=record.broker_code,
        broker_message=record.broker_message,
        http_status=record.http_status,
        attempts=record.attempts,
        latency_ms=record.latency_ms,
        sent_as=record.sent_as,
    )


def order_view(
    record: OrderRecord, events: list[OrderEvent] | None = None
) -> OrderView:
    """An order, with its history where that is wanted."""
    order = record.order
    return OrderView(
        order_id=record.order_id,
        batch_id=record.batch_id,
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
        status=record.status,
        filled_quantity=record.filled_quantity,
        average_price=record.average_price,
        cancel_requested=record.cancel_requested,
        error_code=record.error_code,
        message=record.message,
        broker_code=record.broker_code,
        broker_message=record.broker_message,
        http_status=record.http_status,
        attempts=record.attempts,
        latency_ms=record.latency_ms,
        sent_as=record.sent_as,
        created_at=stamp(record.created_at),
        updated_at=stamp(record.updated_at),
        events=None if events is None else [event_view(event) for event in events],
    )


def event_view(event: OrderEvent) -> EventView:
    """One change, without the id that the order around it bears."""
    return EventView(
        at=stamp(event.at),
        status=event.status,
        cause=event.cause,
        fill_price=event.fill_price,
        fill_quantity=event.fill_quantity,
    )


def batch_view(batch: Batch, orders: list[OrderRecord]) -> BatchView:
    """A batch, its legs in the order of the request."""
    return BatchView(
        batch_id=batch.batch_id,
        portfolio_id=batch.portfolio_id,
        idempotency_key=batch.idempotency_key,
        created_at=stamp(batch.created_at),
        orders=[order_view(record) for record in orders],
    )


def read_result(answer: Fetched | FetchFailed) -> BrokerResult:
    """The entry of `results` for one broker's read."""
    if isinstance(answer, Fetched):
        return BrokerResult(
            broker=answer.broker,
            status="success",
            attempts=answer.attempts,
            latency_ms=answer.latency_ms,
        )
    return BrokerResult(
        broker=answer.broker,
        status="error",
        error_code=answer.denial.code,
        message=answer.denial.message,
        broker_code=answer.broker_code,
        broker_message=answer.broker_message,
        http_status=answer.http_status,
        attempts=answer.attempts,
        latency_ms=answer.latency_ms,
    )


def rows_of(answers: tuple[Fetched | FetchFailed, ...]) -> list[dict[str, Any]]:
    """All brokers' rows in one list, each with its own `broker`."""
    return [
        {"broker": answer.broker, **_plain(row)}
        for answer in answers
        if isinstance(answer, Fetched)
        for row in answer.rows
    ]


def _plain(row: msgspec.Struct) -> dict[str, Any]:
    return {
        key: stamp(value) if isinstance(value, datetime) else value
        for key, value in msgspec.structs.asdict(row).items()
    }
