"""A container's life: it trades, is stopped, killed, started again, and knows all."""

from __future__ import annotations

import shutil
import signal
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.image.engines import Engine
from tests.support.processes import TOKEN, free_port

READY_WITHIN = 30.0
REST_SECONDS = 5.0
"""Until memory is told: what a start needs is given back by then."""
LOAD, CLIENTS = 300, 8
SETTINGS = f"""\
[auth]
token = "{TOKEN}"

[log]
level = "WARNING"

[brokers.paper]
adapter = "paper"
prices = {{ "NSE:SBIN" = 800 }}
volatility = 0
balance = 1000000000
limits = {{ per_second = 1000 }}
registered_limits = true
"""
ORDER = {
    "brokers": ["paper"],
    "orders": [
        {
            "symbol": "NSE:SBIN",
            "side": "BUY",
            "quantity": 10,
            "type": "LIMIT",
            "price": 790,
            "product": "CNC",
        }
    ],
}
"""Below the market: it rests, so that a restart finds it open."""


class Check(NamedTuple):
    """Something that has to hold, and what was seen."""

    what: str
    held: bool
    seen: str


class Life:
    """One data directory and the containers started on it, one after the other."""

    def __init__(self, engine: Engine, tag: str, directory: Path) -> None:
        self._engine = engine
        self._tag = tag
        self._data = directory / f"ordo-image-{directory.name[-8:]}"
        self._port = free_port()
        self._data.mkdir(mode=0o700)
        (self._data / "ordo.toml").write_text(SETTINGS)
        with suppress(PermissionError):  # then it runs as whoever owns it
            for path in (self._data, self._data / "ordo.toml"):
                shutil.chown(path, 10001, 10001)

    def checks(self) -> Iterator[Check]:
        """Everything in order; each is told as soon as it is known."""
        code = self._engine.health(self._tag, self._data, self._port)
        yield Check("ordo health before a start", code == 1, f"exit {code}")
        with self._up(signal.SIGTERM) as ended:
            yield from self._first_run()
        code = ended[0]
        yield Check("SIGTERM ends it in order", code == 0, f"exit {code}")
        with self._up(signal.SIGKILL):
            yield from self._again("after a restart")
        with self._up(signal.SIGTERM):
            yield from self._again("after kill -9")

    def _first_run(self) -> Iterator[Check]:
        code = self._engine.health(self._tag, self._data, self._port)
        yield Check("ordo health while it runs", code == 0, f"exit {code}")
        time.sleep(REST_SECONDS)
        process = self._engine.process(self._data)
        yield _not_root(process)
        yield _below("memory at rest", process["VmRSS"], 100)
        with self._client() as client:
            answer = _send(client, "smoke", ORDER)
            (leg,) = answer.json()["results"]
            self._order_id = leg["order_id"]
            yield Check("a smoke order", leg["status"] == "acked", leg["status"])
            yield _load(client)
        process = self._engine.process(self._data)
        yield _below("memory at most, under load", process["VmHWM"], 300)

    def _again(self, when: str) -> Iterator[Check]:
        with self._client() as client:
            order = client.get(f"/api/v1/orders/{self._order_id}").json()["data"]
            told = f"{order['order_id']} {order['status']}"
            wanted = f"{self._order_id} acked"
            yield Check(f"the order is there {when}", told == wanted, told)
            answer = _send(client, "smoke", ORDER)
            (leg,) = answer.json()["results"]
            replayed = answer.headers.get("Idempotent-Replayed") == "true"
            same = replayed and leg["order_id"] == self._order_id
            yield Check(f"its key replays {when}", same, leg["order_id"])
            book = client.get("/api/v1/orderbook").json()["data"]["orders"]
            ours = [row for row in book if row["status"] == "open"]
            yield Check(
                f"the broker has it once {when}", len(ours) == 1, str(len(ours))
            )

    @contextmanager
    def _up(self, number: signal.Signals) -> Iterator[list[int]]:
        """A container that answers, until it is ended by *number*; then its status."""
        ended: list[int] = []
        self._engine.start(self._tag, self._data, self._port)
        try:
            self._wait()
            yield ended
        except BaseException:
            with suppress(OSError, ValueError, RuntimeError):
                self._engine.end(self._data, signal.SIGKILL)
            raise
        ended.append(self._engine.end(self._data, number))

    def _wait(self) -> None:
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until:
            with suppress(OSError, httpx.TransportError), self._client() as client:
                if client.get("/health").status_code == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError(
            f"wanted an answer in {READY_WITHIN:g} s, found none; the container said:"
            f" {self._engine.said(self._data)}"
        )

    def _client(self) -> httpx.Client:
        ca = self._data / "tls" / "ca.pem"
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self._port}",
            verify=ssl.create_default_context(cafile=ca),
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=20,
            trust_env=False,
        )


def _send(client: httpx.Client, key: str, body: Any) -> httpx.Response:
    return client.post("/api/v1/orders", json=body, headers={"Idempotency-Key": key})


def _load(client: httpx.Client) -> Check:
    """Orders that trade at once, several at a time."""
    order = ORDER["orders"][0] | {"price": 810}  # type: ignore[index, operator]
    body = ORDER | {"orders": [order]}

    def one(number: int) -> str:
        answer = _send(client, f"load-{number}", body).json()
        return str(answer["results"][0]["status"])

    begun = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        found = list(pool.map(one, range(LOAD)))
    took = time.perf_counter() - begun
    good = sum(status in ("acked", "filled") for status in found)
    seen = f"{good} of {LOAD} taken, {LOAD / took:.0f} a second"
    return Check(f"{CLIENTS} clients at once", good == LOAD, seen)


def _not_root(process: dict[str, str]) -> Check:
    users = process["Uid"].split()
    powers = int(process["CapEff"], 16)
    return Check(
        "it is nobody and may do nothing",
        "0" not in users and powers == 0,
        f"uid {users[0]}, capabilities {powers:x}",
    )


def _below(what: str, found: str, limit: int) -> Check:
    """*found* is as /proc tells it, in kB of 1024 bytes; *limit* MB of 10**6."""
    used = int(found.split()[0]) * 1024 / 1e6
    return Check(f"{what} <= {limit} MB", used <= limit, f"{used:.0f} MB")
