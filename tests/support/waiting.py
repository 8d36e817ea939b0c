"""Waiting for another process: look again and again, for a bounded time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

EVERY = 0.05


def until(condition: Callable[[], bool], within: float = 15.0) -> None:
    """Return when *condition* holds.

    Raises:
        AssertionError: it did not within that many seconds.
    """
    end = time.monotonic() + within
    pause = threading.Event()  # nobody sets it: its wait is the pause
    while not condition():
        assert time.monotonic() < end, f"not within {within} s"
        pause.wait(EVERY)
