"""What m.Stock's answers mean for orders, reads and log-ins; the codes are in `codes`.

Business refusals come with HTTP 200 as well as with 4xx, so the words decide. For an
order only m.Stock's own words count, and of these only those on a list for this kind of
call. All else is unknown, for the order may exist: a server error, a page, a code on no
list, a success without an id.
"""

from __future__ import annotations

import msgspec

from adapters.brokers.mstock.codes import UNREAD, Call, Meaning, meaning_of
from adapters.brokers.mstock.dialect import Dialect
from adapters.brokers.mstock.wire import Envelope
from adapters.errors import (
    LoginRefused,
    RateLimited,
    Refused,
    SentUnknown,
    SessionExpired,
)
from adapters.model import Acked, Rejected
from adapters.reply import Reply, decoded, retry_after

MAX_TEXT = 500
"""Characters of the broker's words that are kept."""
DESK = "RMS:"
"""Begins the words of the risk desk; an order's number may follow it (dossier 6.3)."""

_envelopes: msgspec.json.Decoder[Envelope | list[Envelope]] = msgspec.json.Decoder(
    Envelope | list[Envelope]
)


def placed(reply: Reply, dialect: Dialect) -> Acked | Rejected:
    """What became of a new order.

    Raises:
        SentUnknown: nothing proves that it was taken, nor that it was not.
        SessionExpired: refused for the session, before acting.
        RateLimited: refused for pace, before acting.
    """
    envelope = _told(reply)
    if not envelope.is_ok:
        return _refused_order(Call.PLACE, reply, envelope)
    order_id = ""
    if reply.status == 200 and bytes(envelope.data):
        order_id = dialect.order_id(envelope.data)
    if not order_id:
        raise SentUnknown("a success without an order's id", reply.status)
    return Acked(broker_order_id=order_id, http_status=reply.status)


def changed(
    call: Call, reply: Reply, dialect: Dialect, order_id: str
) -> Acked | Rejected:
    """What became of a change or a cancel of *order_id*.

    Raises:
        SentUnknown, SessionExpired, RateLimited: as `placed`.
    """
    if call is Call.CANCEL and dialect.silent_cancel and _is_silent(reply):
        return Acked(broker_order_id=order_id, http_status=reply.status)
    envelope = _told(reply)
    if not envelope.is_ok:
        return _refused_order(call, reply, envelope)
    if reply.status != 200:
        raise _unknown(reply, envelope)
    return Acked(broker_order_id=order_id, http_status=reply.status)


def read(reply: Reply) -> msgspec.Raw:
    """The data of a read's answer, where it is one.

    Raises:
        SentUnknown: no answer to use.
        SessionExpired, RateLimited: see there; a page is believed too.
        Refused: a structured no.
    """
    status, envelope = reply.status, _any(reply)
    if envelope is not None and envelope.is_error:
        meaning = meaning_of(Call.READ, envelope.code, _text(envelope))
        # A dead session has been seen as an internal error; to believe it harms none.
        if meaning is Meaning.AUTH or (status == 401 and meaning is None):
            raise _expired(reply, envelope)
    elif status == 401:
        raise _expired(reply, envelope)
    if status == 429:
        raise _limited(reply, envelope)
    envelope = _envelope(reply)
    if envelope.is_ok and status == 200:
        return envelope.data
    refused = _refusal(Call.READ, envelope)
    if refused is None:
        raise _unknown(reply, envelope)
    raise Refused(*refused, status)


def login_step(reply: Reply) -> msgspec.Raw:
    """The data of the answer to a step of a log-in, where it is one.

    Raises:
        SentUnknown: no answer to use.
        RateLimited: see there.
        LoginRefused: a structured no. Begin anew: a wrong code ends the log-in at
            Type A, and nothing is known of Type B (dossier 3.2a).
    """
    if reply.status == 429:
        raise _limited(reply, _any(reply))
    envelope = _envelope(reply)
    if envelope.is_ok and reply.status == 200:
        return envelope.data
    refused = _refusal(Call.LOGIN, envelope)
    if refused is None:
        raise _unknown(reply, envelope)
    raise LoginRefused(*refused, reply.status)


def _refused_order(call: Call, reply: Reply, envelope: Envelope) -> Rejected:
    if envelope.is_unread and reply.status == 400:
        text = (envelope.title or "")[:MAX_TEXT]
        return Rejected(code=UNREAD, text=text, http_status=reply.status)
    if not envelope.is_error:
        _raise_if_waiting_is_told(reply)
        raise _unknown(reply, envelope)
    text = _text(envelope)
    meaning = meaning_of(call, envelope.code, text)
    if meaning is Meaning.REJECTED:
        return Rejected(
            code=envelope.code or "refused",
            text=text,
            http_status=reply.status,
            broker_order_id=_made(text) if call is Call.PLACE else None,
        )
    if meaning is Meaning.AUTH or (meaning is None and reply.status == 401):
        raise _expired(reply, envelope)
    if meaning is None and reply.status == 429:
        raise _limited(reply, envelope)
    raise _unknown(reply, envelope)


def _refusal(call: Call, envelope: Envelope) -> tuple[str, str] | None:
    """Code and words of a no; None where it is none, or its words say nothing."""
    if envelope.is_unread:
        return UNREAD, (envelope.title or "")[:MAX_TEXT]
    if not envelope.is_error:
        return None
    text = _text(envelope)
    if meaning_of(call, envelope.code, text) is Meaning.UNKNOWN:
        return None
    return envelope.code or "refused", text


def _made(text: str) -> str | None:
    """The order that the risk desk's words name: it stands in the book, rejected."""
    number = text.removeprefix(DESK).partition(":")[0]
    named = text.startswith(DESK) and number.isascii() and number.isdecimal()
    return number if named else None


def _told(reply: Reply) -> Envelope:
    """The envelope of an order's answer; a page is none, but with a wait header."""
    try:
        return _envelope(reply)
    except SentUnknown:
        _raise_if_waiting_is_told(reply)
        raise


def _envelope(reply: Reply) -> Envelope:
    status = reply.status
    # 2xx and 4xx leave the word to the body; not 408.
    if not (200 <= status < 300 or 400 <= status < 500) or status == 408:
        raise SentUnknown(f"HTTP {status}", status)
    found = decoded(reply, _envelopes)
    if isinstance(found, list):
        if len(found) != 1:
            words = f"HTTP {status}: wanted one answer, found {len(found)}"
            raise SentUnknown(words, status)
        return found[0]
    return found


def _any(reply: Reply) -> Envelope | None:
    """The envelope under whatever status; None where there is none."""
    try:
        found = decoded(reply, _envelopes)
    except SentUnknown:
        return None
    return found if isinstance(found, Envelope) else next(iter(found), None)


def _is_silent(reply: Reply) -> bool:
    return reply.status in (200, 202, 204) and not reply.body.strip()


def _text(envelope: Envelope) -> str:
    return (envelope.message or "").strip()[:MAX_TEXT]


def _said(envelope: Envelope | None) -> str:
    if envelope is None:
        return "no code"
    return f"{envelope.code} {_text(envelope)}".strip() or "no code"


def _raise_if_waiting_is_told(reply: Reply) -> None:
    """A 429 without m.Stock's JSON is believed where it tells how long to wait."""
    if reply.status == 429 and retry_after(reply.headers) is not None:
        raise _limited(reply, None)


def _expired(reply: Reply, envelope: Envelope | None) -> SessionExpired:
    code = (envelope.code if envelope else "") or None
    return SessionExpired(f"HTTP {reply.status}: {_said(envelope)}", code, reply.status)


def _limited(reply: Reply, envelope: Envelope | None) -> RateLimited:
    words = f"HTTP {reply.status}: {_said(envelope)}"
    return RateLimited(words, retry_after(reply.headers), reply.status)


def _unknown(reply: Reply, envelope: Envelope) -> SentUnknown:
    return SentUnknown(f"HTTP {reply.status}: {_said(envelope)}", reply.status)
