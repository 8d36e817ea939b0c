"""A simulated day: three brokers, one trader, the hours from opening to settlement."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import trio

from adapters import Event
from ordo.system import System
from ordo.tokens import Scope, TokenBook
from tests.day.books import Booked
from tests.day.exchange import Exchange
from tests.day.plan import SETTLE_BY, Batch, Fate, Plan
from tests.ordo.http.caller import Caller
from tests.support.gateway import make_system, running, wall
from tests.support.memory_store import MemoryStore

DOWN_AT, UP_AT = 6_300.0, 9_900.0
"""From 11:00 to 12:00 by Indian time: the day opens at 9:15."""
DOWN = "two"
AROUND = (
    *(DOWN_AT - before for before in (40, 11, 0.3)),
    *(DOWN_AT + after for after in (0.4, 5, 20, 300, 900, 1800, 3000)),
    *(UP_AT + after for after in (0.5, 20, 60)),
)
"""When batches come, around the broker's going and coming."""
DROPS = (1_800.0, 5_400.0, 5_401.0, 12_600.0, 12_640.0, 18_000.0)
"""When streams of order updates break."""
SQUARE_OFF_AT = 21_600.0
"""15:15."""


class Recorder:
    """A publisher that remembers what it was told."""

    name = "recorder"

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def publish(self, events: Sequence[Event]) -> None:
        self.events += events
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Nothing is open."""


class Desk:
    """A gateway over simulated brokers, and the trader of a plan.

    Args:
        plan: the day.
        directory: for tokens.
        book_poll: seconds between reads of a book while orders are open.
        tell: the brokers that have a stream of order updates; of the others Ordo
            learns from their books alone.

    Attributes:
        legs: the answer to each order, by (batch, order, broker).
        batch_ids: of each batch that was stored, by its number.
        refusals: codes of changes and cancels that were refused.
    """

    def __init__(
        self,
        plan: Plan,
        directory: Path,
        *,
        book_poll: float = 30.0,
        tell: tuple[str, ...] = (),
    ) -> None:
        self.plan = plan
        self.store = MemoryStore()
        self.recorder = Recorder()
        self.exchanges = {
            name: Exchange(
                seed,
                plan.prices,
                book_poll=book_poll,
                tells=name in tell,
            )
            for seed, name in enumerate(plan.brokers, 1)
        }
        self.legs: dict[tuple[int, int, str], Any] = {}
        self.batch_ids: dict[int, str] = {}
        self.refusals: list[str] = []
        self._directory = directory
        self.caller: Caller

    @asynccontextmanager
    async def open(self, seed: int = 1) -> AsyncIterator[Desk]:
        """Ordo runs; what it was told stays in the store from one run to the next."""
        system = self._system(seed)
        async with running(system):
            await trio.sleep(2)  # a start counts the second before it as full
            yield self

    def _system(self, seed: int) -> System:
        ports = {name: each.port for name, each in self.exchanges.items()}
        system = make_system(
            ports, self.store, seed=seed, publishers=[self.recorder], rest_after=1e9
        )
        system.tokens = TokenBook(self._directory / "tokens.json", now=wall)
        papers = {name: each.paper for name, each in self.exchanges.items()}
        self.caller = Caller(system, papers)
        self.caller.tokens = {str(scope): system.tokens.new(scope) for scope in Scope}
        return system

    async def trade(self) -> None:
        """Everything from the opening to the close."""
        async with trio.open_nursery() as tasks:
            tasks.start_soon(self._outage)
            tasks.start_soon(self._drops)
            for batch in self.plan.batches:
                tasks.start_soon(self._batch, batch)
        assert trio.current_time() < SETTLE_BY
        await trio.sleep_until(SQUARE_OFF_AT)
        await self._square_off()

    async def _outage(self) -> None:
        exchange = self.exchanges[DOWN]
        await trio.sleep_until(DOWN_AT - 1)
        exchange.stumble()
        await trio.sleep_until(DOWN_AT)
        exchange.down()
        await trio.sleep_until(UP_AT)
        exchange.up()

    async def _drops(self) -> None:
        """Streams break, now and then."""
        for moment in DROPS:
            await trio.sleep_until(moment)
            for exchange in self.exchanges.values():
                exchange.hang_up()

    async def _batch(self, batch: Batch) -> None:
        async with trio.open_nursery() as tasks:
            for index, wish in enumerate(batch.wishes):
                for broker, fate in wish.fates.items():
                    leg = (batch.number, index, broker)
                    tasks.start_soon(self._exchange, leg, fate, batch.at)
                    tasks.start_soon(self._trader, leg, fate, batch.at)
            await trio.sleep_until(batch.at)
            await self._place(batch)

    async def _place(self, batch: Batch) -> None:
        body = noted(batch)
        answer = await self.caller.place(body, key=f"day-{batch.number}")
        assert answer.status in (200, 202), answer.json
        if answer.data["batch_id"] is not None:
            self.batch_ids[batch.number] = answer.data["batch_id"]
        for row in answer.legs:
            self.legs[batch.number, row["order_index"], row["broker"]] = row

    async def _exchange(self, leg: tuple[int, int, str], fate: Fate, at: float) -> None:
        """What the exchange does to one order."""
        exchange, note = self.exchanges[leg[2]], note_of(*leg[:2])
        if fate.refused:
            exchange.refuse(note)
        if fate.lost:
            exchange.lose(note)
        for part in fate.parts:
            await trio.sleep_until(at + part.after)
            exchange.trade(note, part)

    async def _trader(self, leg: tuple[int, int, str], fate: Fate, at: float) -> None:
        """What the trader does to one order after it was placed."""
        if fate.change is not None:
            after, change = fate.change
            await trio.sleep_until(at + after)
            await self._touch(leg, "PATCH", change)
        if fate.cancel is not None:
            await trio.sleep_until(at + fate.cancel)
            await self._touch(leg, "DELETE")

    async def _touch(
        self, leg: tuple[int, int, str], method: str, body: Any = None
    ) -> None:
        order_id = self.legs[leg]["order_id"]
        if order_id is None:
            return  # denied before it was stored
        answer = await self.caller.call(method, f"/api/v1/orders/{order_id}", body)
        if answer.json["status"] != "success":
            self.refusals.append(str(answer.code or answer.legs[0]["error_code"]))

    async def _square_off(self) -> None:
        """The last quarter of an hour: nothing stays open, nothing is held."""
        caller, names = self.caller, list(self.plan.brokers)
        answer = await caller.call("POST", "/api/v1/orders/cancel", {"brokers": names})
        assert answer.status == 200, answer.json
        answer = await caller.call(
            "POST", "/api/v1/positions/close", {"brokers": names, "deadline_ms": 60_000}
        )
        assert answer.json["status"] == "success", answer.json
        self.batch_ids[0] = answer.data["batch_id"]
        await trio.sleep(60)
        for exchange in self.exchanges.values():
            exchange.trade_all()
        await trio.sleep(60)

    # What there is to look at

    def books(self) -> dict[str, dict[str, Booked]]:
        """The brokers' books, by broker and tag."""
        return {name: each.book() for name, each in self.exchanges.items()}

    async def get(self, path: str) -> Any:
        """The `data` of an answer, its numbers exact."""
        answer = await self.caller.get(f"/api/v1/{path}")
        assert answer.json["status"] == "success", answer.json
        return exact(answer.data)

    async def orders(self) -> list[dict[str, Any]]:
        """All orders as Ordo shows them, oldest first."""
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await self.get(f"orders?limit=200{cursor}")
            rows += page["orders"]
            if page["next_cursor"] is None:
                return rows[::-1]
            cursor = f"&cursor={page['next_cursor']}"


def exact(value: Any) -> Any:
    """JSON with decimals in place of floats: as they were written."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, list):
        return [exact(each) for each in value]
    if isinstance(value, dict):
        return {key: exact(each) for key, each in value.items()}
    return value


def note_of(batch: int, index: int) -> str:
    """What an order of the plan is known by at the exchange."""
    return f"day {batch}/{index}"


def noted(batch: Batch) -> dict[str, Any]:
    """The request, each order with its note."""
    body = batch.body
    for index, order in enumerate(body["orders"]):
        order["note"] = note_of(batch.number, index)
    return body
