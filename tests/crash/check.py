"""The verdict: what the venue has, what Ordo says, what the clients were told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.crash.clients import HEADERS, Ledger, note

AT_THE_VENUE = {"acked", "partially_filled", "filled", "cancelled", "rejected"}
SETTLING = {"unknown", "placed"}


@dataclass
class Verdict:
    """Counts, and every breach in words."""

    venue_orders: int
    acknowledged: int
    replayed: int
    settling: int
    breaches: list[str]


def venue_book(venue_url: str) -> list[dict[str, Any]]:
    """Every order the venue has, hidden ones included."""
    answer = httpx.get(f"{venue_url}/_venue/book", timeout=30, trust_env=False)
    orders: list[dict[str, Any]] = answer.json()["orders"]
    return orders


def tags_of(orders: Iterable[dict[str, Any]]) -> Counter[str]:
    """How often each of our tags stands in the venue's book."""
    return Counter(order["tag"].removeprefix("1:") for order in orders)


def compare(ordo_url: str, venue_url: str, ledger: Ledger) -> Verdict:
    """Hold Ordo against the venue and against what the clients were told."""
    tags = tags_of(venue_book(venue_url))
    breaches = list(ledger.contradictions)
    breaches += [f"{tag}: {count} times" for tag, count in tags.items() if count > 1]
    replayed = settling = 0
    with httpx.Client(base_url=ordo_url, headers=HEADERS, timeout=30) as client:
        for tag in tags:
            row = client.get(f"/api/v1/orders/{tag}")
            if row.status_code != 200:
                breaches.append(f"{tag}: at the venue, and unknown to Ordo")
            elif row.json()["data"]["status"] not in AT_THE_VENUE:
                status = row.json()["data"]["status"]
                breaches.append(f"{tag}: at the venue, and {status} for Ordo")
        for said in ledger.acknowledged.values():
            answer = client.post(
                "/api/v1/orders", json=said.body, headers={"Idempotency-Key": said.key}
            )
            body = answer.json()
            if not body["data"].get("replayed"):
                breaches.append(f"{said.key}: not replayed: {body['error_code']}")
                continue
            replayed += 1
            note(ledger, said.key, said.body, body)
            status = body["results"][0]["status"]
            settling += status in SETTLING
            if status in AT_THE_VENUE and said.order_id not in tags:
                breaches.append(f"{said.order_id}: {status}, and not at the venue")
    breaches += ledger.contradictions
    return Verdict(
        venue_orders=sum(tags.values()),
        acknowledged=len(ledger.acknowledged),
        replayed=replayed,
        settling=settling,
        breaches=sorted(set(breaches)),
    )


def settled(ordo_url: str, venue_url: str) -> bool:
    """Whether Ordo knows of every order at the venue what became of it."""
    tags = tags_of(venue_book(venue_url))
    with httpx.Client(base_url=ordo_url, headers=HEADERS, timeout=30) as client:
        for status in SETTLING:
            rows = client.get(f"/api/v1/orders?status={status}&limit=1000").json()
            if any(row["order_id"] in tags for row in rows["data"]["orders"]):
                return False
    return True
