"""The legs of a batch after its accept: each handed to its broker, side by side.

Of a sequential batch the buys wait here until their sells are filled.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import trio

from actors.clockwork import Clockwork
from actors.fanout import margin_before
from actors.mailbox import Mailbox, MailboxClosed, MailboxError, MailboxFull
from actors.messages import (
    Admission,
    Commit,
    Denial,
    LegAnswer,
    PlaceBatch,
    ReturnSlot,
    SendOrder,
    StoreDown,
)
from actors.sequence import SellsFirst, turns
from adapters import AuditEntry, OrderEvent, OrderRecord, OrderStatus, SaveOrder
from adapters.correlation import of_order

log = logging.getLogger("ordo.router")

Do = Callable[[int], Awaitable[None]]
"""Does something with a leg, by its index."""


class Sent(NamedTuple):
    """How the legs ended; *waited_ms*: how long buys waited for their sells."""

    orders: tuple[OrderRecord, ...]
    waited_ms: float


class HandOver:
    """Tells several brokers at once.

    Args:
        brokers: mailboxes by the name of the broker.
        writer: the writer's mailbox.
        clockwork: stamps.
        sells_first: holds back the buys of sequential batches.
    """

    def __init__(
        self,
        brokers: Mapping[str, Mailbox],
        writer: Mailbox,
        clockwork: Clockwork,
        sells_first: SellsFirst,
    ) -> None:
        self._brokers = brokers
        self._writer = writer
        self._clockwork = clockwork
        self._sells_first = sells_first

    def return_slots(self, answers: tuple[LegAnswer, ...]) -> None:
        """The orders were not accepted: their rate slots are free again."""
        for leg in answers:
            if isinstance(leg.answer, Admission) and leg.answer.slot is not None:
                self._return_slot(leg.leg.broker, leg.answer.slot)

    def _return_slot(self, broker: str, slot: float) -> None:
        try:
            self._brokers[broker].tell(ReturnSlot(slot=slot))
        except MailboxError as error:
            log.warning(
                "a rate slot is lost: %s",
                error,
                extra={"event": "slot.lost", "broker": broker},
            )

    async def send(
        self,
        message: PlaceBatch,
        records: tuple[OrderRecord, ...],
        answers: tuple[LegAnswer, ...],
        deadline: float,
        version: int,
    ) -> Sent:
        """Hand each accepted leg to its broker; each ends by the deadline.

        Args:
            version: the kill-switch's before the accept; for buys that wait.
        """
        margin = margin_before(deadline)
        by, give_up = deadline - margin, deadline - margin / 2
        ends = list(records)
        waited = 0.0

        async def hand_over(index: int) -> None:
            answer = answers[index].answer
            if isinstance(answer, Admission):
                order = SendOrder(record=records[index], slot=answer.slot, answer_by=by)
                ends[index] = await self._hand_over(order, give_up)

        async def in_turn(sells: Sequence[int], buys: Sequence[int]) -> None:
            nonlocal waited
            began = trio.current_time()
            await _side_by_side(hand_over, sells)
            sold = [ends[index] for index in sells]
            denial = await self._sells_first.filled(sold, by, version)
            waited = max(waited, trio.current_time() - began)
            if denial is None:
                await _side_by_side(hand_over, buys)
                return
            for index in buys:
                ends[index] = await self._deny(records[index], denial)

        async with trio.open_nursery() as legs:
            held: set[int] = set()
            for sells, buys in turns(message, answers):
                held |= {*sells, *buys}
                legs.start_soon(in_turn, sells, buys)
            for index in range(len(records)):
                if index not in held:
                    legs.start_soon(hand_over, index)
        return Sent(tuple(ends), waited * 1000)

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

    async def _deny(self, record: OrderRecord, denial: Denial) -> OrderRecord:
        """A buy that has waited in vain, unless a start of its broker has denied it."""
        stored = await self._sells_first.as_stored(record)
        if stored.status is not OrderStatus.PLACED:
            return stored
        order = SendOrder(record=stored, slot=None, answer_by=trio.current_time())
        return await self._not_handed_over(order, denial.code, denial.message)

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
            log.error(
                "%s did not go, and %s",
                record.order_id,
                stored.message,
                extra={"event": "order.not_recorded", **of_order(record)},
            )
            return _unknown(
                record, "it did not go, but that is not recorded; settled at a restart"
            )
        return denied


async def _side_by_side(do: Do, indices: Sequence[int]) -> None:
    async with trio.open_nursery() as legs:
        for index in indices:
            legs.start_soon(do, index)


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
