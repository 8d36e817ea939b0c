"""When a call is made again, and when it is over. No I/O: the time is handed in."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from ordo_client.call import Call, Reply
from ordo_client.errors import InProgress, KillSwitchEngaged, OrdoError, Unreachable
from ordo_client.reading import read

R = TypeVar("R")

FIRST, MOST = 0.1, 2.0
"""Seconds between tries: the first, doubling up to the most, each with jitter."""
PASSING = frozenset({429, 502, 503, 504})
"""HTTP statuses that are over soon: too much to do, a restart, a proxy without Ordo.

Not 500: a fault is met again, and 507: it takes a person."""


class Wait(NamedTuple):
    """Sleep so many seconds, and try again."""

    seconds: float


class Backoff:
    """Delays that double, with jitter, so that clients do not come back in step."""

    def __init__(self, rng: random.Random, first: float, most: float) -> None:
        self._rng, self._first, self._most = rng, first, most
        self._full = first

    def next(self) -> float:
        """The next delay, in seconds."""
        full, self._full = self._full, min(self._most, self._full * 2)
        return full * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Things go well: begin small again."""
        self._full = self._first


class Tries(Generic[R]):
    """One call through all its tries.

    Args:
        call: what is asked; where it may not be repeated, there is one try.
        retry_for: seconds after the first failure in which a try may begin.
        clock: the time in seconds.
        rng: for the jitter.
    """

    def __init__(
        self,
        call: Call[R],
        *,
        retry_for: float,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._call = call
        self._retry_for = retry_for
        self._clock = clock
        self._backoff = Backoff(rng, FIRST, MOST)
        self._until: float | None = None
        self._may_have_arrived = False

    def judge(self, outcome: Reply | Unreachable) -> R | Wait:
        """The result, or how long to wait before the next try.

        Raises:
            OrdoError: it is over.
        """
        if isinstance(outcome, Reply):
            try:
                return read(self._call, outcome)
            except OrdoError as refused:
                return self._failed(refused)
        return self._failed(outcome)

    def _failed(self, error: OrdoError) -> Wait:
        # A later refusal does not undo what an earlier try may have done.
        self._may_have_arrived |= error.may_have_arrived
        now = self._clock()
        if self._until is None:
            self._until = now + self._retry_for
        delay = self._backoff.next() + (error.retry_after or 0.0)
        again = self._call.repeat and is_passing(error) and now + delay <= self._until
        if again:
            return Wait(delay)
        error.request_id = error.request_id or self._call.request_id
        error.idempotency_key = self._call.key
        error.may_have_arrived = self._may_have_arrived
        raise error


def is_passing(error: OrdoError) -> bool:
    """Whether the same may go well a little later.

    A halt is somebody's decision: an order that waits for its end would come as a
    surprise.
    """
    if isinstance(error, Unreachable):
        return not error.lasting
    if isinstance(error, KillSwitchEngaged):
        return False
    return isinstance(error, InProgress) or error.http_status in PASSING
