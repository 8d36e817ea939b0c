"""Waiting for a rate slot: the async shell around the pure rate queue."""

import math
from collections.abc import Callable
from datetime import date
from typing import Protocol

import trio

from actors.limiter import Headroom, Limiter
from actors.rate_queue import Granted, Queued, RateQueue, Refusal, Refused
from actors.windows import Kind

PUNCTUAL = 0.025
"""Seconds after its slot within which a call may leave on it: half of what the windows
are wider than published (`SLACK`)."""
CODES = {
    Refusal.QUEUE_FULL: "rate_queue_full",
    Refusal.TOO_LATE: "deadline_exceeded",
    Refusal.DAY_USED_UP: "rate_queue_full",
}


class NoSlot(Exception):
    """There will be no slot for this call; nothing was sent.

    Args:
        code: the broker-level code that clients see.
        retry_after: seconds, None where waiting does not help.
    """

    def __init__(self, code: str, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after


class Withdrawn(Exception):
    """The call was taken out of the queue: its order is cancelled."""


class _Waiter:
    """One waiting call, and how its wait ended."""

    def __init__(self) -> None:
        self.over = trio.Event()
        self.slot: float | None = None
        self.failure: Exception | None = None

    def fail(self, failure: Exception) -> None:
        self.failure = failure
        self.over.set()


class Before(Protocol):
    """Where orders wait before they want a slot: who leaves here leaves there too."""

    @property
    def depth(self) -> int: ...

    def withdraw(self, order_id: str) -> bool: ...

    def close(self, message: str) -> None: ...


class Pacer:
    """Gives slots of one broker's limiter, the most urgent call first.

    Args:
        limiter: its windows.
        today: the trading day, which a day's count belongs to.
        before: where calls may wait before.
    """

    def __init__(
        self,
        limiter: Limiter,
        today: Callable[[], date],
        before: Before | None = None,
    ) -> None:
        self.limiter = limiter
        self._queue = RateQueue(limiter)
        self._today = today
        self._before = before
        self._waiters: dict[str, _Waiter] = {}
        self._poke = trio.Event()
        self._closed: str | None = None

    @property
    def day(self) -> int:
        """The number of the trading day."""
        return self._today().toordinal()

    @property
    def depth(self) -> int:
        """Calls that wait."""
        return len(self._queue) + (self._before.depth if self._before else 0)

    def headroom(self) -> Headroom:
        """What is left in each window."""
        return self.limiter.headroom(trio.current_time(), self.day)

    def try_take(self, name: str, kind: Kind) -> float | None:
        """The time of a slot taken at once, or None where the call would wait."""
        now = trio.current_time()
        if self._closed is not None:
            return None
        answer = self._queue.offer(name, kind, now, now, self.day)
        if isinstance(answer, Queued):  # its turn is now, but not without a wait
            self._queue.withdraw(name)
        return answer.at if isinstance(answer, Granted) else None

    async def take(self, name: str, kind: Kind, deadline: float) -> float:
        """Wait for a slot and give its time.

        Args:
            name: unique among those waiting.
            deadline: Trio clock; refused at once if the turn would come later.

        Raises:
            NoSlot: there will be none in time.
            Withdrawn: `withdraw` took it out.
        """
        if self._closed is not None:
            raise NoSlot("not_sent", self._closed, None)
        now = trio.current_time()
        answer = self._queue.offer(name, kind, deadline, now, self.day)
        match answer:
            case Granted(at=at):
                return at
            case Refused(reason=reason, retry_after=after):
                raise _refusal(reason, after)
        return await self._wait(name, kind)

    def give_back(self, kind: Kind, slot: float) -> None:
        """Return a slot that no byte was sent for."""
        self.limiter.release(kind, slot, trio.current_time(), self.day)
        self._poke.set()

    def redate(self, kind: Kind, slot: float) -> float | None:
        """Date a slot anew where its call leaves only now: its broker counts arrivals.

        Returns:
            The slot to leave on; None where there is none now (the old one is given
            back), and another has to be waited for.
        """
        now = trio.current_time()
        if now - slot <= PUNCTUAL:
            return slot
        self.give_back(kind, slot)
        return now if self.limiter.try_take(kind, now, self.day) else None

    def withdraw(self, name: str) -> bool:
        """Take a waiting call out; False where it does not wait any more."""
        if self._before is not None and self._before.withdraw(name):
            return True
        if not self._queue.withdraw(name):
            return False
        self._waiters[name].fail(Withdrawn())
        return True

    def limited(self, retry_after: float | None) -> None:
        """The broker said 429."""
        self.limiter.limited(trio.current_time(), retry_after)

    def close(self, message: str) -> None:
        """Refuse all who wait, and all who come, with the code `not_sent`."""
        self._closed = message
        if self._before is not None:
            self._before.close(message)
        for name in tuple(self._waiters):
            if self._queue.withdraw(name):
                self._waiters[name].fail(NoSlot("not_sent", message, None))

    async def run(self) -> None:
        """Grant slots as they come up, until cancelled."""
        while True:
            self._poke = trio.Event()
            now = trio.current_time()
            due = self._queue.due(now, self.day)
            for name in due.granted:
                waiter = self._waiters[name]
                waiter.slot = now
                waiter.over.set()
            for name in due.expired:
                self._waiters[name].fail(_refusal(Refusal.TOO_LATE, math.inf))
            with trio.move_on_at(self._queue.wake_at(now, self.day)):
                await self._poke.wait()

    async def _wait(self, name: str, kind: Kind) -> float:
        waiter = self._waiters[name] = _Waiter()
        self._poke.set()
        try:
            await waiter.over.wait()
        except trio.Cancelled:
            self._queue.withdraw(name)
            if waiter.slot is not None:
                self.give_back(kind, waiter.slot)
            raise
        finally:
            del self._waiters[name]
        if waiter.failure is not None:
            raise waiter.failure
        assert waiter.slot is not None  # noqa: S101 - one of the two ends a wait
        return waiter.slot


def _refusal(reason: Refusal, after: float) -> NoSlot:
    words = {
        Refusal.QUEUE_FULL: "too many calls wait for this broker's rate limit",
        Refusal.TOO_LATE: "this broker's rate limit leaves no slot before the deadline",
        Refusal.DAY_USED_UP: "this broker's calls for the day are used up",
    }[reason]
    return NoSlot(CODES[reason], words, after if math.isfinite(after) else None)
