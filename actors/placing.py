"""Placing one batch: its key, the admission of each leg, the accept, the hand-over.

The accept is the point of no return: before it nothing of a request exists, after it
every leg is brought to an outcome, whether or not anybody still waits for the answer.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import trio

from actors.clockwork import Clockwork
from actors.congestion import Congestion
from actors.fanout import FanOut, Glances, margin_before
from actors.handover import HandOver, leg_entry
from actors.mailbox import Mailbox, MailboxError
from actors.messages import (
    Admission,
    BatchDone,
    BatchReply,
    CheckSkipped,
    Commit,
    Committed,
    Denial,
    InProgress,
    KeyReused,
    LegAnswer,
    NothingAccepted,
    PlaceBatch,
    StoreDown,
    TradingHalted,
)
from actors.pretrade import PreTrade
from actors.records import Records
from actors.sequence import SellsFirst
from actors.slicing import whole
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
    OrderRecord,
    OrderStatus,
    StoreFailed,
)
from adapters.correlation import of_order

log = logging.getLogger("ordo.router")

SAME_KEY_PATIENCE = 2.0
"""Seconds a request waits for a running one of its key. Source: api.md, "Orders"."""


class Running:
    """A request under way; the others of its key wait for `done`.

    `batch_id` is set once its batch is in the store, by it or by an earlier request.
    `began` is when it set out for its accept (Trio clock), until that is over.
    """

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.began: float | None = None
        self.batch_id: str | None = None
        self.done = trio.Event()


class Placing:
    """Places batches, each once.

    Args:
        brokers: mailboxes by the name of the broker.
        writer: the writer's mailbox.
        records: what is stored.
        trading: for a quick no while halted; the accept and the senders look again.
        store: for a quick no while the store is down.
        clockwork: stamps and ids.
        pretrade: judges each leg; None lets all through as they are.
    """

    def __init__(
        self,
        brokers: Mapping[str, Mailbox],
        writer: Mailbox,
        records: Records,
        trading: TradingState,
        store: StoreHealth,
        clockwork: Clockwork,
        pretrade: PreTrade | None = None,
    ) -> None:
        self._legs = FanOut(brokers, clockwork, pretrade)
        sells_first = SellsFirst(brokers, records, trading)
        self._hand_over = HandOver(brokers, writer, clockwork, sells_first)
        self._writer = writer
        self._records = records
        self._trading = trading
        self._store = store
        self._clockwork = clockwork
        self._congestion = Congestion()
        self._running: dict[KeyScope, Running] = {}

    @property
    def congested(self) -> bool:
        """Whether one more request would only wait, and make the others wait."""
        return self._congestion.refuses(trio.current_time())

    async def place(self, message: PlaceBatch, deadline: float) -> BatchReply:
        """Bring the batch to its answer, a margin before *deadline* (Trio clock)."""
        if message.dry_run:  # takes no key and reads none
            legs = await self._admit(self._legs.glance(message), deadline)
            return NothingAccepted(legs=legs, dry_run=True)
        try:
            return await self._once(
                message, deadline, lambda mine: self._first(message, mine, deadline)
            )
        except StoreFailed as error:
            return StoreDown(message=str(error))

    async def place_made(
        self,
        message: PlaceBatch,
        deadline: float,
        make: Callable[[], Awaitable[PlaceBatch]],
    ) -> BatchReply:
        """Place what *make* makes of the request, unless it was placed before.

        *message* is the request without its legs. Where *make* gives none there is
        nothing to place, and the key stays free.
        """

        async def first(mine: Running) -> BatchReply:
            if message.key_given:
                scope = scope_of(message)
                known = await self._records.read(lambda store: store.key(scope))
                if known is not None:
                    return await self._known(known, message, mine)
            refusal = self._refusal(message)
            if refusal is not None:
                return refusal
            made = await make()
            if not made.legs:
                return NothingAccepted(legs=(), dry_run=False)
            return await self._first(made, mine, deadline)

        try:
            return await self._once(message, deadline, first)
        except StoreFailed as error:
            return StoreDown(message=str(error))

    # One key, one batch ---------------------------------------------------------------

    async def _once(
        self,
        message: PlaceBatch,
        deadline: float,
        first: Callable[[Running], Awaitable[BatchReply]],
    ) -> BatchReply:
        """Run the request unless its key runs already or has run."""
        scope = scope_of(message)
        patience = trio.current_time() + SAME_KEY_PATIENCE
        patience = min(patience, deadline - margin_before(deadline))
        while (running := self._running.get(scope)) is not None:
            if running.fingerprint != message.fingerprint:
                return KeyReused(expired=False)
            with trio.move_on_at(patience):
                await running.done.wait()
            if not running.done.is_set():
                return InProgress(batch_id=running.batch_id, retry_after=1.0)
            if running.batch_id is not None:
                return await self._replay(running.batch_id)
        self._running[scope] = mine = Running(message.fingerprint)
        try:
            return await first(mine)
        finally:
            self._recorded(mine)
            del self._running[scope]
            mine.done.set()

    def _recorded(self, mine: Running, elsewhere: float = 0.0) -> None:
        """It waits no longer for its accept; *elsewhere*: seconds its checks took."""
        if mine.began is not None:
            took, now = trio.current_time() - mine.began, trio.current_time()
            mine.began = None
            self._congestion.leave(took - elsewhere, now)

    async def _first(
        self, message: PlaceBatch, mine: Running, deadline: float
    ) -> BatchReply:
        """Accept the request, if anybody would take it; the accept finds a taken key.

        Only where nothing could be accepted is the key looked up by itself: one that
        is known is answered even then. So it is before a broker is asked for prices or
        funds: a replay costs it no call.
        """
        mine.began = trio.current_time()
        self._congestion.enter(mine.began)
        scope = scope_of(message)
        refusal = self._refusal(message)
        answers: tuple[LegAnswer, ...] = ()
        if refusal is None:
            glances = self._legs.glance(message)
            if message.key_given and glances.asks:
                known = await self._records.read(lambda store: store.key(scope))
                if known is not None:
                    return await self._known(known, message, mine)
            message = glances.message
            answers = await self._admit(glances, deadline)
            if any(isinstance(answer.answer, Admission) for answer in answers):
                return await self._accept(scope, message, answers, mine, deadline)
        if message.key_given:
            known = await self._records.read(lambda store: store.key(scope))
            if known is not None:
                return await self._known(known, message, mine)
        if refusal is not None:
            return refusal
        self._note_denied(message, answers)
        return NothingAccepted(legs=answers, dry_run=False)

    async def _admit(self, glances: Glances, deadline: float) -> tuple[LegAnswer, ...]:
        """What becomes of each leg; all parts of an order go, or none does."""
        told = await self._legs.admit(glances, deadline)
        answers = whole(told)
        pairs = zip(told, answers, strict=True)
        self._hand_over.return_slots(tuple(was for was, now in pairs if was is not now))
        return answers

    def _refusal(self, message: PlaceBatch) -> StoreDown | TradingHalted | None:
        """Why nothing of the request can be accepted now."""
        if not self._store.ok:
            return StoreDown(message=f"{self._store.reason}")
        if not self._trading.may_go(message.closes_for):
            return TradingHalted(reason=self._trading.switch.reason)
        return None

    async def _known(
        self, known: KeyTaken, message: PlaceBatch, mine: Running
    ) -> BatchReply:
        """The fingerprint comes first: another body is told nothing of the batch."""
        if known.fingerprint != message.fingerprint:
            return KeyReused(expired=False)
        if known.expired:
            return KeyReused(expired=True)
        mine.batch_id = known.batch_id
        return await self._replay(known.batch_id)

    async def _replay(self, batch_id: str) -> BatchReply:
        stored = await self._records.read(lambda store: store.batch(batch_id))
        if stored is None:
            raise StoreFailed(f"batch {batch_id} of a known key is not stored")
        batch, orders = stored
        return BatchDone(batch=batch, orders=tuple(orders), replayed=True)

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
        codes = ", ".join(sorted({leg["code"] for leg in legs}))
        log.info("no leg is taken: %s", codes, extra={"event": "batch.denied"})
        entry = AuditEntry(
            actor=message.principal,
            action="batch.denied",
            request_id=message.request_id,
            detail={"legs": legs},
        )
        try:
            self._writer.tell(Commit(writes=(Note(audit=(entry,)),)))
        except MailboxError as error:
            log.error(  # noqa: TRY400 - no bug, no trace
                "not in the audit: %s", error, extra={"event": "audit.not_told"}
            )

    # The accept, and what follows -----------------------------------------------------

    async def _accept(
        self,
        scope: KeyScope,
        message: PlaceBatch,
        answers: tuple[LegAnswer, ...],
        mine: Running,
        deadline: float,
    ) -> BatchReply:
        batch = Batch(
            batch_id=self._clockwork.ids.new(),
            principal=message.principal,
            idempotency_key=message.key,
            portfolio_id=message.portfolio_id,
            created_at=self._clockwork.wall(),
            deadline_ms=message.deadline_ms,
        )
        records = tuple(
            _record(batch, answer, message.closes_for) for answer in answers
        )
        accept = Accept(
            scope=scope,
            fingerprint=message.fingerprint,
            batch=batch,
            orders=records,
            audit=tuple(
                _accepted(message, record, answer.skipped)
                for record, answer in zip(records, answers, strict=True)
            ),
            closes_for=message.closes_for,
        )
        version = self._trading.switch.version
        try:
            stored = await self._writer.ask(Commit(writes=(accept,)))
        except MailboxError as error:
            stored = StoreDown(message=str(error))
        self._recorded(mine, answers[0].checked_ms / 1000)
        if isinstance(stored, Committed) and isinstance(stored.results[0], Accepted):
            mine.batch_id = batch.batch_id
            _tell(records)
            sent = await self._hand_over.send(
                message, records, answers, deadline, version
            )
            return BatchDone(
                batch=batch,
                orders=sent.orders,
                replayed=False,
                skipped=tuple(answer.skipped for answer in answers),
                checked_ms=answers[0].checked_ms,
                waited_ms=sent.waited_ms,
            )
        self._hand_over.return_slots(answers)
        if isinstance(stored, StoreDown):
            return stored
        match stored.results[0]:
            case KeyTaken() as known:
                return await self._known(known, message, mine)
            case Halted():
                return TradingHalted(reason=self._trading.switch.reason)
        raise TypeError(f"no answer to an accept: {stored.results[0]!r}")


def scope_of(message: PlaceBatch) -> KeyScope:
    """What the request's key is unique in."""
    return KeyScope(principal=message.principal, route=message.route, key=message.key)


def _record(batch: Batch, leg: LegAnswer, closes_for: int | None) -> OrderRecord:
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
        closes_for=closes_for,
        slice=leg.leg.slice,
    )


def _tell(records: tuple[OrderRecord, ...]) -> None:
    """Each leg, as it was stored; what comes of it is told by its broker."""
    for record in records:
        denied = record.status is OrderStatus.DENIED
        log.log(
            logging.INFO if denied else logging.DEBUG,
            "%s %s at %s: %s",
            record.order.side,
            record.order.symbol,
            record.broker,
            record.message if denied else "accepted",
            extra={
                "event": "order.denied" if denied else "order.accepted",
                **of_order(record),
            },
        )


def _accepted(
    message: PlaceBatch, record: OrderRecord, skipped: tuple[CheckSkipped, ...]
) -> AuditEntry:
    order, sent_as = record.order, record.sent_as
    detail: dict[str, Any] = {
        "symbol": order.symbol,
        "side": order.side,
        "quantity": str(order.quantity),
        "type": order.type,
        "price": None if order.price is None else str(order.price),
        "sending": record.sending_at is not None,
        "error_code": record.error_code,
    }
    if (part := record.slice) is not None:
        detail["parent_id"] = part.parent_id
        detail["slice"] = {"number": part.number, "of": part.of}
    if record.closes_for is not None:
        detail["closes_for"] = record.closes_for
    if sent_as is not None:
        detail["sent_as"] = {
            "type": sent_as.type,
            "price": None if sent_as.price is None else str(sent_as.price),
        }
    if skipped:
        detail["checks_skipped"] = {each.check: each.reason for each in skipped}
    denied = record.status is OrderStatus.DENIED
    action = "order.denied" if denied else "order.accepted"
    return leg_entry(message.principal, action, message.request_id, record, detail)
