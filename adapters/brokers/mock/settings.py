"""The keys of a `[brokers.NAME]` table with a mock adapter.

What they say is put together as `PaperSettings`, which check the values.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from adapters.brokers.paper import PaperHolding, PaperSettings


class MockSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What both mocks take.

    Args:
        prices: What a symbol costs, for ever; others have a made-up price, which
            stays as well.
        symbols: The only symbols there are; empty is any.
    """

    prices: dict[str, Decimal] = {}
    symbols: tuple[str, ...] = ()

    def still(self, **more: Any) -> PaperSettings:
        """A paper account whose prices stand still and whose orders wait for a hand.

        Raises:
            ValueError: A value makes no account.
        """
        return PaperSettings(
            prices=self.prices,
            symbols=self.symbols,
            volatility=0.0,
            fill="manual",
            **more,
        )


class ZerodhaMockSettings(MockSettings, frozen=True, kw_only=True):
    """A Zerodha-like account.

    Args:
        balance: Rupees to start with.
        holdings: Shares in the demat account to start with, by symbol.
        margin: The share of an order's value that INTRADAY and MARGIN block.
        tick: Rupees between two prices.
        id_day: The day that order ids begin with; None is the day of the order.
    """

    balance: Decimal = Decimal(1_000_000)
    holdings: dict[str, PaperHolding] = {}
    margin: Decimal = Decimal("0.20")
    tick: Decimal = Decimal("0.05")
    id_day: date | None = None

    def __post_init__(self) -> None:
        self.paper()
        for symbol in (*self.prices, *self.symbols, *self.holdings):
            if symbol.startswith("US:"):
                raise ValueError(f"zerodha has no US symbols, was {symbol}")

    def paper(self) -> PaperSettings:
        """The same as a paper account."""
        return self.still(
            balance=self.balance,
            holdings=self.holdings,
            margin=self.margin,
            tick=self.tick,
        )


class AlpacaMockSettings(MockSettings, frozen=True, kw_only=True):
    """An Alpaca-like account.

    Args:
        balance: Dollars to start with. Source: the paper accounts of Alpaca's own.
    """

    balance: Decimal = Decimal(100_000)

    def __post_init__(self) -> None:
        self.paper()
        _only_us((*self.prices, *self.symbols))

    def paper(self) -> PaperSettings:
        """The same as a paper account; prices are in cents."""
        return self.still(balance=self.balance, tick=Decimal("0.01"))


def _only_us(symbols: Iterable[str]) -> None:
    for symbol in symbols:
        if not symbol.startswith("US:"):
            raise ValueError(f"alpaca has only US symbols, was {symbol}")
