"""`GET /metrics`: the counters, and how everything stands at the moment."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import trio
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from actors.mailbox import Mailbox, MailboxError
from actors.messages import BrokerReport, ReadBroker
from actors.traffic import asked
from ordo.http.answers import Text
from ordo.http.call import Call
from ordo.http.envelope import Reply
from ordo.version import __version__

if TYPE_CHECKING:
    from ordo.system import System

REPORT_SECONDS = 1.0
"""For a broker's actor to answer; one that does not is shown as silent."""
BREAKER = {"CLOSED": 0, "HALF-OPEN": 1, "OPEN": 2}
FORCED = 3
SESSION = {"active": 1}

Reports = dict[str, BrokerReport]


async def metrics(call: Call) -> Reply:
    """Prometheus text. Names keep their meaning; docs/operations/ has rules."""
    reports = await _reports(call.system)
    unknown = await call.system.records.read(lambda store: store.oldest_unknown())
    now = Now(call.system, reports, unknown)
    return Reply(data=Text(call.system.meters.text(now).decode()))


async def _reports(system: System) -> Reports:
    found: Reports = {}

    async def ask(name: str, mailbox: Mailbox) -> None:
        try:
            with trio.fail_after(REPORT_SECONDS):
                found[name] = await mailbox.ask(ReadBroker(), urgent=True)
        except (MailboxError, trio.TooSlowError):
            return  # it is missing from `ordo_broker_up`'s ones

    async with trio.open_nursery() as asks:
        for name, mailbox in system.brokers.items():
            asks.start_soon(ask, name, mailbox)
    return found


class Now(Collector):
    """How it stands.

    Args:
        system: of what.
        reports: of the brokers that answered.
        unknown: since when the oldest unknown order of each broker is so.
    """

    def __init__(
        self, system: System, reports: Reports, unknown: dict[str, datetime]
    ) -> None:
        self._system = system
        self._reports = reports
        self._unknown = unknown

    def collect(self) -> Iterable[Metric]:
        """All of it."""
        yield from self._whole()
        yield from self._brokers()
        yield from self._publishers()

    def _whole(self) -> Iterable[Metric]:
        system = self._system
        loop = system.loop.report()
        build = GaugeMetricFamily("ordo_build_info", "1.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        engaged = system.trading.engaged
        yield _gauge("ordo_kill_switch_engaged", "1: no order leaves.", engaged)
        yield _gauge("ordo_store_ok", "0: no order is accepted.", system.store.ok)
        yield _gauge(
            "ordo_loop_lag_max_seconds",
            "The longest pass of the event loop since the start.",
            loop.max_lag,
        )
        yield _counter(
            "ordo_loop_blocked", "Passes of the loop over its limit.", loop.count
        )
        depth = GaugeMetricFamily(
            "ordo_mailbox_depth", "Messages that wait.", labels=["actor"]
        )
        boxes = (system.writer, system.router, system.killswitch, system.masters)
        for box in (*boxes, *system.brokers.values()):
            depth.add_metric([box.name], box.depth + box.urgent_depth)
        yield depth
        yield _gauge("ordo_event_readers", "Open event streams.", system.feed.readers)
        ahead = None if system.clock is None else system.clock.report.ahead
        yield _gauge(
            "ordo_clock_offset_seconds",
            "How far our clock is behind; NaN where nobody knows.",
            math.nan if ahead is None else ahead,
        )
        failures = 0 if system.telemetry is None else system.telemetry.failures
        yield _counter("ordo_telemetry_failures", "Counts not told.", failures)

    def _brokers(self) -> Iterable[Metric]:
        up = _of_broker("ordo_broker_up", "1: its actor answers.")
        breaker = _of_broker(
            "ordo_breaker_state", "0 closed, 1 half-open, 2 open, 3 forced open."
        )
        session = _of_broker("ordo_session_active", "1: logged in.")
        expires = _of_broker(
            "ordo_session_expires_timestamp_seconds", "When its session ends."
        )
        queue = _of_broker("ordo_rate_queue_depth", "Calls that wait for a rate slot.")
        wire = _of_broker("ordo_orders_on_the_wire", "Sent and not answered yet.")
        opened = _of_broker("ordo_open_orders", "Orders that work, or may yet.")
        unknown = _of_broker("ordo_unknown_orders", "Orders that may have arrived.")
        oldest = _of_broker(
            "ordo_unknown_oldest_seconds", "For how long the oldest of them is so."
        )
        updates = _of_broker(
            "ordo_order_updates_live", "1: it tells of its orders; none where off."
        )
        left = GaugeMetricFamily(
            "ordo_rate_headroom",
            "Calls that may still be made in a window.",
            labels=["broker", "window"],
        )
        ratio = _of_broker(
            "ordo_order_to_trade_ratio",
            "Orders, changes and cancels of the day for each trade, or in all.",
        )
        restarts = CounterMetricFamily(
            "ordo_broker_restarts", "Of its actor.", labels=["broker"]
        )
        now = self._system.clockwork.wall()
        for name in self._system.brokers:
            restarts.add_metric([name], self._system.restarts(name))
            report = self._reports.get(name)
            up.add_metric([name], report is not None)
            if report is None:
                continue
            forced = report.breaker_forced and report.breaker == "OPEN"
            breaker.add_metric([name], FORCED if forced else BREAKER[report.breaker])
            session.add_metric([name], report.connection != "login_required")
            if report.session_expires_at is not None:
                moment = datetime.fromisoformat(report.session_expires_at)
                expires.add_metric([name], moment.timestamp())
            queue.add_metric([name], report.queue_depth)
            wire.add_metric([name], report.on_the_wire)
            opened.add_metric([name], report.open_orders)
            unknown.add_metric([name], report.unknown_orders)
            if report.order_updates.state != "off":
                updates.add_metric([name], report.order_updates.state == "live")
            counts = report.order_counts
            ratio.add_metric([name], asked(counts) / max(1, counts.trades))
            since = self._unknown.get(name)
            age = 0.0 if since is None else max(0.0, (now - since).total_seconds())
            oldest.add_metric([name], age)
            for window in report.rate_limit.get("windows", ()):
                spare = window["limit"] - window["used"]
                left.add_metric([name, f"{window['seconds']:g}s"], spare)
        yield from (up, breaker, session, expires, queue, wire, opened, unknown)
        yield from (oldest, updates, left, ratio, restarts)

    def _publishers(self) -> Iterable[Metric]:
        labels = ["publisher"]
        told = CounterMetricFamily(
            "ordo_events_delivered", "Events taken by a publisher.", labels=labels
        )
        failures = CounterMetricFamily(
            "ordo_events_failures",
            "Tries that a publisher did not take.",
            labels=labels,
        )
        failing = GaugeMetricFamily(
            "ordo_publisher_failing", "1: it takes nothing just now.", labels=labels
        )
        for box in self._system.outboxes:
            report = box.report
            told.add_metric([report.publisher], report.delivered)
            failures.add_metric([report.publisher], report.failures)
            failing.add_metric([report.publisher], report.failing is not None)
        yield from (told, failures, failing)


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=float(value))


def _counter(name: str, words: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, words, value=float(value))


def _of_broker(name: str, words: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, labels=["broker"])
