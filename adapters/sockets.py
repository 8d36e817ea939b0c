"""A WebSocket to a broker: connected as its HTTP calls are, with messages bounded.

What messages mean is the adapter's. Reading and answering pings is a task of
trio-websocket's, which lives and ends inside the `async with`; so does the one that
sends pings, where the broker wants them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import NamedTuple

import httpx
import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)

from adapters.errors import BrokerError, NotSent, SentUnknown, SessionExpired
from adapters.http import AGENT, BrokerHttp
from adapters.http1 import RawHeaders
from adapters.streams import Stream, Way, open_stream

OPEN_TIMEOUT = 10.0
"""Seconds to connect, TLS and the WebSocket's own handshake included."""
CLOSE_TIMEOUT = 1.0
"""Seconds to say goodbye; then the connection is closed without."""
PONG_TIMEOUT = 10.0
"""Seconds for the answer to a ping."""
MOST_BYTES = 65_536
"""Of one message: an order takes 1,200 bytes, and what is longer is none."""
QUEUE = 256
"""Messages that wait for us; past that TCP holds the broker back."""

Message = str | bytes


class _Address(NamedTuple):
    """Where a WebSocket is, and what the handshake names."""

    host: str
    port: int
    netloc: str
    target: str
    secure: bool


class Socket:
    """An open WebSocket; made by `websocket`.

    Args:
        connection: the library's.
    """

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection

    async def receive(self) -> Message:
        """The next message; a cancel loses none.

        Raises:
            SentUnknown: the connection has ended.
        """
        with _closing():
            message: Message = await self._connection.get_message()
            return message

    async def send(self, text: str) -> None:
        """Send a text message; not to be cancelled in the middle.

        Raises:
            SentUnknown: the connection has ended.
        """
        with _closing():
            await self._connection.send_message(text)


@contextmanager
def _closing() -> Iterator[None]:
    """Say what the end of a connection means."""
    try:
        yield
    except ConnectionClosed as exc:
        code = "no reason" if exc.reason is None else f"code {exc.reason.code}"
        # The broker's own words for it may hold what we sent.
        raise SentUnknown(f"the socket was closed ({code})") from exc


@asynccontextmanager
async def websocket(
    door: BrokerHttp,
    url: str,
    headers: RawHeaders = (),
    *,
    ping_every: float | None = None,
    most: int = MOST_BYTES,
) -> AsyncIterator[Socket]:
    """A WebSocket for as long as the block lasts.

    Args:
        door: the account's way out; its base URL replaces scheme and host.
        url: as the broker publishes it, `wss://`; it may hold a token, and is in no
            error.
        headers: of the handshake, besides the WebSocket's own.
        ping_every: seconds between pings; one without an answer ends the connection.
        most: bytes of a message; a longer one ends the connection.

    Raises:
        NotSent: no connection, or no answer to the handshake.
        SessionExpired: the broker refused the handshake for who we are (401, 403).
        SentUnknown: it refused it otherwise.
    """
    failure: Exception | None = None
    try:
        async with trio.open_nursery() as reading:
            stream: Stream | None = None
            try:
                with trio.fail_after(OPEN_TIMEOUT):
                    address = _address(door, url)
                    stream = await _connected(door, address)
                    connection = await wrap_client_stream(
                        reading,
                        stream,
                        address.netloc,
                        address.target,
                        extra_headers=[*headers, (b"User-Agent", AGENT)],
                        message_queue_size=QUEUE,
                        max_message_size=most,
                    )
                if ping_every is not None:
                    reading.start_soon(_ping, connection, stream, ping_every)
                yield Socket(connection)
                with trio.move_on_after(CLOSE_TIMEOUT):
                    await connection.aclose()
            except Exception as exc:  # raised below, outside the group
                failure = exc
            finally:
                if stream is not None:
                    await trio.aclose_forcefully(stream)
                reading.cancel_scope.cancel(reason="the socket is done with")
    except* HandshakeError as group:
        failure = _first(group)
    if failure is not None:
        raise _meaning(failure)


async def _ping(connection: WebSocketConnection, stream: Stream, every: float) -> None:
    """Ask for a sign of life now and then; without one, cut the line."""
    with suppress(ConnectionClosed):
        while True:
            await trio.sleep(every)
            with trio.move_on_after(PONG_TIMEOUT):
                await connection.ping()
                continue
            await trio.aclose_forcefully(stream)
            return


async def _connected(door: BrokerHttp, address: _Address) -> Stream:
    tls = door.tls if address.secure else None
    return await open_stream(address.host, address.port, Way(door.egress, tls))


def _address(door: BrokerHttp, url: str) -> _Address:
    """Where *url* is, with the scheme and host of the base URL if there is one."""
    target = httpx.URL(url)
    secure = target.scheme == "wss"
    if door.base_url:
        base = httpx.URL(door.base_url)
        secure = base.scheme == "https"
        target = target.copy_with(host=base.host, port=base.port)
    port = target.port or (443 if secure else 80)
    # httpx leaves a port out only where it is the scheme's own.
    netloc = target.netloc.decode("ascii")
    return _Address(target.host, port, netloc, target.raw_path.decode("ascii"), secure)


def _first(group: BaseExceptionGroup[HandshakeError]) -> HandshakeError:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


def _meaning(failure: Exception) -> Exception:
    """What it means for us, without the broker's words: they may hold what we sent."""
    if isinstance(failure, BrokerError):
        return failure
    if isinstance(failure, ConnectionRejected):
        status = failure.status_code
        if status in (401, 403):
            words = f"the socket was refused with HTTP {status}"
            return SessionExpired(words, http_status=status)
        return SentUnknown(f"the socket was refused with HTTP {status}", status)
    if isinstance(failure, trio.TooSlowError):
        return NotSent(f"the socket was not open within {OPEN_TIMEOUT:g} s")
    if isinstance(failure, HandshakeError):
        return SentUnknown(f"the socket's handshake failed: {type(failure).__name__}")
    return failure
