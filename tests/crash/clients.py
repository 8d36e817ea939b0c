"""Clients that never give up: one key an order, until it is known."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import Any

import httpx
import trio

from tests.support.processes import TOKEN

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
ASK_AGAIN = 0.05
"""Seconds before a request that got no answer is made again with the same key."""


@dataclass
class Acknowledged:
    """What Ordo said of one key, the first time it answered with a batch."""

    key: str
    body: dict[str, Any]
    batch_id: str
    order_id: str
    status: str


@dataclass
class Ledger:
    """Everything the clients were told."""

    acknowledged: dict[str, Acknowledged] = field(default_factory=dict)
    asked: int = 0
    unanswered: int = 0
    refused: int = 0
    contradictions: list[str] = field(default_factory=list)


LAST_PRICES = (("NSE:SBIN", 812), ("NSE:INFY", 1498), ("NSE:RELIANCE", 1462))
"""Of the venue, in rupees; a price far from them is refused before it is sent."""


def body_of(rng: random.Random) -> dict[str, Any]:
    """A limit order, at a price inside the day's band that may or may not trade."""
    symbol, last = rng.choice(LAST_PRICES)
    order = {
        "symbol": symbol,
        "side": rng.choice(["BUY", "SELL"]),
        "quantity": rng.randint(1, 50),
        "type": "LIMIT",
        "price": last * rng.randint(95, 105) // 100,
        "product": "INTRADAY",
    }
    return {"brokers": ["venue"], "orders": [order]}


async def keep_ordering(
    url: str, name: str, seed: str, ledger: Ledger, stopping: trio.Event
) -> None:
    """Order after order, each repeated under its key until Ordo has answered."""
    rng = random.Random(f"{seed}/{name}")
    async with httpx.AsyncClient(base_url=url, headers=HEADERS, timeout=10) as client:
        for number in itertools.count():
            if stopping.is_set():
                return
            await _until_known(
                client, f"{name}-{number}", body_of(rng), ledger, stopping
            )


async def _until_known(
    client: httpx.AsyncClient,
    key: str,
    body: dict[str, Any],
    ledger: Ledger,
    stopping: trio.Event,
) -> None:
    gave_up_at = trio.current_time() + 60
    while trio.current_time() < gave_up_at and not stopping.is_set():
        ledger.asked += 1
        try:
            answer = await client.post(
                "/api/v1/orders", json=body, headers={"Idempotency-Key": key}
            )
        except httpx.HTTPError:
            ledger.unanswered += 1
        else:
            if note(ledger, key, body, answer.json()):
                return
            ledger.refused += 1
        await trio.sleep(ASK_AGAIN)
    if not stopping.is_set():
        ledger.contradictions.append(f"{key}: no answer in 60 s")


def note(
    ledger: Ledger, key: str, body: dict[str, Any], answer: dict[str, Any]
) -> bool:
    """Keep what was said; whether it was said of a batch."""
    data = answer["data"]
    if answer["error_code"] is not None or not data.get("batch_id"):
        return False
    leg = answer["results"][0]
    said = Acknowledged(
        key=key,
        body=body,
        batch_id=data["batch_id"],
        order_id=leg["order_id"],
        status=leg["status"],
    )
    before = ledger.acknowledged.setdefault(key, said)
    if (before.batch_id, before.order_id) != (said.batch_id, said.order_id):
        ledger.contradictions.append(f"{key}: two batches")
    return True
