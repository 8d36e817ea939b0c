"""The one door to a broker over HTTP: what left, what may have arrived, what came back.

It keeps two time-outs, to connect and for a free connection, because they prove that
nothing was sent. How long an answer may take is the caller's cancel scope.
"""

from __future__ import annotations

import logging
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from ipaddress import ip_address
from typing import Any, NamedTuple, TypeVar

import httpx
import msgspec

from adapters.errors import BrokerError, ConfigError, NotSent, SentUnknown
from adapters.ports import LastLook

log = logging.getLogger("ordo.broker.http")

T = TypeVar("T")
RawHeaders = Sequence[tuple[bytes, bytes]]

CONNECT_TIMEOUT = 3.0
POOL_TIMEOUT = 2.0
MAX_CONNECTIONS = 32
MAX_REPLY_BYTES = 5 * 1024 * 1024
KEEPALIVE = 15.0
"""Seconds a connection may idle: fewer than brokers allow, so that an order never meets
a connection that its other end has just closed. Source: reliability.md, section 2."""

MEANING: dict[type[Exception], type[BrokerError]] = {
    # Raised before the request could begin.
    httpx.ConnectError: NotSent,
    httpx.ConnectTimeout: NotSent,
    httpx.PoolTimeout: NotSent,
    httpx.ProxyError: NotSent,  # it refused the tunnel, or us
    httpx.UnsupportedProtocol: NotSent,
    # Nobody knows how far it came.
    httpx.HTTPError: SentUnknown,
    httpx.HTTPStatusError: SentUnknown,
    httpx.RequestError: SentUnknown,
    httpx.TransportError: SentUnknown,
    httpx.TimeoutException: SentUnknown,
    httpx.ReadTimeout: SentUnknown,
    httpx.WriteTimeout: SentUnknown,
    httpx.NetworkError: SentUnknown,
    httpx.ReadError: SentUnknown,
    httpx.WriteError: SentUnknown,
    httpx.CloseError: SentUnknown,
    httpx.ProtocolError: SentUnknown,
    httpx.LocalProtocolError: SentUnknown,
    httpx.RemoteProtocolError: SentUnknown,
    httpx.DecodingError: SentUnknown,
    httpx.TooManyRedirects: SentUnknown,
    httpx.StreamError: SentUnknown,
    httpx.StreamClosed: SentUnknown,
    httpx.StreamConsumed: SentUnknown,
    httpx.RequestNotRead: SentUnknown,
    httpx.ResponseNotRead: SentUnknown,
    httpx.InvalidURL: SentUnknown,
    httpx.CookieConflict: SentUnknown,
}
"""Every error of httpx, and what it means for an order."""

FOREIGN = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, httpx.CookieConflict)
LEAVING = ".send_request_headers.started"
"""httpcore's event right before the first byte, after `http11` or `http2`."""


AGENT = b"ordo-gateway"
"""What calls say they are of, unless the broker wants another name."""


class Endpoint(NamedTuple):
    """A method and a URL, made ready by `BrokerHttp.endpoint`."""

    method: str
    url: httpx.URL
    headers: RawHeaders


class Reply(NamedTuple):
    """A whole answer, not yet understood."""

    status: int
    headers: httpx.Headers
    body: bytes


class Streamed(NamedTuple):
    """An answer whose body is still to come, packed as it was sent."""

    status: int
    headers: httpx.Headers
    body: AsyncIterator[bytes]


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
        ConfigError: an address is not one, or SOCKS support is not installed.
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
        self.egress = egress
        self.tls = tls or httpx.create_ssl_context(trust_env=False)
        self._base = _base(base_url) if base_url else None
        self._timeouts = {
            "connect": connect_timeout,
            "pool": pool_timeout,
            "read": None,
            "write": None,
        }
        self._max_reply_bytes = max_reply_bytes
        self._lanes = _Lanes(egress, max_connections, self.tls)

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
        return Endpoint(method, target, (host, plain, (b"User-Agent", agent)))

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
        request = self._request(endpoint, headers, query, body)
        look = None
        if last_look is not None:
            look = _Look(last_look)
            request.extensions["trace"] = look.trace
        with _told(endpoint) as call, wire_errors(look), self._lanes.one() as transport:
            response = await transport.handle_async_request(request)
            call.status = response.status_code
            if look is not None and not look.left and _is_real(response):
                await response.aclose()
                raise RuntimeError("httpcore sent an order and asked for no last look")
            return Reply(
                response.status_code, response.headers, await self._read(response, cap)
            )

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
        request = self._request(endpoint, headers, query, body)
        with _told(endpoint) as call, wire_errors(), self._lanes.one() as transport:
            response = await transport.handle_async_request(request)
            call.status = response.status_code
            parts = _Body(response)
            try:
                yield Streamed(response.status_code, response.headers, parts)
            finally:
                await parts.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._lanes.aclose()

    def _request(
        self,
        endpoint: Endpoint,
        headers: RawHeaders,
        query: Mapping[str, str] | None,
        body: bytes,
    ) -> httpx.Request:
        url = endpoint.url
        if query is not None:
            url = url.copy_merge_params(dict(query))
        lines = [*endpoint.headers, *headers]
        if body:
            lines.append((b"Content-Length", b"%d" % len(body)))
        # Given as a stream, the body is taken as it is; `content=` costs six times.
        return httpx.Request(
            endpoint.method,
            url,
            headers=lines,
            stream=httpx.ByteStream(body),
            extensions={"timeout": self._timeouts},
        )

    async def _read(self, response: httpx.Response, cap: int) -> bytes:
        """Read the body; past *cap* bytes the connection is closed.

        Raises:
            SentUnknown: it is longer than the cap, or packed in a way not asked for.
        """
        parts: list[bytes] = []
        size = _declared_length(response.headers)
        try:
            if size <= cap:
                size = 0
                async for part in response.stream:  # type: ignore[union-attr]
                    size += len(part)
                    parts.append(part)
                    if size > cap:  # the next read fails, and that unwinds httpcore
                        parts.clear()
                        await response.aclose()
        except httpx.HTTPError:
            if size <= cap:
                raise
        finally:
            await response.aclose()
        body = b"".join(parts)
        if "content-encoding" in response.headers and size <= cap:
            body = _unpacked(response, body, cap + 1)
            size = len(body)
        if size > cap:
            raise SentUnknown(
                f"HTTP {response.status_code}: wanted at most {cap} bytes, found more",
                response.status_code,
            )
        return body


@contextmanager
def wire_errors(look: _Look | None = None) -> Iterator[None]:
    """Translate httpx's errors into what they mean for an order.

    Args:
        look: of the request, if it had one: it may prove that nothing left.

    Raises:
        NotSent: provably nothing left.
        SentUnknown: it may have arrived.
    """
    try:
        yield
    except FOREIGN as exc:
        kinds = (MEANING[cls] for cls in type(exc).__mro__ if cls in MEANING)
        kind = next(kinds, SentUnknown)
        if look is not None and look.left is False:
            kind = NotSent  # such as a proxy that breaks off before the tunnel stands
        raise kind(f"{type(exc).__name__}: {exc}".rstrip(": ")) from exc


def decoded(reply: Reply, decoder: msgspec.json.Decoder[T]) -> T:
    """The reply's JSON as the decoder's type; numbers meant as `Decimal` are exact.

    Raises:
        SentUnknown: it is a page, cut off, or of another shape.
    """
    try:
        return decoder.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        kind = reply.headers.get("content-type", "no content type")[:40]
        raise SentUnknown(
            f"HTTP {reply.status}: wanted the broker's JSON, found {len(reply.body)}"
            f" bytes of {kind}: {exc}",
            reply.status,
        ) from exc


def retry_after(headers: httpx.Headers) -> float | None:
    """The seconds in `Retry-After`; None without it, or where it gives a date."""
    return seconds(headers.get("retry-after"))


def seconds(text: str | None) -> float | None:
    """A plain number out of a header, None for anything else."""
    text = (text or "").strip()
    if len(text) > 12 or not text.replace(".", "", 1).isdecimal():
        return None
    return float(text)


class _Call:
    """One call, for the log: its status once there is one."""

    __slots__ = ("status",)

    def __init__(self) -> None:
        self.status: int | None = None


@contextmanager
def _told(endpoint: Endpoint) -> Iterator[_Call]:
    """Tell the log of a call: never its query, headers or body, which hold secrets."""
    call, began = _Call(), time.perf_counter()
    try:
        yield call
    finally:
        if log.isEnabledFor(logging.DEBUG):
            log.debug(
                "%s %s%s: %s",
                endpoint.method,
                endpoint.url.host,
                endpoint.url.path,
                call.status or "no answer",
                extra={
                    "event": "broker.called",
                    "method": endpoint.method,
                    "status": call.status,
                    "took_ms": round((time.perf_counter() - began) * 1000, 3),
                },
            )


class _Body(AsyncIterator[bytes]):
    """A body that may be left before its end.

    The streams below are async generators, several deep; one that is just dropped is
    finished by the garbage collector, which cannot await. A read after the close fails
    instead, and that unwinds them all.
    """

    __slots__ = ("_parts", "_response", "_under_way")

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._parts = response.stream.__aiter__()  # type: ignore[union-attr]
        self._under_way = False

    async def __anext__(self) -> bytes:
        self._under_way = True
        try:
            return await anext(self._parts)
        except BaseException:  # the end among them: nothing is left to unwind
            self._under_way = False
            raise

    async def aclose(self) -> None:
        await self._response.aclose()
        with suppress(httpx.HTTPError):
            while self._under_way:
                try:
                    await anext(self)
                except StopAsyncIteration:
                    return


class _Look:
    """One order's trace. `left` is None until httpcore has told anything."""

    __slots__ = ("_last_look", "left")

    def __init__(self, last_look: LastLook) -> None:
        self._last_look = last_look
        self.left: bool | None = None

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Take the last look when the order, not a proxy's CONNECT, is to leave."""
        if event.endswith(LEAVING) and info["request"].method != b"CONNECT":
            self._last_look()
            self.left = True
            # Nothing after this matters, and each event told costs time.
            del info["request"].extensions["trace"]
        elif self.left is None:
            self.left = False


class _Lane:
    """A transport of one connection, and how many calls are on it."""

    __slots__ = ("calls", "transport")

    def __init__(self, transport: httpx.AsyncHTTPTransport) -> None:
        self.transport = transport
        self.calls = 0


class _Lanes:
    """Connections, the last used first.

    Each is a transport of its own: httpcore's pool goes through all its connections
    for each call, several times, and at 32 of them that is half of a call's cost.
    """

    def __init__(self, egress: str, most: int, tls: ssl.SSLContext) -> None:
        self._make = _transports(egress, tls)
        self._most = most
        self._lanes = [_Lane(self._make())]
        self._idle = list(self._lanes)

    @contextmanager
    def one(self) -> Iterator[httpx.AsyncHTTPTransport]:
        lane = self._idle.pop() if self._idle else self._another()
        lane.calls += 1
        try:
            yield lane.transport
        finally:
            lane.calls -= 1
            if not lane.calls:
                self._idle.append(lane)

    def _another(self) -> _Lane:
        if len(self._lanes) < self._most:
            self._lanes.append(_Lane(self._make()))
            return self._lanes[-1]
        # All are busy: wait behind the shortest queue, for the pool time-out.
        return min(self._lanes, key=lambda lane: lane.calls)

    async def aclose(self) -> None:
        for lane in self._lanes:
            await lane.transport.aclose()


def _transports(
    egress: str, tls: ssl.SSLContext
) -> Callable[[], httpx.AsyncHTTPTransport]:
    """What makes a transport that leaves by *egress*; no message shows the text."""
    limits = httpx.Limits(
        max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE
    )
    address, proxy = None, None
    if egress.startswith("bind:"):
        address = egress.removeprefix("bind:")
        try:
            ip_address(address)
        except ValueError:
            raise ConfigError("egress: wanted an IP address after bind:") from None
    elif egress != "direct":
        proxy = _proxy(egress)

    def make() -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(
            verify=tls,
            trust_env=False,
            limits=limits,
            proxy=proxy,
            local_address=address,
            retries=0,
        )

    if proxy is not None and proxy.url.scheme == "socks5":
        try:
            make()
        except ImportError:
            raise ConfigError(
                "egress: a socks5:// proxy wants the package socksio;"
                " pip install 'httpx[socks]'"
            ) from None
    return make


def _proxy(egress: str) -> httpx.Proxy:
    try:
        proxy = httpx.Proxy(egress)
    except (ValueError, httpx.InvalidURL):
        proxy = None
    if (
        proxy is None
        or not proxy.url.host
        or proxy.url.scheme not in ("http", "socks5")
    ):
        raise ConfigError(
            "egress: wanted direct, bind:ADDRESS, http://PROXY or socks5://PROXY"
        )
    return proxy


def _base(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    plain = url.path in ("", "/") and not (url.query or url.fragment or url.userinfo)
    if url.scheme not in ("http", "https") or not url.host or not plain:
        raise ConfigError("base_url: wanted http:// or https:// and a host, no path")
    return url


def _declared_length(headers: httpx.Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _unpacked(response: httpx.Response, body: bytes, most: int) -> bytes:
    """The first *most* bytes of what a server packed although asked not to."""
    encoding, status = response.headers["content-encoding"], response.status_code
    if encoding == "identity":
        return body
    try:
        if encoding == "gzip":
            return zlib.decompressobj(wbits=31).decompress(body, most)
    except zlib.error as exc:
        raise SentUnknown(f"HTTP {status}: not gzip: {exc}", status) from exc
    raise SentUnknown(f"HTTP {status}: wanted it plain, found {encoding}", status)


def _is_real(response: httpx.Response) -> bool:
    """Whether it came over a connection; a mock's has none, and tells no events."""
    return "network_stream" in response.extensions
