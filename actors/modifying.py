"""Changing an order, before its broker hears of it: new terms, checked like an order's.

An order's terms after the change are made here, from what is stored; its broker's actor
refuses where they were made from terms that do not stand any more.
"""

from collections.abc import Mapping

import msgspec
import trio

from actors.case import Case
from actors.fanout import margin_before
from actors.mailbox import Mailbox, MailboxError, MailboxFull
from actors.messages import ChangeOrder, ChangeResult, Denial, ModifyOrder
from actors.pretrade import PreTrade
from actors.records import Records
from adapters import Order, OrderRecord, SentAs, StoreFailed


class Modifying:
    """Brings changes to the brokers of their orders.

    Args:
        brokers: mailboxes by the name of the broker.
        records: what is stored.
        pretrade: judges the new terms; None lets all through.
    """

    def __init__(
        self,
        brokers: Mapping[str, Mailbox],
        records: Records,
        pretrade: PreTrade | None,
    ) -> None:
        self._brokers = brokers
        self._records = records
        self._pretrade = pretrade

    async def modify(
        self, message: ModifyOrder, deadline: float
    ) -> ChangeResult | Denial:
        """Have the change made, a margin before *deadline* (Trio clock)."""
        order_id = message.order_id
        try:
            record = await self._records.read(lambda store: store.order(order_id))
        except StoreFailed as error:
            return Denial(code="storage_unavailable", message=str(error))
        if record is None:
            return Denial(code="not_found", message=f"no order {order_id}")
        if record.is_settled:
            words = f"it is {record.status} already"
            return _refused(record, Denial(code="conflict", message=words))
        after = changed(record.order, message)
        if isinstance(after, Denial):
            return _refused(record, after)
        if after == record.order:
            return ChangeResult(record=record)  # it stands as wanted
        verdict = await self._judge(record.broker, after, deadline)
        if isinstance(verdict, Denial):
            return _refused(record, verdict)
        change = ChangeOrder(
            order_id=order_id,
            before=record.order,
            after=after,
            sent_as=verdict,
            by=message.by,
            request_id=message.request_id,
            answer_by=deadline - margin_before(deadline),
        )
        return await self._ask(record, change)

    async def _judge(
        self, broker: str, after: Order, deadline: float
    ) -> SentAs | Denial | None:
        if self._pretrade is None or broker not in self._brokers:
            return None
        verdict = self._pretrade.glance(broker, after, new=False)
        if isinstance(verdict, Case):
            verdict = await self._pretrade.settle(verdict, deadline)
        return verdict.denial or verdict.sent_as

    async def _ask(
        self, record: OrderRecord, change: ChangeOrder
    ) -> ChangeResult | Denial:
        broker = self._brokers.get(record.broker)
        if broker is None:
            words = "its broker is not configured any more"
            return _refused(record, Denial(code="broker_unavailable", message=words))
        try:
            with trio.fail_at(change.answer_by):
                answer: ChangeResult | Denial = await broker.ask(change)
        except MailboxFull as full:
            denial = Denial(code="rate_queue_full", message=str(full), retry_after=1.0)
        except (MailboxError, trio.TooSlowError):
            words = "the change has no answer yet; it may have arrived"
            denial = Denial(code="unknown", message=words)
        else:
            if isinstance(answer, ChangeResult):
                return answer
            denial = answer
        return _refused(record, denial)


def changed(order: Order, message: ModifyOrder) -> Order | Denial:
    """The terms after the change; a denial where they make no order.

    A type without a price, or a trigger, drops the one that stood.
    """
    fields = dict(message.changes)
    kind = fields.get("type", order.type)
    if not kind.has_price and "price" not in fields:
        fields["price"] = None
    if not kind.has_trigger and "trigger_price" not in fields:
        fields["trigger_price"] = None
    after = msgspec.structs.replace(order, **fields)
    for name, wanted in (
        ("price", kind.has_price),
        ("trigger_price", kind.has_trigger),
    ):
        if (getattr(after, name) is not None) is not wanted:
            words = f"{kind} wants {'a' if wanted else 'no'} {name}"
            return Denial(code="invalid_price", message=words)
    return after


def _refused(record: OrderRecord, denial: Denial) -> ChangeResult:
    return ChangeResult(record=record, denial=denial)
