"""The router: what concerns several brokers, or one that only the store can name.

A batch fans out and is collated (`actors.placing`), a cancel finds its order's broker,
a read is asked of several side by side.
"""

from collections.abc import Mapping
from functools import partial

import trio

from actors.clockwork import Clockwork
from actors.fanout import margin_before
from actors.mailbox import Mailbox, MailboxError, MailboxFull, Request
from actors.messages import (
    CancelledOpen,
    CancelOpen,
    CancelOrder,
    CancelResult,
    ClosePositions,
    Denial,
    Fetch,
    FetchAll,
    Fetched,
    FetchFailed,
    ModifyOrder,
    Overloaded,
    PlaceBatch,
    SquaredOff,
)
from actors.modifying import Modifying
from actors.placing import Placing
from actors.pretrade import PreTrade
from actors.records import Records
from actors.squareoff import SquareOff
from actors.trading import TradingState
from actors.writer import StoreHealth
from adapters import OrderRecord, Store, StoreFailed
from adapters.instruments import InstrumentIndex

MOST_IN_ONE = 64
"""Messages handled in one pass of the loop: under load a pass is long, and with one
message for each the mailbox would be the slowest part of Ordo."""
MOST_AT_ONCE = 512
"""Batches under way; one more is refused rather than left waiting."""
_BUSY = Overloaded(message="more comes in than can be recorded")
_FULL = Overloaded(message=f"{MOST_AT_ONCE} requests are under way, the limit")


class Router:
    """The router actor.

    Args:
        mailbox: `PlaceBatch`, `ClosePositions`, `CancelOrder`, `CancelOpen`,
            `ModifyOrder`, `FetchAll`.
        brokers: mailboxes by the name of the broker.
        writer: the writer's mailbox.
        records: what is stored.
        trading: for a quick no while halted; the accept and the senders look again.
        store: for a quick no while the store is down.
        clockwork: stamps and ids.
        pretrade: judges each leg; None lets all through as they are.
        instruments: what each broker trades, by its name.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        brokers: Mapping[str, Mailbox],
        writer: Mailbox,
        records: Records,
        trading: TradingState,
        store: StoreHealth,
        clockwork: Clockwork,
        pretrade: PreTrade | None = None,
        instruments: Mapping[str, InstrumentIndex] | None = None,
    ) -> None:
        self._mailbox = mailbox
        self._brokers = brokers
        self._records = records
        self._placing = Placing(
            brokers, writer, records, trading, store, clockwork, pretrade
        )
        self._square_off = SquareOff(self._placing, self._fetch, instruments or {})
        self._modifying = Modifying(brokers, records, pretrade)
        self._at_work = 0
        self._receiving = trio.CancelScope()

    def stop(self) -> None:
        """Take nothing new; `run` returns when the batches under way are answered."""
        self._receiving.cancel(reason="the router was told to stop")

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Route until stopped; it may run again after a crash."""
        self._receiving = trio.CancelScope()
        async with trio.open_nursery() as tasks:
            task_status.started()
            with self._receiving:
                while True:
                    self._handle(await self._mailbox.receive(), tasks)
                    for request in self._mailbox.drain(MOST_IN_ONE):
                        self._handle(request, tasks)

    def _handle(self, request: Request, tasks: trio.Nursery) -> None:
        match request.message:
            case PlaceBatch() if self._at_work >= MOST_AT_ONCE:
                request.reply(_FULL)
            case PlaceBatch(closes_for=None) if self._placing.congested:
                request.reply(_BUSY)
            case ClosePositions() if self._at_work >= MOST_AT_ONCE:
                request.reply(SquaredOff(batch=_FULL))
            case PlaceBatch() as message:
                self._at_work += 1  # here, not in the task: a burst is counted at once
                tasks.start_soon(self._place, request, message)
            case ClosePositions() as message:
                self._at_work += 1
                tasks.start_soon(self._close, request, message)
            case CancelOpen() as message:
                tasks.start_soon(self._cancel_open, request, message)
            case CancelOrder() as message:
                tasks.start_soon(self._cancel, request, message)
            case ModifyOrder() as message:
                tasks.start_soon(self._modify, request, message)
            case FetchAll() as message:
                tasks.start_soon(self._fetch_all, request, message)
            case other:
                raise TypeError(f"no message for the router: {other!r}")

    async def _place(self, request: Request, message: PlaceBatch) -> None:
        try:
            with request:
                request.reply(await self._placing.place(message, request.deadline))
        finally:
            self._at_work -= 1

    async def _close(self, request: Request, message: ClosePositions) -> None:
        try:
            with request:
                request.reply(await self._square_off.close(message, request.deadline))
        finally:
            self._at_work -= 1

    async def _modify(self, request: Request, message: ModifyOrder) -> None:
        with request:
            request.reply(await self._modifying.modify(message, request.deadline))

    async def _cancel(self, request: Request, message: CancelOrder) -> None:
        with request:
            order_id = message.order_id
            try:
                record = await self._records.read(lambda store: store.order(order_id))
            except StoreFailed as error:
                request.reply(Denial(code="storage_unavailable", message=str(error)))
                return
            if record is None:
                words = f"no order {order_id}"
                request.reply(Denial(code="not_found", message=words))
                return
            request.reply(await self._cancel_at(record, message, request.deadline))

    async def _cancel_open(self, request: Request, message: CancelOpen) -> None:
        """Cancel all that is open, side by side."""
        with request:
            try:
                found = await self._open(message)
            except StoreFailed as error:
                denial = Denial(code="storage_unavailable", message=str(error))
                request.reply(CancelledOpen(results=(), denial=denial))
                return
            ends: dict[str, CancelResult] = {}

            async def cancel(record: OrderRecord) -> None:
                each = CancelOrder(
                    order_id=record.order_id,
                    by=message.by,
                    request_id=message.request_id,
                )
                end = await self._cancel_at(record, each, request.deadline)
                ends[record.order_id] = end

            async with trio.open_nursery() as cancels:
                for record in found:
                    cancels.start_soon(cancel, record)
            request.reply(
                CancelledOpen(results=tuple(ends[row.order_id] for row in found))
            )

    async def _open(self, message: CancelOpen) -> list[OrderRecord]:
        """The stored orders that match and are not settled, oldest first."""
        found: list[OrderRecord] = []
        for broker in message.brokers:
            found += await self._records.read(partial(_unsettled, broker=broker))
        if message.symbol is not None:
            found = [row for row in found if row.order.symbol == message.symbol]
        return sorted(found, key=lambda row: row.order_id)

    async def _cancel_at(
        self, record: OrderRecord, message: CancelOrder, deadline: float
    ) -> CancelResult:
        """Ask the order's broker; where it cannot say, why not."""
        broker = self._brokers.get(record.broker)
        if broker is None:
            words = "its broker is not configured any more"
            denial = Denial(code="broker_unavailable", message=words)
            return CancelResult(record=record, denial=denial)
        try:
            with trio.fail_at(deadline - margin_before(deadline)):
                answer: CancelResult | Denial = await broker.ask(message, urgent=True)
        except MailboxFull as full:
            denial = Denial(code="rate_queue_full", message=str(full), retry_after=1.0)
        except (MailboxError, trio.TooSlowError):
            words = "the cancel has no answer yet; it may have arrived"
            denial = Denial(code="unknown", message=words)
        else:
            if isinstance(answer, CancelResult):
                return answer
            denial = answer
        return CancelResult(record=record, denial=denial)

    async def _fetch_all(self, request: Request, message: FetchAll) -> None:
        with request:
            ends: dict[str, Fetched | FetchFailed] = {}

            async def fetch(broker: str) -> None:
                ends[broker] = await self._fetch(broker, message, request.deadline)

            async with trio.open_nursery() as reads:
                for broker in message.brokers:
                    reads.start_soon(fetch, broker)
            request.reply(tuple(ends[broker] for broker in message.brokers))

    async def _fetch(
        self, broker: str, message: FetchAll, deadline: float
    ) -> Fetched | FetchFailed:
        try:
            with trio.fail_at(deadline - margin_before(deadline)):
                return await self._brokers[broker].ask(
                    Fetch(kind=message.kind, symbols=message.symbols)
                )
        except trio.TooSlowError:
            denial = Denial(code="deadline_exceeded", message="no answer in time")
        except MailboxFull as full:
            denial = Denial(code="rate_queue_full", message=str(full))
        except MailboxError:
            words = f"{broker} is being restarted"
            denial = Denial(code="broker_unavailable", message=words)
        return FetchFailed(broker=broker, denial=denial)


def _unsettled(store: Store, broker: str) -> list[OrderRecord]:
    return [row for row in store.unsettled(broker) if not row.is_settled]
