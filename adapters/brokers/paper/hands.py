"""A hand on a simulated market: prices set, orders filled. For tests and by request."""

from __future__ import annotations

from decimal import Decimal

from adapters.brokers.paper.desk import Desk
from adapters.brokers.paper.prices import Market
from adapters.model import Trade


class Hands:
    """What may be done to a simulated broker from outside of its port's calls."""

    def __init__(self, market: Market, desk: Desk) -> None:
        self._market = market
        self._desk = desk

    def set_price(self, symbol: str, price: Decimal | int | str) -> None:
        """Put a price where it stays, and match what waits for it.

        Raises:
            ValueError: It is not above one tick, or too high.
        """
        self._market.set_price(symbol, Decimal(price))
        self._desk.match(symbol)

    def free_price(self, symbol: str) -> None:
        """Let a set price walk on."""
        self._market.free_price(symbol)

    def set_liquidity(self, symbol: str, quantity: Decimal | int | None) -> None:
        """Let so many units trade at one price, and match; None is no bound."""
        bound = None if quantity is None else Decimal(quantity)
        self._market.set_liquidity(symbol, bound)
        self._desk.match(symbol)

    def step(self, symbol: str | None = None) -> None:
        """Let a price make a step, or those of all open orders, and match."""
        wanted = self._desk.open_symbols() if symbol is None else [symbol]
        for each in wanted:
            self._desk.step(each)

    def fill(
        self,
        broker_order_id: str,
        quantity: Decimal | int | None = None,
        price: Decimal | int | str | None = None,
    ) -> Trade:
        """Fill an open order by hand, at any price; None is all, at its own price.

        Raises:
            Refused: It is not open, or not for that much, or the price is none.
        """
        return self._desk.fill(
            broker_order_id,
            None if quantity is None else Decimal(quantity),
            None if price is None else Decimal(price),
        )
