"""Children of which each needs those before it, kept running from first to last."""

from collections.abc import Sequence

import trio

from actors.child import Child
from actors.runner import Oversight, Runner


class Chain:
    """Keeps its children up; one that goes down takes those after it along.

    A chain of one child is how independent siblings are kept.
    """

    def __init__(self, children: Sequence[Child], oversight: Oversight) -> None:
        self.runners = [Runner(child, oversight, self._ended) for child in children]
        self._news = trio.Event()
        self._starting = len(self.runners)
        self._start = trio.CancelScope()

    async def keep(
        self,
        children: trio.Nursery,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Run the children in *children* until cancelled, which leaves them running.

        ``started()`` means that all are up for the first time, apart from those which
        ended for good on the way.

        Each turn looks afresh and takes one step, so whatever goes down in the middle
        of a step is found by the next turn.
        """
        all_up = False
        while True:
            self._news = trio.Event()
            down = self._first_down()
            younger = [runner for runner in self.runners[down + 1 :] if runner.alive]
            if younger:
                await younger[-1].stop()
            elif down < len(self.runners):
                await self._start_one(down, children)
            else:
                if not all_up:
                    all_up = True
                    task_status.started()
                await self._news.wait()

    async def _start_one(self, index: int, children: trio.Nursery) -> None:
        self._starting = index
        with trio.CancelScope() as self._start:
            await self.runners[index].start(children)
        self._starting = len(self.runners)

    def _first_down(self) -> int:
        for index, runner in enumerate(self.runners):
            if runner.down:
                return index
        return len(self.runners)

    def _ended(self, runner: Runner) -> None:
        self._news.set()
        if self._first_down() < self._starting < len(self.runners):
            self._start.cancel(reason=f"{runner.child.name} went down before it")
