"""Actors with a tree of their own: a bug there must not take the API down with it."""

from __future__ import annotations

import trio

from actors.closer import Closer
from actors.masters import Masters
from actors.supervisor import Backoff, Child, Start
from ordo.system import System
from ordo.tree.supervising import nested, one_for_one


def doors_of(system: System, doors: Start) -> Child:
    """Up before any order can leave. A crash is their own, until it cannot be mended:
    then all ends, for nobody could shut the door any more."""
    return nested(one_for_one(system, "doors", [Child("doors", doors)]))


def closer(system: System) -> Child:
    """Squares off, while a halt wants that."""

    async def start(*, task_status: trio.TaskStatus[None]) -> None:
        closer = Closer(
            system.brokers,
            system.router,
            system.killswitch,
            system.records,
            system.trading,
            system.indexes,
        )
        await closer.run(task_status=task_status)

    child = Child("closer", start, backoff=Backoff(minimum=0.5, maximum=30.0))
    return nested(one_for_one(system, "closer", [child]))


def masters(system: System) -> Child:
    """Fetches instrument masters."""

    async def start(*, task_status: trio.TaskStatus[None]) -> None:
        masters = Masters(
            system.masters,
            system.with_masters(),
            system.instruments,
            system.writer,
            system.clockwork,
        )
        await masters.run(task_status=task_status)

    child = Child(
        "masters",
        start,
        mailbox=system.masters,
        backoff=Backoff(minimum=1.0, maximum=60.0),
        intensity=5,
        period=300.0,
    )
    return nested(one_for_one(system, "masters", [child]))
