"""What HDFC's reads become, and what is no answer to one, with mocked HTTP."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
from msgspec.structs import replace

from adapters.brokers.hdfc import HdfcBroker
from adapters.errors import RateLimited, Refused, SentUnknown, SessionExpired
from adapters.http import BrokerHttp
from adapters.model import BookStatus, Funds, Holding, Position, Product, Quote, Side
from adapters.rows import AT_ONCE
from adapters.secret import Secret
from tests.contracts.memory_index import MemoryIndex
from tests.support.turns import counted

from .support import API, PROFILE, SETTINGS, TLS, answer, good, no, sample
from .test_contract import INDEX, NOON, TOKEN

LTP = f"{API}/fetch-ltp"
NIFTY_PUT = "NFO:NIFTY01DEC2626500PE"
READS = {
    "order_book": ("GET", f"{API}/orders"),
    "trades": ("GET", f"{API}/trades"),
    "positions": ("GET", f"{API}/portfolio/cumulative-positions"),
    "holdings": ("GET", f"{API}/portfolio/holdings"),
    "funds": ("GET", f"{API}/user/margins"),
    "quotes": ("PUT", LTP),
    "check": ("POST", PROFILE),
}


async def read(broker, name):
    return await getattr(broker, name)(*([["NSE:SBIN"]] if name == "quotes" else []))


def prices(*rows):
    meta = {"statusCode": "OK", "statusMsg": "OK"}
    return httpx.Response(200, json={"data": list(rows), "meta": meta})


# Books


async def test_the_order_book(broker, hdfc):
    hdfc.get(f"{API}/orders").mock(return_value=answer("ir_order_book"))
    first, second, third, fourth = await broker.order_book()
    assert first.broker_order_id == "26113000003117"
    assert (first.tag, first.symbol) == ("261130000000017", "NSE:WIPRO")
    assert (first.side, first.product) == (Side.BUY, Product.CNC)
    assert (first.status, first.price) == (BookStatus.FILLED, Decimal("251.35"))
    assert first.average_price == Decimal("251.25")
    assert first.placed_at == datetime(2026, 11, 30, 4, 1, 7, tzinfo=UTC)
    assert (second.symbol, second.status) == (NIFTY_PUT, BookStatus.OPEN)
    assert (third.tag, third.status, third.filled_quantity) == (
        None,
        BookStatus.CANCELLED,
        4,
    )
    assert (fourth.status, fourth.message) == (
        BookStatus.REJECTED,
        "Insufficient margin",
    )


async def test_an_empty_book_is_empty(broker, hdfc):
    hdfc.get(f"{API}/orders").mock(return_value=answer("ir_order_book_empty"))
    assert await broker.order_book() == []


def rows():
    return json.loads(sample("ir_order_book"))["data"]


@pytest.mark.parametrize(
    "change",
    [
        {"transaction_type": "Sideways"},
        {"quantity": None},
        {"quantity": "ten"},
        {"order_id": None},
        {"status": None},
    ],
)
async def test_one_row_that_cannot_be_read_makes_the_book_unreadable(
    broker, hdfc, change
):
    book = rows()
    book[1] |= change
    hdfc.get(f"{API}/orders").mock(return_value=good(book))
    with pytest.raises(SentUnknown):
        await broker.order_book()


async def test_a_book_keeps_equal_numbers_once(broker, hdfc):
    [row, *_] = rows()
    hdfc.get(f"{API}/orders").mock(return_value=good([row, row]))
    first, second = await broker.order_book()
    assert first.quantity is second.quantity


@pytest.mark.parametrize(
    ("name", "path", "text"),
    [
        ("order_book", "orders", "ir_order_book"),
        ("trades", "trades", "ir_trades"),
    ],
)
async def test_a_long_book_is_decoded_in_turns(broker, hdfc, name, path, text):
    row = json.loads(sample(text))["data"][0]
    book = good([row] * 10 * AT_ONCE + [{}])
    hdfc.get(f"{API}/{path}").mock(return_value=book)
    async with counted() as turns:
        with pytest.raises(SentUnknown, match="a row of the"):
            await getattr(broker, name)()
    assert turns.number >= 10 - 2  # who goes first is chance


@pytest.mark.parametrize("name", ["quantity", "filled_quantity", "status", "order_id"])
async def test_a_row_without_what_every_row_has_is_no_row(broker, hdfc, name):
    book = rows()
    del book[0][name]
    hdfc.get(f"{API}/orders").mock(return_value=good(book))
    with pytest.raises(SentUnknown):
        await broker.order_book()


async def test_what_only_adorns_a_row_may_be_missing(broker, hdfc):
    bare = rows()[0] | {"order_timestamp": None, "validity": None, "expiry_date": None}
    hdfc.get(f"{API}/orders").mock(return_value=good([bare]))
    [found] = await broker.order_book()
    assert (found.placed_at, found.validity) == (None, "")


async def test_two_orders_of_one_reference_are_told_and_not_chosen_from(broker, hdfc):
    hdfc.get(f"{API}/orders").mock(return_value=good(rows() + rows()))
    with pytest.raises(SentUnknown, match="wanted one order with the tag"):
        await broker.order_by_tag("261130000000017")


async def test_the_misspelt_key_of_the_reference_is_read_too(broker, hdfc):
    book = rows()
    book[0]["external_reference_rumber"] = book[0].pop("external_reference_number")
    hdfc.get(f"{API}/orders").mock(return_value=good(book))
    found = await broker.order_by_tag("261130000000017")
    assert found.broker_order_id == "26113000003117"


async def test_a_reference_that_comes_back_as_a_number_is_the_same(broker, hdfc):
    book = [rows()[0] | {"external_reference_number": 261130000000017}]
    hdfc.get(f"{API}/orders").mock(return_value=good(book))
    assert (await broker.order_by_tag("261130000000017")) is not None


async def test_a_trade(broker, hdfc):
    hdfc.get(f"{API}/trades").mock(return_value=answer("ir_trades"))
    [trade] = await broker.trades()
    assert (trade.trade_id, trade.broker_order_id) == ("318442907", "26113000003117")
    assert (trade.symbol, trade.side) == ("NSE:WIPRO", Side.BUY)
    assert (trade.quantity, trade.price) == (10, Decimal("251.25"))
    assert trade.traded_at == datetime(2026, 11, 30, 4, 1, 8, tzinfo=UTC)


async def test_a_trade_in_a_contract_is_named_by_its_terms(broker, hdfc):
    row = json.loads(sample("ir_trades"))["data"][0] | {
        "security_id": "BANKNIFTY",
        "underlying_symbol": "BANKNIFTY",
        "instrument_segment": "OPTIDX",
        "expiry_date": "29 DEC 2026",
        "strike_price": 58000.0,
        "option_type": "Put",
        "transaction_type": "SELL",
    }
    hdfc.get(f"{API}/trades").mock(return_value=good([row]))
    [trade] = await broker.trades()
    assert (trade.symbol, trade.side) == ("NFO:BANKNIFTY29DEC2658000PE", Side.SELL)


# Account


async def test_a_position(broker, hdfc):
    path = f"{API}/portfolio/cumulative-positions"
    hdfc.get(path).mock(return_value=answer("ir_positions"))
    assert await broker.positions() == [
        Position(
            symbol=NIFTY_PUT,  # the sample's token
            product=Product.MARGIN,
            quantity=Decimal(65),
            day_quantity=Decimal(65),
            average_price=Decimal("120.0"),
            last_price=None,
            realised_pnl=Decimal("0.0"),
            unrealised_pnl=Decimal(0),
        )
    ]


async def test_a_success_without_the_net_is_no_empty_account(broker, hdfc):
    hdfc.get(f"{API}/portfolio/cumulative-positions").mock(return_value=good({}))
    with pytest.raises(SentUnknown):
        await broker.positions()


HELD = Holding(
    symbol="WIPRO LTD",
    quantity=Decimal(10),
    t1_quantity=Decimal(0),
    average_price=Decimal("240.1"),
    last_price=Decimal("249.9"),
    isin="INE075A01022",
)


async def test_a_holding_that_nobody_knows_is_named_as_its_company(broker, hdfc):
    path = f"{API}/portfolio/holdings"
    hdfc.get(path).mock(return_value=answer("ir_holdings"))
    assert await broker.holdings() == [HELD]


async def test_a_holding_is_named_by_its_isin_first_and_then_by_its_id(hdfc):
    wipro = replace(INDEX.by_symbol("NSE:WIPRO"), isin="INE075A01022")
    broker = HdfcBroker(
        SETTINGS, BrokerHttp(tls=TLS), MemoryIndex([wipro]), wall=lambda: NOON
    )
    broker.use(broker.login.adopt(Secret(TOKEN), NOON))
    row = json.loads(sample("ir_holdings"))["data"][0]
    by_isin = row | {"security_id": "OTHER"}
    by_id = row | {"isin": None, "security_id": "WIPLTDEQNR"}
    unknown = row | {"isin": "", "security_id": "OTHER"}
    path = f"{API}/portfolio/holdings"
    hdfc.get(path).mock(return_value=good([by_isin, by_id, unknown]))
    found = [held.symbol for held in await broker.holdings()]
    assert found == ["NSE:WIPRO", "NSE:WIPRO", "OTHER"]
    await broker.aclose()


@pytest.mark.parametrize(
    "refusal",
    [
        answer("ir_error_holdings_empty", 422),
        no("60014 nothing", 422),
        no("60014: Your Portfolio Holding is Null", 422),
    ],
)
async def test_an_empty_demat_is_refused_by_hdfc_and_empty_here(broker, hdfc, refusal):
    hdfc.get(f"{API}/portfolio/holdings").mock(return_value=refusal)
    assert await broker.holdings() == []


@pytest.mark.parametrize(("words", "status"), [("odd", 422), ("60014 no", 400)])
async def test_any_other_refusal_is_no_empty_demat(broker, hdfc, words, status):
    hdfc.get(f"{API}/portfolio/holdings").mock(return_value=no(words, status))
    with pytest.raises(Refused):
        await broker.holdings()


async def test_funds(broker, hdfc):
    hdfc.get(f"{API}/user/margins").mock(return_value=answer("ir_funds"))
    assert await broker.funds() == Funds(
        available=Decimal("50210.4"),
        used=Decimal("2512.5"),
        cash=Decimal("52722.9"),
        total=Decimal("52722.9"),
    )


async def test_an_amount_may_be_text_with_commas(broker, hdfc):
    text = sample("ir_funds").decode().replace(": 50210.4", ': "1,50,210.40"')
    hdfc.get(f"{API}/user/margins").mock(return_value=httpx.Response(200, text=text))
    assert (await broker.funds()).available == Decimal("150210.40")


@pytest.mark.parametrize("amount", ["null", '"NaN"', '""', "true", "{}"])
async def test_what_is_no_amount_is_no_funds(broker, hdfc, amount):
    text = sample("ir_funds").decode().replace(": 50210.4", f": {amount}")
    hdfc.get(f"{API}/user/margins").mock(return_value=httpx.Response(200, text=text))
    with pytest.raises(SentUnknown, match="wanted an amount"):
        await broker.funds()


async def test_a_check_is_a_post_of_nothing(broker, hdfc):
    call = hdfc.post(PROFILE).mock(return_value=answer("ir_profile"))
    assert await broker.check() is None
    request = call.calls[0].request
    assert (request.content, request.headers["Content-Length"]) == (b"", "0")


# Prices


async def test_quotes_are_joined_by_exchange_and_token(broker, hdfc):
    call = hdfc.put(LTP).mock(return_value=answer("ir_fetch_ltp"))
    quotes = await broker.quotes(["NSE:WIPRO", "NSE_INDEX:NIFTY", "NSE:SBIN"])
    assert [quote.symbol for quote in quotes] == ["NSE:WIPRO", "NSE_INDEX:NIFTY"]
    assert quotes[0] == Quote(
        symbol="NSE:WIPRO",
        last_price=Decimal("251.2"),
        previous_close=Decimal("249.9"),
    )
    assert json.loads(call.calls[0].request.content) == {
        "data": [
            {"exchange": "NSE", "token": "3787"},
            {"exchange": "NSE_INDEX", "token": "26000"},
            {"exchange": "NSE", "token": "3045"},
        ]
    }


@pytest.mark.parametrize("price", [{"ltp": 0}, {"ltp": -1}, {"ltp": None}, {}])
async def test_a_row_without_a_price_prices_nothing(broker, hdfc, price):
    row = {"exchange": "NSE", "token": 3045, **price}
    hdfc.put(LTP).mock(return_value=prices(row))
    assert await broker.quotes(["NSE:SBIN"]) == []


async def test_ten_are_asked_for_at_once(broker, hdfc):
    call = hdfc.put(LTP).mock(return_value=prices())
    names = [f"NSE:{name}" for name in ("SBIN", "TCS", "INFY", "ITC", "LT", "WIPRO")]
    names += [f"NSE:{name}" for name in ("TITAN", "NTPC", "ONGC", "MARUTI", "M&M")]
    assert await broker.quotes(names) == []
    sizes = [len(json.loads(one.request.content)["data"]) for one in call.calls]
    assert sizes == [10, 1]


async def test_a_contract_that_is_left_out_is_asked_for_under_its_segments_code(
    broker, hdfc
):
    row = {"exchange": "NFO", "token": 41031, "ltp": 120.5, "prev_close": 110}
    call = hdfc.put(LTP).mock(side_effect=[prices(), prices(row)])
    [quote] = await broker.quotes([NIFTY_PUT, "NSE:SBIN"])
    assert (quote.symbol, quote.last_price) == (NIFTY_PUT, Decimal("120.5"))
    asked = [json.loads(one.request.content)["data"] for one in call.calls]
    assert asked[0][0] == {"exchange": "NSE", "token": "41031"}
    assert asked[1] == [{"exchange": "NFO", "token": "41031"}]


async def test_a_row_of_another_exchange_prices_nothing(broker, hdfc):
    row = {"exchange": "BSE", "token": 3045, "ltp": 1.5}
    hdfc.put(LTP).mock(return_value=prices(row))
    assert await broker.quotes(["NSE:SBIN"]) == []


# What is no answer

WRONG = [
    (httpx.Response(502), SentUnknown),
    (httpx.Response(503, json={"status": "success", "data": []}), SentUnknown),
    (httpx.Response(408, json={"error": "x"}), SentUnknown),
    (httpx.Response(302), SentUnknown),
    (httpx.Response(200, text="<html></html>"), SentUnknown),
    (httpx.Response(200, content=b'{"status":"success","data":[{"ord'), SentUnknown),
    (httpx.Response(200, content=b'{"status":"success"}'), SentUnknown),
    (httpx.Response(200, content=b"{}"), SentUnknown),
    (httpx.Response(200, content=b""), SentUnknown),
    (no("50000 SQL exception"), SentUnknown),
    (httpx.Response(401), SessionExpired),
    (httpx.Response(401, json={"error": "invalid credentials"}), SessionExpired),
    (no("Access token expired"), SessionExpired),
    (httpx.Response(429, text="<html></html>"), RateLimited),
    (no("too many requests"), RateLimited),
    (no("something is odd"), Refused),
    (no("something is odd", 403), Refused),
    (httpx.Response(404, json={"error": "no such"}), Refused),
]


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize(("reply", "error"), WRONG)
async def test_what_is_no_answer_is_never_an_empty_one(
    broker, hdfc, name, reply, error
):
    method, url = READS[name]
    hdfc.request(method, url).mock(return_value=reply)
    with pytest.raises(error) as caught:
        await read(broker, name)
    assert caught.type is error


async def test_prices_under_a_meta_that_says_no_are_none(broker, hdfc):
    body = {"data": [], "meta": {"statusCode": "E1", "statusMsg": "not now"}}
    hdfc.put(LTP).mock(return_value=httpx.Response(200, json=body))
    with pytest.raises(Refused, match="not now"):
        await broker.quotes(["NSE:SBIN"])
