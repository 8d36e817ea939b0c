"""Room on the disk kept for hard times, so that cancels can still be stored."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from adapters.errors import StoreFailed

LITTLE = 2**20
"""Bytes that must be free besides; SQLite cannot even open without 32 KiB."""


class Reserve:
    """A file that is only there to be removed when the disk is full.

    Args:
        path: where; nothing else may be kept under this name.
        size: bytes.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self.is_held = False
        """Whether this run has taken the room."""

    def release_if_full(self) -> None:
        """Give back what an earlier run took where next to nothing is left to start."""
        if self._is_full():
            self.release()

    def release(self) -> None:
        """Give the room back to the disk. It never fails: all else has by now."""
        self.is_held = False
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def restore(self) -> None:
        """Take the room, unless that would fill the disk again.

        Raises:
            StoreFailed: the disk has not got it; nothing is taken then.
        """
        if self.is_held:
            return
        try:
            self._take()
        except OSError as exc:
            self.release()
            raise StoreFailed(
                f"{self._path}: no room for {self._size} bytes of reserve: "
                f"{exc.strerror}"
            ) from exc
        self.is_held = True

    def _is_full(self) -> bool:
        try:
            disk = os.statvfs(self._path.parent)
        except OSError:
            return False  # whoever opens the database says what is wrong
        return disk.f_bavail * disk.f_frsize < LITTLE

    def _take(self) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            if self._size:
                os.posix_fallocate(handle, 0, self._size)
        finally:
            os.close(handle)
        if self._is_full():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
