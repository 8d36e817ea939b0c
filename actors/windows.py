"""A broker's published limits as windows: who may use how much of each.

Each window is metered as a few nested shares (all calls; all but cancels; new orders
and plain reads; reads), so a reserved slot is simply a share that stops earlier, and
every rule is the same rule: at most *slots* entries in any *width* seconds.
"""

from enum import StrEnum
from typing import NamedTuple

import msgspec

SECOND, MINUTE, HOUR, DAY = 1.0, 60.0, 3600.0, 86400.0
SLACK = 1.05
"""Width of per-second windows, since the broker counts arrivals, not departures.

Source: reliability.md section 4, "+5 % (1.05 s) and one below the limit".
"""


class Kind(StrEnum):
    """What a call is for, the most urgent first: this order is the priority."""

    CANCEL = "cancel"
    MODIFY = "modify"
    PLACE = "place"
    RECONCILE = "reconcile"
    READ = "read"


ALL = frozenset(Kind)
ORDERS = frozenset({Kind.CANCEL, Kind.PLACE, Kind.MODIFY})
"""Counted together. Source: regulation.md rule 8."""
READS = frozenset({Kind.RECONCILE, Kind.READ})
URGENT = frozenset({Kind.CANCEL, Kind.RECONCILE})


class Share(NamedTuple):
    """At most *slots* calls of these *kinds* in a window."""

    kinds: frozenset[Kind]
    slots: int


class Window(msgspec.Struct, frozen=True):
    """One published limit.

    Up to a second it is kept one under *limit* and 5 % wide; longer ones are kept as
    published; a day (or more) is a count per trading day, not a rolling log.

    Args:
        limit: Calls, as the broker publishes it.
        seconds: Over how long.
        scope: Which kinds count: `ALL`, `ORDERS`, or any other set.
        keep: Our own, lower limit.
        reads_share: In windows longer than a second that also meter orders, reads
            may fill this much. Default a half: Fyers' 200/min is gone at three polls
            a second (fyers.md section 5), and orders must not wait for polls.

    Raises:
        ValueError: A number makes no sense.
    """

    limit: int
    seconds: float
    scope: frozenset[Kind] = ALL
    keep: int | None = None
    reads_share: float = 0.5

    def __post_init__(self) -> None:
        for name in ("limit", "seconds", "keep"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, was {value!r}")
        if not self.scope:
            raise ValueError("scope must name at least one kind, was empty")
        if not 0 < self.reads_share <= 1:
            raise ValueError(f"reads_share must be in (0, 1], was {self.reads_share}")

    @property
    def slots(self) -> int:
        """Calls we allow ourselves."""
        under = max(1, self.limit - 1) if self.seconds <= SECOND else self.limit
        return under if self.keep is None else min(under, self.keep)

    @property
    def width(self) -> float:
        """Seconds an entry counts."""
        return self.seconds * SLACK if self.seconds <= SECOND else self.seconds

    @property
    def by_day(self) -> bool:
        return self.seconds >= DAY

    @property
    def cancel_reserve(self) -> int:
        """Slots only cancels may use: 2 of each 10 (reliability.md section 4)."""
        if Kind.CANCEL not in self.scope or self.slots == 1:
            return 0
        return max(1, self.slots // 5)

    @property
    def reconcile_reserve(self) -> int:
        """Slots only cancels and reconciliation may use: 1 of each 10, from 9 up."""
        if Kind.RECONCILE not in self.scope or self.slots < 9:
            return 0
        return max(1, self.slots // 10)

    @property
    def reads_ceiling(self) -> int:
        """The most reads, reconciliation included, that this window can hold."""
        if not self.scope & READS:
            return 0
        most = self.slots - self.cancel_reserve
        if self.seconds <= SECOND or not self.scope & ORDERS:
            return most
        return min(most, max(1, int(self.slots * self.reads_share)))

    @property
    def plain_reads_ceiling(self) -> int:
        """The most reads other than reconciliation."""
        return max(1, self.reads_ceiling - self.reconcile_reserve)

    def shares(self) -> list[Share]:
        """The nested shares, the whole window first; those that never bind left out."""
        uncancelled = self.slots - self.cancel_reserve
        nested = [
            Share(self.scope, self.slots),
            Share(self.scope - {Kind.CANCEL}, uncancelled),
            Share(self.scope - URGENT, uncancelled - self.reconcile_reserve),
            Share(self.scope & READS, self.reads_ceiling),
            Share(self.scope & {Kind.READ}, self.plain_reads_ceiling),
        ]
        binding: list[Share] = []
        for share in nested:
            if share.kinds and not any(
                share.kinds <= wider.kinds and share.slots >= wider.slots
                for wider in binding
            ):
                binding.append(share)
        return binding


def regulatory(per_second: int = 8, *, registered: bool = False) -> Window:
    """The order window the exchange sets for each account.

    Raises:
        ValueError: More than 10 a second without a registered algorithm.

    Source: NSE/INVG/67858, 10 a second (regulation.md rule 7); 8 leaves room for
    what the network bunches (rule 8). Kept at 9 even if 10 is asked for.
    """
    if per_second > 10 and not registered:
        raise ValueError(
            "more than 10 orders a second need a registered algorithm"
            f" (registered_limits), was {per_second}"
        )
    return Window(max(10, per_second), SECOND, ORDERS, keep=per_second)
