"""Children as data: what a supervisor starts, when it starts it again, how it stops it.

All lengths of time are seconds.
"""

from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Protocol

import trio

from actors.mailbox import Mailbox
from actors.restarts import Backoff, Restart


class Start(Protocol):
    """An actor's ``run``: calls ``task_status.started()`` once it serves requests."""

    def __call__(self, *, task_status: trio.TaskStatus[Any]) -> Awaitable[object]:
        """Run until cancelled, or until there is nothing left to do."""


@dataclass(frozen=True, slots=True)
class Child:
    """One child of a supervisor; a nested supervisor is a child like any other.

    Attributes:
        name: for events and status, unique under one supervisor.
        start: called for each incarnation.
        mailbox: the one this child receives from. Each time an incarnation has ended,
            what it took and left unanswered ends with `NoReply`; the mailbox closes
            when the child will not run again.
        restart: which endings are followed by a new start.
        start_timeout: seconds to call ``started()``; over it the child has crashed.
        grace: seconds to end once cancelled, before it is reported stuck; it must
            exceed the longest shield inside (`check_grace`).
        stop: asks a running child to finish by itself; it is cancelled *grace* seconds
            later. For an actor that drains: refuse new work, end when idle.
        backoff: how long to wait before a new start.
        intensity: restarts of this child alone allowed in *period*. Over it the child
            is given up while its siblings go on. None: it counts with the others, and
            their supervisor fails.
        period: seconds, for *intensity*.
        when_exhausted: called when the child is given up.
        suspends: while it is down its mailbox refuses asks. For a child of a chain
            that is asked by those after it: these are stopped before it comes back,
            and would hold that up for as long as they wait for its answers.
    """

    name: str
    start: Start
    _: KW_ONLY
    mailbox: Mailbox | None = None
    restart: Restart = Restart.PERMANENT
    start_timeout: float = 30.0
    grace: float = 10.0
    stop: Callable[[], None] | None = None
    backoff: Backoff = field(default_factory=Backoff)
    intensity: int | None = None
    period: float = 60.0
    when_exhausted: Callable[[], None] | None = None
    suspends: bool = False

    @property
    def longest_stop(self) -> float:
        """Seconds a stop may take before the child is reported stuck."""
        return self.grace if self.stop is None else 2 * self.grace


def check_grace(grace: float, longest_shield: float) -> None:
    """Refuse a grace that a healthy child, shielded and busy, would outlive.

    Args:
        grace: seconds a child gets to end.
        longest_shield: seconds for which the child may not notice its cancellation,
            the sum where shields follow each other (submit, then commit).

    Raises:
        ValueError: stopping such a child would raise false alarms.
    """
    if grace <= longest_shield:
        raise ValueError(
            f"grace must exceed the longest shield, {longest_shield} s, was {grace} s"
        )
