"""Three thousand orders through the whole tree: queues end empty, nothing grows."""

from __future__ import annotations

import gc
import itertools
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import trio

from actors.broker import Broker
from actors.messages import CancelOrder, FetchAll
from actors.ownership import Ownership, Settled
from actors.router import Router
from adapters import OrderQuery
from ordo.config import Limits
from ordo.system import System
from tests.support.gateway import (
    a_batch,
    an_order,
    make_paper,
    make_system,
    place,
    running,
    wall,
)
from tests.support.memory_store import MemoryStore

LATE = 400.0
"""Seconds after which no settled order is held against the book any more."""


async def trade(system: System, keys: Any, orders: int) -> None:
    """A third trades at once, a third is cancelled, a third is refused."""

    async def client() -> None:
        for number in range(orders // 10):
            kind = number % 3
            order = an_order(price=(813, 700, 813)[kind], quantity=(1, 1, 10**9)[kind])
            key = f"key-{next(keys)}"
            batch = a_batch(
                "one", key=key, fingerprint=key, orders=[order], deadline_ms=60_000
            )
            done = await place(system, batch)
            if kind == 1:
                cancel = CancelOrder(order_id=done.orders[0].order_id, by="token:a")
                with trio.fail_after(60):
                    await system.router.ask(cancel)

    async with trio.open_nursery() as clients:
        for _ in range(10):
            clients.start_soon(client)
    await trio.sleep(LATE)
    # An actor keeps what it was asked last until it is asked again.
    await system.router.ask(FetchAll(kind="funds", brokers=("one",)))


def alive() -> Counter[str]:
    """The objects of Ordo's actors and of Trio, by type; the store's are its own."""
    gc.collect()
    found: Counter[str] = Counter()
    for each in gc.get_objects():
        kind = type(each)
        # Some extension types carry a descriptor where a class has its module's name.
        module = kind.__module__ if isinstance(kind.__module__, str) else ""
        if module.startswith(("actors.", "trio.")):
            found[f"{module}.{kind.__qualname__}"] += 1
    return found


async def test_what_has_settled_leaves_nothing_behind(
    autojump_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: dict[type, Any] = {}

    def remember(kind: type) -> None:
        init = kind.__init__  # type: ignore[misc]

        def remembered(self: Any, *args: Any, **kwargs: Any) -> None:
            made[kind] = self
            init(self, *args, **kwargs)

        monkeypatch.setattr(kind, "__init__", remembered)

    remember(Broker)
    remember(Router)
    remember(Ownership)
    store, keys = MemoryStore(), itertools.count()
    paper = make_paper(balance=1_000_000_000)
    fast = Limits(per_second=50)
    system = make_system({"one": paper}, store, limits=fast, registered_limits=True)
    counts = []
    async with running(system):
        await trio.sleep(3)
        for _ in range(3):
            await trade(system, keys, 1000)
            counts.append(alive())
        broker, router = made[Broker], made[Router]
        check_empty(system, broker, router)
        kept_tomorrow = kept_when_the_day_has_turned(made[Ownership])
    rows = store.orders(OrderQuery(limit=10_000))
    assert len(rows) == 3000
    assert {row.is_settled for row in rows} == {True}
    assert Counter(row.status for row in rows) == {
        "filled": 1020,
        "cancelled": 990,
        "rejected": 990,
    }
    grown = {k: n - counts[1][k] for k, n in counts[2].items() if n > counts[1][k] + 2}
    # By design, for the day: a row of the book must be known for ours. One small row
    # for each order that has a number at the broker, a thousand less the refused ones.
    assert grown == {f"{Settled.__module__}.{Settled.__qualname__}": 670}
    assert kept_tomorrow == ({}, {})


def kept_when_the_day_has_turned(ownership: Any) -> tuple[Any, Any]:
    ownership._journal.wall = lambda: wall() + timedelta(days=1)
    owners = ownership.now()
    return owners.settled, owners.settled_tags


def check_empty(system: System, broker: Any, router: Any) -> None:
    journal = broker._journal
    held = (journal._live, journal._held, journal._settled_at, journal._unsaved)
    assert held == ({}, set(), {}, {})
    assert len(journal._turns) == 0
    assert len(broker._reconciler.doubts) == 0
    assert broker._flights._aloft == {}
    assert (broker._cancels._wanted, broker._cancels._under_way) == ({}, {})
    assert (len(broker._pacer._queue), broker._pacer._waiters) == (0, {})
    for logs in system.seats["one"].limiter._logs.values():
        assert all(len(log.times) <= log.slots for log in logs)
    assert (router._placing._keys._running, router._at_work) == ({}, 0)
    assert system.trading.on_the_wire == ()
    boxes = [system.writer, system.killswitch, system.router, system.masters]
    for mailbox in (*boxes, *system.brokers.values()):
        empty = (mailbox.depth, mailbox.urgent_depth, mailbox.in_hand)
        assert empty == (0, 0, 0), mailbox.name
