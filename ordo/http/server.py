"""The HTTP actor: hypercorn under the tree, with a stop that drains."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from ordo.http import connection
from ordo.http.app import create_app
from ordo.http.asgi import App
from ordo.http.console import MOST_FRAME
from ordo.http.crowd import Crowd, most_connections

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

    from ordo.system import System

log = logging.getLogger("ordo.http")

HANDSHAKE_TIMEOUT = 10.0
"""Seconds; hypercorn's 60 lets half-open connections pile up (reliability.md 7)."""
KEEP_ALIVE = 75.0
MOST_STREAMS = 100
PING_EVERY = 30.0
"""Seconds between pings of a console: where they are not taken, its client is gone."""


class Settings(Config):
    """Hypercorn's settings, and what our own parts of it need."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        super().__init__()
        self.new_id = new_id
        self.crowd = Crowd(most_connections())


class HttpServer:
    """Serves the API over *system*.

    Args:
        system: what the handlers ask.
        bind: `HOST:PORT`; port 0 takes a free one.
        cert, key: PEM files; None serves plain HTTP.
        ready: told the URL, each time it is up.
    """

    def __init__(
        self,
        system: System,
        bind: str,
        *,
        cert: Path | None,
        key: Path | None,
        client_ca: Path | None,
        ready: Callable[[str], None],
    ) -> None:
        self._system = system
        self._ready = ready
        self._stop = trio.Event()
        config = self._config = Settings(system.clockwork.ids.new)
        config.bind = [bind]
        config.graceful_timeout = system.settings.server.drain_timeout
        config.keep_alive_timeout = KEEP_ALIVE
        config.keep_alive_max_requests = 1_000_000_000
        config.websocket_max_message_size = MOST_FRAME
        config.websocket_ping_interval = PING_EVERY
        config.h2_max_concurrent_streams = MOST_STREAMS
        config.ssl_handshake_timeout = HANDSHAKE_TIMEOUT
        config.include_server_header = False
        config.accesslog = None
        config.errorlog = None
        if cert is not None and key is not None:
            config.certfile, config.keyfile = str(cert), str(key)
        if client_ca is not None:
            import ssl

            config.ca_certs = str(client_ca)
            config.verify_mode = ssl.CERT_REQUIRED

    def stop(self) -> None:
        """Take no new connections; `run` returns when the open calls are answered."""
        self._system.feed.close()  # streams have no other end
        self._stop.set()

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Serve until stopped; it may run again where something before it crashed."""
        self._stop = trio.Event()
        self._system.feed.closed = False
        connection.install()
        app = create_app(self._system)
        async with trio.open_nursery() as serving:
            urls = await serving.start(self._serve, app)
            self._ready(urls[0])
            self._ready = lambda url: None  # once: programs wait for that line
            task_status.started()

    async def _serve(
        self, app: App, *, task_status: trio.TaskStatus[list[str]]
    ) -> None:
        await serve(
            cast("ASGIFramework", app),
            self._config,
            shutdown_trigger=self._stop.wait,
            task_status=task_status,
        )
