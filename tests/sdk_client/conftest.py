"""A real Ordo over TLS, with two paper brokers whose prices stand still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.processes import TOKEN, Ordo, ended, write_config

BROKERS = ("one", "two")


class Running(NamedTuple):
    """Where it is, and how to get in."""

    url: str
    token: str
    ca: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def at(self, port: int) -> str:
        """Its address behind a proxy."""
        return f"{self.url.rpartition(':')[0]}:{port}"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("sdk")
    paper = {"adapter": "paper", "prices": {"NSE:SBIN": 800}, "volatility": 0}
    config = write_config(directory, dict.fromkeys(BROKERS, paper), tls="auto")
    ordo = Ordo(config)
    with ended(ordo):
        yield Running(ordo.url, TOKEN, directory / "var" / "tls" / "ca.pem")
