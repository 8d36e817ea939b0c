"""Books, portfolio and quotes, as FYERS's samples have them."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import msgspec
import pytest

from adapters.brokers.fyers.adapter import READS
from adapters.errors import Refused, SentUnknown, Unsupported
from adapters.model import (
    BookOrder,
    BookStatus,
    Funds,
    Holding,
    OrderType,
    Position,
    Product,
    Quote,
    Side,
    Trade,
)
from adapters.rows import AT_ONCE
from tests.support.turns import counted

from .conftest import API, DATA, sample

BOOKS = {
    "order_book": f"{API}/orders",
    "trades": f"{API}/tradebook",
    "positions": f"{API}/positions",
    "holdings": f"{API}/holdings",
    "funds": f"{API}/funds",
}


def rows(name, key, **changes):
    """A sample's answer with its first row alone, changed; None takes a field out."""
    answer = msgspec.json.decode(sample(name))
    row = answer[key][0] | changes
    answer[key] = [{key: value for key, value in row.items() if value is not None}]
    return answer


def book(**changes):
    return rows("order_book", "orderBook", **changes)


async def only_order(fyers, web, **changes):
    web.get(f"{API}/orders").respond(json=book(**changes))
    [order] = await fyers.order_book()
    return order


async def test_a_book_keeps_equal_numbers_once(fyers, web):
    [row] = rows("order_book", "orderBook")["orderBook"]
    web.get(f"{API}/orders").respond(json={"s": "ok", "orderBook": [row, row]})
    first, second = await fyers.order_book()
    assert first.quantity is second.quantity


@pytest.mark.parametrize(
    ("name", "key", "path"),
    [("order_book", "orderBook", "orders"), ("trades", "tradeBook", "tradebook")],
)
async def test_a_long_book_is_decoded_in_turns(fyers, web, name, key, path):
    [row] = rows({"trades": "trade_book"}.get(name, name), key)[key]
    book = {"s": "ok", key: [row] * 10 * AT_ONCE + [{}]}
    web.get(f"{API}/{path}").respond(json=book)
    async with counted() as turns:
        with pytest.raises(SentUnknown, match=f"a row of {key}"):
            await getattr(fyers, name)()
    assert turns.number >= 10 - 2  # who goes first is chance


async def test_an_order_row_becomes_an_order(fyers, web):
    web.get(f"{API}/orders").respond(content=sample("order_book"))
    orders = await fyers.order_book()
    assert orders[0] == BookOrder(
        broker_order_id="26113000012345",
        tag="ordo7f3k29qx",
        symbol="NSE:SBIN",
        side=Side.BUY,
        quantity=Decimal(10),
        filled_quantity=Decimal(0),
        status=BookStatus.OPEN,
        type=OrderType.LIMIT,
        product=Product.INTRADAY,
        price=Decimal("812.35"),
        placed_at=datetime(2026, 11, 30, 3, 50, 3, tzinfo=UTC),
    )
    assert [order.status for order in orders] == [
        BookStatus.OPEN,
        BookStatus.REJECTED,
        BookStatus.FILLED,
        BookStatus.CANCELLED,
    ]
    assert [order.tag for order in orders] == [
        "ordo7f3k29qx",
        None,
        "ordo7f3k29qy",
        "ordo7f3k29qz",
    ]
    assert orders[1].message.startswith("RED:Margin Shortfall:INR 8123.50")
    assert [order.filled_quantity for order in orders] == [0, 0, 10, 4]
    assert orders[3].average_price == Decimal("812.3")


async def test_an_empty_book_is_empty(fyers, web):
    web.get(f"{API}/orders").respond(content=sample("order_book_empty"))
    assert await fyers.order_book() == []


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (1, BookStatus.CANCELLED),
        (2, BookStatus.FILLED),
        (3, BookStatus.UNCLEAR),
        (4, BookStatus.TRANSIT),
        (5, BookStatus.REJECTED),
        (6, BookStatus.OPEN),
        (7, BookStatus.EXPIRED),
        (90, BookStatus.UNCLEAR),
        (0, BookStatus.UNCLEAR),
    ],
)
async def test_a_status_has_its_name_and_one_unheard_of_is_unclear(
    fyers, web, number, status
):
    assert (await only_order(fyers, web, status=number)).status is status


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"type": 1}, OrderType.LIMIT),
        ({"type": 2}, OrderType.MARKET),
        ({"type": 3}, OrderType.SL_M),
        ({"type": 4}, OrderType.SL),
        ({"type": 9}, OrderType.LIMIT),
        ({"type": 9, "stopPrice": 800}, OrderType.SL),
        ({"type": 9, "limitPrice": 0}, OrderType.MARKET),
        ({"type": 9, "limitPrice": 0, "stopPrice": 800}, OrderType.SL_M),
    ],
)
async def test_a_type_unheard_of_shows_by_its_prices(fyers, web, changes, kind):
    assert (await only_order(fyers, web, **changes)).type is kind


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("1:ordo7f3k29qx", "ordo7f3k29qx"),
        ("ordo7f3k29qx", "ordo7f3k29qx"),
        ("2:ordo7f3k29qx", None),
        ("3:ordo7f3k29qx", None),
        ("2:Untagged", None),
        ("1:Untagged", None),
        ("Untagged", None),
        ("", None),
        (None, None),
    ],
)
async def test_only_a_clients_own_tag_is_one(fyers, web, text, tag):
    assert (await only_order(fyers, web, orderTag=text)).tag == tag


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("09-Mar-2023 09:34:38", datetime(2023, 3, 9, 4, 4, 38, tzinfo=UTC)),
        ("01-Jan-2026 03:00:00", datetime(2025, 12, 31, 21, 30, tzinfo=UTC)),
        ("04-08-2023 10:12:58", datetime(2023, 8, 4, 4, 42, 58, tzinfo=UTC)),
        (1796010603, datetime(2026, 11, 30, 3, 50, 3, tzinfo=UTC)),
        ("2026-11-30T09:20:03", None),
        ("31-Feb-2026 09:00:00", None),
        ("", None),
        (None, None),
        (10**30, None),
    ],
)
async def test_india_time_becomes_utc_and_what_is_no_time_is_left_out(
    fyers, web, text, when
):
    assert (await only_order(fyers, web, orderDateTime=text)).placed_at == when


async def test_what_ordo_has_no_name_for_keeps_the_brokers(fyers, web):
    order = await only_order(
        fyers, web, symbol="BSE:SBIN-A", productType="MTF", orderValidity="GTC"
    )
    names = (order.symbol, order.product, order.validity)
    assert names == ("BSE:SBIN-A", "MTF", "GTC")


async def test_a_price_of_zero_is_no_price(fyers, web):
    order = await only_order(fyers, web, limitPrice=0, stopPrice=0, tradedPrice=0)
    prices = (order.price, order.trigger_price, order.average_price)
    assert prices == (None, None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"filledQty": None},
        {"status": None},
        {"side": 0},
        {"qty": "ten"},
    ],
)
async def test_one_row_that_cannot_be_read_makes_the_book_none(fyers, web, changes):
    with pytest.raises(SentUnknown):
        await only_order(fyers, web, **changes)


async def test_an_order_is_found_by_its_tag_in_the_whole_book(fyers, web):
    web.get(f"{API}/orders").respond(content=sample("order_book"))
    found = await fyers.order_by_tag("ordo7f3k29qy")
    assert found.broker_order_id == "26113000012347"
    assert await fyers.order_by_tag("ORDO7F3K29QY") is None
    assert await fyers.order_by_tag("ordo7f3k29q") is None
    assert web.calls.last.request.url.query == b""


async def test_two_orders_of_one_tag_are_no_answer(fyers, web):
    answer = msgspec.json.decode(sample("order_book"))
    answer["orderBook"][1]["orderTag"] = "1:ordo7f3k29qx"
    web.get(f"{API}/orders").respond(json=answer)
    with pytest.raises(SentUnknown, match="26113000012345, 26113000012346"):
        await fyers.order_by_tag("ordo7f3k29qx")


async def test_a_trade_row_becomes_a_trade(fyers, web):
    web.get(f"{API}/tradebook").respond(content=sample("trade_book"))
    assert await fyers.trades() == [
        Trade(
            trade_id="26113000012347-2736155",
            broker_order_id="26113000012347",
            tag="ordo7f3k29qy",
            symbol="NSE:SBIN",
            side=Side.BUY,
            quantity=Decimal(10),
            price=Decimal("812.3"),
            product=Product.INTRADAY,
            traded_at=datetime(2026, 11, 30, 3, 51, 7, tzinfo=UTC),
        )
    ]


@pytest.mark.parametrize("number", ["2736155", 2736155, "26113000012347-2736155"])
async def test_a_fill_has_one_id_in_whatever_form_it_comes(fyers, web, number):
    answer = rows("trade_book", "tradeBook", tradeNumber=number)
    web.get(f"{API}/tradebook").respond(json=answer)
    [trade] = await fyers.trades()
    assert trade.trade_id == "26113000012347-2736155"


async def test_a_position_row_becomes_a_position(fyers, web):
    answer = rows("positions", "netPositions", daySellQty=3, realized_profit=-0.05)
    web.get(f"{API}/positions").respond(json=answer)
    assert await fyers.positions() == [
        Position(
            symbol="NSE:SBIN",
            product=Product.INTRADAY,
            quantity=Decimal(10),
            day_quantity=Decimal(7),
            average_price=Decimal("812.3"),
            last_price=Decimal("812.9"),
            realised_pnl=Decimal("-0.05"),
            unrealised_pnl=Decimal("6.0"),
        )
    ]


async def test_a_holding_row_becomes_a_holding(fyers, web):
    web.get(f"{API}/holdings").respond(content=sample("holdings"))
    [held, _] = await fyers.holdings()
    assert held == Holding(
        symbol="NSE:TATASTEEL",
        quantity=Decimal(2),
        t1_quantity=Decimal(0),
        average_price=Decimal("151.87"),
        last_price=Decimal("172.44"),
        isin="INE081A01020",
    )


@pytest.mark.parametrize("counted", [{"qty_t1": 2}, {"qty_t1": 0}])
async def test_shares_that_are_still_to_come_are_counted_once(fyers, web, counted):
    answer = rows("holdings", "holdings", holdingType="T1", **counted)
    web.get(f"{API}/holdings").respond(json=answer)
    [held] = await fyers.holdings()
    assert (held.quantity, held.t1_quantity) == (0, 2)


async def test_funds_are_read_by_number_and_to_the_last_digit(fyers, web):
    answer = sample("funds").replace(b"8123.0", b"58.150000000000006")
    web.get(f"{API}/funds").respond(content=answer)
    assert await fyers.funds() == Funds(
        available=Decimal("50210.4"),
        used=Decimal("58.150000000000006"),
        cash=Decimal("50210.4"),
        total=Decimal("58333.4"),
    )


async def test_a_figure_that_is_missing_is_not_zero(fyers, web):
    web.get(f"{API}/funds").respond(json=rows("funds", "fund_limit"))
    with pytest.raises(SentUnknown, match="wanted row 10"):
        await fyers.funds()


async def test_a_quote_row_becomes_a_quote(fyers, web):
    web.get(f"{DATA}/quotes").respond(content=sample("quotes"))
    assert await fyers.quotes(["NSE:SBIN"]) == [
        Quote(
            symbol="NSE:SBIN",
            last_price=Decimal("812.9"),
            bid=Decimal("812.85"),
            ask=Decimal("812.95"),
            open=Decimal(810),
            high=Decimal(815),
            low=Decimal("808.5"),
            previous_close=Decimal("811.8"),
            volume=Decimal(1234567),
        )
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"n": "NSE:SBIN-EQ", "s": "error", "v": {"errmsg": "no such symbol"}},
        {"n": "NSE:SBIN-EQ", "s": "error", "v": "no such symbol"},
        {"n": "NSE:SBIN-EQ", "s": "error"},
        {"n": "NSE:SBIN-EQ", "s": "ok", "v": {"ch": 1}},
        {"n": "NSE:SBIN-EQ", "s": "ok", "v": {"lp": 0}},
        {"n": "NSE:OTHER-EQ", "s": "ok", "v": {"lp": 5}},
    ],
)
async def test_a_symbol_without_a_price_is_left_out(fyers, web, row):
    web.get(f"{DATA}/quotes").respond(json={"s": "ok", "code": 200, "d": [row]})
    assert await fyers.quotes(["NSE:SBIN"]) == []


async def test_a_good_quote_that_cannot_be_read_is_no_answer(fyers, web):
    row = {"n": "NSE:SBIN-EQ", "s": "ok", "v": {"lp": "dear"}}
    web.get(f"{DATA}/quotes").respond(json={"s": "ok", "d": [row]})
    with pytest.raises(SentUnknown, match="NSE:SBIN-EQ"):
        await fyers.quotes(["NSE:SBIN"])


async def test_quotes_are_asked_for_by_fifty(fyers, web):
    def answer(request):
        tickers = request.url.params["symbols"].split(",")
        found = [{"n": ticker, "s": "ok", "v": {"lp": 1.5}} for ticker in tickers]
        return httpx.Response(200, json={"s": "ok", "code": 200, "d": found})

    web.get(f"{DATA}/quotes").mock(side_effect=answer)
    asked = [f"NSE:S{n}" for n in range(120)] + ["NSE_INDEX:NIFTY"]
    quotes = await fyers.quotes(asked)
    assert [quote.symbol for quote in quotes] == asked
    sizes = [len(c.request.url.params["symbols"].split(",")) for c in web.calls]
    assert sizes == [50, 50, 21]


async def test_no_symbols_are_no_call(fyers, web):
    assert await fyers.quotes([]) == []
    assert not web.calls


async def test_a_symbol_without_a_ticker_is_not_asked_for(fyers, web):
    with pytest.raises(Unsupported, match="BSE:RELIANCE"):
        await fyers.quotes(["NSE:SBIN", "BSE:RELIANCE"])
    assert not web.calls


async def test_a_good_profile_is_a_good_session(fyers, web):
    web.get(f"{API}/profile").respond(content=sample("profile"))
    assert await fyers.check() is None


@pytest.mark.parametrize("name", BOOKS)
async def test_a_success_without_its_rows_is_not_an_empty_book(fyers, web, name):
    for body in (b'{"s":"ok","code":200}', b'{"s":"ok","code":200,"data":null}'):
        web.get(BOOKS[name]).respond(content=body)
        with pytest.raises(SentUnknown, match="a success without"):
            await getattr(fyers, name)()


@pytest.mark.parametrize("status", [202, 206, 404])
async def test_a_book_under_another_status_than_200_is_none(fyers, web, status):
    web.get(f"{API}/orders").respond(status, content=sample("order_book"))
    with pytest.raises(SentUnknown):
        await fyers.order_book()


@pytest.mark.parametrize("name", BOOKS)
async def test_a_book_that_is_cut_off_is_none(fyers, web, name):
    names = {"trades": "trade_book"}
    body = sample(names.get(name, name))
    for end in (0, 20, len(body) // 2, len(body) - 3):
        web.get(BOOKS[name]).respond(content=body[:end])
        with pytest.raises(SentUnknown):
            await getattr(fyers, name)()


@pytest.mark.parametrize("name", BOOKS)
async def test_a_refused_read_is_not_an_empty_book(fyers, web, name):
    body = {"s": "error", "code": -398, "message": "There are no open positions"}
    web.get(BOOKS[name]).respond(400, json=body)
    with pytest.raises(Refused):
        await getattr(fyers, name)()


def test_every_read_here_is_one_the_adapter_makes():
    theirs = {*BOOKS.values(), f"{API}/profile"}
    theirs |= {f"{DATA}/quotes", f"{DATA}/depth"}
    assert theirs == set(READS.values())
