"""What trading goes on without: given up where it crashes again and again."""

from __future__ import annotations

import trio

from actors.housekeeping import Housekeeping
from actors.settlement import Settlement
from actors.supervisor import Backoff, Child, Start
from ordo.system import System


def housekeeping(system: System) -> Child:
    """Forgets old keys and deletes old audit files."""

    async def start(*, task_status: trio.TaskStatus[None]) -> None:
        housekeeping = Housekeeping(
            system.writer,
            system.means.store,
            system.store,
            system.clockwork.wall,
            keep_days=system.settings.audit.keep_days,
            run_sync=system.means.long_sync,
        )
        await housekeeping.run(task_status=task_status)

    return _given_up("housekeeping", start)


def settlement(system: System) -> Child:
    """Settles filled orders: what is not settled now is settled later."""

    async def start(*, task_status: trio.TaskStatus[None]) -> None:
        settlement = Settlement(
            system.writer, system.records, system.calendar, system.clockwork.wall
        )
        await settlement.run(task_status=task_status)

    return _given_up("settlement", start)


def _given_up(name: str, start: Start) -> Child:
    """At the sixth crash of a day; an hour at most between two starts."""
    return Child(
        name,
        start,
        backoff=Backoff(minimum=60.0, maximum=3600.0),
        intensity=5,
        period=86_400.0,
    )
