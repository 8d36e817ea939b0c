"""The FYERS venue's portfolio and market data, in the shapes of the samples."""

from typing import Any

import httpx
import pytest

from .conftest import ONE, Make, sample, shape


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v3/profile", "profile"),
        ("/api/v3/funds", "funds"),
        ("/api/v3/holdings", "holdings"),
        ("/data/marketStatus", "market_status"),
        ("/data/quotes?symbols=NSE:SBIN-EQ", "quotes"),
        ("/data/depth?symbol=NSE%3ASBIN-EQ&ohlcv_flag=1", "depth"),
    ],
)
async def test_reads_have_the_keys_of_the_samples(
    client: httpx.AsyncClient, path: str, name: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert shape(answer.json()) == shape(sample(name))


async def test_quotes_know_the_sample_day_and_mark_unknown_symbols(
    client: httpx.AsyncClient,
) -> None:
    body = {"symbols": ["NSE:SBIN-EQ", "NSE:NOSUCH-EQ"]}
    [sbin, unknown] = (await client.post("/data/quotes", json=body)).json()["d"]
    expected = sample("quotes")["d"][0]["v"]
    for key in ("lp", "ch", "chp", "bid", "ask", "prev_close_price", "open_price"):
        assert sbin["v"][key] == expected[key]
    assert unknown == {"n": "NSE:NOSUCH-EQ", "s": "error", "v": {}}
    many = {"symbols": ["NSE:SBIN-EQ"] * 51}
    assert (await client.post("/data/quotes", json=many)).json()["code"] == -50


async def test_the_margin_calculator_adds_up(
    client: httpx.AsyncClient, order: Make
) -> None:
    answer = await client.post("/api/v3/multiorder/margin", json={"data": [order()]})
    assert shape(answer.json()) == shape(sample("margin"))
    assert answer.json()["data"]["margin_total"] == 8123.5


async def test_orders_use_up_funds_and_give_them_back(
    client: httpx.AsyncClient, order: Make
) -> None:
    async def available() -> float:
        rows = (await client.get("/api/v3/funds")).json()["fund_limit"]
        return float(rows[9]["equityAmount"])

    order_id = (await client.post(ONE, json=order())).json()["id"]
    assert await available() == 10_000_000 - 8123.5
    await client.request("DELETE", ONE, json={"id": order_id})
    assert await available() == 10_000_000


async def test_profit_and_loss_follow_the_fills(
    client: httpx.AsyncClient, order: Make
) -> None:
    await client.post(ONE, json=order(type=2, limitPrice=0))
    await client.post("/_venue/prices", json={"NSE:SBIN-EQ": 815.0})
    await client.post(ONE, json=order(type=2, limitPrice=0, side=-1, qty=4))
    answer = (await client.get("/api/v3/positions")).json()
    assert answer["overall"] == {
        "count_total": 1,
        "count_open": 1,
        "pl_total": 21.0,
        "pl_realized": 8.4,
        "pl_unrealized": 12.6,
    }


@pytest.mark.parametrize(
    "wanted",
    [
        {"exit_all": 1},
        {"id": "NSE:SBIN-EQ-INTRADAY"},
        {"id": ["NSE:SBIN-EQ-INTRADAY"]},
        {"segment": [10], "side": [1, -1], "productType": ["ALL"]},
    ],
)
async def test_exit_closes_positions_once(
    client: httpx.AsyncClient, order: Make, wanted: dict[str, Any]
) -> None:
    await client.post(ONE, json=order(type=2, limitPrice=0))
    exited = await client.request("DELETE", "/api/v3/positions", json=wanted)
    assert exited.json() == sample("exit_position")
    answer = (await client.get("/api/v3/positions")).json()
    assert answer["netPositions"][0]["netQty"] == 0
    again = await client.request("DELETE", "/api/v3/positions", json=wanted)
    assert (again.status_code, again.json()["code"]) == (400, -352)


async def test_an_exit_that_does_not_fill_says_201(
    client: httpx.AsyncClient, order: Make
) -> None:
    await client.post(ONE, json=order(type=2, limitPrice=0))
    await client.post("/_venue/settings", json={"fill_market": False})
    answer = await client.request("DELETE", "/api/v3/positions", json={"exit_all": 1})
    assert answer.json()["code"] == 201
