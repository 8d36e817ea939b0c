"""Instrument files of both types: rows to instruments, and files that are none."""

import json
from datetime import date
from decimal import Decimal

import pytest

from adapters.brokers.mstock.files import HEADER
from adapters.brokers.mstock.master import INDICES, parse
from adapters.instruments import Instrument, InstrumentKind

from .conftest import SAMPLES

A, B = "typea_script_master_head.csv", "typeb_instrument_master_head.json"
SHARE = "3045,3045,SBIN,STATE BANK OF INDIA,,,,,1,EQ,EQ,NSE"
OPTION = "39590,39590,BANKNIFTY25FEB48300PE,,205.3,2025-02-26,48300,,30,PE,OPTIDX,NFO"


@pytest.fixture
def lines(tmp_path):
    """Write lines below the header as Type A's file, and read it, without indices."""

    def read(*rows, end=""):
        path = tmp_path / "mstock_a.csv"
        path.write_text("\n".join([HEADER, *rows]) + "\n" + end)
        return [one for one in parse([path]) if one.symbol not in INDICES]

    return read


@pytest.fixture
def rows(tmp_path):
    """Write rows as Type B's file, and read it, without indices."""

    def read(*found, **options):
        path = tmp_path / "mstock_b.json"
        path.write_text(json.dumps(found, **options))
        return [one for one in parse([path]) if one.symbol not in INDICES]

    return read


def row(**changes):
    share = {
        "token": "3045",
        "symbol": "SBIN",
        "name": "SBIN-EQ",
        "expiry": "",
        "strike": "0",
        "lotsize": "1",
        "instrumenttype": "EQ",
        "exch_seg": "NSE",
        "tick_size": "0.05",
    }
    return share | changes


def option(**changes):
    terms = {"token": "41080", "symbol": "IOC", "name": "IOC26DEC162.5CE"}
    terms |= {"expiry": "29Dec2026", "strike": "162.50", "lotsize": "4875"}
    terms |= {"instrumenttype": "OPTSTK", "exch_seg": "NFO", "tick_size": ""}
    return row(**terms) | changes


def test_a_share_of_type_a_goes_by_its_bare_name(lines):
    assert lines(SHARE) == [
        Instrument(
            symbol="NSE:SBIN",
            key="NSE:3045",
            kind=InstrumentKind.EQ,
            lot_size=Decimal(1),
            tick_size=Decimal("0.05"),
            name="STATE BANK OF INDIA",
            extra={"api_type": "A", "tradingsymbol": "SBIN"},
        )
    ]


def test_a_share_of_type_b_goes_by_its_series(rows):
    assert rows(row()) == [
        Instrument(
            symbol="NSE:SBIN",
            key="NSE:3045",
            kind=InstrumentKind.EQ,
            lot_size=Decimal(1),
            tick_size=Decimal("0.05"),
            name="SBIN",
            extra={"api_type": "B", "tradingsymbol": "SBIN-EQ"},
        )
    ]


def test_an_option_of_type_a_names_its_underlying_only_in_its_symbol(lines):
    [found] = lines(OPTION)
    assert (found.symbol, found.key) == (
        "NFO:BANKNIFTY26FEB2548300PE",
        "NFO:39590",
    )
    assert (found.underlying, found.strike) == ("BANKNIFTY", 48300)
    assert (found.expiry, found.lot_size) == (date(2025, 2, 26), 30)


@pytest.mark.parametrize(
    ("line", "symbol"),
    [
        (
            "1171765,1,SENSEX2510375400CE,,7049.1,2025-01-03,75400,,10,CE,OPTIDX,BFO",
            "BFO:SENSEX03JAN2575400CE",
        ),
        (
            "39696,39696,NESTLEIND25FEBFUT,,2276.75,2025-02-27,0,,200,XX,FUTSTK,NFO",
            "NFO:NESTLEIND27FEB25FUT",
        ),
        (
            "1,1,NIFTYNXT5025FEBFUT,,2276.75,2025-02-27,0,,200,FUT,FUTIDX,NFO",
            "NFO:NIFTYNXT5027FEB25FUT",
        ),
        (
            "1171704,512070,UPL25FEB479.6CE,,79.8,2025-02-13,479.6,,1355,CE,OPTSTK,BFO",
            "BFO:UPL13FEB25479.6CE",
        ),
        ("522113,522113,TIMKEN,TIMKEN,,,,0.05,1,Equity,EQ,BSE", "BSE:TIMKEN"),
        ("957645,957645,890ABFL26A,X,,,,0.01,1,Equity,DB,BSE", "BSE:890ABFL26A"),
        ("1,1,GOLDSTAR,GOLDSTAR,,,,,1,SM,SM,NSE", "NSE:GOLDSTAR-SM"),
        ("1,1,INFY-EQ,INFOSYS,,,,,1,EQ,EQ,NSE", "NSE:INFY"),
        ("1,1,SBIN-BE,SBIN,,,,,1,BE,BE,NSE", "NSE:SBIN-BE"),
        ("1,1,ARE&M,AMARA,,,,,1,EQ,EQ,NSE", "NSE:ARE&M"),
    ],
)
def test_every_kind_of_type_a_has_its_symbol(lines, line, symbol):
    assert [found.symbol for found in lines(line)] == [symbol]


@pytest.mark.parametrize(
    ("changes", "symbol"),
    [
        ({"name": "BAJAJ-AUTO-EQ"}, "NSE:BAJAJ-AUTO"),
        ({"name": "SBIN-BE"}, "NSE:SBIN-BE"),
        ({"name": "RELIANCE", "exch_seg": "BSE"}, "BSE:RELIANCE"),
        ({"name": "BAJAJ-AUTO", "exch_seg": "BSE"}, "BSE:BAJAJ-AUTO"),
        (option(), "NFO:IOC29DEC26162.5CE"),
        (
            option(instrumenttype="FUTSTK", name="IOC26DECFUT", strike="0"),
            "NFO:IOC29DEC26FUT",
        ),
        (
            option(
                symbol="SENSEX", name="SENSEX26D0384000PE", expiry="03Dec2026",
                strike="84000", instrumenttype="OPTIDX", exch_seg="BFO",
            ),
            "BFO:SENSEX03DEC2684000PE",
        ),
    ],
)  # fmt: skip
def test_every_kind_of_type_b_has_its_symbol(rows, changes, symbol):
    assert [found.symbol for found in rows(row() | changes)] == [symbol]


@pytest.mark.parametrize(
    ("line", "tradable"),
    [
        (SHARE, True),
        ("1,1,GOLDSTAR,GOLDSTAR,,,,,1,SM,SM,NSE", False),
        ("1,1,GOLDSTAR-SM,GOLDSTAR,,,,,1,SM,SM,NSE", True),
        ("522113,522113,TIMKEN,TIMKEN,,,,0.05,1,Equity,EQ,BSE", True),
        (OPTION, True),
    ],
)
def test_a_name_that_could_mean_another_series_is_not_ordered(lines, line, tradable):
    [found] = lines(line)
    assert found.tradable is tradable


@pytest.mark.parametrize(
    "line",
    [
        "17240,17240,USDINR25SEP89.75CE,,0.09,2025-09-26,89.75,,1,CE,OPTCUR,CDS",
        "1,1,USDINR25SEPFUT,,0.09,2025-09-26,0,,1,XX,FUTCUR,NSE",
        "1,1,ODD,,205.3,2025-02-26,48300,,30,PE,OPTIDX,NFO",
        "1,1,NIFTY25FEB48300PE,,205.3,2025-02-26,48300,,,PE,OPTIDX,NFO",
        ",1,SBIN,STATE BANK OF INDIA,,,,,1,EQ,EQ,NSE",
        "1,1,,STATE BANK OF INDIA,,,,,1,EQ,EQ,NSE",
    ],
)
def test_rows_of_no_use_of_type_a_are_left_out(lines, line):
    assert [found.symbol for found in lines(line, SHARE)] == ["NSE:SBIN"]


@pytest.mark.parametrize(
    "changes",
    [
        {"instrumenttype": "OPTCUR"},
        {"instrumenttype": "FUTIRC"},
        {"exch_seg": "MCX"},
        {"token": ""},
        {"name": ""},
        option(lotsize=""),
        option(strike="0"),
        option(symbol=""),
    ],
)
def test_rows_of_no_use_of_type_b_are_left_out(rows, changes):
    found = rows(row(token="9", name="ITC-EQ"), row() | changes)
    assert [one.symbol for one in found] == ["NSE:ITC"]


def test_of_two_with_one_symbol_or_one_number_the_first_stays(rows):
    found = rows(row(), row(token="9"), row(name="OTHER-EQ"))
    assert [one.key for one in found] == ["NSE:3045"]


def test_the_same_number_in_two_markets_is_two_instruments(rows):
    found = rows(row(token="41080"), option())
    assert [one.key for one in found] == ["NSE:41080", "NFO:41080"]


def test_indices_are_added_and_not_traded(tmp_path):
    path = tmp_path / "mstock_b.json"
    path.write_text(json.dumps([row()]))
    found = {one.symbol: one for one in parse([path])}
    assert found["NSE_INDEX:BANKNIFTY"].key == "NSE_INDEX:26009"
    assert {found[symbol].tradable for symbol in INDICES} == {False}


def test_the_official_excerpt_of_type_a_is_read():
    found = list(parse([SAMPLES / A]))
    kinds = {kind: sum(one.kind is kind for one in found) for kind in InstrumentKind}
    assert kinds == {"EQ": 84, "INDEX": 14, "FUT": 5, "CE": 34, "PE": 33}
    assert len({one.symbol for one in found}) == len({one.key for one in found}) == 170
    shares = [one for one in found if one.kind is InstrumentKind.EQ]
    assert sum(one.tradable for one in shares) == 51


def test_the_shared_universe_of_type_b_is_read_whole():
    found = list(parse([SAMPLES / B]))
    assert len(found) == len(json.loads((SAMPLES / B).read_text())) + len(INDICES)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("3045,3045,SBIN", "line 3: wanted 12 columns, found 3"),
        (SHARE + ",", "line 3: wanted 12 columns, found 13"),
        (OPTION.replace("2025-02-26", "26Feb2025"), "line 3: wanted an expiry"),
        (OPTION.replace("2025-02-26", ""), "line 3: wanted an expiry"),
        ("", "line 3: wanted 12 columns"),
        (SHARE[:-1], "wanted an exchange, found NS"),
        ('3045,"SBIN', "not CSV"),
    ],
)
def test_damage_in_a_line_of_type_a_is_named(lines, line, words):
    with pytest.raises(ValueError, match=rf"^mstock_a\.csv.*{words}"):
        lines(SHARE, line)


def test_the_last_line_of_the_official_file_is_no_damage_and_ends_it(lines):
    assert len(lines(SHARE, end='""\n')) == 1
    with pytest.raises(ValueError, match="line 4"):
        lines(SHARE, '""', SHARE)


def test_a_file_without_an_instrument_is_none(lines, rows):
    with pytest.raises(ValueError, match="wanted instruments, found none"):
        lines()
    with pytest.raises(ValueError, match="wanted instruments, found none"):
        rows(row(exch_seg="MCX"))


@pytest.mark.parametrize("name", list(row()))
def test_a_row_of_type_b_without_what_every_row_has_is_damage(rows, name):
    short = row()
    del short[name]
    with pytest.raises(ValueError, match=r"^mstock_b\.json, byte"):
        rows(row(), short)


@pytest.mark.parametrize("expiry", ["", "2026-12-29", "29Foo2026", "31Feb2026"])
def test_an_option_without_its_expiry_is_damage(rows, expiry):
    with pytest.raises(ValueError, match=r"^mstock_b\.json, byte"):
        rows(row(), option(expiry=expiry))


@pytest.mark.parametrize("options", [{}, {"indent": 1}, {"separators": (",", ":")}])
def test_however_it_is_laid_out(rows, options):
    assert len(rows(row(), option(), **options)) == 2


@pytest.mark.parametrize(
    "text", ["", "{}", "null", "[5]", "[[]]", "[{}] []", '{"a":1}']
)
def test_a_file_of_another_shape_is_none(tmp_path, text):
    path = tmp_path / "mstock_b.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"^mstock_b\.json"):
        list(parse([path]))


def test_a_good_file_with_something_behind_it_is_none(tmp_path):
    path = tmp_path / "mstock_b.json"
    good = json.dumps([row(), option()])
    path.write_text(good + "\n")
    assert len(list(parse([path]))) == 2 + len(INDICES)
    path.write_text(good + good)
    with pytest.raises(ValueError, match="wanted the end, found more"):
        list(parse([path]))


def test_a_file_cut_off_anywhere_is_none(tmp_path):
    path = tmp_path / "mstock_b.json"
    good = json.dumps([row(), option()])
    for end in range(len(good)):
        path.write_text(good[:end])
        with pytest.raises(ValueError, match=r"^mstock_b\.json"):
            list(parse([path]))
