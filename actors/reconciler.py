"""Compares one broker's orders with its book: at start, in doubt, while open.

One read of the book serves all. An order is never called not placed before it was
missed in several complete reads, for long enough, with every position explained.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Sequence

import trio

from actors.doubts import Doubts
from actors.journal import Journal
from actors.lifecycle import advance, from_book
from actors.line import Line
from actors.windows import Kind
from adapters import (
    ZERO,
    BookOrder,
    BrokerError,
    OrderRecord,
    OrderStatus,
    Position,
    Trade,
)

log = logging.getLogger("ordo.reconciler")

IDLE_ROUND = 60.0
"""Seconds between rounds while nothing is open. Source: design.md, 30 to 60 s."""
FIRST_RETRY, LONGEST_RETRY = 1.0, 30.0
"""Seconds after a failed round, and where doubling stops."""
REST_PER_ROW = 0.002
"""Seconds to rest for each row of the last book, while orders are open: a row takes
some 20 us of the loop, and ten thousand must not hold up orders every second."""
ROUND_TIMEOUT = 30.0
PROBE_EVERY = 1.0
"""Seconds between reads that prove a half-open breaker's broker well."""


Shown = Callable[[OrderRecord, BookOrder, float], Awaitable[None]]


class Reconciler:
    """Settles what is not certain.

    Args:
        line: to the broker.
        journal: its live orders.
        in_flight: whether an order is on its way just now; its sender will tell.
        changed: told of each order that the book has changed.
        shown: told of each live order's row, and when the read of it began.
        poll: seconds between rounds while orders are open.
    """

    def __init__(
        self,
        line: Line,
        journal: Journal,
        *,
        in_flight: Callable[[str], bool],
        changed: Callable[[str], None],
        shown: Shown,
        poll: float,
    ) -> None:
        self._line = line
        self._journal = journal
        self._in_flight = in_flight
        self._changed = changed
        self._shown = shown
        self._poll = poll
        # Without tags a row that is ours looks like anybody's: none is ever missing.
        self._shows_tags = line.port.capabilities.tag is not None
        self.doubts = Doubts()
        self.failures = 0
        self._first_done = trio.Event()
        self._last = -math.inf
        self._rest = 0.0
        self._retry_at = -math.inf
        self._poke = trio.Event()
        self._round_over = trio.Event()
        self._wanted = False

    @property
    def recovered(self) -> bool:
        """Whether what was left uncertain by the last run has been looked up."""
        return self._first_done.is_set()

    def in_doubt(self, order_id: str) -> None:
        """The order may have arrived, and left no later than now."""
        self.doubts.add(order_id, trio.current_time())
        self._poke.set()

    def landed(self, order_id: str) -> None:
        """An order is not on its way any more; mostly its fate is known by that."""
        record = self._journal.get(order_id)
        if record is None or record.status is not OrderStatus.UNKNOWN:
            self.doubts.remove(order_id)
        self._poke.set()

    def news(self) -> None:
        """The book, or a probe of the breaker, may be due earlier than it was."""
        self._poke.set()

    def session_begun(self) -> None:
        """We were just let in: what could not be read before can be now."""
        self._retry_at = -math.inf
        self._poke.set()

    def nothing_to_recover(self) -> None:
        """The last run left nothing uncertain: no read is needed first."""
        self._first_done.set()

    async def look(self) -> None:
        """Have the book read afresh, and wait for it, or for the failure to read it."""
        self._wanted = True
        self._poke.set()
        await self._round_over.wait()  # of the next round: one under way is too old

    async def run(self) -> None:
        """Read the book whenever something is due, until cancelled."""
        while True:
            self._poke = trio.Event()
            if trio.current_time() < self._due():
                with trio.move_on_at(self._due()):
                    await self._poke.wait()
                continue
            await self._round()

    def _due(self) -> float:
        """When to read the book next, on the Trio clock."""
        if self._wanted:
            return -math.inf
        if not self._line.session.usable:
            return math.inf
        if not self.recovered:
            return self._retry_at
        busy = any(record.is_open for record in self._journal)
        regular = self._last + (max(self._poll, self._rest) if busy else IDLE_ROUND)
        probe = max(self._last + PROBE_EVERY, self._line.probe_at)
        return max(self._retry_at, min(regular, probe, self.doubts.next_look()))

    async def _round(self) -> None:
        self._wanted = False
        started = trio.current_time()
        over, self._round_over = self._round_over, trio.Event()
        try:
            # Not around the changes: one cut short would be neither stored nor kept.
            with trio.fail_after(ROUND_TIMEOUT):
                book = await self._line.read(Kind.RECONCILE, self._line.port.order_book)
            self._rest = min(IDLE_ROUND, REST_PER_ROW * len(book))
            await self._compare(book, started)
        except (BrokerError, trio.TooSlowError) as error:
            self._failed(error)
        else:
            self.failures = 0
            self._retry_at = -math.inf
            self._first_done.set()
        finally:
            self._last = trio.current_time()
            self.doubts.looked(self._last)
            over.set()

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        wait = min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** (self.failures - 1))
        self._retry_at = trio.current_time() + wait
        level = logging.WARNING if self.failures == 1 else logging.DEBUG
        log.log(
            level,
            "%s's book could not be read: %s",
            self._line.name,
            error,
            extra={"broker": self._line.name},
        )

    async def _compare(self, book: Sequence[BookOrder], started: float) -> None:
        self._journal.forget_settled()
        by_id = {row.broker_order_id: row for row in book}
        by_tag = self._by_tag(book)
        ripe = []
        for each in self._journal:
            record = self._journal.get(each.order_id)  # it may have changed meanwhile
            if record is None or self._journal.settled_after(each.order_id, started):
                continue
            row = by_id.get(record.broker_order_id or "") or by_tag.get(
                record.client_tag
            )
            if row is not None:
                await self._apply(record, row, started)
            elif self._may_be_missing(record) and self.doubts.missing(
                record.order_id, started
            ):
                ripe.append(record.order_id)
        if ripe:
            await self._conclude(ripe)

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

    async def _apply(self, record: OrderRecord, row: BookOrder, started: float) -> None:
        change = from_book(record, row, self._journal.wall())
        self.doubts.remove(record.order_id)
        if change is not None:
            await self._journal.save(change)
            self._changed(record.order_id)
        now = self._journal.get(record.order_id)
        if now is not None and not now.is_settled:
            await self._shown(now, row, started)

    def _may_be_missing(self, record: OrderRecord) -> bool:
        order_id = record.order_id
        return (
            self._shows_tags
            and order_id in self.doubts
            and not self._in_flight(order_id)
        )

    async def _conclude(self, ripe: Sequence[str]) -> None:
        """Call them not placed, unless trades or positions tell another story."""
        port = self._line.port
        with trio.fail_after(ROUND_TIMEOUT):
            trades = await self._line.read(Kind.RECONCILE, port.trades)
            positions = await self._line.read(Kind.RECONCILE, port.positions)
        tags = {trade.tag for trade in trades}
        for order_id in ripe:
            record = self._journal[order_id]
            if record.client_tag in tags:
                continue
            if not explained(record.order.symbol, positions, trades):
                log.warning("%s: a position is unexplained", record.order.symbol)
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
            self.doubts.remove(order_id)
            await self._journal.save(change)  # a cancel of it stays wanted


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
