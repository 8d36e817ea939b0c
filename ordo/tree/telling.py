"""Who tells the world, and may fail for as long as it takes: none of it ends the tree.

Publishers and alerts under a supervisor; what else is patient stands by itself.
"""

from __future__ import annotations

import trio

from actors.alerts import Alerts
from actors.supervisor import Backoff, Child, Start
from ordo.looks import Looks
from ordo.system import System
from ordo.tree.supervising import one_for_one

OUTBOX_GRACE = 5.0
"""Seconds for the last events to be told at a stop; the rest is told at the start."""


def publishers(system: System) -> Child:
    """Publishers and alerts: each is started again for ever."""
    children = [patient(box.name, box.run) for box in system.outboxes]
    if system.means.channels:
        children.append(_alerts(system))
    tree = one_for_one(system, "publishers", children, intensity=1000)
    return Child("publishers", tree.run, grace=OUTBOX_GRACE)


def patient(name: str, start: Start) -> Child:
    """Started again for ever: what it tells waits in the store meanwhile."""
    return Child(
        name,
        start,
        grace=OUTBOX_GRACE - 1.0,
        backoff=Backoff(minimum=1.0, maximum=60.0),
        intensity=1000,
        period=60.0,
    )


def _alerts(system: System) -> Child:
    looks = Looks(system)

    async def start(*, task_status: trio.TaskStatus[None]) -> None:
        alerts = Alerts(
            system.feed,
            [looks.store, looks.unknown, looks.sessions],
            system.means.channels,
            system.clockwork.wall,
            system.clockwork.rng,
        )
        await alerts.run(task_status=task_status)

    return patient("alerts", start)
