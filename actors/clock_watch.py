"""Whether our clock is right: asked of a time server, seldom.

Stamps of the audit, sessions that end at a time of day, log-in codes that count in half
minutes: a clock that is wrong breaks them one by one, and none of them says why.
"""

import logging
import math
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec
import trio

from actors.clockwork import Wall
from adapters.sntp import NoTime, Reading

log = logging.getLogger("ordo.clock")

AFTER_START = 5.0
"""Seconds after a start: what is up first are the orders."""
EVERY, AGAIN = 3600.0, 300.0
"""Seconds between two looks, and after one that gave nothing. A clock without a server
drifts by 0.1 s in an hour at the worst (30 ppm)."""
PATIENCE, TRIES = 2.0, 3
"""Seconds for an answer, and how often it is asked for: UDP may lose either way."""


class ClockReport(msgspec.Struct, frozen=True, kw_only=True):
    """How our clock is.

    `ahead`: seconds by which the right time is ahead of ours, give or take `doubt`,
    None before the first answer. `error` of a look since that gave nothing.
    """

    server: str
    limit: float
    ahead: float | None = None
    doubt: float | None = None
    checked_at: datetime | None = None
    error: str | None = None

    @property
    def wrong(self) -> bool:
        """Whether it is off by more than the limit, with all doubt to its favour."""
        if self.ahead is None or self.doubt is None:
            return False
        return abs(self.ahead) - self.doubt > self.limit

    @property
    def words(self) -> str:
        """Such as `our clock is 2.3 s behind ntp.example.org`."""
        if self.ahead is None:
            return f"our clock was not compared yet: {self.error or 'no answer'}"
        side = "behind" if self.ahead > 0 else "ahead of"
        return f"our clock is {abs(self.ahead):.1f} s {side} {self.server}"


class ClockWatch:
    """Looks at the clock for as long as it runs.

    Args:
        server: its name, for people.
        ask: one question.
        wall: our clock.
        limit: seconds it may be off by.

    Attributes:
        report: the last look.
    """

    def __init__(
        self,
        server: str,
        ask: Callable[[], Awaitable[Reading]],
        wall: Wall,
        *,
        limit: float,
    ) -> None:
        self.report = ClockReport(server=server, limit=limit)
        self._ask = ask
        self._wall = wall

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Look, now and then, until cancelled."""
        task_status.started()
        await trio.sleep(AFTER_START)
        while True:
            seen = await self.look()
            await trio.sleep(EVERY if seen else AGAIN)

    async def look(self) -> bool:
        """Ask for the time, three times at the most; whether there was an answer."""
        before, error = self.report, ""
        for _ in range(TRIES):
            reading, error = await self._once()
            if reading is not None:
                self.report = msgspec.structs.replace(
                    before,
                    ahead=reading.ahead,
                    doubt=reading.doubt,
                    checked_at=self._wall(),
                    error=None,
                )
                self._tell(before)
                return True
        self.report = msgspec.structs.replace(before, error=error)
        log.log(
            logging.DEBUG if before.error else logging.INFO,
            "%s gives no time: %s",
            before.server,
            error,
            extra={"event": "clock.not_seen"},
        )
        return False

    async def _once(self) -> tuple[Reading | None, str]:
        error = f"no answer in {PATIENCE:g} s"
        with trio.move_on_after(PATIENCE):
            try:
                return await self._ask(), ""
            except NoTime as refused:
                error = str(refused)
                await trio.sleep(math.inf)  # the next try is no sooner
        return None, error

    def _tell(self, before: ClockReport) -> None:
        if self.report.wrong:
            log.warning(
                "%s, wanted within %g s",
                self.report.words,
                before.limit,
                extra={"event": "clock.wrong"},
            )
        elif before.wrong:
            log.warning("our clock is right again", extra={"event": "clock.right"})
