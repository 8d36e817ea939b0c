"""Writes for a store under test: numbered, so that a test names what it means."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from adapters import (
    Accept,
    AuditEntry,
    Batch,
    KeyScope,
    Note,
    Order,
    OrderEvent,
    OrderRecord,
    OrderStatus,
    OrderType,
    SaveOrder,
    SaveSwitch,
    Side,
    TradingSwitch,
)

START = datetime(2026, 3, 2, 4, 15, 0, 123456, tzinfo=UTC)
FINGERPRINT = "f" * 64


class Clock:
    """Wall time that a test turns by hand."""

    def __init__(self, now=START):
        self.now = now

    def __call__(self):
        return self.now

    def pass_(self, **length):
        """As in ``clock.pass_(days=7)``; gives the new time."""
        self.now += timedelta(**length)
        return self.now


def scope(number, *, principal="token:1", route="POST /api/v1/orders"):
    return KeyScope(principal=principal, route=route, key=f"key-{number}")


def record(number, leg=0, *, broker="fyers", symbol="NSE:SBIN", **fields):
    """Leg *leg* of batch *number*: a limit buy of 10, just placed."""
    at = fields.pop("at", START)
    order = Order(
        symbol=symbol,
        side=Side.BUY,
        quantity=Decimal(10),
        type=OrderType.LIMIT,
        price=Decimal("812.35"),
    )
    order_id = f"O{number:013d}{leg:02d}"
    return OrderRecord(
        **{
            "order_id": order_id,
            "batch_id": batch_id(number),
            "order_index": leg,
            "broker": broker,
            "client_tag": order_id,
            "order": order,
            "status": OrderStatus.PLACED,
            "created_at": at,
            "updated_at": at,
        }
        | fields
    )


def batch_id(number):
    return f"B{number:015d}"


def accept(number, *orders, key=None, fingerprint=FINGERPRINT, portfolio=None):
    """Accept batch *number*: one leg, or those given; the key is its own by default."""
    orders = orders or (record(number),)
    batch = Batch(
        batch_id=batch_id(number),
        principal="token:1",
        idempotency_key=f"key-{number}",
        portfolio_id=portfolio,
        created_at=orders[0].created_at,
        deadline_ms=5000,
    )
    return Accept(
        scope=key or scope(number),
        fingerprint=fingerprint,
        batch=batch,
        orders=orders,
        audit=tuple(
            AuditEntry(
                actor="token:1",
                action="order.accepted",
                request_id=f"request-{number}",
                batch_id=batch.batch_id,
                order_id=order.order_id,
                broker=order.broker,
                detail={"symbol": order.order.symbol},
            )
            for order in orders
        ),
    )


def save(order, status=OrderStatus.ACKED, *, at=START, cause="acked", **fields):
    """Save *order* with a new status, its event and an audit record."""
    changed = msgspec.structs.replace(order, status=status, updated_at=at, **fields)
    event = OrderEvent(order_id=order.order_id, at=at, status=status, cause=cause)
    entry = AuditEntry(
        actor=f"broker:{order.broker}",
        action=f"order.{status}",
        batch_id=order.batch_id,
        order_id=order.order_id,
        broker=order.broker,
    )
    return SaveOrder(order=changed, events=(event,), audit=(entry,))


def switch(*, engaged, version=1, **wants):
    state = TradingSwitch(
        engaged=engaged,
        reason="a test",
        since=START,
        by="token:1",
        version=version,
        **wants,
    )
    action = "kill_switch.engaged" if engaged else "kill_switch.released"
    return SaveSwitch(switch=state, audit=(AuditEntry(actor="token:1", action=action),))


def note(action="test.noted", **detail):
    return Note(audit=(AuditEntry(actor="ordo", action=action, detail=detail),))
