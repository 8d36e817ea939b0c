"""What FYERS's codes mean, as data. The numbers are from the dossier, 3.1 and 4.1.

`doc`: FYERS's reference, or the error sheet of its sample repository (older than v3).
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


class Known(NamedTuple):
    """A code that somebody has told of: sample or gist of its words, and who told."""

    code: int
    meaning: Meaning
    text: str
    mark: str = "doc"


NO_ACKNOWLEDGEMENT = 201
"""A success that is none: it went out, and nothing came back."""

_M = Meaning
KNOWN = (
    Known(-8, _M.AUTH, "token expired"),
    Known(-15, _M.AUTH, "token invalid"),
    Known(-16, _M.AUTH, "Could not authenticate the user"),
    Known(-17, _M.AUTH, "token invalid or expired"),
    Known(-50, _M.REJECTED, "Invalid productType"),
    Known(-51, _M.TOO_LATE, "invalid order id"),
    Known(-53, _M.ELSEWHERE, "invalid position id"),
    Known(-96, _M.UNKNOWN, "unexpected error"),
    Known(-99, _M.REJECTED, "RED:Margin Shortfall:INR 812.35 Available:INR 10.00"),
    Known(-101, _M.REJECTED, "invalid order type"),
    Known(-157, _M.REJECTED, "user does not exist"),
    Known(-159, _M.TOO_LATE, "order number not in the book"),
    Known(-161, _M.CANCELLED, "already cancelled"),
    Known(-162, _M.TOO_LATE, "already traded"),
    Known(-163, _M.TOO_LATE, "modification failed"),
    Known(-164, _M.TOO_LATE, "already rejected"),
    Known(-201, _M.UNKNOWN, "connection error"),
    Known(-202, _M.UNKNOWN, "time-out"),
    Known(-204, _M.UNKNOWN, "HTTP error"),
    Known(-205, _M.UNKNOWN, "market not accepting"),
    Known(-209, _M.TOO_LATE, "invalid order number"),
    Known(-300, _M.REJECTED, "invalid symbol"),
    Known(-305, _M.REJECTED, "cover order: only market or limit"),
    Known(-308, _M.REJECTED, "invalid limitPrice"),
    Known(-309, _M.REJECTED, "invalid stopPrice"),
    Known(-310, _M.REJECTED, "invalid qty"),
    Known(-311, _M.REJECTED, "invalid stop-loss price"),
    Known(-313, _M.REJECTED, "invalid side"),
    Known(-314, _M.REJECTED, "invalid productType"),
    Known(-315, _M.REJECTED, "invalid stop-limit price"),
    Known(-316, _M.REJECTED, "invalid stopLoss"),
    Known(-323, _M.REJECTED, "bracket order: only market or limit"),
    Known(-325, _M.REJECTED, "invalid takeProfit"),
    Known(-326, _M.REJECTED, "invalid validity"),
    Known(-327, _M.REJECTED, "invalid disclosedQty"),
    Known(-328, _M.REJECTED, "invalid offlineOrder"),
    Known(-329, _M.UNKNOWN, "exit request processed, result unknown"),
    Known(-352, _M.REJECTED, "invalid app id; nothing open to exit"),
    Known(-353, _M.LIMITED, "API limit exceeded"),
    Known(-371, _M.ELSEWHERE, "Please provide sha256 hash of appId and app secret"),
    Known(-372, _M.REJECTED, "invalid price"),
    Known(-373, _M.REJECTED, "app lacks permission"),
    Known(-374, _M.ELSEWHERE, "auth code missing"),
    Known(-390, _M.REJECTED, "invalid stop price"),
    Known(-392, _M.REJECTED, "price is no multiple of the tick"),
    Known(-397, _M.ELSEWHERE, "position quantity zero"),
    Known(-398, _M.ELSEWHERE, "no open positions"),
    Known(-399, _M.ELSEWHERE, "no pending orders"),
    Known(-429, _M.LIMITED, "request limit reached"),
    Known(-441, _M.ELSEWHERE, "invalid grant type", "peer"),
    Known(-442, _M.ELSEWHERE, "invalid auth code", "peer"),
    Known(-501, _M.ELSEWHERE, "invalid refresh token", "peer"),
    Known(-1025, _M.ELSEWHERE, "headless log-in: invalid request", "peer"),
    Known(-1031, _M.ELSEWHERE, "headless log-in: captcha required", "peer"),
    Known(-1049, _M.ELSEWHERE, "headless log-in: wrong, attempts left", "peer"),
    # Of multileg orders; also what FYERS's SDK makes of an unreadable answer.
    Known(400, _M.ELSEWHERE, "multileg input invalid"),
)
CODES = {known.code: known.meaning for known in KNOWN}

SDK_TEXTS = frozenset({"bad request", "invalid input please check your input"})
"""With -99 FYERS's own SDK says by these that it had no answer at all; should a server
ever say the same, it is not believed to be a rejection."""


def meaning_of(
    call: Call, code: int, text: str = "", *, has_id: bool = False
) -> Meaning | None:
    """What a code means for one kind of call; None where it says nothing about it.

    Args:
        text: the words beside it.
        has_id: whether an order's id stands beside it.
    """
    meaning = CODES.get(code)
    if call not in ORDERS:
        return meaning
    if meaning is Meaning.ELSEWHERE:
        return None
    if meaning in (Meaning.TOO_LATE, Meaning.CANCELLED):
        if call is Call.PLACE:
            return None
        done = meaning is Meaning.CANCELLED and call is Call.CANCEL
        return Meaning.CANCELLED if done else Meaning.REJECTED
    if code == -99 and not has_id and text.strip().lower() in SDK_TEXTS:
        return Meaning.UNKNOWN
    return meaning


# The table, for people

_WORDS = {
    Meaning.REJECTED: "rejected",
    Meaning.CANCELLED: "acked",
    Meaning.AUTH: "session_expired",
    Meaning.LIMITED: "rate_limited",
}


def table() -> Iterator[CodeRow]:
    """Every code on every kind of call, then what answers without a code are."""
    for known in KNOWN:
        for call in Call:
            outcome = _outcome(call, meaning_of(call, known.code))
            code = str(known.code)
            yield CodeRow("fyers", call, None, code, known.text, outcome, known.mark)
    for call in ORDERS:
        for text in sorted(SDK_TEXTS):
            yield CodeRow("fyers", call, None, "-99", text, "unknown", "doc")
        text = "a success without acknowledgement"
        yield CodeRow(
            "fyers", call, 200, str(NO_ACKNOWLEDGEMENT), text, "unknown", "doc"
        )
    for call in Call:
        yield CodeRow("fyers", call, None, "any other", "", _outcome(call, None), "")
        auth = _outcome(call, Meaning.AUTH)
        yield CodeRow("fyers", call, 401, "any other", "", auth, "doc")
        yield CodeRow("fyers", call, 429, "any other", "", "rate_limited", "guess")
        for status, text, outcome, mark in _without_code(call):
            yield CodeRow("fyers", call, status, "", text, outcome, mark)


def _outcome(call: Call, meaning: Meaning | None) -> str:
    if call in ORDERS:
        return "unknown" if meaning is None else _WORDS.get(meaning, "unknown")
    if meaning in (Meaning.LIMITED, Meaning.UNKNOWN):
        return _WORDS.get(meaning, "unknown")
    if call is Call.LOGIN:
        return "login_refused"
    return "session_expired" if meaning is Meaning.AUTH else "refused"


def _without_code(call: Call) -> Iterator[tuple[int, str, str, str]]:
    """Status, what came with it, outcome, mark: where FYERS's JSON is not there."""
    read, order = call is Call.READ, call in ORDERS
    yield 200, "a page", "unknown", ""
    yield 401, "a page", "session_expired" if read else "unknown", "doc" if read else ""
    yield 403, "a page", "unknown", ""
    yield 408, "", "unknown", ""
    yield 429, "a page", "unknown" if order else "rate_limited", "" if order else "doc"
    yield 429, "a page with Retry-After", "rate_limited", "guess"
    yield from ((status, "", "unknown", "") for status in (302, 500, 502, 503, 504))
