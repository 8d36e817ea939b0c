"""What HDFC's answers mean for orders, reads and log-ins; the codes are in `codes`.

A success is `"status": "success"`, never the HTTP status alone (dossier 5). For an
order only a structured no that is on a list counts: a page, a server error or words on
no list leave it unknown.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from adapters.brokers.hdfc.codes import (
    HOLDINGS_EMPTY,
    HOLDINGS_EMPTY_TEXT,
    Call,
    Meaning,
    meaning_of,
)
from adapters.brokers.hdfc.wire import Item, LastPrice, Made, Prices, Said
from adapters.errors import (
    LoginRefused,
    RateLimited,
    Refused,
    SentUnknown,
    SessionExpired,
)
from adapters.model import Acked, Rejected
from adapters.reply import Reply, decoded, retry_after

T = TypeVar("T")

MAX_TEXT = 500
"""Characters of the broker's words that are kept."""

QUERY = re.compile(r"\?\S*=\S*")
"""Of an address in the broker's words: the api_key stands in every one."""

_said = msgspec.json.Decoder(Said)
_items = msgspec.json.Decoder(list[Item] | str)


class _Success(msgspec.Struct):
    status: str | int | None = None
    data: msgspec.Raw | UnsetType = UNSET


_success = msgspec.json.Decoder(_Success)
_made = msgspec.json.Decoder(Made)
_prices = msgspec.json.Decoder(Prices)


def order_answer(
    call: Call, reply: Reply, order_id: str | None = None
) -> Acked | Rejected:
    """What became of an order, a change or a cancel.

    Args:
        order_id: the order that a change or a cancel names; the answer may bear another
            id (dossier 7.2), and the book goes by ours.

    Raises:
        SentUnknown, SessionExpired, RateLimited: see there.
    """
    if not _is_told(reply.status):
        raise SentUnknown(f"HTTP {reply.status}", reply.status)
    data = _data(reply)
    if data is not None:
        made = _order_id(reply, data) if call is Call.PLACE else order_id
        if not made:
            raise SentUnknown("a success without an order id", reply.status)
        return Acked(broker_order_id=made, http_status=reply.status)
    code, text = _no(reply)
    meaning = meaning_of(call, reply.status, code, text)
    if meaning is Meaning.REJECTED:
        return Rejected(code=_code(code, reply), text=text, http_status=reply.status)
    _raise_if_plain(meaning, reply, code, text)
    raise SentUnknown(f"HTTP {reply.status}: {text}", reply.status)


def read_answer(reply: Reply, decoder: msgspec.json.Decoder[T]) -> T:
    """The `data` of a read.

    Raises:
        SentUnknown, SessionExpired, RateLimited, Refused: see there.
    """
    _raise_if_closed(reply)
    data = _data(reply)
    if data is None:
        _refuse(reply)
    return _decode(reply, data, decoder)


def prices_answer(reply: Reply) -> list[LastPrice]:
    """The rows of `fetch-ltp`, whose yes is another one.

    Raises:
        SentUnknown, SessionExpired, RateLimited, Refused: see there.
    """
    _raise_if_closed(reply)
    answer = decoded(reply, _prices)
    good = answer.meta is None or (answer.meta.statusCode or "").upper() == "OK"
    if reply.status != 200 or isinstance(answer.data, UnsetType) or not good:
        _refuse(reply)
    return answer.data


def is_empty_demat(error: Refused) -> bool:
    """Whether the holdings were refused because there are none."""
    told = HOLDINGS_EMPTY in (error.code, error.text[:5])
    return error.http_status == 422 and (
        told or HOLDINGS_EMPTY_TEXT.lower() in error.text.lower()
    )


def login_answer(reply: Reply, decoder: msgspec.json.Decoder[T], *, again: bool) -> T:
    """A step of a log-in: flat, without an envelope, and a no may be HTTP 200 too.

    Args:
        again: whether the user may give another answer to the same question.

    Raises:
        SentUnknown: no answer to use.
        RateLimited, LoginRefused: see there.
    """
    if not _is_told(reply.status):
        raise SentUnknown(f"HTTP {reply.status}", reply.status)
    if 200 <= reply.status < 300 and not _says_no(decoded(reply, _said)):
        return decoded(reply, decoder)
    code, text = _no(reply)
    meaning = meaning_of(Call.LOGIN, reply.status, code, text)
    if meaning is Meaning.LIMITED:
        raise _limited(reply, text)
    if meaning is Meaning.UNKNOWN:
        raise SentUnknown(f"HTTP {reply.status}: {text}", reply.status)
    raise LoginRefused(code, text, reply.status, again=again)


def _data(reply: Reply) -> msgspec.Raw | None:
    """What a success holds; None where it is none.

    Raises:
        SentUnknown: it is no JSON object, or a success without data.
    """
    answer = decoded(reply, _success)
    if str(answer.status).lower() != "success":
        return None
    if not 200 <= reply.status < 300 or isinstance(answer.data, UnsetType):
        raise SentUnknown("a success without data", reply.status)
    return answer.data


def _order_id(reply: Reply, data: msgspec.Raw) -> str:
    made = _decode(reply, data, _made).order_id
    return "" if made is None else str(made)


def _decode(reply: Reply, data: msgspec.Raw, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(data)
    except msgspec.DecodeError as exc:
        raise SentUnknown(f"unreadable: {exc}", reply.status) from exc


def _no(reply: Reply) -> tuple[str, str]:
    """Code and words of a no. Source: dossier 5, the order that works.

    Raises:
        SentUnknown: it is no JSON, or says nothing at all.
    """
    said = decoded(reply, _said)
    meta = said.meta
    places: list[Any] = [
        said.displayMessage or (meta and meta.displayMessage),
        said.statusMsg or (meta and meta.statusMsg),
        said.message,
        said.error,
        None if isinstance(said.detail, UnsetType) else _detail(said.detail),
        said.reason,
    ]
    text = next((str(words).strip() for words in places if words), "")
    if not text:
        raise SentUnknown(f"HTTP {reply.status} without words", reply.status)
    code = "" if said.error_code is None else str(said.error_code)
    return code[:MAX_TEXT], QUERY.sub("?…", text)[:MAX_TEXT]


def _detail(raw: msgspec.Raw) -> str:
    """What is wrong with which field, and never the value that was sent: in a log-in
    it is the password."""
    try:
        items = _items.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "invalid, in a form that is not known"
    if isinstance(items, str):
        return items
    return "; ".join(f"{'.'.join(map(str, one.loc))}: {one.msg}" for one in items)


def _code(code: str, reply: Reply) -> str:
    """HDFC's code, or HTTP's status where it gives none."""
    return code or f"http_{reply.status}"


def _says_no(said: Said) -> bool:
    """Whether a body is a no whatever HTTP's status says (dossier 5)."""
    if said.status is not None:
        return str(said.status).lower() != "success"
    if said.meta is not None and said.meta.statusCode:
        return said.meta.statusCode.upper() != "OK"
    return bool(said.error) or not isinstance(said.detail, UnsetType)


def _raise_if_closed(reply: Reply) -> None:
    """A read believes 401 and 429 in any form."""
    if reply.status == 401:
        raise SessionExpired("HTTP 401", http_status=401)
    if reply.status == 429:
        raise _limited(reply, "HTTP 429")
    if not _is_told(reply.status):
        raise SentUnknown(f"HTTP {reply.status}", reply.status)


def _refuse(reply: Reply) -> NoReturn:
    code, text = _no(reply)
    meaning = meaning_of(Call.READ, reply.status, code, text)
    _raise_if_plain(meaning, reply, code, text)
    if meaning is Meaning.UNKNOWN:
        raise SentUnknown(f"HTTP {reply.status}: {text}", reply.status)
    raise Refused(_code(code, reply), text, reply.status)


def _raise_if_plain(
    meaning: Meaning | None, reply: Reply, code: str, text: str
) -> None:
    if meaning is Meaning.AUTH:
        raise SessionExpired(text, code or None, reply.status)
    if meaning is Meaning.LIMITED:
        raise _limited(reply, text)


def _limited(reply: Reply, text: str) -> RateLimited:
    return RateLimited(text, retry_after(reply.headers), reply.status)


def _is_told(status: int) -> bool:
    """Whether a status leaves the word to the body: 2xx and 4xx, not 408."""
    return (200 <= status < 300 or 400 <= status < 500) and status != 408
