"""One Ordo a data directory: a lock that dies with the process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.errors import StoreUnusable

NAME = "ordo.lock"


class DataLock:
    """Holds DIR/ordo.lock until released, or until the process ends, however it ends.

    The file stays where it is: removing it would let two hold "the" lock.

    Raises:
        StoreUnusable: another process holds it; its pid is in the text.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / NAME
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise StoreUnusable(f"{path}: cannot be made: {exc.strerror}") from exc
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as exc:
            holder = os.pread(self._handle, 20, 0).decode(errors="replace").strip()
            os.close(self._handle)
            raise StoreUnusable(
                f"{directory}: in use by another Ordo (pid {holder or 'unknown'}): "
                "stop it, or give this one its own data directory"
            ) from exc
        except OSError as exc:
            os.close(self._handle)
            raise StoreUnusable(f"{path}: cannot be locked: {exc.strerror}") from exc

    def release(self) -> None:
        """Let another process have the directory. Doing it twice does nothing."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
