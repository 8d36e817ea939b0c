"""What HDFC's codes, words and HTTP statuses mean, as data.

The REST errors are not documented (dossier 5); the numbers are of the OMS's own list in
the official protobuf file (dossier 15), and it is not documented either whether they
show in REST answers. So what is on no list proves nothing about an order.
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
    """What a code or a text says of the call that it answers."""

    REJECTED = auto()
    """Refused; nothing was done."""
    TOO_LATE = auto()
    """Of an order that is not there or past changing. No answer to a new order."""
    AUTH = auto()
    """A new login is wanted; nothing was done."""
    LIMITED = auto()
    """Too fast; nothing was done."""
    UNKNOWN = auto()
    """It may be there: a doubt, a duplicate, a part of theirs that was down."""


class Known(NamedTuple):
    """Codes of one meaning, and what the list calls them."""

    codes: tuple[int, ...]
    meaning: Meaning
    text: str


_M = Meaning
KNOWN = (
    Known((1, 1001), _M.REJECTED, "invalid order"),
    Known((1002, 1003), _M.REJECTED, "negative price or quantity"),
    Known((1004, 1008), _M.REJECTED, "invalid token or symbol"),
    Known((1005, 1006, 1007), _M.REJECTED, "invalid side or unique id"),
    Known((1009, 1010), _M.REJECTED, "invalid CTCL id; instrument setting failed"),
    Known((1011, 1012), _M.REJECTED, "client disabled; position limit breach"),
    Known((1013,), _M.REJECTED, "convert position failed"),
    Known((1014, 1015), _M.REJECTED, "AMO or pre-open not allowed now"),
    Known((1016, 1017), _M.REJECTED, "option or strike not in range"),
    Known(tuple(range(5001, 5016)), _M.REJECTED, "quantity or value limit"),
    Known((5016, 5017), _M.REJECTED, "exchange, segment or execution type invalid"),
    Known((5050, 5051), _M.REJECTED, "price too far; order value too large"),
    Known((5097, 5098, 5099), _M.REJECTED, "risk template missing"),
    Known((5101, 5102, 5103, 5104), _M.REJECTED, "abrupt quantity or value"),
    Known(tuple(range(6101, 6108)), _M.REJECTED, "risk manager limit"),
    Known((7001, 7002, 7003), _M.REJECTED, "price outside daily range; banned"),
    Known((8001, 2010000), _M.TOO_LATE, "order does not exist"),
    Known((9001,), _M.UNKNOWN, "unknown error"),
    Known((11001,), _M.REJECTED, "balance not found"),
    Known(tuple(range(12001, 12007)), _M.REJECTED, "margin unavailable"),
    Known(tuple(range(15000, 15007)), _M.REJECTED, "exchange or segment not ready"),
    Known((15012, 15013, 15014, 15015), _M.REJECTED, "exchange or segment disabled"),
    Known((15007, 15009), _M.REJECTED, "order type or MIS not allowed"),
    Known((15010, 15011), _M.REJECTED, "short sell not allowed; pledge check failed"),
    Known((16000, 16278), _M.REJECTED, "market closed"),
    Known(
        (16035, 16049, 16279, 16280, 16281, 16330, 16387),
        _M.REJECTED,
        "security unavailable, suspended, matured or ineligible",
    ),
    Known((16043, 16198), _M.UNKNOWN, "duplicate record or request"),
    Known((16044, 16334, 16346, 16615), _M.TOO_LATE, "changed meanwhile"),
    Known((16060,), _M.TOO_LATE, "order not found at the exchange"),
    Known(
        (16115, 16344, 16616, 200116), _M.TOO_LATE, "modify or cancel refused, pending"
    ),
    Known((16247, 208, 16283, 16284), _M.REJECTED, "invalid price, tick or range"),
    Known((16307, 16308), _M.REJECTED, "quantity or price freeze"),
    Known((16316, 16324, 16325), _M.REJECTED, "trigger or disclosed quantity wrong"),
    Known((16327, 16328), _M.REJECTED, "above or not a multiple of the lot"),
    Known((16329, 16348), _M.REJECTED, "broker or trading not permitted"),
    Known((16415, 16418), _M.REJECTED, "invalid order parameter"),
    Known((16617,), _M.REJECTED, "contract expired"),
    Known((17045, 17070), _M.REJECTED, "limit; outside the execution range"),
    Known((17080, 17177, 17179), _M.REJECTED, "self-trade; invalid PAN; algo id"),
    Known((20100,), _M.LIMITED, "throttle limit exceeded"),
    Known((20101,), _M.REJECTED, "exposure limit exceeded"),
    Known((20102, 20103), _M.UNKNOWN, "service not available"),
    Known((20104,), _M.UNKNOWN, "result of transaction unknown"),
    Known((2010001,), _M.REJECTED, "price reasonability check failed"),
    Known((50000,), _M.UNKNOWN, "SQL exception"),
    Known((50001, 50003), _M.UNKNOWN, "adapter down"),
    Known((50002,), _M.UNKNOWN, "order already present"),
    Known(tuple(range(51000, 51005)), _M.UNKNOWN, "OMS starting"),
)
CODES = {code: known.meaning for known in KNOWN for code in known.codes}
HOLDINGS_EMPTY = "60014"
HOLDINGS_EMPTY_TEXT = "Your Portfolio Holding is Null"
"""Of a 422 of the holdings: the demat account is empty. Source: dossier 5."""

WORDS = (
    ("already present", _M.UNKNOWN, "doc"),
    ("duplicate", _M.UNKNOWN, "doc"),
    ("result of transaction unknown", _M.UNKNOWN, "doc"),
    ("invalid credentials", _M.AUTH, "peer"),
    ("full authentication is required", _M.AUTH, "peer"),
    ("access token expired", _M.AUTH, "guess"),
    ("invalid_apikey", _M.AUTH, "peer"),
    ("too many requests", _M.LIMITED, "peer"),
    ("merchantkeyratelimit", _M.LIMITED, "peer"),
    ("ip address is not whitelisted", _M.REJECTED, "guess"),
    ("invalid quantity", _M.REJECTED, "guess"),
    ("invalid price", _M.REJECTED, "doc"),
    ("market closed", _M.REJECTED, "doc"),
)
"""Words that decide, in small letters, the first that are found. A refusal must be
these words and no others, for what else is said may be that the order is there."""

FEWEST_DIGITS = 4
"""Of a code at the head of a text: `1 order was placed` begins with no code."""
MOST_DIGITS = 9

REFUSING = frozenset({400, 403, 404, 422})
"""With a structured no, these are documented as not done. Source: dossier 5."""


def meaning_of(call: Call, status: int, code: str, text: str) -> Meaning | None:
    """What a structured no means; None where it proves nothing.

    Args:
        status: HTTP's.
        code: of the body, or empty.
        text: the words of the body.
    """
    found = _told(code, text)
    if found is None:
        if status == 401:
            found = Meaning.AUTH
        elif status == 429:
            found = Meaning.LIMITED
        elif status in REFUSING:
            found = Meaning.REJECTED
    if found is Meaning.TOO_LATE:
        return None if call is Call.PLACE else Meaning.REJECTED
    return found


def _told(code: str, text: str) -> Meaning | None:
    number = code or _leading(text)
    if number.isdecimal() and len(number) <= MOST_DIGITS and int(number) in CODES:
        return CODES[int(number)]
    plain = " ".join(text.lower().split()).rstrip(".")
    for words, means, _ in WORDS:
        if words == plain or (means is not _M.REJECTED and words in plain):
            return means
    return None


def _leading(text: str) -> str:
    """The code that a text begins with."""
    number = text.partition(" ")[0].strip(":-[]")
    return number if len(number) >= FEWEST_DIGITS else ""


# The table, for people


def table() -> Iterator[CodeRow]:
    """Every code and text on every kind of call, then what HTTP's status says."""
    for known in KNOWN:
        for code in known.codes:
            for call in Call:
                means = meaning_of(call, 200, str(code), known.text)
                yield _row(call, None, str(code), known.text, means, "guess")
    for words, _, mark in WORDS:
        for call in Call:
            yield _row(call, None, "", words, meaning_of(call, 200, "", words), mark)
    for call in Call:
        for status in (400, 401, 403, 404, 422, 429):
            means = meaning_of(call, status, "", "some words")
            yield _row(call, status, "", "some words", means, "doc")
        yield _row(call, 200, "", "some words", None, "doc")
        for status in (302, 408, 500, 502, 503, 504):
            yield CodeRow("hdfc", call, status, "", "", "unknown", "doc")
    text = HOLDINGS_EMPTY_TEXT
    yield CodeRow("hdfc", Call.READ, 422, HOLDINGS_EMPTY, text, "acked", "peer")


def _row(
    call: Call,
    status: int | None,
    code: str,
    text: str,
    meaning: Meaning | None,
    mark: str,
) -> CodeRow:
    return CodeRow("hdfc", call, status, code, text, outcome(call, meaning), mark)


def outcome(call: Call, meaning: Meaning | None) -> str:
    """The word of the table."""
    if meaning is Meaning.LIMITED:
        return "rate_limited"
    if call is Call.LOGIN:
        return "unknown" if meaning is Meaning.UNKNOWN else "login_refused"
    if meaning is Meaning.AUTH:
        return "session_expired"
    if meaning is Meaning.REJECTED:
        return "rejected" if call in ORDERS else "refused"
    if meaning is None and call is Call.READ:
        return "refused"
    return "unknown"
