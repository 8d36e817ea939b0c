"""Look-ups in the instruments of one adapter, as adapters and checks make them."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from adapters.instruments.model import Instrument
from adapters.instruments.port import NO_INSTRUMENTS, InstrumentIndex
from adapters.instruments.table import (
    COLUMNS,
    MasterInfo,
    connect,
    info_of,
    instrument_of,
)

KEPT = 8192
"""Answers kept in memory, a no among them: some 8 MB when full. A day's book of one
account names a few hundred instruments."""

SELECT = f"SELECT {', '.join(COLUMNS)} FROM instruments"  # noqa: S608
BY_SYMBOL = f"{SELECT} WHERE symbol = ?"
BY_KEY = f"{SELECT} WHERE key = ?"
BY_ISIN = (
    f"{SELECT} WHERE isin = ? AND exchange = ? AND kind = 'EQ'"
    " ORDER BY tradable DESC, place LIMIT 1"
)


class FileIndex:
    """An `InstrumentIndex` over a file, which a sync replaces as a whole.

    A look-up takes some 20 microseconds, and one that was made before less than one.
    Nothing looks at the file's name meanwhile: `reload` is called when it is new.

    Args:
        path: of the file, which need not be there.

    Attributes:
        neighbours: other adapters' indexes, asked for an ISIN that is not here.
        problem: why there is nothing to look in, where that is not for want of a file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.neighbours: tuple[FileIndex, ...] = ()
        self.problem: str | None = None
        self._connection: sqlite3.Connection | None = None
        self._info: MasterInfo | None = None
        self._found: Callable[..., Instrument | None] = _nothing
        self.reload()

    @property
    def loaded(self) -> bool:
        return self._info is not None

    @property
    def info(self) -> MasterInfo | None:
        """What is loaded."""
        return self._info

    def reload(self) -> None:
        """Go over to the file that is there now, and forget what the old one said."""
        self.close()
        self.problem = None
        if not self.path.exists():
            return
        try:
            self._connection = connection = connect(self.path)
            self._info = info_of(connection)
        except (sqlite3.Error, TypeError, ValueError) as error:
            self._give_up(error)
            return
        if self._info is None:
            self._give_up("it is not of this version")
            return
        self._found = functools.lru_cache(KEPT)(functools.partial(_look_up, connection))

    def close(self) -> None:
        """Let go of the file; without one, nothing is known."""
        self._info, self._found = None, _nothing
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def by_symbol(self, symbol: str) -> Instrument | None:
        return self._ask(BY_SYMBOL, symbol)

    def by_key(self, key: str) -> Instrument | None:
        return self._ask(BY_KEY, key)

    def by_isin(self, isin: str, exchange: str) -> Instrument | None:
        for index in (self, *self.neighbours):
            found = index._ask(BY_ISIN, isin, exchange)
            if found is not None:
                return found
        return None

    def _ask(self, question: str, *words: str) -> Instrument | None:
        try:
            return self._found(question, *words)
        except (sqlite3.Error, TypeError, ValueError) as error:
            # A damaged file is as good as none: checks are skipped and say so, and
            # the next sync makes it anew. To crash would take the broker down.
            self._give_up(error)
            return None

    def _give_up(self, problem: object) -> None:
        self.close()
        self.problem = f"{self.path.name} cannot be read: {problem}"


def _look_up(
    connection: sqlite3.Connection, question: str, *words: str
) -> Instrument | None:
    row = connection.execute(question, words).fetchone()
    return None if row is None else instrument_of(row)


def _nothing(*_: str) -> None:
    return None


class Indexes:
    """The indexes of all adapters that have masters; each knows the others' ISINs.

    Args:
        directory: where their files are, `ADAPTER.sqlite`.
        adapters: their names.
    """

    def __init__(self, directory: Path, adapters: Iterable[str]) -> None:
        indexes = {name: FileIndex(directory / f"{name}.sqlite") for name in adapters}
        for index in indexes.values():
            index.neighbours = tuple(
                other for other in indexes.values() if other is not index
            )
        self.by_adapter: Mapping[str, FileIndex] = MappingProxyType(indexes)

    def of(self, adapter: str) -> InstrumentIndex:
        """The index of one adapter; without masters it knows nothing."""
        return self.by_adapter.get(adapter, NO_INSTRUMENTS)

    def close(self) -> None:
        """Let go of all files."""
        for index in self.by_adapter.values():
            index.close()
