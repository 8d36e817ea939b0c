"""Finds orders that were accepted and then handed to nobody, and denies them.

A crash of the router takes with it every batch that it has just had accepted. Without
this its orders would be `placed` for as long as their brokers' actors run, with nobody
at work on them.
"""

import logging
from collections.abc import Callable

import trio

from actors.journal import Journal
from actors.lifecycle import advance
from actors.records import Records
from adapters import OrderQuery, OrderRecord, OrderStatus, Store, StoreFailed
from adapters.correlation import of_order

log = logging.getLogger("ordo.broker")

LOOK_EVERY = 20.0
"""Seconds between looks; mostly there is nothing, which costs one read of an index."""
PATIENCE = 65.0
"""Seconds after which no order is handed over any more: the longest deadline is 60 s
(api.md, "Orders"), and the router queues nothing past it."""


class Orphans:
    """Looks after what one broker's actor was never given.

    An order that an earlier incarnation may have sent is no orphan: that one's
    successor took it up at its start. So what is found here has provably not left.

    Args:
        journal: the actor's live orders.
        records: what is stored.
        in_flight: whether an order is on its way just now.
    """

    def __init__(
        self, journal: Journal, records: Records, in_flight: Callable[[str], bool]
    ) -> None:
        self._journal = journal
        self._records = records
        self._in_flight = in_flight
        self._seen: dict[str, float] = {}

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await trio.sleep(LOOK_EVERY)
            await self._look()

    async def _look(self) -> None:
        now = trio.current_time()
        found = [row for row in await self._placed() if self._nobody_has(row.order_id)]
        self._seen = {row.order_id: self._seen.get(row.order_id, now) for row in found}
        for row in found:
            long_enough = now - self._seen[row.order_id] >= PATIENCE
            if long_enough and self._nobody_has(row.order_id):
                await self._deny(row)

    async def _placed(self) -> list[OrderRecord]:
        query = OrderQuery(
            broker=self._journal.broker, status=OrderStatus.PLACED, limit=1000
        )

        def read(store: Store) -> list[OrderRecord]:
            return store.orders(query)

        try:
            return await self._records.read(read)
        except StoreFailed as failure:
            log.warning(
                "orders that nobody has cannot be found: %s",
                failure,
                extra={"event": "orphans.not_read"},
            )
            return []

    def _nobody_has(self, order_id: str) -> bool:
        return not self._in_flight(order_id) and self._journal.get(order_id) is None

    async def _deny(self, record: OrderRecord) -> None:
        words = "it was accepted, but a fault in Ordo kept it from being sent"
        log.error(
            "%s: %s",
            record.order_id,
            words,
            extra={"event": "order.orphaned", **of_order(record)},
        )
        self._journal.take_up([record])
        change = advance(
            record,
            OrderStatus.DENIED,
            words,
            self._journal.wall(),
            error_code="not_sent",
            message=words,
        )
        await self._journal.save(change)
