"""Filling an order of a simulated broker by hand, as its market might have.

The fill goes into that broker's book, and comes back as every fill does: the book is
read and compared. It is no order: it waits for no rate slot, needs no breaker, and is
made while trading is halted.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import cast

from actors.journal import Journal
from actors.mailbox import Request
from actors.messages import Denial, FillResult, SimulatedFill, SimulateFill
from actors.outcomes import denial_of
from actors.records import Records
from adapters import (
    ZERO,
    AuditEntry,
    BrokerError,
    BrokerPort,
    OrderRecord,
    SimulatedPort,
    StoreFailed,
)


class Filling:
    """Fills one broker's orders by hand, each of them for one caller at a time.

    Args:
        port: to the broker.
        journal: the live orders.
        records: for orders that are settled.
        look: has the book read afresh, and waits for it.
    """

    def __init__(
        self,
        port: BrokerPort,
        journal: Journal,
        records: Records,
        look: Callable[[], Awaitable[None]],
    ) -> None:
        self._port = port
        self._journal = journal
        self._records = records
        self._look = look
        self._under_way: set[str] = set()

    async def answer(self, request: Request) -> None:
        """Make the fills of a `SimulateFill`, and tell the order as it is then."""
        message: SimulateFill = request.message
        with request:
            try:
                denial = await self._fill(message)
                record = await self._as_it_stands(message.order_id)
            except StoreFailed as failure:
                words = f"its state cannot be read: {failure}"
                request.reply(Denial(code="storage_unavailable", message=words))
                return
            if record is None:
                words = f"no order {message.order_id}"
                request.reply(Denial(code="not_found", message=words))
            else:
                request.reply(FillResult(record=record, denial=denial))

    async def _fill(self, message: SimulateFill) -> Denial | None:
        """Make them all; None, or why that ended early."""
        order_id = message.order_id
        if not self._port.capabilities.simulated:
            words = f"{self._journal.broker} is a real broker: its market fills orders"
            return Denial(code="unsupported", message=words)
        if order_id in self._under_way:
            return Denial(code="conflict", message="it is being filled already")
        self._under_way.add(order_id)
        try:
            await self._look()  # it may have traded, or ended, by itself
            return await self._make(message)
        finally:
            self._under_way.discard(order_id)

    async def _make(self, message: SimulateFill) -> Denial | None:
        record = self._journal.get(message.order_id)
        if (why := _hindrance(record)) is not None:
            return why
        assert record is not None  # noqa: S101 - else that were a hindrance
        if (why := _too_much(record, message)) is not None:
            return why
        if not await self._note(record, message):
            words = "the store could not take it; nothing was filled"
            return Denial(code="storage_unavailable", message=words)
        for fill in message.fills:
            if (denial := await self._one(record, fill)) is not None:
                return denial
        return None

    async def _one(self, record: OrderRecord, fill: SimulatedFill) -> Denial | None:
        """Make one fill, and have it come back out of the book."""
        order_id, port = record.order_id, cast(SimulatedPort, self._port)
        assert record.broker_order_id is not None  # noqa: S101 - it is in the book
        wanted = self._filled(order_id) + fill.quantity
        try:
            await port.simulate_fill(record.broker_order_id, fill.quantity, fill.price)
        except BrokerError as error:
            return denial_of(error)
        await self._look()
        if self._filled(order_id, gone=wanted) >= wanted:
            return None
        words = "it is filled; Ordo will know once it can read the broker's book"
        return Denial(code="unknown", message=words)

    def _filled(self, order_id: str, gone: Decimal = ZERO) -> Decimal:
        """Units filled, as stored; *gone* of one that is settled and let go of."""
        if self._journal.get(order_id) is None:
            return gone
        return self._journal.spoken(order_id).filled_quantity

    async def _note(self, record: OrderRecord, message: SimulateFill) -> bool:
        """Write who fills what to the audit first; whether that is stored."""
        fills = [f"{fill.quantity:f} at {fill.price:f}" for fill in message.fills]
        entry = AuditEntry(
            actor=message.by,
            action="order.fill_requested",
            request_id=message.request_id,
            batch_id=record.batch_id,
            order_id=record.order_id,
            broker=record.broker,
            detail={"symbol": record.order.symbol, "fills": fills},
        )
        self._journal.amend(record.order_id, entry)
        return await self._journal.flush(record.order_id)

    async def _as_it_stands(self, order_id: str) -> OrderRecord | None:
        if self._journal.get(order_id) is not None:
            return self._journal.spoken(order_id)
        return await self._records.read(lambda store: store.order(order_id))


def _hindrance(record: OrderRecord | None) -> Denial | None:
    """Why an order cannot be filled, whatever the fill."""
    if record is None:
        return Denial(code="conflict", message="it is settled, or not sent yet")
    if record.is_settled:
        return Denial(code="conflict", message=f"it is {record.status} already")
    if record.broker_order_id is None:
        words = "nobody knows yet whether it arrived; wait, or cancel it"
        return Denial(code="conflict", message=words)
    return None


def _too_much(record: OrderRecord, message: SimulateFill) -> Denial | None:
    """A fill of more than what is open, all of the message's taken together."""
    left = record.order.quantity - record.filled_quantity
    wanted = sum((fill.quantity for fill in message.fills), start=ZERO)
    if wanted <= left:
        return None
    return Denial(
        code="invalid_quantity",
        message=f"wanted at most the {left:f} that are open, was {wanted:f}",
    )
