"""The audit log as files: JSON lines, copied by number from the store's own rows.

The database is the durable record and the files follow it, so they may lag behind it
and never differ from it. Whatever goes wrong here, the next call looks at the disk
afresh and goes on from the last good record there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from adapters.errors import StoreFailed
from adapters.model import AuditEntry
from adapters.store_port import OldFile
from adapters.stores.audit_chain import Head, Line, written
from adapters.stores.audit_header import Header, day_of, name_for, sealed
from adapters.stores.audit_key import sync_directory
from adapters.stores.audit_old import old_files
from adapters.stores.audit_resume import End, Stored, find_end

SYNC_EVERY = timedelta(seconds=1)
"""At most this much of the files is lost with the power; the store has it."""
CHUNK = 1 << 20
"""Bytes gathered for one write."""
MOST_FILES = 10_000
"""Files deleted at once where nobody waits; to read one through takes seconds."""


class AuditFiles:
    """Writes the audit files of one directory, in one thread at a time.

    Nothing is touched before the first `catch_up`.

    Args:
        directory: made with mode 0700 where it is missing; the files have 0600.
        key: seals the headers; it is the key of the records.
        max_bytes: a file that would grow past this is followed by a new one, as it is
            when the UTC day of the records changes.
        wall: aware UTC time, to fsync by.
        stored: the store's audit lines.
    """

    def __init__(
        self,
        directory: Path,
        key: bytes,
        max_bytes: int,
        wall: Callable[[], datetime],
        stored: Stored,
    ) -> None:
        self._directory = directory
        self._key = key
        self._max_bytes = max_bytes
        self._wall = wall
        self._stored = stored
        self._end: End | None = None  # None: the disk must be looked at first
        self._handle: int | None = None
        self._head = Head(0, "")
        self._name: str | None = None
        self._number = self._lines = self._size = 0
        self._pending: list[bytes] = []
        self._pending_head = self._head
        self._synced = wall()

    def append(self, lines: Sequence[Line]) -> None:
        """Copy what a commit has just stored, and whatever is missing before it.

        Raises:
            StoreFailed: it could not be written; the store has it, and the next call
                copies it too.
        """
        if self._end is None or (lines and lines[0].seq != self._head.seq + 1):
            self.catch_up()
        else:
            with self._failing():
                self._write(lines)

    def catch_up(self) -> tuple[AuditEntry, ...]:
        """Copy all that the store has more than the files.

        Returns:
            What was found torn or damaged on the way, to be put into the log.

        Raises:
            StoreFailed: they cannot be written.
            StoreUnusable: they hold records that the store does not.
        """
        with self._failing():
            notes = () if self._end is not None else self._resume()
            self._write(self._stored(self._head.seq))
        return notes

    def due(
        self, now: datetime, keep_days: int, most: int = MOST_FILES
    ) -> tuple[OldFile, ...]:
        """The files older than *keep_days*: closed, verified whole, oldest first.

        In any thread: only files that nobody writes to any more are read, and the one
        that is written to is left alone whatever goes wrong.

        Raises:
            StoreFailed: they cannot be read.
        """
        before = now - timedelta(days=keep_days)
        try:
            return old_files(self._directory, self._key, before, most)
        except OSError as exc:
            raise StoreFailed(
                f"{self._directory}: the audit files cannot be read: {exc.strerror}"
            ) from exc

    def delete(self, files: Iterable[OldFile]) -> None:
        """Delete what was `due`."""
        with self._failing():
            for file in files:
                (self._directory / file.name).unlink()
            sync_directory(self._directory)

    def expire(self, now: datetime, keep_days: int) -> tuple[OldFile, ...]:
        """Delete what is `due`, and return it: `verify` wants it in the log.

        `SqliteStore.expire_audit` puts it there first.
        """
        files = self.due(now, keep_days)
        self.delete(files)
        return files

    def close(self) -> None:
        """Make all durable and let go; a later call would open the file again."""
        if self._handle is None:
            return
        with self._failing():
            os.fsync(self._handle)
            self._let_go()

    # Writing --------------------------------------------------------------------------

    def _resume(self) -> tuple[AuditEntry, ...]:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        end = find_end(self._directory, self._key, self._stored)
        self._head, self._name, self._number = end.head, end.name, end.number
        self._lines, self._size = end.lines, end.size
        if end.goes_on and end.name is not None:
            flags = os.O_WRONLY | os.O_APPEND
            self._handle = os.open(self._directory / end.name, flags)
        self._end = end
        return end.notes

    def _write(self, lines: Iterable[Line]) -> None:
        gathered = 0
        for line in lines:
            text = written(line)
            if self._must_turn(line, gathered + len(text)):
                self._flush()
                gathered = 0
                self._turn(line)
            self._pending.append(text)
            self._pending_head = line.head
            gathered += len(text)
            if gathered > CHUNK:
                self._flush()
                gathered = 0
        self._flush()
        self._sync()

    def _must_turn(self, line: Line, more: int) -> bool:
        if self._handle is None:
            return True
        if self._lines + len(self._pending) < 2:  # a header needs a record after it
            return False
        name = self._name or ""
        return self._size + more > self._max_bytes or line.at[:10] != day_of(name)

    def _flush(self) -> None:
        if not self._pending or self._handle is None:
            return
        data = b"".join(self._pending)
        _write_all(self._handle, data)
        self._size += len(data)
        self._lines += len(self._pending)
        self._head = self._pending_head
        self._pending.clear()

    def _sync(self) -> None:
        now = self._wall()
        if self._handle is not None and abs(now - self._synced) >= SYNC_EVERY:
            os.fsync(self._handle)
            self._synced = now

    def _turn(self, line: Line) -> None:
        """Open the next file, then close this one: there is always one to write to."""
        name = name_for(line.at[:10], self._number + 1)
        header = sealed(
            self._key,
            Header(
                file=name,
                first_seq=line.seq,
                previous=self._name,
                previous_lines=self._lines,
                previous_head=line.prev,
            ),
        )
        handle = self._begin(name, header)
        old, self._handle = self._handle, handle
        self._name, self._number = name, self._number + 1
        self._lines, self._size = 1, len(header)
        if old is not None:
            try:
                os.fsync(old)
            finally:
                os.close(old)

    def _begin(self, name: str, header: bytes) -> int:
        path = self._directory / name
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        handle = os.open(path, flags, 0o600)
        try:
            _write_all(handle, header)
            os.fsync(handle)
            sync_directory(self._directory)
        except OSError:
            os.close(handle)
            path.unlink()
            raise
        return handle

    # Failing --------------------------------------------------------------------------

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            self._abandon()
            raise StoreFailed(
                f"{self._directory}: the audit files cannot be written: {exc.strerror}"
            ) from exc
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Cut off what is half written, so that the next try goes on after good lines.

        A failed fsync ends here too. It is not tried again on the same pages: what the
        disk lost of them, `verify` shows, and the store has.
        """
        self._pending.clear()
        if self._handle is not None:
            with suppress(OSError):  # it is cut again when the disk is looked at
                os.ftruncate(self._handle, self._size)
        self._let_go()

    def _let_go(self) -> None:
        handle, self._handle, self._end = self._handle, None, None
        if handle is not None:
            os.close(handle)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
