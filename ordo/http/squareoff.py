"""What clears a desk at once: `POST /orders/cancel` and `POST /positions/close`."""

from __future__ import annotations

import msgspec
import trio

from actors.mailbox import MailboxError, MailboxFull
from actors.messages import (
    CancelledOpen,
    CancelOpen,
    CancelResult,
    ClosePositions,
    SquaredOff,
)
from ordo.http.bodies import CancelBody, CloseBody
from ordo.http.call import Call
from ordo.http.decoding import decode
from ordo.http.envelope import Reply, Status
from ordo.http.errors import ApiError, invalid
from ordo.http.keys import digest, key_of
from ordo.http.legs import SYMBOL, check_brokers
from ordo.http.placing import refuse_while_stopping, reply_to, unanswered
from ordo.http.rows import read_result
from ordo.http.views import BatchData, LegResult, leg_result

CANCEL_SECONDS = 15.0
"""Cancels queue behind each other, and wait for the broker's answer."""


class CancelView(msgspec.Struct, kw_only=True):
    """Orders that were open: `done` have ended, `failed` could not be cancelled; the
    others are under way."""

    wanted: int
    done: int
    failed: int


async def cancel_open(call: Call) -> Reply:
    """Cancel every open order of Ordo's that matches, while halted too.

    An order in the queue never leaves, an unknown one is cancelled once found. Safe to
    repeat. 200 where each has ended, or why not; 202 where that is not known yet.
    """
    body = decode(call.body, CancelBody) if call.body.strip() else CancelBody()
    message = cancel_message_of(call, body)
    asked = trio.current_time()
    results = await _cancel(call, message)
    ended = sum(_ended(each) for each in results)
    failed = sum(_failed(each) for each in results)
    waiting = len(results) - ended - failed
    return Reply(
        status=_status(ended, failed, waiting),
        http_status=202 if waiting else 200,
        data=CancelView(wanted=len(results), done=ended, failed=failed),
        results=[_cancel_result(each) for each in results],
        broker_ms=(trio.current_time() - asked) * 1000,
    )


async def close_positions(call: Call) -> Reply:
    """Send the opposite of every open position that matches, as one batch of orders.

    As MARKET, protected like any other, in slices where the exchange has a freeze
    quantity; never for more than is held. Open orders stay: cancel them first. The key
    works as for orders; used again, it reads no positions. Where there is nothing to
    close, `results` are empty and the key stays free.
    """
    message = close_message_of(call, decode(call.body, CloseBody))
    refuse_while_stopping(call)
    asked = trio.current_time()
    answer = await _close(call, message)
    return _closed(answer, message, (trio.current_time() - asked) * 1000)


def cancel_message_of(call: Call, body: CancelBody) -> CancelOpen:
    """What the router is asked to cancel.

    Raises:
        ApiError: `validation_failed`.
    """
    _check(call, body)
    return CancelOpen(
        brokers=tuple(body.brokers) or tuple(call.system.broker_names),
        symbol=body.symbol,
        by=call.principal.id,
        request_id=call.request_id,
    )


def close_message_of(call: Call, body: CloseBody) -> ClosePositions:
    """What the router is asked to square off.

    Raises:
        ApiError: `validation_failed`, or `bad_request` for a key that is none.
    """
    key = key_of(call, body.idempotency_key)
    _check(call, body)
    return ClosePositions(
        principal=call.principal.id,
        request_id=call.request_id,
        key=call.system.clockwork.ids.new() if key is None else key,
        key_given=key is not None,
        fingerprint=digest(msgspec.structs.replace(body, idempotency_key=None)),
        brokers=tuple(body.brokers),
        symbol=body.symbol,
        deadline_ms=body.deadline_ms or call.system.settings.orders.deadline_ms,
    )


def _check(call: Call, body: CancelBody | CloseBody) -> None:
    """The brokers are configured, the symbol could be one.

    Raises:
        ApiError: `validation_failed`, naming the path.
    """
    check_brokers(body.brokers, call.system.broker_names, "$.brokers")
    if body.symbol is not None and not SYMBOL.fullmatch(body.symbol):
        wanted = "wanted EXCHANGE:NAME, such as NSE:SBIN"
        raise invalid("$.symbol", f"{wanted}, found {body.symbol[:64]!r}")


# Cancels ------------------------------------------------------------------------------


async def _cancel(call: Call, message: CancelOpen) -> tuple[CancelResult, ...]:
    try:
        with trio.fail_after(CANCEL_SECONDS):
            answer: CancelledOpen = await call.system.router.ask(message, urgent=True)
    except MailboxFull as full:
        raise ApiError("overloaded", str(full)) from None
    except (MailboxError, trio.TooSlowError):
        words = "the cancels have no answer yet; some may have arrived: ask again"
        raise ApiError("overloaded", words) from None
    if answer.denial is not None:
        raise ApiError(answer.denial.code, answer.denial.message)
    return answer.results


def _ended(each: CancelResult) -> bool:
    """Whether there is nothing left of it to cancel, by this cancel or before it."""
    return each.record.is_settled


def _failed(each: CancelResult) -> bool:
    refused = each.denial is not None and each.denial.code != "unknown"
    return refused and not _ended(each)


def _cancel_result(each: CancelResult) -> LegResult:
    result = leg_result(each.record)
    if each.denial is not None and not _ended(each):
        result.error_code, result.message = each.denial.code, each.denial.message
    return result


def _status(ended: int, failed: int, waiting: int) -> Status:
    if waiting:
        return "pending"
    if not failed:
        return "success"
    return "partial" if ended else "error"


# Closes -------------------------------------------------------------------------------


async def _close(call: Call, message: ClosePositions) -> SquaredOff:
    try:
        with trio.fail_after(message.deadline_ms / 1000):
            return await call.system.router.ask(message)
    except MailboxFull as full:
        raise ApiError("overloaded", str(full)) from None
    except (MailboxError, trio.TooSlowError):
        raise unanswered(message.key) from None


def _closed(answer: SquaredOff, message: ClosePositions, waited_ms: float) -> Reply:
    """As of orders; then the brokers whose positions, or some of them, stay open."""
    failures = [read_result(each) for each in answer.failures]
    if answer.batch is not None:
        reply = reply_to(answer.batch, message, waited_ms)
    else:
        unread = {each.broker for each in answer.failures}
        reply = Reply(
            status="error" if unread == set(message.brokers) else "success",
            data=BatchData(
                batch_id=None,
                portfolio_id=None,
                idempotency_key=message.key if message.key_given else None,
                replayed=False,
                created_at=None,
            ),
            broker_ms=waited_ms,
        )
    reply.results = [*reply.results, *failures]
    if failures and reply.status == "success":
        reply.status = "partial"
    return reply
