"""A lean HTTP/1.1 client: it shares the machine with what it measures."""

from __future__ import annotations

import json
import re
import ssl
import time
from typing import NamedTuple

import trio

TIMING = re.compile(rb"server-timing: ordo;dur=([\d.]+), broker;dur=([\d.]+)", re.I)
LENGTH = re.compile(rb"content-length: (\d+)", re.I)


class Sample(NamedTuple):
    """One request: milliseconds it took, of which inside Ordo, and its HTTP status."""

    took: float
    inside: float
    status: int
    good: bool


class Target(NamedTuple):
    """Where to send what. `tls` None is plain HTTP."""

    host: str
    port: int
    path: str
    headers: dict[str, str]
    tls: ssl.SSLContext | None = None


class Connection:
    """One keep-alive connection."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._buffer = b""

    async def __aenter__(self) -> Connection:
        tcp: trio.abc.Stream = await trio.open_tcp_stream(
            self._target.host, self._target.port
        )
        if self._target.tls is not None:
            tcp = trio.SSLStream(tcp, self._target.tls, server_hostname="localhost")
        self._stream = tcp
        return self

    async def __aexit__(self, *_: object) -> None:
        with trio.move_on_after(1, shield=True):
            await self._stream.aclose()

    async def post(self, body: bytes, key: str | None) -> Sample:
        """Send *body*, read the whole answer."""
        target = self._target
        head = [f"POST {target.path} HTTP/1.1", f"Host: {target.host}:{target.port}"]
        head += [f"{name}: {value}" for name, value in target.headers.items()]
        if key is not None:
            head.append(f"Idempotency-Key: {key}")
        head.append(f"Content-Length: {len(body)}")
        begun = time.perf_counter()
        await self._stream.send_all("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        headers, answer = await self._answer()
        took = (time.perf_counter() - begun) * 1000
        timing = TIMING.search(headers)
        return Sample(
            took=took,
            inside=float(timing[1]) if timing else 0.0,
            status=int(headers[9:12]),
            good=_good(answer),
        )

    async def _answer(self) -> tuple[bytes, bytes]:
        buffer = self._buffer
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            buffer += await self._more()
        headers = buffer[:end]
        found = LENGTH.search(headers)
        length = int(found[1]) if found else 0
        rest = buffer[end + 4 :]
        while len(rest) < length:
            rest += await self._more()
        self._buffer = rest[length:]
        return headers, rest[:length]

    async def _more(self) -> bytes:
        some = await self._stream.receive_some(65536)
        if not some:
            raise ConnectionError("the server closed the connection")
        return bytes(some)


def _good(answer: bytes) -> bool:
    status = json.loads(answer)
    return status.get("status") == "success" or status.get("s") == "ok"


class Load:
    """Requests from *connections* at once, for *seconds*."""

    def __init__(self, target: Target, body: bytes, prefix: str | None) -> None:
        self._target = target
        self._body = body
        self._prefix = prefix
        self.samples: list[Sample] = []

    async def run(self, connections: int, seconds: float) -> float:
        """Fill `samples`; gives the seconds it really took."""
        begun = time.perf_counter()
        until = begun + seconds
        async with trio.open_nursery() as nursery:
            for number in range(connections):
                nursery.start_soon(self._one, number, until)
        return time.perf_counter() - begun

    async def _one(self, number: int, until: float) -> None:
        async with Connection(self._target) as connection:
            count = 0
            while time.perf_counter() < until:
                count += 1
                key = self._prefix and f"{self._prefix}-{number}-{count}"
                self.samples.append(await connection.post(self._body, key))
