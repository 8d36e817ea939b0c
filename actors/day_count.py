"""The count of a broker's calls on a trading day: its quota survives a restart."""

from datetime import date

import trio

from actors.limiter import Limiter
from actors.mailbox import Mailbox
from actors.writer import tell
from adapters import SaveDayCount

LOOK_EVERY = 1.0
"""Seconds between looks at the count."""
SHARE = 200
"""One in so many of the day's calls is stored ahead: a crash then loses that part of
the quota, and never makes it larger. Twenty at least, two seconds of ten a second."""


def stored_ahead(limiter: Limiter) -> int:
    """By how many calls the stored count runs ahead of the true one."""
    limit = limiter.day_limit
    return 0 if limit is None else max(20, limit // SHARE)


class DayKeeper:
    """Stores one broker's count: ahead of it while Ordo runs, exact at an orderly end.

    Args:
        broker: its name.
        limiter: which counts.
        writer: the writer's mailbox.
    """

    def __init__(self, broker: str, limiter: Limiter, writer: Mailbox) -> None:
        self._broker = broker
        self._limiter = limiter
        self._writer = writer
        self._stored = (0, -1)  # day, calls: so nothing that could be counted

    async def run(self) -> None:
        """Keep the stored count from falling behind, until cancelled.

        Without a limit for the day the count is only for people: stored at the end.
        """
        ahead = stored_ahead(self._limiter)
        try:
            if not ahead:
                await trio.sleep_forever()
            while True:
                day, calls = self._count()
                behind = day != self._stored[0] or calls + ahead / 2 > self._stored[1]
                if behind:
                    self._store(day, calls + ahead)
                await trio.sleep(LOOK_EVERY)
        finally:
            if self._count() != self._stored:
                self._store(*self._count())

    def _count(self) -> tuple[int, int]:
        count = self._limiter.day_count
        return count.day, sum(count.taken.values())

    def _store(self, day: int, calls: int) -> None:
        if day:  # else nothing was ever taken
            name = date.fromordinal(day).isoformat()
            write = SaveDayCount(broker=self._broker, day=name, count=calls)
            tell(self._writer, write)
        self._stored = (day, calls)
