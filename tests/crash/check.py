"""The verdict: what the venue has, what Ordo says, what the clients were told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import trio

from tests.crash.clients import HEADERS, Acknowledged, Halt, Ledger, note
from tests.support.plain import PLAIN

AGREED = {1: "cancelled", 2: "filled", 5: "rejected", 6: "acked"}
"""A venue's status, and what it is for Ordo; 6 with a part filled has its own."""
NEVER_ARRIVED = {"denied", "not_placed", "rejected", "cancelled"}
"""What an order may be that the venue has not got; the last two without its number."""
SETTLING = {"unknown", "placed"}
REPLAYERS = 8


@dataclass
class Verdict:
    """Counts, and every breach in words."""

    venue_orders: int
    acknowledged: int
    replayed: int
    settling: int
    halts: int
    breaches: list[str]


def venue_book(venue_url: str) -> list[dict[str, Any]]:
    """Every order the venue has, hidden ones included."""
    answer = httpx.get(
        f"{venue_url}/_venue/book", timeout=30, trust_env=False, verify=PLAIN
    )
    orders: list[dict[str, Any]] = answer.json()["orders"]
    return orders


def ordo_orders(ordo_url: str) -> dict[str, dict[str, Any]]:
    """Every order Ordo has, by the tag that the broker was given."""
    rows: dict[str, dict[str, Any]] = {}
    cursor = ""
    with httpx.Client(
        base_url=ordo_url, headers=HEADERS, timeout=30, trust_env=False, verify=PLAIN
    ) as client:
        while True:
            page = client.get(f"/api/v1/orders?limit=1000{cursor}").json()["data"]
            rows |= {row["client_tag"]: row for row in page["orders"]}
            following = page["next_cursor"]
            if following is None:
                return rows
            cursor = f"&cursor={following}"


def compared(
    ours: dict[str, dict[str, Any]], theirs: Iterable[dict[str, Any]]
) -> list[str]:
    """Where Ordo's orders and a venue's differ; each difference in words."""
    found = []
    tags = Counter(order["tag"] for order in theirs)
    found += [f"{tag}: sent {count} times" for tag, count in tags.items() if count > 1]
    for order in theirs:
        row = ours.get(order["tag"])
        if row is None:
            found.append(f"{order['tag']}: at the venue, and unknown to Ordo")
            continue
        wanted = AGREED[order["status"]]
        if wanted == "acked" and order["filled"]:
            wanted = "partially_filled"
        here = (row["status"], float(row["filled_quantity"]))
        if here != (wanted, float(order["filled"])):
            there = f"{wanted} with {order['filled']} filled"
            found.append(f"{order['tag']}: {there} at the venue, {here} for Ordo")
    for tag, row in ours.items():
        status = row["status"]
        if tag in tags or status in SETTLING:
            continue
        if status not in NEVER_ARRIVED or row["broker_order_id"]:
            found.append(f"{tag}: {status}, and not at the venue")
    return found


def late_sends(venue_url: str, halts: Iterable[Halt]) -> list[str]:
    """Orders that came to the venue while the kill-switch was known to be engaged."""
    answer = httpx.get(
        f"{venue_url}/_venue/requests", timeout=30, trust_env=False, verify=PLAIN
    )
    at = [each["at"] for each in answer.json()["requests"] if each["name"] == "place"]
    found = []
    for halt in halts:
        late = sum(halt.since < moment < halt.until for moment in at)
        if late > halt.on_the_wire:
            found.append(
                f"{late} orders arrived after a halt was answered that told of "
                f"{halt.on_the_wire} on the wire"
            )
    return found


def settled(ordo_url: str, venue_url: str, *, wholly: bool) -> bool:
    """Whether Ordo and the venue agree; *wholly*: and nothing is unknown any more.

    They do not while an order is placed and not answered: it may leave any moment.
    """
    ours = ordo_orders(ordo_url)
    if any(row["status"] == "placed" for row in ours.values()):
        return False
    if wholly and any(row["status"] in SETTLING for row in ours.values()):
        return False
    return not compared(ours, venue_book(venue_url))


def judge(ordo_url: str, venue_url: str, ledger: Ledger) -> Verdict:
    """Hold Ordo against the venue and against what the clients were told."""
    theirs, ours = venue_book(venue_url), ordo_orders(ordo_url)
    breaches = compared(ours, theirs) + late_sends(venue_url, ledger.halts)
    ids = {row["order_id"] for row in ours.values()}
    acknowledged = list(ledger.acknowledged.values())
    breaches += [
        f"{said.key}: {order_id} was acknowledged, and is gone"
        for said in acknowledged
        for order_id in said.order_ids
        if order_id not in ids
    ]
    replayed = trio.run(_replay, ordo_url, ledger, acknowledged)
    after = Counter(order["tag"] for order in venue_book(venue_url))
    if more := list((after - Counter(order["tag"] for order in theirs)).elements()):
        stood = [f"{tag} ({ours.get(tag, {}).get('status', 'new')})" for tag in more]
        breaches.append(f"came to the venue during the replays: {', '.join(stood)}")
    return Verdict(
        venue_orders=len(theirs),
        acknowledged=len(acknowledged),
        replayed=replayed,
        settling=sum(row["status"] in SETTLING for row in ours.values()),
        halts=len(ledger.halts),
        breaches=sorted({*breaches, *ledger.contradictions}),
    )


async def _replay(url: str, ledger: Ledger, wanted: list[Acknowledged]) -> int:
    """Every key once more: it must be answered as a replay, with the same ids."""
    left, replayed = list(wanted), 0

    async def ask() -> None:
        nonlocal replayed
        async with httpx.AsyncClient(
            base_url=url, headers=HEADERS, timeout=30, trust_env=False, verify=PLAIN
        ) as client:
            while left:
                said = left.pop()
                answer = await client.post(
                    "/api/v1/orders",
                    json=said.body,
                    headers={"Idempotency-Key": said.key},
                )
                body = answer.json()
                if body["data"] and body["data"].get("replayed"):
                    replayed += 1
                    note(ledger, said.key, said.body, body)
                else:
                    words = f"{said.key}: not replayed: {body['error_code']}"
                    ledger.contradictions.append(words)

    async with trio.open_nursery() as nursery:
        for _ in range(REPLAYERS):
            nursery.start_soon(ask)
    return replayed
