"""One order, once it is accepted: sent, cancelled, changed, filled by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from actors.messages.denial import Denial
from actors.request import Ask
from adapters import Order, OrderRecord, SentAs

# A broker -----------------------------------------------------------------------------


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
