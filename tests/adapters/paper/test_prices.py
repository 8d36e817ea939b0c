"""The made-up market: where prices start, how they walk, what is quoted."""

import pytest

from adapters import Quote
from tests.adapters.paper.family import INFY, NOON, SBIN, dec, make_broker, place


async def last(broker, *symbols):
    return [str(quote.last_price) for quote in await broker.quotes(symbols)]


async def walk(broker, symbol, steps=5):
    return [(await last(broker, symbol))[0] for _ in range(steps)]


async def test_a_quote_has_bid_and_ask_one_tick_around_the_last_price():
    broker = make_broker(at=None, prices={SBIN: dec(812)})
    broker.set_price(SBIN, 815)
    broker.set_price(SBIN, 810)
    assert await broker.quotes([SBIN]) == [
        Quote(
            symbol=SBIN,
            last_price=dec(810),
            bid=dec("809.95"),
            ask=dec("810.05"),
            open=dec(812),
            high=dec(815),
            low=dec(810),
            previous_close=dec(812),
            at=NOON,
        )
    ]


async def test_known_names_start_near_their_price_and_others_at_a_plausible_one():
    broker = make_broker(at=None)
    assert await last(
        broker,
        "NSE:SBIN",
        "BSE:RELIANCE",
        "NSE_INDEX:NIFTY",
        "NSE:UNHEARDOF",
        "NFO:NIFTY28MAR2420800CE",
        "US:AAPL",
    ) == ["812.00", "1402.00", "25900.00", "2781.00", "52.00", "268.00"]


async def test_a_price_of_the_settings_is_where_the_symbol_starts():
    assert await last(make_broker(at=None, prices={INFY: dec("1500.05")}), INFY) == [
        "1500.05"
    ]


async def test_without_volatility_prices_stay():
    assert await walk(make_broker(at=None), SBIN) == ["812.00"] * 5


async def test_a_price_walks_in_whole_ticks_the_same_way_for_the_same_seed():
    one, two = (make_broker(at=None, volatility=0.0005) for _ in range(2))
    first = await walk(one, SBIN)
    assert first == ["812.15", "812.85", "812.50", "812.35", "812.35"]
    assert await walk(two, SBIN) == first


async def test_another_seed_walks_another_way():
    one = make_broker(at=None, volatility=0.0005, seed=1)
    two = make_broker(at=None, volatility=0.0005, seed=2)
    assert await walk(one, SBIN) != await walk(two, SBIN)


async def test_a_symbol_walks_the_same_way_whatever_else_is_looked_at():
    alone = make_broker(at=None, volatility=0.0005)
    beside = make_broker(at=None, volatility=0.0005)
    seen = []
    for _ in range(5):
        seen += await last(beside, SBIN)
        await last(beside, INFY)
    assert seen == await walk(alone, SBIN)


async def test_a_set_price_stays_until_it_is_freed():
    broker = make_broker(at=900, volatility=0.01)
    assert await walk(broker, SBIN, 3) == ["900"] * 3
    broker.free_price(SBIN)
    assert await walk(broker, SBIN, 3) != ["900"] * 3


async def test_a_symbol_quoted_twice_in_one_call_makes_one_step():
    one, two = (make_broker(at=None, volatility=0.0005) for _ in range(2))
    assert await last(one, SBIN, SBIN) == await last(two, SBIN)


async def test_reading_the_book_moves_the_prices_that_open_orders_wait_for():
    broker = make_broker(at=None, volatility=0.0005)
    await place(broker, "SELL", 10, "812.45")
    await broker.order_book()  # a step to 812.15
    assert await broker.trades() == []
    await broker.order_book()  # and one to 812.85
    assert [str(trade.price) for trade in await broker.trades()] == ["812.45"]


async def test_reading_the_book_moves_no_price_that_no_order_waits_for():
    broker = make_broker(at=None, volatility=0.0005)
    await place(broker, "BUY", 10)
    await place(broker, "BUY", 10, 700)
    await broker.cancel("PAPER-000002")
    await broker.order_book()
    assert (await broker.positions())[0].last_price == 812


@pytest.mark.parametrize("price", ["0", "-1", "0.05", "nan", "inf", "10000000.05"])
async def test_a_price_without_a_bid_or_beyond_all_bounds_cannot_be_set(price):
    broker = make_broker()
    with pytest.raises(ValueError, match="price must be above one tick and at most"):
        broker.set_price(SBIN, price)


async def test_a_walking_price_never_falls_below_two_ticks():
    broker = make_broker(at=None, prices={SBIN: dec("0.10")}, volatility=1.0)
    assert {dec(price) for price in await walk(broker, SBIN, 50)} >= {dec("0.10")}
    assert all(dec(price) >= dec("0.10") for price in await walk(broker, SBIN, 50))


@pytest.mark.parametrize("quantity", [-1, dec("0.5")])
async def test_liquidity_is_whole_units(quantity):
    with pytest.raises(ValueError, match="liquidity must be whole units, was"):
        make_broker().set_liquidity(SBIN, quantity)
