"""Notices what blocks: the loop as a whole, or one actor that takes no messages.

A call that should have gone to a thread holds up every order at once, and nothing else
would tell: `LoopWatch` measures each pass of the loop and names the longest task in it.
An actor that takes nothing, though messages wait, is crashed by `watch_mailbox`, so
that its supervisor starts it anew.
"""

import logging
import math
import time
from collections.abc import Callable
from datetime import datetime

import msgspec
import trio

from actors.clockwork import Wall
from actors.mailbox import Mailbox

log = logging.getLogger("ordo.loop")

LIMIT = 0.1
"""Seconds of one pass of the loop from which on it counts as blocked.

Source: reliability.md section 5, "a heartbeat task flags loop lag > 100 ms".
"""
TELL_EVERY = 1.0
"""Seconds between two lines of the log: a machine that is too slow must not fill it."""
SILENCE, LOOK_EVERY = 30.0, 5.0
"""Seconds an actor may take no message while some wait, and between two looks.

Source of the first: reliability.md section 5.
"""


class StallReport(msgspec.Struct, frozen=True, kw_only=True):
    """How the loop did since the start. Lags are seconds of one pass.

    `last_task` ran longest in the last pass over the limit, which ended at `last_at`,
    aware UTC.
    """

    limit: float
    max_lag: float
    count: int
    last_lag: float | None = None
    last_task: str | None = None
    last_at: datetime | None = None


class LoopWatch(trio.abc.Instrument):
    """A Trio instrument that times each pass of the loop: real time, no thread.

    It costs 0.7 us for each step of a task, and a step takes 40 us on the average: less
    than 2 % of the processor (measured over orders of two legs, 40 steps each).

    Args:
        wall: for stamps.
        limit: seconds from which on a pass counts as blocked.
        clock: monotonic seconds of real time; Trio's may be virtual.
    """

    def __init__(
        self,
        wall: Wall,
        limit: float = LIMIT,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._wall = wall
        self._limit = limit
        self._clock = clock
        self._began: float | None = None  # this pass; None while the loop only waits
        self._since = math.inf  # of the step under way
        self._task: trio.lowlevel.Task | None = None
        self._longest = 0.0
        self._culprit: trio.lowlevel.Task | None = None
        self._tell_from = -math.inf
        self._max_lag = 0.0
        self._count = 0
        self._last: tuple[float, str, datetime] | None = None

    def report(self) -> StallReport:
        """How the loop did."""
        lag, task, at = self._last or (None, None, None)
        return StallReport(
            limit=self._limit,
            max_lag=self._max_lag,
            count=self._count,
            last_lag=lag,
            last_task=task,
            last_at=at,
        )

    # Called by Trio, in every pass

    def after_io_wait(self, timeout: float) -> None:
        """A pass begins."""
        self._began = self._clock()
        self._since = math.inf
        self._longest = 0.0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """A task is about to run, and the one before it has."""
        now = self._clock()
        if now - self._since > self._longest:
            self._longest, self._culprit = now - self._since, self._task
        self._since, self._task = now, task

    def before_io_wait(self, timeout: float) -> None:
        """The pass is over."""
        if self._began is None:
            return  # put in place in the middle of one
        now = self._clock()
        lag = now - self._began
        if lag > self._max_lag:
            self._max_lag = lag
        if lag > self._limit:
            if now - self._since > self._longest:
                self._culprit = self._task
            self._blocked(lag, now)
        self._culprit = self._task = None  # no task is kept from being freed

    def _blocked(self, lag: float, now: float) -> None:
        name = "?" if self._culprit is None else self._culprit.name
        self._count += 1
        self._last = (lag, name, self._wall())
        if now >= self._tell_from:
            self._tell_from = now + TELL_EVERY
            log.warning(
                "the loop was blocked for %.0f ms, longest by %s",
                lag * 1000,
                name,
                extra={"event": "loop.blocked", "task": name},
            )


class Stalled(Exception):
    """An actor takes no messages, though some wait."""


async def watch_mailbox(mailbox: Mailbox, silence: float = SILENCE) -> None:
    """Crash the actor around it once it leaves messages waiting for *silence* seconds.

    A task beside the actor's loop, in its nursery.

    Raises:
        Stalled: always in the end, unless cancelled.
    """
    taken, since, waiting = mailbox.taken, trio.current_time(), 0
    while trio.current_time() - since < silence:
        await trio.sleep(LOOK_EVERY)
        waiting = mailbox.depth + mailbox.urgent_depth
        if mailbox.taken != taken or not waiting:
            taken, since = mailbox.taken, trio.current_time()
    raise Stalled(
        f"{mailbox.name} took none of {waiting} messages for {silence:g} s: restarted"
    )
