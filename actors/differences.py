"""Where Ordo's orders and a broker's book differ, in rows that people can read."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from actors.lifecycle import status_in_book
from actors.messages import Difference
from actors.ownership import Settled
from actors.protection import outgoing
from adapters import BookOrder, BookStatus, OrderRecord, OrderStatus

TERMS = ("quantity", "type", "price", "trigger_price")
ENDS = {
    BookStatus.FILLED: frozenset({OrderStatus.FILLED, OrderStatus.SETTLED}),
    BookStatus.CANCELLED: frozenset({OrderStatus.CANCELLED}),
    BookStatus.EXPIRED: frozenset({OrderStatus.CANCELLED}),
    BookStatus.REJECTED: frozenset({OrderStatus.REJECTED}),
}
"""What a settled order may be where the book says so. An open row fits none; an unclear
one says nothing."""


def mended(before: OrderRecord, after: OrderRecord) -> Iterator[Difference]:
    """What a book has changed about an order."""
    for name in ("status", "filled_quantity"):
        ours, theirs = getattr(before, name), getattr(after, name)
        if ours != theirs:
            yield _difference(after, name, ours, theirs, mended=True)
    old = outgoing(before.order, before.sent_as)
    new = outgoing(after.order, after.sent_as)
    for name in TERMS:
        ours, theirs = getattr(old, name), getattr(new, name)
        if ours != theirs:
            yield _difference(after, name, ours, theirs, mended=True)


def unmended(record: OrderRecord, row: BookOrder) -> Iterator[Difference]:
    """Where a row contradicts a settled order, and no such change may follow."""
    if not _ends_as(record.status, row):
        theirs = status_in_book(record, row)
        yield _difference(record, "status", record.status, theirs)
    if record.filled_quantity != row.filled_quantity:
        ours, filled = record.filled_quantity, row.filled_quantity
        yield _difference(record, "filled_quantity", ours, filled)


def undecided(record: OrderRecord, rows: Sequence[BookOrder] = ()) -> Difference:
    """An order that the book does not tell of; *rows* are those that may be it."""
    numbers = ", ".join(sorted(row.broker_order_id for row in rows))
    theirs = f"maybe {numbers}" if numbers else None
    return _difference(record, "status", record.status, theirs)


def should_show(record: OrderRecord, read_at: datetime) -> bool:
    """Whether a book whose read began at *read_at* should have shown the order."""
    return (
        record.is_open
        and record.broker_order_id is not None
        and record.updated_at < read_at
    )


def differs(kept: Settled, row: BookOrder) -> bool:
    """Whether a row says otherwise than what is kept of a settled order."""
    return kept.filled_quantity != row.filled_quantity or not _ends_as(kept.status, row)


def _ends_as(status: OrderStatus, row: BookOrder) -> bool:
    if row.status is BookStatus.UNCLEAR:
        return True
    return status in ENDS.get(row.status, frozenset())


def _difference(
    record: OrderRecord, what: str, ours: Any, theirs: Any, *, mended: bool = False
) -> Difference:
    return Difference(
        order_id=record.order_id,
        broker_order_id=record.broker_order_id,
        symbol=record.order.symbol,
        what=what,
        ours=_text(ours),
        theirs=_text(theirs),
        mended=mended,
    )


def _text(value: Any) -> str | None:
    return None if value is None else f"{value}"
