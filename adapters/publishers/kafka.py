"""Events to Kafka: acknowledged by all replicas, in order for each order.

The client library runs threads of its own; calls into it run in one of ours.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import trio

from adapters.errors import ConfigError
from adapters.events import Event
from adapters.publishing import PublishFailed, encoded

DELIVERY = 20.0
"""Seconds for all of a batch to be acknowledged."""
POLL = 0.05
SETTINGS: Mapping[str, Any] = {
    "acks": "all",
    "enable.idempotence": True,  # no retry of the library's own doubles or reorders
    "linger.ms": 5,
    "delivery.timeout.ms": int(DELIVERY * 1000),
    "client.id": "ordo",
}


class Kafka:
    """One topic. The key is the order's id, so that one partition has all of an order.

    Args:
        servers: `HOST:PORT,…`.
        topic: where to.
        settings: further settings of librdkafka, as its documentation names them.

    Raises:
        ConfigError: the client library is not installed, or refuses a setting.
    """

    name = "kafka"

    def __init__(
        self,
        servers: str,
        topic: str,
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self._topic = topic
        self._producer = _producer(servers, settings or {})

    async def publish(self, events: Sequence[Event]) -> None:
        """Have all *events* taken by all replicas.

        Raises:
            PublishFailed: some were not; what is still queued is thrown away, so that
                the next try comes after it and not beside it.
        """
        stop = threading.Event()
        try:
            await trio.to_thread.run_sync(
                self._publish, events, stop, abandon_on_cancel=True
            )
        finally:
            stop.set()

    async def aclose(self) -> None:
        """Throw away what is queued: its place was not stored, so it comes again."""
        self._producer.purge()
        await trio.to_thread.run_sync(self._producer.flush, 1.0)

    def _publish(self, events: Sequence[Event], stop: threading.Event) -> None:
        failures: list[str] = []
        taken = 0

        def delivered(error: Any, message: Any) -> None:
            nonlocal taken
            taken += error is None
            if error is not None:
                failures.append(error.name())

        deadline = time.monotonic() + DELIVERY
        for event in events:
            self._produce(event, delivered)
        while taken + len(failures) < len(events) and not failures:
            if stop.is_set() or time.monotonic() > deadline:
                failures.append("no acknowledgement in time")
                break
            self._producer.poll(POLL)
        if failures:
            self._producer.purge()
            self._producer.poll(0)
            raise PublishFailed(f"{self._topic}: {failures[0]}")

    def _produce(self, event: Event, delivered: Any) -> None:
        key = event.order_id or event.broker or "ordo"
        headers = [("id", b"%d" % event.id), ("type", event.type.encode())]
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    value=encoded(event),
                    key=key,
                    headers=headers,
                    on_delivery=delivered,
                )
            except BufferError:  # its queue is full: let some of it go
                self._producer.poll(POLL)
            else:
                return


def _producer(servers: str, settings: Mapping[str, Any]) -> Any:
    try:
        import confluent_kafka
    except ImportError:
        words = "events.kafka wants the package confluent-kafka: ordo-gateway[kafka]"
        raise ConfigError(words) from None
    wanted = {**SETTINGS, "bootstrap.servers": servers, **settings}
    try:
        return confluent_kafka.Producer(wanted, logger=_quiet())
    except confluent_kafka.KafkaException as error:
        raise ConfigError(f"events.kafka: {error.args[0].str()}") from None


def _quiet() -> Any:
    """Its own words go to our log, and only at DEBUG: failures are told by us."""
    import logging

    log = logging.getLogger("ordo.kafka")
    log.setLevel(max(log.level, logging.ERROR))
    return log
