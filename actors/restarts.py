"""Whether and when to start a child again: pure arithmetic, no tasks, no clock.

All times and lengths of time are seconds.
"""

import random
from collections import deque
from dataclasses import dataclass
from enum import Enum


class Restart(Enum):
    """Which endings of a child are followed by a new start."""

    PERMANENT = "permanent"  # every one
    TRANSIENT = "transient"  # a crash, but not a normal end
    TEMPORARY = "temporary"  # none

    def follows(self, *, crash: bool) -> bool:
        """Whether a start follows a crash, or a normal end."""
        return self is Restart.PERMANENT or (self is Restart.TRANSIENT and crash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before starting a crashed child again.

    The wait doubles from *minimum* to *maximum*, each shortened by a random share up
    to *jitter*, so that children which crashed together do not come back together.
    A child that ran for *quiet* seconds begins at *minimum* again.

    Raises:
        ValueError: no wait at all (a restart loop would spin), or out of order.

    Source of the defaults: reliability.md section 5, the broker group.
    """

    minimum: float = 0.2
    maximum: float = 30.0
    jitter: float = 0.2
    quiet: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.minimum <= self.maximum:
            raise ValueError(
                "backoff must satisfy 0 < minimum <= maximum, "
                f"was {self.minimum} and {self.maximum}"
            )
        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter must be in [0, 1), was {self.jitter}")

    def delay(self, failures: int, rng: random.Random) -> float:
        """Seconds to wait after one more failure, with *failures* just before it."""
        doublings = min(failures, 64)  # a float overflows at 1024
        wait = min(self.maximum, self.minimum * 2.0**doublings)
        return wait * (1 - self.jitter * rng.random())


class RestartWindow:
    """Counts restarts against "at most *intensity* in any *period* seconds".

    Raises:
        ValueError: a negative intensity, or no period.
    """

    def __init__(self, intensity: int, period: float) -> None:
        if intensity < 0 or period <= 0:
            raise ValueError(
                "intensity must not be negative and period must be positive, "
                f"was {intensity} in {period} s"
            )
        self.intensity = intensity
        self.period = period
        self._times: deque[float] = deque()

    def allow(self, now: float) -> bool:
        """Count one restart at *now*; False when it is one too many."""
        while self._times and self._times[0] <= now - self.period:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) <= self.intensity
