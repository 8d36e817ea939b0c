"""Who cancelled an order that a broker's book shows as cancelled.

Pure. A book mostly says no more than that it is. Somebody asked Ordo for it; or the
exchange does so at a known time; or else it was done at the broker. Where the book was
not read around such a time nobody can tell, and that is said.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from types import MappingProxyType

from actors.market_day import IST, market_day
from actors.protection import outgoing
from adapters import BookOrder, BookStatus, Order, OrderRecord, Validity

ENDS: Mapping[str, time] = MappingProxyType(
    {
        "NSE": time(15, 30, tzinfo=IST),
        "BSE": time(15, 30, tzinfo=IST),
        "NFO": time(15, 40, tzinfo=IST),
        "BFO": time(15, 40, tzinfo=IST),
    }
)
"""When trading ends, after which an exchange cancels what is left of the day's orders.

Source: regulation.md section 5, the times in force since 3 August 2026. Of exchanges
that are not named here nobody has said.
"""
AUCTION = time(15, 15, tzinfo=IST)
"""When the exchange cancels stops, and orders that hide a part, in shares that have a
closing auction. Source: as above. Which shares these are the masters do not tell."""
CASH_MARKETS = frozenset({"NSE", "BSE"})
AROUND = timedelta(minutes=2)
"""A book that was read no longer than that before such a time, and then after it: what
was cancelled in between was so at that time. A guess: it is read each half minute while
orders are open, and now and then a read fails."""

END_OF_DAY = "by the exchange (end of day)"
AT_ONCE = "by the exchange (IOC)"
BEFORE_AUCTION = "by the exchange (closing auction) or at the broker, not by Ordo"
ELSEWHERE = "at the broker, not by Ordo"
NOT_SEEN = "at the broker or by the exchange (end of day), not by Ordo"


def who_cancelled(
    record: OrderRecord, row: BookOrder, at: datetime, looked: datetime | None
) -> str:
    """Who it was, in words that a client reads.

    Args:
        record: before the row.
        at: when the book was read.
        looked: when it was read before that; None: not since the start.
    """
    sent = outgoing(record.order, record.sent_as)
    ended = _end(record)
    over = ended is not None and at >= ended
    if record.cancel_requested:
        asked = f"asked by {record.cancel_by or 'a client'}"
        return f"{asked}, or {END_OF_DAY}" if over else asked
    if sent.validity is Validity.IOC:
        return AT_ONCE
    if row.status is BookStatus.EXPIRED:
        return END_OF_DAY
    if ended is None:
        return ELSEWHERE
    if over:
        return END_OF_DAY if looked and looked >= ended - AROUND else NOT_SEEN
    in_auction = at >= datetime.combine(market_day(record.created_at), AUCTION)
    if in_auction and _exchange(sent) in CASH_MARKETS and _barred(sent):
        return BEFORE_AUCTION
    return ELSEWHERE


def _end(record: OrderRecord) -> datetime | None:
    """When the day of the order ends; None where nobody has said. An order that was
    placed after it waits for another day, or is one of a simulated broker."""
    end = ENDS.get(_exchange(record.order))
    if end is None:
        return None
    ended = datetime.combine(market_day(record.created_at), end)
    return ended if record.created_at < ended else None


def _exchange(order: Order) -> str:
    return order.symbol.partition(":")[0]


def _barred(order: Order) -> bool:
    """Whether a closing auction has no room for it."""
    return order.type.has_trigger or order.disclosed_quantity is not None
