"""What can go wrong at a simulated broker, drawn from the seed call by call."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """How one call goes; times are virtual seconds.

    `connecting` comes before the last look. `transit` is how long the request travels,
    `answer` how long the answer does. `ends`: `answered`, `refused` (structured),
    `limited`, `lost` (no answer to use), `silent` (the caller waits for ever).
    """

    name: str = "none"
    connecting: float = 0.0
    connects: bool = True
    arrives: bool = True
    transit: float = 0.0
    answer: float = 0.0
    ends: str = "answered"
    hidden: float = 0.0
    retry_after: float | None = None
    crashes: bool = False


NONE = Fault()
COUNTED = frozenset(
    {
        *("refused_connection", "connect_timeout", "lost_answer", "lost_request"),
        *("server_error", "garbage", "very_slow", "silent", "late_arrival", "outage"),
    }
)
"""What may open a breaker; business rejects and pace never do (I12)."""


def _refused_connection(rng: random.Random) -> Fault:
    return Fault("refused_connection", rng.random() * 0.05, connects=False)


def _connect_timeout(rng: random.Random) -> Fault:
    return Fault("connect_timeout", 3.0, connects=False)


def _lost_answer(rng: random.Random) -> Fault:
    return Fault("lost_answer", transit=rng.random(), ends="lost")


def _lost_request(rng: random.Random) -> Fault:
    return Fault("lost_request", arrives=False, answer=rng.random() * 3, ends="lost")


def _server_error(rng: random.Random) -> Fault:
    arrives = rng.random() < 0.5
    return Fault("server_error", arrives=arrives, answer=rng.random(), ends="lost")


def _garbage(rng: random.Random) -> Fault:
    return Fault("garbage", ends="lost")


def _slow(rng: random.Random) -> Fault:
    return Fault(
        "slow", rng.random(), transit=rng.random() * 2, answer=rng.random() * 4
    )


def _very_slow(rng: random.Random) -> Fault:
    """Longer than anybody waits for an answer."""
    return Fault("very_slow", transit=rng.random(), answer=rng.uniform(5, 180))


def _late_arrival(rng: random.Random) -> Fault:
    """The caller hears of a reset connection; the order gets there all the same."""
    return Fault("late_arrival", transit=rng.uniform(2, 60), ends="lost_now")


def _silent(rng: random.Random) -> Fault:
    return Fault("silent", arrives=rng.random() < 0.5, ends="silent")


def _limited(rng: random.Random) -> Fault:
    wait = rng.choice([None, 0.5, 1.0, 3.0])
    return Fault("limited", arrives=False, ends="limited", retry_after=wait)


def _reject(rng: random.Random) -> Fault:
    return Fault("reject", arrives=False, ends="refused", answer=rng.random() * 0.2)


def _late_in_book(rng: random.Random) -> Fault:
    return Fault("late_in_book", hidden=rng.uniform(1, 40))


def _lost_and_late(rng: random.Random) -> Fault:
    return Fault("lost_and_late", transit=1, hidden=rng.uniform(1, 40), ends="lost")


def _bug(rng: random.Random) -> Fault:
    """The adapter itself breaks: its actor crashes."""
    return Fault("bug", arrives=rng.random() < 0.5, crashes=True)


PLACE = (
    (4, _refused_connection),
    (2, _connect_timeout),
    (5, _lost_answer),
    (3, _lost_request),
    (3, _server_error),
    (1, _garbage),
    (5, _slow),
    (2, _very_slow),
    (2, _late_arrival),
    (1, _silent),
    (4, _limited),
    (4, _reject),
    (3, _late_in_book),
    (2, _lost_and_late),
    (1, _bug),
)
CHANGE = (
    (4, _refused_connection),
    (4, _lost_answer),
    (4, _lost_request),
    (2, _server_error),
    (4, _slow),
    (1, _silent),
    (3, _limited),
    (1, _bug),
)
READ = (
    (5, _refused_connection),
    (4, _lost_answer),
    (2, _server_error),
    (4, _slow),
    (1, _silent),
    (3, _limited),
    (1, _bug),
)


TABLES = {"place": PLACE, "modify": CHANGE, "cancel": CHANGE}


@dataclass
class Faults:
    """Draws them. `share`: of calls that meet one; `on` turns all off and on."""

    rng: random.Random
    share: float
    met: Counter[str] = field(default_factory=Counter)
    on: bool = True
    only: frozenset[str] | None = None
    outages: list[tuple[float, float]] = field(default_factory=list)

    def draw(self, operation: str, now: float) -> Fault:
        """How the next call goes."""
        fault = self._draw(operation, now)
        if fault is not NONE:
            self.met[fault.name] += 1
        return fault

    def _draw(self, operation: str, now: float) -> Fault:
        if not self.on:
            return NONE
        if any(start <= now < end for start, end in self.outages):
            return Fault("outage", 0.01, connects=False)
        if self.rng.random() >= self.share:
            return Fault("none", answer=self.rng.random() * 0.05)
        table = {"place": PLACE, "modify": CHANGE, "cancel": CHANGE}.get(
            operation, READ
        )
        if self.only is not None:
            table = tuple(row for row in table if row[1].__name__[1:] in self.only)
            if not table:
                return NONE
        weights = [row[0] for row in table]
        (chosen,) = self.rng.choices(table, weights)
        return chosen[1](self.rng)
