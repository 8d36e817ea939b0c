"""`PATCH /api/v1/orders/{order_id}`: change an open order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import trio

from actors.mailbox import MailboxError, MailboxFull
from actors.messages import ChangeResult, Denial, ModifyOrder
from adapters import OrderType, Validity
from ordo.http.bodies import Body, DeadlineMs
from ordo.http.call import Call
from ordo.http.decoding import decode
from ordo.http.envelope import Reply
from ordo.http.errors import ApiError
from ordo.http.legs import check_units
from ordo.http.numbers import check_number
from ordo.http.orders import path_id, stored
from ordo.http.placing import refuse_while_stopping
from ordo.http.views import leg_result, order_view

NOTHING = "wanted quantity, price, trigger_price, type or validity to change"


class ModifyBody(Body, frozen=True, kw_only=True):
    """What changes; what is left out stays. Quantities are totals, in units."""

    quantity: Decimal | msgspec.UnsetType = msgspec.UNSET
    price: Decimal | msgspec.UnsetType | None = msgspec.UNSET
    trigger_price: Decimal | msgspec.UnsetType | None = msgspec.UNSET
    type: OrderType | msgspec.UnsetType = msgspec.UNSET
    validity: Validity | msgspec.UnsetType = msgspec.UNSET
    deadline_ms: DeadlineMs | None = None


async def modify_order(call: Call) -> Reply:
    """Change an open order; its terms afterwards are in `data`.

    Safe to repeat: an order that stands as wanted is left alone. 200 where it stands,
    or why it does not; 202 where the answer was lost and the book has not told yet.
    """
    order_id = path_id(call, "order_id", "order")
    body = decode(call.body, ModifyBody)
    changes = changes_of(body)
    found = await stored(call, order_id)
    if "quantity" in changes:
        check_units(changes["quantity"], found.record.order.symbol, "$.quantity")
    message = ModifyOrder(
        order_id=order_id,
        changes=changes,
        by=call.principal.id,
        request_id=call.request_id,
    )
    refuse_while_stopping(call)
    seconds = (body.deadline_ms or call.system.settings.orders.deadline_ms) / 1000
    asked = trio.current_time()
    answer = await _ask(call, message, seconds)
    record, denial = answer.record, answer.denial
    if denial is not None and denial.code == "conflict":
        raise ApiError("conflict", f"order {order_id}: {denial.message}")
    result = leg_result(record)
    if denial is not None:
        result.error_code, result.message = denial.code, denial.message
    lost = denial is not None and denial.code == "unknown"
    return Reply(
        status="pending" if lost else "success" if denial is None else "error",
        http_status=202 if lost else 200,
        data=order_view(record, found.portfolio_id),
        results=[result],
        broker_ms=(trio.current_time() - asked) * 1000,
    )


def changes_of(body: ModifyBody) -> dict[str, Any]:
    """The fields that were given.

    Raises:
        ApiError: `validation_failed`.
    """
    fields = msgspec.structs.asdict(body)
    del fields["deadline_ms"]
    changes = {name: v for name, v in fields.items() if v is not msgspec.UNSET}
    if not changes:
        raise ApiError("validation_failed", NOTHING, data={"path": "$"})
    for name in ("price", "trigger_price"):
        if changes.get(name) is not None:
            check_number(changes[name], f"$.{name}")
    return changes


async def _ask(call: Call, message: ModifyOrder, seconds: float) -> ChangeResult:
    try:
        with trio.fail_after(seconds):
            answer = await call.system.router.ask(message)
    except MailboxFull as full:
        raise ApiError("overloaded", str(full)) from None
    except (MailboxError, trio.TooSlowError):
        words = "the change has no answer yet; it may have arrived"
        record = (await stored(call, message.order_id)).record
        denial = Denial(code="unknown", message=words)
        return ChangeResult(record=record, denial=denial)
    if isinstance(answer, ChangeResult):
        return answer
    raise ApiError(answer.code, answer.message)  # not_found, storage_unavailable
