"""Whether requests wait longer to be recorded than is good for anybody.

Under more than the machine can do, every request would wait, in the end for longer than
its deadline. It is better to refuse some at once: what is refused was not recorded.
"""

import math

FEW = 32
"""Requests that may always be on their way to their accept."""
QUICK = 0.1
"""Seconds to the accept that show that there is room; at rest it takes five
milliseconds, and a request that waited so long may still be answered soon."""
PATIENCE = 0.3
"""Seconds without a quick accept until more are refused: a burst is no overload."""


class Congestion:
    """Counts requests on their way to their accept, and how long that takes."""

    def __init__(self) -> None:
        self._waiting = 0
        self._quick_at = -math.inf

    def refuses(self, now: float) -> bool:
        """Whether one more should be refused. *now*: Trio clock, seconds."""
        return self._waiting >= FEW and now - self._quick_at > PATIENCE

    def enter(self, now: float) -> None:
        """A request sets out."""
        if self._waiting < FEW:
            self._quick_at = now
        self._waiting += 1

    def leave(self, took: float, now: float) -> None:
        """It was accepted, or not, *took* seconds after; less what others took."""
        self._waiting -= 1
        if took <= QUICK:
            self._quick_at = now
