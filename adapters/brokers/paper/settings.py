"""The keys of a `[brokers.NAME]` table with `adapter = "paper"`."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from adapters.brokers.paper.prices import HIGHEST, split

Seconds = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Fill = Literal["immediate", "partial", "manual"]

FINEST_TICK = Decimal("0.0001")
"""Prices have at most 4 decimals everywhere in Ordo."""


class PaperHolding(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Shares that the account starts with: units, and rupees paid for one."""

    quantity: Decimal
    average_price: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        _positive("quantity", self.quantity)
        if not self.average_price.is_finite() or self.average_price < 0:
            raise ValueError(
                f"average_price must not be negative, was {self.average_price}"
            )


class PaperSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A paper account: its money, its market, and how well its broker behaves.

    Args:
        balance: Rupees to start with.
        seed: Which course the made-up prices take.
        prices: Where a symbol's price starts, rupees; others start at a known or a
            made-up price. `{"NSE:SBIN": 812}`.
        volatility: Standard deviation of one step of a price, as a share of it; 0
            keeps prices where they are. A price makes a step each time it is quoted,
            and each time the order book is read while an order of it is open.
        tick: Rupees between two prices; `US:` symbols trade in cents.
        liquidity: Units of a symbol that trade at one price; None is no bound.
        symbols: The only symbols there are; empty is any of a known exchange.
        holdings: Shares in the account to start with, by symbol.
        margin: The share of an order's value that INTRADAY and MARGIN block.
        fill: `immediate` fills what the price allows; `partial` fills a half, and the
            rest at the next step of the price; `manual` fills nothing by itself.
        delay: Seconds that every answer takes, after the order is in the book.
        jitter: Seconds that an answer takes longer at most, evenly spread.
        book_delay: Seconds before an accepted order shows in the book.
        refuse_rate: The share of new orders that the broker rejects.
        fail_rate: The share of new orders that are accepted, but whose answer is lost.
    """

    balance: Decimal = Decimal(1_000_000)
    seed: int = 1
    prices: dict[str, Decimal] = {}
    volatility: Share = 0.0005
    tick: Decimal = Decimal("0.05")
    liquidity: Decimal | None = None
    symbols: tuple[str, ...] = ()
    holdings: dict[str, PaperHolding] = {}
    margin: Decimal = Decimal("0.20")
    fill: Fill = "immediate"
    delay: Seconds = 0.0
    jitter: Seconds = 0.0
    book_delay: Seconds = 0.0
    refuse_rate: Share = 0.0
    fail_rate: Share = 0.0

    def __post_init__(self) -> None:
        if not self.balance.is_finite() or not 0 <= self.balance <= 10**15:
            raise ValueError(f"balance must be from 0 to 10^15, was {self.balance}")
        if not self.margin.is_finite() or not 0 < self.margin <= 1:
            raise ValueError(f"margin must be above 0 and at most 1, was {self.margin}")
        if not self.tick.is_finite() or not FINEST_TICK <= self.tick <= 1000:
            raise ValueError(
                f"tick must be from {FINEST_TICK} to 1000, was {self.tick}"
            )
        if self.liquidity is not None:
            _positive("liquidity", self.liquidity)
            if self.liquidity % 1:
                raise ValueError(f"liquidity must be whole, was {self.liquidity}")
        for symbol, price in self.prices.items():
            if not price.is_finite() or not 2 * self.tick <= price <= HIGHEST:
                raise ValueError(
                    f"the price of {symbol} must be from two ticks to {HIGHEST},"
                    f" was {price}"
                )
        for symbol in (*self.prices, *self.symbols, *self.holdings):
            split(symbol)
        for name in ("delay", "jitter", "book_delay"):
            _within(name, getattr(self, name), math.inf)
        for name in ("volatility", "refuse_rate", "fail_rate"):
            _within(name, getattr(self, name), 1)


def _positive(name: str, value: Decimal) -> None:
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{name} must be positive, was {value}")


def _within(name: str, value: float, most: float) -> None:
    """Check what msgspec does not: it lets `inf` pass, and all that code makes."""
    if not math.isfinite(value) or not 0 <= value <= most:
        most_of_all = "" if math.isinf(most) else f" to {most:g}"
        raise ValueError(f"{name} must be from 0{most_of_all}, was {value}")
