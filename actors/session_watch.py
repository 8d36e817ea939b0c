"""Watches one session: checked at the start, ended in time, renewed where nobody
is needed for it."""

import logging
from datetime import datetime

import trio

from actors.clockwork import Wall
from actors.line import Line
from actors.logins import Logins
from actors.messages import LoginFailed
from actors.session_keeper import SessionKeeper

log = logging.getLogger("ordo.session")

LOOK_EVERY = 30.0
"""Seconds between looks at the clock on the wall, which may be set meanwhile."""
FIRST_RENEWAL, LONGEST_RENEWAL = 60.0, 3600.0
"""Seconds between tries to log in unattended, doubling. After a refusal the longest at
once: brokers lock accounts after a few wrong answers."""


class SessionWatch:
    """Keeps one broker's session true to the time and to the broker's word."""

    def __init__(
        self, line: Line, keeper: SessionKeeper, logins: Logins, wall: Wall
    ) -> None:
        self._line = line
        self._keeper = keeper
        self._logins = logins
        self._wall = wall
        self._renew_at = 0.0
        self._looked = trio.Event()  # set, and made anew, after each look
        self._pause = FIRST_RENEWAL

    async def run(self) -> None:
        """Watch until cancelled."""
        if self._line.port.login is None:
            return
        await self._keeper.check()
        while True:
            self._line.session_news = news = trio.Event()
            self._end_if_due()
            if self._line.session.active:
                self._pause = FIRST_RENEWAL
            elif self._due:
                await self._renew()
            looked, self._looked = self._looked, trio.Event()
            looked.set()
            with trio.move_on_after(self._wait()):
                await news.wait()

    async def renewed(self) -> bool:
        """Whether the session is good, after a renewal that is due or under way.

        For an order that the broker refused for its session alone. One renewal serves
        all who wait, and the pauses between renewals hold for them as well.
        """
        session = self._line.session
        if not session.active and self._logins.unattended:
            self._line.session_news.set()
            await self._looked.wait()
        return session.active

    @property
    def _due(self) -> bool:
        return self._logins.unattended and trio.current_time() >= self._renew_at

    def _end_if_due(self) -> None:
        end = self._line.session.expires_at
        if end is not None and end <= self._wall():
            self._keeper.end(f"the session ended at {_minutes(end)}")

    def _wait(self) -> float:
        """Seconds until something is due."""
        session, waits = self._line.session, [LOOK_EVERY]
        if session.expires_at is not None:
            waits.append((session.expires_at - self._wall()).total_seconds())
        if not session.active and self._logins.unattended:
            waits.append(self._renew_at - trio.current_time())
        return max(0.0, min(waits))

    async def _renew(self) -> None:
        reply = await self._logins.renew()
        refused = isinstance(reply, LoginFailed) and reply.code == "rejected"
        self._renew_at = trio.current_time() + (
            LONGEST_RENEWAL if refused else self._pause
        )
        self._pause = min(LONGEST_RENEWAL, 2 * self._pause)
        if isinstance(reply, LoginFailed):
            log.warning(
                "%s was not logged in: %s",
                self._line.name,
                reply.message,
                extra={"event": "session.not_renewed"},
            )


def _minutes(at: datetime) -> str:
    return at.isoformat(timespec="minutes")
