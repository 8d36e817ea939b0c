"""Placing one batch: its key, the admission of each leg, the accept, the hand-over.

The accept is the point of no return: before it nothing of a request exists, after it
every leg is brought to an outcome, whether or not anybody still waits for the answer.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping

import trio

from actors.accepting import accept_of, denied_entry, log_accepted
from actors.clockwork import Clockwork
from actors.congestion import Congestion
from actors.fanout import FanOut, Glances
from actors.handover import HandOver
from actors.keys import Keys, Running
from actors.mailbox import Mailbox, MailboxError
from actors.messages import (
    Admission,
    BatchDone,
    BatchReply,
    Commit,
    Committed,
    Denial,
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
    Accepted,
    Batch,
    Halted,
    KeyTaken,
    Note,
    StoreFailed,
)

log = logging.getLogger("ordo.router")


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
        self._trading = trading
        self._store = store
        self._clockwork = clockwork
        self._congestion = Congestion()
        self._keys = Keys(records)

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
            return await self._keys.once(
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
                replay = await self._keys.replay(message, mine)
                if replay is not None:
                    return replay
            refusal = self._refusal(message)
            if refusal is not None:
                return refusal
            made = await make()
            if not made.legs:
                return NothingAccepted(legs=(), dry_run=False)
            return await self._first(made, mine, deadline)

        try:
            return await self._keys.once(message, deadline, first)
        except StoreFailed as error:
            return StoreDown(message=str(error))

    async def _first(
        self, message: PlaceBatch, mine: Running, deadline: float
    ) -> BatchReply:
        """Bring a request that is the first of its key to its answer."""
        mine.began = trio.current_time()
        self._congestion.enter(mine.began)
        try:
            return await self._answer(message, mine, deadline)
        finally:
            self._recorded(mine)

    def _recorded(self, mine: Running, elsewhere: float = 0.0) -> None:
        """It waits no longer for its accept; *elsewhere*: seconds its checks took."""
        if mine.began is not None:
            took, now = trio.current_time() - mine.began, trio.current_time()
            mine.began = None
            self._congestion.leave(took - elsewhere, now)

    async def _answer(
        self, message: PlaceBatch, mine: Running, deadline: float
    ) -> BatchReply:
        """Accept the request, if anybody would take it; the accept finds a taken key.

        Only where nothing could be accepted is the key looked up by itself: one that
        is known is answered even then. So it is before a broker is asked for prices or
        funds: a replay costs it no call.
        """
        refusal = self._refusal(message)
        answers: tuple[LegAnswer, ...] = ()
        if refusal is None:
            glances = self._legs.glance(message)
            if message.key_given and glances.asks:
                replay = await self._keys.replay(message, mine)
                if replay is not None:
                    return replay
            message = glances.message
            answers = await self._admit(glances, deadline)
            if any(isinstance(answer.answer, Admission) for answer in answers):
                return await self._accept(message, answers, mine, deadline)
        if message.key_given:
            replay = await self._keys.replay(message, mine)
            if replay is not None:
                return replay
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

    def _note_denied(self, message: PlaceBatch, answers: tuple[LegAnswer, ...]) -> None:
        """Nothing is stored of what nobody would take, but the audit knows."""
        denials = (each.answer for each in answers if isinstance(each.answer, Denial))
        codes = ", ".join(sorted({denial.code for denial in denials}))
        log.info("no leg is taken: %s", codes, extra={"event": "batch.denied"})
        entry = denied_entry(message, answers)
        try:
            self._writer.tell(Commit(writes=(Note(audit=(entry,)),)))
        except MailboxError as error:
            log.error(  # noqa: TRY400 - no bug, no trace
                "not in the audit: %s", error, extra={"event": "audit.not_told"}
            )

    # The accept, and what follows -----------------------------------------------------

    async def _accept(
        self,
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
        accept = accept_of(message, batch, answers)
        version = self._trading.switch.version
        try:
            stored = await self._writer.ask(Commit(writes=(accept,)))
        except MailboxError as error:
            stored = StoreDown(message=str(error))
        self._recorded(mine, answers[0].checked_ms / 1000)
        if isinstance(stored, Committed) and isinstance(stored.results[0], Accepted):
            mine.batch_id = batch.batch_id
            log_accepted(accept.orders)
            sent = await self._hand_over.send(
                message, accept.orders, answers, deadline, version
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
                return await self._keys.answer(known, message, mine)
            case Halted():
                return TradingHalted(reason=self._trading.switch.reason)
        raise TypeError(f"no answer to an accept: {stored.results[0]!r}")
