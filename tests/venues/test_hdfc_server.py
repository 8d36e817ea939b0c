"""The HDFC protocol server holds its clients to the protocol."""

import httpx
import pytest

from tests.support.plain import PLAIN

from .hdfc import KEY, OTP, PASSWORD, SECRET, USER, HdfcVenue

TOKEN = "TOKEN"
AGENT = {"User-Agent": "Mozilla/5.0"}
IN = {**AGENT, "Authorization": TOKEN}
ORDER = {
    "exchange": "NSE",
    "security_id": "SBILTDEQNR",
    "instrument_segment": "EQUITY",
    "transaction_type": "BUY",
    "product": "DELIVERY",
    "order_type": "LIMIT",
    "price": 700,
    "trigger_price": 0,
    "quantity": 10,
    "disclosed_quantity": 0,
    "validity": "DAY",
    "amo": False,
    "external_reference_number": 179460000000017,
}
REGULAR = "/oapi/v1/orders/regular"


@pytest.fixture
async def hdfc(nursery):
    venue = HdfcVenue(tokens=(TOKEN,))
    await nursery.start(venue.serve)
    async with httpx.AsyncClient(
        base_url=venue.url, timeout=10, trust_env=False, verify=PLAIN
    ) as client:
        client.venue = venue
        yield client
    venue.stop()


async def call(hdfc, method, path, *, headers=IN, key=KEY, **more):
    params = more.pop("params", {}) | ({} if key is None else {"api_key": key})
    return await hdfc.request(method, path, headers=headers, params=params, **more)


@pytest.mark.parametrize(
    ("headers", "key", "status"),
    [
        (IN, KEY, 200),
        (IN | {"User-Agent": "python-httpx"}, KEY, 400),
        (IN, None, 401),
        (IN, "other", 401),
        (AGENT, KEY, 401),
        (IN | {"Authorization": f"Bearer {TOKEN}"}, KEY, 401),
    ],
)
async def test_a_call_bears_agent_key_and_the_bare_token(hdfc, headers, key, status):
    answer = await call(hdfc, "GET", "/oapi/v1/orders", headers=headers, key=key)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"security_id": "NOSUCH"}, 400),
        ({"quantity": 0}, 422),
        ({"validity": "GTD"}, 400),
        ({"transaction_type": "SIDEWAYS"}, 400),
        ({"external_reference_number": "ORDO1"}, 422),
        ({"external_reference_number": 10**20}, 422),
    ],
)
async def test_an_order_keeps_the_rules(hdfc, changes, status):
    answer = await call(hdfc, "POST", REGULAR, json=ORDER | changes)
    assert answer.status_code == status
    assert (answer.json()["status"] == "success") is (status == 200)


async def test_the_reference_comes_back_as_text_and_one_is_made_where_none_is(hdfc):
    await call(hdfc, "POST", REGULAR, json=ORDER)
    await call(hdfc, "POST", REGULAR, json=ORDER | {"external_reference_number": None})
    rows = (await call(hdfc, "GET", "/oapi/v1/orders")).json()["data"]
    first, second = (row["external_reference_number"] for row in rows)
    assert first == "179460000000017"
    assert second.startswith("STAPI")


async def test_last_prices_are_put_and_at_most_ten(hdfc):
    one = {"exchange": "NSE", "token": "3045"}
    path = "/oapi/v1/fetch-ltp"
    good = await call(hdfc, "PUT", path, json={"data": [one]})
    assert good.json()["data"][0]["token"] == 3045
    many = await call(hdfc, "PUT", path, json={"data": [one] * 11})
    assert many.status_code == 400
    assert (await call(hdfc, "POST", path, json={"data": [one]})).status_code == 404


async def test_the_steps_of_a_log_in_have_an_order_and_tokens_one_use(hdfc):
    async def step(method, path, body=None, **params):
        return await call(
            hdfc, method, f"/oapi/v1/{path}", headers=AGENT, json=body, params=params
        )

    token_id = (await step("GET", "login")).json()["tokenId"]
    assert (
        await step("POST", "twofa/validate", {}, token_id=token_id)
    ).status_code == (400)
    user = {"username": USER, "password": PASSWORD}
    wrong = await step(
        "POST", "login/validate", user | {"password": "x"}, token_id=token_id
    )
    assert wrong.status_code == 401
    await step("POST", "login/validate", user, token_id=token_id)
    first = (
        await step("POST", "twofa/validate", {"answer": OTP}, token_id=token_id)
    ).json()["requestToken"]
    second = (
        await step(
            "GET", "authorise", token_id=token_id, request_token=first, consent="True"
        )
    ).json()["requestToken"]
    assert first != second
    body = {"apiSecret": SECRET}
    old = await step("POST", "access-token", body, request_token=first)
    assert old.status_code == 401
    bought = await step("POST", "access-token", body, request_token=second)
    token = bought.json()["accessToken"]
    again = await step("POST", "access-token", body, request_token=second)
    assert again.status_code == 401
    bearing = AGENT | {"Authorization": token}
    assert (await call(hdfc, "GET", "/oapi/v1/trades", headers=bearing)).is_success


async def test_the_master_is_public(hdfc):
    answer = await hdfc.get("/oapi/v1/security-master")
    assert answer.text.startswith("exchange,security_id,instrument_segment")


async def test_a_body_has_its_type_and_its_absence_none(hdfc):
    typed = IN | {"Content-Type": "application/json"}
    empty = await call(hdfc, "GET", "/oapi/v1/orders", headers=typed)
    assert empty.status_code == 400
    plain = IN | {"Content-Type": "text/plain"}
    odd = await call(hdfc, "POST", REGULAR, headers=plain, content=b"{}")
    assert odd.status_code == 400


async def test_paths_that_the_documentation_has_wrong_are_not_there(hdfc):
    for path in ("/oapi/v1/portfolio/overall_positions", "/portfolio/tradebook"):
        assert (await call(hdfc, "GET", path)).status_code == 404


async def test_a_stop_waits_and_then_is_a_market_order(hdfc):
    stop = ORDER | {"order_type": "SL-M", "price": 0, "trigger_price": 820}
    await call(hdfc, "POST", REGULAR, json=stop)
    [row] = (await call(hdfc, "GET", "/oapi/v1/orders")).json()["data"]
    assert (row["status"], row["filled_quantity"]) == ("Trigger Pending", 0)
    await hdfc.post("/_venue/prices", json={"NSE:SBILTDEQNR": 820})
    [row] = (await call(hdfc, "GET", "/oapi/v1/orders")).json()["data"]
    assert (row["status"], row["total_traded_value"]) == ("Traded", 8200.0)


async def test_what_costs_too_much_is_taken_and_rejected(hdfc):
    answer = await call(hdfc, "POST", REGULAR, json=ORDER | {"quantity": 10**6})
    assert answer.json()["status"] == "success"
    [row] = (await call(hdfc, "GET", "/oapi/v1/orders")).json()["data"]
    assert (row["status"], row["status_message"]) == (
        "Rejected",
        "Insufficient margin",
    )


async def test_a_fill_moves_the_funds_and_the_position(hdfc):
    made = (await call(hdfc, "POST", REGULAR, json=ORDER)).json()["data"]["order_id"]
    await hdfc.post("/_venue/fill", json={"id": made, "quantity": 4})
    limits = (await call(hdfc, "GET", "/oapi/v1/user/margins")).json()["data"]
    assert limits["equity"]["total_utilised_limit"] == 2800.0
    path = "/oapi/v1/portfolio/cumulative-positions"
    [row] = (await call(hdfc, "GET", path)).json()["data"]["net"]
    assert (row["net_qty"], row["average_buy_price"]) == (4, 700.0)
    rest = {"id": made, "quantity": 6}
    assert (await hdfc.post("/_venue/fill", json=rest)).status_code == 200
    assert (await hdfc.post("/_venue/fill", json=rest)).status_code == 400
