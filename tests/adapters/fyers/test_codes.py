"""Every code of the dossier, and everything that is no code, on every kind of call."""

import httpx
import pytest

from adapters.brokers.fyers.codes import CODES, Call, table
from adapters.errors import (
    BrokerError,
    LoginRefused,
    RateLimited,
    Refused,
    SentUnknown,
    SessionExpired,
)
from adapters.login import REDIRECT_URL
from adapters.model import Acked, Rejected
from adapters.secret import Secret

from .conftest import API, ORDER, ORDERS, TAG, look, sample, shown

ID = "26113000012345"
WORDS = {
    Acked: "acked",
    Rejected: "rejected",
    SentUnknown: "unknown",
    SessionExpired: "session_expired",
    RateLimited: "rate_limited",
    Refused: "refused",
    LoginRefused: "login_refused",
}
PAGE = "<html><head><title>Attention Required! | Cloudflare</title></head></html>"
NO = ("refused", "login_refused")
REJECTED = ("rejected", "rejected", "rejected", *NO)
TOO_LATE = ("unknown", "rejected", "rejected", *NO)
CANCELLED = ("unknown", "rejected", "acked", *NO)
AUTH = (*["session_expired"] * 4, "login_refused")
LIMITED = ("rate_limited",) * 5
UNKNOWN = ("unknown",) * 5
ELSEWHERE = ("unknown", "unknown", "unknown", *NO)

# What each code is on a place, a modify, a cancel, a read and a log-in; sections 3.1
# and 4.1.
DOSSIER = {
    -8: AUTH,
    -15: AUTH,
    -16: AUTH,
    -17: AUTH,
    -50: REJECTED,
    -51: TOO_LATE,
    -53: ELSEWHERE,
    -96: UNKNOWN,
    -99: REJECTED,
    -101: REJECTED,
    -157: REJECTED,
    -159: TOO_LATE,
    -161: CANCELLED,
    -162: TOO_LATE,
    -163: TOO_LATE,
    -164: TOO_LATE,
    -201: UNKNOWN,
    -202: UNKNOWN,
    -204: UNKNOWN,
    -205: UNKNOWN,
    -209: TOO_LATE,
    -300: REJECTED,
    -305: REJECTED,
    -308: REJECTED,
    -309: REJECTED,
    -310: REJECTED,
    -311: REJECTED,
    -313: REJECTED,
    -314: REJECTED,
    -315: REJECTED,
    -316: REJECTED,
    -323: REJECTED,
    -325: REJECTED,
    -326: REJECTED,
    -327: REJECTED,
    -328: REJECTED,
    -329: UNKNOWN,
    -352: REJECTED,
    -353: LIMITED,
    -371: ELSEWHERE,
    -372: REJECTED,
    -373: REJECTED,
    -374: ELSEWHERE,
    -390: REJECTED,
    -392: REJECTED,
    -397: ELSEWHERE,
    -398: ELSEWHERE,
    -399: ELSEWHERE,
    -429: LIMITED,
    -441: ELSEWHERE,
    -442: ELSEWHERE,
    -501: ELSEWHERE,
    -1025: ELSEWHERE,
    -1031: ELSEWHERE,
    -1049: ELSEWHERE,
    400: ELSEWHERE,
    # On no list.
    -1: ELSEWHERE,
    -999: ELSEWHERE,
    403: ELSEWHERE,
    0: ELSEWHERE,
}


async def call(fyers, kind):
    """Make a call, and give its answer or its error."""
    try:
        if kind is Call.PLACE:
            return await fyers.place(ORDER, TAG, look)
        if kind is Call.MODIFY:
            return await fyers.modify(ID, ORDER, look)
        if kind is Call.CANCEL:
            return await fyers.cancel(ID)
        if kind is Call.READ:
            return await fyers.check()
        challenge = await fyers.login.begin("s1")
        back = Secret("https://127.0.0.1/back?s=ok&code=200&auth_code=A1&state=s1")
        return await fyers.login.answer(challenge, {REDIRECT_URL: back})
    except BrokerError as exc:
        return exc


async def outcome(fyers, web, kind, answer):
    """What *answer* makes of one call, in a word."""
    shown(web)  # a change reads its order first
    web.route(host="api-t1.fyers.in").mock(return_value=answer)
    return WORDS.get(type(await call(fyers, kind)), "read")


async def outcomes(fyers, web, answer):
    """What *answer* makes of a place, a modify, a cancel, a read and a log-in."""
    return tuple([await outcome(fyers, web, kind, answer) for kind in Call])


def refusal(code, status=400, **more):
    body = {"s": "error", "code": code, "message": "words", **more}
    return httpx.Response(status, json=body)


def reply_of(row):
    """An answer as a row of the table tells it; without a code it is a page."""
    if row.code in ("", "201"):
        waits = {"Retry-After": "3"} if "Retry-After" in row.text else {}
        if row.code:
            return httpx.Response(200, content=sample("place_order_no_ack_201"))
        return httpx.Response(row.http_status, html=PAGE, headers=waits)
    code = -12345 if row.code == "any other" else int(row.code)
    body = {"s": "error", "code": code, "message": row.text}
    return httpx.Response(row.http_status or 400, json=body)


@pytest.mark.parametrize(
    "row", list(table()), ids=lambda row: "-".join(map(str, row[1:5]))
)
async def test_the_printed_table_tells_what_the_adapter_does(fyers, web, row):
    assert await outcome(fyers, web, Call(row.call), reply_of(row)) == row.outcome


def test_the_printed_table_has_every_code_on_every_call():
    rows = {(row.call, row.code) for row in table()}
    assert {(call, str(code)) for call in Call for code in CODES} <= rows
    assert {row.mark for row in table()} == {"doc", "peer", "guess", ""}


def test_the_table_here_names_every_code_that_the_adapter_knows():
    assert set(CODES) <= set(DOSSIER)


@pytest.mark.parametrize("code", DOSSIER)
async def test_a_code_means_what_the_dossier_says_under_any_status(fyers, web, code):
    for status in (200, 400, 403):
        answer = refusal(code, status)
        assert await outcomes(fyers, web, answer) == DOSSIER[code]


@pytest.mark.parametrize("status", [302, 408, 500, 502, 503, 504])
async def test_no_code_is_believed_under_a_server_error(fyers, web, status):
    found = {await outcomes(fyers, web, refusal(code, status)) for code in DOSSIER}
    assert found == {UNKNOWN}


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (-999, AUTH),
        (-371, AUTH),
        (-50, REJECTED),
        (-96, UNKNOWN),
    ],
)
async def test_a_401_wants_a_login_unless_its_code_says_otherwise(
    fyers, web, code, outcome
):
    found = await outcomes(fyers, web, refusal(code, 401))
    assert found == (*outcome[:3], "session_expired", outcome[4])


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(-999, LIMITED), (-429, LIMITED), (-99, REJECTED), (-201, UNKNOWN)],
)
async def test_a_429_is_too_fast_unless_its_code_says_otherwise(
    fyers, web, code, outcome
):
    found = await outcomes(fyers, web, refusal(code, 429))
    assert found == (*outcome[:3], "rate_limited", "rate_limited")


@pytest.mark.parametrize(
    ("status", "read"),
    [
        (200, "unknown"),
        (301, "unknown"),
        (400, "unknown"),
        (401, "session_expired"),
        (403, "unknown"),
        (404, "unknown"),
        (429, "rate_limited"),
        (502, "unknown"),
    ],
)
async def test_a_page_says_nothing_of_what_became_of_an_order(fyers, web, status, read):
    found = await outcomes(fyers, web, httpx.Response(status, html=PAGE))
    login = read if status == 429 else "unknown"
    assert found == ("unknown", "unknown", "unknown", read, login)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"message":"Unauthorized"}',
        b'{"s":"error"}',
        b'{"s":"error","code":"-50"}',
        b'{"s":"maybe","code":-50}',
        b'{"s":"error","code":-50',
        b'{"s":"error","code":-50,"message":"\xff"}',
        b'{"a":' + b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("status", [200, 400, 403])
async def test_what_is_not_the_brokers_own_words_is_no_refusal(
    fyers, web, body, status
):
    answer = httpx.Response(status, content=body)
    assert await outcomes(fyers, web, answer) == UNKNOWN


async def test_a_429_page_with_the_brokers_wait_header_is_believed(fyers, web):
    answer = httpx.Response(429, html=PAGE, headers={"Retry-After": "3"})
    web.post(ORDERS).mock(return_value=answer)
    found = await call(fyers, Call.PLACE)
    assert (type(found), found.retry_after, found.http_status) == (RateLimited, 3, 429)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Retry-After": "2"}, 2),
        ({"X-Retry-After-Ms": "350"}, 0.35),
        ({"Retry-After": "1", "X-Retry-After-Ms": "350"}, 0.35),
        ({"Retry-After": "1", "X-Retry-After-Ms": "soon"}, 1),
    ],
)
async def test_the_wait_of_a_limit_is_told(fyers, web, headers, wait):
    answer = httpx.Response(429, content=sample("error_rate_limit"), headers=headers)
    web.post(ORDERS).mock(return_value=answer)
    found = await call(fyers, Call.PLACE)
    assert found.retry_after == wait
    assert str(found) == "HTTP 429: -429 request limit reached"


async def test_an_expired_session_carries_code_and_status(fyers, web):
    answer = httpx.Response(401, content=sample("error_token"))
    web.post(ORDERS).mock(return_value=answer)
    found = await call(fyers, Call.PLACE)
    assert (found.code, found.http_status) == ("-16", 401)
    assert str(found) == "HTTP 401: -16 Could not authenticate the user"


async def test_a_refused_read_carries_code_and_words(fyers, web):
    web.get(f"{API}/profile").mock(return_value=refusal(-373, 403))
    found = await call(fyers, Call.READ)
    assert (found.code, found.text, found.http_status) == ("-373", "words", 403)
