"""The answer is lost after the order has arrived; and still there is one order."""

import pytest

from ordo_client import AsyncOrdo, KeyReused, Order, Unreachable
from tests.sdk_client.cutting import CuttingProxy
from tests.sdk_client.loops import both_loops


def resting(quantity):
    """An order that stays in the book, and is known there by its quantity."""
    return Order(
        symbol="NSE:SBIN", side="BUY", quantity=quantity, type="LIMIT", price=790
    )


def book(running, quantity):
    """The brokers and tags of all orders of that quantity in the brokers' own books."""
    with running.client() as ordo:
        rows = [row for row in ordo.orderbook() if row.quantity == quantity]
    return sorted((row.broker, row.tag) for row in rows)


@pytest.mark.parametrize(("quantity", "reset"), [(101, False), (102, True)])
def test_an_order_whose_answers_were_lost_is_placed_once(plain, quantity, reset):
    with (
        CuttingProxy(plain.port, cuts=3, reset=reset) as proxy,
        plain.client(proxy.port) as ordo,
    ):
        placed = ordo.place(resting(quantity), ["one", "two"])
    assert [lost[:12] for lost in proxy.lost] == [b"HTTP/1.1 200"] * 3
    assert (placed.ok, placed.replayed) == (True, True)
    assert [leg.status for leg in placed.legs] == ["acked", "acked"]
    legs = [(leg.broker, leg.client_tag) for leg in placed.legs]
    assert book(plain, quantity) == legs


@both_loops
def test_the_same_holds_for_the_async_client(plain, run):
    quantity = 111 if run.__name__ == "on_trio" else 112
    with CuttingProxy(plain.port, cuts=2) as proxy:

        async def main():
            url = f"http://127.0.0.1:{proxy.port}"
            async with AsyncOrdo(url, plain.token) as ordo:
                return await ordo.place(resting(quantity), ["one", "two"])

        placed = run(main)
    assert len(proxy.lost) == 2
    legs = [(leg.broker, leg.client_tag) for leg in placed.legs]
    assert book(plain, quantity) == legs


def test_given_up_the_order_can_be_asked_for_with_the_key_of_the_error(plain):
    with (
        CuttingProxy(plain.port, cuts=1) as proxy,
        plain.client(proxy.port, retry_for=0) as ordo,
    ):
        with pytest.raises(Unreachable) as raised:
            ordo.place(resting(103), "one")
        key = raised.value.idempotency_key
        assert raised.value.may_have_arrived is True
        again = ordo.place(resting(103), "one", key=key)
    assert (again.replayed, again.idempotency_key) == (True, key)
    assert book(plain, 103) == [("one", again.legs[0].client_tag)]


def test_a_key_is_good_for_one_order_only(plain):
    with plain.client() as ordo:
        ordo.place(resting(104), "one", key="mine")
        with pytest.raises(KeyReused):
            ordo.place(resting(105), "one", key="mine")
    assert book(plain, 105) == []


def test_a_halt_whose_answer_was_lost_is_engaged_again(plain):
    with CuttingProxy(plain.port, cuts=1) as proxy, plain.client(proxy.port) as ordo:
        try:
            assert ordo.kill("trying it out").engaged is True
        finally:
            ordo.release()
    assert len(proxy.lost) == 1


def test_a_log_in_whose_answer_was_lost_is_not_begun_again(plain):
    with (
        CuttingProxy(plain.port, cuts=9) as proxy,
        plain.client(proxy.port) as ordo,
        pytest.raises(Unreachable) as raised,
    ):
        ordo.login("one")
    assert len(proxy.lost) == 1
    assert raised.value.may_have_arrived is True
