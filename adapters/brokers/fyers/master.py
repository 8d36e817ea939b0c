"""FYERS's JSON masters to instruments, a row at a time.

A file is one object of some 100,000 flat rows by ticker, on one line. It is mapped and
cut at its members, so that no more than a row of it is ever an object. Numbers come as
numbers or as text, and "" where they do not apply. Source: dossier 11.3.
"""

# Names of a row are the broker's.
# ruff: noqa: N815

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec

from adapters.brokers.fyers.symbols import NAMES
from adapters.brokers.fyers.translate import IST
from adapters.instruments import Instrument, InstrumentKind, future_name, option_name

EXCHANGES = {(10, 10): "NSE", (10, 11): "NFO", (12, 10): "BSE", (12, 11): "BFO"}
"""Those that orders go to, by exchange and segment: a row of another would let orders
through whose quantities are counted in another way."""

INDEX = 10
FUTURES = frozenset({11, 12, 13})
OPTIONS = frozenset({14, 15})
CASH = frozenset({*range(10), 50})
"""Instrument types. Source: dossier 11.3."""

OPTION_KINDS = {"CE": InstrumentKind.CE, "PE": InstrumentKind.PE}

_TEXT = rb'"(?:[^"\\]|\\.)*+"'
_FLAT = rb'(?:[^{}"]++|' + _TEXT + rb")*+"
_ROW = rb"\{" + _FLAT + rb"(?:\{" + _FLAT + rb"\}" + _FLAT + rb")*+\}"
MEMBER = re.compile(rb"\s*+(?:" + _TEXT + rb")\s*+:\s*+(" + _ROW + rb")\s*+([,}])\s*+")
"""One member of the file: ticker, row (at most one object deep), what follows it."""
PLAIN = re.compile(rb'\s*+"[^"\\]*+"\s*+:\s*+(\{[^{}\\]*+\})\s*+([,}])\s*+')
"""The same without braces or escapes within, as nearly all are: ten times faster. It is
right where the row's quotes pair up, for then its brace closes no text."""


class Row(msgspec.Struct):
    """A row; what may be "" is kept as it stands."""

    symTicker: str
    exchange: int
    segment: int
    exInstType: int
    minLotSize: msgspec.Raw
    tickSize: msgspec.Raw
    optType: str | None = None
    underSym: str | None = None
    symDetails: str | None = None
    isin: str | None = None
    fyToken: str | int = ""
    expiryDate: msgspec.Raw = msgspec.Raw()
    strikePrice: msgspec.Raw = msgspec.Raw()
    qtyFreeze: msgspec.Raw = msgspec.Raw()
    upperPrice: msgspec.Raw = msgspec.Raw()
    lowerPrice: msgspec.Raw = msgspec.Raw()
    tradeStatus: msgspec.Raw = msgspec.Raw()


_rows = msgspec.json.Decoder(Row, strict=False)


def parse(paths: Sequence[Path]) -> Iterator[Instrument]:
    """The instruments of the masters; of two with one symbol the first.

    Raises:
        ValueError: a file is not a master, or not all of one; the text names it.
    """
    seen: set[str] = set()
    for path in paths:
        for instrument in _file(path):
            if instrument.symbol not in seen:
                seen.add(instrument.symbol)
                yield instrument


def _file(path: Path) -> Iterator[Instrument]:
    with path.open("rb") as file:
        try:
            text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise ValueError(f"{path.name}: wanted a master, found nothing") from None
        with text:
            for at, raw in _members(path.name, text):
                found = _instrument(f"{path.name}, byte {at}", raw)
                if found is not None:
                    yield found


def _members(name: str, text: mmap.mmap) -> Iterator[tuple[int, bytes]]:
    """Where each row begins, and the row; the file's end is checked with the last."""
    if text[:1] != b"{":
        raise ValueError(f"{name}: wanted an object of rows, found {text[:20]!r}")
    at, end = 1, b","
    while end == b",":
        member = PLAIN.match(text, at)
        if member is None or member[1].count(b'"') % 2:
            member = MEMBER.match(text, at)
        if member is None:
            raise ValueError(
                f"{name}, byte {at}: wanted a row, found {text[at : at + 20]!r}"
            )
        yield at, member[1]
        at, end = member.end(), member[2]
    if at != len(text):
        raise ValueError(f"{name}, byte {at}: wanted the end, found more")


def _instrument(where: str, raw: bytes) -> Instrument | None:
    """None for a row of no use: nothing to trade here, no lot, no tick.

    Raises:
        ValueError: it is not a row of a master.
    """
    try:
        row = _rows.decode(raw)
        return _made(row)
    except (ValueError, LookupError, OverflowError, OSError) as exc:
        raise ValueError(f"{where}: not a row of a master: {exc}") from exc


def _made(row: Row) -> Instrument | None:
    exchange = EXCHANGES.get((row.exchange, row.segment))
    kind = _kind(row)
    lot, tick = _number(row.minLotSize), _number(row.tickSize)
    if exchange is None or kind is None:
        return None
    if kind is InstrumentKind.INDEX:  # some have neither, and nobody orders them
        lot, tick = lot or Decimal(1), tick or Decimal("0.05")
    if not lot or not tick:
        return None
    expiry, strike = None, None
    if kind not in (InstrumentKind.EQ, InstrumentKind.INDEX):
        expiry = _day(row.expiryDate)
        strike = _number(row.strikePrice) if row.exInstType in OPTIONS else None
    return Instrument(
        symbol=_symbol(row, exchange, kind, expiry, strike),
        key=row.symTicker,
        kind=kind,
        lot_size=lot,
        tick_size=tick,
        name=row.symDetails or "",
        freeze_quantity=_number(row.qtyFreeze),
        lower_band=_number(row.lowerPrice),
        upper_band=_number(row.upperPrice),
        underlying=row.underSym or None if expiry else None,
        expiry=expiry,
        strike=strike,
        isin=row.isin or None,
        tradable=kind is not InstrumentKind.INDEX and _number(row.tradeStatus) == 1,
        extra={"fy_token": str(row.fyToken)},
    )


def _kind(row: Row) -> InstrumentKind | None:
    if row.exInstType in CASH:
        return InstrumentKind.EQ
    if row.exInstType == INDEX:
        return InstrumentKind.INDEX
    if row.exInstType in FUTURES:
        return InstrumentKind.FUT
    if row.exInstType in OPTIONS:
        return OPTION_KINDS[row.optType or ""]
    return None


def _symbol(
    row: Row,
    exchange: str,
    kind: InstrumentKind,
    expiry: date | None,
    strike: Decimal | None,
) -> str:
    _, colon, name = row.symTicker.partition(":")
    if not (colon and name):
        raise ValueError(f"wanted EXCHANGE:NAME, found {row.symTicker!r}")
    if kind is InstrumentKind.INDEX:
        plain = f"{exchange}_INDEX:{name.removesuffix('-INDEX')}"
        return NAMES.get(row.symTicker, plain)
    if expiry is None:
        # On NSE a series is a market of its own (SBIN-BE); on BSE it is a group that
        # a share is moved between, and each is in one.
        if exchange == "NSE":
            return f"NSE:{name.removesuffix('-EQ')}"
        return f"{exchange}:{name.rpartition('-')[0] or name}"
    if not row.underSym:
        raise ValueError("wanted underSym, found nothing")
    if kind is InstrumentKind.FUT:
        return f"{exchange}:{future_name(row.underSym, expiry)}"
    if strike is None:
        raise ValueError("wanted strikePrice, found nothing")
    return f"{exchange}:{option_name(row.underSym, expiry, strike, kind)}"


def _number(raw: msgspec.Raw) -> Decimal | None:
    """A number above 0, written as one or as text; None for all else."""
    try:
        value = Decimal(bytes(raw).decode().strip('"'))
    except InvalidOperation:
        return None
    return value if value.is_finite() and value > 0 else None


def _day(raw: msgspec.Raw) -> date:
    """The date in India of an epoch in seconds."""
    seconds = _number(raw)
    if seconds is None:
        raise ValueError(f"wanted expiryDate in seconds, found {bytes(raw)[:20]!r}")
    return datetime.fromtimestamp(int(seconds), IST).date()
