"""What became of a batch, as its answer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from actors.messages import (
    BatchDone,
    ClosePositions,
    Denial,
    LegAnswer,
    NothingAccepted,
    PlaceBatch,
)
from adapters import OrderRecord, OrderStatus
from ordo.http.envelope import Reply, Status
from ordo.http.views import (
    BatchData,
    LegResult,
    leg_result,
    sent_as_view,
    skipped_view,
    slice_view,
    stamp,
)

GOOD = frozenset(
    {
        OrderStatus.ACKED,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.FILLED,
        OrderStatus.SETTLED,
        OrderStatus.CANCELLED,
    }
)
OPEN_ENDED = frozenset({OrderStatus.UNKNOWN, OrderStatus.PLACED})


def done(answer: BatchDone, waited_ms: float) -> Reply:
    """An accepted batch, new or replayed; *waited_ms* is how long the router took."""
    batch = answer.batch
    waiting = any(order.status in OPEN_ENDED for order in answer.orders)
    return Reply(
        status=_overall(answer.orders, waiting),
        http_status=202 if waiting else 200,
        data=BatchData(
            batch_id=batch.batch_id,
            portfolio_id=batch.portfolio_id,
            idempotency_key=batch.idempotency_key,
            replayed=answer.replayed,
            created_at=stamp(batch.created_at),
        ),
        results=[
            leg_result(order, skipped)
            for order, skipped in zip(
                answer.orders, answer.skipped or repeat(None), strict=False
            )
        ],
        headers={"Idempotent-Replayed": "true"} if answer.replayed else {},
        broker_ms=_at_brokers(answer, waited_ms),
    )


def nothing_sent(
    answer: NothingAccepted, message: PlaceBatch | ClosePositions
) -> Reply:
    """A dry run, or every leg denied: nothing is stored, and the key stays free."""
    denied = sum(isinstance(leg.answer, Denial) for leg in answer.legs)
    status: Status = "success" if denied == 0 else "partial"
    return Reply(
        status="error" if denied == len(answer.legs) else status,
        data=BatchData(
            batch_id=None,
            portfolio_id=getattr(message, "portfolio_id", None),
            idempotency_key=message.key if message.key_given else None,
            replayed=False,
            created_at=None,
            dry_run=answer.dry_run,
        ),
        results=[_unsent(leg) for leg in answer.legs],
        broker_ms=max(leg.checked_ms for leg in answer.legs),
    )


def _overall(orders: Sequence[OrderRecord], waiting: bool) -> Status:
    if waiting:
        return "pending"
    good = sum(order.status in GOOD for order in orders)
    if good == len(orders):
        return "success"
    return "partial" if good else "error"


def _at_brokers(answer: BatchDone, waited_ms: float) -> float:
    """What the checks asked, what buys waited for their sells, and then the longest
    leg; one that has no answer yet was waited for all the time."""
    if answer.replayed:
        return 0.0
    longest = max(
        waited_ms if order.status in OPEN_ENDED else order.latency_ms or 0.0
        for order in answer.orders
    )
    return min(waited_ms, answer.checked_ms + answer.waited_ms + longest)


def _unsent(leg: LegAnswer) -> LegResult:
    """A leg without an order: `success` where a dry run found nothing against it."""
    result = LegResult(
        order_index=leg.leg.order_index,
        broker=leg.leg.broker,
        status="success",
        checks_skipped=skipped_view(leg.skipped),
        slice=slice_view(leg.leg.slice, leg.leg.order),
    )
    if isinstance(leg.answer, Denial):
        result.status = "denied"
        result.error_code, result.message = leg.answer.code, leg.answer.message
    else:
        result.sent_as = sent_as_view(leg.answer.sent_as)
    return result
