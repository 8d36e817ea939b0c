"""The terms of an order as its broker's book shows them, where they are not ours.

A change whose answer was lost, or one made in the broker's own app: the book has the
last word on what stands. A pure function; prices and quantities are exact.
"""

from typing import Any

import msgspec

from actors.protection import outgoing
from adapters import BookOrder, BookStatus, Order, OrderRecord, SentAs

STANDING = frozenset({BookStatus.OPEN, BookStatus.TRANSIT})
"""Of others the book may show what was left of the order, or nothing."""


def shows(row: BookOrder, want: Order) -> bool:
    """Whether an open row has exactly the terms that are wanted."""
    return (
        row.status in STANDING
        and row.type is want.type
        and row.quantity == want.quantity
        and (not want.type.has_price or row.price == want.price)
        and (not want.type.has_trigger or row.trigger_price == want.trigger_price)
    )


def terms_in_book(
    record: OrderRecord, row: BookOrder
) -> tuple[Order, SentAs | None] | None:
    """The order, and what it went out as, by the book; None where it says the same.

    Only what both can be held to is compared: types that carry the same prices.
    """
    sent = outgoing(record.order, record.sent_as)
    if row.status not in STANDING or row.type is not sent.type:
        return None
    news: dict[str, Any] = {}
    if row.quantity > 0 and row.quantity != sent.quantity:
        news["quantity"] = row.quantity
    for name, there in (
        ("price", sent.type.has_price),
        ("trigger_price", sent.type.has_trigger),
    ):
        shown = getattr(row, name)
        if there and shown and shown != getattr(sent, name):
            news[name] = shown
    if not news:
        return None
    if record.sent_as is None:
        return msgspec.structs.replace(record.order, **news), None
    quantity = news.pop("quantity", record.order.quantity)
    order = msgspec.structs.replace(record.order, quantity=quantity)
    return order, msgspec.structs.replace(record.sent_as, **news)
