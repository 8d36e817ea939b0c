"""What m.Stock's codes mean, as data. The numbers are from the dossier, 3 to 6 and 16.

Type A names the kind of an error (`InputException`), Type B gives a code (`IA400`);
some answers of B bear A's words. `doc`: the documentation or an official sample.
`peer`: seen by others.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum, auto
from typing import NamedTuple

from adapters.brokers.code_table import CodeRow


class Call(StrEnum):
    """What an answer answers."""

    PLACE = auto()
    MODIFY = auto()
    CANCEL = auto()
    READ = auto()
    LOGIN = auto()


ORDERS = (Call.PLACE, Call.MODIFY, Call.CANCEL)


class Meaning(StrEnum):
    """What a code says of the call that it answers."""

    REJECTED = auto()
    """Refused; nothing was done, or what was made stands in the book as rejected."""
    TOO_LATE = auto()
    """The order named is not there, or past changing. No answer to a new order."""
    AUTH = auto()
    """A new login is wanted; nothing was done."""
    UNKNOWN = auto()
    """m.Stock does not know either."""
    ELSEWHERE = auto()
    """Belongs to calls not made here, or to any: it proves nothing about an order."""


class Known(NamedTuple):
    """A code that somebody has told of: sample of its words, and who told."""

    code: str
    meaning: Meaning
    text: str
    mark: str = "doc"


_M = Meaning
KNOWN = (
    # Type A
    Known("InputException", _M.REJECTED, "Invalid symbol. Scrip Name not found"),
    Known("MiraeException", _M.REJECTED, "RMS:FUND LIMIT INSUFFICIENT"),
    Known("APIKeyException", _M.REJECTED, "API is suspended/expired for use."),
    Known("VersionException", _M.REJECTED, "Please provide valid api version."),
    Known("TokenException", _M.AUTH, "Invalid request. Please try again."),
    Known("GeneralException", _M.UNKNOWN, ""),
    # Type B
    Known("400", _M.REJECTED, "Enter valid trigger price."),
    Known("IA400", _M.REJECTED, "Trigger price can not be blank."),
    Known("IA401", _M.AUTH, "Invalid request. Please try again."),
    Known("IA403", _M.REJECTED, "API is suspended/expired for use."),
    Known("IA404", _M.TOO_LATE, "no such resource"),
    Known("IA500", _M.UNKNOWN, "internal error while processing"),
    Known("MA200", _M.REJECTED, "quantity is not a multiple of the lot"),
    Known("MA400", _M.ELSEWHERE, "Please enter correct TOTP"),
    Known("MA408", _M.ELSEWHERE, "Basket Already Added For This Name"),
    Known("MA500", _M.ELSEWHERE, "Entered OTP has been expired."),
    Known("MA0034", _M.ELSEWHERE, "INSUFICIENT QUANTITY TO CONVERT."),
    Known("MAInternalServerError", _M.UNKNOWN, ""),
    Known("RS-0111", _M.REJECTED, "RMS:1191:FUND LIMIT INSUFFICIENT"),
    Known("RS-0034", _M.TOO_LATE, "modify of an order that is done"),
    Known("RS-00093", _M.TOO_LATE, "cancel of an order that is done"),
)
CODES = {known.code: known.meaning for known in KNOWN}

DESK = "RS-"
"""The family of the order system: what bears it was refused there (dossier 16.2)."""
UNREAD = "unread"
"""Our own code for a problem document: the body did not fit, and went no further."""

TEXTS = (
    Known("", _M.AUTH, "invalid session. Kindly logout and login again", "peer"),
    Known("", _M.ELSEWHERE, "something went wrong"),
    Known("", _M.TOO_LATE, "Order is Cancelled.Kindly refresh your OrderBook"),
    Known("", _M.TOO_LATE, "Order Does not Exsist.Need to refresh orderbook"),
    Known("", _M.REJECTED, "Please provide valid api version."),
    Known("", _M.REJECTED, "API is suspended/expired for use."),
    Known(
        "",
        _M.REJECTED,
        "Primary and Secondary IP Address are not matching with current IP address.",
        "peer",
    ),
)
"""Words that say more than the code beside them, or stand without one. The second is
what official samples show under codes of every kind, and says nothing at all."""
_PHRASES = tuple((known.text.lower().rstrip("."), known.meaning) for known in TEXTS)


def meaning_of(call: Call, code: str, text: str = "") -> Meaning | None:
    """What a code means for one kind of call; None where it says nothing about it.

    Args:
        text: the words beside it.
    """
    said = text.lower()
    meaning = next((what for words, what in _PHRASES if words in said), None)
    if meaning is None:
        meaning = CODES.get(code)
    if meaning is None and code.startswith(DESK):
        meaning = Meaning.REJECTED
    if call not in ORDERS:
        return meaning
    if meaning is Meaning.ELSEWHERE:
        return None
    if meaning is Meaning.TOO_LATE:
        return None if call is Call.PLACE else Meaning.REJECTED
    return meaning


# The table, for people


def table() -> Iterator[CodeRow]:
    """Every code on every kind of call, then what answers without a code are."""
    known = (*KNOWN, Known(f"{DESK}9999", _M.REJECTED, "any other of the order desk"))
    for one in (*known, *TEXTS):
        for call in Call:
            outcome = _outcome(call, meaning_of(call, one.code, one.text))
            yield CodeRow("mstock", call, None, one.code, one.text, outcome, one.mark)
    for call in Call:
        yield CodeRow("mstock", call, None, "any other", "", _outcome(call, None), "")
        auth, refused = _outcome(call, _M.AUTH), _outcome(call, _M.REJECTED)
        yield CodeRow("mstock", call, 401, "any other", "", auth, "doc")
        yield CodeRow("mstock", call, 429, "any other", "", "rate_limited", "guess")
        yield CodeRow("mstock", call, 400, UNREAD, "", refused, "doc")
        for status, text, outcome, mark in _without_code(call):
            yield CodeRow("mstock", call, status, "", text, outcome, mark)


def _outcome(call: Call, meaning: Meaning | None) -> str:
    if call in ORDERS:
        words = {_M.REJECTED: "rejected", _M.AUTH: "session_expired"}
        return "unknown" if meaning is None else words.get(meaning, "unknown")
    if meaning is Meaning.UNKNOWN:
        return "unknown"
    if call is Call.LOGIN:
        return "login_refused"
    return "session_expired" if meaning is Meaning.AUTH else "refused"


def _without_code(call: Call) -> Iterator[tuple[int, str, str, str]]:
    """Status, what came with it, outcome, mark: where m.Stock's JSON is not there."""
    read, order = call is Call.READ, call in ORDERS
    yield 200, "a page", "unknown", ""
    yield 401, "a page", "session_expired" if read else "unknown", "doc" if read else ""
    yield 403, "a page", "unknown", ""
    yield 408, "", "unknown", ""
    yield 429, "a page", "unknown" if order else "rate_limited", ""
    yield 429, "a page with Retry-After", "rate_limited", "guess"
    yield from ((status, "", "unknown", "") for status in (302, 500, 502, 503, 504))
