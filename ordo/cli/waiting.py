"""Waiting for a person and for a machine at once."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import IO


def line_or(stdin: IO[str], is_done: Callable[[], bool], *, every: float) -> str | None:
    """The next line, or None once *is_done* says so, which is asked *every* so often.

    An end of input is an empty line. *every* is seconds.
    """
    while True:
        ready, _, _ = select.select([stdin], [], [], every)
        if ready:
            return stdin.readline().strip()
        if is_done():
            return None
