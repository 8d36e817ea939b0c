"""Kafka, against the mock cluster of its client library: real sockets, no broker."""

from __future__ import annotations

import json
import uuid

import confluent_kafka
import pytest
import trio

from adapters import ConfigError, PublishFailed
from adapters.publishers.kafka import Kafka
from tests.adapters.test_webhook import an_event

MOCK = {"test.mock.num.brokers": 3}


def servers_of(kafka):
    """Where the mock cluster listens."""
    brokers = kafka._producer.list_topics(timeout=10).brokers.values()
    return ",".join(f"{broker.host}:{broker.port}" for broker in brokers)


def read(servers, topic, count):
    """The first messages of a topic, by a client of its own."""
    group = uuid.uuid4().hex
    settings = {"bootstrap.servers": servers, "group.id": group}
    consumer = confluent_kafka.Consumer({**settings, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    rows = []
    while len(rows) < count:
        message = consumer.poll(10)
        assert message is not None
        if message.error() is None:
            rows.append(message)
    consumer.close()
    return rows


async def test_every_event_arrives_once_with_its_order_as_key():
    kafka = Kafka("", "orders", settings=MOCK)
    events = [an_event(number) for number in range(1, 501)]
    await kafka.publish(events)
    await kafka.publish([an_event(501)])
    rows = await trio.to_thread.run_sync(read, servers_of(kafka), "orders", 501)
    await kafka.aclose()
    assert [json.loads(row.value())["id"] for row in rows] == list(range(1, 502))
    assert {row.key() for row in rows} == {b"O"}
    assert len({row.partition() for row in rows}) == 1
    assert dict(rows[0].headers()) == {"id": b"1", "type": b"order.filled"}


async def test_an_event_of_no_order_has_its_broker_as_key():
    import msgspec

    kafka = Kafka("", "orders", settings=MOCK)
    await kafka.publish([msgspec.structs.replace(an_event(1), order_id=None)])
    rows = await trio.to_thread.run_sync(read, servers_of(kafka), "orders", 1)
    await kafka.aclose()
    assert rows[0].key() == b"one"


async def test_nobody_there_is_a_failure_and_leaves_nothing_behind():
    quick = {"delivery.timeout.ms": 500, "socket.timeout.ms": 400, "linger.ms": 0}
    kafka = Kafka("127.0.0.1:1", "orders", settings=quick)
    with pytest.raises(PublishFailed, match="orders: _"):
        await kafka.publish([an_event(1)])
    await kafka.aclose()
    assert kafka._producer.flush(1.0) == 0


async def test_one_who_cannot_wait_leaves_nothing_behind():
    kafka = Kafka("127.0.0.1:1", "orders")
    with trio.move_on_after(0.3) as patience:
        await kafka.publish([an_event(1)])
    assert patience.cancelled_caught
    with trio.fail_after(5):
        await kafka.aclose()
    assert kafka._producer.flush(1.0) == 0


def test_a_setting_that_kafka_does_not_know_is_refused():
    with pytest.raises(ConfigError, match=r"events\.kafka: No such configuration"):
        Kafka("x:1", "orders", settings={"no.such.thing": 1})
