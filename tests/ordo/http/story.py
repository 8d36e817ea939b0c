"""A day at a desk, call by call: every route once, every global error once.

What is sent and what comes back are the examples of the OpenAPI document. The gateway
is a whole one over paper brokers, in virtual time, so that the same calls give the same
answers. `make examples` writes them down.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import trio

from adapters import AuditQuery, ChallengeKind, event_of
from adapters.brokers.paper import Fault, PaperSettings
from ordo.config import Broker, Settings
from ordo.config.brokers import Limits
from ordo.http import events
from ordo.http.examples import FILE, Example, Examples
from ordo.system import System
from ordo.tokens import Scope, TokenBook
from tests.ordo.http.caller import Caller
from tests.support.gateway import inline, make_clockwork, make_paper, running, wall
from tests.support.logins import OTP, Guarded
from tests.support.masters import PARSER, InlineStore, MasteredPaper, an_instrument
from tests.support.memory_store import MemoryStore

V1 = "/api/v1"
SBIN = an_instrument("NSE:SBIN", name="STATE BANK OF INDIA", isin="INE062A01020")
ORDER = {
    "symbol": "NSE:SBIN",
    "side": "BUY",
    "quantity": 10,
    "type": "LIMIT",
    "price": 812.35,
    "product": "INTRADAY",
}
ORDERS = {
    "brokers": ["alpha", "beta"],
    "portfolio_id": "swing-1",
    "orders": [ORDER],
    "deadline_ms": 5000,
}
SHOWN_METRICS = ("ordo_kill_switch_engaged", "ordo_open_orders")
NOT_SHOWN = {"GET /openapi.json"}
"""The document is no example of itself."""


class Recorder:
    """Calls the gateway, and keeps the first call of each route and each error."""

    def __init__(self, caller: Caller, store: MemoryStore) -> None:
        self.caller = caller
        self.store = store
        self.calls: dict[str, Example] = {}
        self.errors: dict[str, Any] = {}

    async def call(self, method: str, path: str, body: Any = None, **given: str) -> Any:
        """A call that succeeds; *given* fills the path, and the query with the rest.
        `Idempotency_Key` is a header."""
        headers = {k: v for k, v in given.items() if k[0].isupper()}
        parts = {k: v for k, v in given.items() if f"{{{k}}}" in path}
        query = {k: v for k, v in given.items() if k not in headers | parts}
        asked = path.format(**{k: quote(v, safe=":") for k, v in parts.items()})
        if query:
            asked += f"?{urlencode(query, safe=':,')}"
        answer = await self.caller.call(method, asked, body, **headers)
        assert answer.status < 300, answer.json
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        self.note(method, path, {**parts, **query, **sent}, body, answer.json)
        return answer

    def note(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: Any,
        answer: Any,
        status: int = 200,
    ) -> None:
        example = Example(
            parameters=dict(parameters), body=body, status=status, answer=answer
        )
        self.calls.setdefault(f"{method} {path}", example)

    async def error(self, code: str, method: str, path: str, **more: Any) -> None:
        """A call that is refused with *code*."""
        answer = await self.caller.call(method, path, **more)
        assert answer.code == code
        self.errors[code] = answer.json


async def tell(directory: Path) -> Examples:
    """The whole story, in virtual time."""
    async with desk(directory) as recorder:
        await log_ins(recorder)
        await markets(recorder)
        await orders(recorder)
        await safety(recorder)
        await operations(recorder)
        await refusals(recorder)
        return Examples(calls=recorder.calls, errors=recorder.errors)


@asynccontextmanager
async def desk(directory: Path) -> AsyncIterator[Recorder]:
    """Two paper brokers that fill by hand, and two that have to be logged in to."""
    papers = {
        name: make_paper(seed, fill="manual", holdings=HELD, delay=0.012)
        for seed, name in enumerate(("alpha", "beta"), 1)
    }
    guarded = {"bank": Guarded(), "other": Guarded(ChallengeKind.REDIRECT)}
    ports: dict[str, Any] = {n: MasteredPaper(paper) for n, paper in papers.items()}
    for port in ports.values():
        port.instruments = (SBIN,)
    ports |= guarded
    masters = InlineStore(directory / "instruments", {"paper": PARSER}, run_sync=inline)
    limits = Limits(per_second=8)
    tables = {
        n: Broker(name=n, adapter="paper", own=PaperSettings(), limits=limits)
        for n in ports
    }
    store = MemoryStore()
    system = System(
        Settings(brokers=tables),
        store,
        TokenBook(directory / "tokens.json", now=wall),
        ports,
        make_clockwork(),
        write_sync=inline,
        read_sync=inline,
        instruments=masters,
    )
    caller = Caller(system, papers)
    caller.tokens = {str(scope): system.tokens.new(scope) for scope in Scope}
    async with running(system):
        await trio.sleep(2)
        yield Recorder(caller, store)
    masters.close()


HELD = {"NSE:SBIN": {"quantity": 25, "average_price": 790}}


async def log_ins(recorder: Recorder) -> None:
    sessions = f"{V1}/sessions/{{broker}}"
    begun = await recorder.call("POST", f"{sessions}/login", broker="bank")
    body = {"challenge_id": begun.data["challenge_id"], "otp": OTP}
    await recorder.call("POST", f"{sessions}/verify", body, broker="bank")
    asked = await recorder.call("POST", f"{sessions}/login", broker="other")
    query = f"{urlsplit(asked.data['login_url']).query}&auth_code=CODE"
    callback = f"{sessions}/callback"
    status, page = await recorder.caller.page(
        f"{callback.format(broker='other')}?{query}"
    )
    assert status == 200
    recorder.note("GET", callback, {"broker": "other"}, None, page)
    await recorder.call("GET", f"{V1}/sessions")
    await recorder.call("DELETE", sessions, broker="other")


async def markets(recorder: Recorder) -> None:
    await recorder.call("POST", f"{V1}/instruments/sync", {"brokers": ["alpha"]})
    await recorder.call("GET", f"{V1}/instruments/sync")
    await recorder.call("GET", f"{V1}/instruments", query="SBIN")
    await recorder.call("GET", f"{V1}/instruments/{{symbol}}", symbol="NSE:SBIN")
    await recorder.call("GET", f"{V1}/quotes", symbols="NSE:SBIN", brokers="alpha,beta")
    await recorder.call("GET", f"{V1}/depth", symbol="NSE:SBIN", brokers="bank")
    margin = {"brokers": ["bank"], "orders": [ORDER]}
    await recorder.call("POST", f"{V1}/margin", margin)


async def orders(recorder: Recorder) -> None:
    placed = await recorder.call(
        "POST", f"{V1}/orders", ORDERS, Idempotency_Key="swing-1-0925"
    )
    first, second = (leg["order_id"] for leg in placed.legs)
    batch_id = placed.data["batch_id"]
    one = f"{V1}/orders/{{order_id}}"
    await recorder.call("PATCH", one, {"price": 812.5}, order_id=first)
    fills = {"fills": [{"fill_price": 812.5, "fill_qty": 4}]}
    await recorder.call("POST", f"{one}/simulate_fill", fills, order_id=first)
    await recorder.call("GET", one, order_id=first)
    await recorder.call("GET", f"{V1}/orders", broker="alpha", limit="10")
    await recorder.call("GET", f"{V1}/batches/{{batch_id}}", batch_id=batch_id)
    await recorder.call("GET", f"{V1}/reconcile/{{batch_id}}", batch_id=batch_id)
    await recorder.call("POST", f"{V1}/reconcile", {"brokers": ["alpha", "beta"]})
    for what in ("portfolio", "positions", "holdings", "funds", "trades", "orderbook"):
        await recorder.call("GET", f"{V1}/{what}", brokers="alpha")
    await recorder.call("DELETE", one, order_id=second)
    cancel = {"brokers": ["alpha", "beta"], "symbol": "NSE:SBIN"}
    await recorder.call("POST", f"{V1}/orders/cancel", cancel)
    close = {"brokers": ["alpha"], "symbol": "NSE:SBIN"}
    await recorder.call(
        "POST", f"{V1}/positions/close", close, Idempotency_Key="close-1"
    )


async def safety(recorder: Recorder) -> None:
    halt = {"engaged": True, "reason": "prices look wrong", "cancel_open": True}
    await recorder.call("PUT", f"{V1}/kill-switch", halt)
    await trio.sleep(1)
    await recorder.call("GET", f"{V1}/kill-switch")
    await recorder.error("kill_switch_engaged", "POST", f"{V1}/orders", body=ORDERS)
    release = {"engaged": False, "reason": "prices were right"}
    await recorder.call("PUT", f"{V1}/kill-switch", release)
    breaker = f"{V1}/brokers/{{broker}}/breaker"
    await recorder.call("PUT", breaker, {"state": "AUTO"}, broker="beta")


async def operations(recorder: Recorder) -> None:
    await recorder.call("GET", "/health")
    await recorder.call("GET", f"{V1}/status")
    await recorder.call("GET", f"{V1}/audit", limit="2")
    question = AuditQuery(limit=1000)
    rows = await recorder.caller.system.records.read(lambda s: s.audit(question))
    told = next(e for row in rows if (e := event_of(row)) and e.type == "order.acked")
    data = events.text_of(told).decode().partition("data: ")[2]
    recorder.note("GET", f"{V1}/events", {}, None, json.loads(data))
    lines = (await recorder.caller.text("/metrics")).splitlines()
    shown = [line for line in lines if any(name in line for name in SHOWN_METRICS)]
    recorder.note("GET", "/metrics", {}, None, "\n".join(shown) + "\n")


async def refusals(recorder: Recorder) -> None:
    place = ("POST", f"{V1}/orders")
    system = recorder.caller.system
    await recorder.error("bad_request", *place, raw=b'{"brokers": [')
    await recorder.error("unauthorized", *place, body=ORDERS, scope=None)
    await recorder.error("forbidden", *place, body=ORDERS, scope="read")
    await recorder.error("not_found", "GET", f"{V1}/orders/0123456789ABCDEF")
    await recorder.error("method_not_allowed", "PUT", f"{V1}/orders")
    await recorder.error("payload_too_large", *place, raw=b" " * 1_000_001)
    wrong = {"brokers": ["alpha"], "orders": [{**ORDER, "quantity": -10}]}
    await recorder.error("validation_failed", *place, body=wrong)
    late = {"challenge_id": "0123456789ABCDEF", "otp": OTP}
    verify = f"{V1}/sessions/bank/verify"
    await recorder.error("conflict", "POST", verify, body=late)
    await of_keys(recorder)
    system.feed.readers = events.MOST_READERS
    await recorder.error("overloaded", "GET", f"{V1}/events")
    system.feed.readers = 0
    recorder.store.failing = "disk full"
    await recorder.error("storage_unavailable", *place, body=ORDERS)
    recorder.store.failing = None
    await trio.sleep(10)  # until it is seen to be back
    system.stopping = True
    await recorder.error("shutting_down", *place, body=ORDERS)
    system.stopping = False
    bad = {"scope": None, "Authorization": "Bearer wrong"}
    for _ in range(10):
        await recorder.caller.call("GET", f"{V1}/sessions", **bad)
    await recorder.error("rate_limited", "GET", f"{V1}/sessions", **bad)
    began, system.started_at = system.started_at, "no moment"  # type: ignore[assignment]
    await recorder.error("internal", "GET", f"{V1}/status")
    system.started_at = began


async def of_keys(recorder: Recorder) -> None:
    place = ("POST", f"{V1}/orders")
    key = {"Idempotency_Key": "swing-1-0925"}
    other = {**ORDERS, "portfolio_id": "swing-2"}
    await recorder.error("idempotency_key_reused", *place, body=other, **key)
    recorder.caller.papers["alpha"].script.on("place", Fault.delay(4))
    slow = {"Idempotency_Key": "swing-1-0930"}
    async with trio.open_nursery() as senders:
        senders.start_soon(lambda: recorder.caller.call(*place, ORDERS, **slow))
        await trio.sleep(0.5)
        await recorder.error("idempotency_in_progress", *place, body=ORDERS, **slow)
    keys = recorder.store._keys
    for scope, taken in keys.items():  # as the nightly expiry leaves them
        keys[scope] = msgspec.structs.replace(taken, expired=True)
    await recorder.error("idempotency_key_expired", *place, body=ORDERS, **key)


def write(examples: Examples) -> None:
    """Write them down, in an order that does not change."""
    told = msgspec.to_builtins(examples)
    text = json.dumps(told, indent=1, ensure_ascii=False, sort_keys=False)
    FILE.write_text(f"{text}\n")
