"""Ordo itself: status, kill-switch, breakers, sessions, instruments, audit, events."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from ordo_client.answers import Result


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What a halt wanted done; what is neither done nor failed is under way."""

    wanted: int = 0
    done: int = 0
    failed: int = 0


class BrokerProgress(Counts, frozen=True, kw_only=True):
    """One broker's part: its cancels, and beside them its `closes` of positions.

    `failures` says which failed, or what is being tried again, and why.
    """

    broker: str
    closes: Counts = Counts()
    failures: tuple[str, ...] = ()


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far what a halt wants done is."""

    cancels: Counts = Counts()
    closes: Counts = Counts()
    brokers: tuple[BrokerProgress, ...] = ()


class KillSwitch(Result, frozen=True, kw_only=True):
    """The kill-switch; `on_the_wire` are ids of orders that left before it turned."""

    engaged: bool
    reason: str | None = None
    since: datetime | None = None
    by: str | None = None
    cancel_open: bool = False
    close_positions: bool = False
    on_the_wire: tuple[str, ...] = ()
    progress: Progress | None = None


class Breaker(Result, frozen=True, kw_only=True):
    """A breaker: CLOSED, OPEN or HALF-OPEN, and whether somebody forced it."""

    broker: str
    state: str
    forced: bool


class Egress(msgspec.Struct, frozen=True, kw_only=True):
    """Where orders leave from (`found`), and the registered address (`wanted`)."""

    state: str
    wanted: str
    found: str | None = None
    checked_at: datetime | None = None
    error: str | None = None


class OrderUpdates(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the broker tells of its orders by itself: `live`, `down`, `off`."""

    state: str


class BrokerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One broker; None where its part of Ordo does not answer just now."""

    broker: str
    adapter: str | None = None
    connection: str
    recovering: bool | None = None
    session: str | None = None
    session_expires_at: datetime | None = None
    last_login_at: datetime | None = None
    last_call_at: datetime | None = None
    breaker: str | None = None
    breaker_forced: bool | None = None
    queue_depth: int | None = None
    on_the_wire: int | None = None
    open_orders: int | None = None
    unknown_orders: int | None = None
    rate_limit: dict[str, Any] | None = None
    order_updates: OrderUpdates | None = None
    restarts: int = 0
    egress: Egress | None = None


class StoreStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Whether orders can be recorded, and why not."""

    ok: bool
    failure: str | None = None


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """The kill-switch, in short."""

    engaged: bool
    reason: str | None = None
    since: datetime | None = None
    by: str | None = None


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """How long Ordo's event loop was held up, in milliseconds of one pass of it."""

    limit_ms: float
    max_lag_ms: float
    blocked: int
    last_lag_ms: float | None = None
    last_task: str | None = None
    last_at: datetime | None = None


class Master(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter's instrument master. `stale`: this morning's is missing."""

    adapter: str
    brokers: tuple[str, ...]
    stage: str
    rows: int
    synced_at: datetime | None = None
    stale: bool
    error: str | None = None
    next_sync_at: datetime


class Status(Result, frozen=True, kw_only=True):
    """How Ordo does. `health` is `ok`, `degraded`, `halted` or `failing`."""

    health: str
    brokers: tuple[BrokerStatus, ...]
    store: StoreStatus
    kill_switch: Halt
    masters: tuple[Master, ...] | None = None
    loop: Loop | None = None
    stopping: bool = False
    version: str
    uptime_seconds: float


class Alive(Result, frozen=True, kw_only=True):
    """Liveness."""

    alive: bool


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a log-in asks for; a secret one is not to be echoed."""

    name: str
    label: str
    secret: bool


class Login(Result, frozen=True, kw_only=True):
    """What a step of a log-in came to: `active`, or a `challenge` to answer.

    Where the broker said no, `ok` is False and `failed` has its words.
    """

    broker: str
    state: str
    challenge_id: str | None = None
    kind: str | None = None
    prompt: str | None = None
    login_url: str | None = None
    fields: tuple[Field, ...] = ()
    good_until: datetime | None = None
    last_login_at: datetime | None = None
    expires_at: datetime | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session with a broker; `reason` says why it is not active."""

    broker: str
    adapter: str | None = None
    state: str | None = None
    last_login_at: datetime | None = None
    expires_at: datetime | None = None
    reason: str | None = None


class Instrument(Result, frozen=True, kw_only=True):
    """What can be traded. `brokers` take orders in it; `type` is EQ, INDEX, FUT, CE or
    PE; `synced_at` tells how old this is."""

    symbol: str
    exchange: str
    type: str
    name: str
    lot_size: Decimal
    tick_size: Decimal
    freeze_quantity: Decimal | None = None
    lower_band: Decimal | None = None
    upper_band: Decimal | None = None
    underlying: str | None = None
    expiry: date | None = None
    strike: Decimal | None = None
    isin: str | None = None
    brokers: tuple[str, ...]
    synced_at: datetime


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the audit log; `prev` and `hash` chain it to its neighbours."""

    seq: int
    at: datetime
    boot: str
    actor: str
    action: str
    request_id: str | None = None
    batch_id: str | None = None
    order_id: str | None = None
    broker: str | None = None
    detail: dict[str, Any] = {}
    prev: str
    hash: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened: to an order, a session, a breaker, the kill-switch.

    `id` grows, and is what to resume from. Money and quantities in `data` are text.
    """

    id: int
    type: str
    at: datetime
    broker: str | None = None
    order_id: str | None = None
    batch_id: str | None = None
    by: str | None = None
    data: dict[str, Any] = {}
    version: int = 1
