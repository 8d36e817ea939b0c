"""Squaring off by the kill-switch: each position once, nothing else, whatever breaks."""

import msgspec
import pytest
import trio

from actors.messages import EngageSwitch, ReadSwitch, ReleaseSwitch
from adapters import OrderQuery, Product, Side
from adapters.brokers.paper import Fault
from tests.support.gateway import a_batch, an_order, make_paper, make_system, place
from tests.support.gateway import running as run_tree

PRICES = {"NSE:SBIN": 812, "NSE:INFY": 1500}


def a_paper(**settings):
    return make_paper(**({"prices": PRICES} | settings))


async def running_with(*orders, paper=None, store=None, brokers=("one",)):
    raise NotImplementedError


class Floor:
    """A gateway over paper brokers, and what was done to it."""

    def __init__(self, system, papers):
        self.system, self.papers = system, papers
        self._keys = 0

    async def place(self, *orders, brokers=("one",), **changes):
        self._keys += 1
        batch = a_batch(*brokers, key=f"key-{self._keys}", orders=orders, **changes)
        return await place(self.system, batch)

    async def close(self, **changes):
        message = EngageSwitch(
            **{"by": "token:me", "reason": "enough", "close_positions": True} | changes
        )
        return await self.system.killswitch.ask(message, urgent=True)

    async def release(self):
        return await self.system.killswitch.ask(ReleaseSwitch(by="me"), urgent=True)

    async def report(self):
        return await self.system.killswitch.ask(ReadSwitch())

    async def counts(self, broker="one"):
        found = [row for row in (await self.report()).closes if row.broker == broker]
        return [(row.wanted, row.done, row.failed, row.failures) for row in found]

    def positions(self, broker="one"):
        """The net units of each symbol and product that is not nothing."""
        paper = self.papers[broker]
        rows = paper._account.ledger.positions(paper._market.last, None)
        return {
            (row.symbol, str(row.product)): row.quantity
            for row in rows
            if row.quantity
        }

    def closing(self):
        """The orders that close, oldest first."""
        rows = self.system.records._store.orders(OrderQuery(limit=1000))
        return [row for row in reversed(rows) if row.closes_for is not None]


def running(*brokers, papers=None, store=None, **settings):
    papers = papers or {name: a_paper() for name in brokers or ("one",)}
    system = make_system(dict(papers), store, **settings)
    return Running(system, papers)


class Running:
    def __init__(self, system, papers):
        self._floor = Floor(system, papers)
        self._tree = run_tree(system)

    async def __aenter__(self):
        await self._tree.__aenter__()
        await trio.sleep(2)
        return self._floor

    async def __aexit__(self, *exc):
        return await self._tree.__aexit__(*exc)


def bought(**changes):
    return an_order(**{"product": "INTRADAY"} | changes)


async def test_a_long_and_a_short_position_are_brought_to_nothing(autojump_clock):
    async with running() as floor:
        await floor.place(
            bought(),
            bought(symbol="NSE:INFY", side="SELL", price=1490, quantity=7),
        )
        assert floor.positions() == {
            ("NSE:SBIN", "INTRADAY"): 10,
            ("NSE:INFY", "INTRADAY"): -7,
        }
        report = await floor.close()
        assert (report.switch.close_positions, report.switch.cancel_open) == (True, True)
        await trio.sleep(5)
        assert floor.positions() == {}
        assert await floor.counts() == [(2, 2, 0, ())]
        sides = {row.order.symbol: row.order.side for row in floor.closing()}
        assert sides == {"NSE:SBIN": Side.SELL, "NSE:INFY": Side.BUY}
        assert {row.order.product for row in floor.closing()} == {Product.INTRADAY}
        assert {str(row.sent_as.type) for row in floor.closing()} == {"LIMIT"}
