"""Orders and batches: list, look at, cancel."""

from __future__ import annotations

import re
from typing import NamedTuple

import trio

from actors.mailbox import MailboxError, MailboxFull
from actors.messages import CancelOrder, CancelResult, Denial
from adapters import OrderEvent, OrderQuery, OrderRecord, OrderStatus, Store
from ordo.http.call import Call
from ordo.http.envelope import Reply
from ordo.http.errors import ApiError, query_error
from ordo.http.views import OrderList, batch_view, leg_result, order_view

CANCEL_SECONDS = 15.0
"""A cancel may queue behind others and wait for the broker's answer."""
ID = re.compile(r"[0-9A-V]{16}")
"""Of orders and of batches. Source: api.md, "Orders"."""


class Stored(NamedTuple):
    """An order with what stands beside it in the store."""

    record: OrderRecord
    portfolio_id: str | int | None
    events: list[OrderEvent]


async def list_orders(call: Call) -> Reply:
    """Ordo's orders, newest first."""
    limit = call.limit()
    query = OrderQuery(
        broker=call.query.get("broker"),
        status=_status(call),
        symbol=call.query.get("symbol"),
        batch_id=call.query.get("batch_id"),
        portfolio_id=call.query.get("portfolio_id"),
        since=call.time("since"),
        cursor=_cursor(call),
        limit=limit + 1,
    )
    rows, portfolios = await call.system.records.read(
        lambda store: _with_portfolios(store, query)
    )
    shown = rows[:limit]
    return Reply(
        data=OrderList(
            orders=[order_view(row, portfolios[row.batch_id]) for row in shown],
            next_cursor=shown[-1].order_id if len(rows) > limit else None,
        )
    )


async def get_order(call: Call) -> Reply:
    """One order, with every change of its status."""
    found = await stored(call, path_id(call, "order_id", "order"))
    return Reply(data=order_view(found.record, found.portfolio_id, found.events))


async def get_batch(call: Call) -> Reply:
    """A batch with its legs."""
    batch_id = path_id(call, "batch_id", "batch")
    found = await call.system.records.read(lambda store: store.batch(batch_id))
    if found is None:
        raise ApiError("not_found", f"no batch {batch_id}")
    return Reply(data=batch_view(*found))


async def cancel_order(call: Call) -> Reply:
    """Cancel: a queued order never leaves, an unknown one is cancelled once found.

    200 where it has ended, or why it has not; 202 where that is not known yet.
    """
    order_id = path_id(call, "order_id", "order")
    asked = trio.current_time()
    answer = await _cancel(call, order_id)
    found = await stored(call, order_id)
    record, denial = answer.record, answer.denial
    if denial is not None and denial.code == "conflict":
        raise ApiError("conflict", f"order {order_id}: {denial.message}")
    result = leg_result(record)
    if denial is not None:
        result.error_code, result.message = denial.code, denial.message
    refused = denial is not None and denial.code != "unknown"
    ended = denial is None and record.is_settled
    return Reply(
        status="error" if refused else "success" if ended else "pending",
        http_status=200 if refused or ended else 202,
        data=order_view(record, found.portfolio_id),
        results=[result],
        broker_ms=(trio.current_time() - asked) * 1000,
    )


async def _cancel(call: Call, order_id: str) -> CancelResult:
    message = CancelOrder(
        order_id=order_id, by=call.principal.id, request_id=call.request_id
    )
    try:
        with trio.fail_after(CANCEL_SECONDS):
            answer = await call.system.router.ask(message, urgent=True)
    except MailboxFull as full:
        raise ApiError("overloaded", str(full)) from None
    except (MailboxError, trio.TooSlowError):
        words = "the cancel has no answer yet; it may have arrived"
        denial = Denial(code="unknown", message=words)
        return CancelResult(record=(await stored(call, order_id)).record, denial=denial)
    if isinstance(answer, CancelResult):
        return answer
    raise ApiError(answer.code, answer.message)  # not_found, storage_unavailable


def _with_portfolios(
    store: Store, query: OrderQuery
) -> tuple[list[OrderRecord], dict[str, str | int | None]]:
    """The orders, and the portfolio of each of their batches."""
    rows = store.orders(query)
    batches = {row.batch_id: store.batch(row.batch_id) for row in rows}
    return rows, {
        batch_id: None if found is None else found[0].portfolio_id
        for batch_id, found in batches.items()
    }


async def stored(call: Call, order_id: str) -> Stored:
    """Everything about an order.

    Raises:
        ApiError: `not_found`.
    """

    def question(store: Store) -> Stored | None:
        record = store.order(order_id)
        if record is None:
            return None
        batch = store.batch(record.batch_id)
        portfolio_id = None if batch is None else batch[0].portfolio_id
        return Stored(record, portfolio_id, store.events(order_id))

    found = await call.system.records.read(question)
    if found is None:
        raise ApiError("not_found", f"no order {order_id}")
    return found


def path_id(call: Call, name: str, what: str) -> str:
    """An id of the path; one that cannot be one is simply not there."""
    text = call.path[name]
    if not ID.fullmatch(text):
        raise ApiError("not_found", f"no {what} {text[:64]!r}")
    return text


def _cursor(call: Call) -> str | None:
    text = call.query.get("cursor")
    if text is not None and not ID.fullmatch(text):
        raise query_error("cursor", "wanted what next_cursor told")
    return text


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
