"""The table of market protection: the one that ships, and those that replace it."""

from decimal import Decimal

import pytest

from adapters import ConfigError
from adapters.instruments import InstrumentKind
from adapters.market import Lpp, load_protection
from adapters.market.protection import SHIPPED

D = Decimal
EQ, FUT, CE, PE = (InstrumentKind(kind) for kind in ("EQ", "FUT", "CE", "PE"))

SMALL = """
equity = [{ percent = 0.1 }]
future = [{ below = 10, percent = 2 }, { percent = 1 }]
option = [{ percent = 10 }]
tick = { other = 0.05 }
"""


def complaint(tmp_path, text):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_protection(file)
    line = str(caught.value)
    assert "\n" not in line
    assert str(file) in line
    return line.partition(": ")[2]


@pytest.mark.parametrize(
    ("kind", "price", "share"),
    [
        (EQ, "99.95", "0.02"),
        (EQ, "100", "0.01"),
        (EQ, "500", "0.01"),
        (EQ, "500.05", "0.005"),
        (FUT, "99.95", "0.02"),
        (FUT, "100", "0.01"),
        (FUT, "25000", "0.005"),
        (CE, "9.95", "0.05"),
        (CE, "10", "0.03"),
        (PE, "100", "0.03"),
        (PE, "100.05", "0.02"),
        (CE, "500", "0.02"),
        (PE, "500.05", "0.01"),
    ],
)
def test_the_width_goes_by_kind_and_price(kind, price, share):
    assert load_protection().share(kind, D(price)) == D(share)


@pytest.mark.parametrize(
    ("kind", "exchange", "underlying", "band"),
    [
        (CE, "NFO", "NIFTY", Lpp(percent=D(40), least=D(20))),
        (PE, "BFO", "SENSEX", Lpp(percent=D(40), least=D(20))),
        (FUT, "NFO", "BANKNIFTY", Lpp(percent=D(2), least=D(200))),
        (PE, "NFO", "SBIN", Lpp(percent=D(40), least=D(20))),
        (FUT, "NFO", "SBIN", Lpp(percent=D(3), least=D("1.5"))),
        (FUT, "MCX", "GOLD", None),
        (EQ, "NSE", None, None),
    ],
)
def test_the_exchanges_own_band_goes_by_kind_and_underlying(
    kind, exchange, underlying, band
):
    assert load_protection().lpp_of(kind, exchange, underlying) == band


@pytest.mark.parametrize(
    ("reference", "width"), [("40", "20"), ("50", "20"), ("60", "24")]
)
def test_a_band_is_never_narrower_than_its_least(reference, width):
    assert Lpp(percent=D(40), least=D(20)).width(D(reference)) == D(width)


def test_american_exchanges_are_left_alone_and_have_ticks_of_a_cent():
    table = load_protection()
    assert table.exempt == {"US"}
    assert table.tick_of("US") == D("0.01")
    assert table.tick_of("NSE") == D("0.05")


def test_a_file_of_ones_own_counts_alone_and_its_numbers_are_exact(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(SMALL)
    table = load_protection(str(file))
    assert table.share(EQ, D(812)) == D("0.001")
    assert table.lpp_of(CE, "NFO", "NIFTY") is None
    assert table.exempt == frozenset()


def test_no_file_named_is_the_one_that_ships():
    assert load_protection("") == load_protection(None) == load_protection(SHIPPED)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"gone.toml, found: No such file"):
        load_protection(tmp_path / "gone.toml")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("0.1", "0", "percent must be above 0, was 0"),
        ("0.1", "nan", "percent must be above 0, was NaN"),
        ("0.1", "100", "percent must be below 100, was 100"),
        (
            "below = 10,",
            "",
            "the slabs of future must be in order, the cheapest first",
        ),
        (
            "{ percent = 1 }",
            "{ up_to = 10, percent = 1 }, { percent = 1 }",
            "the slabs of future must be in order, the cheapest first",
        ),
        (
            "{ percent = 1 }",
            "{ below = 20, percent = 1 }",
            "the last slab of future must be for all other prices",
        ),
        (
            "[{ percent = 10 }]",
            "[]",
            "the last slab of option must be for all other prices",
        ),
        (
            "below = 10",
            "below = 10, up_to = 10",
            "a slab has `below` or `up_to`, found both",
        ),
        ("other = 0.05", "NSE = 0.05", "tick has no `other`"),
        ("other = 0.05", "other = -1", "other must be above 0, was -1"),
        ("equity =", "equities =", "Object contains unknown field `equities`"),
        ("equity =", "equity", "Expected '=' after a key"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_in_one_line(tmp_path, old, new, line):
    assert line in complaint(tmp_path, SMALL.replace(old, new, 1))


def test_a_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="wanted a protection table in"):
        load_protection(file)
