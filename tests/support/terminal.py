"""A command at a real terminal: what it shows is read, what it asks for is typed."""

from __future__ import annotations

import os
import pty
import re
import select
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.support.forked import Forked


class Terminal:
    """`ordo` with *arguments* on a pseudo-terminal of its own.

    Attributes:
        shown: all that it has shown so far.
    """

    def __init__(self, *arguments: str, environ: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self.shown = ""
        self._read_to = 0
        try:
            self.popen = Forked(
                "ordo",
                *arguments,
                environ={**os.environ, **environ},
                stdio=(theirs, theirs, theirs),
                directory=Path.cwd(),
                at_terminal=True,
            )
        finally:
            os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(10)
        os.close(self._ours)

    def wait_for(self, pattern: str, *, within: float = 20.0) -> re.Match[str]:
        """The next place, after what was waited for before, that fits *pattern*."""
        until = time.monotonic() + within
        while True:
            found = re.search(pattern, self.shown[self._read_to :])
            if found:
                self._read_to += found.end()
                return found
            if time.monotonic() > until or not self._read_more():
                raise AssertionError(f"wanted {pattern!r}, shown:\n{self.shown}")

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._ours, f"{text}\n".encode())

    @property
    def echoes(self) -> bool:
        """Whether what is typed now would be shown."""
        return bool(termios.tcgetattr(self._ours)[3] & termios.ECHO)

    def ended(self, *, within: float = 20.0) -> int:
        """Its exit status, once it has ended and all is read."""
        until = time.monotonic() + within
        while self._read_more() and time.monotonic() < until:
            pass
        return self.popen.wait(max(0.1, until - time.monotonic()))

    def _read_more(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], 0.2)
        if not ready:
            return self.popen.poll() is None
        try:
            some = os.read(self._ours, 65536)
        except OSError:  # the other side is closed
            return False
        self.shown += some.decode(errors="replace").replace("\r\n", "\n")
        return bool(some)
