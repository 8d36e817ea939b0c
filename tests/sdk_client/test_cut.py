"""The answer is lost after the order has arrived; and still there is one order."""

import asyncio
import os

import pytest
import trio

from ordo_client import AsyncOrdo, Order, Ordo, Unreachable
from tests.sdk_client.cutting import CuttingProxy

RESTING = Order(symbol="NSE:SBIN", side="BUY", quantity=1, type="LIMIT", price=790)


def book(running, portfolio_id):
    """What stands in the brokers' books of one test's orders, by broker and tag."""
    with Ordo(*running) as ordo:
        mine = {row.order_id for row in ordo.orders(portfolio_id=portfolio_id)}
        return [
            (row.broker, row.tag) for row in ordo.orderbook() if row.order_id in mine
        ], len(ordo.orders(portfolio_id=portfolio_id))


@pytest.mark.parametrize("reset", [False, True])
def test_an_order_whose_answers_were_lost_is_placed_once(running, reset):
    label = f"cut-{reset}"
    with CuttingProxy(running.port, cuts=3, reset=reset) as proxy:
        with Ordo(running.at(proxy.port), running.token, running.ca) as ordo:
            placed = ordo.place(RESTING, ["one", "two"], portfolio_id=label)
    rows, count = book(running, label)
    assert [leg.status for leg in placed.legs] == ["acked", "acked"]
    assert sorted(rows) == [(leg.broker, leg.client_tag) for leg in placed.legs]
    assert count == 2


def test_the_lost_answers_were_of_orders_that_had_arrived(running):
    with CuttingProxy(running.port, cuts=1) as proxy:
        with Ordo(
            running.at(proxy.port), running.token, running.ca, retry_for=0
        ) as ordo:
            with pytest.raises(Unreachable) as raised:
                ordo.place(RESTING, "one", portfolio_id="lost", key="mine-1")
    error = raised.value
    assert (error.may_have_arrived, error.idempotency_key) == (True, "mine-1")
