"""How a broker does, and its breaker by hand."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from actors.request import Ask
from adapters import OrderCounts

# A broker -----------------------------------------------------------------------------


class SetBreaker(
    msgspec.Struct, Ask["BrokerReport"], frozen=True, kw_only=True, tag=True
):
    """Force the breaker, or let it decide (AUTO)."""

    state: Literal["OPEN", "CLOSED", "AUTO"]
    by: str
    request_id: str | None = None


class ReadBroker(
    msgspec.Struct, Ask["BrokerReport"], frozen=True, kw_only=True, tag=True
):
    """How the broker does."""


class BrokerReport(msgspec.Struct, frozen=True, kw_only=True):
    """One broker for status; times are RFC 3339 text or None."""

    broker: str
    adapter: str
    connection: Literal["connected", "degraded", "down", "login_required"]
    recovering: bool
    session: str
    session_expires_at: str | None
    last_login_at: str | None
    last_call_at: str | None
    breaker: str
    breaker_forced: bool
    queue_depth: int
    on_the_wire: int
    open_orders: int
    unknown_orders: int
    rate_limit: dict[str, Any]
    order_updates: OrderUpdatesReport
    order_counts: OrderCounts
    restarts: int = 0
    egress: EgressReport | None = None


class OrderUpdatesReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a broker tells of its orders by itself just now.

    `down`: it should, and does not; `off`: it has no such thing, that is switched off,
    or nobody is logged in.
    """

    state: Literal["live", "down", "off"]


class EgressReport(msgspec.Struct, frozen=True, kw_only=True):
    """Where a broker's orders leave from, against the address registered with it.

    *found* is the last one seen, *error* of a check since that gave nothing.
    """

    state: Literal["unchecked", "ok", "mismatch"]
    wanted: str
    found: str | None
    checked_at: str | None
    error: str | None
