"""A storm: one key, a hundred requests at once, over as many connections.

One batch may come of it, and one order a leg; with a kill -9 in the middle and the
storm repeated it must stay the same batch.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import trio

from tests.crash.check import venue_book
from tests.crash.clients import HEADERS
from tests.crash.processes import dying
from tests.support.plain import PLAIN
from tests.support.processes import (
    FyersVenue,
    Ordo,
    Process,
    ended,
    fyers_table,
    write_config,
)

BROKERS = ("one", "two", "three")
REQUESTS = 100
STRUCK = {
    "accept, before its commit": 1,
    "accept, after its commit": 1,
    "last look taken, nothing sent": len(BROKERS),
    "all of an order sent": len(BROKERS),
    "answered, before its commit": 1,
    "answered, after its commit": 1,
}
"""Where a storm is cut, and how often it comes there for certain."""
SLOW = 2.6
"""Seconds for which the venue keeps the first order of a storm waiting: longer than a
second request of its key does, so that some are told to come again."""


class Storm(NamedTuple):
    """What came of one; `answers` counts what was said, by kind."""

    answers: Counter[str]
    breaches: list[str]


class Storms:
    """Storms over one Ordo with three brokers at one venue.

    Args:
        directory: for data and logs; made.
        seed: of the orders.
    """

    def __init__(self, directory: Path, seed: str) -> None:
        directory.mkdir(parents=True)
        self._rng = random.Random(seed)
        self._seed = seed
        self.venue = FyersVenue(directory / "venue.log", "--funds", "1e12")
        tables = {name: fyers_table(self.venue.url) for name in BROKERS}
        self._config = write_config(directory, tables, port=0)
        self._ordo: Process | None = None

    def __enter__(self) -> Storms:
        return self

    def __exit__(self, *_: object) -> None:
        with ended(self.venue):
            if self._ordo is not None:
                self._ordo.kill()

    def calm(self, number: int, *, slow: bool = False) -> Storm:
        """A storm, and the same once more; *slow*: while the venue is."""
        self._start()
        if slow:
            fault = {"on": "place", "kind": "delay_after_accept", "seconds": SLOW}
            httpx.post(
                f"{self.venue.url}/_venue/faults",
                json=fault,
                trust_env=False,
                verify=PLAIN,
            )
        return self._judged(number, repeats=2)

    def cut(self, number: int, point: str) -> Storm:
        """A storm that Ordo dies in, the start after it, and the same storm again."""
        if self._ordo is not None:
            self._ordo.kill()
        self._ordo = None
        return self._judged(number, repeats=1, point=point)

    def _start(self) -> str:
        if self._ordo is None:
            self._ordo = ordo = Ordo(self._config)
            self._url = ordo.url
            trio.run(_until_open, ordo.url)
        return self._url

    def _judged(self, number: int, *, repeats: int, point: str = "") -> Storm:
        key, body = f"storm-{self._seed}-{number}", self._body()
        said: list[tuple[int, dict[str, Any]]] = []
        breaches: list[str] = []
        if point:
            count = self._rng.randint(1, STRUCK[point])
            cut_short = dying(self._config, point, count)
            with ended(cut_short):
                trio.run(_until_open, cut_short.url)
                said += trio.run(_storm, cut_short.url, key, body)
                if cut_short.popen.poll() is None:
                    breaches.append(f"{key}: Ordo did not die: {point}")
        url = self._start()
        for _ in range(repeats):
            said += trio.run(_storm, url, key, body)
        said += [trio.run(_until_told, url, key, body)]
        breaches += [f"{key}: {each}" for each in self._breaches(said)]
        return Storm(Counter(_kind(*each) for each in said), breaches)

    def _body(self) -> dict[str, Any]:
        order = {
            "symbol": "NSE:SBIN",
            "side": "BUY",
            "quantity": self._rng.randint(1, 50),
            "type": "LIMIT",
            "price": 800,
            "product": "INTRADAY",
        }
        return {"brokers": BROKERS, "orders": [order]}

    def _breaches(self, said: list[tuple[int, dict[str, Any]]]) -> list[str]:
        batches = {body["data"]["batch_id"] for _, body in said if _batch_in(body)}
        found = []
        if len(batches) != 1:
            found.append(f"{len(batches)} batches")
        firsts = [body for _, body in said if _kind(_, body) == "executed"]
        if len(firsts) > 1:
            found.append(f"{len(firsts)} were told that theirs was the first")
        strange = {_kind(*each) for each in said} - {"executed", "replayed", "409"}
        found += [f"an answer was {kind}" for kind in strange]
        legs = {
            leg["client_tag"]
            for _, body in said
            for leg in body["results"]
            if leg.get("client_tag")
        }
        if len(legs) != len(BROKERS):
            found.append(f"{len(legs)} legs")
        tags = Counter(row["tag"] for row in venue_book(self.venue.url))
        found += [f"{tag}: {tags[tag]} at the venue" for tag in legs if tags[tag] > 1]
        last = said[-1][1]["results"]
        found += [
            f"{leg['order_id']}: {leg['status']}, and not at the venue"
            for leg in last
            if leg["status"] in ("acked", "filled") and not tags[leg["client_tag"]]
        ]
        return found


async def _until_open(url: str) -> None:
    """After a start each broker must have seen its book, and no slot is free yet."""
    async with httpx.AsyncClient(
        base_url=url, headers=HEADERS, timeout=30, trust_env=False, verify=PLAIN
    ) as client:
        while True:
            status = (await client.get("/api/v1/status")).json()["data"]
            if not any(broker["recovering"] for broker in status["brokers"]):
                return
            await trio.sleep(0.02)


async def _storm(
    url: str, key: str, body: dict[str, Any]
) -> list[tuple[int, dict[str, Any]]]:
    """All requests at once; the answers of those that got one."""
    said: list[tuple[int, dict[str, Any]]] = []
    limits = httpx.Limits(max_connections=REQUESTS)

    async with httpx.AsyncClient(
        base_url=url,
        headers=HEADERS,
        timeout=30,
        limits=limits,
        trust_env=False,
        verify=PLAIN,
    ) as client:

        async def ask() -> None:
            try:
                answer = await client.post(
                    "/api/v1/orders", json=body, headers={"Idempotency-Key": key}
                )
            except httpx.HTTPError:
                return  # Ordo died
            said.append((answer.status_code, answer.json()))

        async with trio.open_nursery() as nursery:
            for _ in range(REQUESTS):
                nursery.start_soon(ask)
    return said


async def _until_told(
    url: str, key: str, body: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    """Once more, until there is an answer of a batch."""
    async with httpx.AsyncClient(
        base_url=url, headers=HEADERS, timeout=30, trust_env=False, verify=PLAIN
    ) as client:
        while True:
            answer = await client.post(
                "/api/v1/orders", json=body, headers={"Idempotency-Key": key}
            )
            if _batch_in(answer.json()) and answer.status_code != 409:
                return answer.status_code, answer.json()
            await trio.sleep(0.1)


def _batch_in(body: dict[str, Any]) -> bool:
    return bool(body["data"] and body["data"].get("batch_id"))


def _kind(status: int, body: dict[str, Any]) -> str:
    if status == 409 and body["error_code"] == "idempotency_in_progress":
        return "409"
    if status not in (200, 202) or not _batch_in(body):
        return f"{status} {body['error_code']}"
    return "replayed" if body["data"]["replayed"] else "executed"
