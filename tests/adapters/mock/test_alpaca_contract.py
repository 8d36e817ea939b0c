"""`alpaca-mock` under the contract of all brokers."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from adapters import OrderType, Product
from tests.contracts.broker_contract import *  # noqa: F403
from tests.contracts.broker_contract import placed, row

from .family import AAPL, alpaca, order
from .subject import MockSubject, each_type_rests_as_it_was_placed


class AlpacaSubject(MockSubject):
    adapter = "alpaca-mock"
    last = Decimal(268)
    tick = Decimal("0.01")
    order = order(price="267.35", symbol=AAPL)
    nobody_knows = "US:NOSUCH"


@pytest.fixture
async def subject(tmp_path):
    made = AlpacaSubject(alpaca(tmp_path, symbols=[AAPL]))
    yield made
    await made.port.aclose()


# No market fills an order here.
@pytest.mark.parametrize("kind", OrderType)
async def test_each_type_of_order_comes_back_or_is_not_sent(subject, kind):
    await each_type_rests_as_it_was_placed(subject, kind)


# Where the contract wants products kept apart, Alpaca has none.
@pytest.mark.parametrize("product", [Product.CNC, Product.INTRADAY])
async def test_products_are_kept_apart(subject, product):
    found = await row(
        subject, await placed(subject, replace(subject.order, product=product))
    )
    assert found.product is Product.CNC


# Where the contract wants whole shares, Alpaca trades parts of them.
async def test_part_of_a_share_goes_nowhere(subject):
    half = replace(subject.order, quantity=Decimal("0.5"))
    order_id = await placed(subject, half)
    subject.fill(order_id, Decimal("0.5"))
    [position] = await subject.port.positions()
    assert position.quantity == Decimal("0.5")
