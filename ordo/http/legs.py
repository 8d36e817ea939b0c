"""From the orders of a body to the legs of a batch, each value checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from actors.messages import Leg
from actors.slicing import MOST_LEGS
from adapters import Order, OrderType
from ordo.http.bodies import OrderBody, PlaceBody
from ordo.http.decoding import check_text
from ordo.http.errors import invalid
from ordo.http.numbers import check_number, check_whole, shown

SYMBOL = re.compile(r"[A-Z][A-Z_]{1,15}:[A-Z0-9&_.\-]{1,48}")
FRACTIONAL_EXCHANGES = frozenset({"US"})
"""Where quantities may have decimals. Source: api.md, "Ground rules"."""


def legs_of(body: PlaceBody, known: Mapping[str, object]) -> tuple[Leg, ...]:
    """Each order with each of its brokers, in the order of the request.

    Args:
        body: decoded.
        known: the configured brokers.

    Raises:
        ApiError: `validation_failed`, naming the path.
    """
    check_brokers(body.brokers, known, "$.brokers")
    legs = []
    for index, item in enumerate(body.orders):
        path = f"$.orders[{index}]"
        order = order_of(item, path)
        if item.brokers is not None:
            check_brokers(item.brokers, known, f"{path}.brokers")
        brokers = body.brokers if item.brokers is None else item.brokers
        if not brokers:
            raise invalid(f"{path}.brokers", "wanted at least one broker, found none")
        legs += [
            Leg(order_index=index, broker=name, order=order, cut=item.slice)
            for name in brokers
        ]
    if len(legs) > MOST_LEGS:
        raise invalid("$.orders", f"wanted at most {MOST_LEGS} legs, found {len(legs)}")
    return tuple(legs)


def order_of(body: OrderBody, path: str) -> Order:
    """The order, if its values make sense together.

    Raises:
        ApiError: `validation_failed`, naming the path.
    """
    if not SYMBOL.fullmatch(body.symbol):
        wanted = "wanted EXCHANGE:NAME, such as NSE:SBIN"
        raise invalid(f"{path}.symbol", f"{wanted}, found {body.symbol!r}")
    if body.note is not None:
        check_text(body.note, f"{path}.note")
    check_units(body.quantity, body.symbol, f"{path}.quantity")
    if body.disclosed_quantity is not None:
        at = f"{path}.disclosed_quantity"
        check_units(body.disclosed_quantity, body.symbol, at)
        if body.disclosed_quantity > body.quantity:
            raise invalid(at, f"wanted at most quantity ({shown(body.quantity)})")
    kind = body.type
    _check_price(body.price, kind.has_price, kind, f"{path}.price")
    _check_price(body.trigger_price, kind.has_trigger, kind, f"{path}.trigger_price")
    return Order(
        symbol=body.symbol,
        side=body.side,
        quantity=body.quantity,
        type=body.type,
        price=body.price,
        trigger_price=body.trigger_price,
        product=body.product,
        validity=body.validity,
        disclosed_quantity=body.disclosed_quantity,
        note=body.note,
    )


def check_units(value: Decimal, symbol: str, path: str) -> None:
    """A quantity: a positive number, whole where the exchange trades no fractions.

    Raises:
        ApiError: `validation_failed`, naming the path.
    """
    check_number(value, path)
    if symbol.partition(":")[0] not in FRACTIONAL_EXCHANGES:
        check_whole(value, path)


def _check_price(
    value: Decimal | None, wanted: bool, kind: OrderType, path: str
) -> None:
    if value is None:
        if wanted:
            raise invalid(path, f"{kind} orders need it, found nothing")
        return
    check_number(value, path)
    if not wanted:
        raise invalid(path, f"{kind} orders have none, found {shown(value)}")


def check_brokers(names: Sequence[str], known: Mapping[str, object], path: str) -> None:
    """Names of configured brokers, none of them twice.

    Raises:
        ApiError: `validation_failed`, naming the path.
    """
    for index, name in enumerate(names):
        if name not in known:
            there = ", ".join(known) or "none"
            raise invalid(
                f"{path}[{index}]", f"wanted one of {there}, found {name[:64]!r}"
            )
        if name in names[:index]:
            raise invalid(f"{path}[{index}]", f"{name} is named twice")
