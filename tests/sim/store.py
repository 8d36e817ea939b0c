"""The store of a simulated gateway: its bytes outlive crashes, its disk fails."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence

from adapters import (
    Accept,
    AcceptResult,
    SaveOrder,
    SaveSession,
    SaveSwitch,
    StoreFailed,
    Write,
)
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
        found = SimStore(self.told)
        for name, value in vars(self).items():
            if name.startswith("_"):  # the others are not on the disk
                setattr(found, name, copy.copy(value))
        return found


def unaudited(writes: Sequence[Write]) -> list[str]:
    """What is changed without a record in the audit of the same commit (I9)."""
    silent = []
    for write in writes:
        match write:
            case SaveOrder(order=order, audit=audit):
                if order.order_id not in [entry.order_id for entry in audit]:
                    silent.append(order.order_id)
            case Accept(batch=batch, audit=audit):
                if batch.batch_id not in [entry.batch_id for entry in audit]:
                    silent.append(batch.batch_id)
            case SaveSwitch(audit=()) | SaveSession(audit=()):
                silent.append(type(write).__name__)
    return silent


class Disk:
    """How the disk does: fails for a while, or is slow, as the seed has it; `on` turns
    that off."""

    def __init__(self, rng: random.Random, failures: list[tuple[float, float]]) -> None:
        self.rng = rng
        self.failures = failures
        self.on = True

    def failing(self, now: float) -> bool:
        return self.on and any(start <= now < end for start, end in self.failures)

    def delay(self) -> float:
        """Seconds for the next commit; now and then more than anybody reckons with."""
        luck = self.rng.random()
        if luck < 0.97 or not self.on:
            return 0.0005
        return self.rng.random() * (0.3 if luck < 0.997 else 8.0)
