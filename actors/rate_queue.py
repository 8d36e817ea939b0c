"""The queue in front of a limiter: who waits, who goes next, who is turned away."""

import math
from collections import OrderedDict
from enum import StrEnum
from typing import NamedTuple

from actors.limiter import Limiter
from actors.windows import Kind

BOUND = 500
"""Calls that may wait for each account. Source: reliability.md section 4."""
AGEING = 30.0
"""Seconds after which a waiting call gets a turn of its own (section 4)."""

_RANK = {kind: rank for rank, kind in enumerate(Kind)}


class Refusal(StrEnum):
    """Why a call was not even queued; nothing was sent, and nothing will be."""

    QUEUE_FULL = "queue_full"
    TOO_LATE = "too_late"  # its turn would come after its deadline
    DAY_USED_UP = "day_used_up"


class Granted(NamedTuple):
    """A slot is taken, dated *at*: send now, or `Limiter.release` it unused."""

    at: float


class Queued(NamedTuple):
    """It waits; *estimated_start* is on the Trio clock. Look at `wake_at` again."""

    estimated_start: float


class Refused(NamedTuple):
    """Turned away. *retry_after* is the seconds until a newcomer's turn would come.

    `math.inf` where only another trading day helps.
    """

    reason: Refusal
    retry_after: float


class Due(NamedTuple):
    """Item ids: *granted* hold a slot dated now; *expired* were dropped unsent."""

    granted: list[str]
    expired: list[str]


class _Waiting(NamedTuple):
    deadline: float
    since: float


class RateQueue:
    """Waiting calls in order of kind, first come first served within a kind.

    A call that cannot start does not hold up one of another kind that can. Kinds
    whose first has waited *ageing* seconds share every second grant in turn (cancels
    aside, they stay first): reads do not starve behind orders, nor orders behind
    aged reads.

    Args:
        limiter: Where the slots come from.
        bound: A newcomer finds the queue full when so many of at least its priority
            wait: reads cannot keep an order out, nor orders a cancel.
        ageing: Seconds.
    """

    def __init__(
        self, limiter: Limiter, *, bound: int = BOUND, ageing: float = AGEING
    ) -> None:
        self._limiter = limiter
        self._bound = bound
        self._ageing = ageing
        self._lanes: dict[Kind, OrderedDict[str, _Waiting]] = {
            kind: OrderedDict() for kind in Kind
        }
        self._turns: list[Kind] = [k for k in Kind if k is not Kind.CANCEL]
        self._elder_went = False
        self._soonest = math.inf  # no deadline is earlier; its call may have gone

    def __len__(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    def offer(
        self, item_id: str, kind: Kind, deadline: float, now: float, day: int
    ) -> Granted | Queued | Refused:
        """Take a slot at once, or a place in the queue, or neither.

        Args:
            item_id: Any name that no waiting call has.
            kind: What the call is for.
            deadline: Trio clock; a call that starts exactly then is in time.
            now: Trio clock.
            day: Number of the trading day, as for `Limiter.try_take`.

        Raises:
            ValueError: *item_id* is waiting already.
        """
        if any(item_id in lane for lane in self._lanes.values()):
            raise ValueError(f"{item_id} must not be waiting already, was")
        heads = self._heads()
        ahead = {k: len(self._lanes[k]) for k in heads if _RANK[k] <= _RANK[kind]}
        first = not ahead and self._pick([kind, *heads], now) is kind
        if first and now <= deadline and self._limiter.try_take(kind, now, day):
            self._went(kind, kind)
            return Granted(now)
        start = self._limiter.next_time(kind, now, day, ahead)
        if start == math.inf:
            return Refused(Refusal.DAY_USED_UP, math.inf)
        if sum(ahead.values()) >= self._bound:
            return Refused(Refusal.QUEUE_FULL, start - now)
        if start > deadline:
            return Refused(Refusal.TOO_LATE, start - now)
        self._lanes[kind][item_id] = _Waiting(deadline, now)
        self._soonest = min(self._soonest, deadline)
        return Queued(start)

    def withdraw(self, item_id: str) -> bool:
        """Take a waiting call out: a cancel of a queued order needs no broker.

        Returns:
            False where it does not wait (any more): it has gone, or never came.
        """
        return any(lane.pop(item_id, None) for lane in self._lanes.values())

    def due(self, now: float, day: int) -> Due:
        """Grant what can start now, and drop what can no longer start in time."""
        expired = self._drop(now, at_deadline=False)
        granted = []
        heads = self._heads()
        while heads:
            kind = self._pick(heads, now)
            if self._limiter.try_take(kind, now, day):
                granted.append(self._lanes[kind].popitem(last=False)[0])
                self._went(kind, heads[0])
            else:
                heads.remove(kind)  # slots only get fewer within one call
            heads = [kind for kind in heads if self._lanes[kind]]
        return Due(granted, expired + self._drop(now, at_deadline=True))

    def wake_at(self, now: float, day: int) -> float:
        """When to call `due` next; `math.inf` while nothing waits.

        Now and then it finds nothing to do: the deadline was of a call that has gone.
        """
        heads = self._heads()
        if not heads:
            return math.inf
        starts = [self._limiter.next_time(kind, now, day) for kind in heads]
        return max(now, min(*starts, self._soonest))

    def _heads(self) -> list[Kind]:
        """The kinds that somebody waits for, by priority."""
        return [kind for kind in Kind if self._lanes[kind]]

    def _pick(self, heads: list[Kind], now: float) -> Kind:
        """Who goes next: the first of *heads*, or an aged one whose turn it is."""
        if len(heads) == 1 or self._elder_went or heads[0] is Kind.CANCEL:
            return heads[0]
        behind = heads[1:]
        aged = (k for k in self._turns if k in behind and self._aged(k, now))
        return next(aged, heads[0])

    def _went(self, kind: Kind, first: Kind) -> None:
        """Remember whose turn it was: *kind* got a slot, *first* was before it."""
        if first is Kind.CANCEL:
            return
        self._elder_went = kind is not first
        if self._elder_went:
            self._turns.remove(kind)
            self._turns.append(kind)

    def _aged(self, kind: Kind, now: float) -> bool:
        first = next(iter(self._lanes[kind].values()))
        return now - first.since >= self._ageing

    def _drop(self, now: float, *, at_deadline: bool) -> list[str]:
        """Drop what is past its deadline, or *at* it as well; tell the ids."""
        if now < self._soonest:
            return []
        dropped = [
            (lane, item_id)
            for lane in self._lanes.values()
            for item_id, item in lane.items()
            if item.deadline < now or (at_deadline and item.deadline == now)
        ]
        for lane, item_id in dropped:
            del lane[item_id]
        self._soonest = min(
            (item.deadline for lane in self._lanes.values() for item in lane.values()),
            default=math.inf,
        )
        return [item_id for _, item_id in dropped]
