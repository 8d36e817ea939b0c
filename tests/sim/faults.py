"""What can go wrong at a simulated broker, drawn from the seed call by call."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """How one call goes; times are virtual seconds.

    `connecting` comes before the last look. `transit` is how long the request travels,
    `answer` how long the answer does. `ends`: `answered`, `refused` (structured),
    `limited`, `expired` (the session), `lost` (no answer to use), `lost_now` (told at
    once, while the request still travels), `silent` (the caller waits for ever).
    `hidden`, `untagged`: how long the order is not in the book, or stands there without
    its tag. `lag`: how old the answer to a read is. `repeats`: it names trades twice.
    """

    name: str = "none"
    connecting: float = 0.0
    connects: bool = True
    arrives: bool = True
    transit: float = 0.0
    answer: float = 0.0
    ends: str = "answered"
    hidden: float = 0.0
    untagged: float = 0.0
    lag: float = 0.0
    repeats: bool = False
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
    return Fault("late_in_book", hidden=rng.uniform(1, 90))


def _lost_and_late(rng: random.Random) -> Fault:
    return Fault("lost_and_late", transit=1, hidden=rng.uniform(1, 90), ends="lost")


def _late_tag(rng: random.Random) -> Fault:
    """The answer is lost, and the book shows the order, but not yet whose it is."""
    return Fault("late_tag", untagged=rng.uniform(1, 90), ends="lost")


def _session(rng: random.Random) -> Fault:
    """The broker has ended the session; it refuses before it acts."""
    return Fault("session_expired", arrives=False, answer=rng.random(), ends="expired")


def _stale(rng: random.Random) -> Fault:
    """A cache answers."""
    return Fault("stale", rng.random() * 0.1, lag=rng.uniform(1, 25))


def _repeated(rng: random.Random) -> Fault:
    return Fault("repeated_fills", repeats=True)


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
    (2, _late_tag),
    (2, _session),
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
    (1, _session),
    (1, _bug),
)
READ = (
    (5, _refused_connection),
    (4, _lost_answer),
    (2, _server_error),
    (4, _slow),
    (3, _stale),
    (2, _repeated),
    (1, _silent),
    (3, _limited),
    (1, _session),
    (1, _bug),
)
LOGIN = (
    (4, _refused_connection),
    (2, _connect_timeout),
    (2, _lost_answer),
    (2, _slow),
    (1, _silent),
    (2, _limited),
)
Table = tuple[list[Callable[[random.Random], Fault]], list[int]]
"""Kinds of faults, and how often each is drawn against the others."""
TABLES = {"place": PLACE, "modify": CHANGE, "cancel": CHANGE, "login": LOGIN}


@dataclass
class Faults:
    """Draws them. `share`: of calls that meet one; `on` turns all off and on.

    `only`, `never`: the kinds that there are, and are not.
    """

    rng: random.Random
    share: float
    met: Counter[str] = field(default_factory=Counter)
    on: bool = True
    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()
    outages: list[tuple[float, float]] = field(default_factory=list)
    _tables: dict[str, Table] = field(default_factory=dict)

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
        kinds, weights = self._table(operation)
        if not kinds:
            return NONE
        (chosen,) = self.rng.choices(kinds, weights)
        return chosen(self.rng)

    def _table(self, operation: str) -> Table:
        if operation not in self._tables:
            rows = [
                (weight, kind)
                for weight, kind in TABLES.get(operation, READ)
                if (self.only is None or kind.__name__[1:] in self.only)
                and kind.__name__[1:] not in self.never
            ]
            kinds, weights = [row[1] for row in rows], [row[0] for row in rows]
            self._tables[operation] = kinds, weights
        return self._tables[operation]
