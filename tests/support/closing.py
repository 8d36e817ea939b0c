"""A gateway over paper brokers whose positions are squared off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio

from actors.messages import EngageSwitch, ReadSwitch, ReleaseSwitch
from adapters import Order, OrderQuery, OrderRecord
from adapters.instruments import InstrumentIndex
from ordo.system import System
from tests.support.gateway import a_batch, an_order, make_paper, make_system, place
from tests.support.gateway import running as run_tree
from tests.support.memory_store import MemoryStore

PRICES = {"NSE:SBIN": 812, "NSE:INFY": 1500}


def a_paper(**settings: Any) -> Any:
    return make_paper(**({"prices": PRICES} | settings))


def intraday(**changes: Any) -> Order:
    """Ten SBIN, which fill at once."""
    return an_order(**({"product": "INTRADAY"} | changes))


def of_infy(**changes: Any) -> Order:
    """Seven INFY sold short, which fill at once."""
    fields = {"symbol": "NSE:INFY", "side": "SELL", "price": 1490, "quantity": 7}
    return intraday(**(fields | changes))


def positions(paper: Any) -> dict[str, int]:
    """The net units of each symbol that is not nothing, at a paper broker."""
    rows = paper._account.ledger.positions(paper._market.last, None)
    nets: dict[str, int] = {}
    for row in rows:
        nets[row.symbol] = nets.get(row.symbol, 0) + int(row.quantity)
    return {symbol: net for symbol, net in nets.items() if net}


class Floor:
    """A running gateway, and what is done with it."""

    def __init__(
        self, system: System, papers: Mapping[str, Any], store: MemoryStore
    ) -> None:
        self.system, self.papers, self.store = system, papers, store
        self._keys = 0

    async def place(
        self, *orders: Order, brokers: tuple[str, ...] = ("one",), **changes: Any
    ) -> Any:
        self._keys += 1
        batch = a_batch(*brokers, key=f"key-{self._keys}", orders=orders, **changes)
        return await place(self.system, batch)

    async def halt(self, **changes: Any) -> Any:
        """Engage, and want positions closed unless told otherwise."""
        fields = {"by": "token:me", "reason": "enough", "close_positions": True}
        message = EngageSwitch(**(fields | changes))
        return await self.system.killswitch.ask(message, urgent=True)

    async def release(self) -> Any:
        message = ReleaseSwitch(by="token:me")
        return await self.system.killswitch.ask(message, urgent=True)

    async def counts(self, broker: str = "one") -> tuple[int, int, int] | None:
        """Wanted, done, failed; None before any is told."""
        found = await self._progress(broker)
        return None if found is None else (found.wanted, found.done, found.failed)

    async def failures(self, broker: str = "one") -> tuple[str, ...]:
        found = await self._progress(broker)
        return () if found is None else found.failures

    async def _progress(self, broker: str) -> Any:
        report = await self.system.killswitch.ask(ReadSwitch())
        return next((row for row in report.closes if row.broker == broker), None)

    def open(self, broker: str = "one") -> dict[str, int]:
        return positions(self.papers[broker])

    def closing(self) -> list[OrderRecord]:
        """The orders that close for a halt, oldest first."""
        rows = self.store.orders(OrderQuery(limit=1000))
        return [row for row in reversed(rows) if row.closes_for is not None]

    def told(self) -> list[tuple[str, int, str]]:
        """Of each closing order: symbol, units, status."""
        return [
            (row.order.symbol, int(row.order.quantity), str(row.status))
            for row in self.closing()
        ]


@asynccontextmanager
async def floor(
    papers: Mapping[str, Any] | None = None,
    store: MemoryStore | None = None,
    *,
    index: InstrumentIndex | None = None,
    **settings: Any,
) -> AsyncIterator[Floor]:
    """A gateway, up for two seconds, until the end of the block.

    *index*: what closing goes by for freeze quantities.
    """
    papers = papers or {"one": a_paper()}
    store = store or MemoryStore()
    system = make_system(dict(papers), store, **settings)
    if index is not None:  # the checks know none: one order may be larger
        system.instruments.indexes.of = lambda adapter: index
    async with run_tree(system):
        await trio.sleep(2)
        yield Floor(system, papers, store)
