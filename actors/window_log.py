"""One share of a window: the log of a rolling one, the count of one of a day."""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from actors.windows import Kind, Share


class Log(NamedTuple):
    """The entries of one share of one rolling window, oldest first."""

    times: deque[float]
    width: float
    slots: int
    kinds: frozenset[Kind]

    def lowered(self) -> "Log":
        """The same entries under four fifths of the slots."""
        return self._replace(slots=max(1, self.slots * 4 // 5))

    def used(self, now: float) -> int:
        """How many of the slots are taken at *now* (Trio clock, seconds)."""
        return sum(at + self.width > now for at in self.times)


class Tally:
    """The count of one share of one day window."""

    __slots__ = ("count", "kinds", "slots")

    def __init__(self, share: Share, taken: Mapping[Kind, int]) -> None:
        self.kinds, self.slots = share
        self.count = among(share.kinds, taken)


def earliest(
    logs: list[Log], start: float, same: int, ahead: Mapping[Kind, int]
) -> float:
    """When a call may start, at *start* or later: one look into each share's log.

    With *n* slots, call number *j* from now waits for the entry *n* places before it:
    one in the log, or one that itself waits so, whole widths later.
    """
    alone = start
    for times, width, slots, _ in logs:
        if len(times) >= slots:
            alone = max(alone, times[-slots] + width)
    if not ahead:
        return alone
    latest = alone
    for log in logs:
        turns, place = divmod(among(log.kinds, ahead), log.slots)
        back = len(log.times) - log.slots + place
        free = max(start, log.times[back] + log.width) if back >= 0 else start
        paced = alone + same // log.slots * log.width
        latest = max(latest, free + turns * log.width, paced)
    return latest


def among(kinds: frozenset[Kind], numbers: Mapping[Kind, int]) -> int:
    """How many of *numbers* are of these kinds."""
    return sum(number for kind, number in numbers.items() if kind in kinds)


def place_of(times: deque[float], at: float) -> int:
    """Where *at* stands, or -1.

    Looked for from the end: it is seldom old, and a long deque is slow in its middle.
    """
    place = len(times) - 1
    while place >= 0 and times[place] > at:
        place -= 1
    return place if place >= 0 and times[place] == at else -1
