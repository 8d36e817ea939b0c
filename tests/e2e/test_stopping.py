"""SIGTERM under load: nothing accepted stays unanswered or unexplained."""

import json
import signal
import threading
import time

import httpx

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
                    "price": 700,
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


def test_a_queued_order_ends_as_not_sent(make_gateway):
    gateway = make_gateway(limits={"per_second": 1}, registered_limits=False)
    first = threading.Thread(target=gateway.order, args=("key-1",))
    answers: list[dict] = []
    second = threading.Thread(
        target=lambda: answers.append(gateway.order("key-2").json())
    )
    first.start()
    second.start()

    def queued() -> bool:
        rows = gateway.client.get("/api/v1/status").json()["data"]["brokers"]
        return any(row["queue_depth"] for row in rows)

    until(queued)
    assert gateway.ordo.stop() == 0
    first.join(10)
    second.join(10)
    assert json.dumps(answers).count('"not_sent"') <= 1
    gateway.start()
    rows = _all_orders(gateway.client)
    assert set(rows.values()) <= {"acked", "denied"}
    assert sorted(i for i in rows if rows[i] == "acked") == sorted(gateway.tags())
