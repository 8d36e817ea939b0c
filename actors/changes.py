"""Changing one order: what may be changed, what is kept of it, how it ended.

A change is recorded before it leaves. Its terms are absolute and the book shows them,
so nothing needs to be repeated after a crash: the next read tells which ones stand.
"""

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import trio

from actors.cancels import Cancels
from actors.changer import Changer
from actors.flight import Flight
from actors.journal import Journal
from actors.mailbox import Request
from actors.messages import ChangeOrder, ChangeResult, Denial
from actors.protection import outgoing
from actors.terms import shows, terms_in_book
from adapters import (
    AuditEntry,
    BookOrder,
    Order,
    OrderEvent,
    OrderRecord,
    SentAs,
)

LAG = 5.0
"""Seconds for which a book may lag behind an answer; a guess, to be measured."""
ELSEWHERE = "changed at the broker"


class Changes:
    """Carries out changes of one broker's orders, each at most once at a time.

    Args:
        journal: the live orders.
        flights: those on their way, by id.
        cancels: an order whose cancel is wanted is not changed.
        changer: changes at the broker.
    """

    def __init__(
        self,
        journal: Journal,
        flights: Mapping[str, Flight],
        cancels: Cancels,
        changer: Changer,
    ) -> None:
        self._journal = journal
        self._flights = flights
        self._cancels = cancels
        self._changer = changer
        self._under_way: set[str] = set()
        self._open: dict[str, ChangeOrder] = {}  # of which nobody knows how they ended
        self._ended_at: dict[str, float] = {}

    async def shown(self, record: OrderRecord, row: BookOrder, read_at: float) -> None:
        """A book read begun at *read_at* shows a live order: keep to its terms.

        It tells what came of a change whose answer was lost, and of changes made
        elsewhere. A book may lag behind an answer, so for a while it is not believed
        against one.
        """
        order_id = record.order_id
        wanted = self._open.get(order_id)
        if wanted is not None and shows(row, outgoing(wanted.after, wanted.sent_as)):
            del self._open[order_id]
            await self._stands(wanted, row.broker_order_id)
        elif order_id not in self._under_way and (
            read_at > self._ended_at.get(order_id, -math.inf) + LAG
        ):
            self._ended_at.pop(order_id, None)
            if (news := terms_in_book(record, row)) is not None:
                await self._adopt(record, *news)

    def forget(self, order_id: str) -> None:
        """Nothing more is expected of the order."""
        self._open.pop(order_id, None)
        self._ended_at.pop(order_id, None)

    async def answer(self, request: Request) -> None:
        """Carry out a `ChangeOrder`, and tell the order as it is then."""
        message: ChangeOrder = request.message
        with request:
            record = self._journal.get(message.order_id)
            if record is None:
                words = "it is settled, or not with its broker yet"
                request.reply(Denial(code="conflict", message=words))
                return
            if (why := self._hindrance(record, message)) is not None:
                denial = Denial(code="conflict", message=why)
                request.reply(ChangeResult(record=record, denial=denial))
                return
            self._under_way.add(message.order_id)
            self._journal.hold(record)
            try:
                failed = await self._carry_out(record, message)
                record = self._journal.spoken(message.order_id)
                request.reply(ChangeResult(record=record, denial=failed))
            finally:
                self._under_way.discard(message.order_id)
                self._ended_at[message.order_id] = trio.current_time()
                if self._journal[message.order_id].is_settled:
                    self.forget(message.order_id)
                self._journal.release(message.order_id)

    def _hindrance(self, record: OrderRecord, message: ChangeOrder) -> str | None:
        """Why the order cannot be changed now."""
        if record.order_id in self._under_way:
            return "another change of it is under way"
        if record.order != message.before:
            return "it was changed meanwhile"
        if record.order_id in self._flights:
            return "it is on its way, and not answered yet"
        return self._gone(record.order_id, message.after)

    def _gone(self, order_id: str, after: Order) -> str | None:
        """Why it must not be changed any more, as far as is known this moment."""
        record = self._journal[order_id]
        if record.is_settled:
            return f"it is {record.status} already"
        if record.broker_order_id is None:
            return "nobody knows yet whether it arrived; cancel it, or wait"
        if record.cancel_requested or self._cancels.wanted(order_id):
            return "its cancel is wanted"
        if after.quantity <= record.filled_quantity:
            return f"{record.filled_quantity:f} are filled already; cancel the rest"
        return None

    async def _carry_out(
        self, record: OrderRecord, message: ChangeOrder
    ) -> Denial | None:
        """Change it; None where it stands as wanted, else why not."""
        order_id, journal = record.order_id, self._journal
        journal.amend(order_id, _entry(message, record, "order.modify_requested"))
        if not await journal.flush(order_id):
            words = "the store could not take it; nothing was sent"
            return Denial(code="storage_unavailable", message=words)
        self._open[order_id] = message
        answer = await self._changer.change(
            journal[order_id],
            outgoing(message.after, message.sent_as),
            message.answer_by,
            lambda: self._gone(order_id, message.after),
        )
        if isinstance(answer, Denial) and answer.code == "unknown":
            # The book was read since, and may have shown it.
            return answer if order_id in self._open else None
        shown = self._open.pop(order_id, None) is None
        if isinstance(answer, Denial):
            return answer
        if not shown:
            await self._stands(message, answer.broker_order_id)
        return None

    async def _stands(self, message: ChangeOrder, broker_order_id: str) -> None:
        """The broker took it: these are its terms from now on."""
        order_id, journal = message.order_id, self._journal
        record = journal[order_id]
        journal.amend(
            order_id,
            _entry(message, record, "order.modified"),
            event=modified(record, message.after, journal),
            order=message.after,
            sent_as=message.sent_as,
            broker_order_id=broker_order_id or record.broker_order_id,
        )
        await journal.flush(order_id)

    async def _adopt(
        self, record: OrderRecord, order: Order, sent_as: SentAs | None
    ) -> None:
        """Nobody here asked for it, but these are the terms that stand."""
        sent = outgoing(record.order, record.sent_as)
        what = difference(sent, outgoing(order, sent_as))
        entry = AuditEntry(
            actor=f"broker:{self._journal.broker}",
            action="order.modified",
            batch_id=record.batch_id,
            order_id=record.order_id,
            broker=record.broker,
            detail={"symbol": order.symbol, "change": what, "cause": ELSEWHERE},
        )
        event = OrderEvent(
            order_id=record.order_id,
            at=self._journal.wall(),
            status=record.status,
            cause=f"{ELSEWHERE}: {what}",
        )
        self._journal.amend(
            record.order_id, entry, event=event, order=order, sent_as=sent_as
        )
        await self._journal.flush(record.order_id)


def modified(record: OrderRecord, after: Order, journal: Journal) -> OrderEvent:
    """The event of a change that stands: the status stays, the terms are told."""
    return OrderEvent(
        order_id=record.order_id,
        at=journal.wall(),
        status=record.status,
        cause=f"modified: {difference(record.order, after)}",
    )


def difference(before: Order, after: Order) -> str:
    """What a change changes, in words: `price 812 -> 813`."""
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    return ", ".join(
        f"{name} {_word(old[name])} -> {_word(new[name])}"
        for name in old
        if old[name] != new[name]
    )


def _word(value: Any) -> str:
    return "none" if value is None else f"{value}"


def _entry(message: ChangeOrder, record: OrderRecord, action: str) -> AuditEntry:
    after = message.after
    detail: dict[str, Any] = {
        "symbol": after.symbol,
        "side": after.side,
        "quantity": str(after.quantity),
        "type": after.type,
        "price": None if after.price is None else str(after.price),
        "trigger_price": _word(after.trigger_price) if after.trigger_price else None,
        "change": difference(message.before, after),
    }
    return AuditEntry(
        actor=message.by,
        action=action,
        request_id=message.request_id,
        batch_id=record.batch_id,
        order_id=record.order_id,
        broker=record.broker,
        detail={name: value for name, value in detail.items() if value is not None},
    )
