"""Order records and book rows to start a test from."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from adapters import BookOrder, BookStatus, OrderRecord, OrderStatus, OrderType, Side
from tests.support.gateway import an_order

AT = datetime(2026, 11, 23, 3, 45, tzinfo=UTC)


def a_record(status=OrderStatus.PLACED, **changes):
    """Ten SBIN, bought."""
    record = OrderRecord(
        order_id="ORDER1",
        batch_id="BATCH1",
        order_index=0,
        broker="one",
        client_tag="ORDER1",
        order=an_order(),
        status=status,
        created_at=AT,
        updated_at=AT,
    )
    return msgspec.structs.replace(record, **changes)


def a_row(status=BookStatus.OPEN, filled=0, average=None, **changes):
    """The same order in the broker's book."""
    row = BookOrder(
        broker_order_id="B1",
        tag="ORDER1",
        symbol="NSE:SBIN",
        side=Side.BUY,
        quantity=Decimal(10),
        filled_quantity=Decimal(filled),
        status=status,
        type=OrderType.LIMIT,
        product="CNC",
        average_price=None if average is None else Decimal(average),
    )
    return msgspec.structs.replace(row, **changes)
