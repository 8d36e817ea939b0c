"""Live orders by the broker's number and by tag."""

import msgspec

from actors.live import Live
from tests.support.records import a_record


def live(*records):
    orders = Live()
    for record in records:
        orders[record.order_id] = record
    return orders


def test_an_order_is_found_by_the_number_it_bears_now():
    first = a_record()
    orders = live(first)
    assert orders.numbered("B1") is None
    for number in ("B1", "B2"):
        now = msgspec.structs.replace(first, broker_order_id=number)
        orders[first.order_id] = now
        assert orders.numbered(number) == now
    assert orders.numbered("B1") is None  # a change of it gave it another


def test_an_order_is_found_by_its_tag():
    one = a_record()
    orders = live(one, a_record(order_id="ORDER2", client_tag="TAG2"))
    assert orders.tagged("TAG2").order_id == "ORDER2"
    assert orders.tagged("ORDER1") == one
    assert orders.tagged("NONE") is None


def test_one_that_is_let_go_of_is_not_found_any_more():
    one = a_record(broker_order_id="B1")
    orders = live(one)
    del orders[one.order_id]
    assert (orders.numbered("B1"), orders.tagged(one.client_tag)) == (None, None)
    assert (orders._numbers, orders._tags) == ({}, {})


def test_a_number_that_went_to_another_order_stays_with_that_one():
    one = a_record(broker_order_id="B1")
    two = a_record(order_id="ORDER2", client_tag="TAG2", broker_order_id="B1")
    orders = live(one, two)
    del orders[one.order_id]
    assert orders.numbered("B1") == two
