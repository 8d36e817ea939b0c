"""What Ordo has stored of open orders: as if it had placed them and been stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import NamedTuple

import msgspec

from actors.clockwork import Ids, utc_now
from adapters import (
    Accept,
    AuditEntry,
    Batch,
    KeyScope,
    Order,
    OrderEvent,
    OrderRecord,
    OrderStatus,
    OrderType,
    Product,
    SaveOrder,
    Side,
    Write,
)
from tests.tracking.venues import PRICE, UNITS

LEGS = 50


class Open(NamedTuple):
    """An open order: Ordo's id, and the tag that its broker was given."""

    broker: str
    order_id: str
    tag: str


def made_up(brokers: Sequence[str], number: int) -> list[Open]:
    """So many orders, dealt out to the brokers in turn."""
    rng = Random(number)
    ids = Ids(utc_now, rng)
    millis = int(utc_now().timestamp() * 1000) * 100
    found = []
    for index in range(number):
        broker, order_id = brokers[index % len(brokers)], ids.new()
        tag = str(millis + index) if broker == "hdfc" else order_id
        found.append(Open(broker, order_id, tag))
    return found


def writes(
    orders: Sequence[Open], numbers: Mapping[tuple[str, str], str], now: datetime
) -> Iterator[list[Write]]:
    """A transaction for each batch: accepted, and acknowledged.

    Args:
        numbers: the brokers' own, by broker and tag.
    """
    ids = Ids(utc_now, Random(0))
    for begin in range(0, len(orders), LEGS):
        some = orders[begin : begin + LEGS]
        batch_id = ids.new()
        records = [_record(batch_id, n, each, now) for n, each in enumerate(some)]
        accept = Accept(
            scope=KeyScope(principal="a test", route="POST", key=batch_id),
            fingerprint=batch_id,
            batch=_batch(batch_id, now),
            orders=tuple(records),
            audit=tuple(_entry("order.accepted", each) for each in records),
        )
        yield [accept, *(_acked(each, numbers, now) for each in records)]


def _batch(batch_id: str, now: datetime) -> Batch:
    return Batch(
        batch_id=batch_id,
        principal="a test",
        idempotency_key=batch_id,
        portfolio_id=None,
        created_at=now,
        deadline_ms=5000,
    )


def _record(batch_id: str, index: int, each: Open, now: datetime) -> OrderRecord:
    return OrderRecord(
        order_id=each.order_id,
        batch_id=batch_id,
        order_index=index,
        broker=each.broker,
        client_tag=each.tag,
        order=Order(
            symbol="NSE:SBIN",
            side=Side.BUY,
            quantity=Decimal(UNITS),
            type=OrderType.LIMIT,
            price=PRICE,
            product=Product.INTRADAY,
        ),
        status=OrderStatus.PLACED,
        created_at=now,
        updated_at=now,
        sending_at=now,
    )


def _acked(
    record: OrderRecord, numbers: Mapping[tuple[str, str], str], now: datetime
) -> SaveOrder:
    acked = msgspec.structs.replace(
        record,
        status=OrderStatus.ACKED,
        broker_order_id=numbers[record.broker, record.client_tag],
    )
    event = OrderEvent(
        order_id=record.order_id, at=now, status=OrderStatus.ACKED, cause="a test"
    )
    return SaveOrder(
        order=acked, events=(event,), audit=(_entry("order.acked", record),)
    )


def _entry(action: str, record: OrderRecord) -> AuditEntry:
    return AuditEntry(
        actor="a test",
        action=action,
        order_id=record.order_id,
        batch_id=record.batch_id,
        broker=record.broker,
    )
