"""Streams that leave by an account's egress, over real sockets on loopback."""

import base64
import errno
import socket
import ssl
import struct
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
import trio

from adapters.errors import NotSent
from adapters.streams import Way, open_stream
from ordo import tls

DIRECT = Way("direct", None)


@asynccontextmanager
async def listening(handler):
    """Serve *handler* on loopback; gives the port."""
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, handler, 0, host="127.0.0.1")
        [listener] = await nursery.start(serve)
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def echo(stream):
    async for data in stream:
        await stream.send_all(data)


async def spoken(way, port, host="127.0.0.1"):
    """What comes back of a word said over a stream."""
    with trio.fail_after(5):
        stream = await open_stream(host, port, way)
        async with stream:
            await stream.send_all(b"hello")
            return bytes(await stream.receive_some())


class Proxy:
    """Answers *answers* in turn, then passes bytes on to *port*; 0: hangs up."""

    def __init__(self, port, *answers):
        self.heard = []
        self._port = port
        self._answers = answers

    async def serve(self, stream):
        for answer in self._answers:
            self.heard.append(bytes(await stream.receive_some()))
            await stream.send_all(answer)
        if not self._port:
            return
        async with (
            await trio.open_tcp_stream("127.0.0.1", self._port) as target,
            trio.open_nursery() as pipes,
        ):
            pipes.start_soon(self._pipe, target, stream)
            await self._pipe(stream, target)
            pipes.cancel_scope.cancel()

    async def _pipe(self, source, sink):
        async for data in source:
            await sink.send_all(data)


async def test_direct_and_bound_streams_connect():
    async with listening(echo) as port:
        assert await spoken(DIRECT, port) == b"hello"
        assert await spoken(Way("bind:127.0.0.1", None), port) == b"hello"


async def test_what_does_not_listen_was_not_reached():
    async with listening(echo) as port:
        pass
    with pytest.raises(
        NotSent, match=f"127.0.0.1:{port} was not reached: Connection refused"
    ):
        await open_stream("127.0.0.1", port, DIRECT)


async def test_an_http_proxy_tunnels_with_its_password():
    async with listening(echo) as port:
        proxy = Proxy(port, b"HTTP/1.1 200 Connection established\r\n\r\n")
        async with listening(proxy.serve) as door:
            way = Way(f"http://me:s%40crets@127.0.0.1:{door}", None)
            assert await spoken(way, 443, "broker.example") == b"hello"
    (asked,) = proxy.heard
    assert asked.startswith(b"CONNECT broker.example:443 HTTP/1.1\r\n")
    assert b"Basic " + base64.b64encode(b"me:s@crets") in asked


async def test_a_socks_proxy_connects_by_name():
    taken = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"
    async with listening(echo) as port:
        proxy = Proxy(port, b"\x05\x02", b"\x01\x00", taken)
        async with listening(proxy.serve) as door:
            way = Way(f"socks5://me:crets@127.0.0.1:{door}", None)
            assert await spoken(way, 443, "broker.example") == b"hello"
    hello, let_in, connect = proxy.heard
    assert hello == b"\x05\x01\x02"
    assert let_in == b"\x01\x02me\x05crets"
    name = b"broker.example"
    wanted = b"\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack(">H", 443)
    assert connect == wanted


@pytest.mark.parametrize(
    ("scheme", "answers"),
    [
        ("http", [b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"]),
        ("http", [b"SSH-2.0\r\n\r\n"]),
        ("http", [b"HTTP/1.1 200 " + 20_000 * b"x"]),
        ("socks5", [b"\x05\xff"]),
        ("socks5", [b"\x05\x02", b"\x01\x01"]),
        ("socks5", [b"\x05\x02", b"\x01\x00", b"\x05\x05\x00\x01" + bytes(6)]),
        ("socks5", [b"HTTP/1.1 400"]),
    ],
)
async def test_a_proxy_without_a_tunnel_is_told_and_its_password_is_not(
    scheme, answers
):
    async with listening(Proxy(0, *answers).serve) as door:
        way = Way(f"{scheme}://me:crets@127.0.0.1:{door}", None)
        with trio.fail_after(5), pytest.raises(NotSent) as caught:
            await open_stream("broker.example", 443, way)
    assert "broker.example:443: the proxy gave no tunnel" in str(caught.value)
    assert "crets" not in str(caught.value)


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path):
    files = tls.ensure(tmp_path, "127.0.0.1")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(files.cert, files.key)

    async def handler(stream):
        with pytest.raises(trio.BrokenResourceError):
            await trio.SSLStream(stream, server, server_side=True).do_handshake()

    async with listening(handler) as port:
        way = Way("direct", httpx.create_ssl_context(trust_env=False))
        with pytest.raises(NotSent, match=r"no TLS to trust: .*CERTIFICATE_VERIFY"):
            await open_stream("127.0.0.1", port, way)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError("all attempts failed"), "OSError"),
        (trio.BrokenResourceError(), "BrokenResourceError"),
        (socket.gaierror(socket.EAI_NONAME, "Name unknown"), "Name unknown"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "Connection refused"),
    ],
)
async def test_why_a_host_was_not_reached_is_told(monkeypatch, error, why):
    async def refuse(host, port):
        raise error

    monkeypatch.setattr(trio, "open_tcp_stream", refuse)
    with pytest.raises(NotSent, match=f"^broker.example:443 was not reached: {why}$"):
        await open_stream("broker.example", 443, DIRECT)
