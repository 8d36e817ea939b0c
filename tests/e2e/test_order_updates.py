"""A running Ordo hears of changes from its broker, over the broker's own socket."""

import time

import pytest

from tests.support.waiting import until


@pytest.fixture
def gateway(make_gateway):
    return make_gateway(order_updates=True)


def updates(gateway):
    rows = gateway.client.get("/api/v1/status").json()["data"]["brokers"]
    return {row["broker"]: row["order_updates"]["state"] for row in rows}


def placed(gateway, key):
    """An order that rests at the venue."""
    leg = gateway.order(key, price=790).json()["results"][0]
    assert leg["status"] == "acked"
    return leg


def filled_after(gateway, leg):
    """Seconds from a fill at the venue until Ordo says so."""
    fill = {"tag": leg["client_tag"]}
    gateway.control.post("/_venue/fill", json=fill).raise_for_status()
    began = time.monotonic()
    until(lambda: gateway.status_of(leg["order_id"]) == "filled")
    return time.monotonic() - began


def socket(gateway, **wanted):
    answer = gateway.control.post("/_venue/socket", json=wanted)
    return answer.raise_for_status().json()


def reads_of_the_book(gateway):
    seen = gateway.control.get("/_venue/requests").json()["requests"]
    return sum(one["name"] == "orders" for one in seen)


def test_a_change_at_the_venue_shows_within_two_seconds_and_costs_no_read(gateway):
    until(lambda: updates(gateway) == {"venue": "live", "paper": "off"})
    found = gateway.client.get("/metrics").text
    assert 'ordo_order_updates_live{broker="venue"} 1.0' in found
    assert 'ordo_order_updates_live{broker="paper"}' not in found
    legs = [placed(gateway, f"key-{n}") for n in range(5)]
    until(lambda: reads_of_the_book(gateway) > 0)
    before = reads_of_the_book(gateway)
    took = [filled_after(gateway, leg) for leg in legs]
    assert max(took) < 2
    assert reads_of_the_book(gateway) - before <= 1  # the regular one


def test_after_a_drop_it_connects_again_and_reads_what_it_missed(gateway):
    until(lambda: updates(gateway)["venue"] == "live")
    leg = placed(gateway, "key-1")
    socket(gateway, mute=True)
    fill = {"tag": leg["client_tag"]}
    gateway.control.post("/_venue/fill", json=fill).raise_for_status()
    socket(gateway, drop=True)
    until(lambda: gateway.status_of(leg["order_id"]) == "filled")
    until(lambda: updates(gateway)["venue"] == "live")
    assert socket(gateway, mute=False)["upgrades"] == 2
    assert filled_after(gateway, placed(gateway, "key-2")) < 2


def test_an_order_whose_answer_was_lost_is_known_by_what_the_socket_told(gateway):
    until(lambda: updates(gateway)["venue"] == "live")
    gateway.fault(on="place", kind="drop_after_accept", seconds=1)
    answer = gateway.order("key-1", price=790)
    (leg,) = answer.json()["results"]
    assert (answer.status_code, leg["status"]) == (200, "acked")
    assert gateway.tags() == [leg["client_tag"]]


def test_a_bad_frame_is_told_without_the_token_and_ends_the_connection(gateway):
    until(lambda: socket(gateway)["subscribed"] == 1)
    socket(gateway, say='{"orders": "TOKEN"}')
    until(lambda: socket(gateway)["upgrades"] == 2)
    log = (gateway.directory / "ordo.log").read_text()
    (line,) = [line for line in log.splitlines() if "order_updates.down" in line]
    assert "does not tell of its orders: a frame of 19 bytes" in line
    assert "TOKEN" not in log


def test_switched_off_it_never_connects(make_gateway):
    gateway = make_gateway(order_updates=False)
    placed(gateway, "key-1")
    assert socket(gateway)["upgrades"] == 0
    assert updates(gateway)["venue"] == "off"
