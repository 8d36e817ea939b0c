"""A client of the real application, in virtual time; each answer is held to OpenAPI."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import trio

from adapters.brokers.paper import PaperBroker
from ordo.config.sections import Orders, Server
from ordo.http import create_app
from ordo.system import System
from ordo.tokens import Scope, TokenBook
from tests.ordo.http.conforms import problems
from tests.support.asgi import ask
from tests.support.gateway import make_paper, make_system, running, wall
from tests.support.logins import Guarded
from tests.support.memory_store import MemoryStore

NOW = "2026-11-23T03:45:02.000Z"
"""When a caller begins, by the gateway's clock; by Trio's it is 2."""
ENVELOPE = {"status", "request_id", "error_code", "message", "data", "results"}
ORDER = {
    "symbol": "NSE:SBIN",
    "side": "BUY",
    "quantity": 10,
    "type": "LIMIT",
    "price": 813,
    "product": "INTRADAY",
}


def a_body(*brokers: str, **changes: Any) -> dict[str, Any]:
    """An order of ten SBIN to *brokers*; *changes* are of the order."""
    return {"brokers": list(brokers or ("one",)), "orders": [{**ORDER, **changes}]}


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    json: Any

    @property
    def code(self) -> str | None:
        return self.json.get("error_code")

    @property
    def data(self) -> Any:
        return self.json["data"]

    @property
    def legs(self) -> list[Any]:
        return self.json["results"]

    @property
    def where(self) -> str | None:
        """The JSON path that a 422 names."""
        return self.json["data"].get("path")


class Caller:
    """Calls the gateway as `admin` unless told otherwise. `papers` are its brokers."""

    def __init__(self, system: System, papers: Mapping[str, PaperBroker]) -> None:
        self.system = system
        self.papers = papers
        self.tokens: dict[str, str] = {}
        self.app = create_app(system)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        scope: str | None = "admin",
        raw: bytes | None = None,
        **headers: str,
    ) -> Answer:
        """Call; *body* is sent as JSON, *raw* as it is. `X_Y=` is the header `X-Y`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if scope is not None:
            sent = {"Authorization": f"Bearer {self.tokens[scope]}", **sent}
        data = raw if body is None else json.dumps(body).encode()
        answer = await ask(self.app, method, path, sent, data or b"")
        text = answer.body
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Content-Length"] == str(len(text))
        assert answer.headers["Server-Timing"].startswith("ordo;dur=")
        parsed = json.loads(text)
        where = path.partition("?")[0]
        if where != "/openapi.json" or answer.status != 200:
            assert set(parsed) == ENVELOPE
            assert parsed["request_id"] == answer.headers["X-Request-ID"]
        status = answer.status
        assert problems(method, where, status, answer.headers, parsed) == []
        return Answer(status, answer.headers, parsed)

    async def page(self, path: str) -> tuple[int, str]:
        """What a browser sees: no token, HTML, nothing that could run or be framed."""
        answer = await ask(self.app, "GET", path)
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Content-Security-Policy"].startswith(
            "default-src 'none'"
        )
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        return answer.status, answer.body.decode()

    async def text(self, path: str) -> str:
        """An answer that is plain text."""
        headers = {"Authorization": f"Bearer {self.tokens['read']}"}
        answer = await ask(self.app, "GET", path, headers)
        assert answer.status == 200
        return answer.body.decode()

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.call("GET", path, **more)

    async def place(
        self, body: Any = None, key: str | None = None, **more: Any
    ) -> Answer:
        if key is not None:
            more["Idempotency_Key"] = key
        if "raw" not in more:
            body = a_body() if body is None else body
        return await self.call("POST", "/api/v1/orders", body, **more)

    async def halt(self, **more: Any) -> Answer:
        body = {"engaged": True, "reason": "test"}
        return await self.call("PUT", "/api/v1/kill-switch", body, **more)

    def sent(self, broker: str = "one") -> list[str]:
        """The tags of the orders that reached a broker, oldest first."""
        entries = self.papers[broker]._account.book.entries.values()
        return [entry.tag for entry in entries]


@asynccontextmanager
async def calling(
    directory: Path,
    *brokers: str,
    store: MemoryStore | None = None,
    require_key: bool = False,
    public_status: bool = False,
    paper: Mapping[str, Any] | None = None,
    guarded: Mapping[str, Guarded] | None = None,
    **system_settings: Any,
) -> AsyncIterator[Caller]:
    """A gateway over paper brokers, running, with a caller of its API.

    *system_settings* are those of `make_system`.
    """
    papers = {
        name: make_paper(seed, **(paper or {}))
        for seed, name in enumerate(brokers or ("one",), 1)
    }
    ports: dict[str, Any] = {**papers, **(guarded or {})}
    system = make_system(ports, store, **system_settings)
    system.settings = msgspec.structs.replace(
        system.settings,
        orders=Orders(require_idempotency_key=require_key),
        server=Server(public_status=public_status),
    )
    system.tokens = TokenBook(directory / "tokens.json", now=wall)
    caller = Caller(system, papers)
    caller.tokens = {str(scope): system.tokens.new(scope) for scope in Scope}
    async with running(system):
        await trio.sleep(2)  # a start counts the second before it as full of calls
        yield caller
