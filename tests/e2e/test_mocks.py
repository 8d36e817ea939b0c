"""A mock in a real Ordo that is killed: its book stands, and no id comes again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.plain import PLAIN
from tests.support.processes import TOKEN, Ordo, ended, write_config

BROKERS = {
    "zerodha": {"adapter": "zerodha-mock", "id_day": "2015-12-20"},
    "alpaca": {"adapter": "alpaca-mock"},
}
Start = Callable[[], tuple[Ordo, httpx.Client]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts an Ordo with both mocks, again and again on the same data."""
    config = write_config(tmp_path, BROKERS)
    with ExitStack() as stack:

        def begin() -> tuple[Ordo, httpx.Client]:
            ordo = Ordo(config)
            stack.enter_context(ended(ordo))
            client = httpx.Client(
                base_url=f"{ordo.url}/api/v1",
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=30,
                trust_env=False,
                verify=PLAIN,
            )
            return ordo, stack.enter_context(client)

        yield begin


def place(client: httpx.Client, broker: str, symbol: str) -> Any:
    """Ten at a hundred; the leg of it."""
    order = {"symbol": symbol, "side": "BUY", "quantity": 10, "type": "LIMIT"}
    body = {"brokers": [broker], "orders": [{**order, "price": 100}]}
    return client.post("/orders", json=body).json()["results"][0]


def fill(client: httpx.Client, order_id: str, quantity: int) -> Any:
    """The order after a fill at its price."""
    body = {"fills": [{"fill_price": 100, "fill_qty": quantity}]}
    answer = client.post(f"/orders/{order_id}/simulate_fill", json=body)
    return answer.json()["data"]


@pytest.mark.parametrize(
    ("broker", "symbol"), [("zerodha", "NSE:SBIN"), ("alpaca", "US:AAPL")]
)
def test_after_kill_9_an_order_is_filled_on_and_ids_go_on(
    start: Start, broker: str, symbol: str
) -> None:
    ordo, client = start()
    first = place(client, broker, symbol)
    assert fill(client, first["order_id"], 4)["status"] == "partially_filled"
    ordo.kill()
    _, client = start()
    order = fill(client, first["order_id"], 6)
    assert (order["status"], order["filled_quantity"]) == ("filled", 10)
    assert order["broker_order_id"] == first["broker_order_id"]
    second = place(client, broker, symbol)
    assert second["status"] == "acked"
    assert second["broker_order_id"] != first["broker_order_id"]
    if broker == "zerodha":
        assert second["broker_order_id"] == "151220000000002"
    [position] = client.get(f"/positions?brokers={broker}").json()["data"]["positions"]
    assert (position["quantity"], position["average_price"]) == (10, 100)
