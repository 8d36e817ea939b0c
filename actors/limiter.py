"""How fast a broker may be called: an exact log over every published window.

A token bucket of 10/s lets 19 calls into one second (measured); a log cannot.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from actors.window_log import Log, Tally, among, earliest, place_of
from actors.windows import ALL, MINUTE, ORDERS, READS, SECOND, Kind, Window

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds to stop after a 429 that names no time, and where doubling stops.

Source: reliability.md section 4; one second at least, regulation.md rule 9.
"""
LOWERED_FOR = 600.0
"""Seconds the rate stays a fifth lower after two 429 in a minute (section 4)."""
MOST_READS = 1000
"""Charged to a window after a restart, however far it was lifted: more than Ordo makes
in a minute."""
NOBODY: Mapping[Kind, int] = MappingProxyType({})


class DayCount(msgspec.Struct, frozen=True):
    """Calls taken on one trading day: what the store keeps over a restart."""

    day: int = 0
    taken: dict[Kind, int] = {}


class WindowUse(msgspec.Struct, frozen=True, kw_only=True):
    """One window, for status: *limit* is what we allow ourselves just now.

    *counts* names the calls that it meters: `all`, `orders`, `reads`, or their kinds.
    """

    counts: str
    seconds: float
    published: int
    limit: int
    used: int


class Headroom(msgspec.Struct, frozen=True, kw_only=True):
    """What is left; *paused_for* is seconds, *lowered* means a fifth less."""

    windows: tuple[WindowUse, ...]
    day_used: int
    paused_for: float
    lowered: bool


class Limiter:
    """All windows of one key (a broker account): a call takes from all or none.

    Args:
        windows: What the broker publishes, and the `regulatory` one.
        day_count: What a former run had taken, as its `day_count` told.
    """

    def __init__(
        self, windows: Iterable[Window], *, day_count: DayCount | None = None
    ) -> None:
        self._windows = tuple(windows)
        count = day_count or DayCount()
        self._day = count.day
        self._turned_at = -math.inf
        self._taken = dict.fromkeys(Kind, 0) | count.taken
        self._logs = {
            window: [
                Log(deque(), window.width, share.slots, share.kinds)
                for share in window.shares()
            ]
            for window in self._windows
            if not window.by_day
        }
        self._tallies = {
            window: [Tally(share, self._taken) for share in window.shares()]
            for window in self._windows
            if window.by_day
        }
        logs = [log for logs in self._logs.values() for log in logs]
        tallies = [tally for some in self._tallies.values() for tally in some]
        self._full = {k: [log for log in logs if k in log.kinds] for k in Kind}
        self._lowered = {k: [log.lowered() for log in self._full[k]] for k in Kind}
        self._daily = {k: [t for t in tallies if k in t.kinds] for k in Kind}
        self._latest = -math.inf
        self._paused_until = -math.inf
        self._lowered_until = -math.inf
        self._limited_at = -math.inf
        self._next_pause = FIRST_PAUSE

    @property
    def untouched(self) -> bool:
        """Whether nothing was ever taken, entered or paused."""
        return self._latest == self._paused_until == -math.inf

    @property
    def longest(self) -> float:
        """Seconds of the longest rolling window; 0 without one."""
        return max((window.seconds for window in self._logs), default=0.0)

    @property
    def day_limit(self) -> int | None:
        """The smallest number of calls that a day allows; None without such a limit."""
        return min((window.slots for window in self._tallies), default=None)

    @property
    def day_count(self) -> DayCount:
        """What to store, so that the day's quota survives a restart."""
        return DayCount(self._day, dict(self._taken))

    def try_take(self, kind: Kind, now: float, day: int) -> bool:
        """Take one slot in every window that meters *kind*, or none at all.

        Args:
            kind: What the call is for.
            now: Trio clock, seconds.
            day: Number of the trading day, such as `date.toordinal()`. One earlier
                than seen before is a clock set back, and forgets nothing.

        Raises:
            ValueError: *now* is earlier than an entry in the log.
        """
        self._check(now)
        if day > self._day:
            self._turn_to(day, now)
        if now < self._paused_until:
            return False
        logs = (self._lowered if now < self._lowered_until else self._full)[kind]
        for times, width, slots, _ in logs:
            while times and times[0] + width <= now:  # always: a log must not grow
                times.popleft()
            if len(times) >= slots:
                return False
        tallies = self._daily[kind]
        for tally in tallies:
            if tally.count >= tally.slots:
                return False
        for log in logs:
            log[0].append(now)
        for tally in tallies:
            tally.count += 1
        self._taken[kind] += 1
        self._latest = now
        return True

    def next_time(
        self, kind: Kind, now: float, day: int, ahead: Mapping[Kind, int] = NOBODY
    ) -> float:
        """When could this call start, if those *ahead* go first?

        Exact with nobody ahead. Otherwise it may be too early (a call waits for one
        window and then for another), never too late: whoever is refused for it could
        not have been served. `math.inf` once the day is used up.

        Args:
            kind: What the call is for.
            now: Trio clock, seconds.
            day: As for `try_take`.
            ahead: How many of each kind go first.
        """
        if day > self._day:
            self._turn_to(day, now)
        for tally in self._daily[kind]:
            if tally.count + among(tally.kinds, ahead) >= tally.slots:
                return math.inf
        start = max(now, self._paused_until)
        same = ahead.get(kind, 0)
        lowered = start < self._lowered_until
        if lowered:
            slow = earliest(self._lowered[kind], start, same, ahead)
            if slow <= self._lowered_until:
                return slow
        usual = earliest(self._full[kind], start, same, ahead)
        return max(usual, self._lowered_until) if lowered else usual

    def release(self, kind: Kind, at: float, now: float, day: int) -> bool:
        """Give back the slot taken for *kind* at *at*, where no byte was sent.

        Returns:
            Whether it was given back; False when every window has passed it already
            (only the day's count still holds it then, and keeps it). A slot of
            yesterday leaves today's count alone.

        Raises:
            ValueError: No such slot was taken, or it was given back before.
        """
        held = [log.times for log in self._full[kind] if at + log.width > now]
        places = [place_of(times, at) for times in held]
        if -1 in places:
            raise ValueError(f"no {kind} slot was taken at {at}")
        for times, place in zip(held, places, strict=True):
            del times[place]
        today = day == self._day and at >= self._turned_at and self._taken[kind] > 0
        if held and today:
            for tally in self._daily[kind]:
                tally.count -= 1
            self._taken[kind] -= 1
        return bool(held)

    def pause(self, until: float) -> None:
        """Stop everything until then; a longer pause stands."""
        self._paused_until = max(self._paused_until, until)

    def limited(self, now: float, retry_after: float | None = None) -> None:
        """The broker said 429: stop the whole key, and slow down if it repeats.

        A 429 during a pause answers a call sent before it: the same breach, so it can
        lengthen the pause, but neither doubles it nor counts as a second one.
        """
        stated = FIRST_PAUSE if retry_after is None else max(FIRST_PAUSE, retry_after)
        if now < self._paused_until:
            self.pause(now + stated)
            return
        if now - self._limited_at <= MINUTE:
            self._lowered_until = now + LOWERED_FOR
        if now - max(self._limited_at, self._paused_until) > MINUTE:
            self._next_pause = FIRST_PAUSE
        self._limited_at = now
        self.pause(now + (self._next_pause if retry_after is None else stated))
        self._next_pause = min(self._next_pause * 2, LONGEST_PAUSE)

    def seed(self, kind: Kind, times: Iterable[float], now: float) -> None:
        """Enter sends known from the store, at Trio-clock times (may be negative).

        A time after *now* (the wall clock was set back) is taken as *now*. The day's
        count is not touched: it has its own way over a restart.
        """
        known = [min(at, now) for at in times]
        for log in self._full[kind]:
            self._enter(log, known)

    def seed_full(self, now: float, up_to: float = SECOND) -> None:
        """Count every rolling window of at most *up_to* seconds as full, from *now*.

        After a crash nobody knows what the last second held.
        """
        for window, logs in self._logs.items():
            if window.seconds <= up_to:
                for log in logs:
                    self._enter(log, [now] * log.slots)

    def seed_reads(self, now: float) -> None:
        """Count reads as having been at their ceiling in every window over a second.

        Reads are not stored: the broker's count is charged with what the former run
        may have used. Reads themselves keep their share, for a start begins with some.
        """
        for window, logs in self._logs.items():
            if window.seconds <= SECOND:
                continue
            for log in logs:
                broker_counts = log.kinds & ORDERS or log.kinds == window.scope
                if not (log.kinds & READS and broker_counts):
                    continue
                all_reads = Kind.RECONCILE in log.kinds
                most = window.reads_ceiling if all_reads else window.plain_reads_ceiling
                self._enter(log, [now] * min(MOST_READS, most))

    def headroom(self, now: float, day: int) -> Headroom:
        """What is used and what is left, for the status page."""
        if day > self._day:
            self._turn_to(day, now)
        lowered = now < self._lowered_until
        windows = []
        for window in self._windows:
            if window.by_day:
                tally = self._tallies[window][0]
                limit, used = tally.slots, tally.count
            else:
                log = self._logs[window][0]
                limit = (log.lowered() if lowered else log).slots
                used = log.used(now)
            windows.append(
                WindowUse(
                    counts=_name(window.scope),
                    seconds=window.seconds,
                    published=window.limit,
                    limit=limit,
                    used=used,
                )
            )
        return Headroom(
            windows=tuple(windows),
            day_used=sum(self._taken.values()),
            paused_for=max(0.0, self._paused_until - now),
            lowered=lowered,
        )

    def _check(self, now: float) -> None:
        if now < self._latest:
            raise ValueError(f"now must be at least {self._latest}, was {now}")

    def _turn_to(self, day: int, now: float) -> None:
        """Begin a trading day: every quota is whole again."""
        self._day, self._turned_at = day, now
        self._taken = dict.fromkeys(Kind, 0)
        for tallies in self._tallies.values():
            for tally in tallies:
                tally.count = 0

    def _enter(self, log: Log, times: list[float]) -> None:
        merged = sorted([*log.times, *times])
        log.times.clear()
        log.times.extend(merged)
        self._latest = max([self._latest, *times])


def _name(scope: frozenset[Kind]) -> str:
    names = {ALL: "all", ORDERS: "orders", READS: "reads"}
    return names.get(scope) or "+".join(kind for kind in Kind if kind in scope)
