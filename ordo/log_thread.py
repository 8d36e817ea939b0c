"""Log lines, written by a thread: whoever reads them can hold up no order.

A pipe whose reader has stalled blocks whoever writes to it, and a loop that is blocked
neither sends nor halts. So lines are made at once and written behind; past a bound the
newest are let go of and counted. What must not be lost stands in the audit log.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TextIO

from ordo.progress import CLEAR

ROOM = 10_000
"""Lines that wait at the most, some 3 MB."""
PATIENCE = 2.0
"""Seconds for the last lines at the end."""


class Behind(logging.Handler):
    """Writes to a stream from a thread of its own.

    Args:
        stream: written to and flushed, never closed.
        room: lines that wait at the most.
    """

    def __init__(self, stream: TextIO, *, room: int = ROOM) -> None:
        super().__init__()
        self._stream = stream
        self._before = CLEAR if stream.isatty() else ""  # a bar may stand there
        self._room = room
        self._lines: deque[str] = deque()
        self._lost = 0
        self._wake = threading.Condition()
        self._writing = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Make the line now, in the context of its record, and queue it."""
        try:
            line = self.format(record) + "\n"
        except Exception:  # as every handler does: a log must stop nothing
            self.handleError(record)
            return
        with self._wake:
            if len(self._lines) >= self._room:
                self._lost += 1
                return
            if self._lost:
                self._lines.append(self._of_lost() + "\n")
                self._lost = 0
            self._lines.append(line)
            self._wake.notify_all()

    def flush(self) -> None:
        """Wait until all is written, two seconds at the most."""
        with self._wake:
            self._wake.wait_for(
                lambda: not self._lines and not self._writing, timeout=PATIENCE
            )

    def close(self) -> None:
        """Write what waits, and end the thread; one that is stuck is left behind."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        self._thread.join(PATIENCE)
        super().close()

    def _of_lost(self) -> str:
        """The line that stands where others are missing."""
        words = "%d log records were lost: nobody took them in time"
        level, place = logging.ERROR, (__file__, 0)
        record = logging.LogRecord("ordo", level, *place, words, (self._lost,), None)
        record.event = "log.lost"
        return self.format(record)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._writing = False
                self._wake.notify_all()
                self._wake.wait_for(lambda: self._lines or self._closed)
                if not self._lines:
                    return
                text = "".join(self._lines)
                self._lines.clear()
                self._writing = True
            try:
                self._stream.write(self._before + text)
                self._stream.flush()
            except (OSError, ValueError):
                pass  # nobody can be told any more, and orders go on
