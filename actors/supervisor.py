"""Supervisors: start children in order, restart them by policy, stop them in reverse.

A crash is a bug and is answered with a restart; a broker that is down is a state of
its actor and no business of this module. A supervisor's own surroundings end it by
cancelling it: its children sit in shields, and it ends them one by one, last started
first, each only after the one before has ended.
"""

import random
from collections.abc import Callable, Sequence
from enum import Enum

import trio

from actors.chain import Chain
from actors.child import Child, Start, check_grace
from actors.child_events import (
    ChildCrashed,
    ChildGivenUp,
    ChildRestarted,
    ChildState,
    ChildStatus,
    ChildStopped,
    ChildStuck,
    SupervisorEvent,
)
from actors.incarnation import StartTimedOut
from actors.restarts import Backoff, Restart, RestartWindow
from actors.runner import Oversight, Runner

__all__ = [
    "Backoff",
    "Child",
    "ChildCrashed",
    "ChildGivenUp",
    "ChildRestarted",
    "ChildState",
    "ChildStatus",
    "ChildStopped",
    "ChildStuck",
    "Restart",
    "RestartIntensityExceeded",
    "Start",
    "StartTimedOut",
    "Strategy",
    "Supervisor",
    "SupervisorEvent",
    "check_grace",
]


class RestartIntensityExceeded(Exception):
    """Restarting does not help: the children crash too often. Caused by the last."""


class Strategy(Enum):
    """Who is restarted when a child is."""

    ONE_FOR_ONE = "one_for_one"  # that child
    REST_FOR_ONE = "rest_for_one"  # that child and all started after it


class Supervisor:
    """Keeps *children* running.

    Args:
        name: for errors.
        children: in the order of their start.
        strategy: who is restarted when a child is.
        intensity: restarts allowed in *period*, over all children which have no
            intensity of their own. One more ends the supervisor.
        period: seconds.
        rng: for the jitter of the backoff.
        on_event: told what happens, as it happens; must not block. What it raises is
            logged and ignored.

    Raises:
        ValueError: two children of one name, or no sensible intensity and period.
    """

    def __init__(
        self,
        name: str,
        children: Sequence[Child],
        *,
        strategy: Strategy,
        intensity: int,
        period: float,
        rng: random.Random,
        on_event: Callable[[SupervisorEvent], None],
    ) -> None:
        names = [child.name for child in children]
        if len(set(names)) < len(names):
            raise ValueError(f"{name}: children must differ in name, were {names}")
        RestartWindow(intensity, period)  # refuses what makes no sense, early
        self.name = name
        self._specs = tuple(children)
        self._strategy = strategy
        self._intensity = intensity
        self._period = period
        self._rng = rng
        self._on_event = on_event
        self._runners: list[Runner] = []
        self._keeping = trio.CancelScope()
        self._failure: RestartIntensityExceeded | None = None

    @property
    def children(self) -> tuple[ChildStatus, ...]:
        """A snapshot of each child, in starting order; empty before the first run."""
        return tuple(runner.status for runner in self._runners)

    @property
    def members(self) -> tuple[tuple[Child, ChildStatus], ...]:
        """Each child beside its snapshot, as `children`."""
        return tuple((runner.child, runner.status) for runner in self._runners)

    @property
    def longest_stop(self) -> float:
        """Seconds an orderly stop may take while no child is stuck.

        Where this supervisor is a child itself, its grace must exceed this.
        """
        return sum(child.longest_stop for child in self._specs)

    def stop(self) -> None:
        """Begin an orderly stop; `run` returns when the last child has ended.

        Before the run it makes the run return at once.
        """
        self._keeping.cancel(reason=f"{self.name} was told to stop")

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Start the children in order and keep them running until stopped.

        ``started()`` means that all are up, apart from those which ended for good on
        the way; a failed start is a crash like any other. Stopped before that, it
        returns without. It may run again afterwards.

        Raises:
            RestartIntensityExceeded: the children crashed too often; all are stopped.
        """
        chains = self._begin()
        async with trio.open_nursery() as children:
            try:
                with self._keeping:
                    await self._keep(chains, children, task_status)
            finally:
                # No limit: each stop has its own, and to leave early would cancel
                # nothing (the children are shielded) and hang here without a report.
                with trio.CancelScope(shield=True):
                    await self._stop_children()
        if self._failure is not None:
            raise self._failure

    async def _keep(
        self,
        chains: list[Chain],
        children: trio.Nursery,
        task_status: trio.TaskStatus[None],
    ) -> None:
        # A nursery of its own: once it has closed, no keeper is left that could start
        # a child behind the back of the stop.
        async with trio.open_nursery() as keepers:
            for chain in chains:
                await keepers.start(chain.keep, children)
            task_status.started()
            await trio.sleep_forever()  # with no child at all there is no keeper

    def _begin(self) -> list[Chain]:
        self._failure = None
        window = RestartWindow(self._intensity, self._period)
        oversight = Oversight(window, self._rng, self._on_event, self._exhausted)
        groups = [self._specs]
        if self._strategy is Strategy.ONE_FOR_ONE:
            groups = [(child,) for child in self._specs]
        chains = [Chain(group, oversight) for group in groups]
        self._runners = [runner for chain in chains for runner in chain.runners]
        return chains

    def _exhausted(self, child: Child, crash: Exception | None) -> None:
        self._failure = RestartIntensityExceeded(
            f"{self.name}: more than {self._intensity} restarts "
            f"in {self._period} s, the last of {child.name}"
        )
        self._failure.__cause__ = crash
        self.stop()

    async def _stop_children(self) -> None:
        try:
            for runner in reversed(self._runners):
                await runner.stop()
        finally:
            # Only a KeyboardInterrupt gets here early; nobody else would end these.
            for runner in self._runners:
                runner.cancel()
            self._keeping = trio.CancelScope()  # for the next run
