"""One HTTP/1.1 connection to a broker: a request goes out, its answer comes back.

The request is put together here and leaves by one call, so that the last look stands
right before it. Answers are taken apart by httptools, which is the parser of Node.
"""

from __future__ import annotations

import select
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import httptools
import trio

from adapters.errors import NotSent, SentUnknown
from adapters.ports import LastLook
from adapters.streams import Stream

RawHeaders = Sequence[tuple[bytes, bytes]]

READ_BYTES = 65_536
MOST_HEAD_BYTES = 65_536
"""Of an answer's status line and headers; brokers send some hundred."""
FIRST_FINAL_STATUS = 200
"""Below it a server only says that an answer will come."""


class Head(NamedTuple):
    """How an answer begins; headers by their names in small letters."""

    status: int
    headers: Mapping[str, str]


def request_bytes(
    method: bytes, target: bytes, headers: RawHeaders, body: bytes
) -> bytes:
    """A request as it goes over the wire.

    Raises:
        NotSent: a header holds a line break: sent, it would be read as another header.
    """
    lines = [b"%b %b HTTP/1.1" % (method, target)]
    lines += [b"%b: %b" % header for header in headers]
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    head = b"\r\n".join(lines)
    breaks = len(lines) - 1
    if head.count(b"\r") != breaks or head.count(b"\n") != breaks or b"\0" in head:
        raise NotSent("wanted a request of plain lines, found a line break inside one")
    return b"%b\r\n\r\n%b" % (head, body)


class Http1:
    """A connection that carries one request at a time.

    `send` once, `head` once, `part` until it is empty, and then again if `kept`.
    Whatever breaks off in between leaves a connection that is not `kept`.

    Args:
        stream: open, with nothing said on it.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        tcp = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
        self._tcp: trio.SocketStream = tcp
        self._poll = select.poll()
        self._poll.register(tcp.socket.fileno(), select.POLLIN)
        self._answer = _Answer()
        self._under_way = False

    @property
    def kept(self) -> bool:
        """Whether all of the last answer was read and its server goes on listening."""
        return not self._under_way and self._answer.keeps

    def is_quiet(self) -> bool:
        """Whether nothing came since the last answer: not the end, and no more words,
        which the next request would take for its answer."""
        stream = self._stream
        # What TLS has taken off the socket and not unpacked yet; nothing public tells.
        if isinstance(stream, trio.SSLStream) and stream._incoming.pending:
            return False
        return not self._poll.poll(0)

    async def send(self, request: bytes, last_look: LastLook | None) -> None:
        """Send *request*, made by `request_bytes`.

        Args:
            last_look: called right before; what it raises comes out unchanged, and
                nothing was sent. Over plain TCP no other task runs between it and the
                write; over TLS Trio's stream passes one scheduling point (measured).

        Raises:
            SentUnknown: the connection broke, and nobody knows how much of it went.
        """
        self._under_way = True
        self._answer.begin()
        if last_look is not None:
            last_look()
        try:
            await self._stream.send_all(request)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise _broken(exc) from exc

    async def head(self) -> Head:
        """Wait for an answer's beginning.

        Raises:
            SentUnknown: the connection ended, or what came is no answer.
        """
        read = 0
        while not self._answer.has_head:
            if read > MOST_HEAD_BYTES:
                raise SentUnknown(f"the answer's head is over {MOST_HEAD_BYTES} bytes")
            read += await self._read()
        return Head(self._answer.status, self._answer.headers)

    async def part(self) -> bytes:
        """The next part of the answer's body; nothing at its end.

        Raises:
            SentUnknown: the connection ended before the answer did.
        """
        answer = self._answer
        while not answer.parts and not answer.whole:
            await self._read()
        part = b"".join(answer.parts)
        answer.parts.clear()
        if not part:
            self._under_way = False
        return part

    def drop(self) -> None:
        """Close at once: without a goodbye, and without waiting."""
        self._under_way = True
        self._tcp.socket.close()

    async def _read(self) -> int:
        """Take what has come; how many bytes it was."""
        try:
            data = await self._stream.receive_some(READ_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise _broken(exc) from exc
        if data:
            self._answer.feed(data)
        else:
            self._answer.end()
        return len(data)


class _Answer:
    """What has come of the answer under way; the parser calls it by these names.

    Attributes:
        status, headers: once `has_head`.
        parts: of the body, not taken yet.
        whole: all of it came.
        keeps: whole, with nothing behind it, and the connection may go on.
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.begin()
        self.whole = True

    def begin(self) -> None:
        """Wait for the next one."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.has_head = self.whole = self.keeps = False

    def feed(self, data: bytes | bytearray) -> None:
        """Take bytes of it.

        Raises:
            SentUnknown: they are none of an answer.
        """
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            self.keeps = False
            if not self.whole:  # else the answer is here, and rubbish behind it
                words = f"{type(exc).__name__}: {exc}".rstrip(": ")
                raise SentUnknown(words) from exc

    def end(self) -> None:
        """The connection has ended, which ends an answer that did not say its length.

        Raises:
            SentUnknown: it came before the answer did, or in the middle.
        """
        told = {"content-length", "transfer-encoding"} & self.headers.keys()
        if not self.has_head or told:
            raise SentUnknown("the connection ended before the answer did")
        self.whole = True

    def on_message_begin(self) -> None:
        if self.whole:
            self.keeps = False  # a second answer, which nobody asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:  # else it stands behind the body
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            before = self.headers.get(key)
            self.headers[key] = text if before is None else f"{before}, {text}"

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if not self.has_head and status >= FIRST_FINAL_STATUS:
            self.status, self.has_head = status, True

    def on_body(self, part: bytes) -> None:
        if not self.whole:
            self.parts.append(part)

    def on_message_complete(self) -> None:
        if not self.has_head:
            self.headers.clear()
        elif not self.whole:
            self.whole, self.keeps = True, self._parser.should_keep_alive()


def _broken(exc: Exception) -> SentUnknown:
    return SentUnknown(f"the connection broke: {exc.__cause__ or exc}")
