"""Orders nobody knows the fate of: when to look again, when to conclude.

A pure machine; *now* is Trio's clock, in seconds.
"""

import math

LOOKS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Seconds after the send; then each `LATER`. Source: design.md, "One order", step 5."""
LATER = 60.0
PATIENCE = 120.0
"""Seconds before "not placed" may be said. Source: the same; a guess from one public
thread about orders that took 1.5 minutes to show, to be replaced by measurements."""
READS = 3
APART = 10.0
"""Complete reads without it that are needed, and seconds between those that count."""


class _Doubt:
    def __init__(self, since: float) -> None:
        self.since = since
        self.looked_until = since
        self.missing: list[float] = []


class Doubts:
    """The unknown orders of one broker."""

    def __init__(self) -> None:
        self._doubts: dict[str, _Doubt] = {}

    def __contains__(self, order_id: object) -> bool:
        return order_id in self._doubts

    def __len__(self) -> int:
        return len(self._doubts)

    def add(self, order_id: str, now: float) -> None:
        """The order's last possible send was *now* or before."""
        self._doubts[order_id] = _Doubt(now)

    def remove(self, order_id: str) -> None:
        """Its fate is known."""
        self._doubts.pop(order_id, None)

    def next_look(self) -> float:
        """When the book should be read for them; infinite without doubts."""
        return min((_next(doubt) for doubt in self._doubts.values()), default=math.inf)

    def looked(self, now: float) -> None:
        """A look was made at *now*."""
        for doubt in self._doubts.values():
            doubt.looked_until = max(doubt.looked_until, now)

    def old(self, order_id: str, now: float) -> bool:
        """Whether it has lasted for long enough to say "not placed", were it so."""
        return now - self._doubts[order_id].since >= PATIENCE

    def missing(self, order_id: str, read_at: float) -> bool:
        """A complete read begun at *read_at* did not show it.

        Returns:
            Whether that was long and often enough for "not placed".
        """
        doubt = self._doubts[order_id]
        if read_at < doubt.since:
            return False  # it had not left yet
        if not doubt.missing or read_at - doubt.missing[-1] >= APART:
            doubt.missing.append(read_at)
        return read_at - doubt.since >= PATIENCE and len(doubt.missing) >= READS


def _next(doubt: _Doubt) -> float:
    """The first moment of its plan after the last look.

    Sums are compared, not ages: a rounded age could name a moment that is over, again
    and again.
    """
    since, looked = doubt.since, doubt.looked_until
    for look in LOOKS:
        if since + look > looked:
            return since + look
    beyond = math.floor((looked - since - LOOKS[-1]) / LATER) + 1
    after = since + LOOKS[-1] + beyond * LATER
    return after if after > looked else after + LATER
