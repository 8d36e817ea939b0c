"""One run: fill some of many open orders, and see when Ordo tells of it."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

import httpx
import trio

from actors.clockwork import utc_now
from ordo.config import load
from ordo.data import opened
from tests.bench.__main__ import rss
from tests.support.plain import PLAIN
from tests.support.processes import TOKEN, Ordo, ended, write_config
from tests.support.three import three_tables
from tests.tracking.stored import Open, made_up, writes
from tests.tracking.venues import MAKERS, PRICE, Venues

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
LATE = 60.0
"""Seconds after which a change counts as never told."""
PUBLISHED = {
    "fyers": {1.0: 10, 60.0: 200},
    "hdfc": {1.0: 10},
    "mstock": {1.0: 20},
}
"""Calls in so many seconds that each broker lets through, reads among them."""

PUBLISHED_ALONE: Mapping[str, Any] = MappingProxyType({})


@dataclass
class Tracked:
    """What came of a run. Times are seconds, memory megabytes.

    `calls` are those of each broker in a second, on the average; `most` the most that
    came in each window that the broker publishes. `processor`: the share of one. `live`
    are the brokers that told of their orders by themselves.
    """

    orders: int
    seconds: float
    delays: dict[str, list[float]]
    calls: dict[str, float]
    most: dict[str, dict[float, int]]
    refused: int
    rss: float
    ready: float
    processor: float
    max_lag_ms: float
    blocked: str
    live: frozenset[str]
    never: int = 0
    reads: dict[str, float] = field(default_factory=dict)

    @property
    def within_limits(self) -> bool:
        """Whether no window of any broker had more calls than are published."""
        return self.refused == 0 and all(
            most <= PUBLISHED[name][window]
            for name, windows in self.most.items()
            for window, most in windows.items()
        )


def measure(
    directory: Path,
    orders: int,
    seconds: float,
    rate: float,
    limits: Mapping[str, Any] = PUBLISHED_ALONE,
    *,
    hurry: bool = False,
) -> Tracked:
    """Fill *rate* of so many open *orders* a second, for so many *seconds*.

    Args:
        limits: what the settings say of them; nothing: those that are published, of
            which a start counts the minute before it as used up.
        hurry: ask for a read of the books after the changes, in place of waiting for
            the next one: the delays say nothing then.

    Raises:
        RuntimeError: Ordo or the servers did not start.
    """
    open_ = made_up(list(MAKERS), orders)
    with ExitStack() as stack:
        venues = stack.enter_context(_venues(directory, open_))
        config = write_config(directory, three_tables(venues.urls, limits))
        numbers = _numbers(venues.urls)
        with opened(load(config, {"ORDO_AUTH__TOKEN": TOKEN})) as store:
            for each in writes(open_, numbers, utc_now()):
                store.commit(each)
        ordo = Ordo(config)
        stack.enter_context(ended(ordo))
        run = Run(ordo, venues.urls, open_, numbers)
        return trio.run(run.measure, seconds, rate, hurry)


@contextmanager
def _venues(directory: Path, orders: Sequence[Open]) -> Iterator[Venues]:
    tags: dict[str, list[str]] = {name: [] for name in MAKERS}
    for each in orders:
        tags[each.broker].append(each.tag)
    file = directory / "tags.json"
    file.write_text(json.dumps(tags))
    venues = Venues(directory / "venues.log", file)
    with ended(venues):
        yield venues


def _numbers(urls: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """The brokers' own numbers of the orders, by broker and tag."""
    numbers = {}
    for name, url in urls.items():
        book = httpx.get(
            f"{url}/_venue/book", timeout=60, trust_env=False, verify=PLAIN
        ).json()
        numbers |= {(name, row["tag"]): row["id"] for row in book["orders"]}
    return numbers


class Run:
    """The measuring: changes at the servers, and when the stream tells of each.

    Args:
        numbers: the brokers' own of the orders, by broker and tag.
    """

    def __init__(
        self,
        ordo: Ordo,
        urls: Mapping[str, str],
        orders: Sequence[Open],
        numbers: Mapping[tuple[str, str], str],
    ) -> None:
        self._ordo = ordo
        self._urls = urls
        self._orders = list(orders)
        self._numbers = numbers
        self._rng = Random(1)
        self._changed: dict[str, tuple[str, float]] = {}
        self._delays: dict[str, list[float]] = {name: [] for name in urls}
        self._told = trio.Event()

    async def measure(self, seconds: float, rate: float, hurry: bool) -> Tracked:
        """Change orders, each once, and wait until all were told."""
        ordo = httpx.AsyncClient(
            base_url=self._ordo.url,
            headers=HEADERS,
            timeout=120,
            trust_env=False,
            verify=PLAIN,
        )
        async with (
            ordo,
            httpx.AsyncClient(timeout=60, trust_env=False, verify=PLAIN) as venues,
            trio.open_nursery() as tasks,
        ):
            await self._ready(ordo)
            before = await self._calls(venues)
            used, begun = _processor(self._ordo.pid), time.monotonic()
            await tasks.start(self._follow, ordo)
            await self._change(venues, seconds, rate)
            if hurry:
                await _ask(ordo, "reconcile", {})
            with trio.move_on_after(LATE):
                while self._changed:
                    await self._told.wait()
            took = time.monotonic() - begun
            used = _processor(self._ordo.pid) - used
            seen = await self._calls(venues)
            status = (await ordo.get("/api/v1/status")).json()["data"]
            tasks.cancel_scope.cancel()
        mine = {name: rows[len(before[name]) :] for name, rows in seen.items()}
        return Tracked(
            orders=len(self._orders),
            seconds=took,
            delays=self._delays,
            calls={name: len(rows) / took for name, rows in mine.items()},
            most=_most(seen),
            refused=sum(r["status"] == 429 for rows in seen.values() for r in rows),
            rss=rss(self._ordo.pid),
            ready=self._ordo.started,
            processor=used / took,
            max_lag_ms=status["loop"]["max_lag_ms"],
            live=frozenset(
                row["broker"]
                for row in status["brokers"]
                if row["order_updates"]["state"] == "live"
            ),
            blocked=f"{status['loop']['blocked']}, {status['loop']['last_task']}",
            never=len(self._changed),
            reads=_reads(mine, took),
        )

    async def _ready(self, ordo: httpx.AsyncClient) -> None:
        """Instruments are there, and every book was compared once."""
        await _ask(ordo, "instruments/sync", {"wait_seconds": 90})
        await _ask(ordo, "reconcile", {})

    async def _calls(self, venues: httpx.AsyncClient) -> dict[str, list[Any]]:
        return {
            name: (await venues.get(f"{url}/_venue/requests")).json()["requests"]
            for name, url in self._urls.items()
        }

    async def _change(
        self, venues: httpx.AsyncClient, seconds: float, rate: float
    ) -> None:
        """Fill one unit of another order, again and again."""
        wanted = min(len(self._orders), int(seconds * rate))
        begun = trio.current_time()
        for number, each in enumerate(self._rng.sample(self._orders, wanted)):
            await trio.sleep_until(begun + (number + self._rng.random()) / rate)
            body = {
                "id": self._numbers[each.broker, each.tag],
                "quantity": 1,
                "price": float(PRICE),
            }
            self._changed[each.order_id] = (each.broker, time.monotonic())
            url = f"{self._urls[each.broker]}/_venue/fill"
            (await venues.post(url, json=body)).raise_for_status()

    async def _follow(
        self,
        ordo: httpx.AsyncClient,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Read the stream of events, until cancelled."""
        async with ordo.stream("GET", "/api/v1/events", timeout=60) as stream:
            task_status.started()
            async for line in stream.aiter_lines():
                name, _, text = line.partition(": ")
                if name == "data":
                    self._take(json.loads(text))

    def _take(self, event: dict[str, Any]) -> None:
        if event["type"] == "order.partially_filled":
            broker, at = self._changed.pop(event["order_id"])
            self._delays[broker].append(time.monotonic() - at)
            self._told.set()
            self._told = trio.Event()


async def _ask(ordo: httpx.AsyncClient, what: str, body: dict[str, Any]) -> None:
    answer = await ordo.post(f"/api/v1/{what}", json=body)
    if answer.json()["status"] != "success":
        raise RuntimeError(f"{what}: {answer.text[:1000]}")


def _most(seen: Mapping[str, Sequence[Any]]) -> dict[str, dict[float, int]]:
    """The most calls of each broker in any window of each published length."""
    return {
        name: {
            window: _most_in([row["at"] for row in rows], window)
            for window in PUBLISHED[name]
        }
        for name, rows in seen.items()
    }


def _most_in(times: Sequence[float], window: float) -> int:
    inside: deque[float] = deque()
    most = 0
    for at in times:
        inside.append(at)
        while inside[0] <= at - window:
            inside.popleft()
        most = max(most, len(inside))
    return most


def _reads(seen: Mapping[str, Sequence[Any]], took: float) -> dict[str, float]:
    """Seconds from one read of its book to the next, by broker."""
    books = {
        name: sum(row["name"] == "orders" for row in rows)
        for name, rows in seen.items()
    }
    return {name: took / max(1, count) for name, count in books.items()}


def _processor(pid: int) -> float:
    """Seconds of processor a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
