"""Names of instruments without a master, both ways; and what the broker can do."""

import pytest

from adapters.brokers.fyers import CashSymbols
from adapters.brokers.fyers.adapter import CAPABILITIES
from adapters.errors import Unsupported
from adapters.ports import PublishedLimits


@pytest.mark.parametrize(
    ("symbol", "ticker"),
    [
        ("NSE:SBIN", "NSE:SBIN-EQ"),
        ("NSE:M&M", "NSE:M&M-EQ"),
        ("NSE:BAJAJ-AUTO", "NSE:BAJAJ-AUTO-EQ"),
        ("NSE_INDEX:NIFTY", "NSE:NIFTY50-INDEX"),
        ("NSE_INDEX:BANKNIFTY", "NSE:NIFTYBANK-INDEX"),
        ("BSE_INDEX:SENSEX", "BSE:SENSEX-INDEX"),
    ],
)
def test_shares_and_indices_have_names_both_ways(symbol, ticker):
    assert CashSymbols().ticker(symbol) == ticker
    assert CashSymbols().symbol(ticker) == symbol


@pytest.mark.parametrize(
    "symbol",
    [
        "BSE:RELIANCE",
        "NFO:NIFTY26NOV24FUT",
        "NFO:NIFTY28MAR2420800CE",
        "BFO:SENSEX03DEC2684000CE",
        "MCX:CRUDEOIL",
        "NSE_INDEX:FINNIFTY",
        "NSE:",
        "NSE",
        "",
    ],
)
def test_no_ticker_is_made_up(symbol):
    with pytest.raises(Unsupported, match="master"):
        CashSymbols().ticker(symbol)


@pytest.mark.parametrize(
    "ticker",
    ["BSE:SBIN-A", "NSE:SBIN-BE", "NSE:NIFTY26DECFUT", "MCX:CRUDEOIL26SEPFUT", ""],
)
def test_a_ticker_without_a_name_stays_as_it_is(ticker):
    assert CashSymbols().symbol(ticker) == ticker


def test_the_limits_are_the_published_ones():
    assert CAPABILITIES.limits == PublishedLimits(
        orders_per_second=10, per_second=10, per_minute=200, per_day=100_000
    )


def test_a_tag_is_thirty_letters_and_digits():
    assert CAPABILITIES.tag.max_length == 30
    assert len(set(CAPABILITIES.tag.alphabet)) == 62
    assert CAPABILITIES.tag.alphabet.isalnum()
