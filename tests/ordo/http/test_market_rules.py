"""The market's rules by HTTP: what an order went out as, and what was not checked."""

from ipaddress import ip_address

from adapters.brokers.paper import Fault
from tests.ordo.http.caller import NOW, a_body, calling

MARKET = {"type": "MARKET", "price": None}
SENT_AS = {"type": "LIMIT", "price": 816.15, "trigger_price": None}
ITSELF = [
    {"check": "instrument", "reason": "one is simulated and knows its own"},
    {"check": "funds", "reason": "one is simulated and checks that itself"},
]
OURS, OTHER = "203.0.113.7", "198.51.100.4"


async def ours():
    return ip_address(OURS)


async def other():
    return ip_address(OTHER)


async def test_a_market_order_shows_what_it_went_out_as_everywhere(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        answer = await caller.place(a_body(**MARKET))
        (leg,) = answer.legs
        order = await caller.get(f"/api/v1/orders/{leg['order_id']}")
        batch = await caller.get(f"/api/v1/batches/{answer.data['batch_id']}")
        book = await caller.get("/api/v1/orderbook")
    assert (leg["sent_as"], leg["checks_skipped"]) == (SENT_AS, ITSELF)
    assert (order.data["type"], order.data["price"]) == ("MARKET", None)
    assert order.data["sent_as"] == SENT_AS
    assert batch.data["orders"][0]["sent_as"] == SENT_AS
    (row,) = book.data["orders"]
    assert (row["type"], row["price"]) == ("LIMIT", 816.15)


async def test_a_stop_market_order_shows_its_limit_and_its_trigger(
    autojump_clock, tmp_path
):
    body = a_body(type="SL-M", price=None, trigger_price=820)
    async with calling(tmp_path) as caller:
        (leg,) = (await caller.place(body)).legs
    assert leg["sent_as"] == {"type": "SL", "price": 824.1, "trigger_price": 820}


async def test_a_dry_run_shows_it_too(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        answer = await caller.place({**a_body(**MARKET), "dry_run": True})
        sent = caller.sent()
    (leg,) = answer.legs
    assert (leg["status"], leg["sent_as"]) == ("success", SENT_AS)
    assert leg["checks_skipped"] == ITSELF
    assert sent == []


async def test_a_replay_shows_what_it_went_out_as_and_no_checks(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        await caller.place(a_body(**MARKET), key="key-1")
        again = await caller.place(a_body(**MARKET), key="key-1")
    (leg,) = again.legs
    assert again.data["replayed"] is True
    assert (leg["sent_as"], leg["checks_skipped"]) == (SENT_AS, None)


async def test_without_a_price_the_leg_is_denied_and_its_key_stays_free(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        caller.papers["one"].script.on("quotes", Fault.refuse("E", "no such symbol"))
        answer = await caller.place(a_body(**MARKET), key="key-1")
        again = await caller.place(a_body(**MARKET), key="key-1")
    (leg,) = answer.legs
    assert (answer.status, answer.json["status"]) == (200, "error")
    assert (leg["status"], leg["error_code"]) == ("denied", "price_unavailable")
    assert leg["message"] == (
        "no price to protect a market order in NSE:SBIN with (no such symbol);"
        " send a LIMIT"
    )
    assert leg["order_id"] is None
    assert again.legs[0]["status"] == "acked"
    assert again.data["replayed"] is False


async def test_status_shows_the_address_that_orders_leave_from(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, looks={"one": ours}, expect_ip=OURS) as caller:
        status = await caller.get("/api/v1/status")
        plain = await caller.place()
    assert status.data["health"] == "ok"
    assert status.data["brokers"][0]["egress"] == {
        "state": "ok",
        "wanted": OURS,
        "found": OURS,
        "checked_at": NOW.replace("02.000", "00.000"),
        "error": None,
    }
    assert plain.legs[0]["status"] == "acked"


async def test_from_a_wrong_address_no_order_goes_and_status_is_degraded(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, looks={"one": other}, expect_ip=OURS) as caller:
        answer = await caller.place()
        status = await caller.get("/api/v1/status")
        funds = await caller.get("/api/v1/funds")
    (leg,) = answer.legs
    assert (leg["status"], leg["error_code"]) == ("denied", "egress_mismatch")
    assert OURS in leg["message"]
    assert OTHER in leg["message"]
    assert status.data["health"] == "degraded"
    assert status.data["brokers"][0]["egress"]["state"] == "mismatch"
    assert funds.json["status"] == "success"


async def test_where_no_address_is_expected_status_has_none(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        status = await caller.get("/api/v1/status")
    assert status.data["brokers"][0]["egress"] is None


async def test_what_the_checks_wait_for_counts_as_the_brokers_time(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, paper={"delay": 0.25}) as caller:
        answer = await caller.place(a_body(**MARKET))
        dry = await caller.place(
            {**a_body(symbol="NSE:INFY", **MARKET), "dry_run": True}
        )
    assert answer.headers["Server-Timing"].endswith("broker;dur=500.000")
    assert dry.headers["Server-Timing"].endswith("broker;dur=250.000")
