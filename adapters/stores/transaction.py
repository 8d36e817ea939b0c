"""One transaction that writes: whole, or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from adapters.errors import StoreFailed

_WORDS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_BUSY: "another program holds the database",
    sqlite3.SQLITE_READONLY: "the database cannot be written to",
    sqlite3.SQLITE_IOERR: "the disk failed",
    sqlite3.SQLITE_CORRUPT: "the database is damaged",
    sqlite3.SQLITE_NOTADB: "the database is damaged",
}


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
    """Hold the write lock; commit at the end, roll back on any error.

    Where the very commit fails, the disk may hold it all the same, and a start after a
    crash may find it. To the store's callers that is a write whose answer was lost.

    Raises:
        StoreFailed: SQLite failed; nothing is stored.
    """
    try:
        if connection.in_transaction:  # a rollback that failed before
            connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        cursor = connection.cursor()
        yield cursor
        cursor.execute("COMMIT")  # also ends what it was reading
    except BaseException as exc:
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        if isinstance(exc, sqlite3.Error):
            raise StoreFailed(f"nothing was stored: {explain(exc)}") from exc
        raise


def explain(error: sqlite3.Error) -> str:
    """SQLite's error in words, with its own behind."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return f"{_WORDS[code]} ({error})" if code in _WORDS else str(error)
