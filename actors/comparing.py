"""One broker's orders against one read of its book: what it says becomes so here.

Nothing is called not placed before it was missed in several complete reads, for long
enough, with every trade and position explained.
"""

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import trio

from actors import differences
from actors.doubts import Doubts
from actors.journal import Journal
from actors.lifecycle import BOOK, advance, from_book
from actors.line import Line
from actors.matching import Finding
from actors.one_of_a_kind import OneOfAKind
from actors.ownership import Owners, Ownership
from actors.records import Records
from actors.round import Round
from actors.taking_over import Shown, Taken, TakingOver
from actors.untagged import Untagged, sent_today
from actors.wholeness import Wholeness
from actors.windows import Kind
from adapters import (
    ZERO,
    BookOrder,
    OrderRecord,
    OrderStatus,
    Position,
    StoreFailed,
    Trade,
)
from adapters.correlation import of_order
from adapters.giving_way import GivingWay

log = logging.getLogger("ordo.reconciler")

ROUND_TIMEOUT = 30.0
"""Seconds for the book, and again for trades and positions."""
MOST_TAKEN_UP = 100
"""Settled orders that one round reads from the store again, since the book says
otherwise: a book that contradicts more of them is read again in the next one."""
AT_ONCE = 32
"""Orders compared in one go, and stored in one commit where they changed: some 3 ms of
the loop and 4 ms of the writer, which are everybody's."""
BY_TERMS = "found in the broker's book as the only order of its kind"
BY_ITSELF = "the broker's own word"
DAY_OVER = "its day is over, and the broker's book tells of its own day alone"


class Comparing:
    """Holds one broker's orders against its book.

    Args:
        line: to the broker.
        journal: its live orders.
        ownership: its orders of the day.
        turns: orders on their way or in doubt, where the book shows no tags.
        untagged: finds them in it.
        records: settled orders, which a book may contradict.
        in_flight: whether an order is on its way just now; its sender will tell.
        changed: told of each order that the book shows.
        shown: told of each live order's row, and when the read of it began.
    """

    def __init__(
        self,
        line: Line,
        journal: Journal,
        ownership: Ownership,
        turns: OneOfAKind,
        untagged: Untagged,
        records: Records,
        *,
        in_flight: Callable[[str], bool],
        changed: Callable[[str], None],
        shown: Shown,
    ) -> None:
        self._line = line
        self._journal = journal
        self._ownership = ownership
        self._turns = turns
        self._untagged = untagged
        self._records = records
        self._in_flight = in_flight
        self._taking_over = TakingOver(
            journal, certain=self.certain, changed=changed, shown=shown
        )
        self._wholeness = Wholeness()
        self._cut_short = False
        self._looked: datetime | None = None  # when the book before was read
        self.doubts = Doubts()

    def in_doubt(self, order_id: str) -> None:
        """The order may have arrived, and left no later than now."""
        self.doubts.add(order_id, trio.current_time())
        self._turns.hold(self._journal[order_id])

    def certain(self, order_id: str) -> None:
        """The order's fate is known."""
        self.doubts.remove(order_id)
        self._turns.release(order_id)
        self._untagged.certain(order_id)

    async def compare(self, round_: Round, book: Sequence[BookOrder]) -> None:
        """Take over what the book says.

        Raises:
            BrokerError, TooSlowError: trades or positions, which were needed too, could
                not be read; all that the book itself says has been taken over.
        """
        self._journal.forget_settled()
        round_.book = book
        owners = self._ownership.now()
        by_number = {row.broker_order_id: row for row in book}
        round_.whole = self._is_whole(by_number)
        findings = self._untagged.look(book, owners)
        rows = _Rows(by_number, self._by_tag(book), findings)
        orders, ripe = [record.order_id for record in self._journal], list[str]()
        slices = [orders[at : at + AT_ONCE] for at in range(0, len(orders), AT_ONCE)]
        way, changed = GivingWay(len(slices)), 0
        for number, some in enumerate(slices):
            if number:
                await way.rest(changed)
            taken = self._take_some(round_, some, rows, ripe)
            changed = await self._taking_over.store(round_, taken)
        await self._take_up_settled(round_, book, owners)
        try:
            if ripe:
                await self._conclude(round_, ripe)
        finally:
            self._looked = round_.read_at
            self._tell_undecided(round_)

    def _take_some(
        self, round_: Round, order_ids: Iterable[str], rows: "_Rows", ripe: list[str]
    ) -> list[Taken]:
        """Take over what the rows say of these orders, each as it is this moment.

        Those without a row, that were missed often enough by now, go to *ripe*.
        """
        taken = []
        for order_id in order_ids:
            record = self._journal.get(order_id)  # it may have changed meanwhile
            if record is None or self._journal.settled_after(order_id, round_.started):
                continue
            round_.compared += not record.is_settled
            row, where = rows.of(record)
            if row is not None:
                taken.append(self._take(record, row, where))
            elif self._missing(round_, record, rows.findings.get(order_id)):
                ripe.append(order_id)
        return taken

    async def told(self, record: OrderRecord, row: BookOrder) -> None:
        """Take over what the broker says of one live order without being asked.

        Its terms tell what came of a change of ours, and are not believed otherwise:
        that the row is not an old one only a read of the book can show.
        """
        round_ = Round()
        round_.started = -math.inf
        await self._taking_over.store(round_, [self._take(record, row, BY_ITSELF)])

    def _by_tag(self, book: Sequence[BookOrder]) -> dict[str, BookOrder]:
        """Rows by tag. Two of one tag would be an order sent twice: that is told."""
        by_tag: dict[str, BookOrder] = {}
        for row in book:
            if row.tag is None:
                continue
            if row.tag in by_tag:
                log.critical(
                    "%s shows two orders with the tag %s",
                    self._line.name,
                    row.tag,
                    extra={"event": "order.doubled", "broker": self._line.name},
                )
            by_tag.setdefault(row.tag, row)
        return by_tag

    def _take(self, record: OrderRecord, row: BookOrder, where: str = BOOK) -> Taken:
        return self._taking_over.take(record, row, where, self._looked)

    def _missing(
        self, round_: Round, record: OrderRecord, finding: Finding | None
    ) -> bool:
        """Whether an order without a row was missed often enough by now."""
        order_id = record.order_id
        if record.status is OrderStatus.NOT_PLACED and finding and finding.candidates:
            self._untagged.tell(record, finding.candidates)
        if self._in_flight(order_id):
            return False
        if differences.should_show(record, round_.read_at):
            round_.differences.append(differences.undecided(record))
        if order_id not in self.doubts:
            return False
        near = () if finding is None else finding.near
        round_.undecided[order_id] = near
        if not sent_today(record, self._journal):
            self._untagged.tell_why(record, DAY_OVER)
            self._turns.release(order_id)
            return False
        if finding is not None and near:
            if finding.candidates or self.doubts.old(order_id, round_.started):
                self._untagged.tell(record, finding.candidates or near)
            return False
        return round_.whole and self.doubts.missing(order_id, round_.started)

    def _is_whole(self, by_number: Mapping[str, BookOrder]) -> bool:
        """Whether what is not in the book is missing: not where it is cut short."""
        lost = self._wholeness.lost(by_number.keys(), trio.current_time())
        if lost and not self._cut_short:  # told once
            log.warning(
                "%s's book lacks %d orders that it has shown: nothing is missing by it",
                self._line.name,
                len(lost),
                extra={"event": "book.short", "broker": self._line.name},
            )
        self._cut_short = bool(lost)
        return not lost

    async def _take_up_settled(
        self, round_: Round, book: Sequence[BookOrder], owners: Owners
    ) -> None:
        """Orders that ended hours ago, and that the book tells otherwise of."""
        rows = {
            owners.settled[row.broker_order_id].order_id: row
            for row in book
            if row.broker_order_id in owners.settled
            and differences.differs(owners.settled[row.broker_order_id], row)
        }
        for order_id, row in tuple(rows.items())[:MOST_TAKEN_UP]:
            if self._journal.get(order_id) is not None:
                continue  # taken up before, and maybe not stored yet
            record = await self._stored(order_id)
            if record is None:
                continue
            if from_book(record, row, self._journal.wall()) is None:
                round_.differences += differences.unmended(record, row)
                continue
            self._journal.take_up([record])
            await self._taking_over.store(round_, [self._take(record, row)])

    async def _stored(self, order_id: str) -> OrderRecord | None:
        try:
            return await self._records.read(lambda store: store.order(order_id))
        except StoreFailed as failure:
            log.warning(
                "%s cannot be compared: %s",
                order_id,
                failure,
                extra={"event": "order.not_compared", "order_id": order_id},
            )
            return None

    def _tell_undecided(self, round_: Round) -> None:
        for order_id, near in round_.undecided.items():
            if order_id in self.doubts:
                record = self._journal[order_id]
                round_.differences.append(differences.undecided(record, near))

    async def _conclude(self, round_: Round, ripe: Sequence[str]) -> None:
        """Call them not placed, unless trades or positions tell another story."""
        port = self._line.port
        with trio.fail_after(ROUND_TIMEOUT):
            trades = await self._line.read(Kind.RECONCILE, port.trades)
            positions = await self._line.read(Kind.RECONCILE, port.positions)
        tags = {trade.tag for trade in trades}
        owners = self._ownership.now()
        for order_id in ripe:
            record = self._journal[order_id]
            if record.client_tag in tags:
                continue
            if self._untagged.traded(record, trades, owners):
                self._untagged.tell_why(record, "a trade that nobody owns may be its")
                continue
            if not explained(record.order.symbol, positions, trades):
                log.warning(
                    "%s: a position is unexplained",
                    record.order.symbol,
                    extra={"event": "position.unexplained", **of_order(record)},
                )
                continue
            words = "asked long enough, the broker does not have it"
            change = advance(
                record,
                OrderStatus.NOT_PLACED,
                words,
                self._journal.wall(),
                error_code="not_sent",
                message=words,
            )
            self.certain(order_id)
            await self._journal.save(change)  # a cancel of it stays wanted
            if change is not None:
                round_.differences += differences.mended(record, change.order)


class _Rows(NamedTuple):
    """A book's rows, and what was found out of those that bear no tag."""

    by_number: Mapping[str, BookOrder]
    by_tag: Mapping[str, BookOrder]
    findings: Mapping[str, Finding]

    def of(self, record: OrderRecord) -> tuple[BookOrder | None, str]:
        """The order's row, and how it was found."""
        row = self.by_number.get(record.broker_order_id or "")
        row = row or self.by_tag.get(record.client_tag)
        if row is not None:
            return row, BOOK
        finding = self.findings.get(record.order_id)
        return None if finding is None else finding.row, BY_TERMS


def explained(
    symbol: str, positions: Sequence[Position], trades: Sequence[Trade]
) -> bool:
    """Whether today's trades account for today's change of position in *symbol*."""
    moved = sum(
        (row.day_quantity for row in positions if row.symbol == symbol), start=ZERO
    )
    traded = sum(
        (row.side.sign * row.quantity for row in trades if row.symbol == symbol),
        start=ZERO,
    )
    return moved == traded
