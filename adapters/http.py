"""The one door to a broker over HTTP: what left, what may have arrived, what came back.

It keeps two time-outs, to connect and for a free connection, because they prove that
nothing was sent. How long an answer may take is the caller's cancel scope.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from adapters.errors import ConfigError
from adapters.http1 import Head, Http1, RawHeaders, request_bytes
from adapters.lanes import Lanes, Origin
from adapters.ports import LastLook
from adapters.reply import Reply, too_long, unpacked

log = logging.getLogger("ordo.broker.http")

CONNECT_TIMEOUT = 3.0
POOL_TIMEOUT = 2.0
MAX_CONNECTIONS = 32
MAX_REPLY_BYTES = 5 * 1024 * 1024
PORTS = {"http": 80, "https": 443}
CLOSE = (b"Connection", b"close")
"""A header that asks for the connection to end with its answer."""

AGENT = b"ordo-gateway"
"""What calls say they are of, unless the broker wants another name."""


class Endpoint(NamedTuple):
    """A method and a URL, made ready by `BrokerHttp.endpoint`."""

    method: str
    url: httpx.URL
    headers: RawHeaders
    origin: Origin


class Streamed(NamedTuple):
    """An answer whose body is still to come, packed as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]


class Request(NamedTuple):
    """One call, whole."""

    endpoint: Endpoint
    url: httpx.URL
    headers: RawHeaders
    body: bytes
    last_look: LastLook | None = None

    def data(self) -> bytes:
        """Its bytes.

        Raises:
            NotSent: a header holds a line break.
        """
        method, target = self.endpoint.method.encode(), self.url.raw_path
        return request_bytes(method, target, self.headers, self.body)


class BrokerHttp:
    """Calls to one broker account.

    Args:
        base_url: replaces scheme and host of every endpoint; "" leaves them.
        egress: where calls leave from: `direct`, `bind:ADDRESS`, `http://PROXY` or
            `socks5://PROXY`.
        connect_timeout: seconds to connect, TLS included.
        pool_timeout: seconds to wait for a free connection.
        max_connections: at one time.
        max_reply_bytes: longer answers are not read to their end.
        tls: trust other than the usual authorities.

    Raises:
        ConfigError: an address is not one.
    """

    def __init__(
        self,
        *,
        base_url: str = "",
        egress: str = "direct",
        connect_timeout: float = CONNECT_TIMEOUT,
        pool_timeout: float = POOL_TIMEOUT,
        max_connections: int = MAX_CONNECTIONS,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.base_url = base_url
        self.egress = _checked(egress)
        self.tls = tls or httpx.create_ssl_context(trust_env=False)
        self._base = _base(base_url) if base_url else None
        self._max_reply_bytes = max_reply_bytes
        self._lanes = Lanes(
            egress,
            self.tls,
            most=max_connections,
            connect_timeout=connect_timeout,
            pool_timeout=pool_timeout,
        )

    def endpoint(self, method: str, url: str, *, agent: bytes = AGENT) -> Endpoint:
        """Make the fixed parts of a call ready; *url* is as the broker publishes it."""
        target = httpx.URL(url)
        if self._base is not None:
            target = target.copy_with(
                scheme=self._base.scheme, host=self._base.host, port=self._base.port
            )
        host = (b"Host", target.netloc)
        # An answer that is not compressed costs no time to unpack.
        plain = (b"Accept-Encoding", b"identity")
        headers = (host, plain, (b"User-Agent", agent))
        return Endpoint(method, target, headers, _origin(target))

    async def send(
        self,
        endpoint: Endpoint,
        *,
        headers: RawHeaders = (),
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        last_look: LastLook | None = None,
        max_bytes: int | None = None,
    ) -> Reply:
        """Make one call and read its whole answer, whatever its status.

        Args:
            headers: besides `Host`, `User-Agent` and those of the body.
            last_look: called once connected, right before the first byte; what it
                raises comes out unchanged, and nothing was sent. Over plain TCP no
                other task runs before the write; over TLS Trio's stream passes one
                scheduling point in between (measured), so what another task then
                says meets an order that counts as having left.
            max_bytes: a cap of this call's own, for answers that grow with the day.

        Raises:
            NotSent: provably nothing left.
            SentUnknown: it may have arrived; no answer, or none that fits.
        """
        cap = self._max_reply_bytes if max_bytes is None else max_bytes
        request = _request(endpoint, headers, query, body, last_look)
        return unpacked(await self.exchange(request, cap), cap)

    async def exchange(self, request: Request, cap: int) -> Reply:
        """One request, one answer of at most *cap* bytes, as it was sent.

        Raises:
            NotSent: provably nothing left.
            SentUnknown: it may have arrived; no answer, or none that fits.
        """
        async with self._asked(request) as (head, http):
            return Reply(head.status, head.headers, await _body(http, head, cap))

    @asynccontextmanager
    async def stream(
        self,
        endpoint: Endpoint,
        *,
        headers: RawHeaders = (),
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> AsyncIterator[Streamed]:
        """Make one call and give its answer as it comes: for what is too long to hold.

        Raises:
            NotSent: provably nothing left.
            SentUnknown: no answer, or it broke off while it was read.
        """
        request = _request(endpoint, headers, query, body, None)
        async with self._asked(request) as (head, http):
            yield Streamed(head.status, head.headers, _Parts(http))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._lanes.aclose()

    @asynccontextmanager
    async def _asked(self, request: Request) -> AsyncIterator[tuple[Head, Http1]]:
        """A call whose answer has begun; its body is to be read in the block."""
        began, status = time.perf_counter(), None
        try:
            lane = await self._lanes.take(request.endpoint.origin)
            try:
                await lane.http.send(request.data(), request.last_look)
                head = await lane.http.head()
                status = head.status
                yield head, lane.http
            finally:
                if CLOSE in request.headers:
                    lane.http.drop()
                self._lanes.give_back(lane)
        finally:
            _tell(request.endpoint, status, time.perf_counter() - began)


class _Parts(AsyncIterator[bytes]):
    """A body, part by part; one that is left before its end closes its connection."""

    __slots__ = ("_http",)

    def __init__(self, http: Http1) -> None:
        self._http = http

    async def __anext__(self) -> bytes:
        part = await self._http.part()
        if not part:
            raise StopAsyncIteration
        return part


def _request(
    endpoint: Endpoint,
    headers: RawHeaders,
    query: Mapping[str, str] | None,
    body: bytes,
    last_look: LastLook | None,
) -> Request:
    url = endpoint.url
    if query is not None:
        url = url.copy_merge_params(dict(query))
    return Request(endpoint, url, (*endpoint.headers, *headers), body, last_look)


async def _body(http: Http1, head: Head, cap: int) -> bytes:
    """The whole body; past *cap* bytes it is not read on.

    Raises:
        SentUnknown: it is longer than the cap, or broke off.
    """
    declared = head.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > cap:
        raise too_long(head.status, cap)
    parts, size = [], 0
    while part := await http.part():
        size += len(part)
        if size > cap:
            raise too_long(head.status, cap)
        parts.append(part)
    return b"".join(parts)


def _origin(url: httpx.URL) -> Origin:
    """Whom *url* is of.

    Raises:
        ConfigError: it is not of HTTP.
    """
    if url.scheme not in PORTS or not url.host:
        raise ConfigError(f"wanted http:// or https:// and a host, found {url.scheme}")
    port = url.port or PORTS[url.scheme]
    return Origin(url.raw_host.decode("ascii"), port, url.scheme == "https")


def _checked(egress: str) -> str:
    """*egress*, if it is one; no message shows it, for it may hold a password.

    Raises:
        ConfigError: it is not.
    """
    if egress.startswith("bind:"):
        try:
            ip_address(egress.removeprefix("bind:"))
        except ValueError:
            raise ConfigError("egress: wanted an IP address after bind:") from None
    elif egress != "direct" and not _is_proxy(egress):
        raise ConfigError(
            "egress: wanted direct, bind:ADDRESS, http://PROXY or socks5://PROXY"
        )
    return egress


def _is_proxy(egress: str) -> bool:
    try:
        parts = urlsplit(egress)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "socks5") and bool(parts.hostname) and port != 0


def _base(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    plain = url.path in ("", "/") and not (url.query or url.fragment or url.userinfo)
    if url.scheme not in PORTS or not url.host or not plain:
        raise ConfigError("base_url: wanted http:// or https:// and a host, no path")
    return url


def _tell(endpoint: Endpoint, status: int | None, took: float) -> None:
    """Tell the log of a call: never its query, headers or body, which hold secrets."""
    if log.isEnabledFor(logging.DEBUG):
        log.debug(
            "%s %s%s: %s",
            endpoint.method,
            endpoint.url.host,
            endpoint.url.path,
            status or "no answer",
            extra={
                "event": "broker.called",
                "method": endpoint.method,
                "status": status,
                "took_ms": round(took * 1000, 3),
            },
        )
