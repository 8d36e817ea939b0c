"""How far long work is: a line on a terminal, and nothing anywhere else.

audit verify  [########------------]  41 %  412 of 1,004 records  52/s  0:11 left
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self, TextIO, TypeVar

T = TypeVar("T")

WIDTH = 20
"""Characters of the bar."""
EVERY = 0.1
"""Seconds between two drawings, at the least."""
SURE_AFTER = 1.0
"""Seconds after which a rate says something."""
CLEAR = "\r\x1b[K"
"""To the beginning of the line, and all after it gone."""


class Progress:
    """A line that is drawn again and again, and gone at the end.

    Args:
        what: is done.
        unit: of what is counted, in the plural.
        total: how many there are; None: nobody knows.
        stream: where to draw, standard error by default; only on a terminal.
        environ: `CI` switches it off, for terminals that nobody watches.
        clock: seconds, from any moment.
    """

    def __init__(
        self,
        what: str,
        unit: str,
        total: int | None = None,
        *,
        stream: TextIO | None = None,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._unit, self._total = what, unit, total
        self._stream = sys.stderr if stream is None else stream
        self._shown = self._stream.isatty() and not environ.get("CI")
        self._clock = clock
        self._began = clock()
        self._drawn_at = -math.inf
        self._drawn = False
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the line away, for good."""
        if self._drawn:
            self._write(CLEAR)
        self._shown = self._drawn = False

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Give the *items*, and count them."""
        for item in items:
            self.at(self._done + 1)
            yield item

    def at(self, done: int, *, total: int | None = None, doing: str = "") -> None:
        """So many are *done*; *doing* says at what it is."""
        self._done = done
        self._total = self._total if total is None else total
        if not self._shown or (now := self._clock()) - self._drawn_at < EVERY:
            return
        self._drawn_at, self._drawn = now, True
        self._write(
            CLEAR + "  ".join([*self._parts(now - self._began), doing]).rstrip()
        )

    def _parts(self, took: float) -> Iterator[str]:
        yield self._what
        done, total = self._done, self._total
        rate = done / took if took >= SURE_AFTER else 0.0
        if not total:
            yield f"{done:,} {self._unit}"
        else:
            share = min(1.0, done / total)
            bar = round(share * WIDTH)
            yield f"[{'#' * bar:-<{WIDTH}}]"
            yield f"{share * 100:.0f} %"
            yield f"{done:,} of {total:,} {self._unit}"
        if rate:
            yield f"{rate:,.0f}/s" if rate >= 1 else f"{rate:.2f}/s"
        if rate and total:
            yield f"{_clock(max(0, total - done) / rate)} left"

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _clock(seconds: float) -> str:
    """Minutes and seconds."""
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes}:{left:02}"
