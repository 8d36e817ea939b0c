"""The client holds all of the API: each call of Ordo's route table, each field."""

import re
import typing

import msgspec
import pytest

from adapters import OrderType, Product, Side, Validity
from ordo.http.bodies import CloseBody, OrderBody, PlaceBody
from ordo.http.envelope import BrokerResult
from ordo.http.events import StreamEvent
from ordo.http.modifying import ModifyBody
from ordo.http.routes import ROUTES
from ordo.http.views import LegResult
from ordo_client import BrokerResult as ClientResult
from ordo_client import Event, Fill, Order, Result, Rows, calls, order
from ordo_client.order import Change

NO_CALLS = {
    "GET /api/v1/sessions/{broker}/callback",  # for a browser
    "GET /api/v1/events",  # a stream: tests/sdk_client/test_events.py
    "GET /docs",
    "GET /metrics",  # for Prometheus
}
"""Routes that are no call of the client's."""
SBIN = Order(symbol="NSE:SBIN", side="BUY", quantity=1, type="MARKET")
CALLS = {
    "place": calls.place(SBIN, "one"),
    "orders": calls.orders(),
    "order": calls.order("ORDER"),
    "batch": calls.batch("BATCH"),
    "modify": calls.modify("ORDER", price=1),
    "cancel": calls.cancel("ORDER"),
    "cancel_all": calls.cancel_all("one"),
    "close_positions": calls.close_positions("one"),
    "simulate_fill": calls.simulate_fill("ORDER", Fill(fill_price=1, fill_qty=1)),
    "reconcile": calls.reconcile(),
    "reconcile_report": calls.reconcile_report("BATCH"),
    "portfolio": calls.portfolio(),
    "positions": calls.positions(),
    "holdings": calls.holdings(),
    "funds": calls.funds(),
    "trades": calls.trades(),
    "orderbook": calls.orderbook(),
    "quotes": calls.quotes("NSE:SBIN"),
    "depth": calls.depth("NSE:SBIN"),
    "margin": calls.margin(SBIN, "one"),
    "instruments": calls.instruments("SBIN"),
    "instrument": calls.instrument("NSE:SBIN"),
    "masters": calls.masters(),
    "sync_instruments": calls.sync_instruments(),
    "sessions": calls.sessions(),
    "login": calls.login("one"),
    "verify": calls.verify("one", "C", otp="1"),
    "logout": calls.logout("one"),
    "kill_switch": calls.kill_switch(),
    "kill": calls.kill("why"),
    "release": calls.release(),
    "set_breaker": calls.set_breaker("one", "OPEN"),
    "status": calls.status(),
    "audit": calls.audit(),
    "health": calls.health(),
    "openapi": calls.openapi(),
}


def at(call):
    """The route that a call goes to."""
    for route in ROUTES:  # the first that fits, as in Ordo itself
        form = re.sub(r"{\w+}", "[^/]+", route.path)
        if route.method == call.method and re.fullmatch(form, call.path):
            return route
    return None


def shape(kind):
    """The fields of a type, and of the types inside; None where nothing is fixed."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        fields = msgspec.structs.fields(kind)
        return {
            f.encode_name: shape(hints[f.name]) for f in fields if f.name != "answer"
        }
    if typing.get_origin(kind) is dict:
        return None
    inner = [found for each in typing.get_args(kind) if (found := shape(each))]
    return inner[0] if inner else None


def differences(theirs, ours, path="$"):
    """Fields that only one of two shapes has, where both fix any."""
    if theirs is None or ours is None:
        return []
    found = [f"{path}.{name}: only Ordo has it" for name in theirs.keys() - ours.keys()]
    found += [f"{path}.{name}: made up" for name in ours.keys() - theirs.keys()]
    for name in theirs.keys() & ours.keys():
        found += differences(theirs[name], ours[name], f"{path}.{name}")
    return sorted(found)


def answered(route):
    """The shape of what a route answers with; of its rows, where it lists some."""
    if isinstance(route.data, tuple):
        return {"broker": None} | shape(route.data[1])
    whole = shape(route.data) if route.data else None
    rows = [one for name, one in (whole or {}).items() if name != "next_cursor"]
    listed = len(rows) == 1 and isinstance(rows[0], dict)
    return rows[0] if listed else whole


def expected(describe):
    """The shape of what a call of the client's gives; of its rows, where it is some."""
    [result] = typing.get_args(typing.get_type_hints(describe)["return"])
    if typing.get_origin(result) is Rows:
        return shape(typing.get_args(result)[0])
    typed = isinstance(result, type) and issubclass(result, Result)
    return shape(result) if typed else None


def test_every_route_has_its_call():
    missing = [
        name
        for route in ROUTES
        if (name := f"{route.method} {route.path}") not in NO_CALLS
        and not any(at(call) is route for call in CALLS.values())
    ]
    assert missing == [], "add a call to ordo_client.calls, or the route to NO_CALLS"


def test_every_call_has_its_route():
    assert [name for name, call in CALLS.items() if at(call) is None] == []
    assert CALLS.keys() == set(calls.__all__)


@pytest.mark.parametrize("name", sorted(calls.__all__))
def test_a_call_sends_only_parameters_that_its_route_knows(name):
    route = at(CALLS[name])
    assert set(CALLS[name].query) <= set(route.query)


@pytest.mark.parametrize("name", sorted(calls.__all__))
def test_a_result_has_the_fields_that_ordo_answers_with(name):
    route = at(CALLS[name])
    assert differences(answered(route), expected(getattr(calls, name))) == []


def test_a_brokers_result_has_the_fields_of_both_kinds():
    both = shape(BrokerResult) | shape(LegResult)
    assert differences(both, shape(ClientResult)) == []


def test_an_event_has_the_fields_of_the_stream():
    assert differences(shape(StreamEvent), shape(Event)) == []


def test_an_order_a_change_and_a_request_have_the_fields_that_ordo_takes():
    assert set(OrderBody.__struct_fields__) == set(Order.__struct_fields__)
    assert set(ModifyBody.__struct_fields__) == set(Change.__struct_fields__)
    for name, kind in (("place", PlaceBody), ("close_positions", CloseBody)):
        sent = msgspec.json.decode(CALLS[name].body)
        assert set(sent) == set(kind.__struct_fields__) - {"idempotency_key"}


@pytest.mark.parametrize("kind", [Side, OrderType, Product, Validity])
def test_the_words_of_an_order_are_ordos(kind):
    assert typing.get_args(getattr(order, kind.__name__)) == tuple(kind)
