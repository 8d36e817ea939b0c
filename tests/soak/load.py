"""An open load: requests leave when they are due, whatever became of those before."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any, NamedTuple

import msgspec
import trio

from tests.bench.load import TIMING, Connection, Target

RETRY_AFTER = re.compile(rb"retry-after: (\d+)", re.I)
MOST_IN_FLIGHT = 800
"""Fewer than the connections Ordo keeps open; beyond it no request is made."""
KEPT = 60.0
"""Seconds a connection may idle; Ordo ends it after 75."""


class Said(NamedTuple):
    """One request and its answer. Milliseconds; `took` counts from when it was due.

    `status` 0: the connection broke.
    """

    key: str
    due: float
    took: float
    inside: float
    status: int
    code: str | None
    retry_after: bool
    legs: tuple[tuple[str, str], ...]


class Answering(Connection):
    """A connection that keeps what was said of each leg."""

    async def ask(self, body: bytes, key: str) -> tuple[bytes, Any]:
        """Send; the answer's head, and its body decoded."""
        target = self._target
        head = [f"POST {target.path} HTTP/1.1", f"Host: {target.host}:{target.port}"]
        head += [f"{name}: {value}" for name, value in target.headers.items()]
        head += [f"Idempotency-Key: {key}", f"Content-Length: {len(body)}"]
        await self._stream.send_all("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        headers, answer = await self._answer()
        return headers, msgspec.json.decode(answer)


class OpenLoad:
    """Requests at a steady pace.

    Args:
        target: where to.
        body: of each.
        prefix: of their keys.

    Attributes:
        said: every answer.
        late: requests that were due and found too many others in flight.
    """

    def __init__(self, target: Target, body: bytes, prefix: str) -> None:
        self._target = target
        self._body = body
        self._prefix = prefix
        self._idle: list[tuple[Answering, float]] = []  # and since when
        self._in_flight = 0
        self.said: list[Said] = []
        self.late = 0

    async def run(self, rate: float, seconds: float) -> float:
        """Offer *rate* requests a second; gives the seconds until the last answer."""
        begun = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for number in range(int(rate * seconds)):
                due = begun + number / rate
                wait = due - time.perf_counter()
                if wait > 0:
                    await trio.sleep(wait)
                if self._in_flight >= MOST_IN_FLIGHT:
                    self.late += 1
                    continue
                self._in_flight += 1
                nursery.start_soon(self._one, f"{self._prefix}-{number}", due)
        for connection, _ in self._idle:
            await connection.__aexit__()
        return time.perf_counter() - begun

    async def _idle_one(self) -> Answering | None:
        """The last used; one that Ordo may be closing for idling is given up."""
        if not self._idle:
            return None
        connection, since = self._idle.pop()
        if time.perf_counter() - since < KEPT:
            return connection
        await connection.__aexit__()
        return await self._idle_one()

    async def _one(self, key: str, due: float) -> None:
        try:
            self.said.append(await self._said(key, due))
        finally:
            self._in_flight -= 1

    async def _said(self, key: str, due: float) -> Said:
        connection = None
        try:
            connection = await self._idle_one()
            if connection is None:
                connection = Answering(self._target)
                await connection.__aenter__()
            headers, answer = await connection.ask(self._body, key)
        except (OSError, trio.BrokenResourceError, ConnectionError):
            if connection is not None:
                await connection.__aexit__()
            return Said(key, due, _since(due), 0.0, 0, None, False, ())
        took = _since(due)
        self._idle.append((connection, time.perf_counter()))
        timing = TIMING.search(headers)
        return Said(
            key=key,
            due=due,
            took=took,
            inside=float(timing[1]) if timing else 0.0,
            status=int(headers[9:12]),
            code=answer["error_code"],
            retry_after=RETRY_AFTER.search(headers) is not None,
            legs=tuple(
                (leg["order_id"], leg["status"])
                for leg in answer["results"]
                if leg.get("order_id")
            ),
        )


def _since(moment: float) -> float:
    return (time.perf_counter() - moment) * 1000


def statuses(said: list[Said]) -> Counter[str]:
    """How often each answer was given."""
    return Counter(f"{each.status} {each.code or ''}".strip() for each in said)
