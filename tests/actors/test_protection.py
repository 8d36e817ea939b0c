"""What market protection makes of an order: exact prices, and when it steps in."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.protection import (
    Way,
    outgoing,
    protect_market,
    protect_stop,
    reference,
    terms,
    way,
)
from adapters import OrderType, Quote, SentAs, Side
from adapters.brokers.paper.adapter import CAPABILITIES
from adapters.instruments import InstrumentKind
from adapters.market import load_protection
from tests.support.gateway import an_order
from tests.support.market import an_instrument, an_option, the_table

D = Decimal
TABLE = the_table()
BUY, SELL = Side.BUY, Side.SELL
MARKET = an_order(type="MARKET", price=None)
STOP = an_order(type="SL-M", price=None, trigger_price=820)


@pytest.fixture
def table_of(tmp_path):
    """Makes a table out of the text of its file."""

    def make(text):
        (tmp_path / "mine.toml").write_text(text)
        return load_protection(tmp_path / "mine.toml")

    return make


def terms_of(instrument, *, bands=True):
    return terms(instrument.symbol, instrument, TABLE, bands=bands)


def market(side, at, instrument=None, last=None, **bands):
    row = instrument or an_instrument(**bands)
    at = D(at)
    return protect_market(
        side, at, at if last is None else D(last), terms_of(row), TABLE
    ).price


def stop(side, trigger, **changes):
    return protect_stop(
        side, D(trigger), terms_of(an_instrument(**changes)), TABLE
    ).price


# When


@pytest.mark.parametrize("order", [MARKET, STOP])
@pytest.mark.parametrize(
    ("policy", "protects", "expected"),
    [
        ("protected", False, Way.PROTECTED),
        ("protected", True, Way.AS_IT_IS),
        ("native", False, Way.AS_IT_IS),
        ("native", True, Way.AS_IT_IS),
        ("reject", False, Way.REFUSED),
        ("reject", True, Way.REFUSED),
    ],
)
def test_the_policy_and_the_broker_say_how_a_market_order_leaves(
    order, policy, protects, expected
):
    can = msgspec.structs.replace(CAPABILITIES, protects_market=protects)
    assert way(order, policy, can, TABLE) is expected


@pytest.mark.parametrize("policy", ["protected", "native", "reject"])
@pytest.mark.parametrize(
    "order",
    [
        an_order(),
        an_order(type="SL", price=821, trigger_price=820),
        an_order(symbol="US:AAPL", type="MARKET", price=None),
    ],
)
def test_limits_and_american_orders_leave_as_they_are(order, policy):
    assert way(order, policy, CAPABILITIES, TABLE) is Way.AS_IT_IS


# MARKET


@pytest.mark.parametrize(
    ("side", "at", "price"),
    [
        (BUY, "812.05", "816.15"),  # 816.11025, up
        (SELL, "812.05", "807.95"),  # 807.98975, down
        (BUY, "200", "202"),  # on the tick: stays
        (SELL, "200", "198"),
        (BUY, "50", "51"),
        (SELL, "50", "49"),
    ],
)
def test_a_market_order_is_a_limit_the_slabs_width_away_on_the_tick(side, at, price):
    assert market(side, at) == D(price)


@pytest.mark.parametrize(
    ("side", "at", "price"),
    [(BUY, "0.05", "0.10"), (SELL, "0.05", "0.05"), (SELL, "4", "3.8")],
)
def test_a_cheap_option_gets_at_least_a_tick_and_never_nothing(side, at, price):
    assert market(side, at, an_option()) == D(price)


def test_it_bears_no_trigger_and_the_type_of_a_limit():
    made = protect_market(BUY, D(200), D(200), terms_of(an_instrument()), TABLE)
    assert made == SentAs(type=OrderType.LIMIT, price=D(202), trigger_price=None)


@pytest.mark.parametrize(
    ("side", "bands", "price"),
    [
        (BUY, {"upper_band": "814"}, "814"),
        (BUY, {"upper_band": "814.03"}, "814"),
        (BUY, {"upper_band": "900"}, "816.15"),
        (SELL, {"lower_band": "810"}, "810"),
        (SELL, {"lower_band": "810.01"}, "810.05"),
        (SELL, {"lower_band": "700"}, "807.95"),
        (BUY, {"lower_band": "900"}, "816.15"),  # the other side's
        (SELL, {"upper_band": "700"}, "807.95"),
    ],
)
def test_it_stays_inside_the_days_band(side, bands, price):
    assert market(side, "812.05", **bands) == D(price)


@pytest.mark.parametrize(("side", "price"), [(BUY, "816.15"), (SELL, "807.95")])
def test_a_band_that_is_not_of_today_says_nothing(side, price):
    row = an_instrument(upper_band="814", lower_band="810")
    made = protect_market(
        side, D("812.05"), D("812.05"), terms_of(row, bands=False), TABLE
    )
    assert made.price == D(price)


def test_a_band_below_the_first_tick_still_leaves_a_price():
    assert market(BUY, "0.05", upper_band="0.03") == D("0.05")


@pytest.mark.parametrize(
    ("side", "at", "price"),
    [
        (BUY, "140", "119.95"),  # 100 + 20, which is less than 40 %, less a tick
        (SELL, "30", "29.1"),  # 30 less 3 %: the band, 0, is far
    ],
)
def test_an_option_stays_a_tick_inside_the_exchanges_band(side, at, price, table_of):
    text = (
        "equity = [{ percent = 1 }]\nfuture = [{ percent = 1 }]\n"
        "option = [{ percent = 3 }]\ntick = { other = 0.05 }\n[lpp]\n"
        'exchanges = ["NFO"]\nindices = ["NIFTY"]\n'
        "index_option = { percent = 10, least = 20 }\n"
    )
    last = "100" if side is BUY else at
    made = protect_market(side, D(at), D(last), terms_of(an_option()), table_of(text))
    assert made.price == D(price)


def test_a_sold_future_stays_a_tick_above_the_exchanges_band(table_of):
    text = (
        "equity = [{ percent = 1 }]\nfuture = [{ percent = 5 }]\n"
        "option = [{ percent = 3 }]\ntick = { other = 0.05 }\n[lpp]\n"
        'exchanges = ["NFO"]\nstock_future = { percent = 3, least = 1.5 }\n'
    )
    row = an_instrument(
        "NFO:SBIN28NOV26FUT", kind=InstrumentKind.FUT, underlying="SBIN"
    )
    made = protect_market(SELL, D(800), D(800), terms_of(row), table_of(text))
    assert made.price == D("776.05")


# SL-M


@pytest.mark.parametrize(
    ("side", "trigger", "price"),
    [(BUY, "820", "824.1"), (SELL, "800", "796"), (BUY, "50", "51")],
)
def test_a_stop_is_a_stop_limit_beyond_its_trigger(side, trigger, price):
    made = protect_stop(side, D(trigger), terms_of(an_instrument()), TABLE)
    assert made == SentAs(type=OrderType.SL, price=D(price), trigger_price=D(trigger))


@pytest.mark.parametrize(("side", "price"), [(BUY, "3"), (SELL, "1")])
def test_a_stops_limit_is_at_least_a_tick_beyond(side, price):
    assert stop(side, "2", tick_size=1) == D(price)


def test_a_trigger_between_two_ticks_still_gets_a_whole_tick(table_of):
    text = (
        "equity = [{ percent = 0.001 }]\nfuture = [{ percent = 1 }]\n"
        "option = [{ percent = 3 }]\ntick = { other = 0.05 }\n"
    )
    row = terms_of(an_instrument())
    assert protect_stop(BUY, D("100.02"), row, table_of(text)).price == D("100.10")
    assert protect_stop(SELL, D("100.02"), row, table_of(text)).price == D("99.95")


def test_a_stops_limit_stays_inside_the_band_even_at_its_very_edge():
    assert stop(BUY, "820", upper_band="820") == D("820")
    assert stop(SELL, "800", lower_band="800") == D("800")


# The reference


@pytest.mark.parametrize(
    ("bid", "ask", "buy", "sell"),
    [
        ("99", "101", "101", "99"),
        (None, None, "100", "100"),
        ("0", "0", "100", "100"),
    ],
)
def test_the_reference_is_the_best_price_opposite_else_the_last(bid, ask, buy, sell):
    quote = Quote(
        symbol="NSE:SBIN",
        last_price=D(100),
        bid=None if bid is None else D(bid),
        ask=None if ask is None else D(ask),
    )
    assert reference(quote, BUY) == D(buy)
    assert reference(quote, SELL) == D(sell)


def test_a_quote_without_any_price_is_no_reference():
    assert reference(Quote(symbol="NSE:SBIN", last_price=D(0)), BUY) is None


# Without a master


@pytest.mark.parametrize(
    ("symbol", "kind", "underlying", "tick"),
    [
        ("NSE:SBIN", InstrumentKind.EQ, None, "0.05"),
        ("US:AAPL", InstrumentKind.EQ, None, "0.01"),
        ("NSE:AB28NOV26FUT", InstrumentKind.EQ, None, "0.05"),
        ("NFO:NIFTY26NOV24FUT", InstrumentKind.FUT, "NIFTY", "0.05"),
        ("NFO:NIFTY28MAR2420800CE", InstrumentKind.CE, "NIFTY", "0.05"),
        ("BFO:SENSEX28MAR2472000PE", InstrumentKind.PE, "SENSEX", "0.05"),
        ("CDS:USDINR28MAR2483.5CE", InstrumentKind.CE, "USDINR", "0.05"),
        ("NFO:WHAT", InstrumentKind.EQ, None, "0.05"),
    ],
)
def test_without_a_master_the_symbol_tells_what_it_is(symbol, kind, underlying, tick):
    found = terms(symbol, None, TABLE, bands=True)
    assert (found.kind, found.underlying, found.tick) == (kind, underlying, D(tick))


def test_a_master_without_a_tick_falls_back_on_the_tables():
    assert terms_of(an_instrument(tick_size=0)).tick == D("0.05")


# The whole


def test_what_goes_out_differs_in_type_and_prices_alone():
    sent_as = SentAs(type=OrderType.LIMIT, price=D(817), trigger_price=None)
    assert outgoing(MARKET, sent_as) == an_order(price=817)
    assert outgoing(MARKET, None) is MARKET


@given(
    st.sampled_from([BUY, SELL]),
    st.decimals("0.05", "100000", places=2),
    st.sampled_from(["0.01", "0.05", "0.1", "1", "0.0025"]),
    st.booleans(),
)
def test_any_protected_price_is_on_the_tick_beyond_and_near(side, at, tick, is_option):
    make = an_option if is_option else an_instrument
    row = terms_of(make(tick_size=tick))
    price = protect_market(side, at, at, row, TABLE).price
    share, tick = TABLE.share(row.kind, at), D(tick)
    assert price > 0
    assert price % tick == 0
    if price > tick:
        assert (price - at) * side.sign >= 0
    assert abs(price - at) <= at * share + tick
