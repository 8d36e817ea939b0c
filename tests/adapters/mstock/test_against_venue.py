"""The adapter over a real socket, against a server written from the dossier alone."""

import random
from decimal import Decimal

import pytest
from msgspec.structs import replace

from adapters.brokers.mstock import MstockBroker, MstockSettings
from adapters.brokers.mstock.build import build
from adapters.brokers.mstock.master import parse
from adapters.catalogue import Surroundings
from adapters.errors import (
    ConfigError,
    LoginRefused,
    RateLimited,
    SentUnknown,
    SessionExpired,
)
from adapters.http import BrokerHttp
from adapters.model import Acked, BookStatus, OrderType, Rejected
from adapters.secret import Secret
from tests.contracts.memory_index import MemoryIndex
from tests.venues.faults import Fault
from tests.venues.mstock import MstockVenue
from tests.venues.mstock_login import User

from .conftest import NOON, ORDER, TAG, TLS, look

SEED = "GEZDGNBVGY3TQOJQ"
MARKET = replace(ORDER, type=OrderType.MARKET, price=None)
ID = "1131261130001"


@pytest.fixture
async def venue(nursery):
    running = MstockVenue(clock=NOON.timestamp, user=User(seed=SEED))
    await nursery.start(running.serve)
    yield running
    running.stop()


@pytest.fixture
async def broker(venue, api_type, indexes):
    settings = MstockSettings(
        api_type=api_type,
        api_key=Secret(venue.login.user.api_key),
        username=venue.login.user.username,
        password=Secret(venue.login.user.password),
        totp_seed=Secret(SEED),
    )
    http = BrokerHttp(base_url=venue.url, tls=TLS)
    made = MstockBroker(settings, http, indexes[api_type], wall=lambda: NOON)
    made.use(made.login.adopt(Secret("TOKEN"), NOON))
    yield made
    await made.aclose()


async def test_a_whole_day_without_anybody(broker, venue):
    broker.use(await broker.login.begin("s1"))
    assert isinstance(await broker.place(ORDER, TAG, look), Acked)
    assert [order.terms.tag for order in venue.book.orders.values()] == [TAG]
    [found] = await broker.order_book()
    assert (found.broker_order_id, found.status) == (ID, BookStatus.OPEN)
    changed = replace(ORDER, price=Decimal("811.50"), quantity=Decimal(7))
    assert isinstance(await broker.modify(ID, changed, look), Acked)
    order = venue.book.orders[ID]
    venue.book.fill(order, Decimal(3), order.terms.price)
    [found] = await broker.order_book()
    assert (found.quantity, found.filled_quantity) == (7, 3)
    [trade] = await broker.trades()
    assert (trade.quantity, trade.price) == (3, Decimal("811.5"))
    [position] = await broker.positions()
    assert (position.quantity, position.last_price) == (3, Decimal("812.9"))
    assert position.unrealised_pnl == Decimal("4.2")
    assert isinstance(await broker.cancel(ID), Acked)
    [found] = await broker.order_book()
    assert (found.status, found.filled_quantity) == (BookStatus.CANCELLED, 3)
    await broker.login.logout()
    with pytest.raises(SessionExpired):
        await broker.check()


async def test_a_token_is_dead_at_midnight_in_india(broker, venue, monkeypatch):
    grant = await broker.login.begin("s1")
    broker.use(grant)
    at = grant.expires_at.timestamp()
    monkeypatch.setattr(venue.login, "_clock", lambda: at - 1)
    assert await broker.check() is None
    monkeypatch.setattr(venue.login, "_clock", lambda: at)
    with pytest.raises(SessionExpired):
        await broker.check()


async def test_a_code_by_sms_is_no_code_of_an_app(broker, venue):
    venue.login.user.seed = ""
    with pytest.raises(LoginRefused, match="correct TOTP"):
        await broker.login.begin("s1")


@pytest.mark.parametrize("silent", [False, True])
async def test_a_cancel_is_answered_in_either_way(broker, venue, silent):
    venue.silent_cancel = silent
    await broker.place(ORDER, TAG, look)
    assert isinstance(await broker.cancel(ID), Acked)


@pytest.mark.parametrize("yes", ["true", "True", True, "success"])
@pytest.mark.parametrize("wrapped", [False, True])
async def test_a_success_is_one_however_it_is_written(broker, venue, yes, wrapped):
    venue.yes, venue.wrap_placed = yes, wrapped
    assert await broker.place(ORDER, TAG, look) == Acked(
        broker_order_id=ID, http_status=200
    )
    assert len(await broker.order_book()) == 1


async def test_a_tag_that_came_back_would_be_shown(broker, venue):
    venue.echo_tags = True
    await broker.place(ORDER, TAG, look)
    [found] = await broker.order_book()
    assert found.tag in (TAG, None)


async def test_a_rejection_by_risk_stands_in_the_book_under_its_id(broker, venue):
    venue.faults.add(Fault(on="place", kind="reject_with_id"))
    found = await broker.place(ORDER, TAG, look)
    assert isinstance(found, Rejected)
    assert found.broker_order_id == ID
    [order] = await broker.order_book()
    assert (order.status, order.broker_order_id) == (BookStatus.REJECTED, ID)


async def test_funds_move_with_an_order(broker):
    before = await broker.funds()
    await broker.place(ORDER, TAG, look)
    after = await broker.funds()
    assert before.available - after.available == Decimal("8123.50")
    assert (after.used, after.total) == (Decimal("8123.50"), before.total)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "ip_mismatch"}, None),
        ({"kind": "dead_session"}, SessionExpired),
        ({"kind": "rate_limited"}, RateLimited),
        ({"kind": "error_200"}, SentUnknown),
        ({"kind": "http_error", "status": 403, "html": True}, SentUnknown),
        ({"kind": "wrong_length"}, SentUnknown),
        ({"kind": "reset"}, SentUnknown),
        ({"kind": "http_error", "status": 429, "html": True}, SentUnknown),
    ],
)
async def test_what_goes_wrong_with_an_order_is_told_apart(broker, venue, fault, error):
    venue.faults.add(Fault(on="place", **fault))
    if error is None:
        found = await broker.place(ORDER, TAG, look)
        assert isinstance(found, Rejected)
        assert "not matching with current IP address" in found.text
    else:
        with pytest.raises(error) as caught:
            await broker.place(ORDER, TAG, look)
        assert type(caught.value) is error


async def test_an_unregistered_address_may_read_and_not_order(broker, venue):
    venue.allowed_ips = ("10.0.0.1",)
    assert await broker.check() is None
    found = await broker.place(ORDER, TAG, look)
    assert isinstance(found, Rejected)
    assert (await broker.order_book()) == []


async def test_the_master_names_what_can_be_ordered(broker, venue, tmp_path):
    index = MemoryIndex(parse(await broker.download_master(tmp_path)))
    assert index.by_symbol("NFO:NIFTY29DEC26FUT").key == "NFO:41001"


@pytest.fixture
def surroundings(venue, api_type, indexes, tmp_path):

    return Surroundings(
        name="m",
        base_url=venue.url,
        egress="direct",
        access_token=Secret("TOKEN"),
        data=tmp_path,
        wall=lambda: NOON,
        rng=random.Random(1),
        instruments=indexes[api_type],
    )


async def test_it_is_made_of_its_settings_and_its_surroundings(
    surroundings, venue, api_type
):
    key = Secret(venue.login.user.api_key)
    settings = MstockSettings(api_type=api_type, api_key=key)
    made = build(settings, surroundings)
    await made.check()
    assert isinstance(await made.place(ORDER, TAG, look), Acked)
    await made.aclose()
    stranger = build(settings, surroundings._replace(access_token=None))
    with pytest.raises(SessionExpired):
        await stranger.check()
    await stranger.aclose()
    with pytest.raises(ConfigError, match="egress"):
        build(settings, surroundings._replace(egress="bind:nowhere"))
