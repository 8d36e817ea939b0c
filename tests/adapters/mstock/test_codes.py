"""Every code of the dossier, and everything that is no code, on every kind of call."""

import httpx
import pytest

from adapters.brokers.mstock import MstockBroker, MstockSettings
from adapters.brokers.mstock.codes import CODES, UNREAD, Call, table
from adapters.errors import (
    BrokerError,
    LoginRefused,
    RateLimited,
    Refused,
    SentUnknown,
    SessionExpired,
)
from adapters.http import BrokerHttp
from adapters.instruments import NO_INSTRUMENTS
from adapters.model import Acked, Rejected
from adapters.secret import Secret

from .conftest import KEY, NOON, ORDER, TAG, TLS, look, sample
from .rows import ID, book

WORDS = {
    Acked: "acked",
    Rejected: "rejected",
    SentUnknown: "unknown",
    SessionExpired: "session_expired",
    RateLimited: "rate_limited",
    Refused: "refused",
    LoginRefused: "login_refused",
}
PAGE = "<html><head><title>502 Bad Gateway</title></head></html>"
NO = ("refused", "login_refused")
REJECTED = ("rejected", "rejected", "rejected", *NO)
TOO_LATE = ("unknown", "rejected", "rejected", *NO)
AUTH = (*["session_expired"] * 4, "login_refused")
LIMITED = ("rate_limited",) * 5
UNKNOWN = ("unknown",) * 5
ELSEWHERE = ("unknown", "unknown", "unknown", *NO)

# What each code is on a place, a modify, a cancel, a read and a log-in.
DOSSIER = {
    "InputException": REJECTED,
    "MiraeException": REJECTED,
    "APIKeyException": REJECTED,
    "VersionException": REJECTED,
    "TokenException": AUTH,
    "GeneralException": UNKNOWN,
    "DataException": ELSEWHERE,
    "400": REJECTED,
    "IA400": REJECTED,
    "IA401": AUTH,
    "IA403": REJECTED,
    "IA404": TOO_LATE,
    "IA500": UNKNOWN,
    "MA200": REJECTED,
    "MA400": ELSEWHERE,
    "MA408": ELSEWHERE,
    "MA500": ELSEWHERE,
    "MA0034": ELSEWHERE,
    "MAInternalServerError": UNKNOWN,
    "RS-0111": REJECTED,
    "RS-0034": TOO_LATE,
    "RS-00093": TOO_LATE,
    "RS-0022": REJECTED,
    # On no list.
    "MA999": ELSEWHERE,
    "IA999": ELSEWHERE,
    "SomethingNew": ELSEWHERE,
    "": ELSEWHERE,
}


@pytest.fixture
async def asked(mstock, root, web):
    """Make a call of each kind with one answer; the order's row is there to read."""
    answers: list[httpx.Response] = []
    web.get(f"{root}/orders").respond(json=book(root))
    for path in (
        *("orders/regular", f"orders/regular/{ID}", "user/fundsummary"),
        "connect/login",
    ):
        web.route(url=f"{root}/{path}").mock(side_effect=lambda request: answers[-1])
    settings = MstockSettings(
        api_type=root[-1].upper(),
        api_key=Secret(KEY),
        username="MA0000001",
        password=Secret("hunter2"),
    )
    stranger = MstockBroker(
        settings, BrokerHttp(tls=TLS), NO_INSTRUMENTS, wall=lambda: NOON
    )

    async def call(kind):
        try:
            if kind is Call.PLACE:
                return await mstock.place(ORDER, TAG, look)
            if kind is Call.MODIFY:
                return await mstock.modify(ID, ORDER, look)
            if kind is Call.CANCEL:
                return await mstock.cancel(ID)
            if kind is Call.READ:
                return await mstock.check()
            return await stranger.login.begin("s1")
        except BrokerError as exc:
            return exc

    async def ask(kind, answer):
        answers.append(answer)
        return await call(kind)

    yield ask
    await stranger.aclose()


async def outcomes(asked, answer):
    """What *answer* makes of a place, a modify, a cancel, a read and a log-in."""
    return tuple([WORDS.get(type(await asked(kind, answer)), "read") for kind in Call])


def refusal(code, status=200, text="words", name="errorcode", no="false"):
    body = {"status": no, "message": text, name: code, "data": None}
    return httpx.Response(status, json=body)


def problem(status=400):
    return httpx.Response(status, content=sample("typeb_margin_validation_error"))


def reply_of(row):
    """An answer as a row of the table tells it; without code and words it is a page."""
    if row.code == UNREAD:
        return problem()
    if not row.code and (row.http_status is not None):
        waits = {"Retry-After": "3"} if "Retry-After" in row.text else {}
        return httpx.Response(row.http_status, html=PAGE, headers=waits)
    code = "NEW9" if row.code == "any other" else row.code
    return refusal(code, row.http_status or 200, row.text)


@pytest.mark.parametrize(
    "row", list(table()), ids=lambda row: "-".join(map(str, row[1:5]))[:60]
)
async def test_the_printed_table_tells_what_the_adapter_does(asked, row):
    found = await asked(Call(row.call), reply_of(row))
    assert WORDS[type(found)] == row.outcome


def test_the_printed_table_has_every_code_on_every_call():
    rows = {(row.call, row.code) for row in table()}
    assert {(call, code) for call in Call for code in CODES} <= rows
    assert {row.mark for row in table()} == {"doc", "peer", "guess", ""}
    assert set(CODES) <= set(DOSSIER)


@pytest.mark.parametrize("code", DOSSIER)
@pytest.mark.parametrize("name", ["errorcode", "error_type"])
@pytest.mark.parametrize("no", ["false", "False", False, "error"])
async def test_a_code_means_what_the_dossier_says_however_it_is_written(
    asked, code, name, no
):
    for status in (200, 400, 403):
        answer = refusal(code, status, name=name, no=no)
        assert await outcomes(asked, answer) == DOSSIER[code]


@pytest.mark.parametrize("status", [302, 408, 500, 502, 503, 504])
async def test_no_code_is_believed_under_a_server_error_but_of_a_dead_session(
    asked, status
):
    for code, meaning in DOSSIER.items():
        found = await outcomes(asked, refusal(code, status))
        read = "session_expired" if meaning is AUTH else "unknown"
        assert found == ("unknown", "unknown", "unknown", read, "unknown")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("invalid session. Kindly logout and login again", AUTH),
        ("Something went wrong", ELSEWHERE),
        ("Order is Cancelled.Kindly refresh your OrderBook", TOO_LATE),
        ("Order Does not Exsist.Need to refresh orderbook / relogin", TOO_LATE),
        ("API is suspended/expired for use. Please check", REJECTED),
        (
            "Primary and Secondary IP Address are not matching with current IP"
            " address.",
            REJECTED,
        ),
    ],
)
async def test_words_that_say_more_than_their_code(asked, text, meaning):
    for code in ("MAInternalServerError", "MA500", "MiraeException", ""):
        assert await outcomes(asked, refusal(code, text=text)) == meaning


async def test_a_401_without_a_listed_code_wants_a_login(asked):
    assert await outcomes(asked, refusal("SomethingNew", 401)) == AUTH
    assert await outcomes(asked, refusal("IA400", 401)) == REJECTED


async def test_a_429_without_a_listed_code_is_too_fast(asked):
    assert await outcomes(asked, refusal("SomethingNew", 429)) == LIMITED
    found = await outcomes(asked, refusal("IA400", 429))
    assert found[:3] == REJECTED[:3]


async def test_a_body_that_did_not_fit_the_call_went_no_further(asked):
    assert await outcomes(asked, problem()) == REJECTED
    assert (await outcomes(asked, problem(500)))[:3] == UNKNOWN[:3]
    assert (await outcomes(asked, problem(200)))[:3] == UNKNOWN[:3]


@pytest.mark.parametrize("status", [200, 401, 403, 404, 429, 502])
async def test_a_page_says_nothing_of_what_became_of_an_order(asked, status):
    found = await outcomes(asked, httpx.Response(status, html=PAGE))
    read = {401: "session_expired", 429: "rate_limited"}.get(status, "unknown")
    login = "rate_limited" if status == 429 else "unknown"
    assert found == ("unknown", "unknown", "unknown", read, login)


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b"{}",
        b'{"message":"Unauthorized"}',
        b'{"status":"maybe","errorcode":"IA400"}',
        b'{"status":"false","errorcode":"IA400"',
        b'{"status":400,"errorcode":"IA400"}',
        b'{"status":"true","errorcode":"IA400","data":{"order_id":"1"}}',
        b'[{"status":"success"},{"status":"success"}]',
    ],
)
async def test_what_is_not_the_brokers_own_words_is_neither_yes_nor_no(asked, body):
    for status in (200, 400, 403):
        found = await outcomes(asked, httpx.Response(status, content=body))
        assert found == UNKNOWN


async def test_a_rejection_by_the_risk_desk_names_its_order(asked):
    answer = httpx.Response(200, content=sample("typeb_error_rms"))
    found = await asked(Call.PLACE, answer)
    assert (found.code, found.broker_order_id) == ("RS-0111", "1191261130102")
    assert "ADDITIONAL REQUIRED FUND=8123.50" in found.text
    assert (await asked(Call.CANCEL, answer)).broker_order_id is None


async def test_words_without_end_are_cut(asked):
    found = await asked(Call.PLACE, refusal("IA400", text="x" * 10_000))
    assert found.text == "x" * 500


async def test_official_samples_of_errors_are_what_they_say(asked):
    async def of(name, status=200):
        return await outcomes(asked, httpx.Response(status, content=sample(name)))

    assert await of("typea_error_token", 401) == AUTH
    assert await of("typea_error_ip_mismatch", 403) == REJECTED
    assert await of("typeb_modify_order_error") == REJECTED
    # "something went wrong" says nothing, whatever the code.
    assert await of("typea_modify_order_error") == ELSEWHERE
    assert await of("typeb_cancel_order_error") == ELSEWHERE
