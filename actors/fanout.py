"""The legs of a batch, side by side: admitted before the accept, handed over after."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import trio

from actors.case import Case, Verdict
from actors.clockwork import Clockwork
from actors.mailbox import Mailbox, MailboxClosed, MailboxError, MailboxFull
from actors.messages import (
    Admission,
    Admit,
    Commit,
    Denial,
    Leg,
    LegAnswer,
    PlaceBatch,
    ReturnSlot,
    SendOrder,
    StoreDown,
)
from actors.pretrade import PreTrade
from adapters import AuditEntry, OrderEvent, OrderRecord, OrderStatus, SaveOrder

log = logging.getLogger("ordo.router")

ADMIT_PATIENCE = 0.5
"""Seconds for a broker actor to answer by itself; longer, it is restarting."""
ANSWER_MARGIN = 0.1
"""Seconds, or a tenth of the time there is, kept for collating and encoding."""


def margin_before(deadline: float) -> float:
    """Seconds to keep of the time until *deadline* (Trio clock) for the answer."""
    left = deadline - trio.current_time()
    return min(ANSWER_MARGIN, max(0.0, left) / 10)


class FanOut:
    """Asks and tells several brokers at once.

    Args:
        brokers: mailboxes by the name of the broker.
        writer: the writer's mailbox.
        clockwork: stamps and ids.
        pretrade: judges the legs; None lets all through as they are.
    """

    def __init__(
        self,
        brokers: Mapping[str, Mailbox],
        writer: Mailbox,
        clockwork: Clockwork,
        pretrade: PreTrade | None,
    ) -> None:
        self._brokers = brokers
        self._writer = writer
        self._clockwork = clockwork
        self._pretrade = pretrade

    def glance(self, message: PlaceBatch) -> list[Verdict | Case]:
        """What the pre-trade checks say of each leg without asking anybody."""
        if self._pretrade is None:
            return [Verdict() for _ in message.legs]
        return [
            self._pretrade.glance(leg.broker, leg.order, new=not message.exits)
            for leg in message.legs
        ]

    async def admit(
        self,
        message: PlaceBatch,
        glances: Sequence[Verdict | Case],
        deadline: float,
    ) -> tuple[LegAnswer, ...]:
        """Check each leg, then ask its broker whether it would take it, side by side.

        All checks come first: a slot taken before would grow old while others wait.
        """
        began = trio.current_time()
        verdicts = await self._settle(glances, deadline)
        checked_ms = (trio.current_time() - began) * 1000
        answers: dict[int, LegAnswer] = {}
        patience = trio.current_time() + ADMIT_PATIENCE
        patience = min(patience, deadline - margin_before(deadline))

        async def ask(index: int, leg: Leg) -> None:
            order_id, verdict = self._clockwork.ids.new(), verdicts[index]
            admit = Admit(
                order_id=order_id,
                order=leg.order,
                reserve=not message.dry_run and verdict.denial is None,
                sent_as=verdict.sent_as,
            )
            answer = await self._answer(leg.broker, admit, verdict, patience)
            answers[index] = LegAnswer(
                order_id=order_id,
                leg=leg,
                answer=answer,
                skipped=verdict.skipped,
                checked_ms=checked_ms,
            )

        if len(message.legs) == 1:
            await ask(0, message.legs[0])
        else:
            async with trio.open_nursery() as asks:
                for index, leg in enumerate(message.legs):
                    asks.start_soon(ask, index, leg)
        return tuple(answers[index] for index in range(len(message.legs)))

    async def _settle(
        self, glances: Sequence[Verdict | Case], deadline: float
    ) -> list[Verdict]:
        cases = {i: each for i, each in enumerate(glances) if isinstance(each, Case)}
        verdicts = {
            i: each for i, each in enumerate(glances) if isinstance(each, Verdict)
        }

        async def settle(index: int, case: Case) -> None:
            assert self._pretrade is not None  # noqa: S101 - the case is one of its own
            verdicts[index] = await self._pretrade.settle(case, deadline)

        if cases:
            async with trio.open_nursery() as asks:
                for index, case in cases.items():
                    asks.start_soon(settle, index, case)
        return [verdicts[index] for index in range(len(glances))]

    async def _answer(
        self, broker: str, admit: Admit, verdict: Verdict, patience: float
    ) -> Admission | Denial:
        """The broker's word, unless the checks have spoken.

        Where they only found that the broker does not answer, it is asked still: that
        it wants a login says more than that there is no price.
        """
        if verdict.denial is not None and not verdict.unanswered:
            return verdict.denial
        answer = await self._ask_broker(broker, admit, patience)
        if verdict.denial is not None and isinstance(answer, Admission):
            return verdict.denial
        return answer

    async def _ask_broker(
        self, broker: str, admit: Admit, patience: float
    ) -> Admission | Denial:
        try:
            with trio.fail_at(patience):
                return await self._brokers[broker].ask(admit)
        except MailboxFull as full:
            return Denial(code="rate_queue_full", message=str(full), retry_after=1.0)
        except (MailboxError, trio.TooSlowError):
            return Denial(
                code="broker_unavailable",
                message=f"{broker} is being restarted",
                retry_after=1.0,
            )

    def return_slots(self, answers: tuple[LegAnswer, ...]) -> None:
        """The orders were not accepted: their rate slots are free again."""
        for leg in answers:
            if isinstance(leg.answer, Admission) and leg.answer.slot is not None:
                self._return_slot(leg.leg.broker, leg.answer.slot)

    def _return_slot(self, broker: str, slot: float) -> None:
        try:
            self._brokers[broker].tell(ReturnSlot(slot=slot))
        except MailboxError as error:
            log.warning("a rate slot is lost: %s", error, extra={"broker": broker})

    async def send(
        self,
        records: tuple[OrderRecord, ...],
        answers: tuple[LegAnswer, ...],
        deadline: float,
    ) -> tuple[OrderRecord, ...]:
        """Hand each accepted leg to its broker; each ends by the deadline."""
        ends = {record.order_id: record for record in records}
        margin = margin_before(deadline)
        by, give_up = deadline - margin, deadline - margin / 2

        async def hand_over(record: OrderRecord, slot: float | None) -> None:
            order = SendOrder(record=record, slot=slot, answer_by=by)
            ends[record.order_id] = await self._hand_over(order, give_up)

        async with trio.open_nursery() as legs:
            for record, leg in zip(records, answers, strict=True):
                if isinstance(leg.answer, Admission):
                    legs.start_soon(hand_over, record, leg.answer.slot)
        return tuple(ends[record.order_id] for record in records)

    async def _hand_over(self, order: SendOrder, give_up: float) -> OrderRecord:
        """The order as its broker leaves it, or what is known where it says nothing."""
        try:
            with trio.fail_at(give_up) as patience:
                # Past it nothing would be queued, and the order be nobody's.
                if not patience.cancel_called:
                    return await self._brokers[order.record.broker].ask(order)
        except (MailboxFull, MailboxClosed) as error:  # nothing was queued
            return await self._not_handed_over(order, "not_sent", str(error))
        except (MailboxError, trio.TooSlowError):
            return _unknown(
                order.record, "its broker's actor gave no answer; being reconciled"
            )
        words = "its deadline passed while it was being recorded"
        return await self._not_handed_over(order, "deadline_exceeded", words)

    async def _not_handed_over(
        self, order: SendOrder, code: str, why: str
    ) -> OrderRecord:
        """Accepted, and then not taken by its broker, or not in time: it did not go."""
        record, now = order.record, self._clockwork.wall()
        if order.slot is not None:
            self._return_slot(record.broker, order.slot)
        denied = msgspec.structs.replace(
            record,
            status=OrderStatus.DENIED,
            error_code=code,
            message=why,
            updated_at=now,
        )
        event = OrderEvent(
            order_id=record.order_id, at=now, status=OrderStatus.DENIED, cause=why
        )
        entry = leg_entry("router", "order.denied", None, denied, {"cause": why})
        save = SaveOrder(order=denied, events=(event,), audit=(entry,))
        try:
            stored = await self._writer.ask(Commit(writes=(save,)))
        except MailboxError as error:
            stored = StoreDown(message=str(error))
        if isinstance(stored, StoreDown):
            log.error("%s did not go, and %s", record.order_id, stored.message)
            return _unknown(
                record, "it did not go, but that is not recorded; settled at a restart"
            )
        return denied


def _unknown(record: OrderRecord, words: str) -> OrderRecord:
    return msgspec.structs.replace(
        record, status=OrderStatus.UNKNOWN, error_code="unknown", message=words
    )


def leg_entry(
    actor: str,
    action: str,
    request_id: str | None,
    record: OrderRecord,
    detail: dict[str, Any],
) -> AuditEntry:
    """What happened to one leg, for the audit."""
    return AuditEntry(
        actor=actor,
        action=action,
        request_id=request_id,
        batch_id=record.batch_id,
        order_id=record.order_id,
        broker=record.broker,
        detail=detail,
    )
