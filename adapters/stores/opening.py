"""Opening the database: what is not Ordo's, or not whole, is refused untouched."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlite_utils import Database

from adapters.errors import StoreUnusable
from adapters.stores.audit_key import sync_directory
from adapters.stores.schema import APPLICATION_ID, TABLES, VERSION, version_of
from adapters.stores.transaction import explain

FILE = "ordo.db"
"""The database, in the data directory."""
MAGIC = b"SQLite format 3\x00"
BUSY_TIMEOUT = 5.0
"""Seconds to wait for a lock; nobody but us should ever hold one."""
QUICK_CHECK_BYTES = 128 * 2**20
"""Databases up to this size are checked page by page at each start.

Measured: 0.25 s for the 80 MB of 50,000 orders, on 2 busy cores. `SqliteStore.check`
does it for larger ones, when asked; SQLite itself finds those that are cut short.
"""
WAL_LIMIT = 64 * 2**20
WRITER_CACHE, READER_CACHE = 4096, 2048
"""KiB of pages that a connection keeps, and never gives back.

A page that is not there is one call to the system, which has it in a cache of its own.
Measured: with 150,000 orders stored, 300 MB, a commit takes the same with 2, 4, 8 and
16 MiB (two commits an order, 1.3 to 2.7 ms of the wall and 0.4 to 0.6 ms of the
processor, in turn, at a load of 5); 16 MiB are full after some 10,000 orders.
"""
WRITER = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA synchronous = FULL",
    f"PRAGMA journal_size_limit = {WAL_LIMIT}",
    "PRAGMA wal_autocheckpoint = 4000",  # pages; p99 of a commit is 2/3 of that at 1000
    f"PRAGMA cache_size = -{WRITER_CACHE}",
)
READER = (
    "PRAGMA query_only = ON",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA temp_store = MEMORY",
    f"PRAGMA cache_size = -{READER_CACHE}",
)
RESTORE = "restore it from a backup, or move it aside to start empty"


ALLOW = "give Ordo's user write access to the file and its directory"
_DENIED = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}


def open_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes and checkpoints, to a database known to be good.

    It may still need migrations. A new database is made with mode 0600.

    Raises:
        StoreUnusable: what was found, and what to do, in one line.
    """
    _check_file(path)
    connection = None
    try:
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            sync_directory(path.parent)
        connection = _connect(path, "rw")
        _check_owner(connection, path)
        _check_pages(connection, path)
        _check_writable(connection, path)
        _set_wal(connection, path)
        for pragma in WRITER:
            connection.execute(pragma)
    except OSError as exc:
        raise StoreUnusable(f"{path}: cannot be made: {exc.strerror}: {ALLOW}") from exc
    except sqlite3.Error as exc:
        _close(connection)
        is_denied = getattr(exc, "sqlite_errorcode", 0) & 0xFF in _DENIED
        advice = ALLOW if is_denied else RESTORE
        raise StoreUnusable(f"{path}: {explain(exc)}: {advice}") from exc
    except StoreUnusable:
        _close(connection)
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, also beside a running Ordo.

    Raises:
        StoreUnusable: there is no such database, or it is not Ordo's.
    """
    connection = None
    try:
        connection = _connect(path, "ro")
        _check_owner(connection, path)
        for pragma in READER:
            connection.execute(pragma)
    except sqlite3.Error as exc:
        _close(connection)
        raise StoreUnusable(f"{path}: cannot be read: {exc}") from exc
    except StoreUnusable:
        _close(connection)
        raise
    return connection


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,  # transactions begin and end where we say
        check_same_thread=False,  # one thread at a time: the callers see to it
    )


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        connection.close()


def _check_file(path: Path) -> None:
    """Look before SQLite does: opening may already replay a log into the file."""
    if not path.parent.is_dir():
        raise StoreUnusable(f"{path}: its directory is missing: make it first")
    if not path.exists():
        return
    if not path.is_file():
        raise StoreUnusable(f"{path}: is not a file: name one in the settings")
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as exc:
        raise StoreUnusable(f"{path}: cannot be read: {exc.strerror}") from exc
    if header and not header.startswith(MAGIC):
        raise StoreUnusable(
            f"{path}: is not a SQLite database (its first bytes are others): {RESTORE}"
        )
    if header and len(header) < 100:
        found = f"{len(header)} bytes of a header of 100"
        raise StoreUnusable(f"{path}: is cut short, found {found}: {RESTORE}")


def _check_owner(connection: sqlite3.Connection, path: Path) -> None:
    tables = set(
        Database(
            connection, recursive_triggers=False, execute_plugins=False
        ).table_names()
    )
    application, version = version_of(connection)
    if not tables and not version:
        return  # new, or its making was cut off before the first migration
    if application != APPLICATION_ID:
        raise StoreUnusable(
            f"{path}: is another program's SQLite database: name another file"
        )
    if version > VERSION:
        raise StoreUnusable(
            f"{path}: has schema version {version}, this Ordo knows up to {VERSION}: "
            "run the newer Ordo, or restore the backup made before it"
        )
    if version == VERSION and (missing := sorted(TABLES - tables)):
        raise StoreUnusable(f"{path}: lacks the table {missing[0]}: {RESTORE}")


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size > QUICK_CHECK_BYTES:
        return
    if problems := quick_check(connection):
        raise StoreUnusable(f"{path}: is damaged ({problems[0]}): {RESTORE}")


def quick_check(connection: sqlite3.Connection, most: int = 10) -> list[str]:
    """What is wrong with the database's pages, a line each; empty when nothing is."""
    try:
        rows = connection.execute(f"PRAGMA quick_check({most})").fetchall()
    except sqlite3.DatabaseError as exc:
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        return [str(exc)]
    lines = [line for (text,) in rows for line in text.splitlines() if line.strip()]
    return [] if lines == ["ok"] else [line for line in lines if "***" not in line]


def _check_writable(connection: sqlite3.Connection, path: Path) -> None:
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as exc:
        raise StoreUnusable(
            f"{path}: cannot be written: {exc}: stop whoever holds it, or {ALLOW}"
        ) from exc


def _set_wal(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreUnusable(
            f"{path}: its file system allows no write-ahead log (found {mode}): "
            "use a local disk"
        )
