"""The m.Stock venue holds its clients to the protocol, and answers as documented."""

from decimal import Decimal

import httpx
import pytest

from tests.support.plain import PLAIN

from .faults import Fault
from .mstock import MstockVenue
from .mstock_market import sample

KEY, TOKEN = "DEMO/API+KEY@1=", "TOKEN"
NOON = 1_796_020_200.0  # Monday 30 Nov 2026, 12:00 in India
A, B = "/openapi/typea", "/openapi/typeb"
HEADERS = {
    A: {"X-Mirae-Version": "1", "Authorization": f"token {KEY}:{TOKEN}"},
    B: {
        "X-Mirae-Version": "1",
        "Authorization": f"Bearer {TOKEN}",
        "X-PrivateKey": KEY,
    },
}
ORDER_A = {
    "tradingsymbol": "SBIN",
    "exchange": "NSE",
    "transaction_type": "BUY",
    "order_type": "LIMIT",
    "quantity": "10",
    "product": "MIS",
    "validity": "DAY",
    "price": "812.35",
}
ORDER_B = {
    "variety": "NORMAL",
    "tradingsymbol": "SBIN-EQ",
    "symboltoken": "3045",
    "exchange": "NSE",
    "transactiontype": "BUY",
    "ordertype": "LIMIT",
    "quantity": "10",
    "producttype": "INTRADAY",
    "price": "812.35",
    "triggerprice": "0",
    "squareoff": "0",
    "stoploss": "0",
    "trailingStopLoss": "",
    "disclosedquantity": "",
    "duration": "DAY",
}
ONE = "/orders/regular/1131261130001"


@pytest.fixture
async def mstock_venue(nursery):
    running = MstockVenue(clock=lambda: NOON)
    await nursery.start(running.serve)
    yield running
    running.stop()


@pytest.fixture
async def call(mstock_venue):
    """Call an endpoint of a type: status and JSON."""
    async with httpx.AsyncClient(
        base_url=mstock_venue.url, timeout=10, trust_env=False, verify=PLAIN
    ) as http:

        async def call(method, root, path, headers=(), **body):
            lines = HEADERS[root] | dict(headers)
            lines = {name: text for name, text in lines.items() if text}
            reply = await http.request(method, root + path, headers=lines, **body)
            return reply.status_code, reply.json() if reply.content else None

        yield call


async def placed(call, root, **changes):
    if root == A:
        return await call("POST", A, "/orders/regular", data=ORDER_A | changes)
    return await call("POST", B, "/orders/regular", json=ORDER_B | changes)


def shape(value):
    """The keys of *value* all the way down; a list has the shape of its first row."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else None
    return None


@pytest.mark.parametrize("root", [A, B])
async def test_every_call_names_its_version(call, root):
    for version in ("", "2"):
        status, body = await call("GET", root, "/orders", {"X-Mirae-Version": version})
        assert status == 400
        assert body["message"] == "Please provide valid api version."


@pytest.mark.parametrize(
    ("root", "headers"),
    [
        (A, {"Authorization": f"token {TOKEN}"}),
        (A, {"Authorization": f"token OTHER:{TOKEN}"}),
        (A, {"Authorization": f"Bearer {TOKEN}"}),
        (A, {"Authorization": ""}),
        (B, {"Authorization": f"Bearer {KEY}:{TOKEN}"}),
        (B, {"Authorization": "Bearer DEAD"}),
        (B, {"X-PrivateKey": ""}),
        (B, {"X-PrivateKey": "OTHER"}),
    ],
)
async def test_a_session_bears_token_and_key(call, root, headers):
    status, body = await call("GET", root, "/orders", headers)
    assert (status, body["message"]) == (401, "Invalid request. Please try again.")
    code = body["error_type"] if root == A else body["errorcode"]
    assert code == ("TokenException" if root == A else "IA401")


async def test_each_type_has_its_encoding(call):
    status, body = await call("POST", A, "/orders/regular", json=ORDER_A)
    assert (status, body["error_type"]) == (400, "InputException")
    status, body = await call("POST", B, "/orders/regular", data=ORDER_B)
    assert (status, body["title"]) == (400, "One or more validation errors occurred.")
    # All values are text at Type B.
    status, body = await placed(call, B, quantity=10)
    assert (status, list(body["errors"])) == (400, ["quantity"])


@pytest.mark.parametrize(
    ("root", "changes", "code"),
    [
        (A, {"tradingsymbol": "NOSUCH"}, "InputException"),
        (A, {"tradingsymbol": "SBIN-EQ"}, "InputException"),
        (A, {"exchange": "NFO"}, "InputException"),
        (A, {"product": "INTRADAY"}, "InputException"),
        (A, {"order_type": "STOP_LOSS"}, "InputException"),
        (A, {"order_type": "SL"}, "InputException"),
        (A, {"order_type": "MARKET"}, "InputException"),
        (A, {"tag": "with-hyphen"}, "InputException"),
        (A, {"tag": "A" * 20}, "InputException"),
        (A, {"price": "812.33"}, "MiraeException"),
        (B, {"tradingsymbol": "SBIN"}, "IA400"),
        (B, {"symboltoken": "3046"}, "IA400"),
        (B, {"producttype": "MARGIN"}, "400"),
        (B, {"ordertype": "SL"}, "IA400"),
        (B, {"ordertype": "STOP_LOSS", "variety": "STOPLOSS"}, "400"),
        (B, {"ordertype": "STOP_LOSS", "triggerprice": "820"}, "IA400"),
        (B, {"quantity": "0"}, "MA200"),
        (B, {"duration": "GTC"}, "IA400"),
    ],
)
async def test_a_bad_order_is_refused_and_not_booked(
    call, mstock_venue, root, changes, code
):
    _, body = await placed(call, root, **changes)
    assert (body["error_type"] if root == A else body["errorcode"]) == code
    assert mstock_venue.book.orders == {}


async def test_answers_have_the_shape_of_the_samples(call):
    assert shape((await placed(call, A))[1]) == shape(sample("typea_place_order.json"))
    assert shape((await placed(call, B))[1]) == shape(sample("typeb_place_order.json"))
    for root, kind in ((A, "typea"), (B, "typeb")):
        _, book = await call("GET", root, "/orders")
        found = shape(book)["data"][0]
        assert found == shape(sample(f"{kind}_order_book.json"))["data"][0]


async def test_positions_have_the_shape_of_the_samples(call, mstock_venue):
    await placed(call, A)
    mstock_venue.book.set_price(("NSE", "3045"), Decimal(800))
    _, found = await call("GET", A, "/portfolio/positions")
    assert shape(found) == shape(sample("typea_positions.json"))
    _, found = await call("GET", B, "/portfolio/positions")
    assert shape(found) == shape(sample("typeb_positions.json"))
    _, found = await call("GET", A, "/tradebook")
    assert shape(found) == shape(sample("typea_tradebook.json"))


@pytest.mark.parametrize("root", [A, B])
async def test_an_empty_book_is_null(call, root):
    for path in ("/orders", "/tradebook"):
        assert (await call("GET", root, path))[1]["data"] is None


async def test_type_b_wants_a_body_with_a_cancel(call, mstock_venue):
    await placed(call, B)
    status, body = await call("DELETE", B, ONE)
    assert (status, body["errorcode"]) == (500, "IA500")
    given = {"variety": "NORMAL", "orderid": "1131261130001"}
    status, body = await call("DELETE", B, ONE, json=given)
    assert (status, body["status"]) == (200, "true")
    status, body = await call("DELETE", B, ONE, json=given)
    assert (status, body["errorcode"]) == (200, "RS-00093")


async def test_a_change_of_what_is_done_is_refused(call):
    await placed(call, B)
    given = {"variety": "NORMAL", "orderid": "1131261130001"}
    await call("DELETE", B, ONE, json=given)
    changed = ORDER_B | {"orderid": "1131261130001"}
    _, body = await call("PUT", B, ONE, json=changed)
    assert body["errorcode"] == "RS-0034"


async def test_a_stop_waits_for_its_trigger(call, mstock_venue):
    await placed(call, A, order_type="SL", price="826", trigger_price="825")
    order = mstock_venue.book.orders["1131261130001"]
    assert order.status == "Trigger pending"
    mstock_venue.book.set_price(("NSE", "3045"), Decimal("825.5"))
    assert (order.status, order.filled) == ("Traded", 10)
    assert order.average == Decimal("825.5")


async def test_an_order_that_may_not_wait_is_cancelled(call, mstock_venue):
    await placed(call, A, validity="IOC")
    assert mstock_venue.book.orders["1131261130001"].status == "Cancelled"


async def test_risk_rejects_an_order_that_stands_in_the_book(call, mstock_venue):
    mstock_venue.book.risk, mstock_venue.book.funds = True, Decimal(100)
    status, body = await placed(call, B)
    assert (status, body["errorcode"]) == (200, "RS-0111")
    assert body["message"].startswith("RMS:1131261130001:NSE,FUND LIMIT INSUFFICIENT")
    assert mstock_venue.book.orders["1131261130001"].status == "Rejected"


async def test_field_names_of_the_log_in_go_without_case(call):
    for names in (("Username", "Password"), ("username", "password")):
        given = dict(zip(names, ("MA0000001", "hunter2"), strict=True))
        status, body = await call("POST", A, "/connect/login", data=given)
        assert (status, body["status"]) == (200, "success")


@pytest.mark.parametrize("root", [A, B])
async def test_a_code_without_a_password_before_it_is_refused(call, root):
    if root == A:
        given = {"api_key": KEY, "request_token": "123456", "checksum": "L"}
        _, body = await call("POST", A, "/session/token", data=given)
    else:
        given = {"refreshToken": "x", "otp": "123456"}
        _, body = await call("POST", B, "/session/token", json=given)
    assert body["status"] in ("error", "false")


async def test_a_wrong_code_ends_the_log_in(call):
    given = {"username": "MA0000001", "password": "hunter2"}
    await call("POST", A, "/connect/login", data=given)
    for code in ("000000", "123456"):  # the second is right, and too late
        given = {"api_key": KEY, "request_token": code, "checksum": "L"}
        _, body = await call("POST", A, "/session/token", data=given)
        assert body["error_type"] == "MiraeException"


async def test_limits_count_orders_apart(call, mstock_venue):
    mstock_venue.rate_limits = True
    statuses = [(await placed(call, A))[0] for _ in range(31)]
    assert statuses == [200] * 30 + [429]
    assert (await call("GET", A, "/orders"))[0] == 200


async def test_an_order_can_show_late(call, mstock_venue):
    mstock_venue.faults.add(Fault(on="place", kind="late_in_book", seconds=60))
    await placed(call, A)
    assert (await call("GET", A, "/orders"))[1]["data"] is None
    assert len(mstock_venue.book.orders) == 1


async def test_the_operators_hand(call, mstock_venue):
    await placed(call, A, tag="ordo1")
    async with httpx.AsyncClient(
        base_url=mstock_venue.url, trust_env=False, verify=PLAIN
    ) as http:
        fill = {"id": "1131261130001", "quantity": 4}
        done = (await http.post("/_venue/fill", json=fill)).json()
        assert (done["filled"], done["status"], done["tag"]) == (4, "Pending", "ordo1")
        await http.post("/_venue/settings", json={"echo_tags": True, "yes": True})
        await http.post("/_venue/prices", json={"NSE:3045": "800.5"})
        book = (await http.get("/_venue/book")).json()
        assert [order["filled"] for order in book["orders"]] == [10]
        await http.post("/_venue/tokens", json={"expire_all": True, "add": ["NEW"]})
        bad = await http.post("/_venue/settings", json={"nonsense": 1})
        assert bad.status_code == 400
    assert (await call("GET", A, "/orders"))[0] == 401
    new = {"Authorization": f"token {KEY}:NEW"}
    _, book = await call("GET", A, "/orders", new)
    assert book["data"][0]["tag"] == "ordo1"
