"""A byte stream to a broker, leaving by the account's egress: for calls and sockets."""

from __future__ import annotations

import base64
import os
import socket
import ssl
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import h11
import trio
from socksio import socks5
from socksio.exceptions import ProtocolError

from adapters.errors import NotSent

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]

MOST_BYTES = 16384
"""Of a proxy's answer."""


class Way(NamedTuple):
    """How to reach a broker: `egress` as configured, the TLS to speak, None for none.

    An egress may hold a proxy's password, so no error shows it.
    """

    egress: str
    tls: ssl.SSLContext | None


class _ProxyRefused(Exception):
    """The proxy answered, and not with a tunnel."""


async def open_stream(host: str, port: int, way: Way) -> Stream:
    """Connect to *host*; takes as long as the caller's cancel scope lets it.

    Raises:
        NotSent: there is no connection, or no TLS that can be trusted.
    """
    try:
        stream = await _plain(host, port, way.egress)
    except (OSError, trio.BrokenResourceError) as exc:
        raise NotSent(f"{host}:{port} was not reached: {_why(exc)}") from exc
    except (_ProxyRefused, ProtocolError, h11.RemoteProtocolError) as exc:
        raise NotSent(f"{host}:{port}: the proxy gave no tunnel: {exc}") from exc
    if way.tls is None:
        return stream
    secure = trio.SSLStream(stream, way.tls, server_hostname=host)
    try:
        await secure.do_handshake()
    except BaseException as exc:
        await trio.aclose_forcefully(secure)
        if isinstance(exc, trio.BrokenResourceError):
            why = exc.__cause__ or exc
            raise NotSent(f"{host}:{port}: no TLS to trust: {why}") from exc
        raise
    return secure


def _why(error: BaseException) -> str:
    """The system's own words; Trio's only say that every attempt failed."""
    cause = error.__cause__ or error
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    if not isinstance(cause, OSError) or cause.errno is None:
        return type(cause).__name__
    if isinstance(cause, socket.gaierror):
        return str(cause.strerror)
    return os.strerror(cause.errno)


async def _plain(host: str, port: int, egress: str) -> trio.SocketStream:
    if egress.startswith("bind:"):
        address = egress.removeprefix("bind:")
        return await trio.open_tcp_stream(host, port, local_address=address)
    if egress == "direct":
        return await trio.open_tcp_stream(host, port)
    proxy = urlsplit(egress)
    socks = proxy.scheme == "socks5"
    stream = await trio.open_tcp_stream(
        proxy.hostname or "", proxy.port or (1080 if socks else 80)
    )
    auth = None
    if proxy.username is not None:
        auth = (unquote(proxy.username), unquote(proxy.password or ""))
    try:
        await (_socks if socks else _tunnel)(stream, host, port, auth)
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


async def _tunnel(
    stream: trio.SocketStream, host: str, port: int, auth: tuple[str, str] | None
) -> None:
    """Have an HTTP proxy connect us through."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    headers = [("Host", target)]
    if auth is not None:
        both = base64.b64encode(":".join(auth).encode()).decode()
        headers.append(("Proxy-Authorization", f"Basic {both}"))
    talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_BYTES)
    asked = h11.Request(method="CONNECT", target=target, headers=headers)
    await stream.send_all(talk.send(asked) or b"")
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            talk.receive_data(await stream.receive_some(MOST_BYTES))
        elif isinstance(event, h11.Response):
            break
        elif not isinstance(event, h11.InformationalResponse):
            raise _ProxyRefused("it closed the connection")
    if not 200 <= event.status_code < 300:
        raise _ProxyRefused(f"HTTP {event.status_code}")


async def _socks(
    stream: trio.SocketStream, host: str, port: int, auth: tuple[str, str] | None
) -> None:
    """Have a SOCKS5 proxy connect us through; it looks the name up itself."""
    talk = socks5.SOCKS5Connection()

    async def ask(message: object) -> object:
        talk.send(message)
        await stream.send_all(talk.data_to_send())
        data = await stream.receive_some(MOST_BYTES)
        if not data:
            raise _ProxyRefused("it closed the connection")
        return talk.receive_data(data)

    methods = socks5.SOCKS5AuthMethod
    method = methods.NO_AUTH_REQUIRED if auth is None else methods.USERNAME_PASSWORD
    chosen = await ask(socks5.SOCKS5AuthMethodsRequest([method]))
    if getattr(chosen, "method", None) != method:
        raise _ProxyRefused("it wants another way of logging in")
    if auth is not None:
        name, password = (text.encode() for text in auth)
        let_in = await ask(socks5.SOCKS5UsernamePasswordRequest(name, password))
        if not getattr(let_in, "success", False):
            raise _ProxyRefused("it does not take our name and password")
    wanted = socks5.SOCKS5CommandRequest.from_address(
        socks5.SOCKS5Command.CONNECT, (host, port)
    )
    reply = await ask(wanted)
    code = getattr(reply, "reply_code", None)
    if code != socks5.SOCKS5ReplyCode.SUCCEEDED:
        raise _ProxyRefused(f"SOCKS5 reply {code}")
