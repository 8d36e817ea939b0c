"""Stops where brokers have them; a word before anything leaves where they have not."""

import pytest
import trio

from actors.messages import NothingAccepted
from adapters import OrderType, catalogue
from tests.support.gateway import (
    a_batch,
    an_order,
    make_paper,
    make_system,
    place,
    running,
)
from tests.support.market import Able

SL = an_order(type="SL", price=824, trigger_price=820)
SL_M = an_order(type="SL-M", price=None, trigger_price=820)
REAL = ("fyers", "hdfc", "mstock")


def without(*kinds):
    return frozenset(OrderType) - set(kinds)


async def asked(order, **can):
    """What becomes of the order, and the calls that changed anything."""
    paper = make_paper()
    async with running(make_system({"one": Able(paper, **can)})) as system:
        await trio.sleep(2)
        answer = await place(system, a_batch("one", orders=(order,)))
    return answer, paper.script.calls["place"]


@pytest.mark.parametrize("adapter", [*REAL, "paper", "zerodha-mock", "alpaca-mock"])
def test_every_broker_of_the_catalogue_has_both_kinds_of_stop(adapter):
    """Where one goes, the contract of its adapter finds it unsupported."""
    types = catalogue.capabilities(adapter).order_types
    assert {OrderType.SL, OrderType.SL_M} <= types


@pytest.mark.parametrize(
    ("order", "missing", "words"),
    [
        (SL, (OrderType.SL,), "no type SL; it has LIMIT, MARKET, SL-M"),
        (SL, (OrderType.SL, OrderType.SL_M), "no type SL; it has LIMIT, MARKET"),
        # As it would go out.
        (SL_M, (OrderType.SL, OrderType.SL_M), "no type SL; it has LIMIT, MARKET"),
    ],
)
async def test_a_stop_that_the_broker_has_not_is_unsupported_and_never_sent(
    autojump_clock, order, missing, words
):
    answer, sent = await asked(order, order_types=without(*missing))
    assert isinstance(answer, NothingAccepted)
    (leg,) = answer.legs
    assert (leg.answer.code, leg.answer.message) == ("unsupported", f"one has {words}")
    assert sent == 0


async def test_a_stop_market_order_goes_as_a_stop_limit_where_only_these_are(
    autojump_clock,
):
    answer, sent = await asked(SL_M, order_types=without(OrderType.SL_M))
    assert (answer.orders[0].sent_as.type, sent) == ("SL", 1)
