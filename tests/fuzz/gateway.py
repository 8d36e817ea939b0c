"""The gateway under test: a real `ordo serve`, and what must hold when it is over."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fuzz.wire import Answer, Place, ask, head
from tests.support.processes import (
    TOKEN,
    FyersVenue,
    Ordo,
    ended,
    fyers_table,
    run_ordo,
    write_config,
)

SECRET = "planted-secret-5f3a"
MOST_MEMORY = 250_000_000
"""Bytes resident. An idle Ordo takes about 80 MB."""
SOON = 1.0
"""Seconds that an ordinary order may take, whatever others do meanwhile."""

PAPER = {
    "adapter": "paper",
    "prices": {"NSE:SBIN": 800, "NSE:INFY": 800},
    "volatility": 0,
    "limits": {"per_second": 100_000},
    "registered_limits": True,
}
DOOR = {
    "secret": SECRET,
    "redirect_uri": "https://127.0.0.1:8443/api/v1/sessions/door/callback",
}
"""Of a broker that is logged in to, and out of."""
ORDER = {
    "symbol": "NSE:SBIN",
    "side": "BUY",
    "quantity": 1,
    "type": "LIMIT",
    "price": 800,
    "product": "INTRADAY",
}


class Gateway:
    """An Ordo that runs.

    Attributes:
        place: where it listens.
        tokens: a good token for each scope.
    """

    def __init__(self, directory: Path, ordo: Ordo, tokens: dict[str, str]) -> None:
        self._directory, self.ordo = directory, ordo
        ca = directory / "var" / "tls" / "ca.pem"
        self.place = Place.of(ordo.url, ca if ordo.url.startswith("https") else None)
        self.tokens = {"admin": TOKEN, **tokens}
        self._orders = 0

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        """A decent call, on a connection of its own."""
        raw = b"" if body is None else json.dumps(body).encode()
        headers = [
            (b"Host", b"ordo"),
            (b"Authorization", f"Bearer {TOKEN}".encode()),
            (b"Content-Length", b"%d" % len(raw)),
        ]
        with self.place.open() as sock:
            lines = head(method.encode(), path.encode(), headers)
            return ask(sock, lines + raw)

    def json(self, method: str, path: str, body: Any = None) -> Any:
        """Its answer, which must be good."""
        answer = self.call(method, path, body)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def order(self) -> list[str]:
        """What is wrong with an ordinary order just now; nothing, as it should be."""
        began = time.monotonic()
        answer = self.call(
            "POST", "/api/v1/orders", {"brokers": ["one"], "orders": [ORDER]}
        )
        took = time.monotonic() - began
        legs = [leg["status"] for leg in json.loads(answer.body)["results"]]
        wrong = [] if took < SOON else [f"an order took {took:.2f} s"]
        if (answer.status, legs) != (200, ["acked"]):
            wrong.append(f"an order came to {answer.status} {answer.body[:300]!r}")
        return wrong

    def memory(self) -> int:
        """Bytes resident."""
        status = Path(f"/proc/{self.ordo.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def sockets(self) -> int:
        """How many it has open. Files are no matter here: the store opens another one
        for itself when it is read in two places at once."""
        return sum(
            _leads_to(link).startswith("socket:")
            for link in Path(f"/proc/{self.ordo.pid}/fd").iterdir()
        )

    def well(self) -> list[str]:
        """What is wrong with it after something was done to it."""
        wrong = self.order()
        if self.memory() > MOST_MEMORY:
            wrong.append(f"{self.memory() / 1e6:.0f} MB resident")
        return wrong + [f"in the log: {line[:300]}" for line in self.errors()]

    def errors(self) -> list[str]:
        """What it logged that calls for somebody."""
        lines = (self._directory / "ordo.log").read_text(errors="replace").splitlines()
        return [line for line in lines if not _is_harmless(line)]

    def verified(self) -> list[str]:
        """What is wrong with its audit log."""
        config = self._directory / "ordo.toml"
        done = run_ordo("audit", "verify", "--config", str(config))
        return [] if done.returncode == 0 else [f"audit: {done.stderr.strip()}"]


def _is_harmless(line: str) -> bool:
    try:
        return json.loads(line)["level"] in ("DEBUG", "INFO", "WARNING")
    except (ValueError, KeyError, TypeError):
        return False  # a traceback that no logger caught


@contextmanager
def gateway(directory: Path, tls: str = "off", **environ: str) -> Iterator[Gateway]:
    """Start one, with data of its own in *directory*."""
    venue = FyersVenue(directory / "venue.log")
    with ended(venue):
        door = fyers_table(venue.url, **DOOR)
        brokers = {"one": PAPER, "two": PAPER, "door": door}
        config = write_config(directory, brokers, tls=tls)
        tokens = {scope: _token(config, scope) for scope in ("trade", "read")}
        ordo = Ordo(config, **environ)
        with ended(ordo):
            at = Gateway(directory, ordo, tokens)
            at.order()  # the second after a start counts as full of orders
            yield at


def _token(config: Path, scope: str) -> str:
    done = run_ordo("token", "new", "--scope", scope, "--config", str(config))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _leads_to(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""
