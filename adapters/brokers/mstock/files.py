"""m.Stock's two instrument files as rows in one set of words.

Type A's is CSV, Type B's one JSON array of flat rows. Source: dossier 11 and the
official excerpt of Type A's file.
"""

from __future__ import annotations

import csv
import mmap
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

import msgspec

from adapters.brokers.mstock.translate import MONTHS

HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,"
    "tick_size,lot_size,instrument_type,segment,exchange"
)
"""Type A's first line."""
COLUMNS = HEADER.count(",") + 1
END = [""]
"""Type A's last line, as the official file has it."""

CASH, CARRIED = ("NSE", "BSE"), ("NFO", "BFO")
ELSEWHERE = ("CUR", "IRC", "COM", "IDX")
"""In the kinds of rows in a share market that are no shares: currencies are there."""
EQ = "EQ"
OPTION_KINDS = ("CE", "PE")
DAY_B = re.compile(r"(\d{2})([A-Za-z]{3})(\d{4})")

_TEXT = rb'"(?:[^"\\]|\\.)*+"'
MEMBER = re.compile(rb'\s*+(\{(?:[^{}"]++|' + _TEXT + rb")*+\})\s*+([,\]])\s*+")
"""One row of Type B's file, which is flat, and what follows it."""


class Terms(NamedTuple):
    """A row of either file, in one set of words; texts as they stand."""

    api_type: str
    exchange: str
    token: str
    tradingsymbol: str
    kind: str
    series: str
    underlying: str
    name: str
    expiry: date | None
    strike: str
    tick: str
    lot: str


class RowB(msgspec.Struct):
    """A row of Type B's file; `name` is the trading symbol."""

    token: str
    symbol: str
    name: str
    expiry: str
    strike: str
    lotsize: str
    instrumenttype: str
    exch_seg: str
    tick_size: str


_rows = msgspec.json.Decoder(RowB)


# Type A


def type_a(path: Path) -> Iterator[Terms]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from _lines(path.name, csv.reader(file, strict=True))
    except (csv.Error, UnicodeDecodeError) as exc:
        raise ValueError(f"{path.name}: not CSV: {exc}") from exc


def _lines(name: str, lines: Iterator[list[str]]) -> Iterator[Terms]:
    if next(lines, None) != HEADER.split(","):
        raise ValueError(f"{name}, line 1: wanted the header {HEADER}")
    number, exchange, ended = 1, "NSE", False
    for number, line in enumerate(lines, 2):
        where = f"{name}, line {number}"
        if ended or (len(line) != COLUMNS and line != END):
            raise ValueError(f"{where}: wanted {COLUMNS} columns, found {len(line)}")
        ended = line == END
        if not ended:
            terms = _terms_a(where, [cell.strip() for cell in line])
            exchange = terms.exchange
            yield terms
    # The exchange is the last cell: cut off, it is none that there is.
    if not re.fullmatch("[A-Z]{3}", exchange):
        raise ValueError(f"{name}, line {number}: wanted an exchange, found {exchange}")


def _terms_a(where: str, line: list[str]) -> Terms:
    token, _, symbol, name, _, expiry, strike, tick, lot, kind, segment, market = line
    carried = market in CARRIED
    if carried:
        # XX is a future's; the excerpt has it where others saw FUT.
        what = kind if kind in OPTION_KINDS else "FUT"
        underlying = _underlying(symbol, what, strike)
    else:
        what, underlying = EQ, ""
        if any(mark in segment for mark in ELSEWHERE):
            what = segment
    return Terms(
        api_type="A",
        exchange=market,
        token=token,
        tradingsymbol=symbol,
        kind=what,
        series=kind,
        underlying=underlying,
        name=name,
        expiry=_iso_day(where, expiry) if carried else None,
        strike=strike,
        tick=tick,
        lot=lot,
    )


def _iso_day(where: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{where}: wanted an expiry, found {text[:20]!r}") from None


def _underlying(symbol: str, kind: str, strike: str) -> str:
    """Of `BANKNIFTY25FEB48300PE`: what is left before expiry (five characters, by month
    or by day), strike and kind; "" where it is put together in another way."""
    price = number(strike)
    tail = kind
    if kind in OPTION_KINDS and price is not None:
        tail = format(price.normalize(), "f") + kind
    if not symbol.endswith(tail):
        return ""
    return symbol.removesuffix(tail)[:-5]


# Type B


def type_b(path: Path) -> Iterator[Terms]:
    with path.open("rb") as file:
        try:
            text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise ValueError(f"{path.name}: wanted a master, found nothing") from None
        with text:
            for at, raw in _members(path.name, text):
                try:
                    yield _terms_b(_rows.decode(raw))
                except ValueError as exc:
                    words = f"{path.name}, byte {at}: not a row of a master: {exc}"
                    raise ValueError(words) from exc


def _members(name: str, text: mmap.mmap) -> Iterator[tuple[int, bytes]]:
    """Where each row begins, and the row; the file's end is checked with the last."""
    start = re.compile(rb"\s*+\[").match(text)
    if start is None:
        raise ValueError(f"{name}: wanted an array of rows, found {text[:20]!r}")
    at, end = start.end(), b","
    while end == b",":
        member = MEMBER.match(text, at)
        if member is None:
            raise ValueError(
                f"{name}, byte {at}: wanted a row, found {text[at : at + 20]!r}"
            )
        yield at, member[1]
        at, end = member.end(), member[2]
    if at != len(text):
        raise ValueError(f"{name}, byte {at}: wanted the end, found more")


def _terms_b(row: RowB) -> Terms:
    market, kind = row.exch_seg.strip(), row.instrumenttype.strip()
    symbol = row.name.strip()
    carried = market in CARRIED
    if carried:
        kind = "FUT" if kind.startswith("FUT") else symbol[-2:]
    elif not any(mark in kind for mark in ELSEWHERE):
        kind = EQ
    return Terms(
        api_type="B",
        exchange=market,
        token=row.token.strip(),
        tradingsymbol=symbol,
        kind=kind,
        series=symbol.rpartition("-")[2] if "-" in symbol else EQ,
        underlying=row.symbol.strip() if carried else "",
        name=row.symbol.strip(),
        expiry=_day(row.expiry.strip()) if carried else None,
        strike=row.strike,
        tick=row.tick_size,
        lot=row.lotsize,
    )


def _day(text: str) -> date:
    found = DAY_B.fullmatch(text)
    month = MONTHS.get(found[2].lower()) if found else None
    if found is None or month is None:
        raise ValueError(f"wanted an expiry like 29Dec2026, found {text[:20]!r}")
    return date(int(found[3]), month, int(found[1]))


# Both


def number(text: str) -> Decimal | None:
    """A number above 0; None for all else."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() and value > 0 else None
