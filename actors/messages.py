"""Every message of the system, by the actor that receives it, and its replies.

Commands are verbs, facts are past participles; all are frozen. `Ask[R]` says which
reply a message gets, for the type checker.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec

from actors.request import Ask
from adapters import (
    AcceptResult,
    Batch,
    ChallengeKind,
    Field,
    OldFile,
    Order,
    OrderCounts,
    OrderRecord,
    Pruned,
    SentAs,
    Slice,
    TradingSwitch,
    Write,
)
from adapters.secret import Secret


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """Ordo's own no: a broker-level code of the API, words, seconds to wait."""

    code: str
    message: str
    retry_after: float | None = None


# The writer ---------------------------------------------------------------------------


class Commit(
    msgspec.Struct, Ask["Committed | StoreDown"], frozen=True, kw_only=True, tag=True
):
    """Store *writes*, in one transaction and on disk before the answer."""

    writes: tuple[Write, ...]


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """Stored; *results* answer the writes in order."""

    results: tuple[AcceptResult | None, ...]


class StoreDown(msgspec.Struct, frozen=True, kw_only=True):
    """Not stored, and why."""

    message: str


class PruneKeys(msgspec.Struct, Ask["PruneReply"], frozen=True, kw_only=True, tag=True):
    """Age at most *most* idempotency keys, between two commits."""

    now: datetime
    most: int


PruneReply = Pruned | StoreDown


class DropAudit(
    msgspec.Struct, Ask["Dropped | StoreDown"], frozen=True, kw_only=True, tag=True
):
    """Delete audit files that are old enough, between two commits."""

    files: tuple[OldFile, ...]


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """They are gone, and that is on record."""


# The kill-switch ----------------------------------------------------------------------


class EngageSwitch(
    msgspec.Struct, Ask["SwitchReport | StoreDown"], frozen=True, kw_only=True, tag=True
):
    """Let no new order leave, from now on; the state stands before the reply."""

    by: str
    reason: str
    cancel_open: bool = False
    close_positions: bool = False
    request_id: str | None = None


class ReleaseSwitch(
    msgspec.Struct, Ask["SwitchReport | StoreDown"], frozen=True, kw_only=True, tag=True
):
    """Let orders leave again."""

    by: str
    reason: str | None = None
    request_id: str | None = None


class ReadSwitch(
    msgspec.Struct, Ask["SwitchReport"], frozen=True, kw_only=True, tag=True
):
    """How the switch stands."""


class CancelProgress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A broker's part of a cancel-all: counts of orders, told as they change.

    *failures* says of those that failed, at most `MOST_FAILURES`, which and why.
    """

    broker: str
    round: int
    wanted: int
    done: int
    failed: int
    failures: tuple[str, ...] = ()


class CloseProgress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A broker's part of squaring off: counts of positions, told as they change.

    *closes_for*: the version of the halt that wants it. *failures* as of cancels, and
    also why a broker's positions are not known, where nothing is counted yet.
    """

    broker: str
    closes_for: int
    wanted: int
    done: int
    failed: int
    failures: tuple[str, ...] = ()


MOST_FAILURES = 20
"""Failures told in words; the counts tell of all."""


class SwitchReport(msgspec.Struct, frozen=True, kw_only=True):
    """The switch, what had left before it turned, its cancels and closes so far."""

    switch: TradingSwitch
    on_the_wire: tuple[str, ...]
    progress: tuple[CancelProgress, ...] = ()
    closes: tuple[CloseProgress, ...] = ()


# A broker -----------------------------------------------------------------------------


class Admit(
    msgspec.Struct, Ask["Admission | Denial"], frozen=True, kw_only=True, tag=True
):
    """Would this broker take the order now? *reserve* takes a slot if one is free.

    *sent_as* is what it would go out as, where that is another order.
    """

    order_id: str
    order: Order
    reserve: bool = True
    sent_as: SentAs | None = None


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """Yes. *slot* is the Trio time of the slot taken, None where it has to queue."""

    client_tag: str
    slot: float | None
    sent_as: SentAs | None = None


class ReturnSlot(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The slot of an admission will not be used: the order was not accepted."""

    slot: float


class SendOrder(
    msgspec.Struct, Ask["OrderRecord"], frozen=True, kw_only=True, tag=True
):
    """Send an accepted order; the reply is the order as it stands by *answer_by*.

    That is on the Trio clock, and the order's deadline. With a *slot* the accept has
    stored SENDING with it.
    """

    record: OrderRecord
    slot: float | None
    answer_by: float


class CancelOrder(
    msgspec.Struct,
    Ask["CancelResult | Denial"],
    frozen=True,
    kw_only=True,
    tag=True,
):
    """Cancel one order; asked of its broker, or of the router, which knows which."""

    order_id: str
    by: str
    request_id: str | None = None


class CancelResult(msgspec.Struct, frozen=True, kw_only=True):
    """The order after the attempt. *denial* tells why it could not be cancelled."""

    record: OrderRecord
    denial: Denial | None = None


class ModifyOrder(
    msgspec.Struct,
    Ask["ChangeResult | Denial"],
    frozen=True,
    kw_only=True,
    tag=True,
):
    """Change an open order; asked of the router. *changes* are fields of `Order`:
    quantity (the total), price, trigger_price, type, validity."""

    order_id: str
    changes: dict[str, Any]
    by: str
    request_id: str | None = None


class ChangeOrder(
    msgspec.Struct,
    Ask["ChangeResult | Denial"],
    frozen=True,
    kw_only=True,
    tag=True,
):
    """Make an order *after*, asked of its broker; refused where it is not *before*.

    *answer_by*: no byte of it leaves later, on the Trio clock.
    """

    order_id: str
    before: Order
    after: Order
    sent_as: SentAs | None
    by: str
    request_id: str | None
    answer_by: float


class ChangeResult(msgspec.Struct, frozen=True, kw_only=True):
    """The order after the attempt. *denial* tells why it does not stand as wanted;
    with `unknown` it may yet."""

    record: OrderRecord
    denial: Denial | None = None


class SimulatedFill(msgspec.Struct, frozen=True, kw_only=True):
    """So many units at that price."""

    quantity: Decimal
    price: Decimal


class SimulateFill(
    msgspec.Struct,
    Ask["FillResult | Denial"],
    frozen=True,
    kw_only=True,
    tag=True,
):
    """Fill an open order of a simulated broker by hand, one fill after the other."""

    order_id: str
    fills: tuple[SimulatedFill, ...]
    by: str
    request_id: str | None = None


class FillResult(msgspec.Struct, frozen=True, kw_only=True):
    """The order after the fills. *denial* tells why not all of them were made; with
    `unknown` they were, and its book has not been read since."""

    record: OrderRecord
    denial: Denial | None = None


ReadKind = Literal[
    "orderbook", "trades", "positions", "holdings", "funds", "quotes", "depth", "margin"
]


class Fetch(
    msgspec.Struct, Ask["Fetched | FetchFailed"], frozen=True, kw_only=True, tag=True
):
    """Read something from the broker; *symbols* for quotes, *orders* for their margin
    together."""

    kind: ReadKind
    symbols: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker says; *rows* are of the model. Milliseconds at the broker."""

    broker: str
    rows: tuple[Any, ...]
    attempts: int
    latency_ms: float


class FetchFailed(msgspec.Struct, frozen=True, kw_only=True):
    """The read gave nothing to use."""

    broker: str
    denial: Denial
    broker_code: str | None = None
    broker_message: str | None = None
    http_status: int | None = None
    attempts: int = 0
    latency_ms: float = 0.0


class DownloadMaster(
    msgspec.Struct,
    Ask["Downloaded | FetchFailed"],
    frozen=True,
    kw_only=True,
    tag=True,
):
    """Fetch the broker's instrument files into *directory*; may take minutes."""

    directory: Path


class Downloaded(msgspec.Struct, frozen=True, kw_only=True):
    """The files are there, whole."""

    broker: str
    files: tuple[Path, ...]
    seconds: float


class Reconcile(
    msgspec.Struct,
    Ask["Reconciled"],
    frozen=True,
    kw_only=True,
    tag=True,
):
    """Hold the broker's book against Ordo's orders now."""

    by: str
    request_id: str | None = None


class LookAtBook(msgspec.Struct, Ask["Looked"], frozen=True, kw_only=True, tag=True):
    """Read the book now, and take over what it says."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """It was read, or could not be."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order and its broker's book differ: in *what*, a field of the order.

    *theirs* is None where the book does not show the order. *mended*: what the book
    says is so here now.
    """

    order_id: str
    broker_order_id: str | None
    symbol: str
    what: str
    ours: str | None
    theirs: str | None
    mended: bool


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. *orders* are the orders placed elsewhere, as book rows.

    *failure* says what could not be read. Without the book nothing was compared, and
    *rows_checked* is None.
    """

    broker: str
    orders_checked: int = 0
    rows_checked: int | None = None
    differences: tuple[Difference, ...] = ()
    orders: tuple[Any, ...] = ()
    attempts: int = 0
    latency_ms: float = 0.0
    failure: FetchFailed | None = None


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


# A broker's session -------------------------------------------------------------------


class BeginLogin(
    msgspec.Struct, Ask["LoginReply"], frozen=True, kw_only=True, tag=True
):
    """Start a log-in; the reply says whether it is done or what is wanted next."""

    by: str
    request_id: str | None = None


class VerifyLogin(
    msgspec.Struct, Ask["LoginReply"], frozen=True, kw_only=True, tag=True
):
    """Answer a challenge, named by its id or by the text that its redirect brought.

    *answers* are by the names of the challenge's fields.
    """

    answers: Mapping[str, Secret]
    by: str
    challenge_id: str | None = None
    state: str | None = None
    request_id: str | None = None


class Logout(msgspec.Struct, Ask["LoginReply"], frozen=True, kw_only=True, tag=True):
    """End the session."""

    by: str
    request_id: str | None = None


class ReadSession(
    msgspec.Struct, Ask["SessionReport"], frozen=True, kw_only=True, tag=True
):
    """How the session stands."""


class ChallengeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the user is asked for."""

    challenge_id: str
    kind: ChallengeKind
    prompt: str
    login_url: str | None
    fields: tuple[Field, ...]
    good_until: datetime


class SessionReport(msgspec.Struct, frozen=True, kw_only=True):
    """A session; *reason* says why it is not active. Times are aware UTC."""

    broker: str
    adapter: str
    state: str
    last_login_at: datetime | None
    expires_at: datetime | None
    reason: str | None
    challenge: ChallengeReport | None = None


class LoginFailed(msgspec.Struct, frozen=True, kw_only=True):
    """It did not go on; *session* says whether the challenge still stands.

    `code` is a broker-level one, or `conflict`: another step is under way, or
    `not_found`: nothing waits for this answer.
    """

    code: str
    message: str
    session: SessionReport
    broker_code: str | None = None
    broker_message: str | None = None
    http_status: int | None = None


LoginReply = SessionReport | LoginFailed


# The router ---------------------------------------------------------------------------


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One order for one broker.

    *cut*: into several, where it is larger than the exchange takes; *slice* says which
    of these it is then.
    """

    order_index: int
    broker: str
    order: Order
    cut: bool = False
    slice: Slice | None = None


class PlaceBatch(
    msgspec.Struct, Ask["BatchReply"], frozen=True, kw_only=True, tag=True
):
    """Send every leg, once. *key* is the client's, or made where it gave none.

    *route* is what the key is unique in. *exits*: the orders only take from positions,
    so that no funds are asked for. *sequential*: at each broker the buys wait until its
    sells are filled. *closes_for* is set by the closer alone: the version
    of the halt in force, which lets these orders go and no others.
    """

    principal: str
    request_id: str
    key: str
    key_given: bool
    fingerprint: str
    legs: tuple[Leg, ...]
    portfolio_id: str | int | None
    deadline_ms: int
    dry_run: bool = False
    route: str = "POST /api/v1/orders"
    exits: bool = False
    sequential: bool = False
    closes_for: int | None = None


class ClosePositions(
    msgspec.Struct, Ask["SquaredOff"], frozen=True, kw_only=True, tag=True
):
    """Send the opposite of every open position, once; keys as of `PlaceBatch`.

    *symbol*: only of this one.
    """

    principal: str
    request_id: str
    key: str
    key_given: bool
    fingerprint: str
    brokers: tuple[str, ...]
    symbol: str | None
    deadline_ms: int


class SquaredOff(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: *batch* None where nothing was to be closed.

    *failures*: positions that could not be read, or that there are no orders for.
    """

    batch: BatchReply | None
    failures: tuple[FetchFailed, ...] = ()


class CancelOpen(
    msgspec.Struct, Ask["CancelledOpen"], frozen=True, kw_only=True, tag=True
):
    """Cancel every order that is not settled; *symbol*: only of this one."""

    brokers: tuple[str, ...]
    symbol: str | None
    by: str
    request_id: str | None = None


class CancelledOpen(msgspec.Struct, frozen=True, kw_only=True):
    """Each order after the attempt, oldest first. *denial*: they cannot be read."""

    results: tuple[CancelResult, ...]
    denial: Denial | None = None


class BatchDone(msgspec.Struct, frozen=True, kw_only=True):
    """The batch with its orders as they stand.

    *skipped* are the checks that were not made, for each order; none of a replay, which
    is not checked again. *checked_ms*: how long brokers were asked before the accept,
    *waited_ms*: how long buys waited for their sells; milliseconds.
    """

    batch: Batch
    orders: tuple[OrderRecord, ...]
    replayed: bool
    skipped: tuple[tuple[CheckSkipped, ...], ...] | None = None
    checked_ms: float = 0.0
    waited_ms: float = 0.0


class CheckSkipped(msgspec.Struct, frozen=True, kw_only=True):
    """A check that could not be made before an order went, and why."""

    check: str
    reason: str


class LegAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a leg would meet, or why it was denied before anything was stored.

    *checked_ms*: how long brokers were asked for this batch, in milliseconds.
    """

    order_id: str
    leg: Leg
    answer: Admission | Denial
    skipped: tuple[CheckSkipped, ...] = ()
    checked_ms: float = 0.0


class NothingAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """Every leg was denied, or it was a dry run: nothing stored, the key stays free."""

    legs: tuple[LegAnswer, ...]
    dry_run: bool


class KeyReused(msgspec.Struct, frozen=True, kw_only=True):
    """The key was used with another body; *expired*: and long ago."""

    expired: bool


class InProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The same request still runs."""

    batch_id: str | None
    retry_after: float


class TradingHalted(msgspec.Struct, frozen=True, kw_only=True):
    """The kill-switch is engaged; nothing was attempted."""

    reason: str | None


class Overloaded(msgspec.Struct, frozen=True, kw_only=True):
    """Too much at once; nothing was attempted."""

    message: str


BatchReply = (
    BatchDone
    | NothingAccepted
    | KeyReused
    | InProgress
    | TradingHalted
    | StoreDown
    | Overloaded
)


class FetchAll(
    msgspec.Struct,
    Ask["tuple[Fetched | FetchFailed, ...]"],
    frozen=True,
    kw_only=True,
    tag=True,
):
    """Read the same from several brokers, side by side."""

    kind: ReadKind
    brokers: tuple[str, ...]
    symbols: tuple[str, ...] = ()


# The masters --------------------------------------------------------------------------


class SyncInstruments(
    msgspec.Struct, Ask["tuple[MasterSync, ...]"], frozen=True, kw_only=True, tag=True
):
    """Fetch the masters of these brokers' adapters now.

    *force* takes a master too that is far smaller than the one before.
    """

    brokers: tuple[str, ...]
    by: str
    force: bool = False
    request_id: str | None = None


class MasterSync(msgspec.Struct, frozen=True, kw_only=True):
    """How the sync of one adapter ended. *failure* is None where it is done.

    *asked* is the last broker that was asked for files, *rows* what is there now.
    """

    adapter: str
    brokers: tuple[str, ...]
    asked: str
    rows: int
    synced_at: datetime | None
    seconds: float
    failure: FetchFailed | None = None


class ReadMasters(
    msgspec.Struct, Ask["tuple[MasterReport, ...]"], frozen=True, kw_only=True, tag=True
):
    """How the masters are."""


class MasterReport(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter's master. *stale*: this morning's is missing; *error*: of the last
    sync, None once one is done; times are aware UTC."""

    adapter: str
    brokers: tuple[str, ...]
    stage: Literal["idle", "downloading", "building"]
    rows: int
    synced_at: datetime | None
    stale: bool
    error: str | None
    next_sync_at: datetime
