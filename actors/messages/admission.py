"""Whether a broker would take an order now, and the rate slot it gives with a yes."""

from __future__ import annotations

import msgspec

from actors.messages.denial import Denial
from actors.request import Ask
from adapters import Order, SentAs

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
