"""Clients that never give up: one key an order, until it is known."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
import trio

from tests.support.plain import PLAIN
from tests.support.processes import TOKEN

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
ASK_AGAIN = 0.05
"""Seconds before a request that got no answer is made again with the same key."""
CANCEL_TRIES = 3


@dataclass
class Acknowledged:
    """What Ordo said of one key, the first time it answered with a batch."""

    key: str
    body: dict[str, Any]
    batch_id: str
    order_ids: tuple[str, ...]


class Halt(NamedTuple):
    """When the kill-switch was known to be engaged, and how many had left before it."""

    since: float
    until: float
    on_the_wire: int


@dataclass
class Ledger:
    """Everything the clients were told. Times are wall clock, epoch seconds."""

    acknowledged: dict[str, Acknowledged] = field(default_factory=dict)
    halts: list[Halt] = field(default_factory=list)
    asked: int = 0
    unanswered: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    cancels: int = 0
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


class Clients:
    """Some clients, who rest while Ordo is known to be down.

    Args:
        url: Ordo's.
        seed: of what they order.
        number: of clients.
        ledger: gets what they are told.
    """

    def __init__(self, url: str, seed: str, number: int, ledger: Ledger) -> None:
        self._url = url
        self._seed = seed
        self._number = number
        self._ledger = ledger
        self._on = trio.Event()
        self._cancels = 0.0

    def turn_on(self, *, cancels: float) -> None:
        """Ordo is up; *cancels*: the share of open orders to cancel."""
        self._cancels = cancels
        self._on.set()

    def turn_off(self) -> None:
        """Ordo is down, or is being killed just now."""
        if self._on.is_set():  # else somebody waits for this one
            self._on = trio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            for number in range(self._number):
                nursery.start_soon(self._keep_ordering, f"client-{number}")

    async def _keep_ordering(self, name: str) -> None:
        rng = random.Random(f"{self._seed}/{name}")
        async with httpx.AsyncClient(
            base_url=self._url,
            headers=HEADERS,
            timeout=10,
            trust_env=False,
            verify=PLAIN,
        ) as client:
            for number in itertools.count():
                key, body = f"{name}-{number}", body_of(rng)
                leg = await self._until_known(client, key, body)
                if leg["status"] == "acked" and rng.random() < self._cancels:
                    await self._cancel(client, leg["order_id"])

    async def _until_known(
        self, client: httpx.AsyncClient, key: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        while True:
            await self._on.wait()
            self._ledger.asked += 1
            try:
                answer = await client.post(
                    "/api/v1/orders", json=body, headers={"Idempotency-Key": key}
                )
            except httpx.HTTPError:
                self._ledger.unanswered += 1
            else:
                said = answer.json()
                if note(self._ledger, key, body, said):
                    leg: dict[str, Any] = said["results"][0]
                    return leg
                self._ledger.refused[_why(said)] += 1
            await trio.sleep(ASK_AGAIN)

    async def _cancel(self, client: httpx.AsyncClient, order_id: str) -> None:
        for _ in range(CANCEL_TRIES):
            await self._on.wait()
            self._ledger.cancels += 1
            try:
                await client.delete(f"/api/v1/orders/{order_id}")
            except httpx.HTTPError:
                await trio.sleep(ASK_AGAIN)
            else:
                return


def _why(said: dict[str, Any]) -> str:
    legs = said["results"] or [said]
    return str(legs[0]["error_code"])


def note(
    ledger: Ledger, key: str, body: dict[str, Any], answer: dict[str, Any]
) -> bool:
    """Keep what was said; whether it was said of a batch."""
    data = answer["data"]
    if answer["error_code"] is not None or not data.get("batch_id"):
        return False
    said = Acknowledged(
        key=key,
        body=body,
        batch_id=data["batch_id"],
        order_ids=tuple(leg["order_id"] for leg in answer["results"]),
    )
    before = ledger.acknowledged.setdefault(key, said)
    if (before.batch_id, before.order_ids) != (said.batch_id, said.order_ids):
        ledger.contradictions.append(f"{key}: two batches")
    return True
