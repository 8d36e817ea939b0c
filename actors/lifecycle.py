"""The life of an order: which status may follow which, and what a book row changes."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from actors.who_cancelled import who_cancelled
from adapters import (
    BookOrder,
    BookStatus,
    OrderEvent,
    OrderRecord,
    OrderStatus,
)

_S = OrderStatus
_PROVEN = frozenset(
    {_S.ACKED, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED, _S.REJECTED}
)
"""What only the broker can say, and may say late."""

NEXT: Mapping[OrderStatus, frozenset[OrderStatus]] = MappingProxyType(
    {
        _S.PLACED: _PROVEN | {_S.DENIED, _S.UNKNOWN},
        _S.UNKNOWN: _PROVEN | {_S.NOT_PLACED, _S.DENIED},  # denied: proven not sent
        _S.NOT_PLACED: _PROVEN,  # it turned up after all
        _S.ACKED: _PROVEN - {_S.ACKED},
        _S.PARTIALLY_FILLED: frozenset({_S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED}),
        _S.FILLED: frozenset({_S.SETTLED}),
        _S.CANCELLED: frozenset(  # a fill that crossed the cancel
            {_S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED}
        ),
        _S.REJECTED: _PROVEN - {_S.REJECTED},  # the broker shows it after all
        _S.DENIED: frozenset(),
        _S.SETTLED: frozenset(),
    }
)
"""The transition table. A status may repeat, but only for a further fill."""

BOOK = "the broker's book"
"""The cause of a change that came of it."""
SURPRISES = frozenset({_S.NOT_PLACED, _S.REJECTED, _S.CANCELLED})
"""Leaving one of these contradicts what clients were told: it calls for an alert."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it now stands, and the event that brought it there."""

    order: OrderRecord
    event: OrderEvent


def advance(
    record: OrderRecord,
    to: OrderStatus,
    cause: str,
    at: datetime,
    *,
    fill_price: Decimal | None = None,
    fill_quantity: Decimal | None = None,
    **fields: Any,
) -> Change | None:
    """Move *record* to *to*, or None where that may not follow.

    Args:
        cause: why, in words a client reads.
        fields: further fields of the record that change with it.
    """
    if to not in NEXT[record.status] or (to is record.status and not fill_quantity):
        return None
    event = OrderEvent(
        order_id=record.order_id,
        at=at,
        status=to,
        cause=cause,
        fill_price=fill_price,
        fill_quantity=fill_quantity,
    )
    order = msgspec.structs.replace(record, status=to, updated_at=at, **fields)
    return Change(order=order, event=event)


def from_book(
    record: OrderRecord,
    row: BookOrder,
    at: datetime,
    where: str = BOOK,
    looked: datetime | None = None,
) -> Change | None:
    """What a row of the broker's book changes; None where it tells nothing new.

    Args:
        where: the cause that is told, before the broker's own words.
        looked: when the book was read before this time, for who has cancelled.
    """
    to = status_in_book(record, row)
    filled = row.filled_quantity - record.filled_quantity
    if filled < 0 or (to is record.status and filled == 0):
        return None  # a stale read; fills do not go back
    if record.status is _S.CANCELLED and filled == 0:
        return None  # only a fill can cross a cancel
    cause = where + (f": {row.message}" if row.message else "")
    if to is _S.CANCELLED and record.status is not _S.CANCELLED:
        who = who_cancelled(record, row, at, looked)
        cause = who if cause == BOOK else f"{who}; {cause}"
    return advance(
        record,
        to,
        cause,
        at,
        fill_quantity=filled if filled > 0 else None,
        fill_price=_fill_price(record, row) if filled > 0 else None,
        broker_order_id=row.broker_order_id,
        filled_quantity=row.filled_quantity,
        average_price=row.average_price or record.average_price,
        error_code="rejected" if to is _S.REJECTED else None,
        message=row.message if to is _S.REJECTED else None,
        broker_message=row.message if to is _S.REJECTED else record.broker_message,
    )


def status_in_book(record: OrderRecord, row: BookOrder) -> OrderStatus:
    """The status that a book row gives to the order it belongs to."""
    match row.status:
        case BookStatus.FILLED:
            return _S.FILLED
        case BookStatus.CANCELLED | BookStatus.EXPIRED:
            return _S.CANCELLED
        case BookStatus.REJECTED:
            return _S.REJECTED
        case BookStatus.UNCLEAR if (
            record.status not in (_S.PLACED, _S.UNKNOWN, _S.NOT_PLACED)
            and row.filled_quantity == record.filled_quantity
        ):
            return record.status  # it is there, which was known; wait for clear words
    return _S.PARTIALLY_FILLED if row.filled_quantity > 0 else _S.ACKED


def _fill_price(record: OrderRecord, row: BookOrder) -> Decimal | None:
    """The price of what was filled since, out of the two averages."""
    if row.average_price is None:
        return None
    before = (record.average_price or Decimal(0)) * record.filled_quantity
    after = row.average_price * row.filled_quantity
    return (after - before) / (row.filled_quantity - record.filled_quantity)
