"""A real Ordo with two paper brokers whose prices stand still, with TLS and without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from ordo_client import Ordo
from tests.support import processes


class Running(NamedTuple):
    """Where it is, and how to get in."""

    url: str
    token: str
    ca: Path | None

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self, port: int | None = None, **options: float) -> Ordo:
        """A client of it, behind a proxy where a *port* is given."""
        url = self.url if port is None else f"{self.url.rpartition(':')[0]}:{port}"
        return Ordo(url, self.token, self.ca, **options)


@contextmanager
def started(directory: Path, tls: str) -> Iterator[Running]:
    paper = {"adapter": "paper", "prices": {"NSE:SBIN": 800}, "volatility": 0}
    brokers = {"one": paper, "two": paper}
    ordo = processes.Ordo(processes.write_config(directory, brokers, tls=tls))
    with processes.ended(ordo):
        ca = directory / "var" / "tls" / "ca.pem" if tls == "auto" else None
        yield Running(ordo.url, processes.TOKEN, ca)


@pytest.fixture(scope="package")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Without TLS, so that a proxy sees where an answer begins."""
    with started(tmp_path_factory.mktemp("plain"), "off") as running:
        yield running


@pytest.fixture(scope="package")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a CA of its own, as it comes."""
    with started(tmp_path_factory.mktemp("secure"), "auto") as running:
        yield running
