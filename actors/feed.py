"""Following what happens: every event once, in order, from wherever one left off.

Nothing waits for a follower and nothing is kept for one: events are read from the
store, after the commit that made them, and who is slow reads them later.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from actors.records import Records
from adapters import AuditQuery, AuditRecord, Event, Store, event_of

AT_ONCE = 500
"""Records in one read: some 3 ms of its thread."""
GATHER = 0.05
"""Seconds to let commits gather: under load one read then serves many of them."""


class Feed:
    """Tells followers that something was committed, and what.

    Args:
        records: reads the store.

    Attributes:
        readers: how many are served.
        news: set at the next commit, and then another one.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self.closed = False
        self.readers = 0
        self.news = trio.Event()

    def committed(self) -> None:
        """Something new is in the store."""
        self.news.set()
        self.news = trio.Event()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Count a reader, for as long as it reads."""
        self.readers += 1
        try:
            yield
        finally:
            self.readers -= 1

    def close(self) -> None:
        """Ordo stops: everyone gets what is there, and then the end."""
        self.closed = True
        self.committed()

    async def last(self) -> int:
        """The number of the newest event: where one begins who wants only what comes.

        Raises:
            StoreFailed: the store cannot be read.
        """
        return await self.records.read(_last)


class Follower:
    """One reader of a feed.

    Args:
        feed: of what.
        after: the number of the event before the first one wanted.

    Attributes:
        at: the number up to which everything was given out.
    """

    def __init__(self, feed: Feed, after: int) -> None:
        self.at = after
        self._feed = feed

    async def next(self) -> list[Event]:
        """The next events, at least one; waits for it.

        Raises:
            trio.EndOfChannel: the feed is closed, and there is no more.
            StoreFailed: the store cannot be read; nothing is passed over.
        """
        feed = self._feed
        while True:
            news, closed = feed.news, feed.closed
            found = await feed.records.read(self._page)
            if found:
                self.at = found[-1].seq
                if events := [event for row in found if (event := event_of(row))]:
                    return events
            elif closed:
                raise trio.EndOfChannel
            else:
                await news.wait()
                await trio.sleep(GATHER)

    async def behind(self) -> int:
        """How many records there are after what was given out, at most.

        Raises:
            StoreFailed: the store cannot be read.
        """
        return await self._feed.last() - self.at

    def _page(self, store: Store) -> list[AuditRecord]:
        return store.audit(AuditQuery(after=self.at, limit=AT_ONCE))


def _last(store: Store) -> int:
    return store.last_seq()
