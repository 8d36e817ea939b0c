"""A small HTTP/1.1 server on trio; each broker's protocol server stands on it.

Loopback only, keep-alive, no TLS, no chunked request bodies. It knows routes, faults
on demand, a log of what arrived, and the control endpoints below `/_venue`.
"""

import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import msgspec
import trio

from .faults import Fault, Faults
from .sockets import SocketEnd, Wanted, is_upgrade
from .wire import Ending, Inbox, Request, Response, reset_on_close, send

encode = msgspec.json.Encoder().encode
PAGE = b"<html><head><title>%d</title></head><body><h1>%d</h1></body></html>"
Handler = Callable[[Request], Response]


class Seen(msgspec.Struct, gc=False):
    """One request of the broker's own API, for checkers of rates and stops."""

    at: float  # wall clock, seconds, when the whole request had arrived
    name: str
    status: int  # 0: the connection ended without an answer


class Server:
    """Routes, faults and a log; a broker's server derives from it.

    Args:
        kinds: Fault kinds the broker adds; it carries them out in `faulty`.
        clock: Wall clock, epoch seconds.
    """

    def __init__(
        self, *, kinds: tuple[str, ...] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self.faults = Faults(kinds)
        self.seen: list[Seen] = []
        self.clock = clock
        self.port = 0
        self._plain: dict[tuple[str, str], tuple[str, Handler]] = {}
        self._patterns: list[tuple[str, list[str], str, Handler]] = []
        self._controls: dict[tuple[str, str], Handler] = {}
        self._socket: SocketEnd | None = None
        self._scope = trio.CancelScope()
        self.control("POST", "/_venue/faults", self._add_faults)
        self.control("GET", "/_venue/faults", lambda _: ok(self.faults.pending))
        self.control("DELETE", "/_venue/faults", self._clear_faults)
        self.control("GET", "/_venue/requests", lambda _: ok({"requests": self.seen}))

    # What a broker's server fills in

    def route(self, method: str, path: str, name: str, handler: Handler) -> None:
        """Answer *method* on *path* (segments in braces become params) as *name*."""
        if "{" in path:
            self._patterns.append((method, path.split("/"), name, handler))
        else:
            self._plain[method, path] = (name, handler)

    def control(self, method: str, path: str, handler: Handler) -> None:
        """Answer a control endpoint: no login, no limits, no faults, not logged."""
        self._controls[method, path] = handler

    def upgrade(self, socket: SocketEnd) -> None:
        """Let upgrades to WebSocket end there."""
        self._socket = socket

        def control(request: Request) -> Response:
            wanted = msgspec.json.decode(request.body or b"{}", type=Wanted)
            return ok(socket.carry_out(wanted))

        self.control("POST", "/_venue/socket", control)

    def admit(self, name: str, request: Request) -> Response | None:
        """Check login and limits; an answer here ends the request."""
        return None

    def not_found(self, request: Request) -> Response:
        return Response(404, b'{"error":"no such endpoint"}')

    def error(self, fault: Fault) -> bytes:
        """The broker's error body for *fault*."""
        return encode({"error": fault.text or "error"})

    def too_many(self, name: str, seconds: float) -> Response:
        """The broker's 429 for endpoint *name*, asking to wait *seconds*."""
        return Response(429, b"{}", headers=(("retry-after", f"{seconds:.0f}"),))

    def accept(self, fault: Fault, request: Request, handler: Handler) -> Response:
        """Carry the request out under *fault*."""
        return handler(request)

    async def faulty(
        self, fault: Fault, name: str, request: Request, handler: Handler
    ) -> Response:
        """Answer *request* wrongly in the way *fault* asks for."""
        if fault.kind == "delay_before_accept":
            await trio.sleep(fault.seconds)
            return self.accept(fault, request, handler)
        good = Response(200, b"{}")
        if fault.reaches_the_book:
            good = self.accept(fault, request, handler)
        if fault.kind == "rate_limited":
            return self.too_many(name, fault.seconds or 1.0)
        await trio.sleep(fault.seconds)
        return self._spoil(fault, good)

    def _spoil(self, fault: Fault, good: Response) -> Response:
        match fault.kind:
            case "drop_before_accept" | "drop_after_accept":
                good.ending = Ending.SILENT
            case "reset":
                good.ending = Ending.RESET
            case "http_error" if not fault.html:
                return Response(fault.status or 500, self.error(fault))
            case "http_error" | "html_200":
                status = 200 if fault.kind == "html_200" else fault.status or 502
                page = PAGE % (status, status)
                return Response(status, page, content_type="text/html")
            case "error_200":
                return Response(200, self.error(fault))
            case "truncated_body":
                good.length = len(good.body)
                good.body = good.body[: len(good.body) // 2]
                good.ending = Ending.CLOSE
            case "wrong_length":
                good.length = len(good.body) // 2
                good.ending = Ending.CLOSE
        return good

    # Running

    async def serve(
        self,
        port: int = 0,
        *,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listen on loopback until `stop`; *port* 0 takes any, told when started."""
        with socket.create_server(("127.0.0.1", port), backlog=512) as listener:
            listener.setblocking(False)
            self.port = listener.getsockname()[1]
            with self._scope:
                async with trio.open_nursery() as connections:
                    task_status.started(self.port)
                    while True:
                        await trio.lowlevel.wait_readable(listener)
                        with contextlib.suppress(BlockingIOError):
                            sock, peer = listener.accept()
                            connections.start_soon(self._connection, sock, peer[0])

    def stop(self) -> None:
        """Close the port and every connection at once."""
        self._scope.cancel()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _connection(self, sock: socket.socket, peer: str) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with sock, contextlib.suppress(ConnectionError):
            inbox = Inbox(sock)
            while (request := await inbox.next_request()) is not None:
                request.peer = peer
                request.at = self.clock()
                if self._socket is not None and is_upgrade(request):
                    status = self._socket.refusal(request)
                    if status:
                        await send(sock, Response(status, b"{}").raw())
                    else:
                        await self._socket.serve(sock, request)
                    return
                response = await self._answer(request)
                if response.ending is Ending.RESET:
                    reset_on_close(sock)
                    return
                if response.ending is Ending.SILENT:
                    return
                await send(sock, response.raw())
                closing = request.headers.get("connection", "") == "close"
                if closing or response.ending is Ending.CLOSE:
                    return

    async def _answer(self, request: Request) -> Response:
        control = self._controls.get((request.method, request.path))
        if control is not None:
            try:
                return control(request)
            except (ValueError, LookupError, msgspec.MsgspecError) as exc:
                return Response(400, encode({"error": str(exc)}))
        name, handler = self._find(request)
        seen = Seen(request.at, name, 0)
        self.seen.append(seen)
        response = self.admit(name, request)
        if response is None:
            fault = self.faults.take(name) if self.faults.pending else None
            if fault is None:
                response = handler(request)
            else:
                response = await self.faulty(fault, name, request, handler)
        if response.ending not in (Ending.SILENT, Ending.RESET):
            seen.status = response.status
        return response

    def _find(self, request: Request) -> tuple[str, Handler]:
        found = self._plain.get((request.method, request.path))
        if found is not None:
            return found
        parts = request.path.split("/")
        for method, pattern, name, handler in self._patterns:
            if method != request.method or len(pattern) != len(parts):
                continue
            pairs = list(zip(pattern, parts, strict=True))
            if all(want == got or want[:1] == "{" for want, got in pairs):
                request.params = {w[1:-1]: g for w, g in pairs if w[:1] == "{"}
                return name, handler
        return "not_found", self.not_found

    def _add_faults(self, request: Request) -> Response:
        for fault in msgspec.json.decode(_as_list(request.body), type=list[Fault]):
            self.faults.add(fault)
        return ok({"pending": len(self.faults.pending)})

    def _clear_faults(self, request: Request) -> Response:
        self.faults.pending.clear()
        return ok({"pending": 0})


AnyServer = TypeVar("AnyServer", bound=Server)


@contextlib.asynccontextmanager
async def serving(server: AnyServer) -> AsyncIterator[AnyServer]:
    """Run *server* on a free port for as long as the block lasts."""
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve)
        yield server
        server.stop()


def ok(payload: Any) -> Response:
    """HTTP 200 with *payload* as JSON."""
    return Response(200, encode(payload))


def _as_list(body: bytes) -> bytes:
    return body if body.lstrip()[:1] == b"[" else b"[" + body + b"]"
