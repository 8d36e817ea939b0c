"""Searching instruments: words, filters, pages, and who trades what."""

import os
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.instruments import (
    InstrumentKind,
    Query,
    find,
    future_name,
    option_name,
    search,
)
from adapters.instruments.writing import write
from tests.support.masters import an_instrument, generated

AT = datetime(2026, 11, 23, 2, 45, tzinfo=UTC)
NEAR, FAR = date(2026, 11, 24), date(2026, 12, 29)
CE, PE, FUT, EQ = (
    InstrumentKind.CE,
    InstrumentKind.PE,
    InstrumentKind.FUT,
    InstrumentKind.EQ,
)
BOUND = 0.1
"""Seconds; some five times what a search should take, for busy machines."""


def option(underlying, expiry, strike, kind, exchange="NFO"):
    strike = Decimal(strike)
    name = option_name(underlying, expiry, strike, kind)
    return an_instrument(
        f"{exchange}:{name}",
        kind=kind,
        underlying=underlying,
        expiry=expiry,
        strike=strike,
    )


def future(underlying, expiry):
    name = future_name(underlying, expiry)
    return an_instrument(f"NFO:{name}", kind=FUT, underlying=underlying, expiry=expiry)


MARKET = [
    an_instrument("NSE_INDEX:NIFTY", kind=InstrumentKind.INDEX, name="Nifty 50"),
    an_instrument("NSE:SBIN", name="STATE BANK OF INDIA", isin="INE062A01020"),
    an_instrument("BSE:SBIN", name="STATE BANK OF INDIA"),
    an_instrument("NSE:SBILIFE", name="SBI LIFE INSURANCE CO LTD"),
    an_instrument("NSE:RELCHEMQ", name="RELIANCE CHEMOTEX"),
    an_instrument("NSE:RELIANCE", name="RELIANCE INDUSTRIES LTD"),
    an_instrument("NSE:M&M", name="MAHINDRA & MAHINDRA LTD"),
    an_instrument("NSE:BAJAJ-AUTO", name="BAJAJ AUTO LIMITED"),
    future("NIFTY", NEAR),
    future("NIFTY", FAR),
    option("NIFTY", NEAR, 9800, CE),
    option("NIFTY", NEAR, 20800, CE),
    option("NIFTY", NEAR, 20800, PE),
    option("NIFTY", FAR, 20800, CE),
    option("SENSEX", NEAR, 70000, CE, "BFO"),
]


def put(directory, adapter, instruments, at=AT):
    path = directory / f"{adapter}.sqlite"
    write(path, instruments, adapter=adapter, synced_at=at)
    return path


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    directory = tmp_path_factory.mktemp("market")
    return {"made-up": put(directory, "made-up", MARKET)}


def names(page):
    return [found.instrument.symbol for found in page.found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SBIN", ["BSE:SBIN", "NSE:SBIN"]),
        ("sbi", ["NSE:SBILIFE", "BSE:SBIN", "NSE:SBIN"]),
        ("NSE:SBIN", ["NSE:SBIN"]),
        ("nse:sbi", ["NSE:SBILIFE", "NSE:SBIN"]),
        ("bank india", ["BSE:SBIN", "NSE:SBIN"]),
        ("india stat", ["BSE:SBIN", "NSE:SBIN"]),
        ("m&m", ["NSE:M&M"]),
        ("BAJAJ-AUTO", ["NSE:BAJAJ-AUTO"]),
        ("bajaj au", ["NSE:BAJAJ-AUTO"]),
        ("nifty fut", ["NFO:NIFTY24NOV26FUT", "NFO:NIFTY29DEC26FUT"]),
        ("nifty 20800 pe", ["NFO:NIFTY24NOV2620800PE"]),
        ("NIFTY24NOV2620800CE", ["NFO:NIFTY24NOV2620800CE"]),
        (
            "nifty24no ce",
            ["NFO:NIFTY24NOV269800CE", "NFO:NIFTY24NOV2620800CE"],
        ),
        ("nifty dec 20800", ["NFO:NIFTY29DEC2620800CE"]),
        ("bin", []),
        ("nifty sbin", []),
        ('"nifty" NOT* sbin', []),
    ],
)
def test_every_word_must_be_the_beginning_of_one_in_symbol_name_or_underlying(
    market, text, expected
):
    page = search(market, Query(text=text))
    assert names(page) == expected
    assert (page.after, page.missing) == (None, {})


def test_a_name_typed_in_full_comes_before_those_that_also_fit(market):
    assert names(search(market, Query(text="reliance"))) == [
        "NSE:RELIANCE",
        "NSE:RELCHEMQ",
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"exchange": "BFO"}, ["BFO:SENSEX24NOV2670000CE"]),
        ({"exchange": "NSE_INDEX"}, ["NSE_INDEX:NIFTY"]),
        ({"kind": FUT}, ["NFO:NIFTY24NOV26FUT", "NFO:NIFTY29DEC26FUT"]),
        ({"kind": PE}, ["NFO:NIFTY24NOV2620800PE"]),
        ({"expiry": FAR}, ["NFO:NIFTY29DEC26FUT", "NFO:NIFTY29DEC2620800CE"]),
        ({"kind": CE, "expiry": FAR}, ["NFO:NIFTY29DEC2620800CE"]),
        ({"exchange": "NSE", "text": "sbin"}, ["NSE:SBIN"]),
        ({"exchange": "BSE", "text": "NSE:SBIN"}, []),
        ({"kind": FUT, "text": "SBIN"}, []),
        ({"expiry": NEAR, "text": "SBIN"}, []),
        ({"exchange": "MCX"}, []),
    ],
)
def test_filters_hold_with_words_and_without(market, filters, expected):
    assert names(search(market, Query(**filters))) == expected


def test_a_filter_cannot_be_typed(market):
    assert names(search(market, Query(text="xnfo tfut"))) == []


@pytest.mark.parametrize("text", ["&", "***", " - "])
def test_text_without_a_letter_or_digit_is_no_search(market, text):
    with pytest.raises(ValueError, match="wanted letters or digits"):
        search(market, Query(text=text))


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("text", ["", "reliance", "nifty", "sbin"])
def test_pages_together_hold_everything_once_and_in_one_order(market, text, limit):
    whole = names(search(market, Query(text=text)))
    assert len(whole) == len(set(whole)) > 0
    found, after, pages = [], None, 0
    while after is not None or not pages:
        page = search(market, Query(text=text, limit=limit, after=after))
        assert len(page.found) <= limit
        found, after, pages = found + names(page), page.after, pages + 1
    assert found == whole
    assert pages == -(-len(whole) // limit)


# Several adapters


def test_rows_of_several_masters_are_one_with_those_who_trade_it(tmp_path):
    files = {
        "a": put(
            tmp_path,
            "a",
            [an_instrument("NSE:ONE"), an_instrument("NSE:TWO", tradable=False)],
        ),
        "b": put(
            tmp_path,
            "b",
            [
                an_instrument(
                    "NSE:ONE",
                    name="ONE LIMITED",
                    isin="INE1",
                    freeze_quantity=Decimal(5),
                    tick_size=Decimal("0.1"),
                ),
                an_instrument("NSE:TWO"),
                an_instrument("NSE:THREE"),
            ],
            AT + timedelta(days=1),
        ),
    }
    page = search(files, Query(text="nse"))
    assert [(f.instrument.symbol, f.adapters, f.synced_at.day) for f in page.found] == [
        ("NSE:ONE", ("a", "b"), 23),
        ("NSE:THREE", ("b",), 24),
        ("NSE:TWO", ("b",), 23),
    ]
    one = page.found[0].instrument
    assert (one.name, one.isin, one.freeze_quantity) == ("ONE LIMITED", "INE1", 5)
    assert (one.key, one.tick_size) == ("K-NSE:ONE", Decimal("0.05"))


def test_who_trades_it_is_told_also_where_the_words_fit_only_another_master(tmp_path):
    files = {
        "a": put(tmp_path, "a", [an_instrument("NSE:ONE", name="FIRST LIMITED")]),
        "b": put(tmp_path, "b", [an_instrument("NSE:ONE")]),
    }
    (found,) = search(files, Query(text="first")).found
    assert found.adapters == ("a", "b")


def test_an_index_is_traded_by_nobody(market):
    (found,) = find(market, "NSE_INDEX:NIFTY").found
    assert found.adapters == ()


def test_pages_of_several_masters_hold_everything_once(tmp_path):
    files = {
        "a": put(tmp_path, "a", (an_instrument(f"NSE:N{n:02}") for n in range(0, 20))),
        "b": put(
            tmp_path, "b", (an_instrument(f"NSE:N{n:02}") for n in range(5, 30, 2))
        ),
    }
    found, after = [], None
    for _ in range(9):
        page = search(files, Query(text="n", limit=3, after=after))
        found, after = found + names(page), page.after
    assert after is None
    assert found == [f"NSE:N{n:02}" for n in [*range(20), *range(21, 30, 2)]]


def test_masters_that_differ_on_where_a_symbol_stands_lose_nothing_between_pages(
    tmp_path,
):
    """One names the underlying as the others do, the other does not."""
    odd = option("AAA", NEAR, 100, CE)
    same = an_instrument(odd.symbol, kind=CE, underlying="ZZZ", expiry=NEAR)
    rest = [option("MMM", NEAR, 100, CE)]
    files = {
        "a": put(tmp_path, "a", [odd, *rest]),
        "b": put(tmp_path, "b", [same, *rest]),
    }
    found, after = [], None
    for _ in range(6):
        page = search(files, Query(text="ce", limit=1, after=after))
        found, after = found + names(page), page.after
        if after is None:
            break
    assert found[:2] == [one.symbol for one in (odd, *rest)]


def test_a_master_that_is_not_there_or_damaged_is_told_and_the_others_searched(
    market, tmp_path
):
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no database" * 1000)
    files = market | {"none": tmp_path / "none.sqlite", "broken": broken}
    for page in (search(files, Query(text="m&m")), find(files, "NSE:M&M")):
        assert names(page) == ["NSE:M&M"]
        assert page.found[0].adapters == ("made-up",)
        assert page.missing == {
            "none": "its instrument master was not synced yet",
            "broken": "its master cannot be read: file is not a database",
        }


def test_one_is_found_by_its_very_symbol_only(market):
    assert names(find(market, "NSE:SBIN")) == ["NSE:SBIN"]
    assert names(find(market, "NSE:SBI")) == []


# How long it takes


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    directory = tmp_path_factory.mktemp("large")
    return {"made-up": put(directory, "made-up", generated(250_000))}


def forget(path):
    """Have the system drop what it keeps of the file in memory."""
    handle = os.open(path, os.O_RDONLY)
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(handle)


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(text="n"),
        Query(text="nifty"),
        Query(text="limited"),
        Query(text="nifty 20800 ce"),
        Query(text="NIFTY24NOV2620000CE"),
        Query(text="nifty limited"),
        Query(text="2"),
        Query(text="nifty", exchange="BSE"),
        Query(kind=PE, expiry=FAR),
        Query(kind=EQ, text="lim"),
    ],
    ids=str,
)
def test_a_search_among_250000_is_quick_also_from_the_disk(large, query):
    took = []
    for _ in range(5):
        forget(large["made-up"])
        begun = time.perf_counter()
        search(large, query)
        took.append(time.perf_counter() - begun)
    assert sorted(took)[2] < BOUND
