"""Compares one broker's orders with its book: at start, in doubt, while open.

One read of the book serves all. An order is never called not placed before it was
missed in several complete reads, for long enough, with every position explained.
"""

import logging
import math
from collections.abc import Callable, Sequence

import trio

from actors.doubts import Doubts
from actors.journal import Journal
from actors.lifecycle import advance, from_book
from actors.limiter import Kind
from actors.line import Line
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
ROUND_TIMEOUT = 30.0


class Reconciler:
    """Settles what is not certain.

    Args:
        line: to the broker.
        journal: its live orders.
        in_flight: whether an order is on its way just now; its sender will tell.
        found: told of an order that was in doubt and is open at the broker.
        poll: seconds between rounds while orders are open.
    """

    def __init__(
        self,
        line: Line,
        journal: Journal,
        *,
        in_flight: Callable[[str], bool],
        found: Callable[[OrderRecord], None],
        poll: float,
    ) -> None:
        self._line = line
        self._journal = journal
        self._in_flight = in_flight
        self._found = found
        self._poll = poll
        self.doubts = Doubts()
        self.failures = 0
        self._first_done = trio.Event()
        self._last = -math.inf
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

    def news(self) -> None:
        """An order has changed: the book may be due earlier than it was."""
        self._poke.set()

    def nothing_to_recover(self) -> None:
        """The last run left nothing uncertain: no read is needed first."""
        self._first_done.set()

    async def look(self) -> bool:
        """Have the book read afresh, and wait for it; False where the read failed."""
        self._wanted = True
        self._poke.set()
        await self._round_over.wait()  # one under way may have begun too early
        if self._wanted:
            await self._round_over.wait()
        return self.failures == 0

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
        if not self.recovered:
            return self._retry_at
        busy = any(record.is_open for record in self._journal)
        regular = self._last + (self._poll if busy else IDLE_ROUND)
        return max(self._retry_at, min(regular, self.doubts.next_look()))

    async def _round(self) -> None:
        self._wanted = False
        started = trio.current_time()
        over, self._round_over = self._round_over, trio.Event()
        try:
            with trio.fail_after(ROUND_TIMEOUT):
                book = await self._line.read(Kind.RECONCILE, self._line.port.order_book)
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
        by_id = {row.broker_order_id: row for row in book}
        by_tag = self._by_tag(book)
        ripe = []
        for record in self._journal:
            row = by_id.get(record.broker_order_id or "") or by_tag.get(
                record.client_tag
            )
            if row is not None:
                await self._apply(record, row)
            elif self._may_be_missing(record) and self.doubts.missing(
                record.order_id, started
            ):
                ripe.append(record)
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

    async def _apply(self, record: OrderRecord, row: BookOrder) -> None:
        change = from_book(record, row, self._journal.wall())
        self.doubts.remove(record.order_id)
        if change is None:
            return
        await self._journal.save(change)
        if change.order.is_open:
            self._found(change.order)

    def _may_be_missing(self, record: OrderRecord) -> bool:
        return (
            record.status is OrderStatus.UNKNOWN
            and record.order_id in self.doubts
            and not self._in_flight(record.order_id)
        )

    async def _conclude(self, ripe: Sequence[OrderRecord]) -> None:
        """Call them not placed, unless trades or positions tell another story."""
        port = self._line.port
        trades = await self._line.read(Kind.RECONCILE, port.trades)
        positions = await self._line.read(Kind.RECONCILE, port.positions)
        tags = {trade.tag for trade in trades}
        for record in ripe:
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
            self.doubts.remove(record.order_id)
            await self._journal.save(change)


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
