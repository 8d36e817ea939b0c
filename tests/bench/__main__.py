"""`python -m tests.bench`: a table of throughput, latency and memory, and the bars.

A real server process against a venue process on loopback, with the load in a third.
In the same run the same order goes to the venue by plain httpx, without Ordo.
"""

from __future__ import annotations

import argparse
import json
import ssl
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import trio

from tests.bench import instruments
from tests.bench.load import Load, Sample, Target
from tests.support.processes import (
    TOKEN,
    VENUE_TOKEN,
    FyersVenue,
    Ordo,
    ended,
    fyers_table,
    write_config,
)
from tests.support.waiting import until

BROKERS = ("one", "two", "three")
ORDER = {
    "symbol": "NSE:SBIN",
    "side": "BUY",
    "quantity": 1,
    "type": "LIMIT",
    "price": 850,
    "product": "INTRADAY",
}


class Cell(NamedTuple):
    """One measurement; times are milliseconds, `rss` megabytes."""

    name: str
    connections: int
    per_second: float
    took: tuple[float, float, float]
    inside: tuple[float, float, float]
    rss: float
    failed: int


class Bar(NamedTuple):
    """A figure to hold."""

    name: str
    value: float
    most: float | None = None
    least: float | None = None

    @property
    def held(self) -> bool:
        return (self.most is None or self.value <= self.most) and (
            self.least is None or self.value >= self.least
        )


def percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    """p50, p95, p99."""
    ranked = sorted(values) or [0.0]
    p50, p95, p99 = (
        ranked[min(len(ranked) - 1, int(len(ranked) * share))]
        for share in (0.5, 0.95, 0.99)
    )
    return p50, p95, p99


def rss(pid: int) -> float:
    """A process's resident memory, in megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no VmRSS of {pid}")


def measure(
    name: str, target: Target, body: bytes, connections: int, seconds: float, pid: int
) -> Cell:
    """One cell of the table."""
    load = Load(target, body, f"{time.time_ns()}")
    took = trio.run(load.run, connections, seconds)
    return _cell(name, connections, load.samples, took, rss(pid))


def _cell(
    name: str, connections: int, samples: list[Sample], took: float, memory: float
) -> Cell:
    return Cell(
        name=name,
        connections=connections,
        per_second=len(samples) / took,
        took=percentiles([sample.took for sample in samples]),
        inside=percentiles([sample.inside for sample in samples]),
        rss=memory,
        failed=sum(not sample.good for sample in samples),
    )


async def _httpx(venue_url: str, seconds: float) -> list[Sample]:
    """The same order by plain httpx straight to the venue, one connection."""
    body = {
        "symbol": "NSE:SBIN-EQ",
        "qty": 1,
        "type": 1,
        "side": 1,
        "productType": "INTRADAY",
        "limitPrice": 850,
        "stopPrice": 0,
        "disclosedQty": 0,
        "validity": "DAY",
        "offlineOrder": False,
    }
    headers = {"Authorization": VENUE_TOKEN}
    samples: list[Sample] = []
    until = time.perf_counter() + seconds
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        while time.perf_counter() < until:
            begun = time.perf_counter()
            answer = await client.post(f"{venue_url}/api/v3/orders/sync", json=body)
            took = (time.perf_counter() - begun) * 1000
            good = answer.json()["s"] == "ok"
            samples.append(Sample(took, 0.0, answer.status_code, good))
    return samples


def bench(directory: Path, seconds: float) -> tuple[list[Cell], list[Bar]]:
    """All cells, and the bars they are held to."""
    cells: list[Cell] = []
    starts: list[float] = []
    for tls in ("off", "auto"):
        place = directory / tls
        place.mkdir()
        venue = FyersVenue(place / "venue.log")
        with ended(venue):
            tables = {name: fyers_table(venue.url) for name in BROKERS}
            ordo = Ordo(write_config(place, tables, tls=tls, port=0))
            starts.append(ordo.started)
            with ended(ordo):
                cells += _cells(ordo, place, tls, seconds)
                ordo.stop()
            if tls == "auto":
                begun = time.perf_counter()
                plain = trio.run(_httpx, venue.url, seconds)
                took = time.perf_counter() - begun
                cells.append(_cell("plain httpx, no Ordo", 1, plain, took, 0.0))
    return cells, _bars(cells, starts)


def _cells(ordo: Ordo, place: Path, tls: str, seconds: float) -> list[Cell]:
    context = None
    if tls == "auto":
        context = ssl.create_default_context(cafile=str(place / "var/tls/ca.pem"))
    at = urlsplit(ordo.url)
    target = Target(
        host=at.hostname or "127.0.0.1",
        port=at.port or 0,
        path="/api/v1/orders",
        headers={"Authorization": f"Bearer {TOKEN}"},
        tls=context,
    )
    rows = []
    _masters_are_in(ordo, context)
    trio.run(_warm_up, target)
    for legs in (1, 3):
        body = json.dumps({"brokers": BROKERS[:legs], "orders": [ORDER]}).encode()
        for connections in (1, 16):
            name = f"{'HTTPS' if context else 'HTTP'}, {legs} leg{'s' * (legs > 1)}"
            rows.append(measure(name, target, body, connections, seconds, ordo.pid))
    return rows


def _masters_are_in(ordo: Ordo, tls: ssl.SSLContext | None) -> None:
    """A start fetches and builds the masters, on the cores that are measured."""
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(
        base_url=ordo.url, headers=bearer, trust_env=False, verify=tls or True
    ) as client:

        def are_in() -> bool:
            answer = client.get("/api/v1/instruments/sync").json()
            masters = answer["data"]["masters"]
            return all(row["rows"] and row["stage"] == "idle" for row in masters)

        until(are_in, within=60)


async def _warm_up(target: Target) -> None:
    """After a start the rate windows of the last second count as full."""
    body = json.dumps({"brokers": BROKERS, "orders": [ORDER]}).encode()
    load = Load(target, body, f"warm-{time.time_ns()}")
    await load.run(1, 1.5)


def _bars(cells: list[Cell], starts: list[float]) -> list[Bar]:
    one = next(cell for cell in cells if cell[:2] == ("HTTP, 1 leg", 1))
    many = next(cell for cell in cells if cell[:2] == ("HTTP, 1 leg", 16))
    return [
        Bar("inside Ordo, 1 connection, p50 ms", one.inside[0], most=3.0),
        Bar("inside Ordo, 1 connection, p99 ms", one.inside[2], most=15.0),
        Bar("orders/s, 16 connections", many.per_second, least=400.0),
        Bar("RSS MB", max(cell.rss for cell in cells), most=100.0),
        Bar("ready after start, s", max(starts), most=1.5),
    ]


def _instruments(directory: Path) -> list[instruments.Figure]:
    order = {"brokers": ["one"], "orders": [ORDER]}
    return instruments.bench(directory, json.dumps(order).encode())


def _verdict(figure: instruments.Figure) -> str:
    if figure.most is None:
        return ""
    held = "held" if figure.value <= figure.most else "MISSED"
    return f"{f'<= {figure.most:g}':<8} {held}"


def main() -> int:
    """Print the table; the exit status tells whether every request succeeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each row")
    parser.add_argument(
        "--instruments",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="measure searches, syncs and their memory too; takes a minute",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ordo-bench-") as directory:
        cells, bars = bench(Path(directory), options.seconds)
        shown = _instruments(Path(directory)) if options.instruments else []
    print(
        f"{'':<22}{'conns':>6}{'orders/s':>10}"
        f"{'p50':>8}{'p95':>8}{'p99':>8}   inside{'p50':>7}{'p95':>7}{'p99':>7}"
        f"{'RSS MB':>8}{'failed':>8}"
    )
    for cell in cells:
        print(
            f"{cell.name:<22}{cell.connections:>6}{cell.per_second:>10.0f}"
            + "".join(f"{value:>8.2f}" for value in cell.took)
            + " " * 9
            + "".join(f"{value:>7.2f}" for value in cell.inside)
            + f"{cell.rss:>8.0f}{cell.failed:>8}"
        )
    print()
    for bar in bars:
        wanted = f"<= {bar.most:g}" if bar.most is not None else f">= {bar.least:g}"
        held = "held" if bar.held else "MISSED"
        print(f"{bar.name:<36}{bar.value:>9.2f}  {wanted:<8} {held}")
    for figure in shown:
        print(f"{figure.name:<36}{figure.value:>9.2f}  {_verdict(figure)}")
    return 1 if any(cell.failed for cell in cells) else 0


if __name__ == "__main__":
    sys.exit(main())
