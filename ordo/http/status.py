"""How Ordo does: liveness, and the whole picture."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

import msgspec
import trio

from actors.clock_watch import ClockWatch
from actors.mailbox import Mailbox, MailboxError
from actors.messages import EgressReport, ReadBroker
from actors.stall import StallReport
from actors.traffic import ratio_text
from adapters import OrderCounts
from ordo.http.call import Call
from ordo.http.envelope import Reply
from ordo.http.errors import ApiError
from ordo.http.masters import MasterView, master_views
from ordo.http.views import stamp
from ordo.version import __version__

REPORT_SECONDS = 1.0
Health = Literal["ok", "degraded", "halted", "failing"]


class EgressView(msgspec.Struct, kw_only=True):
    """Where orders leave from, against the address registered with the broker.

    `found` is the last one seen, `error` of a check since that gave nothing.
    """

    state: Literal["unchecked", "ok", "mismatch"]
    wanted: str
    found: str | None
    checked_at: str | None
    error: str | None


class OrderUpdatesView(msgspec.Struct, kw_only=True):
    """Whether the broker tells of its orders by itself just now.

    `down`: it should, and does not, and its book is read instead; `off`: it has no such
    thing, that is switched off, or nobody is logged in.
    """

    state: Literal["live", "down", "off"]


class OrderToTradeView(msgspec.Struct, kw_only=True):
    """What the account asked of its broker today through Ordo, and its fills.

    `ratio`: orders sent, changed and cancelled for each trade, as text; null where
    there was no trade.
    """

    sent: int
    changed: int
    cancelled: int
    trades: int
    ratio: str | None


class BrokerView(msgspec.Struct, kw_only=True):
    """One broker for status; null where its actor does not answer just now.

    `egress` is null too where any address will do.
    """

    broker: str
    adapter: str | None = None
    connection: Literal["connected", "degraded", "down", "login_required"]
    recovering: bool | None = None
    session: str | None = None
    session_expires_at: str | None = None
    last_login_at: str | None = None
    last_call_at: str | None = None
    breaker: str | None = None
    breaker_forced: bool | None = None
    queue_depth: int | None = None
    on_the_wire: int | None = None
    open_orders: int | None = None
    unknown_orders: int | None = None
    rate_limit: dict[str, Any] | None = None
    order_updates: OrderUpdatesView | None = None
    order_to_trade: OrderToTradeView | None = None
    restarts: int
    egress: EgressView | None = None


class StoreView(msgspec.Struct, kw_only=True):
    """Whether orders can be recorded, and why not."""

    ok: bool
    failure: str | None


class LoopView(msgspec.Struct, kw_only=True):
    """How long the event loop was held up: milliseconds of one pass of it.

    `blocked` counts the passes over `limit_ms`; `last_task` ran longest in the last.
    """

    limit_ms: float
    max_lag_ms: float
    blocked: int
    last_lag_ms: float | None
    last_task: str | None
    last_at: str | None


class ClockView(msgspec.Struct, kw_only=True):
    """Our clock against a time server's, in milliseconds.

    `offset_ms` is how far ours is behind, give or take `doubt_ms`; null before the
    first answer. `error` is of a look since that gave none.
    """

    server: str
    ok: bool
    limit_ms: float
    offset_ms: float | None
    doubt_ms: float | None
    checked_at: str | None
    error: str | None


class HaltView(msgspec.Struct, kw_only=True):
    """The kill-switch, in short."""

    engaged: bool
    reason: str | None
    since: str | None
    by: str | None


class StatusView(msgspec.Struct, kw_only=True):
    """How Ordo does. `masters` is null where their actor does not answer just now,
    `clock` where no time server is set. `warnings` are for people, and not stable.
    """

    health: Health
    brokers: list[BrokerView]
    store: StoreView
    kill_switch: HaltView
    masters: list[MasterView] | None
    loop: LoopView
    clock: ClockView | None
    warnings: list[str]
    stopping: bool
    version: str
    uptime_seconds: float


class Alive(msgspec.Struct, kw_only=True):
    """Liveness."""

    alive: bool


async def health(call: Call) -> Reply:
    """Alive, and no more than that."""
    return Reply(data=Alive(alive=True))


async def status(call: Call) -> Reply:
    """Brokers, store, kill-switch, version, uptime."""
    system = call.system
    brokers: dict[str, BrokerView] = {}

    async def ask(name: str, mailbox: Mailbox) -> None:
        brokers[name] = await _broker(name, mailbox, system.restarts(name))

    masters: list[MasterView] | None = None

    async def ask_masters() -> None:
        nonlocal masters
        with suppress(ApiError), trio.move_on_after(REPORT_SECONDS):
            masters = await master_views(call)

    async with trio.open_nursery() as asks:
        asks.start_soon(ask_masters)
        for name, mailbox in system.brokers.items():
            asks.start_soon(ask, name, mailbox)
    switch = system.trading.switch
    rows = [brokers[name] for name in system.brokers]
    return Reply(
        data=StatusView(
            health=_health(system.store.ok, switch.engaged, rows),
            brokers=rows,
            store=StoreView(ok=system.store.ok, failure=system.store.reason),
            kill_switch=HaltView(
                engaged=switch.engaged,
                reason=switch.reason,
                since=None if switch.since is None else stamp(switch.since),
                by=switch.by,
            ),
            masters=masters,
            loop=_loop(system.loop.report()),
            clock=_clock(system.clock),
            warnings=_warnings(system.clock),
            stopping=system.stopping,
            version=__version__,
            uptime_seconds=round(trio.current_time() - system.started_at, 3),
        )
    )


async def _broker(name: str, mailbox: Mailbox, restarts: int) -> BrokerView:
    try:
        with trio.fail_after(REPORT_SECONDS):
            report = await mailbox.ask(ReadBroker(), urgent=True)
    except (MailboxError, trio.TooSlowError):
        return BrokerView(broker=name, connection="down", restarts=restarts)
    told = msgspec.structs.asdict(report)
    counts: OrderCounts = told.pop("order_counts")
    told |= {
        "order_to_trade": OrderToTradeView(
            **msgspec.structs.asdict(counts), ratio=ratio_text(counts)
        ),
        "session_expires_at": _moment(report.session_expires_at),
        "last_login_at": _moment(report.last_login_at),
        "last_call_at": _moment(report.last_call_at),
        "order_updates": OrderUpdatesView(state=report.order_updates.state),
        "restarts": restarts,
        "egress": None if report.egress is None else _egress(report.egress),
    }
    return BrokerView(**told)


def _egress(report: EgressReport) -> EgressView:
    told = msgspec.structs.asdict(report)
    return EgressView(**told | {"checked_at": _moment(report.checked_at)})


def _loop(told: StallReport) -> LoopView:
    return LoopView(
        limit_ms=round(told.limit * 1000, 3),
        max_lag_ms=round(told.max_lag * 1000, 3),
        blocked=told.count,
        last_lag_ms=None if told.last_lag is None else round(told.last_lag * 1000, 3),
        last_task=told.last_task,
        last_at=None if told.last_at is None else stamp(told.last_at),
    )


def _clock(watch: ClockWatch | None) -> ClockView | None:
    if watch is None:
        return None
    told = watch.report
    return ClockView(
        server=told.server,
        ok=not told.wrong,
        limit_ms=told.limit * 1000,
        offset_ms=None if told.ahead is None else round(told.ahead * 1000, 3),
        doubt_ms=None if told.doubt is None else round(told.doubt * 1000, 3),
        checked_at=None if told.checked_at is None else stamp(told.checked_at),
        error=told.error,
    )


def _warnings(watch: ClockWatch | None) -> list[str]:
    """What is no fault of Ordo's, and will become one."""
    if watch is None or not watch.report.wrong:
        return []
    return [f"{watch.report.words}; set it by NTP, and see: ordo doctor"]


def _moment(text: str | None) -> str | None:
    """A broker's word for a moment, as all times look."""
    return None if text is None else stamp(datetime.fromisoformat(text))


def _health(store_ok: bool, halted: bool, brokers: list[BrokerView]) -> Health:
    """`ok`, `halted`, `degraded`, or `failing` where nothing can be recorded."""
    if not store_ok:
        return "failing"
    if halted:
        return "halted"
    well = all(
        broker.connection == "connected"
        and (broker.egress is None or broker.egress.state == "ok")
        for broker in brokers
    )
    return "ok" if well else "degraded"
