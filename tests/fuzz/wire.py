"""HTTP from the bytes up: clients that may say what a library would not let them."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple

import h2.events
from h2.config import H2Configuration
from h2.connection import H2Connection

PATIENCE = 10.0
"""Seconds for an answer, or for the end of a connection."""

Headers = list[tuple[bytes, bytes]]


class Cut(Exception):
    """The connection ended, and there was no whole answer."""


class Answer(NamedTuple):
    """What came back; headers by names in small letters, as often as they came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def one(self, name: str) -> str | None:
        """The header's value, where it came once."""
        found = self.all(name)
        return found[0] if len(found) == 1 else None


class Place(NamedTuple):
    """Where a gateway listens; *ca* is None without TLS."""

    port: int
    ca: Path | None = None

    @classmethod
    def of(cls, url: str, ca: Path | None) -> Place:
        return cls(int(url.rpartition(":")[2]), ca)

    def tcp(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def open(self, alpn: str = "http/1.1") -> socket.socket:
        """A connection, with TLS where the gateway has it."""
        tcp = self.tcp()
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.ca is None:
            return tcp
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols([alpn])
        return context.wrap_socket(tcp, server_hostname="127.0.0.1")


def head(method: bytes, target: bytes, headers: Headers) -> bytes:
    """The head of a request, whatever stands in it."""
    lines = [b"%s %s HTTP/1.1" % (method, target)]
    lines += [b"%s: %s" % pair for pair in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def answer_of(sock: socket.socket, method: str = "GET") -> Answer:
    """Read one whole answer; of an endless one, the beginning.

    Raises:
        Cut: there was none.
    """
    reply = HTTPResponse(sock, method=method)
    try:
        reply.begin()
        pairs = [(key.lower(), value) for key, value in reply.getheaders()]
        if any(value.startswith("text/event-stream") for _, value in pairs):
            return Answer(reply.status, pairs, reply.readline())
        return Answer(reply.status, pairs, reply.read())
    except (OSError, HTTPException) as error:
        raise Cut(repr(error)) from error
    finally:
        reply.close()


def ask(sock: socket.socket, raw: bytes, method: str = "GET") -> Answer:
    """Send bytes and read one answer. A server may answer before it has read all.

    Raises:
        Cut: there was no answer.
    """
    with suppress(OSError):
        sock.sendall(raw)
    return answer_of(sock, method)


def rest(sock: socket.socket, within: float = PATIENCE) -> tuple[bytes, float]:
    """All that comes until the other end closes, and the seconds that took.

    Raises:
        TimeoutError: it does not close.
    """
    began, data = time.monotonic(), b""
    while True:
        sock.settimeout(max(0.01, began + within - time.monotonic()))
        try:
            part = sock.recv(65536)
        except TimeoutError:
            raise TimeoutError(f"still open after {within} s") from None
        except OSError:
            part = b""
        if not part:
            return data, time.monotonic() - began
        data += part


class Http2:
    """A client of HTTP/2 that keeps to no rules."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.state = H2Connection(
            H2Configuration(
                header_encoding=None,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=True,
            )
        )
        self.state.initiate_connection()
        self.flush()

    def flush(self) -> None:
        """Send what waits."""
        data = self.state.data_to_send()
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Cut(repr(error)) from error

    def raw(self, data: bytes) -> None:
        """Send frames of one's own making."""
        self.flush()
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Cut(repr(error)) from error

    def begin(self, headers: Headers, *, end: bool = True) -> int:
        """Send the head of a request; its stream's number."""
        number = self.state.get_next_available_stream_id()
        self.state.send_headers(number, headers, end_stream=end)
        self.flush()
        return number

    def ask(self, headers: Headers, body: bytes = b"") -> Answer:
        """A whole request, and its answer.

        Raises:
            Cut: the stream or the connection ended instead.
        """
        number = self.begin(headers, end=not body)
        parts = _Parts()
        while body:
            window = self.state.local_flow_control_window(number)
            size = min(window, self.state.max_outbound_frame_size, len(body))
            if size <= 0:
                self._take(number, parts)
                if parts.ended:
                    break
                continue
            part, body = body[:size], body[size:]
            self.state.send_data(number, part, end_stream=not body)
            self.flush()
        while not parts.ended:
            self._take(number, parts)
        return parts.answer()

    def answer_of(self, number: int) -> Answer:
        """The answer on a stream."""
        parts = _Parts()
        while not parts.ended:
            self._take(number, parts)
        return parts.answer()

    def _take(self, number: int, parts: _Parts) -> None:
        try:
            data = self.sock.recv(65536)
        except OSError as error:
            raise Cut(repr(error)) from error
        if not data:
            raise Cut("the connection was closed")
        for event in self.state.receive_data(data):
            if isinstance(event, h2.events.ConnectionTerminated):
                raise Cut(f"GOAWAY {event.error_code}")
            if getattr(event, "stream_id", None) == number:
                parts.take(self.state, event)
        self.flush()


class _Parts:
    """An answer that is still on its way."""

    def __init__(self) -> None:
        self._headers: list[tuple[str, str]] = []
        self._body = b""
        self.ended = False

    def take(self, state: H2Connection, event: Any) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            self._headers = [
                (name.decode(), value.decode()) for name, value in event.headers
            ]
        elif isinstance(event, h2.events.DataReceived):
            self._body += event.data
            length = event.flow_controlled_length
            state.acknowledge_received_data(length, event.stream_id)
            self.ended = self._is_endless()
        elif isinstance(event, h2.events.StreamReset):
            raise Cut(f"the stream was reset: {event.error_code}")
        if isinstance(event, h2.events.StreamEnded):
            self.ended = True

    def _is_endless(self) -> bool:
        return ("content-type", "text/event-stream; charset=utf-8") in self._headers

    def answer(self) -> Answer:
        status, *headers = self._headers
        return Answer(int(status[1]), headers, self._body)


@contextmanager
def http2(place: Place) -> Any:
    """A connection of HTTP/2: agreed on in TLS, or known beforehand."""
    with place.open("h2") as sock:
        yield Http2(sock)


def pseudo(
    method: bytes, target: bytes, more: Iterable[tuple[bytes, bytes]]
) -> Headers:
    """A request's headers as HTTP/2 has them."""
    first = [(b":method", method), (b":scheme", b"https"), (b":path", target)]
    first.append((b":authority", b"ordo"))
    dropped = re.compile(
        rb"(?i)host|connection|content-length|transfer-encoding|upgrade"
    )
    return first + [(k.lower(), v) for k, v in more if not dropped.fullmatch(k)]
