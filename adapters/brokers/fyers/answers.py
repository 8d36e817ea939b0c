"""What FYERS's answers mean for orders, reads and log-ins; the codes are in `codes`.

For an order only FYERS's own words count: `{"s": "error", "code": N}` with a code that
is listed for this kind of call. All else is unknown, for the order may exist: a server
error, a page (Cloudflare stands in front, and a page says nothing of what the server
behind it did), a code on no list.
"""

from __future__ import annotations

from typing import NoReturn, TypeVar

import msgspec

from adapters.brokers.fyers.codes import (
    NO_ACKNOWLEDGEMENT,
    Call,
    Meaning,
    meaning_of,
)
from adapters.brokers.fyers.wire import Envelope
from adapters.errors import (
    LoginRefused,
    RateLimited,
    Refused,
    SentUnknown,
    SessionExpired,
)
from adapters.model import Acked, Rejected
from adapters.reply import Reply, decoded, retry_after, seconds

T = TypeVar("T", bound=Envelope)

MAX_TEXT = 500
"""Characters of the broker's words that are kept."""

_envelopes = msgspec.json.Decoder(Envelope)


def order_answer(
    call: Call, reply: Reply, order_id: str | None = None
) -> Acked | Rejected:
    """What became of an order, a change or a cancel.

    Args:
        order_id: the order that a change or a cancel names.

    Raises:
        SentUnknown: nothing proves that it was taken, nor that it was not.
        SessionExpired: refused for the session, before acting.
        RateLimited: refused for pace, before acting.
    """
    status = reply.status
    if not _is_told(status):
        raise SentUnknown(f"HTTP {status}", status)
    try:
        envelope = decoded(reply, _envelopes)
    except SentUnknown:
        _raise_if_waiting_is_told(reply)
        raise
    if _is_ok(envelope):
        return _taken(call, reply, envelope, order_id)
    if not _is_error(envelope):
        _raise_if_waiting_is_told(reply)
        raise _unknown(reply, envelope)
    meaning = _meaning(call, envelope)
    if meaning is Meaning.CANCELLED and order_id is not None:
        return Acked(broker_order_id=order_id, http_status=status)
    if meaning is Meaning.REJECTED:
        return Rejected(
            code=str(envelope.code),
            text=_text(envelope),
            http_status=status,
            broker_order_id=_id(envelope) if call is Call.PLACE else None,
        )
    if meaning is Meaning.AUTH or (meaning is None and status == 401):
        raise _expired(reply, envelope)
    if meaning is Meaning.LIMITED or (meaning is None and status == 429):
        raise _limited(reply, _said(envelope))
    raise _unknown(reply, envelope)


def read_answer(reply: Reply, decoder: msgspec.json.Decoder[T]) -> T:
    """The answer to a read, where it is one.

    Raises:
        SentUnknown: no answer to use.
        SessionExpired, RateLimited: see there; a page is believed too.
        Refused: a structured no.
    """
    status = reply.status
    if status == 401:
        raise _expired(reply, _any_envelope(reply))
    if status == 429:
        raise _limited(reply, _said(_any_envelope(reply)))
    if not _is_told(status):
        raise SentUnknown(f"HTTP {status}", status)
    answer = decoded(reply, decoder)
    if _is_ok(answer) and status == 200:
        return answer
    if _is_error(answer):
        _refuse_read(reply, answer)
    raise _unknown(reply, answer)


def login_answer(reply: Reply, decoder: msgspec.json.Decoder[T]) -> T:
    """The answer to a step of a log-in, where it is one.

    Raises:
        SentUnknown: no answer to use.
        RateLimited: see there.
        LoginRefused: a structured no; begin anew, for an auth code buys once.
    """
    status = reply.status
    if status == 429:
        raise _limited(reply, _said(_any_envelope(reply)))
    if not _is_told(status):
        raise SentUnknown(f"HTTP {status}", status)
    answer = decoded(reply, decoder)
    if _is_ok(answer) and status == 200:
        return answer
    if not _is_error(answer):
        raise _unknown(reply, answer)
    meaning = _meaning(Call.LOGIN, answer)
    if meaning is Meaning.LIMITED:
        raise _limited(reply, _said(answer))
    if meaning is Meaning.UNKNOWN:
        raise _unknown(reply, answer)
    raise LoginRefused(str(answer.code), _text(answer), status)


def _refuse_read(reply: Reply, envelope: Envelope) -> NoReturn:
    meaning = _meaning(Call.READ, envelope)
    if meaning is Meaning.AUTH:
        raise _expired(reply, envelope)
    if meaning is Meaning.LIMITED:
        raise _limited(reply, _said(envelope))
    if meaning is Meaning.UNKNOWN:
        raise _unknown(reply, envelope)
    raise Refused(str(envelope.code), _text(envelope), reply.status)


def _meaning(call: Call, envelope: Envelope) -> Meaning | None:
    said = envelope.message or ""
    return meaning_of(call, envelope.code or 0, said, has_id=bool(_id(envelope)))


def _taken(
    call: Call, reply: Reply, envelope: Envelope, order_id: str | None
) -> Acked | Rejected:
    """A success: judged by `s`, for its codes vary, except the one that is none."""
    made = _id(envelope) if call is Call.PLACE else order_id
    code = envelope.code
    if reply.status != 200 or code == NO_ACKNOWLEDGEMENT or (code or 0) < 0 or not made:
        raise _unknown(reply, envelope)
    return Acked(broker_order_id=made, http_status=reply.status)


def _is_told(status: int) -> bool:
    """Whether a status leaves the word to the body: 2xx and 4xx, not 408."""
    return (200 <= status < 300 or 400 <= status < 500) and status != 408


def _is_ok(envelope: Envelope) -> bool:
    return envelope.s.lower() == "ok"


def _is_error(envelope: Envelope) -> bool:
    return envelope.s.lower() == "error" and envelope.code is not None


def _id(envelope: Envelope) -> str | None:
    return str(envelope.id) if envelope.id else None


def _text(envelope: Envelope) -> str:
    return (envelope.message or "").strip()[:MAX_TEXT]


def _said(envelope: Envelope | None) -> str:
    if envelope is None or envelope.code is None:
        return "no code"
    return f"{envelope.code} {_text(envelope)}".strip()


def _any_envelope(reply: Reply) -> Envelope | None:
    try:
        return decoded(reply, _envelopes)
    except SentUnknown:
        return None


def _wait(reply: Reply) -> float | None:
    """Seconds to wait; the header in milliseconds is the finer one."""
    milliseconds = seconds(reply.headers.get("x-retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    return retry_after(reply.headers)


def _raise_if_waiting_is_told(reply: Reply) -> None:
    """A 429 without FYERS's JSON is believed where it bears FYERS's wait headers."""
    if reply.status == 429 and _wait(reply) is not None:
        raise _limited(reply, "no code")


def _expired(reply: Reply, envelope: Envelope | None) -> SessionExpired:
    code = None if envelope is None or envelope.code is None else str(envelope.code)
    words = f"HTTP {reply.status}: {_said(envelope)}"
    return SessionExpired(words, code, reply.status)


def _limited(reply: Reply, said: str) -> RateLimited:
    return RateLimited(f"HTTP {reply.status}: {said}", _wait(reply), reply.status)


def _unknown(reply: Reply, envelope: Envelope) -> SentUnknown:
    return SentUnknown(f"HTTP {reply.status}: {_said(envelope)}", reply.status)
