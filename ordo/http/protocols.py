"""Hypercorn's two protocols, where they would let too much in.

Source of the HTTP/2 attacks: CVE-2019-9511 to 9518 (floods of small frames),
CVE-2023-44487 (rapid reset), CVE-2025-8671 (resets that we are made to send).
"""

from __future__ import annotations

from typing import Any

import h11
import hypercorn.protocol
import trio
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    PingReceived,
    PriorityUpdated,
    RemoteSettingsChanged,
    StreamReset,
    UnknownFrameReceived,
    WindowUpdated,
)
from hypercorn.events import Closed, RawData
from hypercorn.events import Event as IoEvent
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H11Protocol

from ordo.http import answers
from ordo.http.errors import ApiError

PRICES = {
    PingReceived: 1.0,
    PriorityUpdated: 1.0,
    RemoteSettingsChanged: 1.0,
    StreamReset: 1.0,
    UnknownFrameReceived: 1.0,
    WindowUpdated: 0.1,  # a client that reads a long answer sends many
}
"""What a frame costs that asks for nothing and makes work."""
EMPTY_DATA = 1.0
MOST_SPENT, FORGIVEN = 1000.0, 100.0
"""Such frames that a client may send at once, and a second after that."""


class Http1(H11Protocol):
    """HTTP/1.1: what is no request is refused in the envelope, and with no 5xx.

    No `Upgrade: h2c`: a proxy in front that passes it on, as it came, would not see the
    requests behind it. A client that knows may still begin with HTTP/2.
    """

    async def _check_protocol(self, event: h11.Request) -> None:
        if event.method == b"PRI":
            await super()._check_protocol(event)

    async def _create_stream(self, request: h11.Request) -> None:
        if _is_doubtful(request):
            await self._send_error_response(400)
            await self.send(Closed())
        else:
            await super()._create_stream(request)

    async def _send_error_response(self, status_code: int) -> None:
        words = (
            "the headers are too large"
            if status_code == 431
            else "this is no HTTP/1.1 request that can be read"
        )
        error = ApiError("bad_request", words, headers={"Connection": "close"})
        request_id = self.config.new_id()  # type: ignore[attr-defined]
        answer = answers.failure(error, request_id, trio.current_time())
        headers = [*answer.headers, *self.config.response_headers("h11")]
        await self._send_h11_event(
            h11.Response(status_code=answer.status, headers=headers)
        )
        await self._send_h11_event(h11.Data(data=answer.body))
        await self._send_h11_event(h11.EndOfMessage())


class Frames:
    """Finds a frame that is too long by its head; h2 4.4 keeps 16 MB of it first."""

    def __init__(self) -> None:
        self._left = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self._head = b""

    def too_long(self, data: bytes, most: int) -> bool:
        """Whether a frame begins in *data* whose content is more than *most* bytes."""
        at = 0
        while at < len(data):
            step = min(self._left, len(data) - at)
            self._left, at = self._left - step, at + step
            if self._left == 0:
                part = data[at : at + 9 - len(self._head)]
                self._head, at = self._head + part, at + len(part)
            if len(self._head) == 9:
                self._left, self._head = int.from_bytes(self._head[:3]), b""
                if self._left > most:
                    return True
        return False


class Http2(H2Protocol):
    """HTTP/2: a client that sends little else than work for us is cut off."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._frames = Frames()
        self._spent, self._counted_at = 0.0, trio.current_time()

    async def handle(self, event: IoEvent) -> None:
        most = self.config.h2_max_inbound_frame_size
        if isinstance(event, RawData) and self._frames.too_long(event.data, most):
            await self._end(ErrorCodes.FRAME_SIZE_ERROR)
        else:
            await super().handle(event)

    async def _handle_events(self, events: list[Event]) -> None:
        if self._too_much(events):
            await self._end(ErrorCodes.ENHANCE_YOUR_CALM)
            return
        for event in events:  # one by one: an answer may come between two
            if not self._late(event):
                await super()._handle_events([event])
        await self._flush()

    async def _end(self, why: ErrorCodes) -> None:
        self.connection.close_connection(why)
        await self._flush()
        await self.send(Closed())

    def _too_much(self, events: list[Event]) -> bool:
        now = trio.current_time()
        forgiven = (now - self._counted_at) * FORGIVEN
        self._spent = max(0.0, self._spent - forgiven) + sum(map(_price, events))
        self._counted_at = now
        return self._spent > MOST_SPENT

    def _late(self, event: Event) -> bool:
        """Whether it is a body's part that came after the answer; hypercorn 0.18 ends
        the connection then, and other requests with it."""
        if not isinstance(event, DataReceived) or event.stream_id in self.streams:
            return False
        size = event.flow_controlled_length
        if size:  # the connection's window would shrink to nothing
            self.connection.acknowledge_received_data(size, event.stream_id)
        return True


def _is_doubtful(request: h11.Request) -> bool:
    """Whether others may read it differently: two ends of a body, or another version.

    Source: RFC 9112, section 6.3: such a message may be an attempt at smuggling.
    """
    names = {name for name, _ in request.headers}
    two_ends = {b"content-length", b"transfer-encoding"} <= names
    return two_ends or request.http_version not in (b"1.0", b"1.1")


def _price(event: Event) -> float:
    if isinstance(event, DataReceived):
        return 0.0 if event.data or event.stream_ended else EMPTY_DATA
    return PRICES.get(type(event), 0.0)


def install() -> None:
    """Have hypercorn speak through these: it takes none as argument."""
    hypercorn.protocol.H11Protocol = Http1  # type: ignore[attr-defined]
    hypercorn.protocol.H2Protocol = Http2  # type: ignore[attr-defined, assignment]
