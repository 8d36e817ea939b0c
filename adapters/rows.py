"""Long answers, read row by row, so that nobody is held up and memory stays small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec

from adapters.errors import SentUnknown
from adapters.giving_way import GivingWay
from adapters.model import BookOrder

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 20
"""Rows in one go: some 0.4 ms of the loop, at the slowest of the brokers 2 ms."""


async def translated(rows: Sequence[T], one: Callable[[T], R]) -> list[R]:
    """What *one* makes of each row, in their order; others have their turn between.

    A book of the day may have thousands of rows, and an order that is due must not wait
    for all of them.
    """
    made: list[R] = []
    begins = range(0, len(rows), AT_ONCE)
    way = GivingWay(len(begins))
    for begin in begins:
        if begin:
            await way.rest()
        made += map(one, rows[begin : begin + AT_ONCE])
    return made


async def book_of(rows: Sequence[T], one: Callable[[T], BookOrder]) -> list[BookOrder]:
    """`translated` for an order book, in which equal numbers are one and the same.

    A `Decimal` takes 104 bytes, and a row has three; a book of ten thousand rows names
    a few hundred numbers.
    """
    numbers = _Numbers()
    return await translated(rows, lambda row: numbers.kept_once(one(row)))


class _Numbers:
    """The numbers of one book."""

    def __init__(self) -> None:
        self._kept: dict[Decimal, Decimal] = {}

    def kept_once(self, row: BookOrder) -> BookOrder:
        return msgspec.structs.replace(
            row,
            quantity=self._once(row.quantity),
            filled_quantity=self._once(row.filled_quantity),
            price=row.price and self._once(row.price),
            trigger_price=row.trigger_price and self._once(row.trigger_price),
            average_price=row.average_price and self._once(row.average_price),
        )

    def _once(self, number: Decimal) -> Decimal:
        if not number.is_finite():  # some of these cannot be looked up
            return number
        kept = self._kept.setdefault(number, number)
        return kept if kept.same_quantum(number) else number  # 850 is not 850.00


def row_of(raw: msgspec.Raw, decoder: msgspec.json.Decoder[T], what: str) -> T:
    """A row of an answer that was left as it came until its turn.

    Decoded all at once, the rows of a long book take another 1.3 (FYERS) to 3.8
    (m.Stock, type B) times its bytes, at the side of what they are translated to.

    Args:
        what: the rows are, for the error's words.

    Raises:
        SentUnknown: it is of another shape, and the answer is unreadable as a whole.
    """
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise SentUnknown(f"a row of {what}: {exc}") from exc
