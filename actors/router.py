"""The router: one request fans out to its brokers, and their answers are collated.

The accept is the point of no return: before it nothing of a request exists, after it
every leg is brought to an outcome, whether or not anybody still waits for the answer.
"""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
import trio

from actors.clockwork import Clockwork
from actors.mailbox import Mailbox, MailboxError, MailboxFull, Request
from actors.messages import (
    Admission,
    Admit,
    BatchDone,
    BatchReply,
    CancelOrder,
    Commit,
    Committed,
    Denial,
    Fetch,
    FetchAll,
    Fetched,
    FetchFailed,
    InProgress,
    KeyReused,
    Leg,
    LegAnswer,
    NothingAccepted,
    Overloaded,
    PlaceBatch,
    ReturnSlot,
    SendOrder,
    StoreDown,
    TradingHalted,
)
from actors.records import Records
from actors.trading import TradingState
from actors.writer import StoreHealth
from adapters import (
    Accept,
    Accepted,
    AuditEntry,
    Batch,
    Halted,
    KeyScope,
    KeyTaken,
    Note,
    OrderEvent,
    OrderRecord,
    OrderStatus,
    SaveOrder,
    StoreFailed,
)

log = logging.getLogger("ordo.router")

ROUTE = "POST /api/v1/orders"
MOST_AT_ONCE = 512
"""Batches under way; one more is refused rather than left waiting."""
SAME_KEY_PATIENCE = 2.0
"""Seconds a request waits for a running one of its key. Source: api.md, "Orders"."""
ADMIT_PATIENCE = 0.5
"""Seconds for a broker actor to answer by itself; longer, it is restarting."""
ANSWER_MARGIN = 0.1
"""Seconds, or a tenth of the time there is, kept for collating and encoding."""


class Running:
    """A request under way; the others of its key wait for `done`."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.batch_id: str | None = None
        self.done = trio.Event()


class Router:
    """The router actor.

    Args:
        mailbox: `PlaceBatch`, `CancelOrder`, `FetchAll`.
        brokers: mailboxes by the name of the broker.
        writer: the writer's mailbox.
        records: what is stored.
        trading: for a quick no while halted; the accept and the senders look again.
        store: for a quick no while the store is down.
        clockwork: stamps and ids.
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
    ) -> None:
        self._mailbox = mailbox
        self._brokers = brokers
        self._writer = writer
        self._records = records
        self._trading = trading
        self._store = store
        self._clockwork = clockwork
        self._running: dict[KeyScope, Running] = {}
        self._at_work = 0
        self._receiving = trio.CancelScope()

    def stop(self) -> None:
        """Take nothing new; `run` returns when the batches under way are answered."""
        self._receiving.cancel(reason="the router was told to stop")

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Route until stopped."""
        async with trio.open_nursery() as tasks:
            task_status.started()
            with self._receiving:
                while True:
                    self._handle(await self._mailbox.receive(), tasks)

    def _handle(self, request: Request, tasks: trio.Nursery) -> None:
        match request.message:
            case PlaceBatch() if self._at_work >= MOST_AT_ONCE:
                words = f"{MOST_AT_ONCE} requests are under way, the limit"
                request.reply(Overloaded(message=words))
            case PlaceBatch() as message:
                tasks.start_soon(self._place, request, message)
            case CancelOrder() as message:
                tasks.start_soon(self._cancel, request, message)
            case FetchAll() as message:
                tasks.start_soon(self._fetch_all, request, message)
            case other:
                raise TypeError(f"no message for the router: {other!r}")

    # Placing --------------------------------------------------------------------------

    async def _place(self, request: Request, message: PlaceBatch) -> None:
        self._at_work += 1
        try:
            with request:
                request.reply(await self._once(message, request.deadline))
        finally:
            self._at_work -= 1

    async def _once(self, message: PlaceBatch, deadline: float) -> BatchReply:
        """Run the request unless its key runs already or has run."""
        scope = KeyScope(principal=message.principal, route=ROUTE, key=message.key)
        while (running := self._running.get(scope)) is not None:
            if running.fingerprint != message.fingerprint:
                return KeyReused(expired=False)
            with trio.move_on_after(SAME_KEY_PATIENCE) as patience:
                await running.done.wait()
            if patience.cancelled_caught:
                return InProgress(batch_id=running.batch_id, retry_after=1.0)
        self._running[scope] = mine = Running(message.fingerprint)
        try:
            return await self._first(scope, message, mine, deadline)
        except StoreFailed as error:
            return StoreDown(message=str(error))
        finally:
            del self._running[scope]
            mine.done.set()

    async def _first(
        self, scope: KeyScope, message: PlaceBatch, mine: Running, deadline: float
    ) -> BatchReply:
        if message.key_given:
            known = await self._records.read(lambda store: store.key(scope))
            if known is not None:
                return await self._replay(known, message)
        if not message.dry_run:
            if not self._store.ok:
                return StoreDown(message=f"{self._store.failure}")
            if self._trading.engaged:
                return TradingHalted(reason=self._trading.switch.reason)
        answers = await self._admit(message)
        if message.dry_run:
            return NothingAccepted(legs=answers, dry_run=True)
        if all(isinstance(answer.answer, Denial) for answer in answers):
            self._note_denied(message, answers)
            return NothingAccepted(legs=answers, dry_run=False)
        return await self._accept(scope, message, answers, mine, deadline)

    async def _replay(self, known: KeyTaken, message: PlaceBatch) -> BatchReply:
        if known.fingerprint != message.fingerprint:
            return KeyReused(expired=False)
        if known.expired:
            return KeyReused(expired=True)
        stored = await self._records.read(lambda store: store.batch(known.batch_id))
        if stored is None:
            raise StoreFailed(f"batch {known.batch_id} of a known key is not stored")
        batch, orders = stored
        return BatchDone(batch=batch, orders=tuple(orders), replayed=True)

    async def _admit(self, message: PlaceBatch) -> tuple[LegAnswer, ...]:
        """Ask each leg's broker whether it would take it, side by side."""
        answers: dict[int, LegAnswer] = {}

        async def ask(index: int, leg: Leg) -> None:
            order_id = self._clockwork.ids.new()
            admit = Admit(
                order_id=order_id, order=leg.order, reserve=not message.dry_run
            )
            answer = await self._ask_broker(leg.broker, admit)
            answers[index] = LegAnswer(order_id=order_id, leg=leg, answer=answer)

        if len(message.legs) == 1:
            await ask(0, message.legs[0])
        else:
            async with trio.open_nursery() as asks:
                for index, leg in enumerate(message.legs):
                    asks.start_soon(ask, index, leg)
        return tuple(answers[index] for index in range(len(message.legs)))

    async def _ask_broker(self, broker: str, admit: Admit) -> Admission | Denial:
        try:
            with trio.fail_after(ADMIT_PATIENCE):
                return await self._brokers[broker].ask(admit)
        except MailboxFull as full:
            return Denial(code="rate_queue_full", message=str(full), retry_after=1.0)
        except (MailboxError, trio.TooSlowError):
            return Denial(
                code="broker_unavailable",
                message=f"{broker} is being restarted",
                retry_after=1.0,
            )

    async def _accept(
        self,
        scope: KeyScope,
        message: PlaceBatch,
        answers: tuple[LegAnswer, ...],
        mine: Running,
        deadline: float,
    ) -> BatchReply:
        now = self._clockwork.wall()
        batch = Batch(
            batch_id=self._clockwork.ids.new(),
            principal=message.principal,
            idempotency_key=message.key,
            portfolio_id=message.portfolio_id,
            created_at=now,
            deadline_ms=message.deadline_ms,
        )
        records = tuple(_record(batch, answer) for answer in answers)
        audit = tuple(_accepted(message, record) for record in records)
        accept = Accept(
            scope=scope,
            fingerprint=message.fingerprint,
            batch=batch,
            orders=records,
            audit=audit,
        )
        try:
            stored = await self._writer.ask(Commit(writes=(accept,)))
        except MailboxError as error:
            stored = StoreDown(message=str(error))
        if isinstance(stored, Committed) and isinstance(stored.results[0], Accepted):
            mine.batch_id = batch.batch_id
            orders = await self._send(records, answers, deadline)
            return BatchDone(batch=batch, orders=orders, replayed=False)
        self._return_slots(answers)
        if isinstance(stored, StoreDown):
            return stored
        match stored.results[0]:
            case KeyTaken() as known:
                return await self._replay(known, message)
            case Halted():
                return TradingHalted(reason=self._trading.switch.reason)
        raise TypeError(f"no answer to an accept: {stored.results[0]!r}")

    async def _send(
        self,
        records: tuple[OrderRecord, ...],
        answers: tuple[LegAnswer, ...],
        deadline: float,
    ) -> tuple[OrderRecord, ...]:
        """Hand each accepted leg to its broker; each ends by the deadline."""
        ends = {record.order_id: record for record in records}
        left = deadline - trio.current_time()
        by = deadline - min(ANSWER_MARGIN, max(0.0, left) / 10)

        async def hand_over(record: OrderRecord, slot: float | None) -> None:
            ends[record.order_id] = await self._hand_over(record, slot, by)

        async with trio.open_nursery() as legs:
            for record, leg in zip(records, answers, strict=True):
                if isinstance(leg.answer, Admission):
                    legs.start_soon(hand_over, record, leg.answer.slot)
        return tuple(ends[record.order_id] for record in records)

    async def _hand_over(
        self, record: OrderRecord, slot: float | None, by: float
    ) -> OrderRecord:
        try:
            # Its broker answers by then; the margin after it is ours.
            order = SendOrder(record=record, slot=slot, answer_by=by)
            with trio.fail_at(by + ANSWER_MARGIN):
                return await self._brokers[record.broker].ask(order)
        except MailboxFull as full:
            return await self._not_handed_over(record, str(full))
        except (MailboxError, trio.TooSlowError):
            return msgspec.structs.replace(
                record,
                status=OrderStatus.UNKNOWN,
                error_code="unknown",
                message="its broker's actor gave no answer; being reconciled",
            )

    async def _not_handed_over(self, record: OrderRecord, why: str) -> OrderRecord:
        """Accepted, and then no room in the broker's mailbox: it did not go."""
        now = self._clockwork.wall()
        denied = msgspec.structs.replace(
            record,
            status=OrderStatus.DENIED,
            error_code="not_sent",
            message=why,
            updated_at=now,
        )
        event = OrderEvent(
            order_id=record.order_id, at=now, status=OrderStatus.DENIED, cause=why
        )
        entry = _leg_entry("router", "order.denied", None, denied, {"cause": why})
        save = SaveOrder(order=denied, events=(event,), audit=(entry,))
        await self._writer.ask(Commit(writes=(save,)))
        return denied

    def _return_slots(self, answers: tuple[LegAnswer, ...]) -> None:
        for leg in answers:
            if isinstance(leg.answer, Admission) and leg.answer.slot is not None:
                self._tell(leg.leg.broker, ReturnSlot(slot=leg.answer.slot))

    def _note_denied(self, message: PlaceBatch, answers: tuple[LegAnswer, ...]) -> None:
        """Nothing is stored of what nobody would take, but the audit knows."""
        legs = [
            {
                "broker": answer.leg.broker,
                "symbol": answer.leg.order.symbol,
                "code": answer.answer.code,
                "message": answer.answer.message,
            }
            for answer in answers
            if isinstance(answer.answer, Denial)
        ]
        entry = AuditEntry(
            actor=message.principal,
            action="batch.denied",
            request_id=message.request_id,
            detail={"legs": legs},
        )
        try:
            self._writer.tell(Commit(writes=(Note(audit=(entry,)),)))
        except MailboxError as error:
            log.error("not in the audit: %s", error)  # noqa: TRY400

    def _tell(self, broker: str, message: ReturnSlot) -> None:
        try:
            self._brokers[broker].tell(message)
        except MailboxError as error:
            log.warning("a rate slot is lost: %s", error, extra={"broker": broker})

    # Cancelling and reading -----------------------------------------------------------

    async def _cancel(self, request: Request, message: CancelOrder) -> None:
        with request:
            order_id = message.order_id
            try:
                record = await self._records.read(lambda store: store.order(order_id))
                if record is None:
                    words = f"no order {order_id}"
                    request.reply(Denial(code="not_found", message=words))
                    return
                broker = self._brokers[record.broker]
                with trio.fail_at(request.deadline):
                    request.reply(await broker.ask(message, urgent=True))
            except KeyError:
                words = "its broker is not configured any more"
                request.reply(Denial(code="broker_unavailable", message=words))
            except MailboxFull as full:
                request.reply(Denial(code="rate_queue_full", message=str(full)))
            except (MailboxError, trio.TooSlowError, StoreFailed) as error:
                words = f"the cancel has no answer yet: {error}"
                request.reply(Denial(code="unknown", message=words))

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
            left = deadline - trio.current_time()
            with trio.fail_after(max(0.0, left - min(ANSWER_MARGIN, left / 10))):
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


def _record(batch: Batch, leg: LegAnswer) -> OrderRecord:
    """The order as accepted: with a slot it is SENDING from the accept on."""
    answer = leg.answer
    denied = isinstance(answer, Denial)
    sending = isinstance(answer, Admission) and answer.slot is not None
    return OrderRecord(
        order_id=leg.order_id,
        batch_id=batch.batch_id,
        order_index=leg.leg.order_index,
        broker=leg.leg.broker,
        client_tag=leg.order_id if isinstance(answer, Denial) else answer.client_tag,
        order=leg.leg.order,
        status=OrderStatus.DENIED if denied else OrderStatus.PLACED,
        created_at=batch.created_at,
        updated_at=batch.created_at,
        sending_at=batch.created_at if sending else None,
        error_code=answer.code if isinstance(answer, Denial) else None,
        message=answer.message if isinstance(answer, Denial) else None,
        sent_as=None if isinstance(answer, Denial) else answer.sent_as,
    )


def _accepted(message: PlaceBatch, record: OrderRecord) -> AuditEntry:
    order = record.order
    detail = {
        "symbol": order.symbol,
        "side": order.side,
        "quantity": str(order.quantity),
        "type": order.type,
        "price": None if order.price is None else str(order.price),
        "sending": record.sending_at is not None,
        "error_code": record.error_code,
    }
    denied = record.status is OrderStatus.DENIED
    action = "order.denied" if denied else "order.accepted"
    return _leg_entry(message.principal, action, message.request_id, record, detail)


def _leg_entry(
    actor: str,
    action: str,
    request_id: str | None,
    record: OrderRecord,
    detail: dict[str, Any],
) -> AuditEntry:
    return AuditEntry(
        actor=actor,
        action=action,
        request_id=request_id,
        batch_id=record.batch_id,
        order_id=record.order_id,
        broker=record.broker,
        detail=detail,
    )
