"""Orders without a number in a book without tags: found by their terms, or else brought
before people, once."""

import logging
from collections.abc import Callable, Iterable, Sequence

import trio

from actors.journal import Journal
from actors.market_day import market_day
from actors.matching import Finding, Seeker, Seen, Stage, find, kind_of, resembles
from actors.one_of_a_kind import OneOfAKind
from actors.ownership import Owners
from adapters import AuditEntry, BookOrder, OrderRecord, OrderStatus, Trade
from adapters.correlation import of_order

log = logging.getLogger("ordo.reconciler")


class Untagged:
    """Looks for one broker's orders in its book.

    Args:
        journal: its live orders.
        turns: those of them that are on their way or in doubt.
        in_flight: whether an order is on its way just now; its sender will tell.
        note: writes to the audit.
    """

    def __init__(
        self,
        journal: Journal,
        turns: OneOfAKind,
        in_flight: Callable[[str], bool],
        note: Callable[[AuditEntry], None],
    ) -> None:
        self._journal = journal
        self._turns = turns
        self._in_flight = in_flight
        self._note = note
        self._seen = Seen()
        self._told: dict[str, str] = {}

    def look(self, book: Sequence[BookOrder], owners: Owners) -> dict[str, Finding]:
        """What the book, which has just come, tells of each order without a number."""
        if not self._turns.needed:
            return {}
        numbers = [row.broker_order_id for row in book]
        self._seen.look(numbers, trio.current_time())
        seekers = list(self._seekers())
        if not seekers:
            return {}
        rows = [row for row in book if owners.of(row) is None]
        refused = {kind_of(each) for each in self._journal if _refused(each)}
        return find(seekers, rows, self._seen, refused)

    def may_be(self, row: BookOrder) -> bool:
        """Whether a row that nobody owns may be an order that has no number yet."""
        return any(
            resembles(each.record, row)
            and not self._seen.before(row.broker_order_id, each.began)
            for each in self._seekers()
            if each.stage is not Stage.LOST
        )

    def traded(
        self, record: OrderRecord, trades: Iterable[Trade], owners: Owners
    ) -> bool:
        """Whether a trade that nobody owns may be the order's."""
        if not self._turns.needed:
            return False
        began = self._turns.began(record.order_id)
        return any(
            (trade.symbol, trade.side) == (record.order.symbol, record.order.side)
            and owners.of_number(trade.broker_order_id) is None
            and not self._seen.before(trade.broker_order_id, began)
            for trade in trades
        )

    def tell(self, record: OrderRecord, rows: Sequence[BookOrder]) -> None:
        """Tell people, once, which rows may be the order: they have to decide."""
        numbers = ", ".join(sorted(row.broker_order_id for row in rows))
        self.tell_why(record, f"its row in the book may be {numbers}", numbers)

    def tell_why(self, record: OrderRecord, why: str, candidates: str = "") -> None:
        """Tell people, once, why an order's fate cannot be found out."""
        if self._told.get(record.order_id) == why:
            return
        self._told[record.order_id] = why
        log.critical(
            "%s is %s, and Ordo cannot tell more: %s",
            record.order_id,
            record.status,
            why,
            extra={"event": "order.undecided", **of_order(record)},
        )
        detail = {"symbol": record.order.symbol, "cause": why}
        if candidates:
            detail["candidates"] = candidates
        self._note(
            AuditEntry(
                actor=f"broker:{record.broker}",
                action="order.undecided",
                batch_id=record.batch_id,
                order_id=record.order_id,
                broker=record.broker,
                detail=detail,
            )
        )

    def certain(self, order_id: str) -> None:
        """The order's fate is known."""
        self._told.pop(order_id, None)

    def _seekers(self) -> Iterable[Seeker]:
        """All that may stand in the book under a number nobody knows."""
        for record in self._journal:
            if record.broker_order_id is not None or not sent_today(
                record, self._journal
            ):
                continue
            began = self._turns.began(record.order_id)
            if self._in_flight(record.order_id):
                if record.order_id in self._turns:
                    yield Seeker(record, Stage.ALOFT, began)
            elif record.status is OrderStatus.UNKNOWN:
                yield Seeker(record, Stage.DOUBT, began)
            elif record.status is OrderStatus.NOT_PLACED:
                yield Seeker(record, Stage.LOST, None)


def sent_today(record: OrderRecord, journal: Journal) -> bool:
    """Whether today's book can tell of the order: it holds today's orders alone."""
    sent = record.sending_at or record.created_at
    return market_day(sent) == market_day(journal.wall())


def _refused(record: OrderRecord) -> bool:
    """Rejected without a number: the book may show that, and nobody knows which row."""
    return record.status is OrderStatus.REJECTED and record.broker_order_id is None
