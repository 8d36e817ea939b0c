"""The FYERS venue keeps to the dossier: orders, books, rules."""

from typing import Any

import httpx
import pytest

from .conftest import BOOK, MANY, ONE, TRADES, Make, sample, shape


async def place(client: httpx.AsyncClient, body: dict[str, Any]) -> Any:
    return (await client.post(ONE, json=body)).json()


async def only_row(client: httpx.AsyncClient) -> Any:
    [row] = (await client.get(BOOK)).json()["orderBook"]
    return row


async def test_an_order_that_rests_is_in_the_book_with_its_tag(
    client: httpx.AsyncClient, order: Make
) -> None:
    assert await place(client, order()) == {
        "s": "ok",
        "code": 1101,
        "message": "Order submitted successfully. Your Order Ref. No.26113000000001",
        "id": "26113000000001",
    }
    answer = (await client.get(BOOK)).json()
    assert shape(answer) == shape(sample("order_book"))
    [row] = answer["orderBook"]
    assert row["id"] == "26113000000001"
    assert row["orderTag"] == "1:ordo7f3k29qx"
    assert row["status"] == 6
    assert row["orderNumStatus"] == "26113000000001:6"
    assert row["orderDateTime"] == "30-Nov-2026 12:00:00"
    assert (row["qty"], row["filledQty"], row["remainingQuantity"]) == (10, 0, 10)


async def test_books_are_empty_lists_before_the_first_order(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get(BOOK)).json() == sample("order_book_empty")
    assert (await client.get(TRADES)).json()["tradeBook"] == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?id=26113000000002", ["26113000000002"]),
        ("?order_tag=1:one", ["26113000000001"]),
        ("??order_tag=1:one", ["26113000000001"]),
        ("?order_tag=1:none", []),
        ("", ["26113000000001", "26113000000002"]),
    ],
)
async def test_the_book_can_be_asked_by_id_and_by_tag(
    client: httpx.AsyncClient, order: Make, query: str, found: list[str]
) -> None:
    await place(client, order(orderTag="one"))
    await place(client, order(orderTag="two"))
    rows = (await client.get(BOOK + query)).json()["orderBook"]
    assert [row["id"] for row in rows] == found


async def test_an_unknown_id_asked_of_the_book_is_an_error(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get(BOOK + "?id=1")
    assert (answer.status_code, answer.json()["code"]) == (400, -51)


async def test_untagged_orders_are_worded_differently_in_the_two_books(
    client: httpx.AsyncClient, order: Make
) -> None:
    body = order(type=2, limitPrice=0)
    del body["orderTag"]
    await place(client, body)
    assert (await only_row(client))["orderTag"] == "2:Untagged"
    [trade] = (await client.get(TRADES)).json()["tradeBook"]
    assert trade["orderTag"] == "1:Untagged"


async def test_a_market_order_trades_at_once_and_makes_a_position(
    client: httpx.AsyncClient, order: Make
) -> None:
    await place(client, order(type=2, limitPrice=0))
    assert (await only_row(client))["status"] == 2
    trades = (await client.get(TRADES + "?order_tag=1:ordo7f3k29qx")).json()
    assert shape(trades) == shape(sample("trade_book"))
    [trade] = trades["tradeBook"]
    assert (trade["tradedQty"], trade["tradePrice"]) == (10, 812.9)
    assert trade["tradeNumber"] == "26113000000001-2000001"
    positions = (await client.get("/api/v3/positions")).json()
    assert shape(positions) == shape(sample("positions"))
    [position] = positions["netPositions"]
    assert position["id"] == "NSE:SBIN-EQ-INTRADAY"
    assert (position["netQty"], position["buyAvg"], position["pl"]) == (10, 812.9, 0)


async def test_a_price_that_crosses_fills_the_resting_limit_at_its_limit(
    client: httpx.AsyncClient, order: Make
) -> None:
    await place(client, order())
    await client.post("/_venue/prices", json={"NSE:SBIN-EQ": 812.0})
    row = await only_row(client)
    assert (row["status"], row["tradedPrice"], row["filledQty"]) == (2, 812.35, 10)


async def test_a_stop_waits_for_its_trigger(
    client: httpx.AsyncClient, order: Make
) -> None:
    await place(client, order(type=4, limitPrice=816, stopPrice=815))
    await client.post("/_venue/prices", json={"NSE:SBIN-EQ": 814.95})
    assert (await only_row(client))["status"] == 6
    await client.post("/_venue/prices", json={"NSE:SBIN-EQ": 815.05})
    row = await only_row(client)
    assert (row["status"], row["tradedPrice"]) == (2, 815.05)


async def test_an_ioc_order_that_finds_nothing_is_cancelled(
    client: httpx.AsyncClient, order: Make
) -> None:
    await place(client, order(validity="IOC"))
    assert (await only_row(client))["status"] == 1


async def test_a_modified_order_keeps_what_was_left_out(
    client: httpx.AsyncClient, order: Make
) -> None:
    order_id = (await place(client, order()))["id"]
    answer = await client.patch(
        ONE, json={"id": order_id, "type": 1, "limitPrice": 811.5}
    )
    assert answer.json() == sample("modify_order") | {"id": order_id}
    row = await only_row(client)
    assert (row["limitPrice"], row["qty"]) == (811.5, 10)


async def test_modifying_an_order_that_is_gone_fails(
    client: httpx.AsyncClient, order: Make
) -> None:
    order_id = (await place(client, order(validity="IOC")))["id"]
    body = {"id": order_id, "type": 1, "limitPrice": 811.5}
    assert (await client.patch(ONE, json=body)).json()["code"] == -163
    body["id"] = "1"
    assert (await client.patch(ONE, json=body)).json()["code"] == -51


@pytest.mark.parametrize("by_path", [False, True])
async def test_cancel_takes_the_order_out_and_says_so_again(
    client: httpx.AsyncClient, order: Make, by_path: bool
) -> None:
    order_id = (await place(client, order()))["id"]

    async def cancel() -> Any:
        if by_path:
            return (await client.delete(f"/api/v3/orders/{order_id}/sync")).json()
        return (await client.request("DELETE", ONE, json={"id": order_id})).json()

    assert await cancel() == sample("cancel_order") | {"id": order_id}
    assert (await cancel())["code"] == -161
    assert (await only_row(client))["status"] == 1


async def test_a_traded_order_and_an_unknown_one_cannot_be_cancelled(
    client: httpx.AsyncClient, order: Make
) -> None:
    order_id = (await place(client, order(type=2, limitPrice=0)))["id"]
    traded = await client.request("DELETE", ONE, json={"id": order_id})
    unknown = await client.request("DELETE", ONE, json={"id": "1"})
    assert (traded.json()["code"], unknown.json()["code"]) == (-162, -159)


async def test_a_basket_answers_for_each_element(
    client: httpx.AsyncClient, order: Make
) -> None:
    answer = await client.post(MANY, json=[order(orderTag="a"), order(qty=0)])
    assert shape(answer.json()) == shape(sample("multi_order"))
    [good, bad] = answer.json()["data"]
    assert (good["statusCode"], good["body"]["code"]) == (200, 200)
    assert bad == sample("multi_order")["data"][1]
    order_id = good["body"]["id"]
    change = [{"id": order_id, "type": 1, "qty": 20}]
    modified = (await client.patch(MANY, json=change)).json()
    assert modified["data"][0]["body"]["code"] == 200
    cancelled = await client.request("DELETE", MANY, json=[{"id": order_id}])
    assert cancelled.json()["data"][0]["body"]["code"] == 1103


async def test_a_basket_holds_ten_at_most(
    client: httpx.AsyncClient, order: Make
) -> None:
    answer = await client.post(MANY, json=[order()] * 11)
    assert (answer.status_code, answer.json()["code"]) == (400, -50)
    assert (await client.get(BOOK)).json()["orderBook"] == []


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"symbol": "NSE:NOSUCH-EQ"}, -300, "Invalid symbol"),
        ({"symbol": "NSE:NIFTY50-INDEX"}, -300, "Invalid symbol"),
        ({"productType": "BO"}, -50, "Invalid productType"),
        ({"productType": "MARGIN"}, -50, "Invalid productType"),
        ({"symbol": "NSE:SBIN26DECFUT", "qty": 10}, -50, "Invalid qty"),
        ({"qty": "10"}, -50, "Invalid qty"),
        ({"qty": -1}, -50, "Invalid qty"),
        ({"type": 5}, -50, "Invalid type"),
        ({"side": 0}, -50, "Invalid side"),
        ({"validity": "GTC"}, -50, "Invalid validity"),
        ({"offlineOrder": 0}, -50, "Invalid offlineOrder"),
        ({"limitPrice": 0}, -50, "Invalid limitPrice"),
        ({"type": 2}, -50, "Invalid limitPrice"),
        ({"stopPrice": 800}, -50, "Invalid stopPrice"),
        ({"type": 3, "limitPrice": 0, "stopPrice": 800}, -50, "Invalid stopPrice"),
        ({"type": 4, "limitPrice": 814, "stopPrice": 815}, -50, "Invalid stopPrice"),
        ({"disclosedQty": 11}, -50, "Invalid disclosedQty"),
        ({"orderTag": "with-hyphen"}, -50, "Invalid orderTag"),
        ({"orderTag": "x" * 31}, -50, "Invalid orderTag"),
        ({"orderTag": ""}, -50, "Invalid orderTag"),
        ({"orderTag": "Untagged"}, -50, "Invalid orderTag"),
        ({"orderTag": "XY01234"}, -50, "Invalid orderTag"),
        (
            {"limitPrice": 812.33},
            -50,
            "LimitPrice not a multiple of tick size 0.0500",
        ),
        ({"stopLoss": 0.01}, -50, "StopLoss not a multiple of tick size 0.0500"),
    ],
)
async def test_a_body_that_breaks_a_rule_is_refused_and_not_booked(
    client: httpx.AsyncClient,
    order: Make,
    changes: dict[str, Any],
    code: int,
    message: str,
) -> None:
    answer = await client.post(ONE, json=order(**changes))
    assert answer.status_code == 400
    assert answer.json() == {"s": "error", "code": code, "message": message}
    assert (await client.get(BOOK)).json()["orderBook"] == []


@pytest.mark.parametrize(
    "field", ["symbol", "qty", "productType", "limitPrice", "offlineOrder"]
)
async def test_a_missing_field_is_named(
    client: httpx.AsyncClient, order: Make, field: str
) -> None:
    body = order()
    del body[field]
    assert (await place(client, body))["message"] == f"Invalid {field}"


async def test_derivatives_trade_in_lots_and_ampersands_travel(
    client: httpx.AsyncClient, order: Make
) -> None:
    body = order(
        symbol="NSE:M&M26DECFUT", qty=200, productType="MARGIN", limitPrice=3600
    )
    assert (await place(client, body))["code"] == 1101
    answer = await client.get("/data/quotes", params={"symbols": "NSE:M&M26DECFUT"})
    assert answer.json()["d"][0]["v"]["lp"] == 3625


async def test_an_order_beyond_the_funds_is_rejected_and_stays_in_the_book(
    client: httpx.AsyncClient, order: Make
) -> None:
    await client.post("/_venue/settings", json={"risk": True, "funds": 10})
    answer = await place(client, order())
    assert answer == {
        "s": "error",
        "code": -99,
        "message": "RED:Margin Shortfall:INR 8123.50 Available:INR 10.00 "
        "for C-XY01234 [FYERS_RISK_CUG]",
        "id": "26113000000001",
    }
    row = await only_row(client)
    assert (row["status"], row["message"]) == (5, answer["message"])


async def test_an_unknown_path_is_a_404(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v3/nothing")).status_code == 404
