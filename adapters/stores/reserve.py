"""Room on the disk kept for hard times, so that cancels can still be stored."""

from __future__ import annotations

import os
from pathlib import Path

from adapters.errors import StoreFailed


class Reserve:
    """A file that is only there to be removed when the disk is full.

    Args:
        path: where; nothing else may be kept under this name.
        size: bytes.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size

    @property
    def is_held(self) -> bool:
        """Whether the room is taken in full."""
        try:
            return self._path.stat().st_size >= self._size
        except OSError:
            return False

    def release(self) -> None:
        """Give the room back to the disk. It never fails: all else has by now."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return

    def restore(self) -> None:
        """Take the room.

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

    def _take(self) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            if self._size:
                os.posix_fallocate(handle, 0, self._size)
        finally:
            os.close(handle)
