"""Cancelling one order wherever it is: queued, on the wire, unknown, at the broker.

Each order is cancelled once at a time; who asks meanwhile waits for the same answer. A
cancel that nobody can carry out yet is remembered until the order is found.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import trio

from actors.canceller import Canceller
from actors.flight import Flight
from actors.journal import Journal
from actors.mailbox import Mailbox, Request
from actors.messages import CancelOrder, CancelResult, Denial
from actors.pacer import Pacer
from actors.records import Records
from actors.writer import tell
from adapters import AuditEntry, Note, OrderRecord, OrderStatus, StoreFailed

CANCEL_TIMEOUT = 60.0
"""Seconds a cancel goes on for, queueing included, whether or not somebody waits."""

StartSoon = Callable[..., Any]
"""Runs a task in the actor's nursery, as `trio.Nursery.start_soon`."""


class _Attempt:
    """A cancel on its way, and how it ended."""

    def __init__(self) -> None:
        self.over = trio.Event()
        self.denial: Denial | None = Denial(code="unknown", message="it was cut short")


class Cancels:
    """Carries out cancels of one broker's orders.

    Args:
        journal: the live orders.
        flights: those on their way, by id.
        pacer: orders may wait in its queue.
        canceller: cancels at the broker.
        records: for orders that are settled.
        writer: its mailbox, for the audit.
        start_soon: runs an attempt.
    """

    def __init__(
        self,
        journal: Journal,
        flights: Mapping[str, Flight],
        pacer: Pacer,
        canceller: Canceller,
        records: Records,
        writer: Mailbox,
        start_soon: StartSoon,
    ) -> None:
        self._journal = journal
        self._flights = flights
        self._pacer = pacer
        self._canceller = canceller
        self._records = records
        self._writer = writer
        self._start_soon = start_soon
        self._wanted: dict[str, str | None] = {}  # by whom
        self._under_way: dict[str, _Attempt] = {}

    async def answer(self, request: Request) -> None:
        """Carry out a `CancelOrder`, and tell the order as it is then."""
        with request:
            try:
                request.reply(await self._cancel(request.message))
            except StoreFailed as failure:
                words = f"its state cannot be read: {failure}"
                request.reply(Denial(code="unknown", message=words))

    async def cancel(self, message: CancelOrder) -> Denial | None:
        """Cancel a live order, and see how that ends; None, or why it failed.

        None too where it is unknown: it will be cancelled once it is found.
        """
        order_id = message.order_id
        record = self._journal.get(order_id)
        if record is None or record.is_settled:
            return None
        self._note(record, message)
        flight = self._flights.get(order_id)
        if flight is not None and record.broker_order_id is None:
            flight.cancel_wanted = True
            self._pacer.withdraw(order_id)
            await flight.landed.wait()
            record = self._journal.get(order_id)
        if record is None or record.is_settled or record.broker_order_id is None:
            return None
        attempt = self._begin(record)
        await attempt.over.wait()
        return attempt.denial

    def want(self, order_id: str, by: str | None = None) -> None:
        """Cancel the order once it is found: its cancel was asked for earlier."""
        self._wanted.setdefault(order_id, by)

    def wanted(self, order_id: str) -> bool:
        """Whether its cancel came before the order, or before anybody knew where."""
        return order_id in self._wanted

    def wanted_by(self, order_id: str) -> str | None:
        """Who asked for that, where it is not in the order itself."""
        return self._wanted.get(order_id)

    def changed(self, order_id: str) -> None:
        """More is known of an order: cancel it now if that is wanted and possible."""
        if order_id not in self._wanted:
            return
        record = self._journal.get(order_id)
        if record is None or record.is_settled:
            self._wanted.pop(order_id, None)
        elif record.broker_order_id is not None:
            self._begin(record)

    async def _cancel(self, message: CancelOrder) -> CancelResult | Denial:
        order_id = message.order_id
        record = self._journal.get(order_id) or await self._stored(order_id)
        record = self._journal.get(order_id) or record  # it came while that was read
        if record is None:
            return Denial(code="not_found", message=f"no order {order_id}")
        if record.is_settled:
            await self._journal.flush(order_id)
            words = f"it is {record.status} already"
            denial = Denial(code="conflict", message=words)
            return CancelResult(record=record, denial=denial)
        if self._journal.get(order_id) is None:  # accepted, and on its way to us
            return CancelResult(record=self._cancel_early(record, message))
        failed = await self.cancel(message)
        record = self._journal.get(order_id) or await self._stored(order_id)
        assert record is not None  # noqa: S101 - it was live, and so it is stored
        return CancelResult(record=record, denial=failed)

    async def _stored(self, order_id: str) -> OrderRecord | None:
        return await self._records.read(lambda store: store.order(order_id))

    def _cancel_early(self, stored: OrderRecord, message: CancelOrder) -> OrderRecord:
        self.want(stored.order_id, message.by)
        tell(self._writer, Note(audit=(_requested(stored, message),)))
        return msgspec.structs.replace(stored, cancel_requested=True)

    def _note(self, record: OrderRecord, message: CancelOrder) -> None:
        """Remember the cancel, here and in the store, which nobody waits for."""
        order_id = record.order_id
        self.want(order_id)
        entry = _requested(record, message)
        by = record.cancel_by or message.by
        self._journal.amend(order_id, entry, cancel_requested=True, cancel_by=by)
        self._start_soon(self._journal.flush, order_id)

    def _begin(self, record: OrderRecord) -> _Attempt:
        """Cancel the order at its broker, unless that is under way."""
        self._wanted.pop(record.order_id, None)
        attempt = self._under_way.get(record.order_id)
        if attempt is None:
            attempt = self._under_way[record.order_id] = _Attempt()
            self._start_soon(self._carry_out, record, attempt)
        return attempt

    async def _carry_out(self, record: OrderRecord, attempt: _Attempt) -> None:
        deadline = trio.current_time() + CANCEL_TIMEOUT
        try:
            denial = await self._canceller.cancel(record, deadline)
            after = self._journal.get(record.order_id)
            cancelled = after is not None and after.status is OrderStatus.CANCELLED
            attempt.denial = None if cancelled else denial
        finally:
            del self._under_way[record.order_id]
            attempt.over.set()


def _requested(record: OrderRecord, message: CancelOrder) -> AuditEntry:
    return AuditEntry(
        actor=message.by,
        action="order.cancel_requested",
        request_id=message.request_id,
        batch_id=record.batch_id,
        order_id=record.order_id,
        broker=record.broker,
    )
