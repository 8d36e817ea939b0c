"""A broker's orders that are not settled: in memory, and one step behind in the store.

A change happens in memory first, in one synchronous stretch, and queues behind the
order's earlier changes; one commit at a time takes all that an order has in its queue.
What could not be committed stays there and is tried again: it was not spoken of yet.
"""

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from weakref import WeakValueDictionary

import msgspec
import trio

from actors.clockwork import Wall
from actors.lifecycle import SURPRISES, Change
from actors.live import Live
from actors.mailbox import Mailbox, MailboxError
from actors.messages import Commit, Committed
from adapters import AuditEntry, OrderEvent, OrderRecord, OrderStatus, SaveOrder
from adapters.correlation import of_order

log = logging.getLogger("ordo.orders")

AGAIN_AFTER = 1.0
"""Seconds until an uncommitted change is tried again."""
LATE = 300.0
"""Seconds a cancelled or rejected order is still held against the book: a fill may have
crossed its cancel, and a refusal may have been none."""
VERY_LATE = 86400.0
"""The same for one that was `not_placed`: a trading day."""


class _Unsaved:
    """What an order has on its way to the store, and how it stands there."""

    def __init__(self, stored: OrderRecord) -> None:
        self.stored = stored
        self.writes: list[SaveOrder] = []


class Journal:
    """Keeps one broker's live orders and stores their changes.

    Args:
        broker: its name, for the audit.
        writer: the writer's mailbox.
        wall: for stamps.
        filled: told of each fill.

    Attributes:
        on_drop: told of each order that is let go of, settled and stored.
    """

    def __init__(
        self,
        broker: str,
        writer: Mailbox,
        wall: Wall,
        filled: Callable[[], None] = lambda: None,
    ) -> None:
        self._filled = filled
        self.broker = broker
        self.wall = wall
        self.on_drop: Callable[[OrderRecord], None] = lambda record: None
        self._writer = writer
        self._live = Live()
        self._held: set[str] = set()
        self._asked_by: dict[str, str] = {}  # the request of each, while this runs
        self._settled_at: dict[str, float] = {}
        self._unsaved: dict[str, _Unsaved] = {}
        self._on_their_way = trio.Event()  # set while something may be unsaved
        # A lock lives for as long as somebody is at it.
        self._turns: WeakValueDictionary[str, trio.Lock] = WeakValueDictionary()

    def __iter__(self) -> Iterator[OrderRecord]:
        return iter(tuple(self._live.values()))

    def __len__(self) -> int:
        return len(self._live)

    def __getitem__(self, order_id: str) -> OrderRecord:
        return self._live[order_id]

    def get(self, order_id: str) -> OrderRecord | None:
        """The order as it stands, if it is live here."""
        return self._live.get(order_id)

    def numbered(self, number: str) -> OrderRecord | None:
        """The live order that bears this number of the broker's."""
        return self._live.numbered(number)

    def tagged(self, tag: str) -> OrderRecord | None:
        """The live order that bears this tag."""
        return self._live.tagged(tag)

    def take_up(self, records: Iterable[OrderRecord]) -> None:
        """Keep orders as they are stored."""
        for record in records:
            self._live[record.order_id] = record
            if record.is_settled:
                self._settled_at[record.order_id] = trio.current_time()

    def hold(self, record: OrderRecord, request_id: str | None = None) -> None:
        """Keep an order, as stored, and keep it until `release`, settled or not.

        Args:
            request_id: of the HTTP request that placed it, for the log.
        """
        self._held.add(record.order_id)
        if request_id is not None:
            self._asked_by[record.order_id] = request_id
        self._live[record.order_id] = record

    def ids(self, order_id: str) -> dict[str, str]:
        """What every log record about the order carries."""
        return of_order(self[order_id], self._asked_by.get(order_id))

    def release(self, order_id: str) -> None:
        """Nobody needs it any more, unless something is still to come."""
        self._held.discard(order_id)
        self._let_go(order_id)

    async def save(self, change: Change | None, *, actor: str | None = None) -> bool:
        """Make a change; whether it is stored, and all that the order had before it.

        What could not be stored is kept, and tried again. None changes nothing.
        """
        if change is None:
            return False
        self.make(change, actor=actor)
        return await self.flush(change.order.order_id)

    def make(self, change: Change, *, actor: str | None = None) -> None:
        """Make a change in memory, and queue it; a `flush` stores it."""
        order, event = change.order, change.event
        if event.fill_quantity:
            self._filled()
        self._settled_at.pop(order.order_id, None)
        if order.is_settled:
            self._settled_at[order.order_id] = trio.current_time()
        self._tell(self[order.order_id], order, event.cause)
        entry = change_entry(change, actor or f"broker:{self.broker}")
        self._queue(SaveOrder(order=order, events=(event,), audit=(entry,)))

    async def save_sending(self, order_id: str) -> bool:
        """Store that the first byte may leave from now on; False: then it must not."""
        record = msgspec.structs.replace(self[order_id], sending_at=self.wall())
        write = SaveOrder(order=record, events=(), audit=(self._sending(record),))
        self._queue(write)
        if await self.flush(order_id):
            return True
        self._unmake(write)
        unsent = msgspec.structs.replace(self[order_id], sending_at=None)
        self._live[order_id] = unsent
        return False

    def amend(
        self,
        order_id: str,
        entry: AuditEntry,
        *,
        event: OrderEvent | None = None,
        **fields: Any,
    ) -> None:
        """Change fields that are no change of status; a `flush` stores them."""
        record = msgspec.structs.replace(self[order_id], **fields)
        events = () if event is None else (event,)
        self._queue(SaveOrder(order=record, events=events, audit=(entry,)))

    async def flush(self, order_id: str) -> bool:
        """Store what an order has in its queue by its turn; whether that is stored."""
        async with self._turn(order_id):
            return await self._store([order_id])

    async def flush_all(self, order_ids: Iterable[str]) -> None:
        """Store what several orders have in their queues in one commit, once each.

        Nobody waits for one turn while holding another. So an order whose turn is taken
        is stored behind the others, by itself; mostly it was, with all that it had.
        """
        turns: dict[str, trio.Lock] = {}
        taken: list[str] = []
        for order_id in dict.fromkeys(order_ids):
            turn = self._turn(order_id)
            try:
                turn.acquire_nowait()
            except trio.WouldBlock:
                taken.append(order_id)
            else:
                turns[order_id] = turn
        try:
            await self._store(turns)
        finally:
            for turn in turns.values():
                turn.release()
        for order_id in taken:
            await self.flush(order_id)

    def spoken(self, order_id: str) -> OrderRecord:
        """The order as it may be told now: never ahead of the store.

        Of what is not on disk only a denial is certain: a restart, too, finds it unsent
        or looks it up.
        """
        record, unsaved = self[order_id], self._unsaved.get(order_id)
        if unsaved is None or record.status is OrderStatus.DENIED:
            return record
        if unsaved.stored.status is not OrderStatus.PLACED:
            return unsaved.stored
        return msgspec.structs.replace(
            record,
            status=OrderStatus.UNKNOWN,
            error_code="unknown",
            message="the store failed before this was recorded; being reconciled",
        )

    def settled_after(self, order_id: str, moment: float) -> bool:
        """Whether it was settled later than *moment*, on the Trio clock."""
        return self._settled_at.get(order_id, moment) > moment

    def forget_settled(self) -> None:
        """Let go of the orders whose late surprises would have come by now."""
        now = trio.current_time()
        for order_id, since in tuple(self._settled_at.items()):
            missing = self[order_id].status is OrderStatus.NOT_PLACED
            if now - since > (VERY_LATE if missing else LATE):
                self._drop(order_id)

    async def retry_unsaved(self) -> None:
        """Store what could not be stored before, for as long as it takes."""
        while True:
            await self._on_their_way.wait()
            await trio.sleep(AGAIN_AFTER)
            for order_id in tuple(self._unsaved):
                await self.flush(order_id)
            if not self._unsaved:
                self._on_their_way = trio.Event()

    def _queue(self, write: SaveOrder) -> None:
        """Change the order in memory, and queue the change for the store."""
        order_id = write.order.order_id
        unsaved = self._unsaved.setdefault(order_id, _Unsaved(self[order_id]))
        unsaved.writes.append(write)
        self._on_their_way.set()
        self._live[order_id] = write.order

    def _unmake(self, write: SaveOrder) -> None:
        unsaved = self._unsaved[write.order.order_id]
        unsaved.writes.remove(write)
        if not unsaved.writes:
            del self._unsaved[write.order.order_id]

    def _turn(self, order_id: str) -> trio.Lock:
        turn = self._turns.get(order_id)
        if turn is None:
            turn = self._turns[order_id] = trio.Lock()
        return turn

    async def _store(self, order_ids: Iterable[str]) -> bool:
        """Commit all that these orders have in their queues, whose turns we hold."""
        writes = {
            order_id: tuple(self._unsaved[order_id].writes)
            for order_id in order_ids
            if order_id in self._unsaved
        }
        if writes and not await self._commit(writes):
            return False
        for order_id, stored in writes.items():
            unsaved = self._unsaved[order_id]
            unsaved.stored = stored[-1].order
            del unsaved.writes[: len(stored)]
            if not unsaved.writes:
                del self._unsaved[order_id]
                self._let_go(order_id)
        return True

    async def _commit(self, writes: Mapping[str, Sequence[SaveOrder]]) -> bool:
        together = tuple(itertools.chain.from_iterable(writes.values()))
        try:
            answer = await self._writer.ask(Commit(writes=together))
        except MailboxError as exc:
            for order_id in writes:
                log.warning(
                    "not stored yet: %s",
                    exc,
                    extra={"event": "order.not_stored", **self.ids(order_id)},
                )
            return False
        return isinstance(answer, Committed)

    def _let_go(self, order_id: str) -> None:
        """Forget a settled order; one that may yet surprise us stays for a while."""
        order = self._live.get(order_id)
        if order is not None and order.is_settled and order.status not in SURPRISES:
            self._drop(order_id)

    def _drop(self, order_id: str) -> None:
        if order_id not in self._held and order_id not in self._unsaved:
            record = self._live[order_id]
            del self._live[order_id]
            self.on_drop(record)
            self._settled_at.pop(order_id, None)
            self._asked_by.pop(order_id, None)

    def _tell(self, before: OrderRecord, after: OrderRecord, cause: str) -> None:
        """Tell the log of a change of status; what was said before may be wrong now."""
        ids = self.ids(after.order_id)
        if before.status in SURPRISES:
            log.critical(
                "an order that was %s is %s at the broker",
                before.status,
                after.status,
                extra={"event": "order.overturned", **ids},
            )
        log.log(
            logging.WARNING if after.status is OrderStatus.UNKNOWN else logging.INFO,
            "%s %s at %s is %s: %s",
            after.order.side,
            after.order.symbol,
            self.broker,
            after.status,
            cause,
            extra={
                "event": f"order.{after.status}",
                **ids,
                "broker_order_id": after.broker_order_id,
                "attempts": after.attempts,
                "http_status": after.http_status,
                "latency_ms": after.latency_ms,
                "error_code": after.error_code,
            },
        )

    def _sending(self, record: OrderRecord) -> AuditEntry:
        return AuditEntry(
            actor=f"broker:{self.broker}",
            action="order.sending",
            batch_id=record.batch_id,
            order_id=record.order_id,
            broker=record.broker,
        )


def change_entry(change: Change, actor: str) -> AuditEntry:
    """The audit record of a change of status, which is also its event."""
    order, event = change.order, change.event
    detail = {
        "symbol": order.order.symbol,
        "side": order.order.side,
        "quantity": str(order.order.quantity),
        "cause": event.cause,
        "broker_order_id": order.broker_order_id,
        "error_code": order.error_code,
        "broker_code": order.broker_code,
        "attempts": order.attempts,
        "filled_quantity": str(order.filled_quantity),
        "average_price": _text(order.average_price),
        "fill_quantity": _text(event.fill_quantity),
        "fill_price": _text(event.fill_price),
    }
    return AuditEntry(
        actor=actor,
        action=f"order.{order.status}",
        batch_id=order.batch_id,
        order_id=order.order_id,
        broker=order.broker,
        detail={key: value for key, value in detail.items() if value is not None},
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)
