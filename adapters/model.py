"""The trading model: what orders, books and accounts are, at every broker.

Money and prices are `Decimal` in the market's currency, quantities `Decimal` units (not
lots), times aware UTC. Everything here is frozen; a change is a new value.

What there are thousands of is `gc=False`: made of plain values alone it is in no cycle,
so the collector need not know it, nor each hold 16 bytes for the collector.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

ZERO = Decimal(0)


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """How the price is found: SL is stop-limit, SL-M stop-market."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"
    SL_M = "SL-M"

    @property
    def has_price(self) -> bool:
        """Whether orders of this type carry a limit price."""
        return self in (OrderType.LIMIT, OrderType.SL)

    @property
    def has_trigger(self) -> bool:
        """Whether orders of this type wait for a trigger price."""
        return self in (OrderType.SL, OrderType.SL_M)


class Product(StrEnum):
    """CNC is delivery, MARGIN carries derivatives forward."""

    CNC = "CNC"
    INTRADAY = "INTRADAY"
    MARGIN = "MARGIN"


class Validity(StrEnum):
    """How long an order rests."""

    DAY = "DAY"
    IOC = "IOC"


class OrderStatus(StrEnum):
    """What is known of an order, by the names that clients see.

    `denied` is said by Ordo, `rejected` by the broker. `unknown`: it may have arrived.
    `not_placed`: was unknown, and the broker, asked long enough, does not have it.
    """

    PLACED = "placed"
    ACKED = "acked"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    SETTLED = "settled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    DENIED = "denied"
    UNKNOWN = "unknown"
    NOT_PLACED = "not_placed"


OPEN_STATUSES = frozenset(
    {OrderStatus.PLACED, OrderStatus.ACKED, OrderStatus.PARTIALLY_FILLED}
)
"""The order is, or may be about to be, working at its broker."""

UNSETTLED_STATUSES = OPEN_STATUSES | {OrderStatus.UNKNOWN}
"""Ordo still has something to learn about the order."""


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the client wants, the same for every broker.

    `quantity` and `disclosed_quantity` are units; `symbol` is `EXCHANGE:NAME`.
    """

    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    product: Product = Product.CNC
    validity: Validity = Validity.DAY
    disclosed_quantity: Decimal | None = None
    note: str | None = None


class SentAs(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What went out where market protection changed the order."""

    type: OrderType
    price: Decimal | None
    trigger_price: Decimal | None


class Slice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which part of a larger order an order is: *number* of *of*, from 1.

    *parent_id* is common to all parts and made like an order's id; no order bears it.
    """

    parent_id: str
    number: int
    of: int


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted request: what all its legs share. `deadline_ms` is a length."""

    batch_id: str
    principal: str
    idempotency_key: str
    portfolio_id: str | int | None
    created_at: datetime
    deadline_ms: int


class OrderRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One leg: an order at one broker, as it stands in the store.

    `sending_at` is the time of the commit that allowed the first byte: a `placed`
    record without it has provably not left. `latency_ms` is the broker's. `closes_for`
    is the version of the halt that this order closes a position for; None: an ordinary
    order, which no halt lets go. `slice` is None of an order that was not cut up.
    `cancel_by` is who asked for the first cancel of it, as the audit names them.
    """

    order_id: str
    batch_id: str
    order_index: int
    broker: str
    client_tag: str
    order: Order
    status: OrderStatus
    created_at: datetime
    updated_at: datetime
    sending_at: datetime | None = None
    broker_order_id: str | None = None
    filled_quantity: Decimal = ZERO
    average_price: Decimal | None = None
    error_code: str | None = None
    message: str | None = None
    broker_code: str | None = None
    broker_message: str | None = None
    http_status: int | None = None
    attempts: int = 0
    latency_ms: float | None = None
    sent_as: SentAs | None = None
    cancel_requested: bool = False
    closes_for: int | None = None
    slice: Slice | None = None
    cancel_by: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the order works, or may be about to work, at its broker."""
        return self.status in OPEN_STATUSES

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is expected, short of a late surprise."""
        return self.status not in UNSETTLED_STATUSES


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One change of an order's status: when, to what, why."""

    order_id: str
    at: datetime
    status: OrderStatus
    cause: str
    fill_price: Decimal | None = None
    fill_quantity: Decimal | None = None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, by whom, to what; the store adds number, time and chain.

    `actor` is a principal (`token:ID`) or a part of Ordo (`broker:NAME`); `action` is
    `subject.verb`, such as `order.accepted`. `detail` holds plain JSON values only.
    """

    actor: str
    action: str
    request_id: str | None = None
    batch_id: str | None = None
    order_id: str | None = None
    broker: str | None = None
    detail: dict[str, Any] = {}


class BookStatus(StrEnum):
    """What a broker's book says of an order; TRANSIT: not at the exchange yet."""

    TRANSIT = "transit"
    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNCLEAR = "unclear"


class BookOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of a broker's order book. `tag` is None where the order bears none."""

    broker_order_id: str
    tag: str | None
    symbol: str
    side: Side
    quantity: Decimal
    filled_quantity: Decimal
    status: BookStatus
    type: OrderType
    product: Product | str
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    average_price: Decimal | None = None
    validity: Validity | str = Validity.DAY
    message: str | None = None
    placed_at: datetime | None = None


class Trade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One fill; (broker, `trade_id`) is unique."""

    trade_id: str
    broker_order_id: str
    tag: str | None
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    product: Product | str
    traded_at: datetime | None = None


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A net position: `quantity` is signed, `day_quantity` what today's trades made."""

    symbol: str
    product: Product | str
    quantity: Decimal
    day_quantity: Decimal
    average_price: Decimal
    last_price: Decimal | None
    realised_pnl: Decimal
    unrealised_pnl: Decimal


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """Shares in the demat account; `t1_quantity` are bought and not yet delivered."""

    symbol: str
    quantity: Decimal
    t1_quantity: Decimal
    average_price: Decimal
    last_price: Decimal | None
    isin: str | None = None


class Funds(msgspec.Struct, frozen=True, kw_only=True):
    """What an account can spend: `available` may hold collateral, `cash` does not."""

    available: Decimal
    used: Decimal
    cash: Decimal
    total: Decimal
    currency: str = "INR"


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The market in one symbol now."""

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
    """One price of the order book: how many units wait there, in how many orders."""

    price: Decimal
    quantity: Decimal
    orders: int | None = None


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """The order book of one symbol, best price first, and the day's limits."""

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    last_price: Decimal | None = None
    lower_band: Decimal | None = None
    upper_band: Decimal | None = None
    at: datetime | None = None


class Margin(msgspec.Struct, frozen=True, kw_only=True):
    """What orders would block, as the broker reckons; `available` where it says so."""

    required: Decimal
    available: Decimal | None = None
    currency: str = "INR"


class Acked(msgspec.Struct, frozen=True, kw_only=True):
    """The broker took the order, the change or the cancel."""

    broker_order_id: str
    http_status: int | None = None


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """The broker said no, in its own code and words.

    `broker_order_id` is set where the refused order still stands in its book.
    """

    code: str
    text: str
    http_status: int | None = None
    broker_order_id: str | None = None
