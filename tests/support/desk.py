"""A broker that answers reads as it is told, for what is asked before an order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import trio

from actors.case import Desk
from actors.lookups import Lookups
from actors.mailbox import Mailbox, Request
from actors.messages import Denial, Fetch, Fetched, FetchFailed
from adapters import Funds, Margin, Quote
from adapters.brokers.paper.adapter import CAPABILITIES
from adapters.instruments import InstrumentIndex
from tests.support.market import an_index

D = Decimal


def a_quote(symbol: str = "NSE:SBIN", last: Any = 812, **changes: Any) -> Quote:
    fields: dict[str, Any] = {"bid": D(last) - 1, "ask": D(last) + 1} | changes
    return Quote(symbol=symbol, last_price=D(last), **fields)


def some_funds(cash: Any) -> Funds:
    return Funds(available=D(cash), used=D(0), cash=D(cash), total=D(cash))


def a_margin(required: Any, available: Any = None) -> Margin:
    there = None if available is None else D(available)
    return Margin(required=D(required), available=there)


class Teller:
    """The reads of one broker.

    Attributes:
        asked: the fetches that came, as (kind, symbols or orders).
        takes: seconds for each answer.
        says: the rows by kind; a `Denial` is a failure, a callable gets the fetch.
    """

    def __init__(self) -> None:
        self.mailbox = Mailbox("broker:one", 100)
        self.lookups = Lookups("one", self.mailbox)
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.takes = 0.0
        self.says: dict[str, Any] = {
            "quotes": lambda fetch: tuple(map(a_quote, fetch.symbols)),
            "funds": (some_funds(100_000),),
            "margin": (a_margin(1000, 100_000),),
            "positions": (),
        }

    @property
    def kinds(self) -> list[str]:
        """What was asked for, in order."""
        return [kind for kind, _ in self.asked]

    def desk(
        self,
        index: InstrumentIndex | None = None,
        *,
        policy: Any = "protected",
        fresh: bool = True,
        **can: Any,
    ) -> Desk:
        """What the checks know of it: a real broker without a margin call."""
        return Desk(
            name="one",
            can=msgspec.structs.replace(CAPABILITIES, **{"simulated": False, **can}),
            instruments=an_index() if index is None else index,
            lookups=self.lookups,
            policy=policy,
            fresh=lambda: fresh,
        )

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[Teller]:
        """Answer until the end of the block."""
        async with trio.open_nursery() as tasks:
            tasks.start_soon(self._run, tasks)
            yield self
            tasks.cancel_scope.cancel()

    async def _run(self, tasks: trio.Nursery) -> None:
        while True:
            tasks.start_soon(self._answer, await self.mailbox.receive())

    async def _answer(self, request: Request) -> None:
        with request:
            fetch: Fetch = request.message
            self.asked.append((fetch.kind, fetch.symbols or fetch.orders))
            await trio.sleep(self.takes)
            said = self.says[fetch.kind]
            rows = said(fetch) if callable(said) else said
            if isinstance(rows, Denial):
                request.reply(FetchFailed(broker="one", denial=rows))
            else:
                request.reply(
                    Fetched(broker="one", rows=rows, attempts=1, latency_ms=0.0)
                )
