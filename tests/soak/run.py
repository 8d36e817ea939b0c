"""One stage of a soak: a load, what came of it, and what Ordo needed for it."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import trio

from tests.bench.load import Load, Target
from tests.crash.check import ordo_orders, venue_book
from tests.crash.clients import HEADERS
from tests.soak.load import OpenLoad, Said, statuses
from tests.soak.venues import Venues
from tests.support.plain import PLAIN
from tests.support.processes import TOKEN, Ordo, fyers_table, write_config
from tests.support.waiting import until

PRICE = 850
"""Rupees; SBIN is at 812, so that a buy fills at once and settles."""
AT_VENUE = {"acked", "partially_filled", "filled"}
NEVER_SENT = {"denied", "rejected", "not_placed"}
SETTLED = {"filled"} | NEVER_SENT
SETTLE_WITHIN = 90.0


@dataclass
class Stage:
    """What was offered and what came of it. Times are milliseconds, RSS megabytes.

    `inside` is `Server-Timing: ordo`: everything but the wait for brokers, both commits
    of an order among it, and so more than the time until the accept is durable. `took`
    counts from when the request was due, to the answer.
    """

    name: str
    offered: float
    answers: Counter[str]
    per_second: float
    inside: tuple[float, float]
    took: tuple[float, float]
    shed_took: tuple[float, float]
    shed: int
    shed_without_retry_after: int
    late: int
    lost: list[str]
    rss: list[float]
    blocked: int
    max_lag: float

    @property
    def growth(self) -> float:
        """Of the RSS after the first third, in percent of what it was then."""
        third = self.rss[len(self.rss) // 3 :]
        some = max(1, len(third) // 5)
        before, after = _mean(third[:some]), _mean(third[-some:])
        return 100 * (after - before) / before


class Soak:
    """An Ordo with a broker for each leg, each at a venue of its own.

    Args:
        directory: for data and logs.
        legs: of each request.
        seconds: that the venues must last.
    """

    def __init__(self, directory: Path, legs: int, seconds: float) -> None:
        names = [f"broker{number}" for number in range(legs)]
        self.venues = Venues(directory / "venues.log", legs, seconds)
        tables = {
            name: fyers_table(url)
            for name, url in zip(names, self.venues.urls, strict=True)
        }
        self.ordo = Ordo(write_config(directory, tables, port=0))
        at = urlsplit(self.ordo.url)
        self._target = Target(
            host=at.hostname or "",
            port=at.port or 0,
            path="/api/v1/orders",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        order = {
            "symbol": "NSE:SBIN",
            "side": "BUY",
            "quantity": 1,
            "type": "LIMIT",
            "price": PRICE,
            "product": "INTRADAY",
        }
        self._body = json.dumps({"brokers": names, "orders": [order]}).encode()
        self._client = httpx.Client(
            base_url=self.ordo.url,
            headers=HEADERS,
            timeout=60,
            trust_env=False,
            verify=PLAIN,
        )
        self._stages = 0
        until(self._is_open, within=60)

    def close(self) -> None:
        """End the client and both processes."""
        self._client.close()
        self.ordo.kill()
        self.venues.kill()

    def capacity(self, seconds: float, connections: int = 16) -> float:
        """Requests a second where each waits for the one before it."""
        load = Load(self._target, self._body, f"capacity-{self._stages}")
        took = trio.run(load.run, connections, seconds)
        return len(load.samples) / took

    def stage(self, name: str, rate: float, seconds: float) -> Stage:
        """Offer *rate* requests a second for so many *seconds*, and compare."""
        self._stages += 1
        before = self._status()["loop"]
        load = OpenLoad(self._target, self._body, f"stage-{self._stages}")
        rss: list[float] = []
        took = trio.run(self._offer, load, rate, seconds, rss)
        loop = self._status()["loop"]
        taken = [each for each in load.said if each.status in (200, 202)]
        shed = [each for each in load.said if each.status == 503]
        return Stage(
            name=name,
            offered=rate,
            answers=statuses(load.said),
            per_second=len(taken) / took,
            inside=_p50_p99([each.inside for each in taken]),
            took=_p50_p99([each.took for each in taken]),
            shed_took=_p50_p99([each.took for each in shed]),
            shed=len(shed),
            shed_without_retry_after=sum(not each.retry_after for each in shed),
            late=load.late,
            lost=self._lost(load.said),
            rss=rss,
            blocked=loop["blocked"] - before["blocked"],
            max_lag=loop["max_lag_ms"],
        )

    async def _offer(
        self, load: OpenLoad, rate: float, seconds: float, rss: list[float]
    ) -> float:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch, self.ordo.pid, rss)
            took = await load.run(rate, seconds)
            nursery.cancel_scope.cancel()
        return took

    def _lost(self, said: Sequence[Said]) -> list[str]:
        """Every order that Ordo took must be at its venue once, and none else."""
        ours: dict[str, dict[str, Any]] = {}

        def is_settled() -> bool:
            nonlocal ours
            ours = ordo_orders(self.ordo.url)
            return all(row["status"] in SETTLED for row in ours.values())

        found = []
        try:
            until(is_settled, within=SETTLE_WITHIN)
        except AssertionError:
            left = Counter(row["status"] for row in ours.values())
            found.append(f"not settled after {SETTLE_WITHIN:.0f} s: {dict(left)}")
        tags: Counter[str] = Counter()
        for url in self.venues.urls:
            tags.update(row["tag"] for row in venue_book(url))
        found += [f"{tag}: {count} times" for tag, count in tags.items() if count > 1]
        found += [f"{tag}: nobody asked for it" for tag in tags if tag not in ours]
        for tag, row in ours.items():
            if (row["status"] in AT_VENUE) != bool(tags[tag]):
                found.append(f"{tag}: {row['status']}, {tags[tag]} times at the venue")
        found += [
            f"{order_id}: answered as {status}, and gone"
            for each in said
            for order_id, status in each.legs
            if order_id not in ours and status != "denied"
        ]
        return found

    def _status(self) -> dict[str, Any]:
        data: dict[str, Any] = self._client.get("/api/v1/status").json()["data"]
        return data

    def _is_open(self) -> bool:
        """Brokers recovered, masters built: what a start does is not measured."""
        status = self._status()
        masters = self._client.get("/api/v1/instruments/sync").json()["data"]["masters"]
        return all(not each["recovering"] for each in status["brokers"]) and all(
            row["rows"] and row["stage"] == "idle" for row in masters
        )


async def _watch(pid: int, rss: list[float]) -> None:
    while True:
        rss.append(_rss(pid))
        await trio.sleep(0.5)


def _rss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no VmRSS of {pid}")


def _p50_p99(values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return math.nan, math.nan
    ranked = sorted(values)
    return ranked[len(ranked) // 2], ranked[
        min(len(ranked) - 1, len(ranked) * 99 // 100)
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
