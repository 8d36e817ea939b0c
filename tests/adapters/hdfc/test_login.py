"""HDFC's log-in: password and OTP step by step, or the page, with mocked HTTP."""

import base64
import json
import logging
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from msgspec.structs import replace

from adapters.brokers.hdfc import HdfcBroker
from adapters.errors import ConfigError, LoginRefused, RateLimited, SentUnknown
from adapters.http import BrokerHttp
from adapters.login import REDIRECT_URL, ChallengeKind
from adapters.secret import Secret

from .support import API, SETTINGS, TLS, answer, no
from .test_contract import INDEX, NOON

RIGHT = {"otp": Secret("482913")}
PAGE = "https://app.example/callback"
STEPS = {
    "login": ("GET", "ir_login_token_id"),
    "login/validate": ("POST", "ir_login_validate"),
    "twofa/validate": ("POST", "ir_twofa_validate"),
    "authorise": ("GET", "ir_authorise"),
    "access-token": ("POST", "ir_access_token"),
}


@pytest.fixture
def steps(hdfc):
    """Every step of a log-in, answered as the samples have it."""
    return {
        path: hdfc.request(method, f"{API}/{path}").mock(return_value=answer(name))
        for path, (method, name) in STEPS.items()
    }


@pytest.fixture
async def made():
    """Makes ports of other settings."""
    ports = []

    def make(**changes):
        own = replace(SETTINGS, **changes)
        ports.append(HdfcBroker(own, BrokerHttp(tls=TLS), INDEX, wall=lambda: NOON))
        return ports[-1]

    yield make
    for port in ports:
        await port.aclose()


def jwt(**claims):
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return Secret(f"e30.{body}.c2ln")


async def test_the_five_steps_go_out_as_the_documentation_has_them(broker, hdfc, steps):
    challenge = await broker.login.begin("state")
    assert challenge.kind is ChallengeKind.OTP
    assert [field.name for field in challenge.fields] == ["otp"]
    assert challenge.prompt == "Enter the OTP sent to your mobile and e-mail"
    assert challenge.good_until == NOON + timedelta(minutes=5)
    grant = await broker.login.answer(challenge, RIGHT)
    assert grant.access_token.reveal().startswith("eyJ")
    requests = [call.request for call in hdfc.calls]
    token_id = json.loads(answer("ir_login_token_id").content)["tokenId"]
    first, second = (
        json.loads(answer(name).content)["requestToken"]
        for name in ("ir_twofa_validate", "ir_authorise")
    )
    assert first != second
    key, at = {"api_key": "KEY"}, {"api_key": "KEY", "token_id": token_id}
    assert [
        (one.method, one.url.path.removeprefix("/oapi/v1/"), dict(one.url.params))
        for one in requests
    ] == [
        ("GET", "login", key),
        ("POST", "login/validate", at),
        ("POST", "twofa/validate", at),
        ("GET", "authorise", at | {"consent": "True", "request_token": first}),
        ("POST", "access-token", key | {"request_token": second}),
    ]
    assert [one.content for one in requests] == [
        b"",
        b'{"username":"1234567","password":"hunter2"}',
        b'{"answer":"482913"}',
        b"",
        b'{"apiSecret":"SECRET"}',
    ]
    for one in requests:
        assert one.headers["User-Agent"].startswith("Mozilla/5.0")
        assert "Authorization" not in one.headers


async def test_without_a_stored_password_it_is_asked_for_first(made, steps):
    login = made(password=None).login
    assert login.unattended is False
    first = await login.begin("state")
    assert [field.name for field in first.fields] == ["password"]
    second = await login.answer(first, {"password": Secret("typed")})
    assert [field.name for field in second.fields] == ["otp"]
    assert steps["login/validate"].calls[0].request.content == (
        b'{"username":"1234567","password":"typed"}'
    )


@pytest.mark.parametrize("given", [{}, {"otp": Secret("")}, {"pin": Secret("1")}])
async def test_no_answer_is_asked_for_again_and_not_sent(broker, steps, given):
    challenge = await broker.login.begin("state")
    with pytest.raises(LoginRefused, match="wanted otp, found nothing") as caught:
        await broker.login.answer(challenge, given)
    assert caught.value.again
    assert not steps["twofa/validate"].calls


async def test_a_picture_puzzle_sends_the_user_to_the_page(broker, steps):
    puzzle = httpx.Response(200, json={"recaptcha": True})
    steps["login/validate"].mock(return_value=puzzle)
    with pytest.raises(LoginRefused, match="log in by its page") as caught:
        await broker.login.begin("state")
    assert caught.value.again is False


NOES = [
    (no("Invalid password", 401), LoginRefused),
    (no("Invalid password", 400), LoginRefused),
    (no("Invalid password"), LoginRefused),
    (httpx.Response(200, json={"error": "Invalid password"}), LoginRefused),
    (
        httpx.Response(200, json={"meta": {"statusCode": "E"}, "message": "no"}),
        LoginRefused,
    ),
    (httpx.Response(422, json={"detail": "no"}), LoginRefused),
    (httpx.Response(429, json={"error": "x"}), RateLimited),
    (no("50001 adapter down"), SentUnknown),
    (httpx.Response(502), SentUnknown),
    (httpx.Response(302), SentUnknown),
    (httpx.Response(200, text="<html></html>"), SentUnknown),
    (httpx.Response(200, content=b'{"tok'), SentUnknown),
    (httpx.Response(200, content=b"[]"), SentUnknown),
    (httpx.Response(400, text="<html></html>"), SentUnknown),
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("reply", "error"), NOES)
async def test_a_step_that_goes_wrong_ends_it_and_is_not_tried_again(
    broker, hdfc, steps, step, reply, error
):
    steps[step].mock(return_value=reply)
    with pytest.raises(error) as caught:
        await broker.login.answer(await broker.login.begin("state"), RIGHT)
    assert caught.type is error
    assert len(hdfc.calls) == list(STEPS).index(step) + 1
    if error is LoginRefused:  # only an OTP can be given once more
        assert caught.value.again is (step == "twofa/validate")


async def test_a_yes_without_its_token_is_none(broker, steps):
    steps["access-token"].mock(return_value=httpx.Response(200, json={"data": {}}))
    with pytest.raises(SentUnknown, match="without an access token"):
        await broker.login.answer(await broker.login.begin("state"), RIGHT)


@pytest.mark.parametrize(
    "body",
    [
        {"accessToken": "T"},
        {"access_token": "T"},
        {"data": {"accessToken": "T"}},
        {"status": "success", "data": {"access_token": "T"}},
    ],
)
async def test_the_token_has_one_of_four_places(broker, steps, body):
    steps["access-token"].mock(return_value=httpx.Response(201, json=body))
    grant = await broker.login.answer(await broker.login.begin("state"), RIGHT)
    assert grant.access_token.reveal() == "T"


async def test_what_is_wrong_with_a_field_is_told_without_the_field(broker, steps):
    detail = [{"loc": ["body", "password"], "msg": "too short", "input": "hunter2"}]
    refusal = httpx.Response(422, json={"detail": detail})
    steps["login/validate"].mock(return_value=refusal)
    with pytest.raises(LoginRefused) as caught:
        await broker.login.begin("state")
    assert caught.value.text == "body.password: too short"


async def test_a_detail_of_no_known_form_is_not_shown(broker, steps):
    refusal = httpx.Response(422, json={"detail": {"password": "hunter2"}})
    steps["login/validate"].mock(return_value=refusal)
    with pytest.raises(LoginRefused) as caught:
        await broker.login.begin("state")
    assert caught.value.text == "invalid, in a form that is not known"


async def test_a_missing_secret_is_named_before_anything_is_sent(made, hdfc):
    with pytest.raises(ConfigError, match="secret: a log-in to HDFC wants it"):
        await made(secret=None).login.begin("state")
    assert not hdfc.calls


# The page


@pytest.mark.parametrize(
    "name", ["request_token", "requestToken", "request-token", "code"]
)
async def test_the_page_comes_back_with_a_token_under_one_of_four_names(
    made, steps, name
):
    login = made(username="").login
    page = await login.begin("state")
    assert page.kind is ChallengeKind.REDIRECT
    assert page.login_url == f"{API}/login?api_key=KEY"
    address = Secret(f"{PAGE}?{name}=BOUGHT")
    grant = await login.answer(page, {REDIRECT_URL: address})
    assert grant.access_token.reveal().startswith("eyJ")
    request = steps["access-token"].calls[0].request
    assert request.url.params["request_token"] == "BOUGHT"


async def test_of_several_names_the_first_counts(made, steps):
    login = made(username="").login
    address = Secret(f"{PAGE}?code=200&request-token=C&requestToken=B")
    await login.answer(await login.begin("state"), {REDIRECT_URL: address})
    request = steps["access-token"].calls[0].request
    assert request.url.params["request_token"] == "B"


@pytest.mark.parametrize("address", ["", f"{PAGE}?a=b", "https://[", "no address"])
async def test_an_address_without_a_token_buys_nothing(made, steps, address):
    login = made(username="").login
    page = await login.begin("state")
    with pytest.raises(LoginRefused, match="bears no request_token") as caught:
        await login.answer(page, {REDIRECT_URL: Secret(address)})
    assert caught.value.again
    assert not steps["access-token"].calls


# How long a token lives


async def test_a_token_lives_eight_hours_and_never_into_the_next_day(broker):
    early = broker.login.adopt(Secret("opaque"), NOON)
    assert early.expires_at == datetime(2026, 11, 30, 14, 30, tzinfo=UTC)
    late = broker.login.adopt(Secret("opaque"), NOON.replace(hour=20))
    assert late.expires_at == datetime(2026, 12, 1, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "lives"),
    [
        (timedelta(minutes=30), timedelta(minutes=30)),
        (timedelta(hours=9), timedelta(hours=9)),
        (timedelta(days=3), timedelta(hours=18)),  # until 06:00 in India
        (timedelta(hours=-1), timedelta(hours=-1)),
    ],
)
async def test_a_token_that_says_when_it_dies_is_believed_within_the_day(
    broker, length, lives
):
    token = jwt(exp=int((NOON + length).timestamp()))
    assert broker.login.adopt(token, NOON).expires_at == NOON + lives


@pytest.mark.parametrize(
    "text",
    [
        *("", "a.b.c", "..", "e30.e30.x", "e30.!!!.x", "e30.\u0661.x", "e30.W10.x"),
        *(jwt(exp=end).reveal() for end in (10**30, "soon", None)),
    ],
)
async def test_a_token_that_says_nothing_lives_as_long_as_any(broker, text):
    grant = broker.login.adopt(Secret(text), NOON)
    assert grant.expires_at == NOON + timedelta(hours=8)


# What nobody sees


async def test_neither_key_nor_password_nor_token_is_logged(broker, steps, caplog):
    caplog.set_level(logging.DEBUG)
    grant = await broker.login.answer(await broker.login.begin("state"), RIGHT)
    hidden = ["KEY", "SECRET", "hunter2", "482913", grant.access_token.reveal()]
    assert [text for text in hidden if text in caplog.text] == []
    assert "api_key" not in caplog.text
