"""`POST /api/v1/orders/{order_id}/simulate_fill`: fill a simulated broker's order."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec
import trio

from actors.mailbox import MailboxError, MailboxFull
from actors.messages import Denial, FillResult, SimulatedFill, SimulateFill
from adapters import OrderRecord
from ordo.http.bodies import Body
from ordo.http.call import Call
from ordo.http.decoding import decode
from ordo.http.envelope import Reply
from ordo.http.errors import ApiError, invalid
from ordo.http.legs import check_units
from ordo.http.numbers import check_number
from ordo.http.orders import path_id, stored
from ordo.http.views import leg_result, order_view

FILL_SECONDS = 15.0
"""Each fill comes back by a read of the broker's book, which may wait for its turn."""
MOST_FILLS = 50


class FillBody(Body, frozen=True, kw_only=True):
    """One fill: price and units. `order_id` may be left out; else it is the path's."""

    fill_price: Decimal
    fill_qty: Decimal
    order_id: str | None = None


class SimulateBody(Body, frozen=True, kw_only=True):
    """`fills` happen one after the other; each may be a part of the order."""

    fills: Annotated[list[FillBody], msgspec.Meta(min_length=1, max_length=MOST_FILLS)]


async def simulate_fill(call: Call) -> Reply:
    """Fill an open order by hand; `data` is the order as it stands then.

    Simulated brokers only, and while trading is halted too: it is no order. Not
    idempotent: asked again, it fills again. 200 where all is filled as wanted, or why
    not; 202 where it is, and the broker's book could not be read since.
    """
    order_id = path_id(call, "order_id", "order")
    body = decode(call.body, SimulateBody)
    record = (await stored(call, order_id)).record
    message = SimulateFill(
        order_id=order_id,
        fills=fills_of(body, record),
        by=call.principal.id,
        request_id=call.request_id,
    )
    if record.is_settled:
        raise ApiError("conflict", f"order {order_id}: it is {record.status} already")
    asked = trio.current_time()
    denial = await _ask(call, record, message)
    if denial is not None and denial.code == "conflict":
        raise ApiError("conflict", f"order {order_id}: {denial.message}")
    found = await stored(call, order_id)
    result = leg_result(found.record)
    if denial is not None:
        result.error_code, result.message = denial.code, denial.message
    unread = denial is not None and denial.code == "unknown"
    return Reply(
        status="pending" if unread else "success" if denial is None else "error",
        http_status=202 if unread else 200,
        data=order_view(found.record, found.portfolio_id, found.events),
        results=[result],
        broker_ms=(trio.current_time() - asked) * 1000,
    )


def fills_of(body: SimulateBody, record: OrderRecord) -> tuple[SimulatedFill, ...]:
    """The fills, each of them a number of units and a price.

    Raises:
        ApiError: `validation_failed`, naming the path.
    """
    for index, fill in enumerate(body.fills):
        path = f"$.fills[{index}]"
        if fill.order_id not in (None, record.order_id):
            words = f"wanted {record.order_id} as in the path, found {fill.order_id!r}"
            raise invalid(f"{path}.order_id", words)
        check_number(fill.fill_price, f"{path}.fill_price")
        check_units(fill.fill_qty, record.order.symbol, f"{path}.fill_qty")
    return tuple(
        SimulatedFill(quantity=fill.fill_qty, price=fill.fill_price)
        for fill in body.fills
    )


async def _ask(call: Call, record: OrderRecord, message: SimulateFill) -> Denial | None:
    """Have the order's broker fill it; None, or why it is not all filled."""
    broker = call.system.brokers.get(record.broker)
    if broker is None:
        words = "its broker is not configured any more"
        return Denial(code="broker_unavailable", message=words)
    try:
        with trio.fail_after(FILL_SECONDS):
            answer = await broker.ask(message)
    except MailboxFull as full:
        raise ApiError("overloaded", str(full)) from None
    except (MailboxError, trio.TooSlowError):
        words = "the fill has no answer yet; read the order before you fill it again"
        return Denial(code="unknown", message=words)
    if isinstance(answer, FillResult):
        return answer.denial
    raise ApiError(answer.code, answer.message)  # not_found, storage_unavailable
