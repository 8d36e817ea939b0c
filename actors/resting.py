"""Protected market orders that rest: whoever wanted the market's price has to know.

Market protection sends a MARKET as a limit. In a fast move the market is beyond that
limit before the order is there, and then it waits, which nobody wanted. It is told
once: an audit record, and so an event and an alert. Ordo does not chase the price.
"""

import logging
from datetime import datetime, timedelta
from functools import partial

import trio

from actors.journal import Journal
from actors.records import Records
from adapters import (
    AuditEntry,
    AuditQuery,
    OrderRecord,
    OrderStatus,
    OrderType,
    Store,
    StoreFailed,
)
from adapters.correlation import of_order

log = logging.getLogger("ordo.orders")

ACTION = "order.resting"
LOOK_EVERY = 5.0
"""Seconds between looks, at most."""
RECORDS = 1000
"""Of one order's audit records, how many are looked through for an earlier telling."""


class Resting:
    """Watches one broker's orders.

    Args:
        journal: the live ones.
        records: tell which were told of before a restart.
        after: seconds from sending until an order rests.
    """

    def __init__(self, journal: Journal, records: Records, after: float) -> None:
        self._journal = journal
        self._records = records
        self._after = after
        self._told: set[str] = set()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            wait = LOOK_EVERY
            for each in self._journal:
                if (left := self._left(each)) is None:
                    continue
                if left > 0:
                    wait = min(wait, left)
                else:
                    await self._tell(each.order_id)
            self._told &= {record.order_id for record in self._journal}
            await trio.sleep(wait)

    def _left(self, record: OrderRecord) -> float | None:
        """Seconds until it rests; None where it cannot, or was told of."""
        since = waits_since(record)
        if since is None or record.order_id in self._told:
            return None
        return self._after - (self._journal.wall() - since) / timedelta(seconds=1)

    async def _tell(self, order_id: str) -> None:
        try:
            known = await self._records.read(partial(_was_told, order_id=order_id))
        except StoreFailed as failure:
            log.warning(
                "%s may rest, and is looked at again: %s",
                order_id,
                failure,
                extra={"event": "resting.not_read", "order_id": order_id},
            )
            return
        record = self._journal.get(order_id)  # it may have traded meanwhile
        if record is None or self._left(record) is None:
            return
        self._told.add(order_id)
        if known:
            return
        entry = self._entry(record)
        self._journal.amend(order_id, entry)
        await self._journal.flush(order_id)  # what is not stored now is tried again
        log.warning(
            "an order rests: %s",
            entry.detail["cause"],
            extra={"event": ACTION, **of_order(record)},
        )

    def _entry(self, record: OrderRecord) -> AuditEntry:
        assert record.sent_as is not None  # noqa: S101 - else it does not rest
        order, price = record.order, record.sent_as.price
        cause = (
            f"{order.type} went out as a limit at {price}, and is not filled after"
            f" {self._after:g} s"
        )
        return AuditEntry(
            actor=f"broker:{self._journal.broker}",
            action=ACTION,
            batch_id=record.batch_id,
            order_id=record.order_id,
            broker=record.broker,
            detail={
                "symbol": order.symbol,
                "side": order.side,
                "quantity": str(order.quantity),
                "filled_quantity": str(record.filled_quantity),
                "price": str(price),
                "cause": cause,
            },
        )


def waits_since(record: OrderRecord) -> datetime | None:
    """Since when a protected order works at its limit; None: it does not.

    A stop waits for its trigger, as was wanted: only from its first fill on is it known
    to work, and from the last one on it rests.
    """
    if record.sent_as is None:
        return None
    if record.sent_as.type is OrderType.SL:
        begun = record.status is OrderStatus.PARTIALLY_FILLED
        return record.updated_at if begun else None
    at_work = record.status in (OrderStatus.ACKED, OrderStatus.PARTIALLY_FILLED)
    return record.sending_at if at_work else None


def _was_told(store: Store, order_id: str) -> bool:
    query = AuditQuery(order_id=order_id, limit=RECORDS)
    return any(row.entry.action == ACTION for row in store.audit(query))
