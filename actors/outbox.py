"""Telling a publisher everything, at least once and in order, however long it is away.

The events wait in the store, so a publisher that is down costs no memory and no order.
Its place among them is stored after they were taken: a crash between the two tells them
again, under the same ids.
"""

import logging
import random
from datetime import datetime

import msgspec
import trio

from actors.clockwork import Wall
from actors.feed import Feed, Follower
from actors.mailbox import Mailbox, MailboxError
from actors.messages import Commit, Committed
from adapters import Event, PublisherPort, PublishFailed, SaveCursor, StoreFailed

log = logging.getLogger("ordo.outbox")

FIRST_RETRY, LONGEST_RETRY = 1.0, 60.0
"""Seconds after a failure, and where doubling stops. Source: reliability.md 5."""
PATIENCE = 30.0
"""Seconds for a publisher to take what it is given."""


class OutboxReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a publisher keeps up. `failing` says why it does not."""

    publisher: str
    delivered: int
    failures: int
    failing: str | None
    since: datetime | None


class Outbox:
    """One publisher, and its place among the events.

    Args:
        publisher: told them.
        feed: where they come from.
        writer: stores the place.
        wall: for the report.
        rng: for jitter.
    """

    def __init__(
        self,
        publisher: PublisherPort,
        feed: Feed,
        writer: Mailbox,
        wall: Wall,
        rng: random.Random,
    ) -> None:
        self._publisher = publisher
        self._feed = feed
        self._writer = writer
        self._wall = wall
        self._rng = rng
        self._delivered = self._failures = self._in_a_row = 0
        self._failing: str | None = None
        self._since: datetime | None = None

    @property
    def name(self) -> str:
        """The publisher's."""
        return self._publisher.name

    @property
    def report(self) -> OutboxReport:
        """How it keeps up."""
        return OutboxReport(
            publisher=self._publisher.name,
            delivered=self._delivered,
            failures=self._failures,
            failing=self._failing,
            since=self._since,
        )

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Tell everything, until cancelled or the feed is closed."""
        task_status.started()
        follower = Follower(self._feed, await self._place())
        while True:
            try:
                events = await follower.next()
            except trio.EndOfChannel:
                return
            except StoreFailed as failed:
                await self._failed(f"the store cannot be read: {failed}")
                continue
            while not await self._told(events):
                pass
            await self._keep(follower.at)

    async def _place(self) -> int:
        """Where it left off; a new publisher begins with what comes next."""
        name = self._publisher.name
        while True:
            try:
                stored = await self._feed.records.read(lambda store: store.cursor(name))
                if stored is not None:
                    return stored
                last = await self._feed.last()
            except StoreFailed as failed:
                await self._failed(f"the store cannot be read: {failed}")
            else:
                await self._keep(last)  # a restart before the first event goes on here
                return last

    async def _told(self, events: list[Event]) -> bool:
        try:
            with trio.fail_after(PATIENCE):
                await self._publisher.publish(events)
        except (PublishFailed, trio.TooSlowError) as failure:
            words = str(failure) or f"nothing taken within {PATIENCE:g} s"
            await self._failed(words)
            return False
        if self._failing is not None:
            log.warning(
                "%s is back", self._publisher.name, extra={"event": "publisher.back"}
            )
        self._delivered += len(events)
        self._in_a_row, self._failing, self._since = 0, None, None
        return True

    async def _failed(self, why: str) -> None:
        """Remember the failure, say the first one of a row, and wait."""
        self._failures += 1
        self._in_a_row += 1
        if self._failing is None:
            self._since = self._wall()
            name = self._publisher.name
            log.warning(
                "%s does not take events: %s",
                name,
                why,
                extra={"event": "publisher.failed"},
            )
        self._failing = why
        wait = min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(self._in_a_row - 1, 10))
        await trio.sleep(wait * self._rng.uniform(0.8, 1.2))

    async def _keep(self, seq: int) -> None:
        """Store the place. Where that fails, some events will be told again."""
        save = SaveCursor(publisher=self._publisher.name, seq=seq)
        try:
            answer = await self._writer.ask(Commit(writes=(save,)))
        except MailboxError as error:
            log.debug(
                "%s's place is not stored: %s",
                self._publisher.name,
                error,
                extra={"event": "publisher.place_lost"},
            )
            return
        if not isinstance(answer, Committed):
            log.debug(
                "%s's place is not stored: %s",
                self._publisher.name,
                answer,
                extra={"event": "publisher.place_lost"},
            )
