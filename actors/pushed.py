"""Rows of orders that a broker pushes: which are ours, and which of them to believe.

A row that moves an order on is taken over as one of the book's. The book itself has to
say what such a row, for it may come late, must not: that an order ended otherwise than
we know, that its terms are others, that it was filled at no price.
"""

from typing import Literal

from actors import differences
from actors.comparing import Comparing
from actors.journal import Journal
from actors.ownership import Ownership, Settled
from actors.terms import terms_in_book
from adapters import BookOrder, BookStatus, OrderRecord

Verdict = Literal["taken", "ask", "foreign"]
"""`taken`: what it says is so here; `ask`: the book has to say; `foreign`: not ours."""

ENDED = frozenset(differences.ENDS)


class Pushed:
    """Takes over what one broker pushes.

    Args:
        journal: the live orders.
        ownership: the settled ones of the day.
        comparing: takes over rows.
    """

    def __init__(
        self, journal: Journal, ownership: Ownership, comparing: Comparing
    ) -> None:
        self._journal = journal
        self._ownership = ownership
        self._comparing = comparing

    async def take(self, row: BookOrder) -> Verdict:
        """Take over one row."""
        record = self._journal.numbered(row.broker_order_id)
        if record is None and row.tag is not None:
            record = self._journal.tagged(row.tag)
            if record is not None and record.broker_order_id is not None:
                return "ask"  # two orders of one tag, or a number that has changed
        if record is None:
            return self._not_live(row)
        if record.is_settled:
            return _against(_kept(record), row)
        if not _is_clear(record, row):
            return "ask"
        await self._comparing.told(record, row)
        now = self._journal.get(record.order_id)
        if now is None or now.is_settled:
            return "taken"
        more = row.status in ENDED or terms_in_book(now, row) is not None
        return "ask" if more else "taken"

    def _not_live(self, row: BookOrder) -> Verdict:
        settled = self._ownership.kept(row.broker_order_id)
        if settled is not None:
            return _against(settled, row)
        if row.tag is not None:
            return "foreign"
        # Without a tag it may be one that is on its way, or in doubt.
        nameless = any(
            record.broker_order_id is None and not record.is_settled
            for record in self._journal
        )
        return "ask" if nameless else "foreign"


def _kept(record: OrderRecord) -> Settled:
    return Settled(record.order_id, record.status, record.filled_quantity)


def _against(settled: Settled, row: BookOrder) -> Verdict:
    """A row that contradicts an end may be an old one, or the truth."""
    return "ask" if differences.differs(settled, row) else "taken"


def _is_clear(record: OrderRecord, row: BookOrder) -> bool:
    """Whether a row is one that a book could have: fills add up and have a price."""
    if row.status is BookStatus.UNCLEAR:
        return False
    if row.status is BookStatus.FILLED and row.filled_quantity != row.quantity:
        return False
    has_price = row.average_price is not None
    return has_price or row.filled_quantity <= record.filled_quantity
