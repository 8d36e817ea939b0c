"""Listens to one broker's own word of its orders, for as long as there is a session.

A connection that breaks costs time, never an order: the book is read on at its usual
pace meanwhile, and once more right after each connect, for nothing is told twice.
"""

import logging
from typing import Literal, cast

import trio

from actors.line import Line
from actors.pushed import Pushed
from actors.reconciler import Reconciler
from actors.telling import Telling
from adapters import BrokerError, OrderUpdates, SessionExpired, TellingPort

log = logging.getLogger("ordo.updates")

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between tries to connect, doubling, with jitter."""
STEADY = 60.0
"""Seconds that a connection has to last for the pauses to begin anew: one that is
taken and dropped at once must not be made every second."""
REFUSED_PAUSE = 900.0
"""Seconds to leave a broker alone that refused the socket for who we are. Whether the
session is still good a read of the book shows: some apps may trade and not listen."""


class Updates:
    """Keeps one connection to one broker.

    Args:
        line: to the broker.
        reconciler: reads its book.
        pushed: takes over what is told.
        telling: what the reconciler is to know of us.
        wanted: it is not switched off.
    """

    def __init__(
        self,
        line: Line,
        reconciler: Reconciler,
        pushed: Pushed,
        telling: Telling,
        *,
        wanted: bool,
    ) -> None:
        self._line = line
        self._reconciler = reconciler
        self._pushed = pushed
        self._telling = telling
        self._wanted = wanted and line.port.capabilities.order_updates
        self._waiting = trio.CancelScope()
        self._pause = FIRST_PAUSE
        self._failures = 0

    async def run(self) -> None:
        """Listen until cancelled; returns at once where there is nothing to listen to.

        Any change of the session ends a connection: the next one bears the new token.
        """
        while self._wanted:
            session = self._line.session
            news = session.news
            self._gone("down" if session.active else "off")
            if not session.active:
                await news.wait()
                continue
            async with trio.open_nursery() as tasks:
                tasks.start_soon(self._interrupt_at, news)
                await self._listen(news)
                tasks.cancel_scope.cancel(reason="the session has changed")

    async def _listen(self, news: trio.Event) -> None:
        """Connect again and again, ever more rarely, until the session changes."""
        self._pause, self._failures = FIRST_PAUSE, 0
        while not news.is_set():
            began, pause = trio.current_time(), 0.0
            try:
                await self._connection(news)
            except SessionExpired as refusal:
                pause = REFUSED_PAUSE
                self._failed(refusal)
                self._reconciler.look_soon()
            except BrokerError as error:
                if trio.current_time() - began >= STEADY:
                    self._pause, self._failures = FIRST_PAUSE, 0
                pause = self._line.rng.uniform(self._pause / 2, self._pause)
                self._pause = min(LONGEST_PAUSE, 2 * self._pause)
                self._failed(error)
            self._gone("down")
            with self._until(news):
                await trio.sleep(pause)

    async def _connection(self, news: trio.Event) -> None:
        """One connection, until the session changes.

        Raises:
            BrokerError: it was not to be had, or has ended.
        """
        port = cast("TellingPort", self._line.port)
        async with port.order_updates() as updates:
            self._telling.connected(trio.current_time())
            self._reconciler.look_now()  # at what was missed
            log.info(
                "%s tells of its orders by itself",
                self._line.name,
                extra={"broker": self._line.name, "event": "order_updates.live"},
            )
            while await self._take(updates, news):
                pass

    async def _take(self, updates: OrderUpdates, news: trio.Event) -> bool:
        """Take over what comes next; False once the session has changed."""
        # Around the wait alone: a change that is cut short would be stored twice.
        with self._until(news) as waiting:
            row = await updates.receive()
        if waiting.cancelled_caught:
            return False
        self._telling.received += 1
        verdict = "ask" if row is None else await self._pushed.take(row)
        if verdict == "taken":
            self._telling.told()
        elif verdict == "ask":
            self._reconciler.look_soon()
        return True

    def _until(self, news: trio.Event) -> trio.CancelScope:
        """A wait that a change of the session ends."""
        self._waiting = trio.CancelScope()
        if news.is_set():
            self._waiting.cancel(reason="the session has changed")
        return self._waiting

    async def _interrupt_at(self, news: trio.Event) -> None:
        await news.wait()
        self._waiting.cancel(reason="the session has changed")

    def _gone(self, state: Literal["down", "off"]) -> None:
        """The book is all there is again, at its own pace and from this moment."""
        self._telling.lost(state)
        self._reconciler.news()

    def _failed(self, error: BrokerError) -> None:
        self._failures += 1
        log.log(
            logging.WARNING if self._failures == 1 else logging.DEBUG,
            "%s does not tell of its orders: %s; its book is read instead",
            self._line.name,
            error,
            extra={"broker": self._line.name, "event": "order_updates.down"},
        )
