"""Settlement: what was filled is settled, one trading day later (T+1), at 18:00 IST.

Nobody tells when an exchange has settled a trade, so the calendar says when it should
have. It comes from the store, not from memory: what fell due while Ordo was down is
settled at its start. In small portions: no order waits for it.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, time
from functools import partial

import trio

from actors.clockwork import Wall
from actors.journal import change_entry
from actors.lifecycle import advance
from actors.mailbox import Mailbox, MailboxError
from actors.market_day import IST, market_day
from actors.messages import Commit, StoreDown
from actors.records import Records
from adapters import OrderRecord, OrderStatus, SaveOrder, Store, StoreFailed
from adapters.market import Calendar

log = logging.getLogger("ordo.settlement")

SETTLED_AT = time(18, 0, tzinfo=IST)
"""By then the clearing of the day is over: pay-out is in the afternoon of T+1."""
LOOK_EVERY = 3600.0
"""Seconds between looks."""
AT_ONCE = 25
"""Orders settled in one commit."""
PAUSE = 0.05
"""Seconds between two portions."""
CAUSE = "its settlement day (T+1) is over"


class Settlement:
    """The settlement actor; it has no mailbox, for nobody asks it anything.

    It alone changes filled orders, and only those of earlier days: the actors of their
    brokers have let go of them.

    Args:
        writer: its mailbox.
        records: what is stored.
        calendar: the trading days.
        wall: for the hour of the day.
    """

    def __init__(
        self, writer: Mailbox, records: Records, calendar: Calendar, wall: Wall
    ) -> None:
        self._writer = writer
        self._records = records
        self._calendar = calendar
        self._wall = wall

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Settle what is due, now and each hour, until cancelled."""
        task_status.started()
        while True:
            try:
                settled = await self._settle()
            except (StoreFailed, MailboxError) as error:
                log.warning(
                    "settlement stopped early, until the next hour: %s",
                    error,
                    extra={"event": "settlement.stopped"},
                )
            else:
                level = logging.INFO if settled else logging.DEBUG
                log.log(
                    level,
                    "settlement: %d orders",
                    settled,
                    extra={"event": "settlement.done"},
                )
            await trio.sleep(LOOK_EVERY)

    async def _settle(self) -> int:
        """Settle all that is due; how many orders."""
        now, settled = self._wall(), 0
        # Nothing of today can be due: T+1 is another day.
        today = datetime.combine(market_day(now), time(), tzinfo=IST)
        page = await self._page(today, None)
        while page:
            due = [row for row in page if due_at(row, self._calendar) <= now]
            if due:
                await self._store(due, now)
                settled += len(due)
            await trio.sleep(PAUSE)
            page = await self._page(today, page[-1])
        return settled

    async def _page(
        self, before: datetime, after: OrderRecord | None
    ) -> list[OrderRecord]:
        return await self._records.read(partial(_filled, before=before, after=after))

    async def _store(self, due: Sequence[OrderRecord], now: datetime) -> None:
        writes = tuple(_settled(record, now) for record in due)
        answer = await self._writer.ask(Commit(writes=writes))
        if isinstance(answer, StoreDown):
            raise StoreFailed(answer.message)


def due_at(record: OrderRecord, calendar: Calendar) -> datetime:
    """When a filled order is settled: 18:00 IST of the trading day after its last fill.

    A filled order's last change is its last fill, as Ordo has seen it: never too early.
    """
    exchange = record.order.symbol.partition(":")[0]
    day = calendar.next_trading_day(market_day(record.updated_at), exchange)
    return datetime.combine(day, SETTLED_AT)


def _filled(
    store: Store, before: datetime, after: OrderRecord | None
) -> list[OrderRecord]:
    return store.filled_before(before, AT_ONCE, after)


def _settled(record: OrderRecord, now: datetime) -> SaveOrder:
    change = advance(record, OrderStatus.SETTLED, CAUSE, now)
    assert change is not None  # noqa: S101 - the store gives filled orders alone
    entry = change_entry(change, "settlement")
    return SaveOrder(order=change.order, events=(change.event,), audit=(entry,))
