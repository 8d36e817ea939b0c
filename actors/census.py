"""The tree as it is: the children of a supervisor, and of those below it, in order."""

from collections.abc import Iterator
from typing import NamedTuple

from actors.child import Child
from actors.child_events import ChildStatus
from actors.mailbox import Mailbox
from actors.supervisor import Supervisor


class Row(NamedTuple):
    """One child. *depth* counts the supervisors between it and the root."""

    depth: int
    status: ChildStatus
    mailbox: Mailbox | None


def census(supervisor: Supervisor, depth: int = 0) -> Iterator[Row]:
    """A snapshot of every child, each before those below it, in starting order."""
    for child, status in supervisor.members:
        yield Row(depth, status, child.mailbox)
        below = _below(child)
        if below is not None:
            yield from census(below, depth + 1)


def _below(child: Child) -> Supervisor | None:
    """The supervisor that a child is: it starts by that one's own `run`."""
    owner = getattr(child.start, "__self__", None)
    return owner if isinstance(owner, Supervisor) else None
