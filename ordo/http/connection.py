"""One connection, as hypercorn serves it, made to fail alone and to send less often."""

from __future__ import annotations

import logging
from typing import Any

import hypercorn.trio.run
import trio
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.trio.tcp_server import TCPServer

log = logging.getLogger("ordo.http")

SEND_SECONDS = 30.0
"""For a client to take what is sent; one that never reads is cut off."""
HEAD, INTERIM = b"HTTP/1.1 ", b"HTTP/1.1 1"


class Connection(TCPServer):
    """Hypercorn's own, but for three things.

    A fault in it ends this connection and not the server: some are found by what a
    client sends, such as a path that is not ASCII in HTTP/2. A client that does not
    read is waited for so long and no longer. And the head of an answer goes out
    together with the start of its body: a second send costs as much as all of Ordo's
    own work for a request.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._head = b""
        self._life = trio.CancelScope()
        self._idle, self._since = True, trio.current_time()

    async def run(self) -> None:
        """Serve until the client leaves."""
        try:
            with self._life:
                await super().run()
        except* Exception as faults:
            log.warning("a connection failed: %s", _first(faults))
            log.debug("in full", exc_info=faults)

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
        self._life.cancel(reason="idle for too long, or Ordo stops")

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
            self._idle, self._since = event.idle, trio.current_time()
            if self._idle and self.context.terminated.is_set():
                self._life.cancel(reason="Ordo stops")
            return
        await super().protocol_send(event)
        if isinstance(event, Closed):
            # A next request that came early waits for a turn that will never be.
            self._life.cancel(reason="the connection is closed")

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
                self._life.cancel(reason="the client does not read")
        if gone:
            await self.protocol.handle(Closed())
            # Hypercorn would wait for ever until it may read the next request.
            self._life.cancel(reason="the client has left")


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
