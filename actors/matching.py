"""Which row of a book without tags is which order: by its terms, and by its time.

Pure. A row is taken for an order only where nothing else can be meant. And an order is
called missing only where no row resembles it: what is read of a row may be off, and its
terms may have been changed meanwhile, so that it differs proves nothing.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import NamedTuple

from actors.protection import outgoing
from adapters import BookOrder, BookStatus, OrderRecord, OrderType, Side

CLOCKS = timedelta(seconds=5)
"""How much older than its send a row may look: brokers tell whole seconds, and clocks
differ. A guess; mstock.md, section 7, takes 2 s."""
LATEST = timedelta(seconds=180)
"""How much younger: the longest deadline is 60 s, and an order has been seen to take
90 s to reach a book (reliability.md, section 2); the rest is for clocks."""


class Kind(NamedTuple):
    """All by which a book without tags tells one order from another."""

    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType
    price: Decimal | None
    trigger_price: Decimal | None
    product: str
    validity: str

    def fits(self, row: BookOrder) -> bool:
        """Whether the row is of this kind."""
        return self == Kind(
            row.symbol,
            row.side,
            row.quantity,
            row.type,
            row.price if row.type.has_price else None,
            row.trigger_price if row.type.has_trigger else None,
            row.product,
            row.validity,
        )


def kind_of(record: OrderRecord) -> Kind:
    """The kind of what was sent for an order."""
    sent = outgoing(record.order, record.sent_as)
    return Kind(
        sent.symbol,
        sent.side,
        sent.quantity,
        sent.type,
        sent.price if sent.type.has_price else None,
        sent.trigger_price if sent.type.has_trigger else None,
        sent.product,
        sent.validity,
    )


def resembles(record: OrderRecord, row: BookOrder) -> bool:
    """Whether the row could be the order, were its other terms changed or misread."""
    return (record.order.symbol, record.order.side) == (row.symbol, row.side)


class Seen:
    """When the rows of a book were first seen; times are of Trio's clock."""

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self._since = math.inf

    def look(self, numbers: Iterable[str], at: float) -> None:
        """A complete book was here at *at*, with these orders."""
        self._since = min(self._since, at)
        self._first = {number: self._first.get(number, at) for number in numbers}

    def before(self, number: str, moment: float | None) -> bool:
        """Whether the order was in a book that was here before *moment*."""
        return moment is not None and self._first.get(number, math.inf) < moment

    def watched(self, moment: float | None) -> bool:
        """Whether a book had been read before *moment*; None is before our time."""
        return moment is not None and self._since < moment


class Stage(Enum):
    """How far an order is from being certain."""

    ALOFT = auto()  # its sender will tell
    DOUBT = auto()
    LOST = auto()  # called not placed, which may be overturned


class Seeker(NamedTuple):
    """An order without a number. `began`: no byte of it left before, by Trio's clock;
    None: it was sent by an earlier run."""

    record: OrderRecord
    stage: Stage
    began: float | None


class Finding(NamedTuple):
    """What a book tells of a seeker: the row that is it, if that is certain; those of
    its kind and time that may be; all that resemble it."""

    row: BookOrder | None
    candidates: tuple[BookOrder, ...]
    near: tuple[BookOrder, ...]


def find(
    seekers: Sequence[Seeker],
    rows: Sequence[BookOrder],
    seen: Seen,
    refused: Collection[Kind] = (),
) -> dict[str, Finding]:
    """What is to be found for each seeker, by its order's id.

    Args:
        rows: those that no order of ours has.
        seen: which of them are older than a send.
        refused: kinds of which an order was lately rejected without a number: its row
            may stand among these.
    """
    near = _near(seekers, rows, seen)
    fitting = {
        each.record.order_id: [
            row for row in near[each.record.order_id] if _fits(each, row, seen)
        ]
        for each in seekers
    }
    suitors: dict[str, list[Seeker]] = defaultdict(list)
    for each in seekers:
        for row in near[each.record.order_id]:
            if _wants(each, row, fitting[each.record.order_id]):
                suitors[row.broker_order_id].append(each)
    taken: dict[str, BookOrder] = {}
    for each in seekers:
        order_id = each.record.order_id
        if len(fitting[order_id]) != 1:
            continue
        (row,) = fitting[order_id]
        if _clear(each, suitors[row.broker_order_id]) and not (
            row.status is BookStatus.REJECTED and kind_of(each.record) in refused
        ):
            taken[order_id] = row
    return _findings(taken, fitting, near)


def _near(
    seekers: Sequence[Seeker], rows: Sequence[BookOrder], seen: Seen
) -> dict[str, list[BookOrder]]:
    """The rows that resemble each seeker, and were not there before it left."""
    by_symbol: dict[str, list[BookOrder]] = defaultdict(list)
    for row in rows:
        by_symbol[row.symbol].append(row)
    return {
        each.record.order_id: [
            row
            for row in by_symbol[each.record.order.symbol]
            if resembles(each.record, row)
            and not seen.before(row.broker_order_id, each.began)
        ]
        for each in seekers
    }


def _fits(seeker: Seeker, row: BookOrder, seen: Seen) -> bool:
    """Of its kind, and placed when it was sent; a row that tells no time is believed
    where the book was watched since before the send."""
    record = seeker.record
    if not kind_of(record).fits(row):
        return False
    if row.placed_at is None:
        return seen.watched(seeker.began)
    sent = record.sending_at or record.created_at
    return sent - CLOCKS <= row.placed_at <= sent + LATEST


def _wants(seeker: Seeker, row: BookOrder, fitting: Sequence[BookOrder]) -> bool:
    """Whether the row may be the seeker's. For one that may just have arrived the time
    of a row rules nothing out: that clocks differ must not hand it to another."""
    if seeker.stage is Stage.LOST:
        return row in fitting
    return kind_of(seeker.record).fits(row)


def _clear(seeker: Seeker, suitors: Sequence[Seeker]) -> bool:
    """Whether a row is the seeker's and nobody else's: one that was called not placed
    stands back behind those that may just have arrived."""
    others = [each for each in suitors if each is not seeker]
    if seeker.stage is Stage.DOUBT:
        return all(each.stage is Stage.LOST for each in others)
    return seeker.stage is Stage.LOST and not others


def _findings(
    taken: Mapping[str, BookOrder],
    fitting: Mapping[str, list[BookOrder]],
    near: Mapping[str, list[BookOrder]],
) -> dict[str, Finding]:
    gone = {row.broker_order_id for row in taken.values()}

    def left(rows: list[BookOrder]) -> tuple[BookOrder, ...]:
        return tuple(row for row in rows if row.broker_order_id not in gone)

    return {
        order_id: Finding(taken.get(order_id), left(fitting[order_id]), left(rows))
        for order_id, rows in near.items()
    }
