"""What goes out: exact numbers, plain paths, a key for each order."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ordo_client import Fill, Order, calls

SBIN = Order(
    symbol="NSE:SBIN",
    side="BUY",
    quantity=10,
    type="SL",
    price=Decimal("812.3500"),
    trigger_price=812.3,
    product="INTRADAY",
)


def test_an_order_goes_out_with_its_numbers_as_they_were_written():
    call = calls.place(SBIN, "alpha", key="k-1", portfolio_id="swing", deadline_ms=900)
    assert (call.method, call.path, call.query) == ("POST", "/api/v1/orders", {})
    assert b'"price":812.3500,"trigger_price":812.3,' in call.body
    assert json.loads(call.body) == {
        "orders": [
            {
                "symbol": "NSE:SBIN",
                "side": "BUY",
                "quantity": 10,
                "type": "SL",
                "price": 812.35,
                "trigger_price": 812.3,
                "product": "INTRADAY",
                "validity": "DAY",
                "disclosed_quantity": None,
                "brokers": None,
                "note": None,
            }
        ],
        "brokers": ["alpha"],
        "portfolio_id": "swing",
        "deadline_ms": 900,
        "dry_run": False,
        "sequential": False,
    }
    assert call.headers == {
        "X-Request-ID": call.request_id,
        "Content-Type": "application/json",
        "Idempotency-Key": "k-1",
    }


def test_each_call_without_a_key_gets_one_of_its_own():
    keys = {calls.place(SBIN, "alpha").key for _ in range(3)}
    keys |= {calls.close_positions("alpha").key for _ in range(3)}
    assert len(keys) == 6
    assert {len(key) for key in keys} == {36}


@pytest.mark.parametrize(
    "key", ["", "two words", "x" * 256, "line\nbreak", "schlüssel"]
)
def test_a_key_that_cannot_be_one_is_refused_before_anything_leaves(key):
    with pytest.raises(ValueError, match="key: wanted 1 to 255 visible ASCII"):
        calls.place(SBIN, "alpha", key=key)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), Decimal("NaN")])
def test_a_number_that_is_none_never_goes_out_as_null(number):
    with pytest.raises(ValueError, match="price: wanted a finite number"):
        Order(symbol="NSE:SBIN", side="BUY", quantity=1, type="LIMIT", price=number)
    with pytest.raises(ValueError, match="quantity: wanted a finite number"):
        calls.modify("O", quantity=number)
    with pytest.raises(ValueError, match="fill_qty: wanted a finite number"):
        Fill(fill_price=1, fill_qty=number)


def test_a_change_names_only_what_changes():
    call = calls.modify("O1", price=None, quantity=5)
    assert (call.method, call.path) == ("PATCH", "/api/v1/orders/O1")
    assert json.loads(call.body) == {"quantity": 5, "price": None, "deadline_ms": None}


def test_a_name_with_special_letters_stays_one_part_of_the_path():
    assert calls.instrument("NSE:M&M/X").path == "/api/v1/instruments/NSE:M%26M%2FX"


def test_lists_go_with_commas_and_times_with_their_zone():
    assert calls.quotes(["NSE:SBIN", "NSE:INFY"], brokers="alpha").query == {
        "symbols": "NSE:SBIN,NSE:INFY",
        "brokers": "alpha",
    }
    at = datetime(2026, 11, 21, 9, 15, tzinfo=UTC)
    assert calls.orders(since=at, limit=5).query == {
        "since": "2026-11-21T09:15:00+00:00",
        "limit": "5",
    }
    with pytest.raises(ValueError, match="since: wanted a time with a zone"):
        calls.audit(since=at.replace(tzinfo=None))


def test_one_broker_may_be_named_without_a_list():
    assert json.loads(calls.reconcile("alpha").body) == {"brokers": ["alpha"]}
    assert json.loads(calls.close_positions("alpha").body)["brokers"] == ["alpha"]


def test_a_one_time_password_is_not_shown():
    call = calls.verify("alpha", "c-1", otp="271828")
    assert "271828" not in repr(call)


def test_what_does_harm_when_done_twice_is_marked_so():
    harmful = [
        calls.login("alpha"),
        calls.verify("alpha", "c-1", otp="1"),
        calls.simulate_fill("O", Fill(fill_price=1, fill_qty=1)),
        calls.release(),
        calls.set_breaker("alpha", "AUTO"),
        calls.set_breaker("alpha", "CLOSED"),
        calls.sync_instruments(),
    ]
    harmless = [
        calls.place(SBIN, "alpha"),
        calls.close_positions("alpha"),
        calls.cancel("O"),
        calls.cancel_all(),
        calls.modify("O", price=1),
        calls.kill("why"),
        calls.set_breaker("alpha", "OPEN"),
        calls.reconcile(),
        calls.positions(),
    ]
    assert [call.repeat for call in harmful] == [False] * len(harmful)
    assert [call.repeat for call in harmless] == [True] * len(harmless)
