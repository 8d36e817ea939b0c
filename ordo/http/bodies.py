"""What request bodies hold, as types."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from actors.slicing import MOST_LEGS
from adapters import OrderType, Product, Side, Validity

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Label = Annotated[str, msgspec.Meta(max_length=128)]
Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Answer = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
DeadlineMs = Annotated[int, msgspec.Meta(ge=1, le=60_000)]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request body; a field that it does not name is an error."""


class OrderBody(Body, frozen=True, kw_only=True):
    """One order. Quantities are units; `product` left out is CNC, `validity` DAY.

    `slice`: one over the exchange's freeze quantity is cut into several, each an order
    of its own; else it is denied.
    """

    symbol: Annotated[str, msgspec.Meta(max_length=64)]
    side: Side
    quantity: Decimal
    type: OrderType
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    product: Product = Product.CNC
    validity: Validity = Validity.DAY
    disclosed_quantity: Decimal | None = None
    brokers: list[Text] | None = None
    note: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    slice: bool = False


class PlaceBody(Body, frozen=True, kw_only=True):
    """`POST /api/v1/orders`. `deadline_ms` is a length, in milliseconds.

    `sequential`: at each broker the buys wait until its sells are filled, and are
    denied where these are not in time.
    """

    orders: Annotated[list[OrderBody], msgspec.Meta(min_length=1, max_length=MOST_LEGS)]
    brokers: list[Text] = []
    portfolio_id: Label | Number | None = None
    idempotency_key: str | None = None
    deadline_ms: DeadlineMs | None = None
    dry_run: bool = False
    sequential: bool = False


class SwitchBody(Body, frozen=True, kw_only=True):
    """`PUT /api/v1/kill-switch`."""

    engaged: bool
    reason: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    cancel_open: bool = False
    close_positions: bool = False


class VerifyBody(Body, frozen=True, kw_only=True):
    """`POST /api/v1/sessions/{broker}/verify`.

    `otp` and `redirect_url` are what most brokers ask for; `fields` holds what else a
    challenge names.
    """

    challenge_id: Label
    otp: Answer | None = None
    redirect_url: Annotated[str, msgspec.Meta(max_length=8192)] | None = None
    fields: dict[Label, Answer] = {}


class BreakerBody(Body, frozen=True, kw_only=True):
    """`PUT /api/v1/brokers/{broker}/breaker`: OPEN, CLOSED or AUTO."""

    state: Literal["OPEN", "CLOSED", "AUTO"]


class SyncBody(Body, frozen=True, kw_only=True):
    """`POST /api/v1/instruments/sync`; all of it may be left out.

    `force` takes a master too that is far smaller than the one before. `wait_seconds`:
    how long to wait for the end; a sync that takes longer goes on.
    """

    brokers: list[Text] = []
    force: bool = False
    wait_seconds: Annotated[float, msgspec.Meta(ge=0, le=300)] = 30.0


class ReconcileBody(Body, frozen=True, kw_only=True):
    """`POST /api/v1/reconcile`; without brokers it means all."""

    brokers: list[Text] = []


class CancelBody(Body, frozen=True, kw_only=True):
    """`POST /api/v1/orders/cancel`; without brokers it means all, without a symbol
    every one."""

    brokers: list[Text] = []
    symbol: Text | None = None


class CloseBody(Body, frozen=True, kw_only=True):
    """`POST /api/v1/positions/close`; without a symbol it means every one.

    The brokers must be named: what is empty by mistake must not close everything.
    """

    brokers: Annotated[list[Text], msgspec.Meta(min_length=1)]
    symbol: Text | None = None
    idempotency_key: str | None = None
    deadline_ms: DeadlineMs | None = None
