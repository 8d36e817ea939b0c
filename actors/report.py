"""How one broker does, for status."""

from typing import Any, Literal

import msgspec
import trio

from actors.breaker import BreakerState
from actors.broker_parts import BrokerSettings
from actors.egress import Egress
from actors.journal import Journal
from actors.line import Line
from actors.messages import BrokerReport, OrderUpdatesReport
from actors.reconciler import Reconciler
from actors.telling import State
from adapters import OrderStatus

Connection = Literal["connected", "degraded", "down", "login_required"]


def report(
    settings: BrokerSettings,
    line: Line,
    journal: Journal,
    reconciler: Reconciler,
    *,
    order_updates: State,
    on_the_wire: int,
    egress: Egress | None = None,
) -> BrokerReport:
    """A snapshot."""
    now = trio.current_time()
    records = tuple(journal)
    return BrokerReport(
        broker=settings.name,
        adapter=settings.adapter,
        connection=connection(line, reconciler),
        recovering=not reconciler.recovered,
        session=line.session.state,
        session_expires_at=_text(line.session.expires_at),
        last_login_at=_text(line.session.since),
        last_call_at=_text(line.last_call_at),
        breaker=line.breaker.state(now),
        breaker_forced=line.breaker.forced,
        order_updates=OrderUpdatesReport(state=order_updates),
        queue_depth=line.pacer.depth,
        on_the_wire=on_the_wire,
        open_orders=sum(record.is_open for record in records),
        unknown_orders=sum(r.status is OrderStatus.UNKNOWN for r in records),
        rate_limit=msgspec.to_builtins(line.pacer.headroom()),
        order_counts=line.traffic.today()[1],
        egress=None if egress is None else egress.report(),
    )


def connection(line: Line, reconciler: Reconciler) -> Connection:
    """One word for how well the broker can be reached."""
    if not line.session.active:
        return "login_required"
    if line.breaker.state(trio.current_time()) is BreakerState.OPEN:
        return "down"
    if line.last_failed or reconciler.failures or not line.closed:
        return "degraded"
    return "connected"


def _text(value: Any) -> str | None:
    return None if value is None else msgspec.to_builtins(value)
