"""What happens at a step of some task: the process dies, or an actor's code raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import outcome
import trio

RESUMED = frozenset(
    {
        *("checkpoint", "checkpoint_if_cancelled", "cancel_shielded_checkpoint"),
        *("sleep", "sleep_until", "sleep_forever", "wait", "park"),
        *("wait_task_rescheduled", "_real_async_yield"),
    }
)
"""Trio's functions that may raise when they are resumed, and leave nothing half done.
A lock just handed over, or a nursery being closed, would not be so."""
SUPERVISION = ("/actors/supervisor.py", "/actors/chain.py", "/actors/runner.py")
"""They keep the others alive; a bug there ends the process."""


class InjectedBug(Exception):
    """A bug of an actor's, at an await."""


class Steps(trio.abc.Instrument):
    """Counts every step of every task; at some of them something is done."""

    def __init__(self) -> None:
        self.count = 0
        self.at: dict[int, Callable[[], None]] = {}
        self.bugs_due = 0
        self.bugs = 0

    def before_task_step(self, task: Any) -> None:
        self.count += 1
        if self.at and self.count in self.at:
            self.at.pop(self.count)()
        if self.bugs_due and _may_raise(task):
            self.bugs_due -= 1
            self.bugs += 1
            task._next_send = outcome.Error(InjectedBug("an injected bug"))

    def bug_at(self, step: int) -> None:
        """Have the next actor that is resumed from *step* on raise."""
        self.at[step] = self._arm

    def _arm(self) -> None:
        self.bugs_due += 1


def _may_raise(task: Any) -> bool:
    """Whether a task is an actor's, and goes on where it may as well raise."""
    if not isinstance(task._next_send, outcome.Value):
        return False  # it begins, or is cancelled
    codes = list(_codes(task.coro))
    ours = [code for code in codes if "/trio/" not in code.co_filename]
    if ours[0].co_name == "_live":  # of a runner: below it is the actor itself
        del ours[0]
    return (
        all(c.co_name in RESUMED for c in codes if "/trio/" in c.co_filename)
        and "/actors/" in ours[0].co_filename
        and not any(code.co_filename.endswith(SUPERVISION) for code in ours)
    )


def _codes(coro: Any) -> Iterator[CodeType]:
    """The functions a task is in, the outermost first."""
    while coro is not None:
        code = getattr(coro, "cr_code", None) or getattr(coro, "gi_code", None)
        if code is None:
            return
        yield code
        coro = getattr(coro, "cr_await", None) or getattr(coro, "gi_yieldfrom", None)
