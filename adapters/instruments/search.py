"""Searching the instruments of all adapters: words, filters, pages, who trades it.

Plain code for a thread: a search takes milliseconds, and the loop has orders to send.
Each one opens the files anew, which takes a third of a millisecond, keeps nothing in
memory and always reads the newest.
"""

from __future__ import annotations

import heapq
import itertools
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import date, datetime
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import msgspec

from adapters.instruments.index import BY_SYMBOL, SELECT
from adapters.instruments.model import Instrument, InstrumentKind
from adapters.instruments.table import (
    COLUMNS,
    MasterInfo,
    connect,
    info_of,
    instrument_of,
)
from adapters.instruments.words import Facets, expression, words_of

ROW = ", ".join(f"i.{name}" for name in COLUMNS)
MATCHING = (
    f"SELECT {ROW} FROM words JOIN instruments i ON i.place = words.rowid"  # noqa: S608
    " WHERE words MATCH ? AND words.rowid > ? ORDER BY words.rowid LIMIT ?"
)
ALL = f"{SELECT} WHERE place > ? ORDER BY place LIMIT ?"
PLACE = "SELECT max(place) FROM instruments WHERE sort <= ?"
SORT = COLUMNS.index("sort")


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for; None and empty text mean any.

    Args:
        text: beginnings of words in symbol, name or underlying; all must be there.
        after: the cursor of the page before.
    """

    text: str = ""
    exchange: str | None = None
    kind: InstrumentKind | None = None
    expiry: date | None = None
    limit: int = 100
    after: str | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument.

    Args:
        instrument: as the first adapter that has it says; what that one does not tell
            is filled in from the others.
        adapters: those where it can be ordered.
        synced_at: the age of what is said, aware UTC.
    """

    instrument: Instrument
    adapters: tuple[str, ...]
    synced_at: datetime


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; `after` asks for more. `missing`: adapters without a master, or
    whose master cannot be read, and why."""

    found: tuple[Found, ...]
    after: str | None
    missing: Mapping[str, str]


class _Hit(NamedTuple):
    """A row that fits. `rank` puts names that were typed in full before the others."""

    rank: str
    instrument: Instrument


class _File(NamedTuple):
    adapter: str
    connection: sqlite3.Connection
    info: MasterInfo


def search(files: Mapping[str, Path], query: Query) -> Page:
    """Search the *files*, by adapter, the most trusted first.

    Raises:
        ValueError: the text has characters, and no letter or digit among them.
    """
    words = words_of(query.text)
    if query.text.strip() and not words:
        raise ValueError("wanted letters or digits")
    match = expression(words, _facets(query))
    with ExitStack() as stack:
        opened, missing = _opened(files, stack)
        hits: list[list[_Hit]] = []
        for file in tuple(opened):
            try:
                hits.append(_hits(file, match, query))
            except sqlite3.Error as error:
                opened.remove(file)
                missing[file.adapter] = f"its master cannot be read: {error}"
        ranks: dict[str, str] = {}
        for hit in heapq.merge(*hits, key=attrgetter("rank")):
            ranks.setdefault(hit.instrument.symbol, hit.rank)
        symbols = list(itertools.islice(ranks, query.limit))
        return Page(
            found=tuple(_gathered(opened, symbols)),
            after=ranks[symbols[-1]] if len(ranks) > len(symbols) else None,
            missing=missing,
        )


def find(files: Mapping[str, Path], symbol: str) -> Page:
    """The instrument of that very symbol, if there is one."""
    with ExitStack() as stack:
        opened, missing = _opened(files, stack)
        found = tuple(_gathered(opened, [symbol]))
    return Page(found=found, after=None, missing=missing)


def _facets(query: Query) -> list[str]:
    facets = []
    if query.exchange is not None:
        facets.append(Facets.exchange(query.exchange))
    if query.kind is not None:
        facets.append(Facets.kind(query.kind))
    if query.expiry is not None:
        facets.append(Facets.expiry(query.expiry))
    return facets


def _opened(
    files: Mapping[str, Path], stack: ExitStack
) -> tuple[list[_File], dict[str, str]]:
    opened, missing = [], {}
    for adapter, path in files.items():
        if not path.exists():
            missing[adapter] = "its instrument master was not synced yet"
            continue
        try:
            connection = stack.enter_context(closing(connect(path)))
            info = info_of(connection)
        except (sqlite3.Error, TypeError, ValueError) as error:
            missing[adapter] = f"its master cannot be read: {error}"
            continue
        if info is None:
            missing[adapter] = "its master is not of this version"
        else:
            opened.append(_File(adapter, connection, info))
    return opened, missing


def _hits(file: _File, match: str, query: Query) -> list[_Hit]:
    """The first hits after the cursor, one more than a page, in the order of rank."""
    exact = _exact(file, query)
    after = query.after or "0"
    typed = [_Hit(f"0{sort}", one) for sort, one in exact.items()]
    place = 0
    if after.startswith("1"):
        (place,) = file.connection.execute(PLACE, (after[1:],)).fetchone()
    most = query.limit + 1 + len(exact)
    rows = (
        file.connection.execute(MATCHING, (match, place or 0, most))
        if match
        else file.connection.execute(ALL, (place or 0, most))
    )
    others = [
        _Hit(f"1{row[SORT]}", instrument_of(row))
        for row in rows
        if row[SORT] not in exact
    ]
    hits = [hit for hit in (*sorted(typed), *others) if hit.rank > after]
    return hits[: query.limit + 1]


def _exact(file: _File, query: Query) -> dict[str, Instrument]:
    """What bears the very name that was typed, by `sort`: at most one an exchange."""
    name = query.text.strip().upper()
    if not name or " " in name:
        return {}
    exchanges = (
        [query.exchange] if query.exchange is not None else [*file.info.exchanges]
    )
    symbols = [name] if ":" in name else [f"{one}:{name}" for one in exchanges]
    return {
        row[SORT]: one
        for symbol in symbols
        for row in file.connection.execute(BY_SYMBOL, (symbol,))
        for one in [instrument_of(row)]
        if _fits(one, query)
    }


def _fits(one: Instrument, query: Query) -> bool:
    return (
        query.exchange in (None, one.exchange)
        and query.kind in (None, one.kind)
        and query.expiry in (None, one.expiry)
    )


def _gathered(files: Sequence[_File], symbols: Sequence[str]) -> Iterator[Found]:
    """Each symbol as all the files know it."""
    for symbol in symbols:
        known = [
            (file, instrument_of(row))
            for file in files
            for row in file.connection.execute(BY_SYMBOL, (symbol,))
        ]
        if known:
            yield Found(
                instrument=_filled([one for _, one in known]),
                adapters=tuple(file.adapter for file, one in known if _ordered(one)),
                synced_at=known[0][0].info.synced_at,
            )


def _ordered(one: Instrument) -> bool:
    return one.tradable and one.kind is not InstrumentKind.INDEX


def _filled(known: Sequence[Instrument]) -> Instrument:
    """The first, with what it does not tell filled in."""
    first = known[0]
    gaps = [
        name
        for name in ("name", "freeze_quantity", "isin", "lower_band", "upper_band")
        if not getattr(first, name)
    ]
    filled = {
        name: value
        for name in gaps
        for value in [next(filter(None, (getattr(one, name) for one in known)), None)]
        if value is not None
    }
    return msgspec.structs.replace(first, **filled)
