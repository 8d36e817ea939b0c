"""`POST /api/v1/reconcile`: Ordo's orders against the brokers' books, now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import trio

from actors.mailbox import MailboxError, MailboxFull
from actors.messages import Denial, FetchFailed, Reconcile, Reconciled
from ordo.http.bodies import ReconcileBody
from ordo.http.call import Call
from ordo.http.decoding import decode
from ordo.http.envelope import BrokerResult, Reply, overall
from ordo.http.errors import invalid
from ordo.http.rows import plain, read_result

RECONCILE_SECONDS = 20.0
"""A read of the book may wait for the one under way, and be tried three times."""


class DifferenceView(msgspec.Struct, kw_only=True):
    """Where an order and its broker's book differ: in `what`, a field of the order.

    `theirs` is null where the book does not show the order. `mended`: what the book
    says stands here now; else it needs more reads, or a person.
    """

    broker: str
    order_id: str
    broker_order_id: str | None
    symbol: str
    what: str
    ours: str | None
    theirs: str | None
    mended: bool


class Checked(msgspec.Struct, kw_only=True):
    """How much was compared: brokers whose book was read, orders of Ordo's that are not
    settled, rows of the books."""

    brokers: int
    orders: int
    rows: int


class ReconcileView(msgspec.Struct, kw_only=True):
    """What came of it. `orders` are book rows of orders placed elsewhere, `external`
    true; null where one may be an order of Ordo's that is not certain yet."""

    differences: list[DifferenceView]
    orders: list[dict[str, Any]]
    checked: Checked


async def reconcile(call: Call) -> Reply:
    """Compare Ordo's orders with each broker's book now.

    What the book says of Ordo's orders is taken over. Orders placed elsewhere are shown
    and never touched.
    """
    body = decode(call.body, ReconcileBody) if call.body.strip() else ReconcileBody()
    ranked = await compared(call, _named(call, body))
    results = [result_of(end) for end in ranked]
    return Reply(
        status=overall(results),
        data=_view(ranked),
        results=results,
        broker_ms=max((end.latency_ms for end in ranked), default=0.0),
    )


async def compared(call: Call, names: Sequence[str]) -> list[Reconciled]:
    """Hold each broker's book against Ordo's orders, side by side."""
    ends: dict[str, Reconciled] = {}

    async def ask(name: str) -> None:
        ends[name] = await _ask(call, name)

    async with trio.open_nursery() as asks:
        for name in names:
            asks.start_soon(ask, name)
    return [ends[name] for name in names]


async def _ask(call: Call, name: str) -> Reconciled:
    message = Reconcile(by=call.principal.id, request_id=call.request_id)
    try:
        with trio.fail_after(RECONCILE_SECONDS):
            return await call.system.brokers[name].ask(message)
    except trio.TooSlowError:
        words = f"{name}'s book was not here in {RECONCILE_SECONDS:g} s"
        denial = Denial(code="deadline_exceeded", message=words)
    except MailboxFull as full:
        denial = Denial(code="rate_queue_full", message=str(full))
    except MailboxError:
        words = f"{name} is being restarted"
        denial = Denial(code="broker_unavailable", message=words)
    return Reconciled(broker=name, failure=FetchFailed(broker=name, denial=denial))


def _named(call: Call, body: ReconcileBody) -> tuple[str, ...]:
    known = call.system.broker_names
    for index, name in enumerate(body.brokers):
        if name not in known:
            there = ", ".join(known) or "none"
            raise invalid(
                f"$.brokers[{index}]", f"wanted one of {there}, found {name[:64]!r}"
            )
    return tuple(dict.fromkeys(body.brokers)) or tuple(known)


def result_of(end: Reconciled) -> BrokerResult:
    """What a broker's book gave, or why it could not be read."""
    if end.failure is not None:
        return read_result(end.failure)
    return BrokerResult(
        broker=end.broker,
        status="success",
        attempts=end.attempts,
        latency_ms=end.latency_ms,
        data={"orders": end.orders_checked, "rows": end.rows_checked},
    )


def _view(ends: list[Reconciled]) -> ReconcileView:
    read = [end for end in ends if end.rows_checked is not None]
    return ReconcileView(
        differences=[
            DifferenceView(broker=end.broker, **msgspec.structs.asdict(row))
            for end in ends
            for row in end.differences
        ],
        orders=[
            {"broker": end.broker, **plain(row)} for end in ends for row in end.orders
        ],
        checked=Checked(
            brokers=len(read),
            orders=sum(end.orders_checked for end in read),
            rows=sum(end.rows_checked or 0 for end in read),
        ),
    )
