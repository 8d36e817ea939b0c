"""The application, as ASGI has it: calls for the front, sockets, a life of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ordo.http.asgi import App, Receive, Scope, Send
from ordo.http.front import Front

if TYPE_CHECKING:
    from ordo.system import System


def create_app(system: System) -> App:
    """The ASGI application over *system*."""
    # It needs all of this package, so it comes later.
    from ordo.http.console import Consoles

    front = Front(system)
    consoles = Consoles(system, front.throttles)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await front(scope, receive, send)
            case "websocket":
                await consoles(scope, receive, send)
            case "lifespan":
                await _live(receive, send)

    return app


async def _live(receive: Receive, send: Send) -> None:
    """Say yes to a start and to a stop: the tree sees to both."""
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
