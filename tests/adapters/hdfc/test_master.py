"""HDFC's security master, row by row."""

import re
from decimal import Decimal

import pytest

from adapters.brokers.hdfc import master
from adapters.instruments import InstrumentKind

HEADER = ",".join(master.COLUMNS)


def parsed(tmp_path, *rows, header=HEADER):
    """The instruments of a master of *rows*."""
    file = tmp_path / "security-master.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return list(master.parse([file]))


def masters(tmp_path, *rows):
    """The symbols of a master of *rows*, and the ids they stand for."""
    found = parsed(tmp_path, *rows)
    return {one.symbol: one.extra["security_id"] for one in found}


@pytest.mark.parametrize("share_first", [True, False])
def test_of_several_rows_of_one_name_the_share_is_taken(tmp_path, share_first):
    rows = [
        "NSE,SBILTDEQNR,EQUITY,,,,1,5,812,3045,SBIN,,",
        "NSE,SBIBONDN5NR,EQUITY,,,,1,5,1000,9999,SBIN,,",
    ]
    found = masters(tmp_path, *(rows if share_first else reversed(rows)))
    assert found == {"NSE:SBIN": "SBILTDEQNR"}


def test_rows_of_no_use_are_left_out(tmp_path):
    assert masters(
        tmp_path,
        "NSE,SBILTDEQNR,EQUITY,,,,1,5,812,3045,SBIN,,",
        "NSE,FUNDAEQNR,EQUITY,,,,1,1,10,DUMMY101,FUNDA,,",
        "NSE,FUNDBEQNR,EQUITY,,,,999999999,1,10,777,FUNDB,,",
        "MCX,41092,FUTCOM,2026-12-31,0,XX,1,100,12840.0,41092,GOLD,GOLD,0",
    ) == {"NSE:SBIN": "SBILTDEQNR"}


RELIANCE = "NSE,RELLTDEQNR,EQUITY,,,,1,10,1462.4,2885,RELIANCE,,"
NAMELESS = "BSE,RELLTDEQNR,EQUITY,,,,1,10,1462.4,500325,,,"


@pytest.mark.parametrize("rows", [(RELIANCE, NAMELESS), (NAMELESS, RELIANCE)])
def test_a_share_of_bse_without_a_name_has_that_of_its_row_on_nse(tmp_path, rows):
    names = set(masters(tmp_path, *rows))
    assert names == {"NSE:RELIANCE", "BSE:RELIANCE"}


def test_a_share_without_any_name_is_called_by_its_id(tmp_path):
    assert set(masters(tmp_path, NAMELESS)) == {"BSE:RELLTDEQNR"}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("ABCLTDEQNR", "ABCLTDLONGEQNR"),
        ("ABCLTDEQTT", "ABC"),
        ("ABCLTDLONGEQNR", "ABC"),
        ("ABC", "ABCBONDNR"),
    ],
)
def test_ids_are_preferred_in_this_order(tmp_path, better, worse):
    rows = [
        f"NSE,{name},EQUITY,,,,1,5,1,{n},ABC,," for n, name in ((1, worse), (2, better))
    ]
    assert masters(tmp_path, *rows) == {"NSE:ABC": better}


@pytest.mark.parametrize(
    ("token", "symbol"),
    [
        ("25999", "NSE:XY"),
        ("26000", "NSE_INDEX:NIFTY"),
        ("26009", "NSE_INDEX:BANKNIFTY"),
        ("26999", "NSE_INDEX:XY"),
        ("27000", "NSE:XY"),
    ],
)
def test_an_index_is_told_by_its_token(tmp_path, token, symbol):
    [one] = parsed(tmp_path, f"NSE,XYEQNR,EQUITY,,,,1,5,1,{token},X Y,,")
    assert one.symbol == symbol
    assert one.tradable is (one.kind is InstrumentKind.EQ)


def test_a_contract_has_its_terms(tmp_path):
    row = "BSE,B826701,OPTIDX,2026-10-01,82000,CE,20,5,140.2,826701,SENSEX,SENSEXEQNR,0"
    [one] = parsed(tmp_path, row)
    assert (one.symbol, one.key) == ("BFO:SENSEX01OCT2682000CE", "BSE|OPTIDX|B826701")
    assert (one.lot_size, one.tick_size) == (Decimal(20), Decimal("0.05"))
    assert one.extra == {
        "exchange": "BSE",
        "segment": "OPTIDX",
        "security_id": "B826701",
        "token": "826701",
        "underlying": "SENSEXEQNR",
    }


def test_a_mark_of_the_byte_order_before_the_header_is_no_harm(tmp_path):
    [one] = parsed(tmp_path, RELIANCE, header="\ufeff" + HEADER)
    assert one.symbol == "NSE:RELIANCE"


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("NSE,RELLTDEQNR,EQUITY", "line 2: wanted 13 columns, found 3"),
        (RELIANCE + ",more", "line 2: wanted 13 columns, found 14"),
        (RELIANCE.replace(",1,10,", ",one,10,"), "line 2: not a row"),
        ("NSE,1,FUTSTK,soon,0,XX,1,5,1,1,ABC,X,0", "line 2: not a row"),
        ("NSE,1,OPTSTK,2026-12-29,5,XX,1,5,1,1,ABC,X,0", "line 2: not a row"),
        ("NSE,1,FUTSTK,2026-12-29,0,XX,1,5,1,1,,X,0", "line 2: not a row"),
    ],
)
def test_a_row_that_is_none_stops_the_sync_and_is_named(tmp_path, row, what):
    with pytest.raises(ValueError, match=re.escape(f"security-master.csv, {what}")):
        parsed(tmp_path, row)


def test_another_header_is_another_file(tmp_path):
    with pytest.raises(ValueError, match="wanted the master's header"):
        parsed(tmp_path, header=HEADER.replace("lot_size", "lots"))


def test_a_tick_without_a_dot_is_paise():
    assert master.tick_of("5") == Decimal("0.05")
    assert master.tick_of(".0025") == Decimal("0.0025")
