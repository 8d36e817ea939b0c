"""Instruments: how quick a search is, what a sync costs the orders, what memory holds.

A search of 250,000 rows, its file dropped from the system's memory each time; a sync of
100,000 rows beside a connection that sends orders as fast as it can; and three masters
of 110,000 rows in one process, every index's memory of answers full.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import httpx
import trio

from adapters.instruments import InstrumentKind, Query, search
from adapters.instruments.writing import write
from tests.bench.load import Load, Sample, Target
from tests.support.masters import generated, write_master
from tests.support.processes import (
    TOKEN,
    FyersVenue,
    Process,
    ended,
    fyers_table,
    write_config,
)

ROWS_SEARCHED, ROWS_SYNCED, ROWS_HELD = 250_000, 100_000, 110_000
QUIET = 5.0
"""Seconds of orders before the sync, to compare with."""
LONGEST_SYNC = 60.0
"""Seconds that one sync is waited for; the section takes a minute altogether."""
QUERIES = (
    Query(text="n"),
    Query(text="nifty"),
    Query(text="limited"),
    Query(text="nifty 20800 ce"),
    Query(text="NIFTY24NOV2620000CE"),
    Query(text="nifty limited"),
    Query(text="nifty", exchange="BSE"),
    Query(kind=InstrumentKind.PE, expiry=date(2026, 12, 29)),
)


class Figure(NamedTuple):
    """One measurement, and what it must not exceed; None: it is only shown."""

    name: str
    value: float
    most: float | None


class Server(Process):
    """A real Ordo with made-up masters beside a venue's broker `one`."""

    def __init__(self, directory: Path, venue_url: str, masters: list[Path]) -> None:
        tables: dict[str, Mapping[str, object]] = {"one": fyers_table(venue_url)}
        for number in range(1, 1 + len(masters)):
            tables[f"acct-{number}"] = {"adapter": f"made-up-{number}"}
        config = write_config(directory, tables, port=0)
        environ = {f"MASTER_{n}": str(file) for n, file in enumerate(masters, 1)}
        super().__init__(
            sys.executable,
            "-m",
            "tests.support.mastered_ordo",
            "serve",
            "--config",
            str(config),
            environ={"ORDO_AUTH__TOKEN": TOKEN, **environ},
            log=directory / "ordo.log",
        )
        self.url = self.line().split()[-1]

    def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """One call, which must succeed."""
        answer = httpx.request(
            method,
            f"{self.url}{path}",
            json=body,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=LONGEST_SYNC + 10,
            trust_env=False,
        )
        found: dict[str, object] = answer.json()
        if found["status"] != "success":
            raise RuntimeError(f"{method} {path}: {answer.text[:500]}")
        return found

    def sync(self, *brokers: str) -> float:
        """Seconds that a sync of these brokers' masters takes."""
        body = {"brokers": brokers, "wait_seconds": LONGEST_SYNC, "force": True}
        begun = time.perf_counter()
        self.call("POST", "/api/v1/instruments/sync", body)
        return time.perf_counter() - begun

    def settled(self) -> None:
        """Wait until the syncs that a start makes by itself are over."""
        end = time.monotonic() + LONGEST_SYNC
        while time.monotonic() < end:
            data = self.call("GET", "/api/v1/instruments/sync")["data"]
            assert isinstance(data, dict)
            if all(row["rows"] and row["stage"] == "idle" for row in data["masters"]):
                return
            time.sleep(0.2)
        raise RuntimeError("the masters were not synced in time")


def bench(directory: Path, order: bytes) -> list[Figure]:
    """All figures. *order* is the body of an order to the broker `one`."""
    figures = [*_searches(directory)]
    for section in (_sync_beside_orders, _memory):
        place = directory / section.__name__
        place.mkdir()
        figures += section(place, order)
    return figures


def _searches(directory: Path) -> Iterator[Figure]:
    path = directory / "large.sqlite"
    built = write(
        path,
        generated(ROWS_SEARCHED),
        adapter="large",
        synced_at=datetime.now(UTC),
    )
    took = sorted(_cold(path, query) for _ in range(10) for query in QUERIES)
    yield Figure("build of 250,000 rows, s", built.seconds, None)
    yield Figure("search of 250,000 rows, p50 ms", took[len(took) // 2], None)
    yield Figure("search of 250,000 rows, p95 ms", took[len(took) * 95 // 100], 20.0)


def _cold(path: Path, query: Query) -> float:
    """Milliseconds for a search whose file the system has just forgotten."""
    handle = os.open(path, os.O_RDONLY)
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(handle)
    begun = time.perf_counter()
    search({"large": path}, query)
    return (time.perf_counter() - begun) * 1000


def _sync_beside_orders(directory: Path, order: bytes) -> Iterator[Figure]:
    master = write_master(directory / "m.csv", generated(ROWS_SYNCED))
    with _serving(directory, [master]) as server:
        server.settled()
        seconds: list[float] = []
        thread = threading.Thread(target=lambda: seconds.append(server.sync("acct-1")))
        _flow(server, order, 1.5)  # the first second's rate windows count as full
        quiet = _flow(server, order, QUIET)
        thread.start()
        samples: list[Sample] = []
        begun = time.perf_counter()
        while thread.is_alive():
            samples += _flow(server, order, 0.25)
        took = time.perf_counter() - begun
        thread.join()
    failed = sum(not sample.good for sample in (*quiet, *samples))
    if failed:  # a refusal is quick: its times would flatter
        raise RuntimeError(f"{failed} of {len(quiet) + len(samples)} orders failed")
    yield Figure("sync of 100,000 rows, s", seconds[0], 10.0)
    for name, rows, most in (("before", quiet, None), ("meanwhile", samples, 30.0)):
        p50, p99 = _p50_p99(rows)
        length = QUIET if rows is quiet else took
        yield Figure(f"orders a second {name}", len(rows) / length, None)
        yield Figure(f"inside Ordo {name}, p50 ms", p50, None)
        yield Figure(f"inside Ordo {name}, p99 ms", p99, most)


def _flow(server: Server, order: bytes, seconds: float) -> list[Sample]:
    """Orders one after the other, each with a key of its own: none is a replay."""
    load = Load(_target(server), order, f"sync-{time.time_ns()}")
    trio.run(load.run, 1, seconds)
    return load.samples


def _p50_p99(samples: list[Sample]) -> tuple[float, float]:
    """Milliseconds inside Ordo."""
    ranked = sorted(sample.inside for sample in samples)
    return ranked[len(ranked) // 2], ranked[len(ranked) * 99 // 100]


def _memory(directory: Path, order: bytes) -> Iterator[Figure]:
    masters = [
        write_master(directory / f"{seed}.csv", generated(ROWS_HELD, seed))
        for seed in (1, 2, 3)
    ]
    with _serving(directory, masters) as server:
        server.settled()
        server.call("GET", "/api/v1/holdings?brokers=acct-1,acct-2,acct-3")
        for text in ("nifty", "2", "ce", "limited"):
            server.call("GET", f"/api/v1/instruments?query={text}&limit=1000")
        yield Figure("RSS with three masters, MB", _rss(server.pid), 150.0)


@contextmanager
def _serving(directory: Path, masters: list[Path]) -> Iterator[Server]:
    venue = FyersVenue(directory / "venue.log")
    with ended(venue):
        server = Server(directory, venue.url, masters)
        with ended(server):
            yield server
            server.stop()


def _target(server: Server) -> Target:
    host, _, port = server.url.removeprefix("http://").partition(":")
    return Target(
        host=host,
        port=int(port),
        path="/api/v1/orders",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )


def _rss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no VmRSS of {pid}")
