"""One simulated world: brokers, a gateway that dies and comes back, clocks, chance.

Everything runs in one Trio run under a virtual clock, from one seed. A crash freezes
the store as it is at that step and cuts the dead incarnation off from the brokers; the
next one starts on those bytes.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import trio

from actors.clockwork import Clockwork, Ids
from adapters import BrokerPort, SaveOrder, Write
from adapters.brokers.paper import PaperSettings
from ordo.config import Broker, Settings
from ordo.system import System
from ordo.tokens import TokenBook
from tests.sim.faults import Faults
from tests.sim.plan import Plan
from tests.sim.store import Disk, SimStore, unaudited
from tests.sim.venue import Port, Venue
from tests.support.memory_store import START


class Steps(trio.abc.Instrument):
    """Counts every step of every task; at some of them something is done."""

    def __init__(self) -> None:
        self.count = 0
        self.at: dict[int, Callable[[], None]] = {}

    def before_task_step(self, task: Any) -> None:
        self.count += 1
        if self.at and self.count in self.at:
            self.at.pop(self.count)()


class World:
    """What a seed makes.

    Args:
        plan: what is to happen.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.steps = Steps()
        self.number = 0
        self.incarnation = 0
        self.offset = 0.0
        self.breaks: list[str] = []
        self.trace = hashlib.sha256()
        self.lines: list[str] = []
        self.crashes = 0
        self.undecided = 0
        self.marks: list[int] = []
        self.statuses: Counter[str] = Counter()
        self.system: System | None = None
        self.finished = trio.Event()
        rng = self.stream("disk")
        self.disk = Disk(rng, list(plan.disk_failures))
        self.store = SimStore(self._committed)
        self.venues = {
            name: Venue(
                name,
                self.stream(f"fills {name}"),
                Faults(
                    self.stream(f"faults {name}"),
                    broker.share,
                    outages=list(broker.outages),
                    only=plan.only,
                ),
                self.count,
                tagged=broker.tagged,
            )
            for name, broker in plan.brokers.items()
        }
        self._ids = Ids(self.wall, self.stream("ids"))
        self._crashed = trio.Event()

    def stream(self, name: str) -> random.Random:
        """Chance for one purpose, so that one more draw here moves nothing there."""
        return random.Random(f"{self.plan.seed} {name}")

    def count(self) -> int:
        """The number of the next thing that happens."""
        self.number += 1
        return self.number

    def wall(self) -> datetime:
        """Wall time, which is set back and forth."""
        return START + timedelta(seconds=trio.current_time() + self.offset)

    def note(self, line: str) -> None:
        """Part of the trace: two runs of one seed must agree on every line."""
        line = f"{trio.current_time():.6f} {line}"
        self.trace.update(line.encode())
        if self.plan.keep_trace:
            self.lines.append(line)

    def broken(self, words: str) -> None:
        """An invariant does not hold."""
        self.breaks.append(f"{trio.current_time():.3f} {words}")

    # The gateway ----------------------------------------------------------------------

    async def run_gateway(self) -> None:
        """Run incarnations, one after the other, until the world ends."""
        async with trio.open_nursery() as graves:
            while not self.finished.is_set():
                await self._incarnate(graves)
            graves.cancel_scope.cancel()

    async def _incarnate(self, graves: trio.Nursery) -> None:
        self.incarnation += 1
        self._crashed = crashed = trio.Event()
        dead = [False]
        store = self.store = self.store.bytes()
        system = self._build(store, lambda: dead[0])
        scope = trio.CancelScope()
        failed: list[BaseException] = []

        async def live(*, task_status: trio.TaskStatus[None]) -> None:
            with scope:
                try:
                    tree = system.tree(None, lambda: None)
                    await tree.run(task_status=task_status)
                except Exception as error:
                    failed.append(error)
                    crashed.set()

        def die() -> None:
            """In the middle of whatever is going on; nothing runs in between."""
            self.crashes += 1
            self.store = store.bytes()  # as they are at this step
            store.dead = dead[0] = True
            self.system = None
            trio.lowlevel.current_trio_token().run_sync_soon(crashed.set)

        self._die = die
        await graves.start(live)
        self.system = system
        self.note(f"incarnation {self.incarnation}")
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def end() -> None:
                await self.finished.wait()
                nursery.cancel_scope.cancel()

            await crashed.wait()
            nursery.cancel_scope.cancel()
        if failed and not dead[0]:
            die()  # the tree gave up: a process manager starts it again
        scope.cancel()
        self.note("down")
        await trio.sleep(self.plan.restart_after)

    def crash_at(self, step: int) -> None:
        """Die at a step of the whole run, counted from its start."""
        self.steps.at[step] = self.crash

    def crash(self) -> None:
        """Die now, if there is anybody to die."""
        if self.system is not None:
            self._die()

    def _build(self, store: SimStore, is_dead: Callable[[], bool]) -> System:
        ports: dict[str, BrokerPort] = {
            name: Port(venue, self.incarnation, is_dead)
            for name, venue in self.venues.items()
        }
        tables = {
            name: Broker(name=name, adapter="paper", own=PaperSettings())
            for name in ports
        }
        rng = self.stream(f"gateway {self.incarnation}")

        async def commit(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            await trio.sleep(self.disk.delay())
            if self.disk.failing(trio.current_time()):
                store.failing = "the disk is full"
            else:
                store.failing = None
            return call(*args, **kwargs)

        async def read(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            await trio.lowlevel.checkpoint()
            return call(*args, **kwargs)

        return System(
            Settings(brokers=tables),
            store,
            TokenBook("/nonexistent/tokens.json"),  # type: ignore[arg-type]
            ports,
            Clockwork(wall=self.wall, ids=self._ids, rng=rng),
            write_sync=commit,
            read_sync=read,
        )

    def _committed(self, store: SimStore, writes: Sequence[Write]) -> None:
        """Look at every commit as it is made."""
        for order_id in unaudited(writes):
            self.broken(f"I9 {order_id} changed without an audit record")
        for write in writes:
            if isinstance(write, SaveOrder):
                order = write.order
                self.note(f"{order.order_id} {order.status} {order.filled_quantity}")
                if write.events:
                    self.statuses[str(order.status)] += 1
