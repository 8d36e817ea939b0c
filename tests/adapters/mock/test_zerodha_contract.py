"""`zerodha-mock` under the contract of all brokers."""

from decimal import Decimal

import pytest

from adapters import OrderType, Product
from tests.contracts.broker_contract import *  # noqa: F403

from .family import SBIN, order, zerodha
from .subject import MockSubject, each_type_rests_as_it_was_placed


class ZerodhaSubject(MockSubject):
    adapter = "zerodha-mock"
    last = Decimal(812)
    tick = Decimal("0.05")
    order = order(price="811.35", product=Product.INTRADAY)
    nobody_knows = "NSE:NOSUCH"


@pytest.fixture
async def subject(tmp_path):
    made = ZerodhaSubject(zerodha(tmp_path, symbols=[SBIN]))
    yield made
    await made.port.aclose()


# No market fills an order here.
@pytest.mark.parametrize("kind", OrderType)
async def test_each_type_of_order_comes_back_or_is_not_sent(subject, kind):
    await each_type_rests_as_it_was_placed(subject, kind)
