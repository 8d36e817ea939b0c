"""The SQLite store: one connection writes, another reads, the audit files follow."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from adapters.errors import StoreFailed, StoreUnusable
from adapters.model import AuditEntry
from adapters.store_port import Accept, AcceptResult, Note, OldFile, Pruned, Write
from adapters.stores import audit_old
from adapters.stores.audit_chain import is_sealed
from adapters.stores.audit_files import MOST_FILES, AuditFiles
from adapters.stores.audit_trail import AuditTrail
from adapters.stores.keys import AT_ONCE, prune
from adapters.stores.opening import open_reader, open_writer, quick_check
from adapters.stores.reading import Reader, read_errors
from adapters.stores.reserve import Reserve
from adapters.stores.schema import migrate
from adapters.stores.seen import SeenClock
from adapters.stores.stored_audit import lines_after
from adapters.stores.transaction import explain, transaction
from adapters.stores.writing import Group, Seal

RESERVE_BYTES = 32 * 2**20
AUDIT_MAX_BYTES = 64 * 2**20
WAL_RESET_FIXED = (3, 51, 3)
"""Older SQLites may damage a log that two connections checkpoint; ours has one.

Source: sqlite.org/wal.html, "the WAL-reset bug".
"""


class SqliteStore(Reader):
    """A `Store` in one SQLite file, made by `open`; its reads are those of `Reader`.

    What writes (`commit`, `prune`, `expire_audit`, `drop_audit`, `restore_reserve`) and
    `close` belong to one thread at a time, the reads to another, `old_audit` and
    `check` to any.
    """

    def __init__(
        self,
        writer: sqlite3.Connection,
        reader: sqlite3.Connection,
        wall: Callable[[], datetime],
        reserve: Reserve,
        trail: AuditTrail,
        seal: Seal,
    ) -> None:
        super().__init__(reader, wall)
        self._wall = wall
        self._writer = writer
        self._reserve = reserve
        self._trail = trail
        self._clock = SeenClock(writer)
        self._seal = seal
        self._warnings: list[str] = []
        (_, _, path), *_ = writer.execute("PRAGMA database_list").fetchall()
        self._path = Path(path)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        wall: Callable[[], datetime],
        boot: str,
        audit_key: bytes,
        audit_dir: Path | None = None,
        audit_max_bytes: int = AUDIT_MAX_BYTES,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> SqliteStore:
        """Open the database, or make it; bring it and the audit files up to date.

        Args:
            path: the database; a `DataLock` on its directory must be held.
            wall: aware UTC time.
            boot: this run's id, for the audit.
            audit_key: 32 bytes, from `load_or_make_key`.
            audit_dir: where the audit files go; None: the table is all there is.
            audit_max_bytes: size at which an audit file is followed by another.
            reserve_bytes: size of reserve.bin beside the database.

        Raises:
            StoreUnusable: it is damaged, foreign, newer, or cannot be written; none of
                it was overwritten.
        """
        reserve = Reserve(path.with_name("reserve.bin"), reserve_bytes)
        reserve.release_if_full()
        writer = open_writer(path)
        reader = None
        try:
            migrate(writer)
            _check_key(writer, path, audit_key)
            reader = open_reader(path)
            files = None
            if audit_dir is not None:
                stored = partial(lines_after, writer)
                files = AuditFiles(audit_dir, audit_key, audit_max_bytes, wall, stored)
            seal = Seal(audit_key, boot)
            store = cls(writer, reader, wall, reserve, AuditTrail(files), seal)
            store._start()
        except BaseException as exc:
            if reader is not None:
                reader.close()
            writer.close()  # last: it empties the log, which must not outlive it here
            if isinstance(exc, sqlite3.Error):
                raise StoreUnusable(f"{path}: {explain(exc)}") from exc
            raise
        return store

    def _start(self) -> None:
        if self.wal_reset_bug:
            self._warnings.append(
                f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug (fixed in "
                "3.51.3): let no other program write to the database"
            )
        try:
            self._reserve.restore()
        except StoreFailed as failure:  # Ordo must start on a full disk, to cancel
            self._warnings.append(f"no new orders: {failure}")
        found = self._trail.start()
        with suppress(StoreFailed):  # on a full disk the warning is all there is
            self._note(found)
        if self._trail.behind:
            self._warnings.append(self._trail.behind)

    # What is to be known --------------------------------------------------------------

    @property
    def wal_reset_bug(self) -> bool:
        """Whether this SQLite has it: then no other program may write the database."""
        return sqlite3.sqlite_version_info < WAL_RESET_FIXED

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was found that is no reason not to start."""
        return tuple(self._warnings)

    @property
    def degraded(self) -> str | None:
        """Why the audit files lag behind the database, if they do.

        What is committed stays committed and is answered so; until the files have
        caught up, a commit with an `Accept` in it fails. Cancels and outcomes go on.
        """
        return self._trail.behind

    # Writing --------------------------------------------------------------------------

    def commit(self, writes: Sequence[Write]) -> list[AcceptResult | None]:
        """Do all writes in one durable transaction; the answers stand in their order.

        Raises:
            StoreFailed: nothing of it is stored; it may be tried again.
        """
        self._catch_up(writes)
        now = self._wall()
        seen = self._clock.see(now)
        with transaction(self._writer) as cursor:
            group = Group(cursor, now, seen)
            answers = [group.add(write) for write in writes]
            lines = group.put(self._seal)
            self._clock.store(cursor)
        self._trail.follow(lines)
        return answers

    def prune(self, now: datetime, most: int = AT_ONCE) -> Pruned:
        """Age *most* idempotency keys; call it again while it says `more`.

        Raises:
            StoreFailed: nothing has changed.
        """
        seen = self._clock.see(now)
        with transaction(self._writer) as cursor:
            pruned = prune(cursor, seen, most)
            self._clock.store(cursor, at_once=True)
        return pruned

    def expire_audit(self, now: datetime, keep_days: int) -> tuple[str, ...]:
        """Delete audit files older than *keep_days*; a record says so first.

        Returns:
            The names of what is gone. The table keeps all records.

        Raises:
            StoreFailed: it is not recorded, or not all is deleted.
        """
        old = self.old_audit(now, keep_days)
        self.drop_audit(old)
        return tuple(file.name for file in old)

    def old_audit(
        self, now: datetime, keep_days: int, most: int = MOST_FILES
    ) -> tuple[OldFile, ...]:
        """At most *most* audit files older than *keep_days*, whole; in any thread.

        Raises:
            StoreFailed: they cannot be read.
        """
        return self._trail.due(now, keep_days, most)

    def drop_audit(self, files: Sequence[OldFile]) -> None:
        """Delete what `old_audit` gave; a record says so first.

        Raises:
            StoreFailed: it is not recorded, or not all is deleted.
        """
        if files:
            self.commit([Note(audit=(audit_old.expiry(files),))])
            self._trail.delete(files)

    def check(self) -> list[str]:
        """Read every page (about 3 s a GB); what is wrong, a line each.

        Through a connection of its own, in any thread: neither reads nor commits wait.

        Raises:
            StoreFailed: it cannot be read at all.
        """
        with read_errors(), closing(open_reader(self._path)) as connection:
            return quick_check(connection)

    def release_reserve(self) -> None:
        """Free the disk space kept back: cancels must be stored on a full disk too.

        No order is accepted until it is restored, lest orders take the cancels' room.
        """
        self._reserve.release()

    def restore_reserve(self) -> None:
        """Keep that space back again, and let the audit files catch up.

        Raises:
            StoreFailed: there is no room for one or the other.
        """
        self._reserve.restore()
        self._note(self._trail.catch_up())

    def close(self) -> None:
        """Make the audit files durable, empty the log into the database, let go."""
        with suppress(StoreFailed):  # the store has it all; the next start copies it
            self._trail.close()
        self._connection.close()
        with suppress(sqlite3.Error):  # what stays in the log is as safe there
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._writer.close()

    def _catch_up(self, writes: Sequence[Write]) -> None:
        """No new orders before the files have all, nor in the room kept for cancels."""
        accepts = any(isinstance(write, Accept) for write in writes)
        if accepts and not self._reserve.is_held:
            raise StoreFailed("the disk is full: its last room is kept for cancels")
        try:
            self._note(self._trail.catch_up())
        except StoreFailed:
            if accepts:
                raise

    def _note(self, found: tuple[AuditEntry, ...]) -> None:
        if found:
            self._warnings.extend(f"{note.action}: {note.detail}" for note in found)
            self.commit([Note(audit=found)])


def _check_key(writer: sqlite3.Connection, path: Path, key: bytes) -> None:
    """A key made anew would cut the chain, and nobody would see it until `verify`."""
    (last,) = writer.execute("SELECT max(seq) FROM audit").fetchone()
    line = next(lines_after(writer, last - 1), None) if last else None
    if line is not None and not is_sealed(key, line):
        raise StoreUnusable(
            f"{path}: audit record {line.seq} was not sealed with this audit key: "
            "restore audit.key from a backup"
        )
