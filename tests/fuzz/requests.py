"""Requests for every operation of the OpenAPI document: good ones, and spoilt ones."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.fuzz.values import BROKERS, SYMBOLS, TEXTS, Values, dumped
from tests.fuzz.wire import Headers

GOOD = 0.4
"""The share of requests with nothing wrong."""

HEADERS = (
    (b"X-Request-ID", b"a b"),
    (b"X-Request-ID", b"sane-1"),
    (b"X-Request-ID", b"x" * 200),
    (b"X-Request-ID", b"\xff\xfe"),
    (b"X-Request-ID", b"one"),
    (b"Content-Type", b"text/plain"),
    (b"Content-Type", b"application/xml"),
    (b"Content-Type", b"multipart/form-data; boundary=x"),
    (b"Content-Type", b"application/json; charset=utf-16"),
    (b"Content-Encoding", b"gzip"),
    (b"Accept", b"text/html"),
    (b"Accept-Encoding", b"gzip, br, identity;q=0"),
    (b"Cookie", b"a=b; " * 100),
    (b"Range", b"bytes=0-1"),
    (b"If-None-Match", b"*"),
    (b"Expect", b"200-maybe"),
    (b"X-Forwarded-For", b"8.8.8.8"),
    (b"X-HTTP-Method-Override", b"DELETE"),
    (b"Origin", b"https://evil.example"),
    (b"Idempotency-Key", b""),
    (b"Idempotency-Key", b"a b"),
    (b"Idempotency-Key", b"k" * 256),
    (b"Idempotency-Key", b"\xff"),
    (b"Idempotency-Key", b"fuzz-again"),
    (b"Last-Event-ID", b"-1"),
    (b"Last-Event-ID", b"9" * 30),
    (b"Last-Event-ID", b"0"),
    (b"Forwarded", b"host=evil"),
    (b"X" * 300, b"y"),
    (b"X-Long", b"z" * 9000),
)
QUERIES = (
    *("limit=1&limit=2", "%ff=%fe", "a", "=", "&&", "?", "%", "%zz", "x=1&" * 60),
    *("__proto__=1", "brokers=", "brokers=,", "brokers=one,,two", "since=%00"),
)
METHODS = (b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS")
OTHER_METHODS = (*METHODS, b"TRACE", b"BREW", b"get", b"PROPFIND", b"X" * 60)


class Request(NamedTuple):
    """A request before it is sent. *wrong* names what was done to it."""

    method: bytes
    target: bytes
    headers: Headers
    body: bytes
    wrong: tuple[str, ...]

    @property
    def path(self) -> str:
        return self.target.partition(b"?")[0].decode("latin-1")

    def header(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name]


class Requests:
    """Makes requests.

    Args:
        rng: all chance comes from it.
        document: the OpenAPI document.
        tokens: a good token for each scope.
    """

    def __init__(
        self,
        rng: random.Random,
        document: Mapping[str, Any],
        tokens: Mapping[str, str],
    ) -> None:
        self._rng, self._tokens = rng, tokens
        self._schemas = document["components"]["schemas"]
        self._values = Values(rng, self._schemas)
        self.operations = [
            (path, method, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ]
        self.ids = {"order_id": ["0123456789ABCDEF"], "batch_id": ["0123456789ABCDEF"]}
        self._round: list[int] = []

    def next(self) -> Request:
        """The next request; each operation has its turn before any has a second."""
        if not self._round:
            self._round = list(range(len(self.operations)))
            self._rng.shuffle(self._round)
        request = self._good(*self.operations[self._round.pop()])
        if self._rng.random() < GOOD:
            return request
        for _ in range(self._rng.choice((1, 1, 1, 2, 3))):
            request = self._spoil(request)
        return request

    def _good(self, path: str, method: str, operation: Any) -> Request:
        rng = self._rng
        token = self._tokens[rng.choice(("admin", "admin", "trade", "read"))]
        headers = [(b"Host", b"ordo"), (b"Authorization", f"Bearer {token}".encode())]
        query = []
        for parameter in operation["parameters"]:
            name, where = parameter["name"], parameter["in"]
            if where == "path":
                path = path.replace(f"{{{name}}}", quote(self._part(name), safe=""))
            elif where == "query" and (parameter["required"] or rng.random() < 0.3):
                query.append(f"{name}={quote(self._queried(name, parameter))}")
            elif where == "header" and rng.random() < 0.5:
                value = (
                    b"7" if name == "Last-Event-ID" else b"key-%d" % rng.getrandbits(30)
                )
                headers.append((name.encode(), value))
        target = path + ("?" + "&".join(query) if query else "")
        body = self._body(operation)
        if body:
            headers.append((b"Content-Type", b"application/json"))
        return Request(method.upper().encode(), target.encode(), headers, body, ())

    def _part(self, name: str) -> str:
        if name in self.ids:
            return self._rng.choice(self.ids[name])
        return self._rng.choice({"broker": BROKERS, "symbol": SYMBOLS}[name])

    def _queried(self, name: str, parameter: Any) -> str:
        real = {
            "broker": BROKERS,
            "brokers": ("one", "one,two", "one,two,door"),
            "symbol": SYMBOLS,
            "symbols": ("NSE:SBIN", "NSE:SBIN,NSE:INFY"),
            "status": ("acked", "filled", "denied"),
            "since": ("2026-01-01T00:00:00Z", "2030-01-01T00:00:00+05:30"),
            "batch_id": self.ids["batch_id"],
            "order_id": self.ids["order_id"],
            "query": ("SBIN", "nifty"),
            "exchange": ("NSE", "NFO"),
            "expiry": ("2026-11-26",),
        }
        if name in real:
            return str(self._rng.choice(real[name]))
        return str(self._values.good(parameter["schema"], name))

    def _body(self, operation: Any) -> bytes:
        value = self._json(operation)
        return b"" if value is None else dumped(value)

    def _json(self, operation: Any) -> Any:
        if "requestBody" not in operation:
            return None
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        return self._values.good(schema)

    def _spoil(self, request: Request) -> Request:
        way = self._rng.choice(
            ("body", "body", "body", "query", "path", "token", "header", "method")
        )
        changed = getattr(self, f"_spoil_{way}")(request)
        return changed._replace(wrong=(*request.wrong, way))

    def _spoil_body(self, request: Request) -> Request:
        name = next(
            (
                operation
                for path, method, operation in self.operations
                if method.upper().encode() == request.method
                and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), request.path)
            ),
            {},
        )
        value = self._json(name)
        if value is None or self._rng.random() < 0.05:
            filler = (b"x", b"{}", b"\x00" * 100, b" " * 1_000_001, b"x" * 1_000_001)
            return request._replace(body=self._rng.choice(filler))
        return request._replace(body=self._values.spoilt(value))

    def _spoil_query(self, request: Request) -> Request:
        rng = self._rng
        name = rng.choice(("limit", "cursor", "since", "brokers", "after"))
        odd = f"{name}={quote(rng.choice(TEXTS[:-1]), errors='surrogatepass')}"
        more = rng.choice((odd, odd, odd, *QUERIES))
        mark = b"&" if b"?" in request.target else b"?"
        return request._replace(target=request.target + mark + more.encode())

    def _spoil_path(self, request: Request) -> Request:
        path, mark, query = request.target.partition(b"?")
        odd = quote(self._rng.choice(TEXTS[:-1]), safe="", errors="surrogatepass")
        parts = path.split(b"/")
        at = self._rng.randrange(1, len(parts))
        part = parts[at]
        parts[at] = self._rng.choice(
            (
                *(
                    odd.encode(),
                    odd.encode(),
                    b"",
                    b"..",
                    b"%2e%2e",
                    b"%FF",
                    b"*",
                    b";",
                ),
                *(part + b"/", part + b"%00", part.upper(), b"%2F" + part),
            )
        )
        return request._replace(target=b"/".join(parts) + mark + query)

    def _spoil_token(self, request: Request) -> Request:
        kept = [pair for pair in request.headers if pair[0] != b"Authorization"]
        good = self._tokens["admin"].encode()
        given: tuple[bytes, ...] = self._rng.choice(
            (
                (),
                (b"Bearer wrong",),
                (b"Bearer " + good[:-1],),
                (b"Bearer " + good + b"x",),
                (b"Bearer ordo_0000000000_" + b"A" * 43,),
                (b"Basic YWRtaW46YWRtaW4=",),
                (b"Bearer",),
                (good,),
                (b"Bearer \xff\xfe",),
                (b"Bearer " + b"x" * 5000,),
                (b"Bearer " + good, b"Bearer " + good),
                (b"Bearer " + self._tokens["read"].encode(),),
                (b"Bearer " + self._tokens["trade"].encode(),),
            )
        )
        return request._replace(
            headers=kept + [(b"Authorization", one) for one in given]
        )

    def _spoil_header(self, request: Request) -> Request:
        more = self._rng.sample(HEADERS, self._rng.randint(1, 3))
        return request._replace(headers=[*request.headers, *more])

    def _spoil_method(self, request: Request) -> Request:
        return request._replace(method=self._rng.choice(OTHER_METHODS))
