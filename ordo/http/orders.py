"""Orders and batches: list, look at, cancel."""

from __future__ import annotations

import trio

from actors.mailbox import MailboxError, MailboxFull
from actors.messages import CancelOrder, Denial
from adapters import OrderQuery, OrderStatus
from ordo.http.call import Call, query_error
from ordo.http.envelope import ApiError, Reply
from ordo.http.views import batch_view, leg_result, order_view

CANCEL_SECONDS = 15.0
"""A cancel may queue behind others and wait for the broker's answer."""


async def list_orders(call: Call) -> Reply:
    """Ordo's orders, newest first."""
    call.only(
        "broker",
        "status",
        "symbol",
        "batch_id",
        "portfolio_id",
        "since",
        "limit",
        "cursor",
    )
    limit = call.limit()
    query = OrderQuery(
        broker=call.query.get("broker"),
        status=_status(call),
        symbol=call.query.get("symbol"),
        batch_id=call.query.get("batch_id"),
        portfolio_id=call.query.get("portfolio_id"),
        since=call.time("since"),
        cursor=call.query.get("cursor"),
        limit=limit + 1,
    )
    rows = await call.system.records.read(lambda store: store.orders(query))
    more = len(rows) > limit
    return Reply(
        data={
            "orders": [order_view(row) for row in rows[:limit]],
            "next_cursor": rows[limit - 1].order_id if more else None,
        }
    )


async def get_order(call: Call) -> Reply:
    """One order, with every change of its status."""
    call.only()
    order_id = call.path["order_id"]
    record = await call.system.records.read(lambda store: store.order(order_id))
    if record is None:
        raise ApiError("not_found", f"no order {order_id[:64]!r}")
    events = await call.system.records.read(lambda store: store.events(order_id))
    return Reply(data=order_view(record, events))


async def get_batch(call: Call) -> Reply:
    """A batch with its legs."""
    call.only()
    batch_id = call.path["batch_id"]
    found = await call.system.records.read(lambda store: store.batch(batch_id))
    if found is None:
        raise ApiError("not_found", f"no batch {batch_id[:64]!r}")
    return Reply(data=batch_view(*found))


async def cancel_order(call: Call) -> Reply:
    """Cancel: a queued order never leaves, an unknown one is cancelled once found."""
    call.only()
    message = CancelOrder(
        order_id=call.path["order_id"],
        by=call.principal.id,
        request_id=call.request_id,
    )
    try:
        with trio.fail_after(CANCEL_SECONDS):
            answer = await call.system.router.ask(message, urgent=True)
    except MailboxFull as full:
        raise ApiError("overloaded", str(full)) from None
    except (MailboxError, trio.TooSlowError):
        raise ApiError(
            "overloaded", "the cancel has no answer yet; ask again"
        ) from None
    if isinstance(answer, Denial):
        raise _denied(answer)
    record, denial = answer.record, answer.denial
    if denial is not None and denial.code == "conflict":
        raise ApiError("conflict", f"order {record.order_id}: {denial.message}")
    result = leg_result(record)
    settled = record.is_settled
    if denial is not None:
        result.error_code, result.message = denial.code, denial.message
    return Reply(
        status="error" if denial else "success" if settled else "pending",
        http_status=200 if settled or denial else 202,
        data=order_view(record),
        results=[result],
    )


def _denied(denial: Denial) -> ApiError:
    if denial.code == "not_found":
        return ApiError("not_found", denial.message)
    return ApiError("overloaded", denial.message, retry_after=denial.retry_after)


def _status(call: Call) -> OrderStatus | None:
    text = call.query.get("status")
    if text is None:
        return None
    try:
        return OrderStatus(text)
    except ValueError:
        there = ", ".join(OrderStatus)
        raise query_error(
            "status", f"wanted one of {there}, found {text[:40]!r}"
        ) from None
