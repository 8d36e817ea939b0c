"""The book shows no tags: an order has to be told by its terms, as they come back."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from actors.matching import CLOCKS, Seeker, Seen, Stage, find, kind_of
from adapters.model import OrderStatus, OrderType, Product, Validity
from tests.support.records import a_record

from .conftest import NOON, ORDER, TAG, look
from .test_against_venue import broker, venue

__all__ = ["broker", "venue"]

PRICES = {
    OrderType.MARKET: (None, None),
    OrderType.LIMIT: ("812.35", None),
    OrderType.SL: ("815.00", "814.00"),
    OrderType.SL_M: (None, "814.00"),
}


def a(kind, **changes):
    price, trigger = (each and Decimal(each) for each in PRICES[kind])
    return replace(ORDER, type=kind, price=price, trigger_price=trigger, **changes)


@pytest.mark.parametrize("kind", OrderType)
@pytest.mark.parametrize("product", [Product.CNC, Product.INTRADAY])
@pytest.mark.parametrize("validity", Validity)
async def test_a_row_has_the_terms_that_were_sent(broker, kind, product, validity):
    order = a(kind, product=product, validity=validity)
    await broker.place(order, TAG, look)
    [row] = await broker.order_book()
    assert row.tag is None
    assert kind_of(a_record(order=order)).fits(row)


async def test_of_several_orders_each_is_found_once_by_terms_and_time(broker):
    orders = [a(OrderType.LIMIT, quantity=Decimal(n)) for n in (1, 2, 3)]
    for order in orders:
        await broker.place(order, TAG, look)
    seekers = [
        Seeker(
            a_record(
                OrderStatus.UNKNOWN,
                order_id=f"ORDER{number}",
                order=order,
                sending_at=NOON,
            ),
            Stage.DOUBT,
            None,
        )
        for number, order in enumerate(orders, 1)
    ]
    book = await broker.order_book()
    found = find(seekers, book, Seen())
    rows = [found[f"ORDER{number}"].row for number in (1, 2, 3)]
    assert [row and row.quantity for row in rows] == [1, 2, 3]
    assert all(row and row.placed_at == NOON for row in rows)
    assert timedelta(seconds=1) < CLOCKS  # the book tells whole seconds
