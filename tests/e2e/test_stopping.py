"""SIGTERM under load: nothing accepted stays unanswered or unexplained."""

import signal
import threading
import time

import httpx
import pytest

from tests.support.processes import TOKEN
from tests.support.waiting import until


class Client(threading.Thread):
    """Sends order after order until it is refused or disconnected."""

    def __init__(self, url: str, name: str, answers: list[dict]) -> None:
        super().__init__(name=name)
        self._url = url
        self._answers = answers
        self.broken = 0

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        body = {
            "brokers": ["venue"],
            "orders": [
                {
                    "symbol": "NSE:SBIN",
                    "side": "BUY",
                    "quantity": 1,
                    "type": "LIMIT",
                    "price": 800,
                    "product": "INTRADAY",
                }
            ],
        }
        with httpx.Client(base_url=self._url, headers=headers, timeout=30) as client:
            for number in range(10_000):
                try:
                    answer = client.post(
                        "/api/v1/orders",
                        json=body,
                        headers={"Idempotency-Key": f"{self.name}-{number}"},
                    )
                except httpx.ConnectError:
                    return
                except httpx.TransportError:
                    self.broken += 1
                    return
                self._answers.append(answer.json())
                if answer.status_code == 503:
                    return


def test_sigterm_under_load_answers_what_it_accepted_and_ends_with_zero(gateway):
    answers: list[dict] = []
    clients = [Client(gateway.ordo.url, f"c{n}", answers) for n in range(8)]
    for client in clients:
        client.start()
    until(lambda: len(answers) > 100)
    begun = time.monotonic()
    gateway.ordo.popen.send_signal(signal.SIGTERM)
    assert gateway.ordo.popen.wait(30) == 0
    took = time.monotonic() - begun
    for client in clients:
        client.join(30)
    assert took < 25
    said = {
        leg["order_id"]: leg["status"]
        for answer in answers
        for leg in answer["results"]
        if leg["order_id"]
    }
    assert set(said.values()) == {"acked"}
    tags = gateway.tags()
    assert len(tags) == len(set(tags))

    gateway.start()
    rows = _all_orders(gateway.client)
    assert set(said) <= set(rows)
    assert set(tags) <= set(rows)
    explained = {"acked", "filled", "denied", "cancelled"}
    assert {rows[order_id] for order_id in rows} <= explained
    assert [i for i in rows if rows[i] in ("acked", "filled") and i not in tags] == []


def _all_orders(client: httpx.Client) -> dict[str, str]:
    rows: dict[str, str] = {}
    cursor = ""
    while True:
        page = client.get(f"/api/v1/orders?limit=1000{cursor}").json()["data"]
        rows |= {row["order_id"]: row["status"] for row in page["orders"]}
        if page["next_cursor"] is None:
            return rows
        cursor = f"&cursor={page['next_cursor']}"


def test_a_stop_waits_for_an_order_in_the_queue(gateway):
    answers: list[dict] = []
    client = threading.Thread(
        target=lambda: answers.append(gateway.order("key-1").json())
    )
    gateway.fault(on="place", kind="rate_limited", seconds=2)
    client.start()
    # Refused for pace, it is in Ordo's hands, and waits there for its next slot.
    until(lambda: gateway.control.get("/_venue/faults").json() == [])
    assert gateway.ordo.stop() == 0
    client.join(10)
    ((leg,),) = (answer["results"] for answer in answers)
    assert (leg["status"], leg["attempts"]) == ("acked", 2)
    assert gateway.tags() == [leg["client_tag"]]
    gateway.start()
    assert _all_orders(gateway.client) == {leg["order_id"]: "acked"}


def test_a_stop_waits_for_the_drain_time_and_not_for_the_orders_deadline(gateway):
    gateway.ordo.stop()
    gateway.start(ORDO_SERVER__DRAIN_TIMEOUT="1")
    gateway.fault(on="place", kind="rate_limited", seconds=40)
    order = {
        "symbol": "NSE:SBIN",
        "side": "BUY",
        "quantity": 1,
        "type": "LIMIT",
        "price": 800,
    }
    body = {"brokers": ["venue"], "orders": [order], "deadline_ms": 60_000}
    with pytest.raises(httpx.ReadTimeout):
        gateway.client.post("/api/v1/orders", json=body, timeout=1.0)
    begun = time.monotonic()
    assert gateway.ordo.stop() == 0
    assert time.monotonic() - begun < 12
    gateway.start()
    (row,) = gateway.client.get("/api/v1/orders").json()["data"]["orders"]
    assert (row["status"], gateway.tags()) == ("denied", [])
