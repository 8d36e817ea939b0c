"""Another program locks the database for a while: nothing is lost, nothing doubled."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.crash.check import compared, ordo_orders, venue_book
from tests.crash.clients import HEADERS
from tests.support.plain import PLAIN
from tests.support.processes import (
    FyersVenue,
    Ordo,
    ended,
    fyers_table,
    write_config,
)
from tests.support.waiting import until

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""
EVERY = 0.4
"""Seconds between two orders while it lasts."""
IN_FLIGHT = 1.0
"""Seconds the venue takes over the order that is on its way when the lock comes."""


class Locked(NamedTuple):
    """`answers` counts what was said meanwhile, `slowest` in seconds; `back_after` is
    from the end of the lock to the first order accepted."""

    answers: Counter[str]
    slowest: float
    back_after: float
    breaches: list[str]


@contextmanager
def held(database: Path) -> Iterator[None]:
    """A foreign process has the write lock."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        try:
            yield
        finally:
            holder.stdin.close()


def lock(directory: Path, seconds: float) -> Locked:
    """Order before, while and after a lock of so many *seconds*, and compare."""
    directory.mkdir(parents=True)
    venue = FyersVenue(directory / "venue.log")
    with ended(venue):
        config = write_config(directory, {"venue": fyers_table(venue.url)}, port=0)
        ordo = Ordo(config)
        with (
            ended(ordo),
            httpx.Client(
                base_url=ordo.url,
                headers=HEADERS,
                timeout=30,
                trust_env=False,
                verify=PLAIN,
            ) as client,
        ):
            return _Trial(venue, ordo, client).run(directory, seconds)


class _Trial:
    """One lock, from before to after."""

    def __init__(self, venue: FyersVenue, ordo: Ordo, client: httpx.Client) -> None:
        self._venue = venue
        self._ordo = ordo
        self._client = client
        self._answers: Counter[str] = Counter()
        self._slowest = 0.0
        self._keys: list[str] = []
        self._askers: list[threading.Thread] = []

    def run(self, directory: Path, seconds: float) -> Locked:
        until(lambda: self._order("before").status_code == 200)
        flying = threading.Thread(target=self._order, args=("flying",))
        self._askers.append(flying)
        fault = {"on": "place", "kind": "delay_after_accept", "seconds": IN_FLIGHT}
        httpx.post(
            f"{self._venue.url}/_venue/faults",
            json=fault,
            trust_env=False,
            verify=PLAIN,
        )
        flying.start()
        until(lambda: len(venue_book(self._venue.url)) == 2)
        with held(directory / "var" / "ordo.db"):
            self._while_it_lasts(time.monotonic() + seconds)
        freed = time.monotonic()
        until(lambda: self._order("after").status_code == 200, within=20)
        back_after = time.monotonic() - freed
        for asker in self._askers:
            asker.join(30)
        return Locked(
            self._answers, self._slowest, back_after, self._breaches(self._keys)
        )

    def _while_it_lasts(self, end: float) -> None:
        """Orders that nobody waits for in turn, and reads between."""
        while time.monotonic() < end:
            key = f"during-{len(self._keys)}"
            asker = threading.Thread(target=self._noted, args=(key,))
            self._askers.append(asker)
            asker.start()
            assert self._client.get("/api/v1/orders").status_code == 200
            threading.Event().wait(EVERY)

    def _noted(self, key: str) -> None:
        self._keys.append(key)
        begun = time.monotonic()
        answer = self._order(key)
        self._slowest = max(self._slowest, time.monotonic() - begun)
        self._answers[f"{answer.status_code}"] += 1

    def _order(self, key: str) -> httpx.Response:
        order = {
            "symbol": "NSE:SBIN",
            "side": "BUY",
            "quantity": 1,
            "type": "LIMIT",
            "price": 800,
            "product": "INTRADAY",
        }
        return self._client.post(
            "/api/v1/orders",
            json={"brokers": ["venue"], "orders": [order]},
            headers={"Idempotency-Key": key},
        )

    def _breaches(self, keys: list[str]) -> list[str]:
        """Every key again: one order each, at the venue once."""
        ids = set()
        for key in ["before", "flying", "after", *keys]:
            answer: dict[str, Any] = self._order(key).json()
            if answer["error_code"] is not None:
                return [f"{key}: {answer['error_code']} after the lock"]
            ids.add(answer["results"][0]["order_id"])
        wanted = len(keys) + 3
        until(lambda: not self._differences(), within=30)
        found = [] if len(ids) == wanted else [f"{len(ids)} orders of {wanted} keys"]
        there = len(venue_book(self._venue.url))
        if there != wanted:
            found.append(f"{there} of {wanted} at the venue")
        return found

    def _differences(self) -> list[str]:
        return compared(ordo_orders(self._ordo.url), venue_book(self._venue.url))
