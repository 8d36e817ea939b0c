"""One connection, as hypercorn serves it, made to fail alone and to send less often."""

from __future__ import annotations

import logging
import math
from typing import Any

import hypercorn.trio.run
import trio
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol, H11WSConnection
from hypercorn.trio.tcp_server import TCPServer

from ordo.http import protocols
from ordo.http.crowd import Crowd, Guest

log = logging.getLogger("ordo.http")

SEND_SECONDS = 30.0
"""For a client to take what is sent; one that never reads is cut off."""
HEAD_SECONDS = 10.0
"""For the head of a request to arrive, from its first byte; it is one packet or two."""
LAST_ANSWER_SECONDS = 75.0
"""For the answer to a client that has said it will send no more: a minute is the
longest deadline of an order."""
READ_BYTES = 2**14
"""Taken at once: thousands of HTTP/2 frames, and nobody else runs meanwhile."""
HEAD, INTERIM = b"HTTP/1.1 ", b"HTTP/1.1 1"


class Connection(TCPServer):
    """Hypercorn's own, but for some things.

    There is a bound to how many there are. A fault in it ends this connection and not
    the server: some are found by what a client sends, such as a path that is not ASCII
    in HTTP/2. A client that does not read is waited for so long and no longer, one that
    sends half a head too, and one that has left not at all. And the head of an answer
    goes out together with the start of its body: a second send costs as much as all of
    Ordo's own work for a request.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._head = b""
        self._life = trio.CancelScope()
        self._idle, self._since = True, trio.current_time()
        self._over = False
        self._guest = Guest(self._leave)
        # Requests are handed this, and tell whether their token was good.
        self.state = {**self.state, "guest": self._guest}

    async def run(self) -> None:
        """Serve until the client leaves, or another one needs the place."""
        crowd: Crowd = self.config.crowd  # type: ignore[attr-defined]
        with crowd.holding(self._guest) as stays:
            if not stays:
                await trio.aclose_forcefully(self.stream)
                return
            try:
                with self._life:
                    await super().run()
            except* Exception as faults:
                log.warning(
                    "a connection failed: %s",
                    _first(faults),
                    extra={"event": "connection.failed"},
                )
                log.debug(
                    "in full", exc_info=faults, extra={"event": "connection.failed"}
                )

    def _leave(self, reason: str) -> None:
        self._life.cancel(reason=reason)

    async def _read_data(self) -> None:
        """Hand on what arrives, until nothing more will."""
        data = b"-"
        while data:
            try:
                data = bytes(await self.stream.receive_some(READ_BYTES))
            except (trio.ClosedResourceError, trio.BrokenResourceError):
                break
            await self.protocol.handle(RawData(data))
            if self._idle and self._has_half_a_head():
                end = trio.current_time() + HEAD_SECONDS
                self._life.deadline = min(self._life.deadline, end)
        await self.protocol.handle(Closed())
        self._over = True
        if self._idle or data or not self._may_be_answered():
            # Hypercorn would keep the socket for as long as it waits for a request.
            self._leave("the client has left")
        self._life.deadline = trio.current_time() + LAST_ANSWER_SECONDS

    def _may_be_answered(self) -> bool:
        """Whether who sends no more may wait for an answer: not over HTTP/2, and not
        at a socket, whose end hypercorn does not tell us."""
        http = self.protocol.protocol
        if not isinstance(http, H11Protocol):
            return False
        return not isinstance(http.connection, H11WSConnection)

    def _has_half_a_head(self) -> bool:
        http = self.protocol.protocol
        return isinstance(http, H11Protocol) and http.connection.trailing_data[0] != b""

    async def _idle_timeout(self) -> None:
        """End the connection when it is idle for too long, or idle and Ordo stops.

        One watcher for its whole life, where hypercorn starts one after each request;
        and hypercorn's can leave a connection waiting for a request that never comes.
        """
        limit, stopped = self.config.keep_alive_timeout, False
        while not (
            self._idle and (stopped or trio.current_time() >= self._since + limit)
        ):
            if stopped:
                return  # `protocol_send` ends it with its last answer
            wake_at = self._since + limit if self._idle else trio.current_time() + limit
            with trio.move_on_at(wake_at):
                await self.context.terminated.wait()
                stopped = True
        self._leave("idle for too long, or Ordo stops")

    async def protocol_send(self, event: Event) -> None:
        """Send, or do what else hypercorn's protocols want."""
        if isinstance(event, RawData):
            if event.data.startswith(HEAD) and not event.data.startswith(INTERIM):
                self._head = event.data
            else:
                await self._send(event.data)
            return
        await self._send(b"")
        if isinstance(event, Updated):
            self._turn(event.idle)
            return
        await super().protocol_send(event)
        if isinstance(event, Closed):
            # A next request that came early waits for a turn that will never be.
            self._leave("the connection is closed")

    def _turn(self, idle: bool) -> None:
        self._idle, self._since = idle, trio.current_time()
        if not idle:
            if self._life.deadline < math.inf:  # to set it costs more than to look
                self._life.deadline = math.inf  # the head is whole
        elif self.context.terminated.is_set() or self._over:
            self._leave("this was the last answer")

    async def _send(self, data: bytes) -> None:
        data, self._head = self._head + data, b""
        if not data:
            return
        gone = False
        async with self.send_lock:
            try:
                # Half a frame would spoil the connection for its other streams.
                with trio.move_on_after(SEND_SECONDS, shield=True) as patience:
                    await self.stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                gone = True
            if patience.cancelled_caught:
                await trio.aclose_forcefully(self.stream)
                self._leave("the client does not read")
        if gone:
            await self.protocol.handle(Closed())
            # Hypercorn would wait for ever until it may read the next request.
            self._leave("the client has left")


def _first(faults: BaseExceptionGroup[Exception]) -> str:
    fault: BaseException = faults
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return repr(fault)


def install() -> None:
    """Have hypercorn serve its connections with this class: it takes none as argument.

    Its version is pinned for that, and `tests/ordo/http/test_server.py` fails where
    another one does not look here.
    """
    hypercorn.trio.run.TCPServer = Connection  # type: ignore[attr-defined, assignment]
    protocols.install()
