"""Writing the file of an adapter's instruments: whole, checked, then in its place."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from adapters.instruments.model import Instrument, InstrumentKind
from adapters.instruments.table import (
    APPLICATION_ID,
    COLUMNS,
    INDEXES,
    MARKS,
    TABLES,
    TYPES,
    VERSION,
    MasterInfo,
    connect,
    info_of,
    values_of,
)
from adapters.instruments.words import indexed

SYMBOL = re.compile(r"[A-Z][A-Z_]{1,15}:[A-Z0-9&_.\-]{1,48}")
"""What an order can name; a row of another name could never be used."""
LEAST_SHARE = 0.5
"""Of the rows before. A master of less is a broken one until somebody says it is not:
expiry day takes a tenth at the most."""
MOST_LEFT_OUT = 0.1
"""Of all rows read. One odd row must not keep a day's new contracts out; when every
tenth is odd, the file is not what the adapter thinks it is."""
MISSED_FROM = 100
"""Rows from which an exchange is missed when it is gone altogether."""
REMARKS = 5
"""Rows left out that are named; of the others only the number is told."""

WORDS = "in_symbol, in_name, in_more, facets"
"""What `words.indexed` gives."""
PRAGMAS = (
    "PRAGMA page_size = 4096",
    "PRAGMA journal_mode = OFF",  # a build that breaks off is thrown away
    "PRAGMA synchronous = OFF",  # one fsync at the end
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA cache_size = -16384",  # KiB
    "PRAGMA temp_store = FILE",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)


class Built(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The file is in its place.

    Args:
        info: what it holds.
        left_out: rows that could not be used: of no good name, without lot or tick, or
            under a symbol or key that an earlier row has.
        remarks: the first of these, each with its reason.
        seconds: that it took.
    """

    info: MasterInfo
    left_out: int
    remarks: tuple[str, ...]
    seconds: float


class NotBuilt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Nothing was replaced, and why."""

    reason: str


def write(
    path: Path,
    instruments: Iterable[Instrument],
    *,
    adapter: str,
    synced_at: datetime,
    force: bool = False,
) -> Built:
    """Write *instruments* to a new file, check it, and put it in the place of *path*.

    Args:
        force: also where it holds far less than the one before.

    Raises:
        ValueError: there are none, or too few, or *instruments* itself raised it; what
            stood at *path* still does.
        OSError, sqlite3.Error: the disk does not take it.
    """
    begun = time.monotonic()
    with _alone(path):
        part = path.with_name(f".{path.name}.part")
        part.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(part, isolation_level=None)) as connection:
                pile = _fill(connection, instruments)
                info = _describe(connection, adapter, synced_at)
                _check(connection)
            pile.check_left_out(info.rows)
            if not info.rows:
                raise ValueError("wanted instruments, found none")
            if not force:
                _compare(info, _before(path))
            _put_in_place(part, path)
        finally:
            part.unlink(missing_ok=True)
    return Built(
        info=info,
        left_out=pile.left_out,
        remarks=tuple(pile.remarks),
        seconds=round(time.monotonic() - begun, 3),
    )


class _Pile:
    """Rows as they come, in any order; those that cannot be used are counted."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._symbols: set[str] = set()  # a unique index takes three times the time
        self._keys: set[str] = set()
        self.left_out = 0
        self.remarks: list[str] = []
        connection.execute(f"CREATE TEMP TABLE pile ({TYPES}, {WORDS})")

    def add(self, instruments: Iterable[Instrument]) -> None:
        """Take them all; the first of a symbol, and of a key, is kept."""
        self._connection.executemany(
            f"INSERT INTO pile VALUES ({MARKS}, ?, ?, ?, ?)",  # noqa: S608
            ((*values_of(one), *indexed(one)) for one in self._good(instruments)),
        )

    def _good(self, instruments: Iterable[Instrument]) -> Iterator[Instrument]:
        for one in instruments:
            fault = fault_of(one)
            if fault is None and (one.symbol in self._symbols or one.key in self._keys):
                fault = "its symbol or its key is taken"
            if fault is None:
                self._symbols.add(one.symbol)
                self._keys.add(one.key)
                yield one
            else:
                self._leave_out(one, fault)

    def check_left_out(self, rows: int) -> None:
        """Refuse a pile of which too much could not be used."""
        if self.left_out > MOST_LEFT_OUT * (rows + self.left_out):
            raise ValueError(
                f"wanted nearly every row to be of use, found {self.left_out} of"
                f" {rows + self.left_out} that are not: {'; '.join(self.remarks)}"
            )

    def _leave_out(self, one: Instrument, fault: str) -> None:
        self.left_out += 1
        if len(self.remarks) < REMARKS:
            self.remarks.append(f"{one.symbol[:80]} ({one.key[:80]}): {fault}")


def fault_of(one: Instrument) -> str | None:
    """Why a row cannot be used; None for a good one."""
    if not SYMBOL.fullmatch(one.symbol):
        return "wanted a symbol such as NSE:SBIN"
    if not one.key:
        return "wanted the broker's key, found none"
    if one.kind is InstrumentKind.INDEX:
        return None  # not ordered, so lots and ticks mean nothing
    for name, value in (("lot size", one.lot_size), ("tick size", one.tick_size)):
        if not (value.is_finite() and value > 0):
            return f"wanted a positive {name}, found {value}"
    return None


def _fill(connection: sqlite3.Connection, instruments: Iterable[Instrument]) -> _Pile:
    for pragma in PRAGMAS:
        connection.execute(pragma)
    connection.executescript(TABLES)
    connection.execute("BEGIN")
    pile = _Pile(connection)
    pile.add(instruments)
    names = ", ".join(COLUMNS)
    connection.execute(
        f"INSERT INTO instruments ({names}) SELECT {names} FROM pile ORDER BY sort"  # noqa: S608
    )
    connection.execute(
        "INSERT INTO words (rowid, symbol, name, more, facets)"  # noqa: S608
        f" SELECT row_number() OVER (ORDER BY sort), {WORDS} FROM pile ORDER BY sort"
    )
    connection.execute("INSERT INTO words (words) VALUES ('optimize')")
    for index in INDEXES.split(";"):
        connection.execute(index)
    return pile


def _describe(
    connection: sqlite3.Connection, adapter: str, synced_at: datetime
) -> MasterInfo:
    counts = Counter(
        dict(
            connection.execute(
                "SELECT exchange, count(*) FROM instruments GROUP BY exchange"
            ).fetchall()
        )
    )
    info = MasterInfo(
        adapter=adapter,
        synced_at=synced_at,
        rows=counts.total(),
        exchanges=dict(sorted(counts.items())),
    )
    connection.execute(
        "INSERT INTO master VALUES (?, ?, ?, ?)",
        (
            adapter,
            synced_at.isoformat(),
            info.rows,
            msgspec.json.encode(info.exchanges).decode(),
        ),
    )
    connection.execute("COMMIT")
    return info


def _check(connection: sqlite3.Connection) -> None:
    (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        raise ValueError(f"the new file is damaged: {answer}")


def _before(path: Path) -> MasterInfo | None:
    """What stands there now; None where it is of no use anyway."""
    try:
        with closing(connect(path)) as connection:
            return info_of(connection)
    except (sqlite3.Error, ValueError, TypeError):
        return None


def _compare(info: MasterInfo, before: MasterInfo | None) -> None:
    if before is None:
        return
    if info.rows < LEAST_SHARE * before.rows:
        raise ValueError(
            f"wanted at least half of the {before.rows} instruments there were,"
            f" found {info.rows}; if that is right, sync with force"
        )
    for exchange, count in before.exchanges.items():
        if count >= MISSED_FROM and exchange not in info.exchanges:
            raise ValueError(
                f"wanted instruments of {exchange}, of which there were {count},"
                " found none; if that is right, sync with force"
            )


def _put_in_place(part: Path, path: Path) -> None:
    handle = os.open(part, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    os.replace(part, path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait for a build that a killed Ordo left behind: it still ends by itself."""
    handle = os.open(
        path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600
    )
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
