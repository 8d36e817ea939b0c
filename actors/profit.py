"""Profit and loss of a batch: buys and sells of a symbol, matched first in, first out.

Pure, exact decimals, in the market's currency. Charges and taxes are not in it: only
the broker's contract note has them.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from actors.protection import outgoing
from adapters import ZERO, OrderRecord, Side


class Lot(NamedTuple):
    """Part of a symbol, bought or sold at a price."""

    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal


class Open(NamedTuple):
    """What no other side has matched; `quantity` is signed, `cost` its price."""

    symbol: str
    quantity: Decimal
    cost: Decimal


class Matched(NamedTuple):
    """What came of lots: profit of what was closed, and what is still open."""

    profit: Decimal
    still_open: tuple[Open, ...]


def match(lots: Iterable[Lot]) -> Matched:
    """Match each lot with the oldest open ones of the other side of its symbol."""
    books: dict[str, deque[Open]] = {}
    profit = ZERO
    for lot in lots:
        book = books.setdefault(lot.symbol, deque())
        left = lot.side.sign * lot.quantity
        while left and book and book[0].quantity * left < 0:
            oldest = book.popleft()
            closed = min(abs(left), abs(oldest.quantity))
            sign = 1 if oldest.quantity > 0 else -1
            profit += sign * closed * (lot.price - oldest.cost)
            left += sign * closed
            rest = oldest.quantity - sign * closed
            if rest:
                book.appendleft(oldest._replace(quantity=rest))
        if left:
            book.append(Open(lot.symbol, left, lot.price))
    still_open = (each for book in books.values() for each in book)
    return Matched(profit, tuple(still_open))


def unrealised(
    still_open: Iterable[Open], last: Mapping[str, Decimal]
) -> Decimal | None:
    """What the open lots would bring at *last* prices; None where one is missing."""
    total = ZERO
    for each in still_open:
        price = last.get(each.symbol)
        if price is None:
            return None
        total += each.quantity * (price - each.cost)
    return total


def asked(records: Iterable[OrderRecord]) -> list[Lot]:
    """The orders as they were asked for, whole; those without a price at what they went
    out at, or were filled at. One that has neither says nothing."""
    lots = []
    for record in records:
        sent = outgoing(record.order, record.sent_as)
        price = record.order.price or sent.price or record.average_price
        if price is not None:
            order = record.order
            lots.append(Lot(order.symbol, order.side, order.quantity, price))
    return lots


def filled(records: Iterable[OrderRecord]) -> list[Lot]:
    """What was filled of the orders, at the average of its fills."""
    return [
        Lot(
            record.order.symbol,
            record.order.side,
            record.filled_quantity,
            record.average_price,
        )
        for record in records
        if record.filled_quantity > 0 and record.average_price is not None
    ]


def value(lots: Iterable[Lot]) -> Decimal:
    """Quantity times price, both sides counted alike."""
    return sum((lot.quantity * lot.price for lot in lots), start=ZERO)
