"""The same day at real processes, as readers of the stream and of Kafka see it."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from decimal import Decimal
from typing import NamedTuple

import httpx
import pytest
import trio

from tests.day import check
from tests.day.live import (
    BROKERS,
    LiveDay,
    MockKafka,
    Reader,
    venues,
)
from tests.day.plan import make
from tests.sdk_client.cutting import CuttingProxy
from tests.support.plain import PLAIN
from tests.support.processes import TOKEN, Ordo, ended, write_config
from tests.support.three import three_tables

PRICES = {"NSE:SBIN": Decimal("812.90"), "NSE:ITC": Decimal("404.20")}
SEED, LEGS = 132, 40


class There(NamedTuple):
    """Where everything is."""

    kafka: MockKafka
    urls: dict[str, str]
    ordo: str


HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def there(tmp_path):
    """Three servers, a Kafka, and an Ordo over them."""
    kafka = MockKafka()
    with ExitStack() as stack:
        servers = venues(tmp_path)
        stack.enter_context(ended(*servers.values()))
        urls = {name: venue.url for name, venue in servers.items()}
        extra = f'[events.kafka]\nbootstrap_servers = "{kafka.servers}"\n'
        ordo = Ordo(write_config(tmp_path, three_tables(urls), extra=extra))
        stack.enter_context(ended(ordo))
        yield There(kafka, urls, ordo.url)


async def test_every_change_is_told_once_and_in_order_by_stream_and_kafka(there):
    reader = Reader()
    client = httpx.AsyncClient(
        base_url=there.ordo, headers=HEADERS, timeout=30, trust_env=False, verify=PLAIN
    )
    with CuttingProxy(httpx.URL(there.ordo).port, cuts=0) as proxy:
        async with client, trio.open_nursery() as tasks:
            tasks.start_soon(reader.run, f"http://127.0.0.1:{proxy.port}")
            day = LiveDay(make(SEED, BROKERS, PRICES, LEGS), client, there.urls)
            await day.ready()
            await day.trade(cut=proxy.cut)
            await day.end()
            rows = [await day.order(row["order_id"]) for row in await day.orders()]
            books = {name: await day.book(name) for name in BROKERS}
            stored = {row["order_id"]: _statuses(row) for row in rows}
            with trio.move_on_after(10):  # what is missing then is told below
                await reader.until(lambda told: not check.stories(rows, told, stored))
            tasks.cancel_scope.cancel()
    assert _differing(rows, books) == []
    _was_eventful(rows)
    assert proxy.connections == 2
    told = reader.told
    assert check.stories(rows, told, stored) == []
    assert check.in_order(told) == []
    ids = {each.id for each in told}
    by_kafka = await trio.to_thread.run_sync(there.kafka.read, ids)
    assert check.stories(rows, by_kafka, stored) == []
    assert _of_orders(by_kafka) == _of_orders(told)


def _of_orders(told):
    mine = (each for each in told if each.order_id is not None)
    return sorted(mine, key=lambda each: each.id)


def _statuses(row):
    return [each["status"] for each in row["events"]]


def _differing(rows, books):
    """Orders whose server has filled another quantity, or has them open still."""
    tags = {(row["broker"], row["client_tag"]) for row in rows}
    wrong = [
        (name, tag) for name in books for tag in books[name] if (name, tag) not in tags
    ]
    for row in rows:
        there = books[row["broker"]].get(row["client_tag"])
        filled, left = (there.filled, there.left) if there else (0, 0)
        if (row["filled_quantity"], 0) != (filled, left):
            wrong.append((row, there))
    return wrong


def _was_eventful(rows):
    """The day had what it was to have; else the rest would prove nothing."""
    assert len(rows) == LEGS
    assert {row["broker"] for row in rows} == {*BROKERS}
    ends = Counter(row["status"] for row in rows)
    assert min(ends["filled"] - 15, ends["cancelled"] - 5, ends["rejected"] - 1) >= 0
    assert ends["denied"] == 1  # a buy whose sell was not filled in time
    passed = Counter(status for row in rows for status in _statuses(row))
    # An answer is lost at each server; a broker's own word may come before the doubt.
    assert passed["unknown"] >= 1
    assert passed["partially_filled"] >= 5
    assert {row["type"] for row in rows} == {"MARKET", "LIMIT", "SL", "SL-M"}
