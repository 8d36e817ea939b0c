"""A gateway that dies at one step of its tasks; what was committed is left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio

from adapters import NotSent
from ordo.tree import tree_of
from tests.sim.store import SimStore
from tests.support.closing import Floor
from tests.support.gateway import make_system


class Steps(trio.abc.Instrument):
    """Counts the steps of all tasks; at number *at* it calls *then*."""

    def __init__(self, at: int | None, then: Callable[[], None]) -> None:
        self.count = 0
        self._at, self._then = at, then

    def before_task_step(self, task: Any) -> None:
        self.count += 1
        if self.count == self._at:
            self._then()


class Life:
    """One incarnation. Once it is over, nothing it does reaches broker or store."""

    def __init__(self, store: SimStore) -> None:
        self.store = store
        self.left: SimStore | None = None
        self.over = trio.Event()
        self._token = trio.lowlevel.current_trio_token()

    def end(self) -> None:
        """Die here, between two steps."""
        self.left = self.store.bytes()
        self.store.dead = True
        self._token.run_sync_soon(self.over.set)

    @property
    def dead(self) -> bool:
        return self.left is not None


class Port:
    """A broker's port, as one incarnation has it; what had left goes on by itself."""

    def __init__(self, inside: Any, life: Life) -> None:
        self._inside, self._life = inside, life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inside, name)
        if name not in ("cancel", "modify"):
            return found

        async def call(*args: Any) -> Any:
            if self._life.dead:
                await trio.sleep_forever()
            return await found(*args)

        return call

    async def place(self, order: Any, tag: str, last_look: Callable[[], None]) -> Any:
        def look() -> None:
            last_look()
            if self._life.dead:
                raise NotSent("a dead gateway sends nothing")

        return await self._inside.place(order, tag, look)


@asynccontextmanager
async def living(
    papers: Mapping[str, Any], store: SimStore
) -> AsyncIterator[tuple[Floor, Life]]:
    """An incarnation, until the end of the block or of its life."""
    life = Life(store)
    ports: dict[str, Any] = {name: Port(each, life) for name, each in papers.items()}
    system = make_system(ports, store)
    tree = tree_of(system, None, lambda: None)
    scope = trio.CancelScope()

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        with scope:
            await tree.run(task_status=task_status)

    async with trio.open_nursery() as nursery:
        await nursery.start(run)
        await trio.sleep(2)
        yield Floor(system, papers, store), life
        if life.dead:
            scope.cancel()
        else:
            tree.stop()
