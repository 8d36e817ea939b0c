"""The first half of what an adapter must do: declarations, codes, symbols, refusals.

It needs no venue: what must not be sent is held against a port where nobody listens,
so that a try to send would end in `NotSent`. A test module imports all names of this
one and makes the fixture `pure`, a `PureSubject`. The other half, over the wire, is
`broker_contract` and those that go on from it.
"""

import importlib
import inspect
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from adapters import catalogue
from adapters.catalogue import Surroundings
from adapters.errors import (
    BrokerError,
    NotSent,
    SentUnknown,
    SessionExpired,
    Unsupported,
)
from adapters.login import LoginPort
from adapters.model import Acked, Rejected, Validity
from adapters.ports import BrokerPort
from adapters.secret import Secret

NOON = datetime(2026, 11, 30, 6, 30, tzinfo=UTC)
NOBODY = "http://127.0.0.1:1"
"""Port 1 of loopback: a connection there is refused at once."""
ORDERS = ("place", "modify", "cancel")
CALLS = {*ORDERS, "read", "login"}
OUTCOMES = {
    *("rejected", "refused", "session_expired", "rate_limited", "not_sent"),
    *("unknown", "acked", "login_refused"),
}
NEVER_FOR_ORDERS = {"refused", "login_refused"}
MARKS = {"doc", "peer", "guess", ""}
"""The last for a code that nobody knows."""
PAGE = b"<html><body>busy</body></html>"
UNREADABLE = (b"", PAGE, b"null", b"[]", b"{}", b"{", b"\xff\xfe", b"[" * 5000)
MAY_HAVE_ARRIVED = (302, 408, 500, 502, 503, 504)
TOKEN = "TOKEN-OF-TODAY"


def look() -> None:
    """A last look that agrees."""


def made(pure, data, *, token=None):
    """The adapter, as its factory makes it; nobody listens where it calls."""
    around = Surroundings(
        name="one",
        base_url=NOBODY,
        egress="direct",
        access_token=token,
        data=data,
        wall=lambda: NOON,
        rng=random.Random(1),
        instruments=pure.instruments,
    )
    return catalogue.factory(pure.adapter)(pure.settings, around)


def members(protocol):
    return {name for name in vars(protocol) if not name.startswith("_")}


def arguments(pure):
    """What each call of the port is given."""
    order = pure.order
    known: dict[str, list[object]] = {
        "place": [order, "1", look],
        "modify": ["1", order, look],
        "cancel": ["1"],
        "order_by_tag": ["1"],
        "quotes": [[order.symbol]],
        "depth": [order.symbol],
        "margin": [[order]],
    }
    reads = ("order_book", "trades", "positions", "holdings", "funds", "check")
    return known | {name: [] for name in reads}


# Declarations


async def test_the_catalogue_leads_to_all_of_its_parts(pure, tmp_path):
    port = made(pure, tmp_path)
    assert catalogue.settings_type(pure.adapter) is type(pure.settings)
    assert catalogue.capabilities(pure.adapter) == port.capabilities
    master = bool(catalogue.find(pure.adapter).master)
    assert master is port.capabilities.master
    await port.aclose()


async def test_the_port_and_its_login_have_every_call(pure, tmp_path):
    port = made(pure, tmp_path)
    assert [name for name in members(BrokerPort) if not hasattr(port, name)] == []
    for name in arguments(pure):
        assert inspect.iscoroutinefunction(getattr(port, name)), name
        wanted = inspect.signature(getattr(BrokerPort, name)).parameters
        given = inspect.signature(getattr(port, name)).parameters
        assert [*given] == [one for one in wanted if one != "self"]
    if port.login is not None:
        wanted = members(LoginPort)
        assert [name for name in wanted if not hasattr(port.login, name)] == []
    await port.aclose()


def test_limits_and_tags_are_such_as_the_market_allows(pure):
    can = catalogue.capabilities(pure.adapter)
    assert can.exchanges
    assert can.order_types
    assert can.products
    assert Validity.DAY in can.validities
    assert can.book_poll > 0
    assert not can.simulated
    for name in can.limits.__struct_fields__:
        limit = getattr(can.limits, name)
        assert limit is None or limit > 0
    if can.tag is not None:
        assert len(set(can.tag.alphabet)) == len(can.tag.alphabet)
        assert len(can.tag.alphabet) ** can.tag.max_length > 10**12


def test_settings_refuse_unknown_keys_and_show_no_secret(pure):
    kind = type(pure.settings)
    assert kind.__struct_config__.frozen
    assert kind.__struct_config__.forbid_unknown_fields
    held = [
        value
        for value in msgspec.structs.asdict(pure.settings).values()
        if isinstance(value, Secret)
    ]
    assert {value.reveal() for value in held} >= set(pure.secrets)
    assert [text for text in pure.secrets if text in repr(pure.settings)] == []


# What is not sent


async def test_without_a_session_no_call_leaves(pure, tmp_path):
    port = made(pure, tmp_path)
    for name, given in arguments(pure).items():
        with pytest.raises(BrokerError) as caught:
            await getattr(port, name)(*given)
        assert caught.type in (SessionExpired, Unsupported), name
    await port.aclose()


async def test_a_session_that_is_taken_away_is_not_used(pure, tmp_path):
    port = made(pure, tmp_path, token=Secret(TOKEN))
    port.use(None)
    with pytest.raises(SessionExpired):
        await port.place(pure.order, "1", look)
    await port.aclose()


async def test_an_order_that_can_be_sent_would_be(pure, tmp_path):
    port = made(pure, tmp_path, token=Secret(TOKEN))
    looks = []
    with pytest.raises(NotSent) as caught:
        await port.place(pure.order, "1", lambda: looks.append(1))
    assert caught.type is NotSent
    assert looks == []  # it is for a connection that stands
    await port.aclose()


async def test_what_the_broker_cannot_be_told_is_not_sent(pure, tmp_path):
    port = made(pure, tmp_path, token=Secret(TOKEN))
    can = port.capabilities
    changes = [{"symbol": pure.nobody_knows}]
    if not can.fractional:
        changes.append({"quantity": Decimal("0.5")})
    for change in changes:
        with pytest.raises(Unsupported):
            await port.place(replace(pure.order, **change), "1", look)
    await port.aclose()


async def test_what_is_declared_as_missing_is_not_sent(pure, tmp_path):
    port = made(pure, tmp_path, token=Secret(TOKEN))
    calls = arguments(pure) | {"download_master": [tmp_path]}
    missing = {
        "depth": not port.capabilities.depth,
        "margin": not port.capabilities.margin,
        "download_master": not port.capabilities.master,
        "order_by_tag": port.capabilities.tag is None,
    }
    for name in [name for name, is_missing in missing.items() if is_missing]:
        with pytest.raises(Unsupported):
            await getattr(port, name)(*calls[name])
    await port.aclose()


# What an answer is


@pytest.mark.parametrize("call", ORDERS)
def test_a_success_is_one(pure, call):
    answer = pure.order_answer(call, 200, pure.good)
    assert answer == Acked(broker_order_id="1", http_status=200)


@pytest.mark.parametrize("call", ORDERS)
@pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
def test_what_cannot_be_read_may_stand_at_the_exchange(pure, call, body):
    unknown(pure, call, 200, body)


@pytest.mark.parametrize("call", ORDERS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_success_that_is_cut_off_is_none(pure, call, share):
    unknown(pure, call, 200, pure.good[: int(len(pure.good) * share)])


@pytest.mark.parametrize("call", ORDERS)
@pytest.mark.parametrize("status", MAY_HAVE_ARRIVED)
def test_under_an_error_of_the_server_no_body_is_believed(pure, call, status):
    for body in (pure.good, pure.refused, pure.unlisted, PAGE, b""):
        unknown(pure, call, status, body)


def test_a_new_order_without_its_id_may_stand(pure):
    unknown(pure, "place", 200, pure.without_id)


@pytest.mark.parametrize("call", ORDERS)
def test_a_no_that_is_on_the_list_is_a_rejection_in_the_brokers_words(pure, call):
    answer = pure.order_answer(call, 400, pure.refused)
    assert isinstance(answer, Rejected)
    assert answer.code
    assert answer.text
    assert answer.http_status == 400


@pytest.mark.parametrize("call", ORDERS)
def test_a_no_that_is_on_no_list_is_none(pure, call):
    unknown(pure, call, 200, pure.unlisted)


def unknown(pure, call, status, body):
    with pytest.raises(BrokerError) as caught:
        pure.order_answer(call, status, body)
    assert caught.type is SentUnknown, (call, status, body[:40])


# The table of codes


def rows_of(pure):
    package = catalogue.find(pure.adapter).factory.partition(":")[0].rpartition(".")[0]
    return list(importlib.import_module(f"{package}.codes").table())


def test_every_code_says_what_it_counts_as_for_every_call(pure):
    rows = rows_of(pure)
    assert {row.broker for row in rows} == {pure.adapter}
    assert {row.call for row in rows} <= CALLS
    assert {row.outcome for row in rows} <= OUTCOMES
    assert {row.mark for row in rows} <= MARKS
    for code in {row.code for row in rows}:
        told = {row.call for row in rows if row.code == code}
        assert told >= {*ORDERS} or told <= {"read", "login"}, code


def test_no_code_has_two_meanings(pure):
    found: dict[tuple[object, ...], str] = {}
    for row in rows_of(pure):
        told = found.setdefault(row[1:5], row.outcome)
        assert told == row.outcome, row


def test_an_order_is_never_called_dead_by_an_error_of_the_server(pure):
    for row in rows_of(pure):
        if row.call in ORDERS:
            assert row.outcome not in NEVER_FOR_ORDERS, row
            if row.http_status is not None and row.http_status >= 500:
                assert row.outcome == "unknown", row


# Sessions


async def test_a_token_from_elsewhere_ends_with_the_trading_day(pure, tmp_path):
    port = made(pure, tmp_path)
    if port.login is not None:
        grant = port.login.adopt(Secret(TOKEN), NOON)
        assert grant.issued_at == NOON
        assert grant.expires_at.tzinfo is UTC
        assert NOON < grant.expires_at <= NOON + timedelta(hours=24)
        assert TOKEN not in repr(grant)
    await port.aclose()
