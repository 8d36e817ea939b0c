"""What is typed becomes a form: lists, structures, numbers as they were written."""

from decimal import Decimal

import pytest

from actors.messages import VerifyLogin
from adapters import OrderType, Side
from adapters.secret import Secret
from ordo.console.building import build
from ordo.console.forms import FetchForm, own_fields
from ordo.console.frames import decode
from ordo.http.bodies import PlaceBody
from ordo.http.errors import ApiError
from ordo.http.keys import fingerprint

VERIFY = own_fields(VerifyLogin, without=frozenset({"state"}))
ORDER = (
    "order.symbol=NSE:SBIN",
    "order.side=BUY",
    "order.quantity=10",
    "order.type=LIMIT",
    "order.price=812.35",
)


def refused(form, *args):
    with pytest.raises(ApiError) as error:
        build(form, args)
    return error.value.message


def test_a_list_is_typed_with_commas():
    form = build(FetchForm, ["kind=quotes", "symbols=NSE:SBIN,NSE:INFY"])
    assert form == FetchForm(kind="quotes", symbols=("NSE:SBIN", "NSE:INFY"))


def test_the_singular_of_a_list_is_its_first_item():
    form = build(PlaceBody, ["brokers=one,two", *ORDER])
    (order,) = form.orders
    assert form.brokers == ["one", "two"]
    assert (order.side, order.type) == (Side.BUY, OrderType.LIMIT)
    assert (order.quantity, order.price) == (Decimal(10), Decimal("812.35"))


def test_items_of_a_list_are_typed_by_their_places():
    second = [arg.replace("order.", "orders.1.") for arg in ORDER]
    form = build(PlaceBody, [*ORDER, *second, "orders.1.quantity=5"])
    assert [order.quantity for order in form.orders] == [Decimal(10), Decimal(5)]


def test_what_is_typed_has_the_fingerprint_of_the_same_json():
    json = """{"brokers": ["one"], "orders": [{"symbol": "NSE:SBIN", "side": "BUY",
        "quantity": 10, "type": "LIMIT", "price": 812.350}]}"""
    typed = build(PlaceBody, ["brokers=one", *ORDER])
    assert fingerprint(build(PlaceBody, [json])) == fingerprint(typed)


def test_a_price_of_a_frame_does_not_go_through_a_float():
    price = "0.1000000000000000055511151231257827"
    frame = decode(
        '{"id": 1, "do": "ask", "to": "router", "message": "PlaceBatch", "fields":'
        '{"orders": [{"symbol": "NSE:SBIN", "side": "BUY", "quantity": 1,'
        f'"type": "LIMIT", "price": {price}}}]}}}}'
    )
    form = build(PlaceBody, [], frame.fields)
    assert form.orders[0].price == Decimal(price)


def test_what_is_typed_comes_on_top_of_fields():
    form = build(FetchForm, ["symbols=NSE:INFY"], {"kind": "quotes", "symbols": ["X"]})
    assert form.symbols == ("NSE:INFY",)


def test_an_answer_to_a_log_in_is_a_secret():
    form = build(VERIFY, ["answers.otp=123456", "challenge_id=c1"])
    assert form.answers == {"otp": Secret("123456")}
    assert "123456" not in repr(form)


def test_a_switch_is_true_or_false():
    assert build(PlaceBody, [*ORDER, "dry_run=true"]).dry_run is True


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["kind"], "wanted FIELD=VALUE, found 'kind'"),
        (["=x"], "wanted FIELD=VALUE, found ''"),
        (["nope=1"], "nope: no such field; there are: kind, symbols, orders"),
        (["order.nope=1"], "order.nope: no such field; there are: symbol, side"),
        (["kind.deep=1"], "kind.deep: there is nothing below it named 'deep'"),
        (["kind=nope"], "$.kind: Invalid enum value 'nope'"),
        (["symbols.3=X"], "symbols.3: wanted the items of a list in order, from 0"),
        (["symbols.9999=X"], "symbols.9999: wanted a place in a list"),
        (["symbols.x=X"], "symbols.x: wanted a place in a list, found 'x'"),
        (["orders=nope"], "orders: wanted JSON"),
        (["{not json"], "this is no JSON object"),
        (["[1]"], "wanted FIELD=VALUE"),
        ([], "$: Object missing required field `kind`"),
        (["kind=\x1b[2J"], "kind: wanted text without control characters"),
    ],
)
def test_what_is_wrong_is_named(args, words):
    assert refused(FetchForm, *args).startswith(words)


def test_what_is_wrong_beside_a_secret_does_not_tell_it():
    words = refused(VERIFY, "answers.otp=hunter2", "challenge_id=1", "nope=1")
    words += refused(VERIFY, '{"answers": {"otp": ["hunter2"]}}')
    words += refused(VERIFY, '{"answers": "hunter2"}')
    assert "hunter2" not in words
