"""Masters: rows to instruments, and files that are none."""

import json
from datetime import date
from decimal import Decimal

import pytest

from adapters.brokers.fyers import MasterSymbols
from adapters.brokers.fyers.master import parse
from adapters.errors import Unsupported
from adapters.instruments import NO_INSTRUMENTS, Instrument, InstrumentKind
from tests.contracts.memory_index import MemoryIndex
from tests.venues.fyers_market import MASTERS, Market
from tests.venues.fyers_masters import MasterFiles

FILES = MasterFiles(Market())
OPTION, SHARE = "NSE:NIFTY26D0125500CE", "NSE:SBIN-EQ"


def row(ticker, **changes):
    """A row of the venue's masters, changed; None takes a field out."""
    rows = {}
    for name in MASTERS:
        rows |= FILES.rows(name)
    changed = rows[ticker] | changes
    return {key: value for key, value in changed.items() if value is not None}


@pytest.fixture
def read(tmp_path):
    """Write rows as a master, and read it."""

    def read(*rows, **options):
        path = tmp_path / "NSE.json"
        members = {str(number): row for number, row in enumerate(rows)}
        path.write_text(json.dumps(members, **options))
        return list(parse([path]))

    return read


def only(read, ticker, **changes):
    [found] = read(row(ticker, **changes))
    return found


def test_a_share_has_all_that_the_master_says(read):
    assert only(read, SHARE) == Instrument(
        symbol="NSE:SBIN",
        key="NSE:SBIN-EQ",
        kind=InstrumentKind.EQ,
        lot_size=Decimal(1),
        tick_size=Decimal("0.05"),
        name="STATE BANK OF INDIA",
        lower_band=Decimal("730.62"),
        upper_band=Decimal("892.98"),
        isin="INE062A01020",
        extra={"fy_token": "10100000003045"},
    )


def test_an_option_has_its_terms_too(read):
    option = only(read, OPTION, strikePrice=162.5, qtyFreeze="1800")
    assert option == Instrument(
        symbol="NFO:NIFTY01DEC26162.5CE",
        key=OPTION,
        kind=InstrumentKind.CE,
        lot_size=Decimal(65),
        tick_size=Decimal("0.05"),
        name="NIFTY 26 Dec 01 25500 CE",
        freeze_quantity=Decimal(1800),
        lower_band=option.lower_band,
        upper_band=option.upper_band,
        underlying="NIFTY",
        expiry=date(2026, 12, 1),
        strike=Decimal("162.5"),
        extra=option.extra,
    )


def test_an_expiry_is_the_day_in_india(read):
    # 19:00 UTC is past midnight there.
    late = only(read, OPTION, expiryDate="1796151600")
    assert late.expiry == date(2026, 12, 2)


def test_an_index_is_quoted_and_not_traded(read):
    index = only(read, "NSE:NIFTY50-INDEX", minLotSize=0, tickSize=0)
    assert (index.symbol, index.kind) == ("NSE_INDEX:NIFTY", InstrumentKind.INDEX)
    assert (index.tradable, index.lot_size, index.underlying) == (False, 1, None)


@pytest.mark.parametrize(
    ("ticker", "changes", "symbol"),
    [
        ("NSE:SBIN-EQ", {"symTicker": "NSE:BAJAJ-AUTO-EQ"}, "NSE:BAJAJ-AUTO"),
        ("NSE:SBIN-BE", {}, "NSE:SBIN-BE"),
        ("NSE:SBIN-EQ", {"symTicker": "NSE:SGBAUG28-GB"}, "NSE:SGBAUG28-GB"),
        ("BSE:RELIANCE-A", {}, "BSE:RELIANCE"),
        ("BSE:RELIANCE-A", {"symTicker": "BSE:BAJAJ-AUTO-XT"}, "BSE:BAJAJ-AUTO"),
        ("NSE:NIFTYBANK-INDEX", {}, "NSE_INDEX:BANKNIFTY"),
        (
            "NSE:NIFTYBANK-INDEX",
            {"symTicker": "NSE:NIFTYIT-INDEX"},
            "NSE_INDEX:NIFTYIT",
        ),
        ("BSE:SENSEX-INDEX", {}, "BSE_INDEX:SENSEX"),
        ("NSE:NIFTY26DECFUT", {}, "NFO:NIFTY29DEC26FUT"),
        ("BSE:SENSEX26D0384000CE", {}, "BFO:SENSEX03DEC2684000CE"),
        (OPTION, {"optType": "PE"}, "NFO:NIFTY01DEC2625500PE"),
    ],
)
def test_every_kind_has_its_symbol(read, ticker, changes, symbol):
    assert only(read, ticker, **changes).symbol == symbol


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"tickSize": "0.05"}, {"tick_size": Decimal("0.05")}),
        ({"minLotSize": "1"}, {"lot_size": Decimal(1)}),
        ({"exchange": "10", "segment": "10"}, {"symbol": "NSE:SBIN"}),
        ({"qtyFreeze": ""}, {"freeze_quantity": None}),
        ({"qtyFreeze": 0}, {"freeze_quantity": None}),
        ({"qtyFreeze": 1.5e3}, {"freeze_quantity": Decimal(1500)}),
        ({"upperPrice": 0.0, "lowerPrice": ""}, {"upper_band": None}),
        ({"upperPrice": "NaN"}, {"upper_band": None}),
        ({"isin": ""}, {"isin": None}),
        ({"tradeStatus": 0}, {"tradable": False}),
        ({"tradeStatus": ""}, {"tradable": False}),
        ({"tradeStatus": "1"}, {"tradable": True}),
        ({"fyToken": 5}, {"extra": {"fy_token": "5"}}),
        ({"news": {"of": "a {kind} \\" + '"'}}, {"symbol": "NSE:SBIN"}),
        ({"symDetails": "a}, b"}, {"name": "a}, b"}),
        ({"symDetails": "a}"}, {"name": "a}"}),
        ({"symDetails": '}{"\\', "news": [1, "]"]}, {"name": '}{"\\'}),
    ],
)
def test_numbers_come_in_any_form_and_what_is_new_is_passed_over(read, changes, found):
    made = only(read, SHARE, **changes)
    assert {name: getattr(made, name) for name in found} == found


@pytest.mark.parametrize(
    ("ticker", "changes"),
    [
        (SHARE, {"exInstType": 20}),
        (SHARE, {"minLotSize": 0}),
        (SHARE, {"tickSize": ""}),
        # Quantities of other segments are counted in another way.
        (OPTION, {"segment": 12}),
        (OPTION, {"exchange": 11, "segment": 20}),
    ],
)
def test_rows_of_no_use_are_left_out(read, ticker, changes):
    assert read(row(ticker, **changes)) == []


def test_of_two_rows_with_one_symbol_the_first_stays(read):
    first = row("BSE:RELIANCE-A")
    second = row("BSE:RELIANCE-A", symTicker="BSE:RELIANCE-F")
    assert [one.key for one in read(first, second)] == ["BSE:RELIANCE-A"]


@pytest.mark.parametrize(
    "changes",
    [
        {"symTicker": None},
        {"symTicker": "SBIN"},
        {"exInstType": None},
        {"exInstType": "equity"},
        {"minLotSize": None},
        {"exchange": None},
    ],
)
def test_a_row_without_what_every_row_has_is_damage(read, changes):
    with pytest.raises(ValueError, match=r"^NSE\.json, byte 1: not a row"):
        read(row(SHARE, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"expiryDate": ""},
        {"expiryDate": "9" * 30},
        {"strikePrice": -1.0},
        {"underSym": ""},
        {"optType": "XX"},
    ],
)
def test_an_option_without_its_terms_is_damage(read, changes):
    with pytest.raises(ValueError, match=r"^NSE\.json, byte"):
        read(row(SHARE), row(OPTION, **changes))


@pytest.mark.parametrize("options", [{}, {"indent": 1}, {"separators": (",", ":")}])
def test_however_it_is_laid_out(read, options):
    assert len(read(row(SHARE), row(OPTION), **options)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"a":5}',
        '{"a":{}}',
        '{"a":{"b":1}} {}',
        '{"a":{"b":{"c":{"d":1}}}}',
    ],
)
def test_a_file_of_another_shape_is_none(tmp_path, text):
    path = tmp_path / "NSE_FO.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"^NSE_FO\.json"):
        list(parse([path]))


def test_a_good_file_with_something_behind_it_is_none(tmp_path):
    path = tmp_path / "NSE_FO.json"
    good = json.dumps({SHARE: row(SHARE)})
    path.write_text(good + "\n")
    assert len(list(parse([path]))) == 1
    path.write_text(good + good)
    with pytest.raises(ValueError, match="wanted the end, found more"):
        list(parse([path]))


def test_a_file_cut_off_anywhere_is_none(tmp_path):
    path = tmp_path / "NSE_FO.json"
    good = json.dumps({SHARE: row(SHARE), OPTION: row(OPTION)})
    for end in range(len(good) - 1):
        path.write_text(good[:end])
        with pytest.raises(ValueError, match=r"^NSE_FO\.json"):
            list(parse([path]))


def test_the_sample_universe_is_whole(tmp_path):
    paths = []
    for name in MASTERS:
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(json.dumps(FILES.rows(name)))
    found = list(parse(paths))
    assert len(found) == len(Market().instruments)
    kinds = {kind: sum(one.kind is kind for one in found) for kind in InstrumentKind}
    assert kinds[InstrumentKind.INDEX] == 6
    assert kinds[InstrumentKind.CE] == kinds[InstrumentKind.PE]


def test_with_a_master_only_what_it_has_can_be_named(read):
    symbols = MasterSymbols(MemoryIndex(read(row(SHARE), row(OPTION))))
    assert symbols.ticker("NSE:SBIN") == SHARE
    assert symbols.ticker("NFO:NIFTY01DEC2625500CE") == OPTION
    assert symbols.symbol(OPTION) == "NFO:NIFTY01DEC2625500CE"
    with pytest.raises(Unsupported, match="NSE:INFY: not in FYERS's"):
        symbols.ticker("NSE:INFY")
    assert symbols.symbol("NSE:INFY-EQ") == "NSE:INFY-EQ"


def test_without_a_master_shares_on_nse_can_be_named():
    symbols = MasterSymbols(NO_INSTRUMENTS)
    assert symbols.ticker("NSE:INFY") == "NSE:INFY-EQ"
    assert symbols.symbol("NSE:INFY-EQ") == "NSE:INFY"
    with pytest.raises(Unsupported):
        symbols.ticker("BSE:INFY")
