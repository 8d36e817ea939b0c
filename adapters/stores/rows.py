"""Rows and what they stand for: exact both ways."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from adapters.model import (
    AuditEntry,
    Batch,
    Order,
    OrderEvent,
    OrderRecord,
    OrderStatus,
    OrderType,
    Product,
    SentAs,
    Side,
    Slice,
    Validity,
)
from adapters.store_port import (
    AuditRecord,
    KeyTaken,
    OrderCounts,
    SaveOrderCounts,
    TradingSwitch,
)
from adapters.stores.audit_chain import Line
from adapters.stores.times import stamp, stamp_or_none, time_of, time_or_none

Row = Mapping[str, Any]
_entry = msgspec.json.Decoder(AuditEntry).decode


def batch_row(batch: Batch) -> tuple[Any, ...]:
    portfolio = batch.portfolio_id
    return (
        batch.batch_id,
        batch.principal,
        batch.idempotency_key,
        None if portfolio is None else msgspec.json.encode(portfolio).decode(),
        stamp(batch.created_at),
        batch.deadline_ms,
    )


def batch_of(row: Row) -> Batch:
    portfolio = row["portfolio"]
    return Batch(
        batch_id=row["batch_id"],
        principal=row["principal"],
        idempotency_key=row["idempotency_key"],
        portfolio_id=None if portfolio is None else msgspec.json.decode(portfolio),
        created_at=time_of(row["created_at"]),
        deadline_ms=row["deadline_ms"],
    )


def identity_row(record: OrderRecord, batch: Batch) -> tuple[Any, ...]:
    """The columns of an order that never change.

    The portfolio is there to be searched for, 7 and "7" alike; the batch has which.
    """
    portfolio = batch.portfolio_id
    return (
        record.order_id,
        record.batch_id,
        record.order_index,
        record.broker,
        record.order.symbol,
        stamp(record.created_at),
        None if portfolio is None else str(portfolio),
    )


def changing_row(record: OrderRecord, saved_at: str) -> tuple[Any, ...]:
    """The columns of an order that do."""
    order, sent, part = record.order, record.sent_as, record.slice
    return (
        record.client_tag,
        order.side.value,
        str(order.quantity),
        order.type.value,
        _text(order.price),
        _text(order.trigger_price),
        order.product.value,
        order.validity.value,
        _text(order.disclosed_quantity),
        order.note,
        record.status.value,
        stamp(record.updated_at),
        stamp_or_none(record.sending_at),
        record.broker_order_id,
        str(record.filled_quantity),
        _text(record.average_price),
        record.error_code,
        record.message,
        record.broker_code,
        record.broker_message,
        record.http_status,
        record.attempts,
        record.latency_ms,
        None if sent is None else sent.type.value,
        None if sent is None else _text(sent.price),
        None if sent is None else _text(sent.trigger_price),
        record.cancel_requested,
        saved_at,
        record.closes_for,
        None if part is None else part.parent_id,
        None if part is None else part.number,
        None if part is None else part.of,
        record.cancel_by,
    )


def record_of(row: Row) -> OrderRecord:
    return OrderRecord(
        order_id=row["order_id"],
        batch_id=row["batch_id"],
        order_index=row["order_index"],
        broker=row["broker"],
        client_tag=row["client_tag"],
        order=_order_of(row),
        status=OrderStatus(row["status"]),
        created_at=time_of(row["created_at"]),
        updated_at=time_of(row["updated_at"]),
        sending_at=time_or_none(row["sending_at"]),
        broker_order_id=row["broker_order_id"],
        filled_quantity=Decimal(row["filled_quantity"]),
        average_price=_decimal(row["average_price"]),
        error_code=row["error_code"],
        message=row["message"],
        broker_code=row["broker_code"],
        broker_message=row["broker_message"],
        http_status=row["http_status"],
        attempts=row["attempts"],
        latency_ms=row["latency_ms"],
        sent_as=_sent_as_of(row),
        cancel_requested=bool(row["cancel_requested"]),
        closes_for=row["closes_for"],
        slice=_slice_of(row),
        cancel_by=row["cancel_by"],
    )


def _slice_of(row: Row) -> Slice | None:
    if row["parent_id"] is None:
        return None
    return Slice(
        parent_id=row["parent_id"], number=row["slice_number"], of=row["slice_count"]
    )


def _order_of(row: Row) -> Order:
    return Order(
        symbol=row["symbol"],
        side=Side(row["side"]),
        quantity=Decimal(row["quantity"]),
        type=OrderType(row["type"]),
        price=_decimal(row["price"]),
        trigger_price=_decimal(row["trigger_price"]),
        product=Product(row["product"]),
        validity=Validity(row["validity"]),
        disclosed_quantity=_decimal(row["disclosed_quantity"]),
        note=row["note"],
    )


def _sent_as_of(row: Row) -> SentAs | None:
    if row["sent_type"] is None:
        return None
    return SentAs(
        type=OrderType(row["sent_type"]),
        price=_decimal(row["sent_price"]),
        trigger_price=_decimal(row["sent_trigger_price"]),
    )


def event_row(event: OrderEvent) -> tuple[Any, ...]:
    return (
        event.order_id,
        stamp(event.at),
        event.status.value,
        event.cause,
        _text(event.fill_price),
        _text(event.fill_quantity),
    )


def first_event_row(record: OrderRecord) -> tuple[Any, ...]:
    """An order's first event: that it was accepted, or why it was denied at once."""
    denied = record.status is OrderStatus.DENIED
    why = (record.message or record.error_code or "denied") if denied else "accepted"
    at = stamp(record.created_at)
    return record.order_id, at, record.status.value, why, None, None


def event_of(row: Row) -> OrderEvent:
    return OrderEvent(
        order_id=row["order_id"],
        at=time_of(row["at"]),
        status=OrderStatus(row["status"]),
        cause=row["cause"],
        fill_price=_decimal(row["fill_price"]),
        fill_quantity=_decimal(row["fill_quantity"]),
    )


def switch_row(switch: TradingSwitch) -> tuple[Any, ...]:
    since = stamp_or_none(switch.since)
    wants = int(switch.cancel_open), int(switch.close_positions)
    return int(switch.engaged), switch.reason, since, switch.by, switch.version, *wants


def switch_of(row: Row) -> TradingSwitch | None:
    """The kill-switch; None where the row is not one that Ordo wrote."""
    flag = {0: False, 1: True}
    try:
        return TradingSwitch(
            engaged=flag[row["engaged"]],
            reason=row["reason"],
            since=time_or_none(row["since"]),
            by=row["switched_by"],
            version=row["version"] + 0,
            cancel_open=flag[row["cancel_open"]],
            close_positions=flag[row["close_positions"]],
        )
    except (KeyError, TypeError, ValueError):
        return None


def counts_row(write: SaveOrderCounts) -> tuple[Any, ...]:
    counts = write.counts
    numbers = counts.sent, counts.changed, counts.cancelled, counts.trades
    return write.broker, write.day, *numbers


def counts_of(row: Row) -> OrderCounts:
    return OrderCounts(
        sent=row["sent"],
        changed=row["changed"],
        cancelled=row["cancelled"],
        trades=row["trades"],
    )


def key_of(row: Row) -> KeyTaken:
    return KeyTaken(
        fingerprint=row["fingerprint"],
        batch_id=row["batch_id"],
        expired=bool(row["expired"]),
    )


def audit_row(line: Line, entry: AuditEntry) -> tuple[Any, ...]:
    text = bytes(line.entry).decode()
    return (
        *(line.seq, line.at, line.boot, text, line.prev, line.hash),
        *(entry.request_id, entry.order_id),
    )


def line_of(row: tuple[Any, ...]) -> Line:
    """The audit line of the columns seq, at, boot, entry, prev, hash."""
    seq, at, boot, entry, prev, hash_ = row
    raw = msgspec.Raw(entry)
    return Line(seq=seq, at=at, boot=boot, entry=raw, prev=prev, hash=hash_)


def audit_record_of(row: Row) -> AuditRecord:
    return AuditRecord(
        seq=row["seq"],
        at=time_of(row["at"]),
        boot=row["boot"],
        entry=_entry(row["entry"]),
        prev=row["prev"],
        hash=row["hash"],
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
