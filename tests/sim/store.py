"""The store of a simulated gateway: its bytes outlive crashes, its disk fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from adapters import AcceptResult, SaveOrder, Store, StoreFailed, Write
from tests.support.memory_store import MemoryStore


class SimStore(MemoryStore):
    """A store in memory that one incarnation of the gateway writes to.

    Args:
        told: hears of each commit that is done.
    """

    def __init__(self, told: Callable[[SimStore, Sequence[Write]], None]) -> None:
        super().__init__()
        self.dead = False
        self.told = told

    def commit(self, writes: Sequence[Write]) -> list[AcceptResult | None]:
        if self.dead:
            raise StoreFailed("this incarnation is dead")
        answers = super().commit(writes)
        self.commits.clear()  # what they were is checked as they come
        self.told(self, writes)
        return answers

    def bytes(self) -> SimStore:
        """What a restart finds: all that was committed, and nothing else."""
        copy = SimStore(self.told)
        copy._keys = dict(self._keys)
        copy._batches = dict(self._batches)
        copy._orders = dict(self._orders)
        copy._events = list(self._events)
        copy._days = dict(self._days)
        copy._sessions = dict(self._sessions)
        copy._cursors = dict(self._cursors)
        copy._audit = list(self._audit)
        copy._switch = self._switch
        return copy


def unaudited(writes: Sequence[Write]) -> list[str]:
    """The orders whose change of status is committed without its audit record (I9)."""
    return [
        write.order.order_id
        for write in writes
        if isinstance(write, SaveOrder) and write.events and not write.audit
    ]


class Disk:
    """How the disk does: fails for a while, or is slow, as the seed has it."""

    def __init__(self, rng: random.Random, failures: list[tuple[float, float]]) -> None:
        self.rng = rng
        self.failures = failures

    def failing(self, now: float) -> bool:
        return any(start <= now < end for start, end in self.failures)

    def delay(self) -> float:
        """Seconds for the next commit."""
        return 0.0005 if self.rng.random() < 0.97 else self.rng.random() * 0.3


__all__ = ["Disk", "SimStore", "Store", "unaudited"]
