"""Telling anonymous counts, once a day and only where somebody has switched it on."""

import logging
import random
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Protocol

import trio

from actors.clockwork import Wall
from adapters import BrokerError, StoreFailed

log = logging.getLogger("ordo.telemetry")

SPREAD = (60.0, 3600.0)
"""Seconds after a start: not all Ordos of the world at once, and orders first."""
LOOK_EVERY = 600.0
"""Seconds between looks at the date."""
PATIENCE = 10.0
"""Seconds for the call."""


class LastTold(Protocol):
    """The day on which counts were told last, kept over restarts."""

    def day(self) -> date | None:
        """None: never, or nobody knows."""

    def keep(self, day: date) -> None:
        """Raises OSError where it cannot be kept."""


class Telemetry:
    """Tells counts for as long as it runs.

    Args:
        make: what to tell, now.
        send: tells it; raises `BrokerError` where that failed.
        last: when it was told last.
        wall: for the day.
        rng: for the spread.

    Attributes:
        told, failures: calls since the start.
    """

    def __init__(
        self,
        make: Callable[[], Awaitable[bytes]],
        send: Callable[[bytes], Awaitable[None]],
        last: LastTold,
        wall: Wall,
        rng: random.Random,
    ) -> None:
        self.told = self.failures = 0
        self._make, self._send = make, send
        self._last, self._wall, self._rng = last, wall, rng

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Tell, once a day, until cancelled."""
        task_status.started()
        await trio.sleep(self._rng.uniform(*SPREAD))
        while True:
            today = self._wall().date()
            if self._last.day() != today:
                await self._tell(today)
            await trio.sleep(LOOK_EVERY)

    async def _tell(self, today: date) -> None:
        """One call, whatever comes of it; a trader is told of it by a metric alone."""
        error: Exception = TimeoutError(f"no answer in {PATIENCE:g} s")
        try:
            self._last.keep(today)  # before: a crash here must not tell twice
            with trio.move_on_after(PATIENCE):
                await self._send(await self._make())
                self.told += 1
                return
        except (BrokerError, StoreFailed, OSError) as failure:
            error = failure
        self.failures += 1
        log.debug("counts not told: %s", error, extra={"event": "telemetry.failed"})
