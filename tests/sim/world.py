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
from adapters import BrokerPort, Grant, OrderRecord, OrderStatus, SaveOrder, Write
from adapters.brokers.paper import PaperSettings
from ordo.config import Broker, Settings
from ordo.system import System
from ordo.tokens import TokenBook
from ordo.tree import tree_of
from tests.sim.door import SECRET, granted, token
from tests.sim.faults import Faults
from tests.sim.plan import Plan
from tests.sim.port import Port
from tests.sim.steps import Steps
from tests.sim.store import Disk, SimStore, unaudited
from tests.sim.venue import Venue
from tests.support.memory_store import START

NEVER_THERE = frozenset(
    {OrderStatus.DENIED, OrderStatus.REJECTED, OrderStatus.NOT_PLACED}
)
"""What is said only of an order that the broker does not have (I4)."""


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
        self.gave_up = 0
        self.ended_at = 0.0
        self.undecided = 0
        self.marks: list[int] = []
        self.statuses: Counter[str] = Counter()
        self.system: System | None = None
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
                    never=frozenset({"session"} if broker.login == "none" else ()),
                ),
                self.count,
                tagged=broker.tagged,
                login=broker.login,
            )
            for name, broker in plan.brokers.items()
        }
        for name, broker in plan.brokers.items():
            self.venues[name].life = timedelta(seconds=broker.life)
        self._die: Callable[[], None] | None = None

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
        """Run incarnations, one after the other, until cancelled."""
        async with trio.open_nursery() as graves:
            while True:
                await self._incarnate(graves)
                self.note("down")
                await trio.sleep(self.plan.restart_after)

    async def _incarnate(self, graves: trio.Nursery) -> None:
        """Live until a crash; what is left of that life ends in *graves*."""
        self.incarnation += 1
        store = self.store = self.store.bytes()
        scope, crashed, dead = trio.CancelScope(), trio.Event(), [False]
        token = trio.lowlevel.current_trio_token()

        def die() -> None:
            """In the middle of whatever is going on; nothing runs in between."""
            self.crashes += 1
            self.store = store.bytes()  # as they are at this step
            store.dead = dead[0] = True
            self.system = self._die = None
            token.run_sync_soon(crashed.set)

        async def live() -> None:
            with scope:
                try:
                    await self._serve(store, lambda: dead[0])
                except Exception as error:
                    self.note(f"gave up: {type(error).__name__}")
                if not dead[0]:
                    self.gave_up += 1
                    die()  # the tree gave up: a process manager starts it again

        self._die = die
        graves.start_soon(live)
        await crashed.wait()
        scope.cancel()

    async def _serve(self, store: SimStore, is_dead: Callable[[], bool]) -> None:
        """One life: a start, and then whatever comes."""
        system = self._build(store, is_dead)
        tree = tree_of(system, None, lambda: None)
        async with trio.open_nursery() as nursery:
            await nursery.start(tree.run)
            if not is_dead():
                self.system = system
                self.note(f"incarnation {self.incarnation}")

    def crash_at(self, step: int) -> None:
        """Die at a step of the whole run, counted from its start."""
        self.steps.at[step] = self.crash

    def crash(self) -> None:
        """Die now, if there is anybody to die."""
        if self._die is not None:
            self._die()

    def _build(self, store: SimStore, is_dead: Callable[[], bool]) -> System:
        ports: dict[str, BrokerPort] = {
            name: Port(venue, self.incarnation, is_dead, self.wall)
            for name, venue in self.venues.items()
        }
        tables = {
            name: Broker(name=name, adapter="paper", own=PaperSettings())
            for name in ports
        }
        rng = self.stream(f"gateway {self.incarnation}")
        ids = Ids(self.wall, rng, after=max(store._orders, default="0"))

        async def commit(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            # A thread at work is not cancelled, and what it has done is told later.
            with trio.CancelScope(shield=True):
                await trio.sleep(self.disk.delay())
                failing = self.disk.failing(trio.current_time())
                store.failing = "the disk is full" if failing else None
                try:
                    return call(*args, **kwargs)
                finally:
                    await trio.lowlevel.checkpoint()

        async def read(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            await trio.lowlevel.checkpoint()
            return call(*args, **kwargs)

        return System(
            Settings(brokers=tables),
            store,
            TokenBook("/nonexistent/tokens.json"),  # type: ignore[arg-type]
            ports,
            Clockwork(wall=self.wall, ids=ids, rng=rng),
            write_sync=commit,
            read_sync=read,
            grants=self._grants(store),
            seal=_sealed,
        )

    def _grants(self, store: SimStore) -> dict[str, Grant]:
        """The sessions to begin with: stored ones, the first time good ones."""
        now, stored = self.wall(), store.sessions()
        if self.incarnation == 1:
            return {
                name: granted(token(venue), now)
                for name, venue in self.venues.items()
                if venue.login != "none"
            }
        return {name: granted(SECRET + text, now) for name, text in stored.items()}

    def _committed(self, store: SimStore, writes: Sequence[Write]) -> None:
        """Look at every commit as it is made."""
        for what in unaudited(writes):
            self.broken(f"I9 {what} changed without an audit record")
        if SECRET in repr(writes):
            self.broken("I10 a token is stored in the clear")
        for write in writes:
            if isinstance(write, SaveOrder):
                order = write.order
                self.note(f"{order.order_id} {order.status} {order.filled_quantity}")
                if write.events:
                    self.statuses[str(order.status)] += 1
                    self._never_there(order)

    def _never_there(self, order: OrderRecord) -> None:
        """I4, at the moment it is said."""
        venue = self.venues[order.broker]
        if order.status in NEVER_THERE and venue.has(order.client_tag):
            what = f"{order.order_id} becomes {order.status}"
            self.broken(f"I4 {what}, and is in {venue.name} or on its way")


def _sealed(name: str, grant: Grant) -> str:
    """A grant as it is stored; that it is sealed well is tested elsewhere."""
    return grant.access_token.reveal().removeprefix(SECRET)
