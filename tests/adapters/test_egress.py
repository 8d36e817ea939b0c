"""Which address an echo on loopback sees, over real sockets bound to addresses."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
import trio

from adapters import ConfigError, NotSent, SentUnknown
from adapters.egress import AddressEcho, address_in


class Echo:
    """Answers with the address that it was called from, or with `says`."""

    def __init__(self) -> None:
        self.status, self.says = 200, None
        self.connections = 0
        self.url = ""

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += await stream.receive_some()
        body = self.says or stream.socket.getpeername()[0].encode()
        head = f"HTTP/1.1 {self.status} Told\r\nContent-Length: {len(body)}\r\n\r\n"
        await stream.send_all(head.encode() + body)
        await stream.receive_some()  # until the caller closes


@asynccontextmanager
async def echoing() -> AsyncIterator[Echo]:
    echo = Echo()
    async with trio.open_nursery() as nursery:
        serve = functools.partial(trio.serve_tcp, echo.serve, 0, host="127.0.0.1")
        listeners = await nursery.start(serve)
        port = listeners[0].socket.getsockname()[1]
        echo.url = f"http://127.0.0.1:{port}/ip?format=text"
        yield echo
        nursery.cancel_scope.cancel()


async def seen(url: str, egress: str = "direct") -> str:
    echo = AddressEcho(url, egress)
    try:
        return str(await echo.ask())
    finally:
        await echo.aclose()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "127.0.0.77"])
async def test_the_address_seen_is_the_one_that_calls_are_bound_to(address):
    async with echoing() as echo:
        assert await seen(echo.url, f"bind:{address}") == address


async def test_each_look_makes_a_connection_of_its_own():
    async with echoing() as echo:
        address = AddressEcho(echo.url, "direct")
        assert [await address.ask(), await address.ask()] == [
            ip_address("127.0.0.1")
        ] * 2
        await address.aclose()
        assert echo.connections == 2


@pytest.mark.parametrize(
    "body",
    [
        b"203.0.113.7",
        b"203.0.113.7\r\n",
        b'{"ip": "203.0.113.7", "country": "IN"}',
        b"::ffff:203.0.113.7",
    ],
)
async def test_an_answer_is_text_or_json(body):
    async with echoing() as echo:
        echo.says = body
        assert await seen(echo.url) == "203.0.113.7"


def test_an_address_may_be_of_the_new_kind():
    assert address_in(b"2001:db8::1") == ip_address("2001:db8::1")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"address": "203.0.113.7"}', b'{"ip": 3}', b"\xff", b"1.2.3"],
)
async def test_what_is_no_address_is_no_answer(body):
    with pytest.raises(SentUnknown) as caught:
        address_in(body)
    assert str(caught.value) == (
        "wanted an IP address from the echo, as text or as JSON with `ip`,"
        f" found {len(body)} bytes of other things"
    )


async def test_an_error_of_the_echo_is_no_answer():
    async with echoing() as echo:
        echo.status = 503
        with pytest.raises(SentUnknown, match="the echo answered HTTP 503"):
            await seen(echo.url)


async def test_an_endless_answer_is_not_read():
    async with echoing() as echo:
        echo.says = b"1" * 5000
        with pytest.raises(SentUnknown, match="wanted at most 4096 bytes"):
            await seen(echo.url)


async def test_an_echo_that_is_not_there_is_not_reached():
    async with echoing() as echo:
        pass
    with pytest.raises(NotSent):
        await seen(echo.url)


def test_an_egress_that_is_none_is_a_wrong_setting():
    with pytest.raises(ConfigError):
        AddressEcho("https://echo.example/", "bind:here")
