"""A broker's orders that are not settled: in memory, and one step behind in the store.

A change happens in memory first, in one synchronous stretch, and is then committed;
changes reach the store in the order in which they were made. What could not be
committed is kept and tried again: it was not spoken of yet.
"""

import logging
from collections.abc import Iterable, Iterator

import trio

from actors.clockwork import Wall
from actors.lifecycle import SURPRISES, Change
from actors.mailbox import Mailbox, MailboxError
from actors.messages import Commit, Committed
from adapters import AuditEntry, OrderRecord, OrderStatus, SaveOrder

log = logging.getLogger("ordo.orders")

AGAIN_AFTER = 1.0
"""Seconds until an uncommitted change is tried again."""


class Journal:
    """Keeps one broker's live orders and stores their changes.

    Args:
        broker: its name, for the audit.
        writer: the writer's mailbox.
        wall: for stamps.
    """

    def __init__(self, broker: str, writer: Mailbox, wall: Wall) -> None:
        self.broker = broker
        self.wall = wall
        self._writer = writer
        self._live: dict[str, OrderRecord] = {}
        self._unsaved: dict[str, list[SaveOrder]] = {}

    def __iter__(self) -> Iterator[OrderRecord]:
        return iter(tuple(self._live.values()))

    def __len__(self) -> int:
        return len(self._live)

    def get(self, order_id: str) -> OrderRecord | None:
        """The order as it stands, if it is live here."""
        return self._live.get(order_id)

    def take_up(self, records: Iterable[OrderRecord]) -> None:
        """Keep orders as they are stored."""
        self._live.update((record.order_id, record) for record in records)

    def amend(self, record: OrderRecord) -> None:
        """Set fields that no client sees change, to be stored with the next change."""
        self._live[record.order_id] = record

    async def save(
        self, change: Change | None, *, actor: str | None = None
    ) -> OrderRecord | None:
        """Make a change, and return when it is stored.

        Returns:
            The order as it stands; None where there was no change to make, or where it
            could not be stored (it is kept, and tried again).
        """
        if change is None:
            return None
        order = change.order
        before = self._live.get(order.order_id)
        self._live[order.order_id] = order
        if before is not None and before.status in SURPRISES:
            _alert(before, order)
        write = SaveOrder(
            order=order, events=(change.event,), audit=(self._entry(change, actor),)
        )
        if not await self._store(write):
            return None
        self._let_go(order)
        return order

    async def save_sending(self, record: OrderRecord) -> bool:
        """Store that the first byte may leave from now on; False: then it must not."""
        self._live[record.order_id] = record
        entry = AuditEntry(
            actor=f"broker:{self.broker}",
            action="order.sending",
            batch_id=record.batch_id,
            order_id=record.order_id,
            broker=record.broker,
        )
        return await self._commit((SaveOrder(order=record, events=(), audit=(entry,)),))

    async def retry_unsaved(self) -> None:
        """Store what could not be stored before, for as long as it takes."""
        while True:
            await trio.sleep(AGAIN_AFTER)
            for order_id in tuple(self._unsaved):
                await self._retry(order_id)

    async def _retry(self, order_id: str) -> None:
        """Store what waits, as one change; what comes meanwhile waits behind it."""
        waiting = self._unsaved[order_id]
        some = tuple(waiting)
        if not await self._commit(some):
            return
        del waiting[: len(some)]
        if not waiting:
            del self._unsaved[order_id]
            self._let_go(some[-1].order)

    async def _store(self, write: SaveOrder) -> bool:
        order_id = write.order.order_id
        if order_id in self._unsaved:  # behind what waits already, to keep the order
            self._unsaved[order_id].append(write)
            return False
        if await self._commit((write,)):
            return True
        self._unsaved.setdefault(order_id, []).append(write)
        return False

    async def _commit(self, writes: tuple[SaveOrder, ...]) -> bool:
        try:
            answer = await self._writer.ask(Commit(writes=writes))
        except MailboxError as exc:
            log.warning("not stored yet: %s", exc, extra={"broker": self.broker})
            return False
        return isinstance(answer, Committed)

    def _let_go(self, order: OrderRecord) -> None:
        """Forget a settled order; one `not_placed` may yet turn up, and stays."""
        if order.is_settled and order.status is not OrderStatus.NOT_PLACED:
            self._live.pop(order.order_id, None)

    def _entry(self, change: Change, actor: str | None) -> AuditEntry:
        order, event = change.order, change.event
        detail = {
            "cause": event.cause,
            "broker_order_id": order.broker_order_id,
            "error_code": order.error_code,
            "broker_code": order.broker_code,
            "attempts": order.attempts,
            "filled_quantity": str(order.filled_quantity),
        }
        return AuditEntry(
            actor=actor or f"broker:{self.broker}",
            action=f"order.{order.status}",
            batch_id=order.batch_id,
            order_id=order.order_id,
            broker=order.broker,
            detail={key: value for key, value in detail.items() if value is not None},
        )


def _alert(before: OrderRecord, after: OrderRecord) -> None:
    log.critical(
        "an order that was %s is %s at the broker",
        before.status,
        after.status,
        extra={
            "event": "order.overturned",
            "order_id": after.order_id,
            "broker": after.broker,
        },
    )
