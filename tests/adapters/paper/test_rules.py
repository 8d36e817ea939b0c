"""What the paper broker refuses as malformed: such orders never reach its book."""

import pytest

from adapters import Acked, OrderType, Rejected, Validity
from tests.adapters.paper.family import dec, make_broker, order, pass_by, place

LIMIT = OrderType.LIMIT


@pytest.mark.parametrize(
    ("wrong", "code", "text"),
    [
        (order(symbol="SBIN"), "UNKNOWN_SYMBOL", "no such symbol: SBIN"),
        (
            order(symbol="NSE_INDEX:NIFTY"),
            "NOT_TRADABLE",
            "NSE_INDEX:NIFTY cannot be traded",
        ),
        (
            order(quantity=0),
            "INVALID_QUANTITY",
            "quantity must be above 0 and at most 100000000, was 0",
        ),
        (
            order(quantity=-5),
            "INVALID_QUANTITY",
            "quantity must be above 0 and at most 100000000, was -5",
        ),
        (
            order(quantity="NaN"),
            "INVALID_QUANTITY",
            "quantity must be above 0 and at most 100000000, was NaN",
        ),
        (
            order(quantity=100_000_001),
            "INVALID_QUANTITY",
            "quantity must be above 0 and at most 100000000, was 100000001",
        ),
        (
            order(quantity="1.5"),
            "INVALID_QUANTITY",
            "quantity must be a multiple of 1, was 1.5",
        ),
        (
            order(disclosed_quantity=dec(11)),
            "INVALID_DISCLOSED_QUANTITY",
            "disclosed quantity must be above 0 and at most 10, was 11",
        ),
        (
            order(type=LIMIT),
            "INVALID_PRICE",
            "price must be above 0 and at most 10000000, was None",
        ),
        (
            order(price=0),
            "INVALID_PRICE",
            "price must be above 0 and at most 10000000, was 0",
        ),
        (
            order(price="1e99"),
            "INVALID_PRICE",
            "price must be above 0 and at most 10000000, was 1E+99",
        ),
        (
            order(price="812.03"),
            "INVALID_PRICE",
            "price must be a multiple of the tick 0.05, was 812.03",
        ),
        (
            order(symbol="US:AAPL", price="268.005"),
            "INVALID_PRICE",
            "price must be a multiple of the tick 0.01, was 268.005",
        ),
        (
            order(type=OrderType.SL_M),
            "INVALID_TRIGGER_PRICE",
            "trigger price must be above 0 and at most 10000000, was None",
        ),
        (
            order(price=815, trigger="815.02"),
            "INVALID_TRIGGER_PRICE",
            "trigger price must be a multiple of the tick 0.05, was 815.02",
        ),
        (
            order("BUY", price=815, trigger=816),
            "INVALID_TRIGGER_PRICE",
            "trigger price of a BUY must be at most its price 815, was 816",
        ),
        (
            order("SELL", price=815, trigger=814),
            "INVALID_TRIGGER_PRICE",
            "trigger price of a SELL must be at least its price 815, was 814",
        ),
        (
            order(trigger=815, validity=Validity.IOC),
            "INVALID_VALIDITY",
            "an SL-M order cannot be IOC",
        ),
    ],
)
async def test_a_malformed_order_is_refused_and_not_in_the_book(wrong, code, text):
    broker = make_broker()
    assert await broker.place(wrong, "A1", pass_by) == Rejected(code=code, text=text)
    assert await broker.order_book() == []


@pytest.mark.parametrize("tag", ["A" * 21, "a1", "A-1", "A 1", "É"])
async def test_a_tag_that_breaks_the_rule_is_refused(tag):
    broker = make_broker()
    assert await place(broker, tag=tag) == Rejected(
        code="INVALID_TAG", text=f"tag must be up to 20 of 0-9 and A-Z, was {tag!r}"
    )
    assert await broker.order_book() == []


async def test_a_tag_of_twenty_characters_is_taken():
    assert isinstance(await place(make_broker(), tag="Z" * 20), Acked)


async def test_with_a_list_of_symbols_there_are_no_others():
    broker = make_broker(symbols=("NSE:SBIN",))
    assert await place(broker, symbol="NSE:INFY") == Rejected(
        code="UNKNOWN_SYMBOL", text="no such symbol: NSE:INFY"
    )
    assert isinstance(await place(broker), Acked)
    quotes = await broker.quotes(["NSE:INFY", "NSE:SBIN"])
    assert [quote.symbol for quote in quotes] == ["NSE:SBIN"]


async def test_us_shares_trade_in_fractions_and_cents():
    broker = make_broker()
    broker.set_price("US:AAPL", "268.00")
    await place(broker, "BUY", "1.5", "268.03", symbol="US:AAPL")
    (trade,) = await broker.trades()
    assert (trade.quantity, trade.price) == (dec("1.5"), dec("268.01"))
    refused = await place(broker, "BUY", "0.0000000001", symbol="US:AAPL")
    assert refused.text == "quantity must be a multiple of 0.000000001, was 1E-10"


async def test_the_tick_is_a_setting():
    broker = make_broker(tick=dec("0.10"))
    refused = await place(broker, "BUY", 10, "812.05")
    assert refused.text == "price must be a multiple of the tick 0.10, was 812.05"
