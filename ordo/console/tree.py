"""`ls`: the live tree of actors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import trio

from actors.census import Row, census
from ordo.console.delivery import actors_of

if TYPE_CHECKING:
    from ordo.system import System


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """One actor, or a supervisor of some.

    `depth` counts the supervisors above it. `address` is where messages go, where they
    do. Counts of its mailbox are null where it has none: `queued` of `room`, `urgent`
    beside them, `at_work` taken and not answered, `taken` in all. `note` is what a
    person should know first.
    """

    actor: str
    depth: int
    state: str
    restarts: int
    seconds: float
    address: str | None = None
    queued: int | None = None
    room: int | None = None
    urgent: int | None = None
    at_work: int | None = None
    taken: int | None = None
    note: str | None = None


def branches(system: System) -> list[Branch]:
    """Every child in the order of its start, each before those below it."""
    if system.root is None:
        return []
    return [_branch(system, row) for row in census(system.root)]


def _branch(system: System, row: Row) -> Branch:
    status, box = row.status, row.mailbox
    branch = Branch(
        actor=status.name,
        depth=row.depth,
        state=status.state.value,
        restarts=status.restarts,
        seconds=round(trio.current_time() - status.since, 1),
        note=_note(system, row),
    )
    if box is None:
        return branch
    return msgspec.structs.replace(
        branch,
        address=box.name if box.name in actors_of(system) else None,
        queued=box.depth,
        room=box.capacity,
        urgent=box.urgent_depth,
        at_work=box.in_hand,
        taken=box.taken,
    )


def _note(system: System, row: Row) -> str | None:
    """Only what keeps orders from leaving."""
    if row.mailbox is system.killswitch and system.trading.engaged:
        return "HALTED"
    if row.mailbox is system.writer and not system.store.ok:
        return f"the store fails: {system.store.reason}"
    name = row.status.name
    if row.mailbox is not None and row.mailbox is system.brokers.get(name):
        return _note_of_broker(system, name)
    return None


def _note_of_broker(system: System, name: str) -> str | None:
    words = ["login required"] if name in system.logged_out else []
    breaker = system.breaker(name)
    words += [f"breaker {breaker}"] if breaker != "CLOSED" else []
    return ", ".join(words) or None
