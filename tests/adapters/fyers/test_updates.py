"""FYERS's order socket, over a real one to the protocol server."""

from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec
import pytest
import trio
import trio.testing

from adapters.brokers.fyers import CashSymbols, FyersBroker, FyersSettings
from adapters.brokers.fyers.updates import FyersUpdates
from adapters.errors import SentUnknown, SessionExpired
from adapters.http import BrokerHttp
from adapters.model import BookStatus
from adapters.secret import Secret
from tests.venues.fyers import FyersVenue
from tests.venues.fyers_socket import ACK, frame

from .conftest import NOON, ORDER, TAG, TLS, look

ID = "26113000000001"


@pytest.fixture
async def venue(nursery: trio.Nursery) -> AsyncIterator[FyersVenue]:
    running = FyersVenue(clock=NOON.timestamp)
    await nursery.start(running.serve)
    yield running
    running.stop()


def broker(venue: FyersVenue, token: str) -> FyersBroker:
    settings = FyersSettings(app_id="DEMO12EFGH-100", base_url=venue.url)
    made = FyersBroker(settings, BrokerHttp(base_url=venue.url, tls=TLS))
    made.use(made.login.adopt(Secret(token), NOON))
    return made


async def subscribed(venue: FyersVenue) -> None:
    with trio.fail_after(5):
        while not any(peer.subscribed for peer in venue.socket.peers):
            await trio.lowlevel.checkpoint()


async def test_each_change_comes_as_the_row_that_the_book_has(venue):
    fyers = broker(venue, "TOKEN")
    async with fyers.order_updates() as updates:
        await subscribed(venue)
        await fyers.place(ORDER, TAG, look)
        transit, pending = [await updates.receive() for _ in range(2)]
        assert (transit.status, pending.status) == (
            BookStatus.TRANSIT,
            BookStatus.OPEN,
        )
        assert [pending] == await fyers.order_book()
        venue.book.fill(venue.book.find(ID), 4, 812.35)
        partly = await updates.receive()
        assert (partly.filled_quantity, partly.tag) == (4, TAG)
        assert partly.average_price == Decimal("812.35")
        venue.book.end(venue.book.find(ID), 1, "cancelled by the exchange")
        last = await updates.receive()
        assert [last] == await fyers.order_book()
    await fyers.aclose()


async def test_a_bad_token_is_refused_as_a_session_that_is_none(venue):
    fyers = broker(venue, "ANOTHER")
    with pytest.raises(SessionExpired, match="refused with HTTP 403"):
        async with fyers.order_updates():
            pass
    fyers.use(None)
    with pytest.raises(SessionExpired, match="log-in is wanted"):
        async with fyers.order_updates():
            pass
    await fyers.aclose()


async def test_a_connection_that_drops_says_so(venue):
    fyers = broker(venue, "TOKEN")
    async with fyers.order_updates() as updates:
        await subscribed(venue)
        venue.socket.drop()
        with pytest.raises(SentUnknown, match="the socket was closed"):
            await updates.receive()
    await fyers.aclose()


async def test_a_message_that_is_too_long_ends_the_connection(venue):
    fyers = broker(venue, "TOKEN")
    async with fyers.order_updates() as updates:
        await subscribed(venue)
        venue.socket.tell('{"s":"ok","x":"' + 70_000 * "x" + '"}')
        with pytest.raises(SentUnknown, match="code 1009"):
            await updates.receive()
    await fyers.aclose()


async def test_leaving_closes_the_connection(venue):
    fyers = broker(venue, "TOKEN")
    async with fyers.order_updates():
        await subscribed(venue)
    with trio.fail_after(5):
        while venue.socket.peers:
            await trio.lowlevel.checkpoint()
    await fyers.aclose()


class Wire:
    """The socket's other end, in virtual time."""

    def __init__(self, *messages: str | bytes) -> None:
        self._messages = list(messages)
        self.sent: list[tuple[float, str]] = []
        self.answers = True

    async def receive(self) -> str | bytes:
        await trio.lowlevel.checkpoint()
        if not self._messages:
            await trio.sleep_forever()
        return self._messages.pop(0)

    async def send(self, text: str) -> None:
        self.sent.append((trio.current_time(), text))
        if self.answers:
            self._messages.append("pong")


def read(*messages: str | bytes) -> tuple[Wire, FyersUpdates]:
    wire = Wire(*messages)
    return wire, FyersUpdates(wire, CashSymbols())  # type: ignore[arg-type]


async def test_it_pings_every_ten_seconds_and_waits_on(autojump_clock):
    wire, updates = read()
    began = trio.current_time()
    with trio.move_on_after(35):
        await updates.receive()
    assert [(at - began, text) for at, text in wire.sent] == [
        (10, "ping"),
        (20, "ping"),
        (30, "ping"),
    ]


async def test_three_pings_without_an_answer_end_it(autojump_clock):
    wire, updates = read()
    wire.answers = False
    began = trio.current_time()
    with pytest.raises(SentUnknown, match="no word over the socket for 30 s"):
        await updates.receive()
    assert trio.current_time() - began == 30


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("<html>", "a frame of 6 bytes"),
        (b"\xff\xfe", "a frame of 2 bytes"),
        ('{"orders":[1,2]}', "Expected `object | null`"),
        ('{"orders":{"id":"1","qty":"many"}}', r"orders\.qty"),
        ('{"s":"error","code":-300,"message":"no"}', "code -300"),
    ],
)
async def test_what_cannot_be_read_ends_it(message, words):
    _, updates = read(message)
    with pytest.raises(SentUnknown, match=words):
        await updates.receive()


async def test_a_token_that_died_is_told_as_such():
    _, updates = read('{"s":"error","code":-17,"message":"expired"}')
    with pytest.raises(SessionExpired, match="code -17"):
        await updates.receive()


@pytest.mark.parametrize(
    "lost", ["symbol", "qty", "ord_type", "tran_side", "org_ord_status"]
)
async def test_an_order_that_is_not_whole_only_points_at_the_book(venue, lost):
    fyers = broker(venue, "TOKEN")
    await fyers.place(ORDER, TAG, look)
    message = msgspec.json.decode(frame(venue.book.find(ID)))
    del message["orders"][lost]
    _, updates = read(ACK, msgspec.json.encode(message).decode())
    assert await updates.receive() is None
    await fyers.aclose()
