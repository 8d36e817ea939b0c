"""What is counted and timed, for Prometheus.

Counters are made where things happen; what merely *is* (queues, breakers, sessions) is
read when somebody asks. No symbol, key or order id is ever a label.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from adapters import Accept, SaveOrder, Write

INSIDE = (
    0.001,
    0.002,
    0.003,
    0.005,
    0.01,
    0.015,
    0.03,
    0.06,
    0.12,
    0.25,
    0.5,
    1.0,
    5.0,
)
AT_BROKERS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
COMMITS = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.05, 0.1, 0.5, 2.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Meters:
    """The counters and histograms of one gateway; seconds throughout."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "ordo_http_requests",
            "Answers of the API.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._inside = Histogram(
            "ordo_http_inside_seconds",
            "Time in Ordo, without the wait for brokers.",
            ("route",),
            buckets=INSIDE,
            registry=self.registry,
        )
        self._orders = Counter(
            "ordo_order_events",
            "Changes of orders' statuses, by what they became.",
            ("broker", "status"),
            registry=self.registry,
        )
        self._brokers = Histogram(
            "ordo_broker_order_seconds",
            "From sending an order to the broker's answer.",
            ("broker",),
            buckets=AT_BROKERS,
            registry=self.registry,
        )
        self._commits = Histogram(
            "ordo_commit_seconds",
            "Time of a commit.",
            buckets=COMMITS,
            registry=self.registry,
        )
        self._sizes = Histogram(
            "ordo_commit_requests",
            "Requests that shared a commit.",
            buckets=SIZES,
            registry=self.registry,
        )

    def request(self, method: str, route: str, status: int, inside: float) -> None:
        """A call was answered, *inside* seconds of it ours."""
        self._requests.labels(method, route, status).inc()
        self._inside.labels(route).observe(inside)

    def commit(self, writes: Sequence[Write], requests: int, seconds: float) -> None:
        """A commit was made."""
        self._commits.observe(seconds)
        self._sizes.observe(requests)
        for write in writes:
            if isinstance(write, SaveOrder):
                if write.events:
                    self._order(write)
            elif isinstance(write, Accept):
                for order in write.orders:
                    self._orders.labels(order.broker, order.status.value).inc()

    def _order(self, write: SaveOrder) -> None:
        order = write.order
        self._orders.labels(order.broker, order.status.value).inc()
        if order.latency_ms is not None and order.status.value in ("acked", "rejected"):
            self._brokers.labels(order.broker).observe(order.latency_ms / 1000)

    def text(self, now: Collector) -> bytes:
        """The text of `/metrics`, with what *now* finds."""
        once = CollectorRegistry(auto_describe=False)
        once.register(now)
        return generate_latest(self.registry) + generate_latest(once)
