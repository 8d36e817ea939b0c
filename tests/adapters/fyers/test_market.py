"""Depth and margins, as FYERS's samples have them."""

from decimal import Decimal

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from adapters.errors import (
    RateLimited,
    Refused,
    SentUnknown,
    SessionExpired,
    Unsupported,
)
from adapters.model import Level, Margin, OrderType

from .conftest import API, DATA, ORDER, sample

DEPTH = f"{DATA}/depth"
MARGIN = f"{API}/multiorder/margin"
EXPIRED = httpx.Response(401, content=sample("error_token"))
LIMITED = httpx.Response(429, content=sample("error_rate_limit"))
REFUSED = httpx.Response(
    400, json={"s": "error", "code": -300, "message": "Invalid symbol"}
)
PAGE = httpx.Response(200, html="<html>")


async def test_a_depth_has_five_levels_each_way_best_first(fyers, web):
    web.get(DEPTH).respond(content=sample("depth"))
    depth = await fyers.depth("NSE:SBIN")
    assert depth.symbol == "NSE:SBIN"
    assert depth.bids[0] == Level(
        price=Decimal("812.85"), quantity=Decimal(4738), orders=5
    )
    assert [str(level.price) for level in depth.bids] == [
        "812.85",
        "812.8",
        "812.75",
        "812.7",
        "812.65",
    ]
    assert [str(level.price) for level in depth.asks] == [
        "812.95",
        "813.0",
        "813.05",
        "813.1",
        "813.15",
    ]
    assert (depth.last_price, depth.lower_band, depth.upper_band) == (
        Decimal("812.9"),
        Decimal("730.65"),
        Decimal("893.0"),
    )
    assert depth.at is None  # the last trade's time is not the book's
    params = web.calls.last.request.url.params
    assert dict(params) == {"symbol": "NSE:SBIN-EQ", "ohlcv_flag": "1"}


def book(**changes):
    answer = msgspec.json.decode(sample("depth"))
    answer["d"]["NSE:SBIN-EQ"] |= changes
    return answer


async def test_levels_that_are_not_there_are_left_out_and_order_is_not_trusted(
    fyers, web
):
    bids = [{"price": price, "volume": 5, "ord": 1} for price in (0, 811, 0, 812, 810)]
    web.get(DEPTH).respond(json=book(bids=bids, ask=[], lower_ckt=0))
    depth = await fyers.depth("NSE:SBIN")
    assert [int(level.price) for level in depth.bids] == [812, 811, 810]
    assert (depth.asks, depth.lower_band) == ((), None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"s":"ok"}',
        b'{"s":"ok","d":{}}',
        sample("depth").replace(b'"NSE:SBIN-EQ"', b'"NSE:OTHER-EQ"'),
        sample("depth").replace(b'"bids"', b'"bid"'),
        sample("depth").replace(b"812.85", b'"dear"'),
        sample("depth")[:200],
    ],
)
async def test_a_depth_that_cannot_be_read_is_none(fyers, web, body):
    web.get(DEPTH).respond(content=body)
    with pytest.raises(SentUnknown):
        await fyers.depth("NSE:SBIN")


async def test_a_margin_is_asked_for_in_the_orders_own_order(fyers, web):
    web.post(MARGIN).respond(content=sample("margin"))
    stop = replace(
        ORDER, type=OrderType.SL, trigger_price=Decimal("812.10"), symbol="NSE:INFY"
    )
    assert await fyers.margin([ORDER, stop]) == Margin(
        required=Decimal("147738.05634886527"), available=Decimal("50210.4")
    )
    body = msgspec.json.decode(web.calls.last.request.content)
    assert body["data"][0] == {
        "symbol": "NSE:SBIN-EQ",
        "qty": 10,
        "side": 1,
        "type": 1,
        "productType": "INTRADAY",
        "limitPrice": 812.35,
        "stopPrice": 0,
        "stopLoss": 0,
        "takeProfit": 0,
    }
    assert [row["stopPrice"] for row in body["data"]] == [0, 812.1]
    assert "orderTag" not in body["data"][0]


async def test_what_the_orders_block_is_told_and_not_what_is_blocked_already(
    fyers, web
):
    data = {"margin_avail": 5, "margin_total": 100, "margin_new_order": 150}
    web.post(MARGIN).respond(json={"s": "ok", "code": 200, "data": data})
    assert (await fyers.margin([ORDER])).required == 100


async def test_no_orders_block_nothing_and_are_no_call(fyers, web):
    assert await fyers.margin([]) == Margin(required=Decimal(0))
    assert not web.calls


@pytest.mark.parametrize(
    "body",
    [
        b'{"s":"ok","code":200}',
        b'{"s":"ok","data":{}}',
        b'{"s":"ok","data":{"margin_total":5}}',
        b'{"s":"ok","data":{"margin_total":"much","margin_new_order":5}}',
        sample("margin")[:60],
    ],
)
async def test_a_margin_that_cannot_be_read_is_not_zero(fyers, web, body):
    web.post(MARGIN).respond(content=body)
    with pytest.raises(SentUnknown):
        await fyers.margin([ORDER])


async def test_an_order_that_could_not_be_placed_is_not_asked_about(fyers, web):
    with pytest.raises(Unsupported):
        await fyers.margin([ORDER, replace(ORDER, symbol="NFO:NIFTY26NOV26FUT")])
    with pytest.raises(Unsupported):
        await fyers.depth("NFO:NIFTY26NOV26FUT")
    assert not web.calls


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (EXPIRED, SessionExpired),
        (LIMITED, RateLimited),
        (REFUSED, Refused),
        (PAGE, SentUnknown),
    ],
)
async def test_they_fail_as_other_reads_do(fyers, web, reply, error):
    web.route(host="api-t1.fyers.in").mock(return_value=reply)
    with pytest.raises(error) as of_depth:
        await fyers.depth("NSE:SBIN")
    with pytest.raises(error) as of_margin:
        await fyers.margin([ORDER])
    assert (of_depth.type, of_margin.type) == (error, error)
