"""What a message would do that wants a second look, in words; None where it needs none.

A halt and a cancel of one order never ask: they must not be held up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors.messages import (
    CancelOpen,
    ClosePositions,
    EngageSwitch,
    Leg,
    ModifyOrder,
    PlaceBatch,
    ReleaseSwitch,
    SetBreaker,
)
from ordo.http.numbers import shown

Words = Callable[[Any], str | None]


def nothing(message: Any) -> str | None:
    """It needs no second look."""
    return None


def place(message: PlaceBatch) -> str | None:
    """Every order with its broker; a dry run sends none."""
    if message.dry_run:
        return None
    return "sends " + "; ".join(map(_leg, message.legs))


def _leg(leg: Leg) -> str:
    order = leg.order
    words = [order.side, shown(order.quantity), order.symbol, order.type]
    words += [] if order.price is None else [f"at {shown(order.price)}"]
    if order.trigger_price is not None:
        words.append(f"trigger {shown(order.trigger_price)}")
    return " ".join([*words, order.product, f"to {leg.broker}"])


def close(message: ClosePositions) -> str | None:
    """Which positions."""
    which = "every open position"
    return f"squares off {_where(which, message.symbol, message.brokers)}"


def cancel_open(message: CancelOpen) -> str | None:
    """Which orders: stop-losses are among them."""
    return f"cancels {_where('every open order', message.symbol, message.brokers)}"


def _where(what: str, symbol: str | None, brokers: tuple[str, ...]) -> str:
    words = what if symbol is None else f"{what} in {symbol}"
    return f"{words} at {', '.join(brokers) or 'no broker'}"


def modify(message: ModifyOrder) -> str | None:
    """What the order becomes."""
    changes = ", ".join(f"{name} {value}" for name, value in message.changes.items())
    return f"changes order {message.order_id}: {changes}"


def engage(message: EngageSwitch) -> str | None:
    """A halt asks for nothing, unless it is to trade."""
    if not message.close_positions:
        return None
    return "halts, cancels every open order and squares off every open position"


def release(message: ReleaseSwitch) -> str | None:
    """Trading begins."""
    return "lets orders leave again"


def set_breaker(message: SetBreaker) -> str | None:
    """One held closed protects nobody."""
    if message.state != "CLOSED":
        return None
    return "has orders sent whatever failures the breaker counts"
