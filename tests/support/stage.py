"""One broker actor with its writer and its kill-switch, over a store in memory."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio

from actors.breaker import Breaker, BreakerSettings
from actors.broker import Broker
from actors.broker_parts import BrokerParts, BrokerSettings
from actors.killswitch import KillSwitch
from actors.limiter import DayCount, Limiter
from actors.mailbox import Mailbox
from actors.messages import (
    Admission,
    Admit,
    CancelOrder,
    CancelResult,
    Commit,
    Committed,
    Denial,
    EngageSwitch,
    ReadBroker,
    ReadSwitch,
    ReleaseSwitch,
    SendOrder,
)
from actors.records import Records
from actors.session import Session
from actors.session_keeper import Seal
from actors.supervisor import Backoff, Child, Strategy, Supervisor
from actors.trading import TradingState
from actors.windows import Window
from actors.writer import StoreHealth, Writer
from adapters import (
    Accept,
    Batch,
    BrokerPort,
    KeyScope,
    Order,
    OrderRecord,
    OrderStatus,
    StoreFailed,
    TradingSwitch,
)
from tests.support.gateway import an_order, make_clockwork, make_paper, wall
from tests.support.memory_store import MemoryStore

NAME = "one"
UP = 2.0
"""Virtual seconds after which it is ready: the limiter's first pause is over."""


class Stage:
    """A broker actor under a supervisor that restarts it.

    Attributes:
        commit_takes: seconds for each commit, from now on.
        reads_fail: whether reads of the store fail.
        crashes: what the broker actor crashed with.
        brokers: its incarnations.
    """

    def __init__(
        self,
        port: BrokerPort | None = None,
        store: MemoryStore | None = None,
        *,
        windows: Sequence[Window] = (),
        day_count: DayCount | None = None,
        breaker: BreakerSettings | None = None,
        switch: TradingSwitch | None = None,
        submit_timeout: float = 10.0,
        seed: int = 1,
        session: Session | None = None,
        seal: Seal | None = None,
    ) -> None:
        self.paper: Any = port or make_paper(seed)
        self.store = store or MemoryStore()
        self.clockwork = make_clockwork(seed)
        self.commit_takes = 0.0
        self.reads_fail = False
        self.crashes: list[Exception] = []
        self.brokers: list[Broker] = []
        self.health = StoreHealth()
        self.trading = TradingState(switch or self.store.switch())
        self.writer = Mailbox("writer", 1000, urgent_capacity=1000)
        self.killswitch = Mailbox("kill-switch", 100)
        self.mailbox = Mailbox(NAME, 1000)
        self.limiter = Limiter(windows, day_count=day_count)
        self.breaker = Breaker(breaker or BreakerSettings(), random.Random(seed))
        self.session = session or Session()
        self.records = Records(self.store, run_sync=self._read)
        self.parts = BrokerParts(
            settings=BrokerSettings(
                name=NAME,
                adapter="paper",
                submit_timeout=submit_timeout,
                today=lambda: wall().date(),
            ),
            port=self.paper,
            limiter=self.limiter,
            breaker=self.breaker,
            session=self.session,
            mailbox=self.mailbox,
            writer=self.writer,
            killswitch=self.killswitch,
            records=self.records,
            trading=self.trading,
            store=self.health,
            clockwork=self.clockwork,
            seal=seal,
        )

    @asynccontextmanager
    async def running(self, *, up: float = UP) -> AsyncIterator[Stage]:
        """Run it, ready after *up* virtual seconds; stop it in order at the end."""
        writer = Writer(self.writer, self.store, self.health, run_sync=self._commit)
        switch = KillSwitch(self.killswitch, self.writer, self.trading, wall)
        tree = self._supervisor()
        async with trio.open_nursery() as below:
            await below.start(writer.run)
            await below.start(switch.run)
            async with trio.open_nursery() as brokers:
                await brokers.start(tree.run)
                await trio.sleep(up)
                yield self
                tree.stop()
            below.cancel_scope.cancel()

    def _supervisor(self) -> Supervisor:
        async def start(*, task_status: trio.TaskStatus[None]) -> None:
            self.brokers.append(Broker(self.parts))
            await self.brokers[-1].run(task_status=task_status)

        def on_event(event: Any) -> None:
            if hasattr(event, "exc"):
                self.crashes.append(event.exc)

        child = Child(
            NAME,
            start,
            mailbox=self.mailbox,
            grace=60.0,
            backoff=Backoff(minimum=0.2, maximum=30.0, jitter=0),
            intensity=5,
            period=60.0,
            when_exhausted=lambda: self.breaker.force_open(trio.current_time()),
        )
        return Supervisor(
            "brokers",
            [child],
            strategy=Strategy.ONE_FOR_ONE,
            intensity=50,
            period=60.0,
            rng=random.Random(1),
            on_event=on_event,
        )

    async def _commit(self, call: Callable[..., Any], *args: Any) -> Any:
        await trio.sleep(self.commit_takes)
        return call(*args)

    async def _read(self, call: Callable[..., Any], *args: Any) -> Any:
        await trio.lowlevel.checkpoint()
        if self.reads_fail:
            raise StoreFailed("cannot be read")
        return call(*args)

    # What the router does

    async def admit(self, order: Order | None = None) -> Admission | Denial:
        order_id = self.clockwork.ids.new()
        admit = Admit(order_id=order_id, order=order or an_order())
        return await self.mailbox.ask(admit)

    async def accept(
        self, order: Order | None = None, *, sending: bool = False
    ) -> OrderRecord:
        """Store an order as accepted; *sending*: it had a slot at once."""
        now = wall()
        order_id = self.clockwork.ids.new()
        batch = Batch(
            batch_id=self.clockwork.ids.new(),
            principal="token:test",
            idempotency_key=order_id,
            portfolio_id=None,
            created_at=now,
            deadline_ms=5000,
        )
        record = OrderRecord(
            order_id=order_id,
            batch_id=batch.batch_id,
            order_index=0,
            broker=NAME,
            client_tag=order_id,
            order=order or an_order(),
            status=OrderStatus.PLACED,
            created_at=now,
            updated_at=now,
            sending_at=now if sending else None,
        )
        scope = KeyScope(principal="token:test", route="POST", key=order_id)
        accept = Accept(
            scope=scope, fingerprint="", batch=batch, orders=(record,), audit=()
        )
        answer = await self.writer.ask(Commit(writes=(accept,)))
        assert isinstance(answer, Committed)
        return record

    async def send(
        self, record: OrderRecord, *, within: float = 5.0, slot: float | None = None
    ) -> OrderRecord:
        """Hand an accepted order over; the answer comes *within* seconds."""
        by = trio.current_time() + within
        message = SendOrder(record=record, slot=slot, answer_by=by)
        return await self.mailbox.ask(message)

    async def place(
        self, order: Order | None = None, *, within: float = 5.0
    ) -> OrderRecord:
        """Accept an order and send it."""
        return await self.send(await self.accept(order), within=within)

    async def cancel(self, order_id: str, *, within: float = 30) -> CancelResult:
        with trio.fail_after(within):
            message = CancelOrder(order_id=order_id, by="token:test")
            return await self.mailbox.ask(message, urgent=True)

    async def halt(self, reason: str = "enough", *, cancel_open: bool = False) -> Any:
        message = EngageSwitch(by="me", reason=reason, cancel_open=cancel_open)
        return await self.killswitch.ask(message, urgent=True)

    async def resume(self) -> Any:
        return await self.killswitch.ask(ReleaseSwitch(by="me"), urgent=True)

    async def switch(self) -> Any:
        return await self.killswitch.ask(ReadSwitch())

    async def report(self) -> Any:
        return await self.mailbox.ask(ReadBroker())

    # What came of it

    def stored(self, order_id: str) -> OrderRecord:
        record = self.store.order(order_id)
        assert record is not None
        return record

    def story(self, order_id: str) -> list[str]:
        """The statuses an order went through, as stored."""
        return [str(event.status) for event in self.store.events(order_id)]

    def tags(self) -> list[str]:
        """The tags in the paper broker's book, oldest first."""
        return [entry.tag for entry in self.paper._account.book.entries.values()]

    def calls(self, operation: str) -> int:
        """How often the paper broker was called."""
        return self.paper.script.calls[operation]


def resting(**changes: Any) -> Order:
    """An order that stays open: well below the market."""
    return an_order(**({"price": 700} | changes))


class Watched:
    """A broker port with a hook on `place`, at the first byte; else as the one inside.

    Attributes:
        departures: (time, tag, what *look* gave) of each order, when its bytes left.
    """

    def __init__(
        self, inside: Any, look: Callable[[str], Any] = lambda tag: None
    ) -> None:
        self._inside = inside
        self.look = look
        self.departures: list[tuple[float, str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)

    async def place(self, order: Order, tag: str, last_look: Callable[[], None]) -> Any:
        def look() -> None:
            last_look()
            self.departures.append((trio.current_time(), tag, self.look(tag)))

        return await self._inside.place(order, tag, look)


class Seldom:
    """A broker port whose book is to be read once a minute at the most."""

    def __init__(self, inside: Any) -> None:
        self._inside = inside
        self.capabilities = msgspec.structs.replace(inside.capabilities, book_poll=60.0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)
