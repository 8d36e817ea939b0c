"""The paper market: what each symbol costs now, and how much of it is there."""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from adapters.model import Quote

EXCHANGES = frozenset({"NSE", "BSE", "NFO", "BFO", "CDS", "MCX", "US"})
"""Where paper orders may go; other prefixes, such as `NSE_INDEX`, are quoted only."""

HIGHEST = Decimal(10**7)
"""The highest price: with it no sum outgrows the 28 digits of a Decimal."""

CENT = Decimal("0.01")

KNOWN = {
    "SBIN": 812,
    "INFY": 1498,
    "RELIANCE": 1402,
    "TCS": 3120,
    "HDFCBANK": 985,
    "ICICIBANK": 1372,
    "ITC": 404,
    "AXISBANK": 1215,
    "LT": 3920,
    "KOTAKBANK": 2094,
    "HINDUNILVR": 2408,
    "BHARTIARTL": 2011,
    "MARUTI": 15720,
    "TATASTEEL": 172,
    "WIPRO": 249,
    "NTPC": 338,
    "NIFTY": 25900,
    "BANKNIFTY": 58600,
    "SENSEX": 84900,
    "AAPL": 268,
    "MSFT": 487,
}
"""Where well-known names start, rounded: rupees, for the last two dollars."""


def split(symbol: str) -> tuple[str, str]:
    """The exchange and the name of a symbol.

    Raises:
        ValueError: It is not written `EXCHANGE:NAME`.
    """
    exchange, colon, name = symbol.partition(":")
    if not (exchange and colon and name) or not symbol.isprintable():
        raise ValueError(f"a symbol must be EXCHANGE:NAME, was {symbol[:60]!r}")
    return exchange, name


class Price:
    """One symbol's price on its way. `pinned`: somebody has set it, and it stays."""

    def __init__(self, start: Decimal, rng: random.Random) -> None:
        self.last = self.open = self.high = self.low = start
        self.pinned = False
        self.used = Decimal(0)  # units traded at this price
        self.rng = rng

    def move(self, last: Decimal) -> None:
        """Go to *last*, where everything is to be had anew."""
        self.last = last
        self.high = max(self.high, last)
        self.low = min(self.low, last)
        self.used = Decimal(0)


class Market:
    """Prices by symbol: a seeded random walk each, unless one is set.

    Each symbol walks by itself: which others are looked at does not change its course.

    Args:
        seed: The same seed walks the same ways.
        prices: Where symbols start, in place of the known or made-up price.
        volatility: Standard deviation of one step, as a share of the price.
        tick: Between two prices; `US:` symbols trade in cents.
        liquidity: Units of a symbol that trade at one price; None is no bound.
        symbols: The only ones there are; empty is any.
    """

    def __init__(
        self,
        *,
        seed: int,
        prices: Mapping[str, Decimal],
        volatility: float,
        tick: Decimal,
        liquidity: Decimal | None,
        symbols: tuple[str, ...],
    ) -> None:
        self._seed = seed
        self._starts = prices
        self._volatility = volatility
        self._tick = tick
        self._liquidity = liquidity
        self._liquidity_of: dict[str, Decimal | None] = {}
        self._symbols = frozenset(symbols)
        self._prices: dict[str, Price] = {}

    def lists(self, symbol: str) -> bool:
        """Whether there is such a symbol."""
        try:
            split(symbol)
        except ValueError:
            return False
        return not self._symbols or symbol in self._symbols

    def tick(self, symbol: str) -> Decimal:
        """What lies between two of its prices."""
        return CENT if symbol.startswith("US:") else self._tick

    def last(self, symbol: str) -> Decimal:
        """The last price."""
        return self._price(symbol).last

    def best(self, symbol: str, sign: int) -> Decimal:
        """What a buy (*sign* +1) has to pay now, or a sell (-1) gets: a tick off."""
        return self.last(symbol) + sign * self.tick(symbol)

    def quote(self, symbol: str, at: datetime) -> Quote:
        """The symbol's row of the market; the previous close is where it started."""
        price = self._price(symbol)
        return Quote(
            symbol=symbol,
            last_price=price.last,
            bid=self.best(symbol, -1),
            ask=self.best(symbol, +1),
            open=price.open,
            high=price.high,
            low=price.low,
            previous_close=price.open,
            at=at,
        )

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Put the price where it stays until it is set again or freed.

        Raises:
            ValueError: The bid, a tick below it, would not be positive; or too high.
        """
        if not price.is_finite() or not self.tick(symbol) < price <= HIGHEST:
            raise ValueError(
                f"price must be above one tick and at most {HIGHEST}, was {price}"
            )
        row = self._price(symbol)
        row.move(price)
        row.pinned = True

    def free_price(self, symbol: str) -> None:
        """Let the price walk on from where it is."""
        self._price(symbol).pinned = False

    def resume(self, symbol: str, price: Decimal) -> None:
        """Go on from the last trade of an earlier run, unless settings say where."""
        if symbol not in self._starts and price > self.tick(symbol):
            self._price(symbol).move(price)

    def step(self, symbol: str) -> None:
        """Let the price make one step, with new liquidity; a set one stays as it is."""
        price = self._price(symbol)
        if price.pinned:
            return
        tick = self.tick(symbol)
        ticks = round(price.rng.gauss(0, self._volatility * float(price.last / tick)))
        price.move(min(max(price.last + ticks * tick, 2 * tick), HIGHEST))

    def set_liquidity(self, symbol: str, quantity: Decimal | None) -> None:
        """Units that trade at one price from now on; None is no bound.

        Raises:
            ValueError: It is negative or not whole.
        """
        if quantity is not None and (quantity < 0 or quantity % 1):
            raise ValueError(f"liquidity must be whole units, was {quantity}")
        self._liquidity_of[symbol] = quantity
        self._price(symbol).used = Decimal(0)

    def at_most(self, symbol: str, quantity: Decimal) -> Decimal:
        """How much of *quantity* is to be had at the present price."""
        bound = self._liquidity_of.get(symbol, self._liquidity)
        if bound is None:
            return quantity
        return max(min(quantity, bound - self._price(symbol).used), Decimal(0))

    def take(self, symbol: str, quantity: Decimal) -> None:
        """Use up some of what is to be had at the present price."""
        self._price(symbol).used += quantity

    def _price(self, symbol: str) -> Price:
        price = self._prices.get(symbol)
        if price is None:
            start = self._starts.get(symbol) or _start(symbol, self.tick(symbol))
            # A made-up market needs no secrets, but the same course for each seed.
            rng = random.Random(f"{self._seed} {symbol}")  # noqa: S311
            price = self._prices[symbol] = Price(start, rng)
        return price


def _start(symbol: str, tick: Decimal) -> Decimal:
    """A plausible price: whole ticks near 20 to 200 for options, to 3000 for others."""
    exchange, name = split(symbol)
    if name in KNOWN:
        return Decimal(KNOWN[name])
    is_option = exchange in ("NFO", "BFO", "CDS", "MCX") and name[-2:] in ("CE", "PE")
    lowest, width = (20, 180) if is_option else (100, 2900)
    start = lowest + zlib.crc32(symbol.encode()) % width
    return max((start / tick).quantize(Decimal(1)), Decimal(2)) * tick
