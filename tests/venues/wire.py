"""HTTP/1.1 as bytes: requests read off a socket, answers written to it.

Parsed by hand, since a load test shares the core with it. No chunked request bodies.
"""

import contextlib
import enum
import socket
import struct
from urllib.parse import parse_qsl, unquote

import trio

REASONS = {200: "OK", 302: "Found", 308: "Permanent Redirect", 400: "Bad Request"}


class Ending(enum.Enum):
    """What becomes of the connection after the answer."""

    KEEP = enum.auto()
    CLOSE = enum.auto()
    SILENT = enum.auto()  # closed without an answer
    RESET = enum.auto()  # an RST in place of an answer


class Request:
    """One request as it came: *query* and *params* (from the path) are decoded text."""

    __slots__ = (
        "at",
        "body",
        "headers",
        "method",
        "params",
        "path",
        "peer",
        "query",
        "raw_query",
    )

    def __init__(self, method: str, target: str, headers: dict[str, str]) -> None:
        self.method = method
        path, _, query = target.partition("?")
        self.path = unquote(path) if "%" in path else path
        # One official sample doubles the question mark, so it must be harmless.
        self.query = dict(parse_qsl(query.lstrip("?"))) if query else {}
        self.raw_query = query  # for those where a name may come more than once
        self.headers = headers
        self.body = b""
        self.params: dict[str, str] = {}
        self.peer = ""
        self.at = 0.0


class Response:
    """An answer; *length* overrides the declared length, to tell a lie on the wire."""

    __slots__ = ("body", "content_type", "ending", "headers", "length", "status")

    def __init__(
        self,
        status: int = 200,
        body: bytes = b"",
        *,
        content_type: str = "application/json",
        headers: tuple[tuple[str, str], ...] = (),
        ending: Ending = Ending.KEEP,
        length: int | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers
        self.ending = ending
        self.length = length

    def raw(self) -> bytes:
        length = len(self.body) if self.length is None else self.length
        head = (
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Status')}\r\n"
            f"content-type: {self.content_type}\r\ncontent-length: {length}\r\n"
        )
        for name, value in self.headers:
            head += f"{name}: {value}\r\n"
        if self.ending is not Ending.KEEP:
            head += "connection: close\r\n"
        return head.encode("latin-1") + b"\r\n" + self.body


class Inbox:
    """Whole requests out of *sock*, one at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = b""

    async def next_request(self) -> Request | None:
        """The next request, or None when the client has closed the connection."""
        while (end := self._data.find(b"\r\n\r\n")) < 0:
            if not await self._more():
                return None
        lines = self._data[:end].decode("latin-1").split("\r\n")
        self._data = self._data[end + 4 :]
        method, target, _ = lines[0].split(" ")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        request = Request(method, target, headers)
        length = int(headers.get("content-length", 0))
        while len(self._data) < length:
            if not await self._more():
                return None
        request.body, self._data = self._data[:length], self._data[length:]
        return request

    async def _more(self) -> bool:
        while True:
            await trio.lowlevel.wait_readable(self._sock)
            with contextlib.suppress(BlockingIOError):
                data = self._sock.recv(65536)
                self._data += data
                return bool(data)


async def send(sock: socket.socket, data: bytes) -> None:
    """All of *data* into *sock*; waits only when the kernel's buffer is full."""
    view = memoryview(data)
    while view:
        try:
            view = view[sock.send(view) :]
        except BlockingIOError:
            await trio.lowlevel.wait_writable(sock)


def reset_on_close(sock: socket.socket) -> None:
    """Make closing *sock* send an RST: linger on, with no time left."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
