"""The log-in: password, code by SMS or by app, and when the token dies."""

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import httpx
import pytest

from adapters.brokers.mstock import MstockBroker, MstockSettings
from adapters.errors import (
    ConfigError,
    LoginRefused,
    NotSent,
    RateLimited,
    SentUnknown,
    SessionExpired,
    Unsupported,
)
from adapters.http import BrokerHttp
from adapters.instruments import NO_INSTRUMENTS
from adapters.login import ChallengeKind, Grant
from adapters.secret import Secret

from .conftest import KEY, NOON, TLS, only_a, only_b, sample

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
MIDNIGHT = datetime(2026, 11, 30, 18, 30, tzinfo=UTC)
HANDLE = "00000000-0000-4000-8000-000000000001"
TOKENS = {"A": "typea_session_token", "B": "typeb_verify_totp"}
GRANTED = {"A": "DEMO.ACCESS.TOKEN", "B": "DEMO.JWT.TOKEN"}


@pytest.fixture
async def make(api_type):
    """Make an account's log-in out of settings."""
    made = []

    def make(wall=lambda: NOON, **settings):
        own = {"username": "MA0000001", **settings}
        whole = MstockSettings(api_type=api_type, api_key=Secret(KEY), **own)
        made.append(MstockBroker(whole, BrokerHttp(tls=TLS), NO_INSTRUMENTS, wall=wall))
        return made[-1].login

    yield make
    for broker in made:
        await broker.aclose()


@pytest.fixture
def steps(api_type, root, web):
    """Both steps succeed."""
    web.post(f"{root}/connect/login").respond(content=sample(f"type{root[-1]}_login"))
    for path in ("session/token", "session/verifytotp"):
        web.post(f"{root}/{path}").respond(content=sample(TOKENS[api_type]))
    return web


def sent(call):
    """Path and fields of a call."""
    request = call.request
    if request.headers["content-type"] == "application/json":
        body = json.loads(request.content)
    else:
        body = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
    return request.url.path.rpartition("/")[2], body


def jwt(**claims):
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    return Secret(f"e30.{middle.decode()}.c2ln")


STORED = {"password": Secret("hunter2")}
ENTERED = {
    "A": ("login", {"username": "MA0000001", "password": "hunter2"}),
    "B": (
        "login",
        {"clientcode": "MA0000001", "password": "hunter2", "totp": "", "state": ""},
    ),
}
BY_SMS = {
    "A": ("token", {"api_key": KEY, "request_token": "123456", "checksum": "L"}),
    "B": ("token", {"refreshToken": HANDLE, "otp": "123456"}),
}


def by_app(api_type, code):
    if api_type == "A":
        return ("verifytotp", {"api_key": KEY, "totp": code})
    return ("verifytotp", {"refreshToken": HANDLE, "totp": code})


async def test_a_stored_password_goes_out_and_the_code_is_asked_for(
    make, steps, api_type
):
    challenge = await make(**STORED).begin("s1")
    assert challenge.kind is ChallengeKind.OTP
    assert challenge.good_until == NOON + timedelta(minutes=10)
    [field] = challenge.fields
    assert (field.name, field.secret) == ("otp", True)
    assert "app:" in challenge.prompt
    assert [sent(call) for call in steps.calls] == [ENTERED[api_type]]
    headers = steps.calls.last.request.headers
    assert headers["x-mirae-version"] == "1"
    assert "x-privatekey" not in headers
    assert "authorization" not in headers


async def test_a_password_that_is_not_stored_is_asked_for_first(make, steps, api_type):
    login = make()
    challenge = await login.begin("s1")
    assert [field.name for field in challenge.fields] == ["password"]
    assert not steps.calls
    again = await login.answer(challenge, {"password": Secret("hunter2")})
    assert [field.name for field in again.fields] == ["otp"]
    assert sent(steps.calls.last) == ENTERED[api_type]


async def test_a_code_by_sms_buys_the_token(make, steps, api_type):
    login = make(**STORED)
    grant = await login.answer(await login.begin("s1"), {"otp": Secret(" 123456 ")})
    assert grant.access_token == Secret(GRANTED[api_type])
    assert (grant.issued_at, grant.expires_at) == (NOON, MIDNIGHT)
    assert sent(steps.calls.last) == BY_SMS[api_type]
    request = steps.calls.last.request
    assert request.headers.get("x-privatekey") == (KEY if api_type == "B" else None)


@pytest.mark.parametrize(
    "answers",
    [
        {"otp": Secret("app: 654321")},
        {"otp": Secret("APP:654321")},
        {"totp": Secret("654321")},
    ],
)
async def test_a_code_of_an_app_goes_to_another_call(make, steps, api_type, answers):
    login = make(**STORED)
    grant = await login.answer(await login.begin("s1"), answers)
    assert isinstance(grant, Grant)
    assert sent(steps.calls.last) == by_app(api_type, "654321")


async def test_password_and_seed_log_in_without_anybody(make, steps, api_type):
    # RFC 6238's key; the code is of 59 s after 1970, the RFC's first vector.
    at = datetime.fromtimestamp(59, UTC)
    login = make(wall=lambda: at, totp_seed=Secret(SEED), **STORED)
    assert login.unattended is True
    grant = await login.begin("s1")
    assert isinstance(grant, Grant)
    assert [sent(call) for call in steps.calls] == [
        ENTERED[api_type],
        by_app(api_type, "287082"),
    ]


async def test_a_seed_answers_for_the_code_once_the_password_is_given(make, steps):
    login = make(totp_seed=Secret(SEED))
    assert login.unattended is False
    challenge = await login.begin("s1")
    grant = await login.answer(challenge, {"password": Secret("hunter2")})
    assert isinstance(grant, Grant)


async def test_without_a_seed_somebody_is_needed(make):
    assert make(**STORED).unattended is False
    assert make().unattended is False


@only_b
async def test_type_b_keeps_the_token_of_its_streams(make, steps):
    login = make(totp_seed=Secret(SEED), **STORED)
    grant = await login.begin("s1")
    assert grant.feed_token == Secret("DEMO.FEED.TOKEN")


@only_b
async def test_the_handle_is_the_refresh_token_where_there_is_one(make, steps, root):
    data = {"jwtToken": "no", "refreshToken": HANDLE}
    steps.post(f"{root}/connect/login").respond(json={"status": "true", "data": data})
    login = make(**STORED)
    await login.answer(await login.begin("s1"), {"otp": Secret("123456")})
    assert sent(steps.calls.last) == BY_SMS["B"]


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"username": "", **STORED}, "username"),
        ({"totp_seed": Secret("not!base32"), **STORED}, "totp_seed"),
    ],
)
async def test_a_setting_that_is_wrong_is_named_before_a_try_is_spent(
    make, web, settings, missing
):
    with pytest.raises(ConfigError, match=f"^{missing}: ") as caught:
        await make(**settings).begin("s1")
    assert "not!base32" not in str(caught.value)
    assert not web.calls


async def test_nothing_is_not_asked_about(make, steps):
    login = make(**STORED)
    challenge = await login.begin("s1")
    for answers in ({}, {"otp": Secret(" ")}, {"password": Secret("hunter2")}):
        with pytest.raises(LoginRefused) as caught:
            await login.answer(challenge, answers)
        assert caught.value.again is True
    assert len(steps.calls) == 1


async def test_an_answer_after_its_time_is_refused_without_asking(make, steps):
    now = [NOON]
    login = make(wall=lambda: now[0], **STORED)
    challenge = await login.begin("s1")
    now[0] = challenge.good_until
    with pytest.raises(LoginRefused, match="run out") as caught:
        await login.answer(challenge, {"otp": Secret("123456")})
    assert caught.value.again is False
    assert len(steps.calls) == 1


NOES = [
    (200, {"status": "error", "error_type": "MiraeException"}, "MiraeException"),
    (200, {"status": "false", "errorcode": "MA500"}, "MA500"),
    (400, {"status": "error", "error_type": "MA400"}, "MA400"),
    (400, {"status": "false", "errorcode": "400"}, "400"),
    (403, {"status": "error", "message": "API is suspended/expired"}, "refused"),
    (403, {"status": False, "errorcode": "IA403"}, "IA403"),
    (401, {"status": "error", "error_type": "TokenException"}, "TokenException"),
]


@pytest.mark.parametrize(("status", "body", "code"), NOES)
@pytest.mark.parametrize("step", ["password", "code"])
async def test_a_refusal_ends_the_log_in_and_is_never_tried_again(
    make, steps, root, status, body, code, step
):
    body = {"message": "words", **body}
    login = make()
    challenge = await login.begin("s1")
    given = {"password": Secret("hunter2")}
    if step == "code":
        challenge = await login.answer(challenge, given)
        given = {"otp": Secret("123456")}
    before = len(steps.calls)
    steps.route().respond(status, json=body)
    for path in ("connect/login", "session/token"):
        steps.post(f"{root}/{path}").respond(status, json=body)
    with pytest.raises(LoginRefused) as caught:
        await login.answer(challenge, given)
    assert (caught.value.code, caught.value.http_status) == (code, status)
    assert caught.value.again is False
    assert len(steps.calls) == before + 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx.Response(502, html="<html>"), SentUnknown),
        (httpx.Response(200, html="<html>"), SentUnknown),
        (httpx.Response(200, content=b'{"status":"true"'), SentUnknown),
        (httpx.Response(200, json={"status": "true"}), SentUnknown),
        (httpx.Response(200, json={"status": "true", "data": {}}), SentUnknown),
        (
            httpx.Response(500, json={"status": "false", "errorcode": "IA500"}),
            SentUnknown,
        ),
        (httpx.Response(429), RateLimited),
    ],
)
async def test_an_exchange_that_is_not_clear_is_unknown(
    make, steps, root, reply, error
):
    login = make(**STORED)
    challenge = await login.begin("s1")
    steps.post(f"{root}/session/token").mock(return_value=reply)
    with pytest.raises(error) as caught:
        await login.answer(challenge, {"otp": Secret("123456")})
    assert type(caught.value) is error


async def test_an_exchange_that_was_not_sent_says_so(make, steps, root):
    login = make(**STORED)
    challenge = await login.begin("s1")
    steps.post(f"{root}/session/token").mock(side_effect=NotSent("no"))
    with pytest.raises(NotSent):
        await login.answer(challenge, {"otp": Secret("123456")})


@pytest.mark.parametrize(
    ("now", "claims", "ends"),
    [
        # By noon midnight is twelve hours off; in the morning twelve hours are less.
        (NOON, {}, MIDNIGHT),
        (NOON - timedelta(hours=3), {}, NOON + timedelta(hours=9)),
        (NOON + timedelta(hours=8), {}, MIDNIGHT),
        # A token from elsewhere is as old as it says.
        (
            NOON,
            {"iat": (NOON - timedelta(hours=2)).timestamp()},
            NOON + timedelta(hours=10),
        ),
        (NOON, {"iat": (NOON + timedelta(hours=2)).timestamp()}, MIDNIGHT),
        (
            NOON,
            {"exp": (NOON + timedelta(hours=1)).timestamp()},
            NOON + timedelta(hours=1),
        ),
        (NOON, {"exp": (NOON + timedelta(days=9)).timestamp()}, MIDNIGHT),
        (NOON, {"exp": 1e30}, MIDNIGHT),
        (NOON, {"exp": "soon"}, MIDNIGHT),
    ],
)
async def test_a_token_ends_by_midnight_or_after_twelve_hours(make, now, claims, ends):
    assert make().adopt(jwt(**claims), now).expires_at == ends


async def test_no_session_is_renewed(make, web):
    login = make()
    with pytest.raises(Unsupported):
        await login.refresh(login.adopt(Secret("T"), NOON))
    assert not web.calls


async def test_a_log_out_is_told_and_a_dead_session_is_out_already(mstock, root, web):
    for status, body in (
        (200, {"status": "success", "data": "Success"}),
        (200, {"status": True, "message": "Success", "errorcode": None, "data": None}),
        (401, {"status": "error", "error_type": "TokenException"}),
    ):
        web.get(f"{root}/logout").respond(status, json=body)
        assert await mstock.login.logout() is None
    web.get(f"{root}/logout").respond(
        403, json={"status": "false", "errorcode": "IA403"}
    )
    with pytest.raises(LoginRefused):
        await mstock.login.logout()


async def test_without_a_session_no_log_out_is_sent(mstock, web):
    mstock.use(None)
    assert await mstock.login.logout() is None
    assert not web.calls


@only_a
async def test_no_secret_is_shown(mstock):
    settings = MstockSettings(
        api_type="A", api_key=Secret("hunter3"), password=Secret("hunter4")
    )
    assert "hunter" not in repr(settings)
    with pytest.raises(SessionExpired) as caught:
        MstockBroker(settings, BrokerHttp(tls=TLS), NO_INSTRUMENTS)._session.headers()
    assert "hunter" not in str(caught.value)
