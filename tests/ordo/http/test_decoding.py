"""Whatever comes in becomes a message, or an error of the client's."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordo.http.bodies import BreakerBody, PlaceBody, SwitchBody
from ordo.http.decoding import decode
from ordo.http.errors import ApiError
from ordo.http.keys import fingerprint
from ordo.http.legs import legs_of
from ordo.http.numbers import at_most_4_decimals

KNOWN = {"one": None, "two": None}
NAMES = """orders brokers portfolio_id idempotency_key deadline_ms dry_run symbol side
quantity type price trigger_price product validity disclosed_quantity note engaged
reason cancel_open state""".split()  # noqa: SIM905
WORDS = ["one", "two", "NSE:SBIN", "US:AAPL", "BUY", "SELL", "LIMIT", "MARKET", "SL"]
texts = st.text() | st.sampled_from(WORDS)
names = st.sampled_from(NAMES) | st.text(max_size=3)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner),
    max_leaves=20,
)
orders = st.fixed_dictionaries(
    {
        "symbol": st.just("NSE:SBIN") | texts,
        "side": st.just("BUY") | leaves,
        "quantity": st.integers(1, 100) | leaves,
        "type": st.sampled_from(["LIMIT", "MARKET", "SL"]) | leaves,
    },
    optional=dict.fromkeys(("price", "trigger_price", "note", "brokers"), leaves),
)
bodies = st.fixed_dictionaries(
    {"orders": st.lists(orders, max_size=3), "brokers": st.just(["one"]) | values},
    optional=dict.fromkeys(("portfolio_id", "deadline_ms", "dry_run"), leaves),
)


def taken(raw, kind=PlaceBody):
    """The body and its legs; None where it was refused as a client's fault."""
    try:
        body = decode(raw, kind)
        if kind is PlaceBody:
            legs_of(body, KNOWN)
            fingerprint(body)
    except ApiError as error:
        refused = error
    else:
        return body
    assert refused.status in (400, 413, 422)
    assert len(refused.message) < 600
    refused.message.encode()
    return None


@given(
    values | bodies,
    st.booleans(),
    st.sampled_from([PlaceBody, SwitchBody, BreakerBody]),
)
def test_any_json_is_a_body_or_a_clients_error(value, escaped, kind):
    text = json.dumps(value, ensure_ascii=escaped)
    taken(text.encode("utf-8", "surrogatepass"), kind)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_body_or_a_clients_error(raw):
    taken(raw)


@given(bodies, st.data())
def test_a_good_body_cut_or_damaged_anywhere_is_a_clients_error_or_another_body(
    value, data
):
    raw = bytearray(json.dumps(value).encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    taken(bytes(raw))
    taken(bytes(raw[:at]))


numbers = st.from_regex(
    r"-?(0|[1-9]\d{0,40})(\.\d{1,40})?([eE][+-]?\d{1,12})?", fullmatch=True
)


@given(numbers, st.sampled_from(["quantity", "price"]))
def test_a_number_is_taken_exactly_or_not_at_all(number, name):
    order = {"symbol": "NSE:SBIN", "side": "BUY", "quantity": 5, "type": "LIMIT"}
    raw = json.dumps(
        {"orders": [{**order, "price": 5, name: 17171}], "brokers": ["one"]}
    )
    body = taken(raw.replace("17171", number).encode())
    if body is not None:
        value = getattr(body.orders[0], name)
        assert value == Decimal(number)
        assert 0 < value < 10**12
        assert (value * 10_000) % 1 == 0
        assert name == "price" or value % 1 == 0


@given(st.decimals(0, 10**9, places=2), st.integers(0, 6))
def test_spellings_of_one_number_have_one_fingerprint(price, zeros):
    def of(text):
        order = (
            '{"symbol":"NSE:SBIN","side":"BUY","quantity":5,"type":"LIMIT","price":'
            f"{text}}}"
        )
        return taken(f'{{"brokers":["one"],"orders":[{order}]}}'.encode())

    one, other = of(f"{price:f}"), of(f"{price:f}" + "0" * zeros)
    if one is None:
        assert other is None
    else:
        assert fingerprint(one) == fingerprint(other)


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15
    )
)
def test_money_is_shown_with_at_most_four_decimals(value):
    shown = at_most_4_decimals(value)
    assert abs(shown - value) <= Decimal("0.00005")
    assert (shown * 10_000) % 1 == 0


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("812.35", "812.35"),
        ("1.00005", "1"),
        ("1.00015", "1.0002"),
        ("-0.33333", "-0.3333"),
    ],
)
def test_what_was_computed_is_rounded_half_even(value, shown):
    assert at_most_4_decimals(Decimal(value)) == Decimal(shown)
