"""The WebSocket end of a venue: who is connected, and what they are told."""

import contextlib
import socket as stdlib
from collections.abc import Callable
from urllib.parse import quote

import msgspec
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream

from .wire import Request

MOST_QUEUED = 4096
Message = str | bytes


class Peer:
    """One open socket.

    Attributes:
        said: what came over it, in order.
        subscribed: it is told of orders.
    """

    def __init__(self, scope: trio.CancelScope) -> None:
        self.said: list[Message] = []
        self.subscribed = False
        self._scope = scope
        self._queue, self._queued = trio.open_memory_channel[Message](MOST_QUEUED)

    def say(self, message: Message) -> None:
        """Send *message*, after all that was said before."""
        self._queue.send_nowait(message)

    def drop(self) -> None:
        """End the connection without a word."""
        self._scope.cancel()

    async def write(self, connection: WebSocketConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._queued:
                await connection.send_message(message)


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """What an operator does to the sockets; what is left out stays as it is."""

    drop: bool = False
    mute: bool | None = None
    refuse: int | None = None
    say: str | None = None


class SocketEnd:
    """All open sockets of a venue.

    Args:
        heard: takes what a peer says, and answers it.

    Attributes:
        mute: orders are not told, though all else goes on.
        refuse: HTTP status that answers every upgrade; 0: none does.
        upgrades: how many were asked for.
    """

    def __init__(self, heard: Callable[[Peer, Message], None]) -> None:
        self.peers: list[Peer] = []
        self.mute = False
        self.refuse = 0
        self.upgrades = 0
        self._heard = heard

    def tell(self, message: str) -> None:
        """Tell everybody who wants to know."""
        for peer in self.peers:
            if peer.subscribed and not self.mute:
                peer.say(message)

    def drop(self) -> None:
        """End every connection."""
        for peer in tuple(self.peers):
            peer.drop()

    def carry_out(self, wanted: Wanted) -> dict[str, int]:
        """Do what an operator wants, and say how it stands."""
        if wanted.mute is not None:
            self.mute = wanted.mute
        if wanted.refuse is not None:
            self.refuse = wanted.refuse
        if wanted.say is not None:
            self.tell(wanted.say)
        if wanted.drop:
            self.drop()
        subscribed = sum(peer.subscribed for peer in self.peers)
        return {"subscribed": subscribed, "upgrades": self.upgrades}

    def refusal(self, request: Request) -> int:
        """The HTTP status that an upgrade is refused with; 0: it is not."""
        self.upgrades += 1
        return self.refuse

    async def serve(self, sock: stdlib.socket, request: Request) -> None:
        """Take the connection over from HTTP, until either side ends it."""
        plain = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        async with trio.open_nursery() as tasks:
            asked = await wrap_server_stream(tasks, _Replayed(plain, _head(request)))
            connection = await asked.accept()
            peer = Peer(tasks.cancel_scope)
            self.peers.append(peer)
            tasks.start_soon(peer.write, connection)
            try:
                while True:
                    message = await connection.get_message()
                    peer.said.append(message)
                    self._heard(peer, message)
            except ConnectionClosed:
                tasks.cancel_scope.cancel()
            finally:
                self.peers.remove(peer)


class _Replayed(trio.abc.Stream):
    """A stream whose first bytes were read before."""

    def __init__(self, stream: trio.SocketStream, first: bytes) -> None:
        self._stream = stream
        self._first = first

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        return bytes(await self._stream.receive_some(max_bytes))

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


def is_upgrade(request: Request) -> bool:
    return request.headers.get("upgrade", "").lower() == "websocket"


def _head(request: Request) -> bytes:
    """The request as it came."""
    query = f"?{request.raw_query}" if request.raw_query else ""
    lines = [f"{request.method} {quote(request.path)}{query} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
