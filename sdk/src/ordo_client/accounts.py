"""What the brokers tell of accounts and markets, each row with its broker.

Money is of the market's currency, quantities are units, times aware UTC.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from ordo_client.answers import Result


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A net position: `quantity` is signed, `day_quantity` what today's trades made."""

    broker: str
    symbol: str
    product: str
    quantity: Decimal
    day_quantity: Decimal
    average_price: Decimal
    last_price: Decimal | None = None
    realised_pnl: Decimal
    unrealised_pnl: Decimal


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """Shares in the demat account; `t1_quantity` are bought and not yet delivered."""

    broker: str
    symbol: str
    quantity: Decimal
    t1_quantity: Decimal
    average_price: Decimal
    last_price: Decimal | None = None
    isin: str | None = None


class Funds(msgspec.Struct, frozen=True, kw_only=True):
    """What an account can spend: `available` may hold collateral, `cash` does not."""

    broker: str
    available: Decimal
    used: Decimal
    cash: Decimal
    total: Decimal
    currency: str = "INR"


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One fill; (broker, `trade_id`) is unique."""

    broker: str
    trade_id: str
    broker_order_id: str
    tag: str | None = None
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    product: str
    traded_at: datetime | None = None


class BookOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a broker's own order book.

    `external`: placed elsewhere; None where nobody can tell yet.
    """

    broker: str
    broker_order_id: str
    tag: str | None = None
    symbol: str
    side: str
    quantity: Decimal
    filled_quantity: Decimal
    status: str
    type: str
    product: str
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    average_price: Decimal | None = None
    validity: str = "DAY"
    message: str | None = None
    placed_at: datetime | None = None
    order_id: str | None = None
    external: bool | None = None


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The market in one symbol, as one broker sees it."""

    broker: str
    symbol: str
    last_price: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    previous_close: Decimal | None = None
    volume: Decimal | None = None
    at: datetime | None = None


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """One price of an order book: how many units wait there, in how many orders."""

    price: Decimal
    quantity: Decimal
    orders: int | None = None


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """The order book of one symbol, best price first, and the day's limits."""

    broker: str
    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    last_price: Decimal | None = None
    lower_band: Decimal | None = None
    upper_band: Decimal | None = None
    at: datetime | None = None


class Margin(msgspec.Struct, frozen=True, kw_only=True):
    """What orders would block, as the broker reckons; `available` where it says so."""

    broker: str
    required: Decimal
    available: Decimal | None = None
    currency: str = "INR"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What is held of something, and what it has won or lost.

    `pnl` is what is realised and unrealised of positions, and the gain of holdings;
    None where a price is missing.
    """

    position_quantity: Decimal
    holding_quantity: Decimal
    realised_pnl: Decimal
    unrealised_pnl: Decimal
    holding_cost: Decimal
    holding_value: Decimal | None = None
    holding_pnl: Decimal | None = None
    pnl: Decimal | None = None


class BrokerPart(Part, frozen=True, kw_only=True):
    """One broker's part."""

    broker: str


class SymbolTotal(Part, frozen=True, kw_only=True):
    """One symbol over all brokers, and what each has of it."""

    symbol: str
    brokers: tuple[BrokerPart, ...]


class FundsTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts' money in one currency."""

    currency: str
    available: Decimal
    used: Decimal
    cash: Decimal
    total: Decimal


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """A portfolio, summed."""

    by_symbol: tuple[SymbolTotal, ...]
    by_broker: tuple[BrokerPart, ...]
    funds: tuple[FundsTotal, ...]


class Portfolio(Result, frozen=True, kw_only=True):
    """All accounts as one: the brokers' own rows, and their sums."""

    holdings: tuple[Holding, ...]
    positions: tuple[Position, ...]
    funds: tuple[Funds, ...]
    totals: Totals
