"""Books, account and market: samples and rows to the model."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from adapters.brokers.mstock.translate import time_of
from adapters.errors import NotSent, Refused, SentUnknown, SessionExpired, Unsupported
from adapters.instruments import Instrument, InstrumentKind
from adapters.model import (
    BookOrder,
    BookStatus,
    Funds,
    Holding,
    Margin,
    OrderType,
    Position,
    Product,
    Quote,
    Side,
    Trade,
)
from adapters.rows import AT_ONCE
from tests.contracts.memory_index import MemoryIndex
from tests.support.turns import counted

from .conftest import NOON, ORDER, only_a, only_b, sample
from .rows import ID, book, order, row

BOOKS = {
    "order_book": "orders",
    "trades": "tradebook",
    "positions": "portfolio/positions",
    "holdings": "portfolio/holdings",
}
AT_NINE = datetime(2026, 11, 30, 3, 50, 4, tzinfo=UTC)


async def read(mstock, root, web, name, data):
    """The answer to a read of *name*."""
    if isinstance(data, bytes):
        answer = httpx.Response(200, content=data)
    else:
        answer = httpx.Response(200, json={"status": "true", "data": data})
    web.get(f"{root}/{BOOKS[name]}").mock(return_value=answer)
    return await getattr(mstock, name)()


async def one(mstock, root, web, **cells):
    """The order of the tests, its row changed."""
    [found] = await read(mstock, root, web, "order_book", [row(root, **cells)])
    return found


async def test_a_row_becomes_an_order(mstock, root, web):
    assert await one(mstock, root, web) == BookOrder(
        broker_order_id=ID,
        tag=None,
        symbol="NSE:SBIN",
        side=Side.BUY,
        quantity=Decimal(10),
        filled_quantity=Decimal(0),
        status=BookStatus.OPEN,
        type=OrderType.LIMIT,
        product=Product.INTRADAY,
        price=Decimal("812.35"),
        placed_at=NOON,
    )


@only_a
async def test_the_official_book_of_type_a_is_read_whole(mstock, root, web):
    found = await read(mstock, root, web, "order_book", sample("typea_order_book"))
    assert len(found) == len(msgspec.json.decode(sample("typea_order_book"))["data"])
    first = found[0]
    assert first.broker_order_id == "1111250206114"
    assert (first.symbol, first.product) == ("NSE:SBICARD", Product.CNC)
    assert (first.status, first.tag) == (BookStatus.REJECTED, None)
    assert first.message.startswith("EXCH:16308:")
    assert {order.status for order in found} <= set(BookStatus) - {BookStatus.UNCLEAR}


@only_b
async def test_the_official_book_of_type_b_is_read_whole(mstock, root, web):
    [found] = await read(mstock, root, web, "order_book", sample("typeb_order_book"))
    assert (found.broker_order_id, found.symbol) == ("1131250211100", "NSE:ACC")
    assert (found.status, found.type) == (BookStatus.TRANSIT, OrderType.MARKET)
    assert (found.price, found.quantity) == (None, 20)
    assert found.placed_at == datetime(2025, 2, 11, 4, 50, 34, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Transit", BookStatus.TRANSIT),
        ("Validated", BookStatus.OPEN),
        ("O-Pending", BookStatus.OPEN),
        ("TRIGGER  pending", BookStatus.OPEN),
        ("Triggered", BookStatus.OPEN),
        ("o-modified", BookStatus.OPEN),
        (" Rejected ", BookStatus.REJECTED),
        ("O-Cancelled", BookStatus.CANCELLED),
        ("Expired", BookStatus.EXPIRED),
        ("Something new", BookStatus.UNCLEAR),
    ],
)
async def test_a_status_is_read_in_any_case_and_never_guessed(
    mstock, root, web, text, status
):
    assert (await one(mstock, root, web, status=text)).status is status


@pytest.mark.parametrize("text", ["Traded", "Trade confirmed", "Complete", "EXECUTED"])
@pytest.mark.parametrize(
    ("filled", "status"), [(4, BookStatus.OPEN), (10, BookStatus.FILLED)]
)
async def test_a_fill_is_whole_only_by_its_quantity(
    mstock, root, web, text, filled, status
):
    name = "filled_quantity" if root[-1] == "a" else "filledshares"
    found = await one(mstock, root, web, **{"status": text, name: filled})
    assert (found.status, found.filled_quantity) == (status, filled)


@pytest.mark.parametrize(
    ("tag", "found"),
    [([], None), (None, None), ("None", None), ("", None), ("ORDO1", "ORDO1")],
)
async def test_a_tag_is_shown_where_one_ever_comes_back(mstock, root, web, tag, found):
    name = "tag" if root[-1] == "a" else "ordertag"
    assert (await one(mstock, root, web, **{name: tag})).tag == found


@pytest.mark.parametrize(
    ("key", "symbol"),
    [
        (("NFO", "41001"), "NFO:NIFTY29DEC26FUT"),
        (("NFO", "41080"), "NFO:IOC29DEC26162.5CE"),
        (("BFO", "870002"), "BFO:SENSEX03DEC2684000CE"),
        (("BSE", "500325"), "BSE:RELIANCE"),
        (("NSE", "2031"), "NSE:M&M"),
    ],
)
async def test_a_derivative_is_known_though_its_exchange_is_the_share_markets(
    mstock, root, web, key, symbol
):
    shown = row(root, order(key))
    assert shown["exchange"] in ("NSE", "BSE")
    [found] = await read(mstock, root, web, "order_book", [shown])
    assert found.symbol == symbol


async def test_a_number_of_a_share_is_not_taken_for_a_derivatives(mstock, root, web):
    """The two markets count on their own: 41001 is a future, and could be a share."""
    name = "instrument_token" if root[-1] == "a" else "symboltoken"
    found = await one(mstock, root, web, **{name: "41001"})
    assert found.symbol == "NSE:SBIN"  # the broker's text, as the row has it


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("SL", OrderType.SL),
        ("STOPLOSS_LIMIT", OrderType.SL),
        ("STOP_LOSS_MARKET", OrderType.SL_M),
        ("sl-m", OrderType.SL_M),
        ("NEW", OrderType.LIMIT),
    ],
)
async def test_a_type_has_many_spellings(mstock, root, web, kind, found):
    name = "order_type" if root[-1] == "a" else "ordertype"
    assert (await one(mstock, root, web, **{name: kind})).type is found


@pytest.mark.parametrize(
    ("key", "name", "product"),
    [
        (("NSE", "3045"), "CNC", Product.CNC),
        (("NSE", "3045"), "DELIVERY", Product.CNC),
        (("NSE", "3045"), "MIS", Product.INTRADAY),
        (("NFO", "41001"), "NRML", Product.MARGIN),
        (("NFO", "41001"), "MARGIN", Product.MARGIN),
        (("NSE", "3045"), "MARGIN", "MTF"),
        (("NSE", "3045"), "MTF", "MTF"),
        (("NSE", "3045"), "", ""),
    ],
)
async def test_a_product_has_the_words_of_both_types(
    mstock, root, web, key, name, product
):
    cell = "product" if root[-1] == "a" else "producttype"
    shown = row(root, order(key), **{cell: name})
    [found] = await read(mstock, root, web, "order_book", [shown])
    assert found.product == product


async def test_a_book_keeps_equal_numbers_once(mstock, root, web):
    twice = [row(root), row(root)]
    first, second = await read(mstock, root, web, "order_book", twice)
    assert first.quantity is second.quantity


async def test_a_long_book_is_decoded_in_turns(mstock, root, web):
    book = [row(root)] * 10 * AT_ONCE + [[]]
    async with counted() as turns:
        with pytest.raises(SentUnknown, match="a row of orders"):
            await read(mstock, root, web, "order_book", book)
    assert turns.number >= 10 - 2  # who goes first is chance


@pytest.mark.parametrize(
    "cells",
    [
        {"status": None},
        {"status": ""},
        {"quantity": ""},
        {"quantity": "many"},
        {"quantity": "NaN"},
        {"exchange": None},
        {"price": "dear"},
        {"filled_quantity": None, "filledshares": None},
        {"order_id": "", "orderid": ""},
        {"transaction_type": "B", "transactiontype": "B"},
        {"instrument_token": None, "symboltoken": None},
    ],
)
async def test_one_row_that_cannot_be_read_makes_the_whole_book_unreadable(
    mstock, root, web, cells
):
    rows = [row(root), row(root, **cells)]
    with pytest.raises(SentUnknown):
        await read(mstock, root, web, "order_book", rows)


@pytest.mark.parametrize("name", BOOKS)
@pytest.mark.parametrize("data", [None, "None", []])
async def test_null_is_an_empty_book(mstock, root, web, name, data):
    if name == "positions" and root[-1] == "a":
        data = {"net": data, "day": None}
    assert list(await read(mstock, root, web, name, data)) == []


@only_a
async def test_null_is_no_position(mstock, root, web):
    assert await read(mstock, root, web, "positions", None) == []


@pytest.mark.parametrize("name", BOOKS)
async def test_a_success_without_its_rows_is_not_an_empty_book(mstock, root, web, name):
    for body in ({"status": "success"}, {"status": "true", "data": {"rows": []}}):
        web.get(f"{root}/{BOOKS[name]}").respond(json=body)
        with pytest.raises(SentUnknown):
            await getattr(mstock, name)()


@pytest.mark.parametrize("name", BOOKS)
async def test_a_book_of_something_else_than_rows_is_none(mstock, root, web, name):
    for data in ([1], ["a"], [[]], "rows", 5):
        with pytest.raises(SentUnknown):
            await read(mstock, root, web, name, data)


@pytest.mark.parametrize("status", [202, 206, 404])
async def test_a_book_under_another_status_than_200_is_none(mstock, root, web, status):
    web.get(f"{root}/orders").respond(status, json=book(root))
    with pytest.raises(SentUnknown):
        await mstock.order_book()


async def test_a_book_that_is_cut_off_is_none(mstock, root, web):
    body = msgspec.json.encode(book(root))
    for end in (0, 20, len(body) // 2, len(body) - 1):
        web.get(f"{root}/orders").respond(content=body[:end])
        with pytest.raises(SentUnknown):
            await mstock.order_book()


async def test_a_fill_is_known_by_its_order_and_its_number(mstock, root, web):
    [found] = await read(mstock, root, web, "trades", sample("typea_tradebook"))
    assert found == Trade(
        trade_id="1131261130100-206465040",
        broker_order_id="1131261130100",
        tag=None,
        symbol="NSE:SBIN",
        side=Side.BUY,
        quantity=Decimal(10),
        price=Decimal("812.3"),
        product=Product.CNC,
        traded_at=AT_NINE,
    )


async def test_a_fill_of_a_derivative_is_known_by_its_segment(mstock, root, web):
    rows = msgspec.json.decode(sample("typea_tradebook"))["data"]
    for kind, token, symbol in (
        ("OPTIDX", "41010", "NFO:NIFTY01DEC2625500CE"),
        ("FUTIDX", "41001", "NFO:NIFTY29DEC26FUT"),
        ("", "41010", "NFO:NIFTY01DEC2625500CE"),
    ):
        cells = {"SEGMENT": "D", "INSTRUMENT_NAME": kind, "SEC_ID": token}
        [found] = await read(mstock, root, web, "trades", [rows[0] | cells])
        assert found.symbol == symbol


@only_a
async def test_a_position_of_type_a_is_reckoned_here(mstock, root, web):
    [found] = await read(mstock, root, web, "positions", sample("typea_positions"))
    assert found == Position(
        symbol="NSE:TCS",
        product=Product.MARGIN,
        quantity=Decimal(3),
        day_quantity=Decimal(3),
        average_price=Decimal(4093),
        last_price=Decimal("4231.75"),
        realised_pnl=Decimal(0),
        unrealised_pnl=Decimal("416.25"),
    )


def quoted(web, root, status=200, ltp=815.3):
    row = {"exchange": "NSE", "symbolToken": "3045", "ltp": ltp}
    body = {"status": "true", "data": {"fetched": [row], "unfetched": []}}
    web.post(f"{root}/instruments/quote").respond(status, json=body)


@only_b
async def test_a_position_of_type_b_gets_its_price_from_a_quote(mstock, root, web):
    quoted(web, root)
    [found] = await read(mstock, root, web, "positions", sample("typeb_positions"))
    assert found == Position(
        symbol="NSE:SBIN",
        product=Product.INTRADAY,
        quantity=Decimal(10),
        day_quantity=Decimal(10),
        average_price=Decimal("812.30"),
        last_price=Decimal("815.3"),
        realised_pnl=Decimal(0),
        unrealised_pnl=Decimal("30.00"),
    )


@only_b
async def test_a_position_without_a_quote_is_told_all_the_same(mstock, root, web):
    quoted(web, root, status=502)
    [found] = await read(mstock, root, web, "positions", sample("typeb_positions"))
    assert (found.quantity, found.last_price, found.unrealised_pnl) == (10, None, 0)


@only_b
async def test_a_closed_position_asks_for_no_quote(mstock, root, web):
    rows = msgspec.json.decode(sample("typeb_positions"))["data"]
    cells = {"netqty": "0", "sellqty": "10", "totalsellavgprice": "813.30"}
    [found] = await read(mstock, root, web, "positions", [rows[0] | cells])
    assert (found.realised_pnl, found.unrealised_pnl) == (Decimal("10.00"), 0)
    assert len(web.calls) == 1


async def test_what_was_there_before_today_is_not_todays(mstock, root, web, api_type):
    quoted(web, root)
    name = f"type{api_type.lower()}_positions"
    rows = msgspec.json.decode(sample(name))["data"]
    rows = rows["net"] if api_type == "A" else rows
    a, b = {"overnight_quantity": 2}, {"cfbuyqty": "5", "cfsellqty": "3"}
    data = [rows[0] | (a if api_type == "A" else b)]
    data = {"net": data} if api_type == "A" else data
    [found] = await read(mstock, root, web, "positions", data)
    assert found.day_quantity == found.quantity - 2


async def test_a_holding_is_known_by_its_number_not_by_its_name(
    mstock, root, web, api_type
):
    a = {"instrument_token": 3499, "t1_quantity": 1, "average_price": 151.87}
    b = {"symboltoken": "3499", "t1quantity": "1", "averageprice": "151.87"}
    cells = {"tradingsymbol": "TATA STEEL LIMITED", "isin": "INE081A01020"}
    prices = {"last_price": 172.44, "ltp": "172.44", "exchange": None}
    data = cells | prices | {"quantity": "2"} | (a if api_type == "A" else b)
    assert await read(mstock, root, web, "holdings", [data]) == [
        Holding(
            symbol="NSE:TATASTEEL",
            quantity=Decimal(2),
            t1_quantity=Decimal(1),
            average_price=Decimal("151.87"),
            last_price=Decimal("172.44"),
            isin="INE081A01020",
        )
    ]


async def test_a_holding_that_nobody_knows_keeps_its_name(mstock, root, web):
    token = "instrument_token" if root[-1] == "a" else "symboltoken"
    data = {"tradingsymbol": "UNHEARD LIMITED", token: "999999", "quantity": 1}
    [found] = await read(mstock, root, web, "holdings", [data])
    assert found.symbol == "UNHEARD LIMITED"


def test_a_holding_is_known_by_its_isin_where_the_number_is_not():
    from adapters.brokers.mstock.symbols import Symbols

    found = Instrument(
        symbol="NSE:SBIN",
        key="other",
        kind=InstrumentKind.EQ,
        lot_size=Decimal(1),
        tick_size=Decimal("0.05"),
        isin="INE062A01020",
    )
    symbols = Symbols(MemoryIndex([found]), "B")
    assert symbols.held("INE062A01020", "1", "STATE BANK") == "NSE:SBIN"


async def funds(mstock, root, web, **cells):
    name = f"type{root[-1]}_fund_summary"
    data = msgspec.json.decode(sample(name))["data"]
    body = {"status": True, "data": [data[0] | cells]}
    web.get(f"{root}/user/fundsummary").respond(json=body)
    return await mstock.funds()


async def test_funds_are_text_and_collateral_is_no_cash(mstock, root, web):
    found = await funds(mstock, root, web, COLLATERALS="97.5", MF_COLLATERAL="0.5")
    assert found == Funds(
        available=Decimal(299999999997),
        used=Decimal("0.0"),
        cash=Decimal(299999999899),
        total=Decimal(299999999997),
    )


@pytest.mark.parametrize("name", ["AVAILABLE_BALANCE", "AMOUNT_UTILIZED", "SUM_OF_ALL"])
async def test_a_figure_that_is_missing_is_not_zero(mstock, root, web, name):
    with pytest.raises(SentUnknown, match=name):
        await funds(mstock, root, web, **{name: None})


@pytest.mark.parametrize("data", [None, [], [{}, {}]])
async def test_funds_without_their_row_are_no_answer(mstock, root, web, data):
    web.get(f"{root}/user/fundsummary").respond(json={"status": "true", "data": data})
    with pytest.raises(SentUnknown, match="funds"):
        await mstock.funds()


async def test_good_funds_are_a_good_session(mstock, root, web):
    web.get(f"{root}/user/fundsummary").respond(
        content=sample(f"type{root[-1]}_fund_summary")
    )
    assert await mstock.check() is None


SBIN = Quote(
    symbol="NSE:SBIN",
    last_price=Decimal("812.90"),
    open=Decimal(810),
    high=Decimal(815),
    low=Decimal("808.50"),
    previous_close=Decimal("811.80"),
)


@only_b
async def test_quotes_of_type_b_go_by_numbers(mstock, root, web):
    web.post(f"{root}/instruments/quote").respond(content=sample("typeb_quote"))
    wanted = ["NSE:SBIN", "NSE_INDEX:NIFTY", "NFO:NIFTY29DEC26FUT", "NSE:SBIN"]
    assert await mstock.quotes(wanted) == [SBIN]
    assert msgspec.json.decode(web.calls.last.request.content) == {
        "mode": "OHLC",
        "exchangeTokens": {"NSE": ["3045", "26000"], "NFO": ["41001"]},
    }


@only_a
async def test_quotes_of_type_a_go_by_names_and_indices_by_numbers(mstock, root, web):
    values = {"open": 810, "high": 815, "low": 808.5, "close": 811.8}
    data = {
        "NSE:SBIN": {"instrument_token": 3045, "last_price": 812.9, "ohlc": values},
        "NSE:M&M": None,
        "NSE:26000": "None",
    }
    web.get(url__startswith=f"{root}/instruments/quote/ohlc").respond(
        json={"status": "success", "data": data}
    )
    assert await mstock.quotes(["NSE:SBIN", "NSE:M&M", "NSE_INDEX:NIFTY"]) == [SBIN]
    query = web.calls.last.request.url.query
    assert query == b"i=NSE%3ASBIN&i=NSE%3AM%26M&i=NSE%3A26000"


@only_a
async def test_the_official_sample_of_an_unknown_symbol_is_no_quote(mstock, root, web):
    web.get(url__startswith=f"{root}/instruments/quote/ohlc").respond(
        content=sample("typea_ltp_unknown_symbol")
    )
    assert await mstock.quotes(["BSE:ACC"]) == []


async def test_a_price_of_zero_is_none(mstock, root, web):
    quoted(web, root, ltp=0)
    data = {"NSE:SBIN": {"last_price": 0}}
    web.get(url__startswith=f"{root}/instruments/quote/ohlc").respond(
        json={"status": "success", "data": data}
    )
    assert await mstock.quotes(["NSE:SBIN"]) == []


async def test_a_quote_that_cannot_be_read_is_no_answer(mstock, root, web):
    quoted(web, root, ltp="dear")
    data = {"NSE:SBIN": {"last_price": "dear"}}
    web.get(url__startswith=f"{root}/instruments/quote/ohlc").respond(
        json={"status": "success", "data": data}
    )
    with pytest.raises(SentUnknown):
        await mstock.quotes(["NSE:SBIN"])


async def test_no_symbols_are_no_call(mstock, web):
    assert await mstock.quotes([]) == []
    assert await mstock.margin([]) == Margin(required=Decimal(0))
    assert not web.calls


@only_a
async def test_a_margin_of_type_a_is_of_one_order(mstock, root, web):
    web.post(f"{root}/margins/orders").respond(content=sample("typea_margin"))
    assert await mstock.margin([ORDER]) == Margin(required=Decimal("1618.45"))
    assert msgspec.json.decode(web.calls.last.request.content) == {
        "tradingsymbol": "SBIN",
        "exchange": "NSE",
        "transaction_type": "BUY",
        "order_type": "LIMIT",
        "quantity": "10",
        "product": "MIS",
        "price": "812.35",
        "trigger_price": "0",
        "variety": "regular",
    }
    with pytest.raises(Unsupported, match="at most 1"):
        await mstock.margin([ORDER, ORDER])


@only_b
async def test_a_margin_of_type_b_is_of_several(mstock, root, web):
    data = {"summary": {"total_charges": 11250.5}, "charges": []}
    web.post(f"{root}/margins/orders").respond(json={"status": "true", "data": data})
    future = replace(
        ORDER, symbol="NFO:NIFTY29DEC26FUT", quantity=Decimal(65), price=Decimal(26000)
    )
    found = await mstock.margin([ORDER, future])
    assert found == Margin(required=Decimal("11250.5"))
    first, second = msgspec.json.decode(web.calls.last.request.content)["orders"]
    assert first == {
        "product_type": "INTRADAY",
        "transaction_type": "BUY",
        "quantity": "10",
        "price": "812.35",
        "exchange": "NSE",
        "symbol_name": "SBIN",
        "token": "3045",
        "trigger_price": 0,
    }
    assert (second["symbol_name"], second["token"]) == ("NIFTY26DECFUT", "41001")


@only_b
async def test_a_margin_that_did_not_fit_is_refused(mstock, root, web):
    body = sample("typeb_margin_validation_error")
    web.post(f"{root}/margins/orders").respond(400, content=body)
    with pytest.raises(Refused, match="validation errors"):
        await mstock.margin([ORDER])


async def test_there_is_no_depth(mstock, web):
    with pytest.raises(Unsupported, match="stream"):
        await mstock.depth("NSE:SBIN")
    assert not web.calls


async def test_a_dead_session_shows_under_a_server_error_too(mstock, root, web):
    body = {"status": "false", "errorcode": "MAInternalServerError"}
    words = {"message": "invalid session. Kindly logout and login again"}
    web.get(f"{root}/orders").respond(500, json=body | words)
    with pytest.raises(SessionExpired):
        await mstock.order_book()


async def test_a_read_that_is_not_sent_says_so(mstock, root, web):
    web.get(f"{root}/orders").mock(side_effect=NotSent("no"))
    with pytest.raises(NotSent):
        await mstock.order_book()


@pytest.mark.parametrize(
    "text",
    [
        "30-11-2026 09:20:04",
        "2026-11-30 09:20:04",
        "2026-Nov-30 09:20:04",
        "2026-Nov-30 09: 20: 04",
        "30-11-2026 09:20:04 AM",
        "30-Nov-2026 9:20:04",
    ],
)
def test_a_time_is_written_in_many_ways(text):
    assert time_of(text) == AT_NINE


def test_a_half_day_is_told_by_its_letters():
    assert time_of("23-01-2025 02:55:55 PM") == datetime(
        2025, 1, 23, 9, 25, 55, tzinfo=UTC
    )
    assert time_of("23-01-2025 12:00:00 AM") == datetime(
        2025, 1, 22, 18, 30, tzinfo=UTC
    )


@pytest.mark.parametrize("text", ["", "0", "30-13-2026 09:20:04", "09:20:04", "x"])
def test_what_is_no_time_is_none(text):
    assert time_of(text) is None
