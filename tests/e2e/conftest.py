"""Fixtures: a venue and an Ordo in processes of their own, ended with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.plain import PLAIN
from tests.support.processes import (
    TOKEN,
    FyersVenue,
    Ordo,
    ended,
    fyers_table,
    write_config,
)


class Gateway:
    """An Ordo with one Fyers broker named `venue`, and a client to each of the two."""

    def __init__(self, stack: ExitStack, directory: Path, **table: Any) -> None:
        self.directory = directory
        self.venue = FyersVenue(directory / "venue.log")
        stack.enter_context(ended(self.venue))
        brokers = {
            "venue": fyers_table(self.venue.url, **table),
            "paper": {"adapter": "paper", "prices": {"NSE:SBIN": 800}, "volatility": 0},
        }
        self.config = write_config(directory, brokers)
        self._stack = stack
        self.start()
        self.control = stack.enter_context(
            httpx.Client(
                base_url=self.venue.url, timeout=30, trust_env=False, verify=PLAIN
            )
        )

    def start(self, **environ: str) -> None:
        """Start Ordo (again, where the former one has ended)."""
        self.ordo = Ordo(self.config, **environ)
        self._stack.enter_context(ended(self.ordo))
        self.client = self._stack.enter_context(
            httpx.Client(
                base_url=self.ordo.url,
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=30,
                trust_env=False,
                verify=PLAIN,
            )
        )

    def order(
        self, key: str, *, brokers: tuple[str, ...] = ("venue",), **changes: Any
    ) -> httpx.Response:
        """Ten SBIN at a price that rests, to *brokers*."""
        order = {
            "symbol": "NSE:SBIN",
            "side": "BUY",
            "quantity": 10,
            "type": "LIMIT",
            "price": 800,
            "product": "INTRADAY",
        } | changes
        return self.client.post(
            "/api/v1/orders",
            json={"brokers": brokers, "orders": [order]},
            headers={"Idempotency-Key": key},
        )

    def fault(self, **fault: Any) -> None:
        """Have the venue go wrong."""
        self.control.post("/_venue/faults", json=fault).raise_for_status()

    def tags(self) -> list[str]:
        """Our tags in the venue's book, in order of arrival."""
        orders = self.control.get("/_venue/book").json()["orders"]
        return [order["tag"].removeprefix("1:") for order in orders]

    def status_of(self, order_id: str) -> str:
        """How Ordo says the order stands."""
        answer = self.client.get(f"/api/v1/orders/{order_id}")
        return str(answer.json()["data"]["status"])


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with ExitStack() as stack:
        yield Gateway(stack, tmp_path)


@pytest.fixture
def make_gateway(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    with ExitStack() as stack:
        yield lambda **table: Gateway(stack, tmp_path, **table)
