"""One run: so many generated requests at a real gateway, each answer checked."""

from __future__ import annotations

import json
import random
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from tests.fuzz.checks import Checks
from tests.fuzz.gateway import SECRET, Gateway, gateway
from tests.fuzz.requests import Request, Requests
from tests.fuzz.wire import Answer, Cut, Http2, ask, head, pseudo

MOST_TOLD = 20


class End(msgspec.Struct):
    """What came of a run. `problems` are words for people; none is as it should be."""

    statuses: Counter[int]
    refused: Counter[str]
    problems: list[str]
    memory: int


class Run:
    """Asks, checks, and sets right again what a request was allowed to change."""

    def __init__(self, gateway: Gateway, rng: random.Random) -> None:
        self._gateway, self._rng = gateway, rng
        document = gateway.json("GET", "/openapi.json")
        self._requests = Requests(rng, document, gateway.tokens)
        self._checks = Checks(document, [SECRET, *gateway.tokens.values()])
        self._stack = ExitStack()
        self._sock: socket.socket | None = None
        self._http2: Http2 | None = None
        self.end = End(Counter(), Counter(), [], 0)

    def go(self, requests: int, say: Callable[[str], None]) -> End:
        """Ask so many; tell of the first problems as they are found."""
        with self._stack:
            for number in range(requests):
                request = self._requests.next()
                for problem in self._problems(request):
                    words = f"#{number} {_shown(request)}: {problem}"
                    self.end.problems.append(words)
                    if len(self.end.problems) <= MOST_TOLD:
                        say(words)
        return self.end

    def _problems(self, request: Request) -> list[str]:
        try:
            answer = self._answer(request)
        except Cut as cut:
            return [f"no answer: {cut}"]
        self.end.statuses[answer.status] += 1
        found = self._checks.problems(request, answer)
        self._learn(request, answer)
        return found

    def _answer(self, request: Request) -> Answer:
        if self._gateway.place.ca is not None and _fits_http2(request):
            return self._by_http2(request)
        return self._by_http1(request)

    def _by_http1(self, request: Request) -> Answer:
        sock = self._sock
        if sock is None:
            sock = self._sock = self._stack.enter_context(self._gateway.place.open())
        length = (b"Content-Length", b"%d" % len(request.body))
        lines = head(request.method, request.target, [*request.headers, length])
        try:
            answer = ask(sock, lines + request.body, request.method.decode())
        except Cut:
            sock.close()
            self._sock = None
            raise
        if answer.all("connection") or answer.one("content-length") is None:
            sock.close()
            self._sock = None
        return answer

    def _by_http2(self, request: Request) -> Answer:
        if self._http2 is None:
            sock = self._stack.enter_context(self._gateway.place.open("h2"))
            self._http2 = Http2(sock)
        headers = pseudo(request.method, request.target, request.headers)
        try:
            answer = self._http2.ask(headers, request.body)
        except Cut:
            self._http2 = None
            raise
        if answer.one("content-length") is None:
            self._http2.sock.close()  # the stream has no end of its own
            self._http2 = None
        return answer

    def _learn(self, request: Request, answer: Answer) -> None:
        """Keep real ids, and undo what would keep later requests from anything."""
        try:
            value = json.loads(answer.body)
        except ValueError:
            return
        if answer.status >= 400:
            self.end.refused[f"{answer.status} {value.get('error_code')}"] += 1
            return
        if request.path == "/api/v1/orders" and request.method == b"POST":
            self._keep(value)
        if request.method == b"PUT":
            self._undo(request.path, value["data"])

    def _keep(self, value: Any) -> None:
        ids = self._requests.ids
        ids["order_id"] += [
            leg["order_id"] for leg in value["results"] if leg["order_id"]
        ]
        ids["batch_id"] += [one for one in [value["data"]["batch_id"]] if one]
        for kept in ids.values():
            del kept[1:-20]

    def _undo(self, path: str, data: Any) -> None:
        if data.get("engaged"):
            self._gateway.json("PUT", "/api/v1/kill-switch", {"engaged": False})
        elif data.get("forced"):
            self._gateway.json("PUT", path, {"state": "AUTO"})


def fuzz(
    directory: Path, *, requests: int, seed: str, tls: str, say: Callable[[str], None]
) -> End:
    """A run with a gateway of its own."""
    with gateway(directory, tls) as at:
        end = Run(at, random.Random(f"{seed} {tls}")).go(requests, say)
        after = [*at.well(), *at.verified()]
        if at.ordo.popen.poll() is not None:
            after.append("Ordo has ended")
        end.memory = at.memory()
        for words in after:
            say(words)
        end.problems += after
    return end


def _fits_http2(request: Request) -> bool:
    """Whether HTTP/2 can say it: an empty name or value, a blank at an end cannot."""
    return all(value == value.strip() for _, value in request.headers)


def _shown(request: Request) -> str:
    line = f"{request.method.decode()} {request.target[:120].decode('latin-1')}"
    extra = [
        f"{name[:20].decode('latin-1')}: {value[:40]!r}"
        for name, value in request.headers
        if name not in (b"Authorization", b"Host")
    ]
    return f"{line} {extra} {request.body[:300]!r} spoilt {list(request.wrong)}"
