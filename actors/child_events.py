"""What a supervisor tells about its children: events as they happen, states on request.

For the log, the alerts and the status page; nothing here decides anything.
"""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class ChildCrashed:
    """An incarnation ended with *exc*, after *restarts* earlier ones.

    Also told of a child which crashes while it is being stopped.
    """

    name: str
    exc: Exception
    restarts: int


@dataclass(frozen=True, slots=True)
class ChildRestarted:
    """The child serves again, started anew for the *restarts*-th time."""

    name: str
    restarts: int


@dataclass(frozen=True, slots=True)
class ChildStopped:
    """The child has ended, by itself or because its supervisor stopped it."""

    name: str


@dataclass(frozen=True, slots=True)
class ChildStuck:
    """The child still runs *grace* seconds after it was cancelled.

    Its supervisor waits on: Trio cannot kill a task, and stopping those the child
    depends on under its feet would be worse.
    """

    name: str
    grace: float


@dataclass(frozen=True, slots=True)
class ChildGivenUp:
    """The child crashed too often; it stays down and its siblings go on."""

    name: str
    restarts: int


SupervisorEvent = (
    ChildCrashed | ChildRestarted | ChildStopped | ChildStuck | ChildGivenUp
)


class ChildState(Enum):
    """Where a child stands."""

    STARTING = "starting"
    RUNNING = "running"
    BACKING_OFF = "backing_off"
    STOPPED = "stopped"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class ChildStatus:
    """A snapshot of one child.

    Attributes:
        name: the child's.
        state: where it stands.
        restarts: starts after the first, with those a crashed elder sibling caused.
        since: Trio clock, seconds, when it came into *state*.
    """

    name: str
    state: ChildState
    restarts: int
    since: float
