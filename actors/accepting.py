"""What an accept stores of a batch: each leg as an order, and a word to the audit."""

import logging
from typing import Any

from actors.handover import leg_entry
from actors.keys import scope_of
from actors.messages import Admission, CheckSkipped, Denial, LegAnswer, PlaceBatch
from adapters import Accept, AuditEntry, Batch, OrderRecord, OrderStatus
from adapters.correlation import of_order

log = logging.getLogger("ordo.router")


def accept_of(
    message: PlaceBatch, batch: Batch, answers: tuple[LegAnswer, ...]
) -> Accept:
    """The whole request, with the order of each leg in the order of *answers*."""
    records = tuple(_record(batch, answer, message.closes_for) for answer in answers)
    return Accept(
        scope=scope_of(message),
        fingerprint=message.fingerprint,
        batch=batch,
        orders=records,
        audit=tuple(
            _entry(message, record, answer.skipped)
            for record, answer in zip(records, answers, strict=True)
        ),
        closes_for=message.closes_for,
    )


def denied_entry(message: PlaceBatch, answers: tuple[LegAnswer, ...]) -> AuditEntry:
    """Of a request that nobody would take, and of which nothing else is stored."""
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
    return AuditEntry(
        actor=message.principal,
        action="batch.denied",
        request_id=message.request_id,
        detail={"legs": legs},
    )


def log_accepted(records: tuple[OrderRecord, ...]) -> None:
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


def _entry(
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
