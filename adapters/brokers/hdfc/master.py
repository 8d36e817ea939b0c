"""HDFC's security master to instruments, a line at a time. Source: dossier 12."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

from adapters.brokers.hdfc.symbols import EXCHANGES, OPTION_WORDS, key_of
from adapters.instruments import Instrument, InstrumentKind, future_name, option_name

COLUMNS = (
    *("exchange", "security_id", "instrument_segment", "expiry_date", "strike_price"),
    *("option_type", "lot_size", "tick_size", "close_price", "exch_security_id"),
    *("symbol_name", "underline_symbol", "open_price"),
)
SENTINEL_LOT = Decimal(999999999)
"""On a few rows of funds: no lot at all."""
INDEX_TOKENS = {
    "NSE": {
        26000: "NIFTY",
        26009: "BANKNIFTY",
        26013: "NIFTYNXT50",
        26017: "INDIAVIX",
        26037: "FINNIFTY",
        26074: "MIDCPNIFTY",
    },
    "BSE": {},
}
"""Indices are unmarked rows; these have names of their own in Ordo."""
NSE_INDICES, BSE_INDICES = range(26000, 27000), range(1000)
"""Tokens of indices; NSE gives 27000 and above to new shares."""
PREFERRED = ("EQNR", "EQTT")


class Row(NamedTuple):
    """A line, as text."""

    exchange: str
    security_id: str
    segment: str
    expiry: str
    strike: str
    option_type: str
    lot: str
    tick: str
    close: str
    token: str
    name: str
    underlying: str
    open: str


def parse(paths: Sequence[Path]) -> Iterator[Instrument]:
    """The instruments of the master; cash rows of one name by how good their id is.

    Raises:
        ValueError: it is not the master, or not whole; the text names file and line.
    """
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _instruments(path.name, file)


def _instruments(name: str, lines: Iterable[str]) -> Iterator[Instrument]:
    """The contracts as they come; the cash rows, a tenth of the file, at the end."""
    cash: list[Row] = []
    seen: set[str] = set()
    for number, row in _rows(name, lines):
        try:
            made = _made(row)
        except (ValueError, InvalidOperation, KeyError) as exc:
            raise ValueError(f"{name}, line {number}: not a row: {exc}") from exc
        if made is None:
            continue
        if row.segment == "EQUITY":
            cash.append(row)
        elif made.symbol not in seen:
            seen.add(made.symbol)
            yield made
    yield from _cash(cash)


def _cash(rows: Sequence[Row]) -> Iterable[Instrument]:
    """One instrument a name, by how good its id is.

    Many rows of BSE have no name; some of these stand on NSE under the same id, with
    theirs. Source: dossier 12.
    """
    names = {row.security_id: row.name for row in rows if row.name}
    best: dict[str, tuple[int, Instrument]] = {}
    for row in rows:
        named = row if row.name else row._replace(name=names.get(row.security_id, ""))
        made, rank = _made(named), _rank(row.security_id)
        if made and (made.symbol not in best or rank < best[made.symbol][0]):
            best[made.symbol] = (rank, made)
    return [made for _, made in best.values()]


def _rows(name: str, lines: Iterable[str]) -> Iterator[tuple[int, Row]]:
    table = csv.reader(lines, strict=True)
    try:
        header = next(table, [])
        if tuple(header) != COLUMNS:
            found = ",".join(header)[:80]
            raise ValueError(f"{name}: wanted the master's header, found {found!r}")
        for cells in table:
            if len(cells) != len(COLUMNS):
                raise ValueError(
                    f"{name}, line {table.line_num}: wanted {len(COLUMNS)} columns,"
                    f" found {len(cells)}"
                )
            yield table.line_num, Row(*cells)
    except (csv.Error, UnicodeDecodeError) as exc:
        raise ValueError(f"{name}, line {table.line_num}: {exc}") from exc


def _made(row: Row) -> Instrument | None:
    """None for a row of no use: a segment not ordered here, a dummy, no lot."""
    exchange = EXCHANGES.get((row.exchange, row.segment))
    if exchange is None or row.token.startswith("DUMMY"):
        return None
    lot, tick = Decimal(row.lot), tick_of(row.tick)
    if lot <= 0 or lot == SENTINEL_LOT or tick <= 0:
        return None
    index = _index_name(row) if row.segment == "EQUITY" else None
    extra = {
        "exchange": row.exchange,
        "segment": row.segment,
        "security_id": row.security_id,
        "token": row.token,
    }
    if index is not None:
        return Instrument(
            symbol=f"{row.exchange}_INDEX:{index}",
            key=key_of(f"{row.exchange}_INDEX", row.segment, row.security_id),
            kind=InstrumentKind.INDEX,
            lot_size=lot,
            tick_size=tick,
            tradable=False,
            extra=extra | {"exchange": f"{row.exchange}_INDEX"},
        )
    if row.segment == "EQUITY":
        return Instrument(
            symbol=f"{exchange}:{row.name or row.security_id}".replace(" ", ""),
            key=key_of(row.exchange, row.segment, row.security_id),
            kind=InstrumentKind.EQ,
            lot_size=lot,
            tick_size=tick,
            name=row.name,
            extra=extra,
        )
    return _derivative(row, exchange, lot, tick, extra)


def _derivative(
    row: Row, exchange: str, lot: Decimal, tick: Decimal, extra: dict[str, str]
) -> Instrument:
    expiry = date.fromisoformat(row.expiry)
    strike = None
    if row.segment.startswith("FUT"):
        kind, name = InstrumentKind.FUT, future_name(row.name, expiry)
    else:
        kind, strike = OPTION_WORDS[row.option_type], Decimal(row.strike)
        name = option_name(row.name, expiry, strike, kind)
    if not row.name:
        raise ValueError("wanted symbol_name, found nothing")
    return Instrument(
        symbol=f"{exchange}:{name}",
        key=key_of(row.exchange, row.segment, row.security_id),
        kind=kind,
        lot_size=lot,
        tick_size=tick,
        underlying=row.name,
        expiry=expiry,
        strike=strike,
        extra=extra | {"underlying": row.underlying},
    )


def tick_of(text: str) -> Decimal:
    """A whole number is paise, one with a dot rupees."""
    value = Decimal(text)
    return value if "." in text else value / 100


def _index_name(row: Row) -> str | None:
    token = int(row.token) if row.token.isdecimal() else -1
    if token not in (NSE_INDICES if row.exchange == "NSE" else BSE_INDICES):
        return None
    known = INDEX_TOKENS[row.exchange].get(token)
    return known or (row.name or row.security_id).upper().replace(" ", "")


def _rank(security_id: str) -> int:
    """Which of several cash rows of one name is the share: the lowest.

    Bonds and units bear the name of their issuer. Source: dossier 12.
    """
    good = security_id.endswith(PREFERRED)
    if good and len(security_id) == 10:
        return 0
    if good:
        return 1
    return 3 if security_id.endswith(("NR", "TT")) else 2
