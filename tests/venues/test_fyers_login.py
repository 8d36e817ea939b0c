"""The FYERS venue lets in who is logged in, from where it may be."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
import trio

from tests.support.plain import PLAIN

from .conftest import BOOK, ONE, Clock, Make, sample, shape
from .fyers import FyersVenue

LOGIN = "/api/v3/validate-authcode"


@pytest.mark.parametrize(
    "authorization", ["", "TOKEN", "DEMO12EFGH-100:OTHER", "DEMO12EFGH:TOKEN"]
)
async def test_a_wrong_token_is_not_let_in(
    client: httpx.AsyncClient, authorization: str
) -> None:
    answer = await client.get(BOOK, headers={"Authorization": authorization})
    assert (answer.status_code, answer.json()) == (401, sample("error_token"))


async def test_logout_ends_the_token(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v3/logout", content=b"null")
    assert answer.json() == sample("logout")
    assert (await client.get(BOOK)).json()["code"] == -16


async def test_orders_from_an_unlisted_address_are_refused_but_reads_are_not(
    client: httpx.AsyncClient, order: Make
) -> None:
    await client.post("/_venue/settings", json={"allowed_ips": ["127.0.0.9"]})
    assert (await client.post(ONE, json=order())).status_code == 403
    assert (await client.get(BOOK)).json()["orderBook"] == []
    await client.post("/_venue/settings", json={"allowed_ips": None})
    assert (await client.post(ONE, json=order())).status_code == 200


def hash_of(secret: str) -> str:
    return hashlib.sha256(f"DEMO12EFGH-100:{secret}".encode()).hexdigest()


async def exchange(client: httpx.AsyncClient, secret: str) -> dict[str, str]:
    """A body for the token exchange, with a fresh auth code in it."""
    sent = {
        "client_id": "DEMO12EFGH-100",
        "redirect_uri": "http://127.0.0.1/back",
        "response_type": "code",
        "state": "s1",
    }
    redirect = await client.get("/api/v3/generate-authcode", params=sent)
    assert redirect.status_code == 302
    back = parse_qs(urlsplit(redirect.headers["location"]).query)
    assert (back["s"], back["code"], back["state"]) == (["ok"], ["200"], ["s1"])
    return {
        "grant_type": "authorization_code",
        "appIdHash": hash_of(secret),
        "code": back["auth_code"][0],
    }


async def test_a_login_gives_a_token_until_half_past_six_and_ends_the_old_one(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    body = await exchange(client, "SECRET")
    answer = await client.post(LOGIN, json=body)
    assert shape(answer.json()) == shape(sample("validate_authcode"))
    token = answer.json()["access_token"]
    claims = token.split(".")[1]
    decoded = msgspec.json.decode(base64.urlsafe_b64decode(claims + "==="))
    assert decoded["exp"] == 1_796_020_200 + (18 * 60 + 30) * 60
    assert decoded["fy_id"] == "XY01234"
    assert (await client.get(BOOK)).json()["code"] == -16
    client.headers["Authorization"] = f"DEMO12EFGH-100:{token}"
    assert (await client.get(BOOK)).status_code == 200
    clock.now = decoded["exp"]
    assert (await client.get(BOOK)).json()["code"] == -8


async def test_a_wrong_secret_gets_no_token(client: httpx.AsyncClient) -> None:
    body = await exchange(client, "WRONG")
    answer = await client.post(LOGIN, json=body)
    assert (answer.status_code, answer.json()) == (400, sample("error_validate_hash"))


async def test_an_auth_code_works_once(client: httpx.AsyncClient) -> None:
    body = await exchange(client, "SECRET")
    assert (await client.post(LOGIN, json=body)).status_code == 200
    again = await client.post(LOGIN, json=body)
    assert (again.status_code, again.json()["code"]) == (401, -16)


async def test_an_auth_code_dies_of_age(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    body = await exchange(client, "SECRET")
    clock.now += 30_000
    answer = await client.post(LOGIN, json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, -16)


async def test_a_page_that_the_user_turns_down_comes_back_without_a_code(
    client: httpx.AsyncClient, venue: FyersVenue
) -> None:
    venue.login.refusal = "user said no"
    sent = {"client_id": "DEMO12EFGH-100", "redirect_uri": "http://127.0.0.1/back"}
    sent |= {"response_type": "code", "state": "s1"}
    redirect = await client.get("/api/v3/generate-authcode", params=sent)
    back = parse_qs(urlsplit(redirect.headers["location"]).query)
    assert (back["s"], back["state"]) == (["error"], ["s1"])
    assert "auth_code" not in back


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uri": "http://127.0.0.1/elsewhere"}, -50),
        ({"response_type": "token"}, -50),
        ({"client_id": "DEMO12EFGH"}, -352),
    ],
)
async def test_a_page_asked_for_in_another_way_than_registered_is_refused(
    nursery: trio.Nursery, changes: dict[str, str], code: int
) -> None:
    registered = "http://127.0.0.1/back"
    venue = FyersVenue(apps={"DEMO12EFGH-100": "SECRET"}, redirect_uri=registered)
    await nursery.start(venue.serve)
    sent = {"client_id": "DEMO12EFGH-100", "redirect_uri": registered}
    sent |= {"response_type": "code", "state": "s1"}
    async with httpx.AsyncClient(
        base_url=venue.url, trust_env=False, verify=PLAIN
    ) as http:
        page = "/api/v3/generate-authcode"
        assert (await http.get(page, params=sent)).status_code == 302
        refused = await http.get(page, params=sent | changes)
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    venue.stop()
