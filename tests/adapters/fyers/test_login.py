"""The log-in: the page, the way back, the token, and when it dies."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from adapters.brokers.fyers import FyersBroker, FyersSettings
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
from adapters.login import REDIRECT_URL, ChallengeKind, Grant
from adapters.secret import Secret

from .conftest import API, NOON, TLS, sample

CALLBACK = "https://127.0.0.1:8443/api/v1/sessions/f/callback"
EXCHANGE = f"{API}/validate-authcode"
BACK = f"{CALLBACK}?s=ok&code=200&auth_code=A.U.TH&state=s1"
HALF_PAST_SIX = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
"""06:30 in India on the day after `NOON`."""


def jwt(**claims):
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    return Secret(f"e30.{middle.decode()}.c2ln")


async def answer(fyers, back=BACK):
    challenge = await fyers.login.begin("s1")
    return await fyers.login.answer(challenge, {REDIRECT_URL: Secret(back)})


async def refusal(fyers, back=BACK):
    with pytest.raises(LoginRefused) as caught:
        await answer(fyers, back)
    return caught.value


async def test_it_begins_with_fyerss_page_and_sends_nothing(fyers, web):
    challenge = await fyers.login.begin("s&1")
    assert challenge.kind is ChallengeKind.REDIRECT
    assert challenge.good_until == NOON + timedelta(minutes=15)
    assert challenge.fields == ()
    page = urlsplit(challenge.login_url)
    assert f"{page.scheme}://{page.netloc}{page.path}" == f"{API}/generate-authcode"
    assert parse_qs(page.query) == {
        "client_id": ["DEMO12EFGH-100"],
        "redirect_uri": [CALLBACK],
        "response_type": ["code"],
        "state": ["s&1"],
    }
    assert not web.calls


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"redirect_uri": CALLBACK}, "secret"),
        ({"secret": Secret("hunter2")}, "redirect_uri"),
    ],
)
async def test_a_setting_that_it_needs_is_named(settings, missing):
    broker = FyersBroker(FyersSettings(app_id="A-100", **settings), BrokerHttp(tls=TLS))
    with pytest.raises(ConfigError, match=f"^{missing}: "):
        await broker.login.begin("s1")
    await broker.aclose()


async def test_the_auth_code_buys_a_token_and_not_the_code_beside_it(fyers, web):
    web.post(EXCHANGE).respond(content=sample("validate_authcode"))
    assert await answer(fyers) == Grant(
        access_token=Secret("DEMO.ACCESS.TOKEN"),
        issued_at=NOON,
        expires_at=HALF_PAST_SIX,
    )
    request = web.calls.last.request
    digest = hashlib.sha256(b"DEMO12EFGH-100:hunter2").hexdigest()
    assert json.loads(request.content) == {
        "grant_type": "authorization_code",
        "appIdHash": digest,
        "code": "A.U.TH",
    }
    assert request.headers["content-type"] == "application/json"
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    "back",
    [
        BACK.replace("state=s1", "state=s2"),
        BACK.replace("&state=s1", ""),
        BACK.replace("state=s1", "state="),
        BACK.replace("state=s1", "state=s1%00"),
        BACK.replace("?", "#"),
        "A.U.TH",
        "https://[half",
        "",
    ],
)
async def test_another_state_is_refused_before_fyers_hears_of_it(fyers, web, back):
    refused = await refusal(fyers, back)
    assert "state" in refused.text
    assert refused.again is True
    assert not web.calls


async def test_no_address_at_all_is_refused(fyers, web):
    challenge = await fyers.login.begin("s1")
    with pytest.raises(LoginRefused):
        await fyers.login.answer(challenge, {})
    assert not web.calls


async def test_an_address_without_an_auth_code_is_refused(fyers, web):
    refused = await refusal(fyers, f"{CALLBACK}?s=ok&code=200&state=s1")
    assert "auth_code" in refused.text
    assert refused.again is True
    assert not web.calls


async def test_what_the_page_says_when_it_says_no_is_passed_on(fyers, web):
    back = f"{CALLBACK}?s=error&code=-1&message=user+said+no&state=s1"
    refused = await refusal(fyers, back)
    assert (refused.code, refused.text) == ("-1", "user said no")
    assert refused.again is False
    assert not web.calls


async def test_an_answer_after_its_time_is_refused_without_asking(web):
    now = [NOON]
    settings = FyersSettings(app_id="A-100", secret=Secret("x"), redirect_uri=CALLBACK)
    broker = FyersBroker(settings, BrokerHttp(tls=TLS), wall=lambda: now[0])
    challenge = await broker.login.begin("s1")
    now[0] = challenge.good_until
    with pytest.raises(LoginRefused, match="run out") as caught:
        await broker.login.answer(challenge, {REDIRECT_URL: Secret(BACK)})
    assert caught.value.again is False
    assert not web.calls
    await broker.aclose()


async def test_a_refused_exchange_is_in_fyerss_code_and_words(fyers, web):
    web.post(EXCHANGE).respond(400, content=sample("error_validate_hash"))
    refused = await refusal(fyers)
    assert (refused.code, refused.http_status, refused.again) == ("-371", 400, False)
    assert refused.text == "Please provide sha256 hash of appId and app secret"
    assert web.calls.call_count == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx.Response(200, content=b'{"s":"ok","code":200}'), SentUnknown),
        (httpx.Response(200, content=b'{"s":"ok","access_token":""}'), SentUnknown),
        (httpx.Response(200, content=b'{"s":"ok","access_token":5}'), SentUnknown),
        (httpx.Response(200, content=sample("validate_authcode")[:50]), SentUnknown),
        (httpx.Response(202, content=sample("validate_authcode")), SentUnknown),
        (httpx.Response(200, html="<html>captcha</html>"), SentUnknown),
        (httpx.Response(403, html="<html>blocked</html>"), SentUnknown),
        (httpx.Response(502), SentUnknown),
        (httpx.Response(429, html="<html>slow</html>"), RateLimited),
        (httpx.Response(429, content=sample("error_rate_limit")), RateLimited),
        (SentUnknown("reset"), SentUnknown),
        (NotSent("refused"), NotSent),
    ],
)
async def test_an_exchange_without_a_clear_answer_is_made_once(
    fyers, web, reply, error
):
    web.post(EXCHANGE).mock(side_effect=[reply])
    with pytest.raises(error) as caught:
        await answer(fyers)
    assert caught.type is error
    assert "A.U.TH" not in str(caught.value)
    assert web.calls.call_count == 1


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (datetime(2026, 11, 30, 6, 30, tzinfo=UTC), HALF_PAST_SIX),
        (datetime(2026, 11, 30, 18, 31, tzinfo=UTC), HALF_PAST_SIX),  # past midnight
        (HALF_PAST_SIX - timedelta(seconds=1), HALF_PAST_SIX),
        (HALF_PAST_SIX, HALF_PAST_SIX + timedelta(days=1)),
    ],
)
def test_a_token_dies_at_the_next_half_past_six_in_india(fyers_login, now, end):
    assert fyers_login.adopt(Secret("no.jwt"), now).expires_at == end


@pytest.mark.parametrize(
    ("token", "end"),
    [
        (jwt(exp=1_796_080_000), datetime(2026, 11, 30, 23, 6, 40, tzinfo=UTC)),
        (jwt(exp=1_900_000_000), HALF_PAST_SIX),
        (jwt(exp="soon"), HALF_PAST_SIX),
        (jwt(exp=10**30), HALF_PAST_SIX),
        (jwt(sub="access_token"), HALF_PAST_SIX),
        (Secret("a.%%%.c"), HALF_PAST_SIX),
        (Secret("a.\u20ac.c"), HALF_PAST_SIX),
        (Secret(""), HALF_PAST_SIX),
    ],
)
def test_a_token_that_says_an_earlier_end_is_believed(fyers_login, token, end):
    adopted = fyers_login.adopt(token, NOON)
    assert (adopted.issued_at, adopted.expires_at) == (NOON, end)
    assert adopted.access_token == token


@pytest.fixture
def fyers_login():
    settings = FyersSettings(app_id="A-100")
    return FyersBroker(settings, BrokerHttp(tls=TLS)).login


async def test_there_is_no_refresh_any_more(fyers, web):
    grant = fyers.login.adopt(Secret("T"), NOON)
    with pytest.raises(Unsupported, match="1 April 2026"):
        await fyers.login.refresh(grant)
    assert not web.calls


async def test_a_log_out_ends_this_apps_token(fyers, web):
    web.post(f"{API}/logout").respond(content=sample("logout"))
    assert await fyers.login.logout() is None
    request = web.calls.last.request
    assert request.headers["authorization"] == "DEMO12EFGH-100:TOKEN"
    assert request.content == b"null"


async def test_a_log_out_of_a_dead_session_is_done(fyers, web):
    web.post(f"{API}/logout").respond(401, content=sample("error_token"))
    assert await fyers.login.logout() is None


async def test_a_log_out_that_is_refused_says_so(fyers, web):
    body = {"s": "error", "code": -373, "message": "no permission"}
    web.post(f"{API}/logout").respond(403, json=body)
    with pytest.raises(LoginRefused, match="-373: no permission"):
        await fyers.login.logout()


async def test_without_a_session_there_is_nothing_to_log_out_of(fyers, web):
    fyers.use(None)
    assert await fyers.login.logout() is None
    assert not web.calls


async def test_the_grant_in_use_is_what_calls_bear(fyers, web):
    web.get(f"{API}/profile").respond(content=sample("profile"))
    fyers.use(fyers.login.adopt(Secret("ANOTHER"), NOON))
    await fyers.check()
    request = web.calls.last.request
    assert request.headers["authorization"] == "DEMO12EFGH-100:ANOTHER"
    fyers.use(None)
    with pytest.raises(SessionExpired):
        await fyers.check()
    assert web.calls.call_count == 1
