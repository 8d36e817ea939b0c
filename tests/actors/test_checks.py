"""Each pre-trade check by itself: what it denies, and in which words."""

from decimal import Decimal

import msgspec
import pytest

from actors import checks
from actors.checks import Money, Skipped
from actors.messages import Denial
from adapters import Funds, Margin, Position, Product
from adapters.brokers.paper.adapter import CAPABILITIES
from adapters.instruments import InstrumentKind
from tests.support.gateway import an_order
from tests.support.market import an_instrument, an_option

D = Decimal
SELL = an_order(side="SELL")
STOP = an_order(type="SL", price=821, trigger_price=820)
REAL = msgspec.structs.replace(CAPABILITIES, simulated=False)
MARGINED = msgspec.structs.replace(REAL, margin=True)


def denied(code, message):
    return Denial(code=code, message=message)


def funds(cash, available=0):
    return Funds(available=D(available), used=D(0), cash=D(cash), total=D(cash))


# What a broker can do


def test_ioc_is_refused_where_the_exchange_has_none_for_programs():
    can = msgspec.structs.replace(REAL, no_ioc=frozenset({"MCX"}))
    order = an_order(symbol="MCX:GOLD26NOV26FUT", validity="IOC", product="MARGIN")
    assert checks.supported(can, order, "one") == denied(
        "unsupported", "one takes no IOC on MCX; send it as DAY and cancel it"
    )
    assert checks.supported(can, an_order(validity="IOC"), "one") is None


def test_the_type_it_goes_out_as_is_what_the_broker_must_have():
    can = msgspec.structs.replace(REAL, order_types=frozenset({"LIMIT"}))
    order = an_order(type="MARKET", price=None)
    assert checks.supported(can, order, "one").code == "unsupported"
    assert checks.supported(can, order, "one", "LIMIT") is None


# The instrument


def known(instrument, order=None, can=REAL, *, loaded=True):
    return checks.known(order or an_order(), instrument, can, "one", loaded=loaded)


def test_an_instrument_of_the_master_that_trades_passes():
    assert known(an_instrument()) is None


def test_an_instrument_that_the_master_does_not_have_is_unknown():
    assert known(None) == denied(
        "instrument_unknown",
        "one does not have NSE:SBIN; search /api/v1/instruments",
    )


def test_an_instrument_that_takes_no_orders_is_not_tradable():
    assert known(an_instrument(tradable=False)) == denied(
        "instrument_not_tradable", "one takes no orders in NSE:SBIN, by its master"
    )


def test_an_index_is_not_tradable_by_the_master_and_by_its_name():
    index = an_instrument("NSE_INDEX:NIFTY", kind=InstrumentKind.INDEX)
    order = an_order(symbol="NSE_INDEX:NIFTY")
    words = "NSE_INDEX:NIFTY is an index: it has quotes and no orders"
    assert known(index, order) == denied("instrument_not_tradable", words)
    assert checks.not_an_index(order) == denied("instrument_not_tradable", words)
    assert checks.not_an_index(an_order()) is None


def test_without_a_master_a_real_broker_is_not_checked_and_that_blocks_if_strict():
    assert known(None, loaded=False) == Skipped(
        "one has no instrument master yet", "instrument_unknown", blocks=True
    )


def test_without_a_master_a_simulated_broker_checks_itself():
    skipped = known(None, can=CAPABILITIES, loaded=False)
    assert (skipped.reason, skipped.blocks) == (
        "one is simulated and knows its own",
        False,
    )


# The quantity


@pytest.mark.parametrize(
    ("quantity", "message"),
    [
        (65, None),
        (1755, None),
        (1, "NFO:NIFTY28NOV2625000CE trades in lots of 65, was 1"),
        (66, "NFO:NIFTY28NOV2625000CE trades in lots of 65, was 66"),
        (
            1820,
            "NFO:NIFTY28NOV2625000CE: wanted at most 1800 in one order (the freeze"
            ' quantity), was 1820; split it, or ask for "slice": true',
        ),
    ],
)
def test_a_quantity_is_whole_lots_below_the_freeze(quantity, message):
    option = an_option()
    order = an_order(symbol=option.symbol, quantity=quantity)
    expected = None if message is None else denied("invalid_quantity", message)
    assert checks.quantity(order, option) == expected


def test_the_freeze_quantity_itself_still_goes():
    row = an_instrument(freeze_quantity=10)
    assert checks.quantity(an_order(quantity=10), row) is None
    assert checks.quantity(an_order(quantity=11), row).code == "invalid_quantity"


def test_a_master_that_tells_neither_lot_nor_freeze_denies_nothing():
    row = an_instrument(lot_size=0, freeze_quantity=0)
    assert checks.quantity(an_order(quantity=7), row) is None


# Prices


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (an_order(price="813.05"), None),
        (
            an_order(price="813.03"),
            "price must be a multiple of the tick 0.05, was 813.03",
        ),
        (
            an_order(type="SL", price=821, trigger_price="820.01"),
            "trigger_price must be a multiple of the tick 0.05, was 820.01",
        ),
        (
            an_order(type="SL-M", price=None, trigger_price="820.01"),
            "trigger_price must be a multiple of the tick 0.05, was 820.01",
        ),
        (an_order(type="MARKET", price=None), None),
    ],
)
def test_prices_are_on_the_tick(order, message):
    expected = None if message is None else denied("invalid_price", message)
    assert checks.tick(order, an_instrument()) == expected


def test_a_master_that_tells_no_tick_denies_no_price():
    assert checks.tick(an_order(price="813.03"), an_instrument(tick_size=0)) is None


@pytest.mark.parametrize(
    ("bands", "order", "message"),
    [
        ({"lower_band": 700, "upper_band": 813}, an_order(), None),
        ({"lower_band": 813, "upper_band": 900}, an_order(), None),
        (
            {"lower_band": 700, "upper_band": 800},
            an_order(),
            "price must be from 700 to 800 today, was 813",
        ),
        (
            {"lower_band": 820, "upper_band": 900},
            an_order(),
            "price must be from 820 to 900 today, was 813",
        ),
        ({"upper_band": 800}, an_order(), "price must be at most 800 today, was 813"),
        ({"lower_band": 820}, an_order(), "price must be at least 820 today, was 813"),
        (
            {"upper_band": 820.5},
            STOP,
            "price must be at most 820.5 today, was 821",
        ),
        (
            {"lower_band": 820.5},
            STOP,
            "trigger_price must be at least 820.5 today, was 820",
        ),
        ({"upper_band": 1}, an_order(type="MARKET", price=None), None),
    ],
)
def test_prices_are_inside_the_days_band(bands, order, message):
    expected = None if message is None else denied("invalid_price", message)
    assert checks.band(order, an_instrument(**bands), lambda: True) == expected


def test_the_band_of_an_old_master_is_not_held_against_anybody():
    row = an_instrument(upper_band=800)
    assert checks.band(an_order(), row, lambda: False) == Skipped(
        "its master is not of today", "instrument_unknown"
    )


def test_where_no_band_is_told_nobody_asks_how_old_the_master_is():
    assert checks.band(an_order(), an_instrument(), lambda: 1 / 0) is None


# Funds


@pytest.mark.parametrize(
    ("order", "can", "need"),
    [
        (an_order(), REAL, Money.CASH),
        (an_order(), MARGINED, Money.MARGIN),
        (an_order(product="INTRADAY"), MARGINED, Money.MARGIN),
        (SELL, REAL, Money.NOTHING),
        (SELL, MARGINED, Money.NOTHING),
        (an_order(side="SELL", product="INTRADAY"), MARGINED, Money.MARGIN),
        (
            an_order(product="INTRADAY"),
            REAL,
            Skipped(
                "one has no call that tells the margin of INTRADAY orders",
                "unsupported",
            ),
        ),
        (
            an_order(),
            CAPABILITIES,
            Skipped("one is simulated and checks that itself", blocks=False),
        ),
    ],
)
def test_what_has_to_be_known_of_the_money_goes_by_product_and_broker(order, can, need):
    assert checks.money(order, can, "one") == need


@pytest.mark.parametrize(
    ("cash", "message"),
    [
        ("8130", None),
        ("8129.99", "it needs 8130.00 INR, there is 8129.99"),
    ],
)
def test_a_delivery_buy_is_held_against_the_cash_and_not_the_collateral(cash, message):
    expected = None if message is None else denied("insufficient_funds", message)
    assert checks.cash(an_order(), funds(cash, available=999_999)) == expected


def test_a_stop_market_buy_is_reckoned_at_its_trigger():
    order = an_order(type="SL-M", price=None, trigger_price=820)
    assert checks.cash(order, funds(8200)) is None
    assert checks.cash(order, funds(8199)).code == "insufficient_funds"


def test_an_order_without_any_price_cannot_be_reckoned():
    order = an_order(type="MARKET", price=None)
    skipped = Skipped("it has no price to reckon with", "unsupported")
    assert checks.cash(order, funds(0)) == skipped


@pytest.mark.parametrize(
    ("margin", "there", "code"),
    [
        (Margin(required=D(100), available=D(100)), None, None),
        (Margin(required=D(101), available=D(100)), None, "insufficient_funds"),
        (
            Margin(required=D(101), available=D(100)),
            funds(999, 999),
            "insufficient_funds",
        ),
        (Margin(required=D(100)), funds(0, 100), None),
        (Margin(required=D(101)), funds(999, 100), "insufficient_funds"),
    ],
)
def test_a_margin_is_held_against_what_the_broker_says_is_there(margin, there, code):
    finding = checks.margin(margin, there)
    assert (None if finding is None else finding.code) == code


def test_a_margin_without_any_word_of_what_is_there_is_not_checked():
    assert isinstance(checks.margin(Margin(required=D(1)), None), Skipped)


def position(quantity, product=Product.INTRADAY, symbol="NSE:SBIN"):
    return Position(
        symbol=symbol,
        product=product,
        quantity=D(quantity),
        day_quantity=D(quantity),
        average_price=D(800),
        last_price=None,
        realised_pnl=D(0),
        unrealised_pnl=D(0),
    )


@pytest.mark.parametrize(
    ("side", "positions", "closes"),
    [
        ("SELL", [position(10)], True),
        ("SELL", [position(15)], True),
        ("SELL", [position(9)], False),
        ("SELL", [position(4), position(6)], True),
        ("BUY", [position(-10)], True),
        ("BUY", [position(10)], False),
        ("SELL", [position(-10)], False),
        ("SELL", [position(10, Product.CNC)], False),
        ("SELL", [position(10, symbol="NSE:INFY")], False),
        ("SELL", [], False),
    ],
)
def test_an_exit_takes_from_a_position_of_its_own_product(side, positions, closes):
    order = an_order(side=side, product="INTRADAY")
    assert checks.closes(order, tuple(positions)) is closes
