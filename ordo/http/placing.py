"""`POST /api/v1/orders`: from the body to a message, from the batch to the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import trio

from actors.mailbox import MailboxError, MailboxFull
from actors.messages import (
    Admission,
    BatchDone,
    Denial,
    InProgress,
    KeyReused,
    Leg,
    LegAnswer,
    NothingAccepted,
    Overloaded,
    PlaceBatch,
    StoreDown,
    TradingHalted,
)
from adapters import OrderRecord, OrderStatus
from ordo.http.bodies import (
    MOST_LEGS,
    PlaceBody,
    check_key,
    check_text,
    decode,
    invalid,
    order_of,
)
from ordo.http.call import Call
from ordo.http.envelope import ApiError, Reply, Status
from ordo.http.views import LegResult, leg_result, stamp

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
API_VERSION = "v1"
CANONICAL = msgspec.json.Encoder(order="deterministic", decimal_format="string")


async def place(call: Call) -> Reply:
    """Send a batch; answered by its deadline at the latest."""
    body = decode(call.body, PlaceBody)
    settings = call.system.settings.orders
    key, given = _key(call, body, settings.require_idempotency_key)
    if body.portfolio_id is not None and isinstance(body.portfolio_id, str):
        check_text(body.portfolio_id, "$.portfolio_id")
        if len(body.portfolio_id) > 128:
            raise invalid("$.portfolio_id", "wanted at most 128 characters")
    deadline_ms = body.deadline_ms or settings.deadline_ms
    message = PlaceBatch(
        principal=call.principal.id,
        request_id=call.request_id,
        key=key,
        key_given=given,
        fingerprint=fingerprint(body),
        legs=_legs(body, call.system.broker_names),
        portfolio_id=body.portfolio_id,
        deadline_ms=deadline_ms,
        dry_run=body.dry_run,
    )
    if call.system.stopping:
        raise ApiError("shutting_down", "Ordo is stopping; nothing was sent")
    return await _ask(call, message, deadline_ms / 1000)


async def _ask(call: Call, message: PlaceBatch, seconds: float) -> Reply:
    try:
        with trio.fail_after(seconds):
            answer = await call.system.router.ask(message)
    except MailboxFull as full:
        raise ApiError("overloaded", str(full)) from None
    except (MailboxError, trio.TooSlowError):
        # It may have been accepted: the key tells, so that nothing is sent twice.
        raise ApiError(
            "idempotency_in_progress",
            "no answer yet; ask again with the same key",
            retry_after=1.0,
            data={"idempotency_key": message.key},
        ) from None
    match answer:
        case BatchDone():
            return _done(answer)
        case NothingAccepted():
            return _nothing(answer, message)
        case KeyReused(expired=expired):
            code = "idempotency_key_expired" if expired else "idempotency_key_reused"
            words = (
                "was used before, and long ago"
                if expired
                else ("was used before, with another body")
            )
            raise ApiError(code, f"this idempotency key {words}; take a new one")
        case InProgress():
            raise ApiError(
                "idempotency_in_progress",
                "the first request with this key still runs",
                retry_after=answer.retry_after,
                data={"batch_id": answer.batch_id},
            )
        case TradingHalted(reason=reason):
            raise ApiError("kill_switch_engaged", f"trading is halted: {reason}")
        case StoreDown(message=words):
            raise ApiError("storage_unavailable", f"nothing can be recorded: {words}")
        case Overloaded(message=words):
            raise ApiError("overloaded", words)


def fingerprint(body: PlaceBody) -> str:
    """What makes two requests the same: all of the body but the key, in one form."""
    plain = msgspec.structs.replace(
        body,
        idempotency_key=None,
        orders=[
            msgspec.structs.replace(
                order,
                quantity=order.quantity.normalize(),
                price=order.price and order.price.normalize(),
                trigger_price=order.trigger_price and order.trigger_price.normalize(),
                disclosed_quantity=order.disclosed_quantity
                and order.disclosed_quantity.normalize(),
            )
            for order in body.orders
        ],
    )
    return hashlib.sha256(CANONICAL.encode((API_VERSION, plain))).hexdigest()


def _key(call: Call, body: PlaceBody, required: bool) -> tuple[str, bool]:
    header, inside = call.header("Idempotency-Key"), body.idempotency_key
    if header is not None and inside is not None and header != inside:
        raise ApiError(
            "bad_request", "Idempotency-Key and idempotency_key differ; send one"
        )
    key = inside if header is None else header
    if key is not None:
        return check_key(key), True
    if required:
        raise ApiError(
            "bad_request",
            "Idempotency-Key: wanted one (orders.require_idempotency_key is set), "
            "found none",
        )
    return call.system.clockwork.ids.new(), False


def _legs(body: PlaceBody, known: Mapping[str, Any]) -> tuple[Leg, ...]:
    _check_brokers(body.brokers, known, "$.brokers")
    legs = []
    for index, item in enumerate(body.orders):
        path = f"$.orders[{index}]"
        order = order_of(item, path)
        if item.brokers is not None:
            _check_brokers(item.brokers, known, f"{path}.brokers")
        brokers = body.brokers if item.brokers is None else item.brokers
        if not brokers:
            raise invalid(f"{path}.brokers", "wanted at least one broker, found none")
        legs += [Leg(order_index=index, broker=name, order=order) for name in brokers]
    if len(legs) > MOST_LEGS:
        raise invalid("$.orders", f"wanted at most {MOST_LEGS} legs, found {len(legs)}")
    return tuple(legs)


def _check_brokers(names: Sequence[str], known: Mapping[str, Any], path: str) -> None:
    for index, name in enumerate(names):
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise invalid(
                f"{path}[{index}]", f"wanted one of {there}, found {name[:64]!r}"
            )
        if name in names[:index]:
            raise invalid(f"{path}[{index}]", f"{name} is named twice")


def _done(done: BatchDone) -> Reply:
    batch = done.batch
    results = [leg_result(order) for order in done.orders]
    waiting = any(order.status in OPEN_ENDED for order in done.orders)
    return Reply(
        status=_overall(done.orders, waiting),
        http_status=202 if waiting else 200,
        data={
            "batch_id": batch.batch_id,
            "portfolio_id": batch.portfolio_id,
            "idempotency_key": batch.idempotency_key,
            "replayed": done.replayed,
            "created_at": stamp(batch.created_at),
        },
        results=results,
        headers={"Idempotent-Replayed": "true"} if done.replayed else {},
        broker_ms=0.0
        if done.replayed
        else max((order.latency_ms or 0.0 for order in done.orders), default=0.0),
    )


def _overall(orders: Sequence[OrderRecord], waiting: bool) -> Status:
    if waiting:
        return "pending"
    good = sum(order.status in GOOD for order in orders)
    if good == len(orders):
        return "success"
    return "partial" if good else "error"


def _nothing(answer: NothingAccepted, message: PlaceBatch) -> Reply:
    """A dry run, or every leg denied: nothing is stored, and the key stays free."""
    failed = sum(isinstance(leg.answer, Denial) for leg in answer.legs)
    status: Status = "success" if failed == 0 else "partial"
    return Reply(
        status="error" if failed == len(answer.legs) else status,
        data={
            "batch_id": None,
            "portfolio_id": message.portfolio_id,
            "idempotency_key": message.key if message.key_given else None,
            "replayed": False,
            "created_at": None,
            "dry_run": answer.dry_run,
        },
        results=[_unsent(leg, answer.dry_run) for leg in answer.legs],
    )


def _unsent(leg: LegAnswer, dry_run: bool) -> LegResult:
    denial = leg.answer if isinstance(leg.answer, Denial) else None
    admission = leg.answer if isinstance(leg.answer, Admission) else None
    return LegResult(
        order_index=leg.leg.order_index,
        broker=leg.leg.broker,
        order_id=None,
        client_tag=None,
        status="denied" if denial else "accepted" if dry_run else "denied",
        error_code=denial.code if denial else None,
        message=denial.message if denial else None,
        sent_as=admission.sent_as if admission else None,
    )
