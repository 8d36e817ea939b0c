"""One child at run time: its present incarnation, its state, what follows its end."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

import trio

from actors.child import Child
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
from actors.incarnation import Incarnation
from actors.restarts import RestartWindow

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Oversight:
    """What the children of one supervisor share.

    Attributes:
        window: counts the restarts of children without an intensity of their own.
        rng: for the jitter of the backoff.
        on_event: told what happens.
        exhausted: told when *window* is, with the last child and its crash, if any.
    """

    window: RestartWindow
    rng: random.Random
    on_event: Callable[[SupervisorEvent], None]
    exhausted: Callable[[Child, Exception | None], None]


class Runner:
    """Starts and stops one child and applies its restart policy.

    Attributes:
        child: what it runs.
        wanted: the child should be running: it has not ended for good.
    """

    def __init__(
        self, child: Child, oversight: Oversight, ended: Callable[["Runner"], None]
    ) -> None:
        self.child = child
        self.wanted = True
        self._oversight = oversight
        self._ended = ended
        self._window = oversight.window
        if child.intensity is not None:
            self._window = RestartWindow(child.intensity, child.period)
        self._life: Incarnation | None = None
        self._state = ChildState.STOPPED
        self._since = trio.current_time()
        self._starts = 0
        self._failures = 0  # in a row, for the backoff
        self._due = self._since  # no start before this moment
        if child.mailbox is not None:
            child.mailbox.reopen()

    @property
    def alive(self) -> bool:
        """Whether some task of the child may still run."""
        return self._life is not None and not self._life.ended.is_set()

    @property
    def down(self) -> bool:
        """Whether the child should be running and is not."""
        return self.wanted and not self.alive

    @property
    def status(self) -> ChildStatus:
        """A snapshot."""
        return ChildStatus(self.child.name, self._state, self._restarts, self._since)

    async def start(self, children: trio.Nursery) -> None:
        """Sit out the backoff, start the child in *children* and see it settled.

        It is then ready, or has ended (and its end has been dealt with). Cancelled,
        this leaves a half-started child to be stopped.
        """
        await trio.sleep_until(self._due)  # a checkpoint, also when not a wait
        if self.child.mailbox is not None:
            self.child.mailbox.resume()
        life = self._life = Incarnation(self.child)
        self._starts += 1
        self._become(ChildState.STARTING)
        children.start_soon(self._live, life, name=self.child.name)
        await life.wait_ready()
        if not life.settled.is_set():
            await self._wait_ended(life)
        elif not life.ended.is_set():
            self._become(ChildState.RUNNING)
            if self._restarts:
                self._tell(ChildRestarted(self.child.name, self._restarts))

    async def stop(self) -> None:
        """Ask the child to end, then cancel it; return when it has ended.

        Its `Child.stop` has a grace to work, and so has the cancellation. A child
        that outlives them is reported stuck and waited for all the same: a task in a
        bounded shield ends with the shield, nothing else in Trio ends a task, and
        those it depends on must not go before it.
        """
        life = self._life
        if life is None or life.ended.is_set():
            if self.wanted:
                self._become(ChildState.STOPPED)
            return
        life.stopping = True
        if self.child.stop is not None and life.ready:
            self._call(self.child.stop)
            with trio.move_on_after(self.child.grace):
                await life.ended.wait()
        life.cancel()
        await self._wait_ended(life)

    def cancel(self) -> None:
        """Cancel the child at once and in no order: the last resort of a shutdown."""
        if self._life is not None:
            self._life.stopping = True
            self._life.cancel()

    @property
    def _restarts(self) -> int:
        return max(0, self._starts - 1)

    async def _wait_ended(self, life: Incarnation) -> None:
        with trio.move_on_after(self.child.grace):
            await life.ended.wait()
        if not life.ended.is_set():
            self._tell(ChildStuck(self.child.name, self.child.grace))
            await life.ended.wait()

    async def _live(self, life: Incarnation) -> None:
        await life.run()
        if life.failure is not None:
            self._tell(ChildCrashed(self.child.name, life.failure, self._restarts))
        if life.failure is None or life.stopping:
            self._tell(ChildStopped(self.child.name))
        if life.stopping:
            self._become(ChildState.STOPPED)
        else:
            self._decide(life.failure)
        self._ended(self)

    def _decide(self, failure: Exception | None) -> None:
        """Apply the restart policy to a child that ended of its own accord."""
        if not self.child.restart.follows(crash=failure is not None):
            self._retire(ChildState.STOPPED)
        elif self._window.allow(trio.current_time()):
            self._back_off()
        elif self.child.intensity is None:
            self._become(ChildState.STOPPED)
            self._oversight.exhausted(self.child, failure)
        else:
            self._give_up()

    def _back_off(self) -> None:
        if self.child.suspends and self.child.mailbox is not None:
            self.child.mailbox.suspend()
        now = trio.current_time()
        backoff = self.child.backoff
        ran = now - self._since if self._state is ChildState.RUNNING else 0.0
        if ran >= backoff.quiet:
            self._failures = 0
        self._due = now + backoff.delay(self._failures, self._oversight.rng)
        self._failures += 1
        self._become(ChildState.BACKING_OFF)

    def _give_up(self) -> None:
        self._retire(ChildState.GIVEN_UP)
        self._tell(ChildGivenUp(self.child.name, self._restarts))
        if self.child.when_exhausted is not None:
            self._call(self.child.when_exhausted)

    def _retire(self, state: ChildState) -> None:
        """Leave the child down for good; who asks it now is told so at once."""
        self.wanted = False
        self._become(state)
        if self.child.mailbox is not None:
            self.child.mailbox.close()

    def _become(self, state: ChildState) -> None:
        self._state = state
        self._since = trio.current_time()

    def _tell(self, event: SupervisorEvent) -> None:
        self._call(lambda: self._oversight.on_event(event))

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception:  # a listener's bug must not end the supervision
            log.exception(
                "a callback of the supervisor of %s failed",
                self.child.name,
                extra={"event": "actor.callback_failed"},
            )
