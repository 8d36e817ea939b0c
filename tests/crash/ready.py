"""How long a start takes over a long book: ten thousand orders open at the venue."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from random import SystemRandom
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import msgspec
import trio

from actors.clockwork import Ids, utc_now
from adapters import (
    Accept,
    AuditEntry,
    Batch,
    KeyScope,
    Order,
    OrderEvent,
    OrderRecord,
    OrderStatus,
    OrderType,
    SaveOrder,
    Side,
    Write,
)
from ordo.config import load
from ordo.data import opened
from tests.bench.load import Connection, Target
from tests.crash.check import venue_book
from tests.crash.clients import HEADERS
from tests.support.plain import PLAIN
from tests.support.processes import (
    TOKEN,
    VENUE_TOKEN,
    FyersVenue,
    Ordo,
    ended,
    fyers_table,
    write_config,
)

LEGS, CONNECTIONS = 50, 8
IN_DOUBT = 50
"""So many of the orders were on their way when Ordo died: the book must tell."""
STARTS = 3
PRICE = 800
"""Rupees; SBIN is at 812 there, so that a buy rests."""


class Ready(NamedTuple):
    """Seconds from the start of the process, the slowest of some, each after kill -9.

    `first_order`: until an order is acknowledged by the broker.
    """

    orders: int
    ready: float
    first_order: float


def measure(directory: Path, orders: int = 10_000) -> Ready:
    """Make the data and the book, then start over them again and again.

    Raises:
        RuntimeError: Ordo or the venue did not start.
    """
    directory.mkdir(parents=True)
    venue = FyersVenue(directory / "venue.log", "--funds", "1e12")
    with ended(venue):
        config = write_config(directory, {"venue": fyers_table(venue.url)}, port=0)
        ids = Ids(utc_now, SystemRandom())
        tags = [ids.new() for _ in range(orders)]
        trio.run(_fill, venue.url, tags)
        numbers = {row["tag"]: row["id"] for row in venue_book(venue.url)}
        settings = load(config, {"ORDO_AUTH__TOKEN": TOKEN})
        with opened(settings) as store:
            for tags_of_batch in _some(tags, LEGS):
                store.commit(_batch(ids.new(), tags_of_batch, numbers, tags[-IN_DOUBT]))
        times = [_start(config, number) for number in range(STARTS)]
    return Ready(orders, max(t[0] for t in times), max(t[1] for t in times))


def _start(config: Path, number: int) -> tuple[float, float]:
    begun = time.perf_counter()
    ordo = Ordo(config)
    with (
        ended(ordo),
        httpx.Client(
            base_url=ordo.url,
            headers=HEADERS,
            timeout=30,
            trust_env=False,
            verify=PLAIN,
        ) as client,
    ):
        tries = 0
        while True:
            tries += 1
            answer = client.post(
                "/api/v1/orders",
                json={"brokers": ["venue"], "orders": [ORDER]},
                headers={"Idempotency-Key": f"first-{number}-{tries}"},
            ).json()
            if answer["status"] == "success":
                return ordo.started, time.perf_counter() - begun
            trio.run(trio.sleep, 0.02)


ORDER = {
    "symbol": "NSE:SBIN",
    "side": "BUY",
    "quantity": 1,
    "type": "LIMIT",
    "price": PRICE,
    "product": "INTRADAY",
}


async def _fill(venue_url: str, tags: list[str]) -> None:
    """Place an order of each tag at the venue."""
    at = urlsplit(venue_url)
    target = Target(
        host=at.hostname or "",
        port=at.port or 0,
        path="/api/v3/orders/sync",
        headers={"Authorization": VENUE_TOKEN},
    )
    left = list(reversed(tags))

    async def place() -> None:
        async with Connection(target) as connection:
            while left:
                await connection.post(_wire(left.pop()), None)

    async with trio.open_nursery() as nursery:
        for _ in range(CONNECTIONS):
            nursery.start_soon(place)


def _wire(tag: str) -> bytes:
    body = {
        "symbol": "NSE:SBIN-EQ",
        "qty": 1,
        "type": 1,
        "side": 1,
        "productType": "INTRADAY",
        "limitPrice": PRICE,
        "stopPrice": 0,
        "disclosedQty": 0,
        "validity": "DAY",
        "offlineOrder": False,
        "orderTag": tag,
    }
    return json.dumps(body).encode()


def _some(tags: list[str], number: int) -> Iterator[list[str]]:
    rest = iter(tags)
    while some := list(islice(rest, number)):
        yield some


def _batch(
    batch_id: str, tags: list[str], numbers: dict[str, str], first_in_doubt: str
) -> list[Write]:
    """What Ordo stores of a batch that a broker acknowledged, the last ones not."""
    now = datetime.now(UTC)
    batch = Batch(
        batch_id=batch_id,
        principal="admin",
        idempotency_key=batch_id,
        portfolio_id=None,
        created_at=now,
        deadline_ms=5000,
    )
    sent = [_record(batch_id, index, tag, now) for index, tag in enumerate(tags)]
    accept = Accept(
        scope=KeyScope(principal="admin", route="POST /api/v1/orders", key=batch_id),
        fingerprint=batch_id,
        batch=batch,
        orders=tuple(sent),
        audit=tuple(_entry("order.accepted", order) for order in sent),
    )
    acks = [
        _acked(order, numbers[order.order_id], now)
        for order in sent
        if order.order_id < first_in_doubt
    ]
    return [accept, *acks]


def _record(batch_id: str, index: int, tag: str, now: datetime) -> OrderRecord:
    order = Order(
        symbol="NSE:SBIN",
        side=Side.BUY,
        quantity=Decimal(1),
        type=OrderType.LIMIT,
        price=Decimal(PRICE),
    )
    return OrderRecord(
        order_id=tag,
        batch_id=batch_id,
        order_index=index,
        broker="venue",
        client_tag=tag,
        order=order,
        status=OrderStatus.PLACED,
        created_at=now,
        updated_at=now,
        sending_at=now,
    )


def _acked(order: OrderRecord, number: str, now: datetime) -> SaveOrder:
    acked = msgspec.structs.replace(
        order, status=OrderStatus.ACKED, broker_order_id=number
    )
    event = OrderEvent(
        order_id=order.order_id, at=now, status=OrderStatus.ACKED, cause="a test"
    )
    entry = _entry("order.acked", order)
    return SaveOrder(order=acked, events=(event,), audit=(entry,))


def _entry(action: str, order: OrderRecord) -> AuditEntry:
    return AuditEntry(actor="a test", action=action, order_id=order.order_id)
