"""What the tests of the paper broker share: a clock on the wall, orders, a broker."""

import random
from datetime import UTC, datetime
from decimal import Decimal

import trio

from adapters import Order, OrderType, Product, Side
from adapters.brokers.paper import PaperBroker, PaperSettings

SBIN = "NSE:SBIN"
INFY = "NSE:INFY"
NOON = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)


def dec(value):
    return None if value is None else Decimal(str(value))


def order(side="BUY", quantity=10, price=None, *, symbol=SBIN, trigger=None, **more):
    """MARKET, or LIMIT with a price, or SL-M with a trigger, or SL with both."""
    kinds = {
        (False, False): OrderType.MARKET,
        (True, False): OrderType.LIMIT,
        (False, True): OrderType.SL_M,
        (True, True): OrderType.SL,
    }
    return Order(
        symbol=symbol,
        side=Side(side),
        quantity=dec(quantity),
        type=more.pop("type", kinds[price is not None, trigger is not None]),
        price=dec(price),
        trigger_price=dec(trigger),
        product=more.pop("product", Product.INTRADAY),
        **more,
    )


def make_broker(
    *, chance=7, journal=None, wall=lambda: NOON, sleep=trio.sleep, at=812, **settings
):
    """A broker whose SBIN stands at *at* and stays there; *chance* seeds its luck."""
    paper = PaperBroker(
        PaperSettings(**({"volatility": 0.0} | settings)),
        rng=random.Random(chance),
        wall=wall,
        sleep=sleep,
        journal=journal,
    )
    if at is not None:
        paper.set_price(SBIN, at)
    return paper


def pass_by():
    """A last look that lets everything go."""


async def place(broker, *args, tag="A1", **more):
    return await broker.place(order(*args, **more), tag, pass_by)


async def row(broker, number=1):
    """The order's row in the book, which is read for it."""
    book = {entry.broker_order_id: entry for entry in await broker.order_book()}
    return book[f"PAPER-{number:06d}"]


async def fills(broker):
    """Quantity and price of every trade."""
    return [(int(t.quantity), str(t.price)) for t in await broker.trades()]
