"""m.Stock's order updates, over a real socket to the protocol server."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import trio
from msgspec.structs import replace

from adapters.brokers.mstock import MstockBroker, MstockSettings
from adapters.errors import SentUnknown, SessionExpired
from adapters.http import BrokerHttp
from adapters.model import BookStatus
from adapters.secret import Secret
from tests.venues.mstock import MstockVenue
from tests.venues.mstock_login import User
from tests.venues.server import encode

from .conftest import KEY, NOON, ORDER, TAG, TLS, look


@pytest.fixture
async def venue(nursery: trio.Nursery) -> AsyncIterator[MstockVenue]:
    running = MstockVenue(user=User(api_key=KEY), clock=NOON.timestamp)
    await nursery.start(running.serve)
    yield running
    running.stop()


@pytest.fixture
async def mstock(venue, api_type, indexes) -> AsyncIterator[MstockBroker]:
    made = make(venue, api_type, indexes)
    made.use(made.login.adopt(Secret("TOKEN"), NOON))
    venue.socket.api_type = api_type
    yield made
    await made.aclose()


def make(venue, api_type, indexes, key=KEY):
    settings = MstockSettings(
        api_type=api_type, api_key=Secret(key), username="MA0000001"
    )
    door = BrokerHttp(base_url=venue.url, tls=TLS)
    return MstockBroker(settings, door, indexes[api_type], wall=lambda: NOON)


async def let_in(venue: MstockVenue) -> None:
    with trio.fail_after(5):
        while not any(peer.subscribed for peer in venue.socket.peers):
            await trio.lowlevel.checkpoint()


async def test_each_change_comes_as_the_row_that_the_book_has(venue, mstock):
    async with mstock.order_updates() as updates:
        await let_in(venue)
        await mstock.place(ORDER, TAG, look)
        placed = await updates.receive()
        assert placed.tag == (TAG if venue.socket.api_type == "B" else None)
        assert [replace(placed, tag=None)] == await mstock.order_book()
        assert (placed.status, placed.filled_quantity) == (BookStatus.OPEN, 0)
        (order,) = venue.book.orders.values()
        venue.book.fill(order, Decimal(4), Decimal("812.35"))
        partly = await updates.receive()
        assert (partly.status, partly.filled_quantity) == (BookStatus.OPEN, 4)
        venue.book.cancel(order.id)
        ended = await updates.receive()
        assert (ended.status, ended.filled_quantity) == (BookStatus.CANCELLED, 4)


async def test_it_logs_in_by_text_before_all_else(venue, mstock):
    async with mstock.order_updates():
        await let_in(venue)
        assert [peer.said for peer in venue.socket.peers] == [["LOGIN:TOKEN"]]


async def test_a_key_with_signs_in_it_gets_through_and_a_wrong_one_is_refused(
    venue, api_type, indexes
):
    broker = make(venue, api_type, indexes, "ANOTHER")
    broker.use(broker.login.adopt(Secret("TOKEN"), NOON))
    with pytest.raises(SessionExpired, match="refused with HTTP 403") as caught:
        async with broker.order_updates():
            pass
    assert "TOKEN" not in repr(caught.value)
    await broker.aclose()


async def test_a_log_in_that_is_not_taken_ends_the_connection(venue, mstock):
    mstock.use(mstock.login.adopt(Secret("DEAD"), NOON))
    with pytest.raises(SentUnknown, match="the socket was closed"):
        async with mstock.order_updates() as updates:
            await updates.receive()


async def test_without_a_session_nothing_is_opened(venue, mstock):
    mstock.use(None)
    with pytest.raises(SessionExpired, match="log-in is wanted"):
        async with mstock.order_updates():
            pass
    assert venue.socket.upgrades == 0


async def told(venue, mstock, message):
    async with mstock.order_updates() as updates:
        await let_in(venue)
        venue.socket.tell(message)
        return await updates.receive()


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"trade","data":{}}',
        b'{"order_status":"trade","orderData":{}}',
        b'{"type":"order","data":{"order_id":"1"}}',
        b'{"order_status":"order","orderData":{"orderid":"1","status":"New"}}',
        b'{"type":"order"}',
    ],
)
async def test_what_says_too_little_only_points_at_the_book(venue, mstock, message):
    assert await told(venue, mstock, message.decode()) is None


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('{"type":"order","data":', "a frame of 23 bytes"),
        ('{"type":"error","data":"TOKEN is none"}', "^m.Stock sent an error over"),
    ],
)
async def test_what_cannot_be_read_and_errors_end_it(venue, mstock, message, words):
    with pytest.raises(SentUnknown, match=words) as caught:
        await told(venue, mstock, message)
    assert "TOKEN" not in str(caught.value)


async def test_prices_and_heartbeats_are_passed_over(venue, mstock):
    async with mstock.order_updates() as updates:
        await let_in(venue)
        for message in (b"\x00\x01" * 200, "", "hello", '{"type":"else"}'):
            venue.socket.tell(message)
        venue.socket.tell(encode({"type": "trade", "data": None}).decode())
        assert await updates.receive() is None
