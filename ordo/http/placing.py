"""`POST /api/v1/orders`: from the body to a message, and to the router."""

from __future__ import annotations

import trio

from actors.mailbox import MailboxError, MailboxFull
from actors.messages import (
    BatchDone,
    BatchReply,
    ClosePositions,
    InProgress,
    KeyReused,
    NothingAccepted,
    PlaceBatch,
    StoreDown,
    TradingHalted,
)
from ordo.http.bodies import PlaceBody
from ordo.http.call import Call
from ordo.http.decoding import check_text, decode
from ordo.http.envelope import Reply
from ordo.http.errors import ApiError
from ordo.http.keys import fingerprint, key_of
from ordo.http.legs import legs_of
from ordo.http.outcomes import done, nothing_sent


async def place(call: Call) -> Reply:
    """Send a batch; answered by its deadline at the latest."""
    message = message_of(call, decode(call.body, PlaceBody))
    refuse_while_stopping(call)
    asked = trio.current_time()
    answer = await _ask(call, message)
    return reply_to(answer, message, (trio.current_time() - asked) * 1000)


def message_of(call: Call, body: PlaceBody) -> PlaceBatch:
    """What the router is asked.

    Raises:
        ApiError: `validation_failed`, or `bad_request` for a key that is none.
    """
    key = key_of(call, body.idempotency_key)
    if isinstance(body.portfolio_id, str):
        check_text(body.portfolio_id, "$.portfolio_id")
    legs = legs_of(body, call.system.broker_names)  # first: it checks the numbers
    return PlaceBatch(
        principal=call.principal.id,
        request_id=call.request_id,
        key=call.system.clockwork.ids.new() if key is None else key,
        key_given=key is not None,
        fingerprint=fingerprint(body),
        legs=legs,
        portfolio_id=body.portfolio_id,
        deadline_ms=body.deadline_ms or call.system.settings.orders.deadline_ms,
        dry_run=body.dry_run,
        sequential=body.sequential,
    )


def refuse_while_stopping(call: Call) -> None:
    """Take nothing new that a broker would be sent.

    Raises:
        ApiError: `shutting_down`.
    """
    if call.system.stopping:
        raise ApiError("shutting_down", "Ordo is stopping; nothing was sent")


async def _ask(call: Call, message: PlaceBatch) -> BatchReply:
    try:
        with trio.fail_after(message.deadline_ms / 1000):
            return await call.system.router.ask(message)
    except MailboxFull as full:
        raise ApiError("overloaded", str(full)) from None
    except (MailboxError, trio.TooSlowError):
        raise unanswered(message.key) from None


def unanswered(key: str) -> ApiError:
    """It may have been accepted: the key tells, so that nothing is sent twice."""
    return ApiError(
        "idempotency_in_progress",
        "no answer yet; ask again with the same key",
        retry_after=1.0,
        data={"batch_id": None, "idempotency_key": key},
    )


def reply_to(
    answer: BatchReply, message: PlaceBatch | ClosePositions, waited_ms: float
) -> Reply:
    """The answer to a batch; *waited_ms* is how long the router took.

    Raises:
        ApiError: nothing was attempted, or it is under way.
    """
    match answer:
        case BatchDone():
            return done(answer, waited_ms)
        case NothingAccepted():
            return nothing_sent(answer, message)
        case KeyReused(expired=True):
            words = "this idempotency key was used long ago; take a new one"
            raise ApiError("idempotency_key_expired", words)
        case KeyReused():
            words = "this idempotency key was used with another body; take a new one"
            raise ApiError("idempotency_key_reused", words)
        case InProgress():
            raise _in_progress(answer, message)
        case TradingHalted(reason=reason):
            raise ApiError("kill_switch_engaged", f"trading is halted: {reason}")
        case StoreDown(message=words):
            raise ApiError("storage_unavailable", f"nothing can be recorded: {words}")
    raise ApiError("overloaded", answer.message)


def _in_progress(answer: InProgress, message: PlaceBatch | ClosePositions) -> ApiError:
    batch_id = answer.batch_id
    return ApiError(
        "idempotency_in_progress",
        "the first request with this key still runs",
        retry_after=answer.retry_after,
        data={"batch_id": batch_id, "idempotency_key": message.key},
        headers={} if batch_id is None else {"Location": f"/api/v1/batches/{batch_id}"},
    )
