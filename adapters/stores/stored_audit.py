"""The audit table of a database, read by its number, also beside a running Ordo."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.stores import rows
from adapters.stores.audit_chain import Line
from adapters.stores.opening import open_reader
from adapters.stores.reading import read_errors

PAGE = 1_000
"""Rows in one read: none lasts so long that the write-ahead log cannot shrink."""


class StoredAudit:
    """What `verify` compares the audit files with; read-only, and closed after use.

    Raises:
        StoreUnusable: there is no such database, or it is not Ordo's.
    """

    def __init__(self, path: Path) -> None:
        self._connection = open_reader(path)

    def __iter__(self) -> Iterator[Line]:
        return lines_after(self._connection, 0)

    def newest(self) -> int:
        """The number of the last record, which counts them from 1.

        Raises:
            StoreFailed: the database cannot be read.
        """
        with read_errors():
            row = self._connection.execute("SELECT max(seq) FROM audit").fetchone()
        return row[0] or 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()


def lines_after(connection: sqlite3.Connection, seq: int) -> Iterator[Line]:
    """The audit lines after a number, in order, with what is committed meanwhile.

    Raises:
        StoreFailed: the database cannot be read.
    """
    while True:
        with read_errors():
            found = connection.execute(
                "SELECT seq, at, boot, entry, prev, hash FROM audit WHERE seq > ?"
                " ORDER BY seq LIMIT ?",
                (seq, PAGE),
            ).fetchall()
        if not found:
            return
        yield from map(rows.line_of, found)
        seq = found[-1][0]
