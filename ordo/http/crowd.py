"""How many connections there are at once, and which one makes room for another.

A process has so many files, and each connection is one; brokers and the store need
theirs. So there is a bound well below it, and whoever comes then takes the place of the
connection that is missed least.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

MOST = 1000
"""A desk has tens of clients; at a thousand connections memory is still small."""


class Guest:
    """One connection, as the others see it.

    Attributes:
        trusted: it has shown a good token.
        at_work: its requests that are whole, trusted, and not answered yet.
        since: when it came, or was last answered, by Trio's clock.

    Args:
        leave: ends it, with a reason.
    """

    def __init__(self, leave: Callable[[str], None]) -> None:
        self.leave = leave
        self.trusted = False
        self.at_work = 0
        self.since = trio.current_time()

    @contextmanager
    def working(self) -> Iterator[None]:
        """While a request of somebody with a good token is under way."""
        self.trusted = True
        self.at_work += 1
        try:
            yield
        finally:
            self.at_work -= 1
            self.since = trio.current_time()


class Crowd:
    """All connections.

    Args:
        most: as many as there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._guests: dict[Guest, None] = {}

    def __len__(self) -> int:
        return len(self._guests)

    @contextmanager
    def holding(self, guest: Guest) -> Iterator[bool]:
        """Whether *guest* may stay; while it does, it counts."""
        if not self._has_room():
            yield False
            return
        self._guests[guest] = None
        try:
            yield True
        finally:
            self._guests.pop(guest, None)

    def _has_room(self) -> bool:
        """Make room: strangers go first, then who is idle; longest there before others.

        Who has an answer to come from an order stays.
        """
        if len(self._guests) < self._most:
            return True
        idle = (guest for guest in self._guests if not guest.at_work)
        last = min(idle, key=lambda guest: (guest.trusted, guest.since), default=None)
        if last is None:
            return False
        del self._guests[last]
        last.leave("another connection needs its place")
        return True


def most_connections() -> int:
    """As many as leave half of the process's files to all else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else min(MOST, soft // 2)
