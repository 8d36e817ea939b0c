"""A whole gateway without HTTP, threads or files: actors over a store in memory."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import trio

from actors.clockwork import Clockwork, Ids
from actors.egress import Look
from actors.messages import Leg, PlaceBatch
from adapters import BrokerPort, Order, OrderType, PublisherPort, Side
from adapters.alerting import AlertPort
from adapters.brokers.paper import PaperBroker, PaperSettings
from adapters.instruments import InstrumentIndex
from ordo.config import Broker, Settings
from ordo.config.sections import Market
from ordo.masters import no_masters
from ordo.system import NO_LOOKS, System
from ordo.tokens import TokenBook
from ordo.tree import tree_of
from tests.support.memory_store import START, MemoryStore


async def inline(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run a store's call in the loop: virtual time would outrun a thread."""
    await trio.lowlevel.checkpoint()
    return call(*args, **kwargs)


def wall() -> datetime:
    """Wall time that goes with Trio's clock."""
    return START + timedelta(seconds=trio.current_time())


def make_clockwork(seed: int = 1) -> Clockwork:
    rng = random.Random(seed)
    return Clockwork(wall=wall, ids=Ids(wall, rng), rng=rng)


def make_paper(seed: int = 1, **settings: Any) -> PaperBroker:
    settings = {"volatility": 0.0, "prices": {"NSE:SBIN": 812}} | settings
    import msgspec

    own = msgspec.convert(settings, PaperSettings)
    return PaperBroker(own, rng=random.Random(seed), wall=wall)


def make_system(
    ports: dict[str, BrokerPort],
    store: MemoryStore | None = None,
    *,
    seed: int = 1,
    looks: Mapping[str, Look] = NO_LOOKS,
    publishers: Sequence[PublisherPort] = (),
    channels: Sequence[AlertPort] = (),
    rest_after: float = 30.0,
    index: InstrumentIndex | None = None,
    **broker_settings: Any,
) -> System:
    """A system over simulated brokers; `tree_of` makes what runs it.

    *index*: what all of them trade; None: they have no master.
    """
    masters = no_masters()
    if index is not None:
        masters.indexes.of = lambda adapter: index  # type: ignore[method-assign]
    tables = {
        name: Broker(name=name, adapter="paper", own=PaperSettings(), **broker_settings)
        for name in ports
    }
    return System(
        Settings(brokers=tables, market=Market(rest_after=rest_after)),
        store or MemoryStore(),
        TokenBook("/nonexistent/tokens.json"),  # type: ignore[arg-type]
        ports,
        make_clockwork(seed),
        write_sync=inline,
        read_sync=inline,
        looks=looks,
        instruments=masters,
        publishers=publishers,
        channels=channels,
    )


@asynccontextmanager
async def running(system: System) -> AsyncIterator[System]:
    """The system's tree, running; stopped in order at the end."""
    tree = tree_of(system, None, lambda: None)
    async with trio.open_nursery() as nursery:
        await nursery.start(tree.run)
        yield system
        tree.stop()


def an_order(**changes: Any) -> Order:
    """Ten SBIN at the market's price, bought."""
    fields: dict[str, Any] = {
        "symbol": "NSE:SBIN",
        "side": Side.BUY,
        "quantity": 10,
        "type": OrderType.LIMIT,
        "price": 813,
    }
    import msgspec

    return msgspec.convert(fields | changes, Order)


def a_batch(
    *brokers: str, key: str = "key-1", orders: Sequence[Order] = (), **changes: Any
) -> PlaceBatch:
    """One order to each of *brokers*."""
    legs = tuple(
        Leg(order_index=index, broker=broker, order=order)
        for index, order in enumerate(orders or (an_order(),))
        for broker in brokers
    )
    fields: dict[str, Any] = {
        "principal": "token:test",
        "request_id": "request-1",
        "key": key,
        "key_given": True,
        "fingerprint": "fingerprint-1",
        "legs": legs,
        "portfolio_id": None,
        "deadline_ms": 5000,
    }
    return PlaceBatch(**(fields | changes))


async def place(system: System, message: PlaceBatch) -> Any:
    """Ask the router as the HTTP front does."""
    with trio.fail_after(message.deadline_ms / 1000):
        return await system.router.ask(message)
