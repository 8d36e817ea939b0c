"""What an earlier run left: every order of it is accounted for before new ones go.

An order that was accepted and provably never left is denied; one that may have left is
unknown, and looked up in the broker's book by its tag.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec
import trio

from actors.cancels import Cancels
from actors.journal import Journal
from actors.lifecycle import advance
from actors.limiter import Limiter
from actors.mailbox import Mailbox, MailboxError
from actors.messages import Commit
from actors.ownership import Ownership
from actors.reconciler import Reconciler
from actors.records import Records
from actors.windows import MINUTE, SECOND, SLACK, Kind
from adapters import OrderQuery, OrderRecord, OrderStatus, Store, StoreFailed

log = logging.getLogger("ordo.broker")

T = TypeVar("T")

TookUp = Callable[[int, int], None]

AGAIN_AFTER = 1.0
"""Seconds until an unreadable store is tried again."""
A_DAY = timedelta(days=1)
PAGE = 1000
"""Orders read at once: others want to read between."""


class Recovery:
    """Takes up one broker's orders at each start of its actor.

    Args:
        journal: gets the orders.
        reconciler: gets those whose fate is unknown.
        cancels: gets those whose cancel could not be carried out.
        ownership: told of the day's orders.
        limiter: charged with what the last run of Ordo may have used.
        records: what is stored.
        writer: its mailbox.
        took_up: told how many orders are taken up, and of how many.
    """

    def __init__(
        self,
        journal: Journal,
        reconciler: Reconciler,
        cancels: Cancels,
        ownership: Ownership,
        limiter: Limiter,
        records: Records,
        writer: Mailbox,
        took_up: TookUp = lambda done, total: None,
    ) -> None:
        self._journal = journal
        self._reconciler = reconciler
        self._cancels = cancels
        self._ownership = ownership
        self._limiter = limiter
        self._records = records
        self._writer = writer
        self._took_up = took_up

    async def take_up(self, queued: Sequence[str]) -> dict[str, OrderRecord]:
        """Find every order that is not settled, and settle what can be from here.

        Args:
            queued: the orders whose `SendOrder` is in the mailbox since before this.

        Returns:
            Those that were on their way, as they stand now: they must not be sent.
        """
        broker = self._journal.broker
        await self._see_stored()
        today = await self._today(broker)
        self._ownership.load(today)
        if self._limiter.untouched:  # else this run's own log is exact
            await self._charge(broker, today)
        left = await self._read(lambda store: store.unsettled(broker))
        self._journal.take_up(left)
        on_their_way = {}
        for number, record in enumerate(left):
            self._took_up(number, len(left))
            if record.status is OrderStatus.PLACED:
                on_their_way[record.order_id] = await self._settle(record)
            elif record.status is OrderStatus.UNKNOWN:
                self._look_up(record)
            elif record.cancel_requested:
                # Of one not placed, for it may turn up; of an open one its cancel was
                # cut short, or in vain: once the book shows it, it goes out again.
                self._cancels.want(record.order_id)
        for order_id in queued:
            if order_id not in on_their_way:  # a start that crashed has settled it
                on_their_way[order_id] = await self._stored(order_id)
        if not self._reconciler.doubts:
            self._reconciler.nothing_to_recover()
        return on_their_way

    async def _today(self, broker: str) -> list[OrderRecord]:
        """The last day's orders, newest first."""
        since = self._journal.wall() - A_DAY
        query = OrderQuery(broker=broker, since=since, limit=PAGE)
        orders: list[OrderRecord] = []
        while True:
            page = await self._read(partial(_orders, query=query))
            orders += page
            if len(page) < PAGE:
                return orders
            query = msgspec.structs.replace(query, cursor=page[-1].order_id)

    async def _charge(self, broker: str, orders: Iterable[OrderRecord]) -> None:
        """Charge the windows: sends and cancels are stored, reads are not.

        A cancelled order's last change is its cancel, or later: never too early.
        """
        wall, now = self._journal.wall(), trio.current_time()
        ago = wall - timedelta(seconds=max(MINUTE, self._limiter.longest))
        sent = await self._read(lambda store: store.sent_since(broker, ago))
        cancelled = [o.updated_at for o in orders if o.cancel_requested]

        def seconds(moments: Iterable[datetime]) -> list[float]:
            return [now - (wall - at).total_seconds() for at in moments if at >= ago]

        self._limiter.seed_reads(now)
        self._limiter.seed(Kind.PLACE, seconds(sent), now)
        self._limiter.seed(Kind.CANCEL, seconds(cancelled), now)
        # Nobody knows what the last second held.
        self._limiter.pause(trio.current_time() + SECOND * SLACK)

    async def _see_stored(self) -> None:
        """Wait until what an incarnation that crashed had changed is in the store."""
        try:
            await self._writer.ask(Commit(writes=()))
        except MailboxError as exc:
            log.warning(
                "the store may yet change: %s", exc, extra={"event": "recovery.unsure"}
            )

    async def _settle(self, record: OrderRecord) -> OrderRecord:
        if record.sending_at is None:
            words = "Ordo stopped before it was sent"
            code, status, message = "not_sent", OrderStatus.DENIED, words
        else:
            words = "Ordo stopped while it was being sent"
            message = f"it may have arrived ({words}); being reconciled"
            code, status = "unknown", OrderStatus.UNKNOWN
            self._look_up(record)
        wall = self._journal.wall()
        change = advance(record, status, words, wall, error_code=code, message=message)
        assert change is not None  # noqa: S101 - both may follow PLACED
        await self._journal.save(change)
        return change.order

    def _look_up(self, record: OrderRecord) -> None:
        self._reconciler.in_doubt(record.order_id)
        if record.cancel_requested:
            self._cancels.want(record.order_id)

    async def _stored(self, order_id: str) -> OrderRecord:
        record = await self._read(lambda store: store.order(order_id))
        assert record is not None  # noqa: S101 - the accept came before its message
        return record

    async def _read(self, question: Callable[[Store], T]) -> T:
        """Read until it works: without the answer no order may go."""
        while True:
            try:
                return await self._records.read(question)
            except StoreFailed as failure:
                log.error(  # noqa: TRY400
                    "%s cannot start: %s",
                    self._journal.broker,
                    failure,
                    extra={"event": "recovery.waits"},
                )
            await trio.sleep(AGAIN_AFTER)


def _orders(store: Store, query: OrderQuery) -> list[OrderRecord]:
    return store.orders(query)
