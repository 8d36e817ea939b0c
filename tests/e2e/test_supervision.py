"""Crashes in the whole tree under load: restarts, escalation, nothing lost or doubled.

In virtual time. An injected bug is met by whichever task comes by, in the middle of
whatever it does; afterwards the books of the brokers and the store must agree.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import trio

from actors.broker import Broker
from actors.feed import Feed
from actors.flights import Flights
from actors.housekeeping import Housekeeping
from actors.journal import Journal
from actors.killswitch import KillSwitch
from actors.landings import Landings
from actors.mailbox import MailboxError
from actors.masters import Masters
from actors.messages import (
    BatchDone,
    CancelOrder,
    Commit,
    EngageSwitch,
    FetchAll,
    ReadBroker,
    ReadMasters,
    ReadSwitch,
    ReleaseSwitch,
    StoreDown,
)
from actors.orphans import Orphans
from actors.pacer import Pacer
from actors.placing import Placing
from actors.reconciler import Reconciler
from actors.resting import Resting
from actors.router import Router
from actors.sender import Sender
from actors.supervisor import RestartIntensityExceeded
from actors.writer import Writer
from adapters import Note, OrderQuery, OrderStatus
from adapters.brokers.paper import Fault
from ordo.http.server import HttpServer
from ordo.tree import tree_of
from tests.support.gateway import a_batch, an_order, make_paper, make_system, place
from tests.support.memory_store import MemoryStore
from tests.support.plain import PLAIN

BROKERS = ("one", "two", "three")
DEADLINE = 5.0
LOAD, FAULT_AT, SETTLED = 14.0, 4.0, 150.0
"""Seconds of load, when the bug is there, and when all must be settled."""
QUIET = 40.0
"""Seconds without a write after which, no order in doubt, nothing more will come."""


class Bug(Exception):
    """What nobody catches by name."""


class Faulty:
    """Makes a method raise for its next *times* calls, once armed.

    Args:
        only: of which objects; None: of any.
    """

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        owner: type,
        name: str,
        *,
        times: float = 1,
        after: bool = False,
        only: Callable[[Any], bool] = lambda this: True,
    ) -> None:
        self.left = 0.0
        self.raised = 0
        self._times = times
        real = getattr(owner, name)

        def strike() -> None:
            self.left -= 1
            self.raised += 1
            raise Bug(f"{owner.__name__}.{name}")

        def wanted(this: Any) -> bool:
            return self.left > 0 and only(this)

        async def in_task(this: Any, *args: Any, **kwargs: Any) -> Any:
            if wanted(this) and not after:
                strike()
            answer = await real(this, *args, **kwargs)
            if wanted(this) and after:
                strike()
            return answer

        def at_once(this: Any, *args: Any, **kwargs: Any) -> Any:
            if wanted(this) and not after:
                strike()
            answer = real(this, *args, **kwargs)
            if wanted(this) and after:
                strike()
            return answer

        is_async = real.__code__.co_flags & 0x80
        monkeypatch.setattr(owner, name, in_task if is_async else at_once)

    def arm(self) -> None:
        self.left = self._times


def rich_paper(seed: int) -> Any:
    return make_paper(seed, balance=1_000_000_000)


class Load:
    """Clients of one gateway over three brokers, and what each was told, when."""

    def __init__(self, seed: int = 1, former: Load | None = None) -> None:
        self.rng = random.Random(seed)
        self.papers = {name: rich_paper(n) for n, name in enumerate(BROKERS, 1)}
        self.store = MemoryStore()
        if former is not None:  # Ordo is started anew, over what the former one left
            self.papers, self.store = former.papers, former.store
        self.system = make_system(dict(self.papers), self.store, seed=seed)
        self.answers: list[tuple[float, Any]] = []
        self.longest = 0.0
        self.gave_up = False

    async def run(
        self,
        fault: Faulty | None,
        *,
        load: float = LOAD,
        settled: float = SETTLED,
        quiet: float = QUIET,
    ) -> None:
        """Start, load, strike, and let everything settle."""
        tree = tree_of(self.system, None, lambda: None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._root, tree)
            await trio.sleep(3)
            nursery.start_soon(self._strike, fault)
            async with trio.open_nursery() as clients:
                for number in range(3):
                    clients.start_soon(self._client, number, load)
                clients.start_soon(self._reader, load)
            await self._settle(settled, quiet)
            self.reports = {
                name: await self._asked(mailbox.ask(ReadBroker()))
                for name, mailbox in self.system.brokers.items()
                if not self.gave_up
            }
            tree.stop()

    async def _root(self, tree: Any) -> None:
        try:
            await tree.run()
        except* RestartIntensityExceeded:
            self.gave_up = True

    async def _settle(self, most: float, quiet: float) -> None:
        """Until no order is in doubt and nothing moves; at most *most* seconds."""
        written, left = len(self.store.commits), quiet
        with trio.move_on_after(most):
            while left > 0 or self._in_doubt():
                await trio.sleep(1)
                left = quiet if len(self.store.commits) > written else left - 1
                written = len(self.store.commits)

    def _in_doubt(self) -> bool:
        doubts = (OrderStatus.PLACED, OrderStatus.UNKNOWN)
        rows = self.store.orders(OrderQuery(limit=100_000))
        return any(row.status in doubts for row in rows)

    async def _strike(self, fault: Faulty | None) -> None:
        await trio.sleep(FAULT_AT)
        if fault is not None:
            fault.arm()

    async def _client(self, number: int, load: float) -> None:
        end, count = trio.current_time() + load, 0
        while trio.current_time() < end:
            count += 1
            price = self.rng.choice([700, 813])  # one rests, the other trades at once
            key = f"{number}-{count}"
            batch = a_batch(
                *BROKERS, key=key, fingerprint=key, orders=[an_order(price=price)]
            )
            done = await self._asked(place(self.system, batch))
            if isinstance(done, BatchDone) and price == 700 and self.rng.random() < 0.3:
                cancel = CancelOrder(order_id=done.orders[0].order_id, by="token:test")
                await self._asked(self.system.router.ask(cancel))
            await trio.sleep(self.rng.uniform(0.1, 0.8))

    async def _reader(self, load: float) -> None:
        end = trio.current_time() + load
        while trio.current_time() < end:
            funds = FetchAll(kind="funds", brokers=BROKERS)
            await self._asked(self.system.router.ask(funds))
            await self._asked(self.system.killswitch.ask(ReadSwitch()))
            await self._asked(self.system.masters.ask(ReadMasters()))
            await trio.sleep(0.2)

    async def _asked(self, question: Any) -> Any:
        """Ask as a client of the API does; whatever comes, comes by the deadline."""
        began = trio.current_time()
        try:
            with trio.fail_after(DEADLINE):
                answer = await question
        except (MailboxError, trio.TooSlowError) as error:
            answer = error
        self.longest = max(self.longest, trio.current_time() - began)
        self.answers.append((began, answer))
        return answer

    # What must hold afterwards

    def check(self) -> None:
        """I1 to I5 and I11, and that every asker had an answer in time."""
        assert self.longest <= DEADLINE + 1e-6
        rows = self.store.orders(OrderQuery(limit=100_000))
        for name, paper in self.papers.items():
            book = paper._account.book.entries.values()
            tags = [entry.tag for entry in book]
            assert len(tags) == len(set(tags)), f"{name}: an order was sent twice"
            ours = {row.client_tag: row for row in rows if row.broker == name}
            assert set(tags) <= set(ours), f"{name}: an order without a row"
            for row in ours.values():
                gone = row.client_tag not in tags
                never = row.status in (OrderStatus.DENIED, OrderStatus.NOT_PLACED)
                assert gone == never, f"{name}: {row.status} and {gone=}: {row}"
                assert row.status not in (OrderStatus.PLACED, OrderStatus.UNKNOWN)
        told = [a for _, a in self.answers if isinstance(a, BatchDone)]
        assert len({a.batch.batch_id for a in told}) == len(told)
        for order in (order for answer in told for order in answer.orders):
            now = self.store.order(order.order_id)
            assert now is not None, "an accepted order was lost"
            if order.status is OrderStatus.DENIED:
                assert now.status is OrderStatus.DENIED

    def acked_after(self, moment: float, broker: str) -> int:
        """Orders that the broker took of batches asked for after *moment*."""
        return sum(
            order.broker == broker and order.broker_order_id is not None
            for began, answer in self.answers
            if began > moment and isinstance(answer, BatchDone)
            for order in answer.orders
        )

    def restarts(self) -> dict[str, int]:
        return {name: self.system.restarts(name) for name in BROKERS}


async def test_without_a_bug_all_is_taken_and_nobody_restarts(autojump_clock):
    load = Load()
    await load.run(None)
    load.check()
    assert load.restarts() == dict.fromkeys(BROKERS, 0)
    assert all(load.acked_after(0, name) > 40 for name in BROKERS)
    assert not load.gave_up


ROOT = [
    (Writer, "_commit", False),
    (Writer, "_commit", True),
    (KillSwitch, "_handle", False),
    (Router, "_handle", False),
    (Placing, "place", False),
    (Placing, "_accept", False),
    (Placing, "_accept", True),
    (Feed, "committed", False),
]
"""Parts of the tree whose crash restarts what was started after them."""
BROKER = [
    (Broker, "_handle", False),
    (Sender, "_try", False),
    (Sender, "_try", True),
    (Landings, "answered", False),
    (Sender, "_ready", True),
    (Journal, "save", False),
    (Journal, "save", True),
    (Journal, "_commit", True),
    (Flights, "_land", True),
    (Reconciler, "_round", False),
    (Reconciler, "_round", True),
    (Pacer, "try_take", True),
    (Resting, "_left", False),
    (Orphans, "_look", True),
]
"""Parts of one broker, whose crash the two others must not notice."""


@pytest.mark.parametrize(("owner", "name", "after"), ROOT)
async def test_a_bug_at_the_root_is_survived_and_nothing_lost_or_doubled(
    autojump_clock, monkeypatch, owner, name, after
):
    load, fault = Load(), Faulty(monkeypatch, owner, name, after=after)
    await load.run(fault)
    load.check()
    assert fault.raised == 1
    assert not load.gave_up
    assert all(load.acked_after(3 + FAULT_AT + 8, each) for each in BROKERS)


@pytest.mark.parametrize(("owner", "name", "after"), BROKER)
async def test_a_bug_in_a_broker_is_survived_and_nothing_lost_or_doubled(
    autojump_clock, monkeypatch, owner, name, after
):
    load, fault = Load(), Faulty(monkeypatch, owner, name, after=after)
    await load.run(fault)
    load.check()
    assert not load.gave_up
    assert fault.raised == 1
    assert sum(load.restarts().values()) == 1
    assert all(load.acked_after(3 + FAULT_AT + 8, each) for each in BROKERS)


BESIDE = [
    (Masters, "_handle", False, 1, QUIET),
    (Masters, "_handle", False, 3, QUIET),
    (Housekeeping, "_tidy", False, 5, 400),
]
"""Parts that crash beside the trading: no order, and no other actor, notices.

Housekeeping works, and is restarted, at leisure: last comes how long to wait for it.
"""


@pytest.mark.parametrize(("owner", "name", "after", "times", "quiet"), BESIDE)
async def test_a_bug_beside_the_trading_restarts_nobody_else(
    autojump_clock, monkeypatch, owner, name, after, times, quiet
):
    load = Load()
    fault = Faulty(monkeypatch, owner, name, after=after, times=times)
    await load.run(fault, settled=400, quiet=quiet)
    load.check()
    assert fault.raised >= min(times, 3)
    assert load.restarts() == dict.fromkeys(BROKERS, 0)
    assert not load.gave_up
    orders = [o for _, a in load.answers if isinstance(a, BatchDone) for o in a.orders]
    assert {order.error_code for order in orders} == {None}


async def test_a_broker_that_crashes_on_is_given_up_and_the_others_trade_on(
    autojump_clock, monkeypatch, caplog
):
    load = Load()

    def is_two(broker: Any) -> bool:
        return bool(broker._parts.settings.name == "two")

    fault = Faulty(monkeypatch, Broker, "_handle", times=1e9, only=is_two)
    await load.run(fault)
    assert load.restarts() == {"one": 0, "two": 5, "three": 0}
    assert not load.gave_up
    assert load.longest <= DEADLINE + 1e-6
    late = 3 + FAULT_AT + 4
    assert load.acked_after(late, "one") > 15
    assert load.acked_after(late, "three") > 15
    assert load.acked_after(late, "two") == 0
    two = load.system.seats["two"]
    assert two.breaker.forced
    assert two.breaker.state(trio.current_time()) == "OPEN"
    assert two.mailbox.closed
    assert isinstance(load.reports["two"], MailboxError)
    assert "two crashes again and again: it is left alone" in caplog.text
    assert [
        row.entry.broker
        for row in load.store._audit
        if row.entry.action == "broker.given_up"
    ] == ["two"]
    fault.left = 0
    again = Load(2, former=load)  # a person has mended it, and starts Ordo again
    await again.run(None, load=0.5)
    again.check()
    assert again.acked_after(0, "two")


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Writer, "_commit"), (KillSwitch, "_handle"), (Router, "_handle")],
)
async def test_a_root_that_crashes_on_ends_ordo_and_the_next_start_loses_nothing(
    autojump_clock, monkeypatch, owner, name
):
    load, fault = Load(), Faulty(monkeypatch, owner, name, times=5)
    await load.run(fault, settled=30)
    assert load.gave_up  # which is exit status 70
    assert fault.raised == 4  # three restarts in a minute, and no more
    assert load.longest <= DEADLINE + 1e-6
    fault.left = 0
    again = Load(2, former=load)
    await again.run(None, load=0.5)
    again.check()
    assert all(again.acked_after(0, broker) for broker in BROKERS)


async def test_a_halt_survives_the_crash_of_the_kill_switch_that_took_it(
    autojump_clock, monkeypatch
):
    """The bug strikes after the state has turned and before the answer is given."""
    load = Load()
    fault = Faulty(monkeypatch, KillSwitch, "_handle", after=True)
    told: list[Any] = []

    async def halt() -> None:
        await trio.sleep(3 + FAULT_AT + 1)
        fault.left = 1
        engage = EngageSwitch(by="token:test", reason="enough")
        with trio.move_on_after(DEADLINE):
            try:
                told.append(await load.system.killswitch.ask(engage, urgent=True))
            except MailboxError as error:
                told.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(halt)
        await load.run(None)
    load.check()
    assert len(told) == 1
    assert load.system.trading.engaged
    switch = load.store.switch()
    assert switch is not None
    assert switch.engaged
    late = 3 + FAULT_AT + 1.001
    assert [
        a for began, a in load.answers if began > late and isinstance(a, BatchDone)
    ] == []


async def test_a_release_that_a_crash_of_the_writer_cut_short_leaves_it_halted(
    autojump_clock, monkeypatch
):
    load = Load()
    fault = Faulty(monkeypatch, Writer, "_commit")
    async with trio.open_nursery() as nursery:
        tree = tree_of(load.system, None, lambda: None)
        await nursery.start(tree.run)
        switch = load.system.killswitch
        await switch.ask(EngageSwitch(by="me", reason="enough"), urgent=True)
        fault.arm()
        answer = await switch.ask(ReleaseSwitch(by="me"), urgent=True)
        assert isinstance(answer, StoreDown)
        assert load.system.trading.engaged
        await trio.sleep(30)
        stored = load.store.switch()
        assert stored is not None
        assert stored.engaged
        await switch.ask(ReleaseSwitch(by="me"), urgent=True)
        assert not load.system.trading.engaged
        tree.stop()


async def test_after_a_crash_of_the_writer_http_answers_again_on_its_port(monkeypatch):
    """Real sockets and real time: the server is stopped in order and started anew."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    system = make_system({"one": make_paper()})
    ready: list[str] = []
    server = HttpServer(
        system,
        f"127.0.0.1:{port}",
        cert=None,
        key=None,
        client_ca=None,
        ready=ready.append,
    )
    fault = Faulty(monkeypatch, Writer, "_commit")
    tree = tree_of(system, server.run, server.stop)
    url = f"http://127.0.0.1:{port}/health"
    async with (
        trio.open_nursery() as nursery,
        httpx.AsyncClient(trust_env=False, verify=PLAIN) as client,
    ):
        await nursery.start(tree.run)
        assert (await client.get(url)).status_code == 200
        fault.arm()
        with pytest.raises(MailboxError):
            await system.writer.ask(Commit(writes=(Note(audit=()),)))
        with trio.fail_after(20):
            while True:
                await trio.sleep(0.1)
                try:
                    again = await client.get(url)
                except httpx.TransportError:
                    continue
                break
        assert again.status_code == 200
        assert system.feed.closed is False
        assert len(ready) == 1
        tree.stop()


@pytest.mark.parametrize("after", [False, True])
async def test_after_a_crash_of_the_writer_trading_goes_on_within_three_seconds(
    autojump_clock, monkeypatch, after
):
    """Orders that wait for it, shielded, must not hold up its own return."""
    load, fault = Load(), Faulty(monkeypatch, Writer, "_commit", after=after)
    for paper in load.papers.values():
        paper.script.on("place", Fault.delay(0.5), times=None)  # many are on the wire
    await load.run(fault)
    load.check()
    struck = 3 + FAULT_AT
    again = min(
        began
        for began, answer in load.answers
        if began > struck + 0.1
        and isinstance(answer, BatchDone)
        and any(order.status in ("acked", "filled") for order in answer.orders)
    )
    assert again - struck < 3
