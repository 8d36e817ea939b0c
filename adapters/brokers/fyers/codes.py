"""What FYERS's codes mean, as data, and what an answer therefore is.

For an order only FYERS's own words count: `{"s": "error", "code": N}` with a code that
is listed below for this kind of call. All else is unknown, for the order may exist: a
server error, a page (Cloudflare stands in front, and a page says nothing of what the
server behind it did), a code on no list. The numbers are from the dossier, 3.1 and 4.1.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NoReturn, TypeVar

import msgspec

from adapters.brokers.fyers.wire import Envelope
from adapters.errors import RateLimited, Refused, SentUnknown, SessionExpired
from adapters.http import Reply, decoded, retry_after, seconds
from adapters.model import Acked, Rejected

T = TypeVar("T", bound=Envelope)


class Call(Enum):
    """What an answer answers."""

    PLACE = auto()
    MODIFY = auto()
    CANCEL = auto()


class Meaning(Enum):
    """What a code says of the call that it answers."""

    REJECTED = auto()
    """Refused; nothing was done."""
    TOO_LATE = auto()
    """The order named is not there, or past changing. No answer to a new order."""
    CANCELLED = auto()
    """The same, because it is cancelled: what a cancel wanted."""
    AUTH = auto()
    """A new login is wanted; nothing was done."""
    LIMITED = auto()
    """Too fast; nothing was done."""
    UNKNOWN = auto()
    """FYERS does not know either."""
    ELSEWHERE = auto()
    """Belongs to calls not made here: it proves nothing about an order."""


NO_ACKNOWLEDGEMENT = 201
"""A success that is none: it went out, and nothing came back."""

_LISTS: dict[Meaning, tuple[int, ...]] = {
    Meaning.REJECTED: (
        *(-50, -99, -101, -157, -300, -352, -372, -373, -390, -392),
        *(-305, -308, -309, -310, -311, -313, -314, -315, -316),
        *(-323, -325, -326, -327, -328),
    ),
    Meaning.TOO_LATE: (-51, -159, -162, -163, -164, -209),
    Meaning.CANCELLED: (-161,),
    Meaning.AUTH: (-8, -15, -16, -17),
    Meaning.LIMITED: (-353, -429),
    Meaning.UNKNOWN: (-96, -201, -202, -204, -205, -329),
    Meaning.ELSEWHERE: (
        *(-371, -374, -441, -442, -501),  # token exchange
        *(-1025, -1031, -1049),  # headless login
        *(-53, -397, -398, -399),  # positions
        400,  # multileg orders; also what FYERS's SDK makes of an unreadable answer
    ),
}
CODES = {code: meaning for meaning, codes in _LISTS.items() for code in codes}

SDK_TEXTS = frozenset({"bad request", "invalid input please check your input"})
"""With -99 FYERS's own SDK says by these that it had no answer at all; should a server
ever say the same, it is not believed to be a rejection."""

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
    meaning = _believed(call, envelope)
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


def _refuse_read(reply: Reply, envelope: Envelope) -> NoReturn:
    meaning = CODES.get(envelope.code or 0)
    if meaning is Meaning.AUTH:
        raise _expired(reply, envelope)
    if meaning is Meaning.LIMITED:
        raise _limited(reply, _said(envelope))
    if meaning is Meaning.UNKNOWN:
        raise _unknown(reply, envelope)
    raise Refused(str(envelope.code), _text(envelope), reply.status)


def _taken(
    call: Call, reply: Reply, envelope: Envelope, order_id: str | None
) -> Acked | Rejected:
    """A success: judged by `s`, for its codes vary, except the one that is none."""
    made = _id(envelope) if call is Call.PLACE else order_id
    code = envelope.code
    if reply.status != 200 or code == NO_ACKNOWLEDGEMENT or (code or 0) < 0 or not made:
        raise _unknown(reply, envelope)
    return Acked(broker_order_id=made, http_status=reply.status)


def _believed(call: Call, envelope: Envelope) -> Meaning | None:
    """The code's meaning for this call; None where it says nothing about it."""
    meaning = CODES.get(envelope.code or 0)
    if meaning is Meaning.ELSEWHERE:
        return None
    if meaning in (Meaning.TOO_LATE, Meaning.CANCELLED):
        if call is Call.PLACE:
            return None
        done = meaning is Meaning.CANCELLED and call is Call.CANCEL
        return Meaning.CANCELLED if done else Meaning.REJECTED
    if envelope.code == -99 and not _id(envelope):
        said = (envelope.message or "").strip().lower()
        return Meaning.UNKNOWN if said in SDK_TEXTS else meaning
    return meaning


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
