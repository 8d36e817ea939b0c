"""The file of one adapter's instruments: its tables, and a row as an `Instrument`.

Rows stand in the order in which people want to see them, so a search that stops after
its first hundred hits has the right hundred.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from adapters.instruments.model import Instrument, InstrumentKind

APPLICATION_ID = 0x4F72496E
"""`OrIn`: tells such a file from any other."""
VERSION = 1
"""Of the tables below. A file of another version is read as if there were none: the
next sync makes it anew."""

COLUMNS = (
    "symbol",
    "key",
    "exchange",
    "kind",
    "name",
    "underlying",
    "expiry",
    "strike",
    "isin",
    "lot_size",
    "tick_size",
    "freeze_quantity",
    "lower_band",
    "upper_band",
    "tradable",
    "extra",
    "sort",
)
"""Numbers are text, so that they stay exact; `extra` is JSON; `sort` is `sort_of`."""
MARKS = ", ".join("?" * len(COLUMNS))
TYPES = ", ".join(
    f"{name} {'INTEGER' if name == 'tradable' else 'TEXT'}" for name in COLUMNS
)

TABLES = f"""
CREATE TABLE master (
    adapter TEXT NOT NULL, synced_at TEXT NOT NULL, rows INTEGER NOT NULL,
    exchanges TEXT NOT NULL
);
CREATE TABLE instruments (place INTEGER PRIMARY KEY, {TYPES});
CREATE VIRTUAL TABLE words USING fts5 (
    symbol, name, more, facets, content = '', columnsize = 0, prefix = '1 2'
);
"""
INDEXES = """
CREATE UNIQUE INDEX by_symbol ON instruments (symbol);
CREATE UNIQUE INDEX by_key ON instruments (key);
CREATE UNIQUE INDEX by_sort ON instruments (sort);
CREATE INDEX by_isin ON instruments (isin, exchange)
    WHERE isin IS NOT NULL AND kind = 'EQ';
"""
"""Made once the rows are in: that takes half the time."""

CLASSES = {
    InstrumentKind.INDEX: 0,
    InstrumentKind.EQ: 1,
    InstrumentKind.FUT: 2,
    InstrumentKind.CE: 3,
    InstrumentKind.PE: 3,
}
_decode = msgspec.json.Decoder(dict[str, str]).decode
_encode = msgspec.json.encode


class MasterInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds. `synced_at` is when its download began, aware UTC;
    `exchanges` counts the rows of each."""

    adapter: str
    synced_at: datetime
    rows: int
    exchanges: Mapping[str, int]


def connect(path: Path) -> sqlite3.Connection:
    """Open a finished file. It never changes: a new one takes its name, not its place.

    Raises:
        sqlite3.Error: there is none, or it is damaged.
    """
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro&immutable=1",
        uri=True,
        check_same_thread=False,  # one thread at a time: the callers see to it
    )
    try:
        connection.execute("PRAGMA cache_size = -1024")  # KiB; the system caches it
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def info_of(connection: sqlite3.Connection) -> MasterInfo | None:
    """What the file holds; None where it is not of this version, or not ours.

    Raises:
        sqlite3.Error: it is damaged.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (application, version) != (APPLICATION_ID, VERSION):
        return None
    row = connection.execute(
        "SELECT adapter, synced_at, rows, exchanges FROM master"
    ).fetchone()
    adapter, synced_at, rows, exchanges = row
    return MasterInfo(
        adapter=adapter,
        synced_at=datetime.fromisoformat(synced_at),
        rows=rows,
        exchanges=msgspec.json.decode(exchanges, type=dict[str, int]),
    )


def sort_of(one: Instrument) -> str:
    """Where it stands: indices, shares by name, futures, options by expiry and strike.

    The same instrument sorts the same in every adapter's file.
    """
    first = CLASSES[one.kind]
    exchange, _, name = one.symbol.partition(":")
    if one.expiry is None:
        return f"{first}|{name}|{exchange}"
    strike = one.strike or Decimal(0)
    return (
        f"{first}|{one.underlying or name}|{one.expiry}|{strike:016.4f}"
        f"|{one.kind}|{name}|{exchange}"
    )


def values_of(one: Instrument) -> tuple[Any, ...]:
    """An instrument as a row, in the order of `COLUMNS`."""
    return (
        one.symbol,
        one.key,
        one.exchange,
        one.kind.value,
        one.name,
        one.underlying,
        None if one.expiry is None else one.expiry.isoformat(),
        _text(one.strike),
        one.isin or None,
        _text(one.lot_size),
        _text(one.tick_size),
        _text(one.freeze_quantity),
        _text(one.lower_band),
        _text(one.upper_band),
        int(one.tradable),
        _encode(one.extra).decode() if one.extra else "",
        sort_of(one),
    )


def instrument_of(row: Sequence[Any]) -> Instrument:
    """The instrument of a row of all `COLUMNS`."""
    lot_size, tick_size = _number(row[9]), _number(row[10])
    return Instrument(
        symbol=row[0],
        key=row[1],
        kind=InstrumentKind(row[3]),
        name=row[4],
        underlying=row[5],
        expiry=None if row[6] is None else date.fromisoformat(row[6]),
        strike=_maybe(row[7]),
        isin=row[8],
        lot_size=lot_size,
        tick_size=tick_size,
        freeze_quantity=_maybe(row[11]),
        lower_band=_maybe(row[12]),
        upper_band=_maybe(row[13]),
        tradable=bool(row[14]),
        extra=_decode(row[15]) if row[15] else {},
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _maybe(text: str | None) -> Decimal | None:
    return None if text is None else _number(text)


@functools.lru_cache(maxsize=1024)
def _number(text: str) -> Decimal:
    """Lots and ticks are a few dozen numbers: one object for each saves memory."""
    return Decimal(text)
