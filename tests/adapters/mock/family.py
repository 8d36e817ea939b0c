"""What the tests of the mocks share: both mocks, made as Ordo makes them."""

import random
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from adapters import Order, OrderType, Product, Side
from adapters.brokers.mock import build
from adapters.brokers.mock.settings import AlpacaMockSettings, ZerodhaMockSettings
from adapters.catalogue import Surroundings

NOON = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
SBIN, AAPL = "NSE:SBIN", "US:AAPL"


def around(data, *, name="mock", wall=lambda: NOON):
    return Surroundings(
        name=name,
        base_url="",
        egress="direct",
        access_token=None,
        data=data,
        wall=wall,
        rng=random.Random(1),
    )


def zerodha(data, *, wall=lambda: NOON, **settings):
    own = {"prices": {SBIN: Decimal(812)}} | settings
    made = msgspec.convert(own, ZerodhaMockSettings)
    return build.zerodha(made, around(data, wall=wall))


def alpaca(data, *, name="mock", wall=lambda: NOON, **settings):
    own = {"prices": {AAPL: Decimal(268)}} | settings
    made = msgspec.convert(own, AlpacaMockSettings)
    return build.alpaca(made, around(data, name=name, wall=wall))


def order(side="BUY", quantity=10, price=None, *, symbol=SBIN, **more):
    """MARKET, or LIMIT with a price."""
    return Order(
        symbol=symbol,
        side=Side(side),
        quantity=Decimal(str(quantity)),
        type=more.pop("type", OrderType.MARKET if price is None else OrderType.LIMIT),
        price=None if price is None else Decimal(str(price)),
        product=more.pop("product", Product.CNC),
        **more,
    )


def pass_by():
    """A last look that lets everything go."""


async def place(mock, *args, tag="A1", **more):
    return await mock.place(order(*args, **more), tag, pass_by)


async def placed(mock, *args, **more):
    """The id of an order that was taken."""
    return (await place(mock, *args, **more)).broker_order_id


async def fill(mock, broker_order_id, quantity, price):
    return await mock.simulate_fill(
        broker_order_id, Decimal(str(quantity)), Decimal(str(price))
    )


async def row_of(mock, broker_order_id):
    """An order as the book shows it."""
    book = {row.broker_order_id: row for row in await mock.order_book()}
    return book[broker_order_id]
