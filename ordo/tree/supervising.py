"""Supervisors below the root: made alike, and heard in the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from actors.supervisor import (
    Child,
    ChildCrashed,
    ChildGivenUp,
    ChildStuck,
    Strategy,
    Supervisor,
    SupervisorEvent,
)
from ordo.system import System

log = logging.getLogger("ordo.system")


def one_for_one(
    system: System, name: str, children: Sequence[Child], *, intensity: int = 50
) -> Supervisor:
    """A supervisor that restarts each child alone, *intensity* times a minute."""
    return Supervisor(
        name,
        children,
        strategy=Strategy.ONE_FOR_ONE,
        intensity=intensity,
        period=60.0,
        rng=system.clockwork.rng,
        on_event=report,
    )


def nested(tree: Supervisor) -> Child:
    """*tree* as a child of another, with the time that its own stop may take."""
    return Child(tree.name, tree.run, grace=tree.longest_stop + 1.0)


def report(event: SupervisorEvent) -> None:
    """Tell the log what happens in the tree."""
    match event:
        case ChildCrashed(name=name, exc=exc, restarts=restarts):
            log.error(
                "%s crashed (restart %d follows)",
                name,
                restarts + 1,
                exc_info=exc,
                extra={"event": "actor.crashed"},
            )
        case ChildGivenUp(name=name):
            log.critical("%s is given up", name, extra={"event": "actor.given_up"})
        case ChildStuck(name=name, grace=grace):
            log.critical(
                "%s did not stop within %s s",
                name,
                grace,
                extra={"event": "actor.stuck"},
            )
        case _:
            log.info("%s", event, extra={"event": "actor.changed"})
