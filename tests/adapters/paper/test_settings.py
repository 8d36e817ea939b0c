"""The keys of a paper broker's table."""

from decimal import Decimal

import msgspec
import pytest

from adapters.brokers.paper import PaperHolding, PaperSettings


def test_an_empty_table_is_a_quick_and_willing_broker():
    settings = msgspec.convert({}, PaperSettings)
    assert settings == PaperSettings()
    assert (settings.balance, settings.seed, settings.fill) == (10**6, 1, "immediate")
    assert (settings.delay, settings.refuse_rate, settings.fail_rate) == (0, 0, 0)


def test_a_table_of_toml_values_is_converted():
    table = {
        "balance": 50000.5,
        "tick": 0.05,
        "prices": {"NSE:SBIN": 812.35},
        "symbols": ["NSE:SBIN"],
        "holdings": {"NSE:SBIN": {"quantity": 10, "average_price": 700}},
        "delay": 1,
        "refuse_rate": 0.2,
        "fill": "partial",
    }
    assert msgspec.convert(table, PaperSettings) == PaperSettings(
        balance=Decimal("50000.5"),
        prices={"NSE:SBIN": Decimal("812.35")},
        symbols=("NSE:SBIN",),
        holdings={
            "NSE:SBIN": PaperHolding(quantity=Decimal(10), average_price=Decimal(700))
        },
        delay=1.0,
        refuse_rate=0.2,
        fill="partial",
    )


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"speed": 1}, "Object contains unknown field `speed`"),
        (
            {"holdings": {"NSE:SBIN": {"quantity": 1, "price": 2}}},
            "Object contains unknown field `price`",
        ),
        ({"fill": "never"}, "Invalid enum value 'never'"),
        ({"delay": -1}, "Expected `float` >= 0.0"),
        ({"delay": float("inf")}, "delay must be from 0, was inf"),
        ({"jitter": float("nan")}, "Expected `float` >= 0.0"),
        ({"book_delay": float("inf")}, "book_delay must be from 0, was inf"),
        ({"refuse_rate": 1.5}, "Expected `float` <= 1.0"),
        ({"fail_rate": float("nan")}, "Expected `float` >= 0.0"),
        ({"volatility": float("nan")}, "Expected `float` >= 0.0"),
        ({"balance": -1}, "balance must be from 0 to 10^15, was -1"),
        ({"balance": "nan"}, "balance must be from 0 to 10^15, was NaN"),
        ({"balance": 10**16}, f"balance must be from 0 to 10^15, was {10**16}"),
        ({"margin": 0}, "margin must be above 0 and at most 1, was 0"),
        ({"margin": 1.01}, "margin must be above 0 and at most 1, was 1.01"),
        ({"tick": 0}, "tick must be from 0.0001 to 1000, was 0"),
        ({"tick": "nan"}, "tick must be from 0.0001 to 1000, was NaN"),
        ({"liquidity": 0}, "liquidity must be positive, was 0"),
        ({"liquidity": 1.5}, "liquidity must be whole, was 1.5"),
        (
            {"prices": {"NSE:SBIN": 0.05}},
            "the price of NSE:SBIN must be from two ticks to 10000000, was 0.05",
        ),
        ({"prices": {"SBIN": 812}}, "a symbol must be EXCHANGE:NAME, was 'SBIN'"),
        ({"symbols": ["NSE:"]}, "a symbol must be EXCHANGE:NAME, was 'NSE:'"),
        (
            {"holdings": {":X": {"quantity": 1}}},
            "a symbol must be EXCHANGE:NAME, was ':X'",
        ),
        (
            {"holdings": {"NSE:SBIN": {"quantity": 0}}},
            "quantity must be positive, was 0",
        ),
        (
            {"holdings": {"NSE:SBIN": {"quantity": 1, "average_price": -1}}},
            "average_price must not be negative, was -1",
        ),
    ],
)
def test_a_wrong_value_is_refused_and_named(table, text):
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(table, PaperSettings)
    assert text in str(refused.value)


@pytest.mark.parametrize("name", ["volatility", "refuse_rate", "fail_rate"])
@pytest.mark.parametrize("value", [2, -1, float("nan")])
def test_settings_made_in_code_are_checked_too(name, value):
    with pytest.raises(ValueError, match=f"{name} must be from 0 to 1, was {value}"):
        PaperSettings(**{name: value})
