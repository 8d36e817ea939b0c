"""Replies as plain JSON, secrets masked, and one word for how it went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from actors import messages as m
from adapters import OrderRecord, OrderStatus
from adapters.secret import Secret
from ordo.http.envelope import Status
from ordo.http.outcomes import GOOD, OPEN_ENDED

MASK = "***"
REFUSALS = (
    m.Denial,
    m.StoreDown,
    m.FetchFailed,
    m.LoginFailed,
    m.KeyReused,
    m.InProgress,
    m.TradingHalted,
    m.Overloaded,
)
"""Replies that say no."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A reply as the console shows it: its type, or that of each in a list."""

    type: str | list[str]
    reply: Any
    status: Status


def shown(reply: Any) -> Shown:
    """A reply of an actor."""
    if isinstance(reply, tuple):
        names: str | list[str] = [type(each).__name__ for each in reply]
    else:
        names = type(reply).__name__
    return Shown(type=names, reply=numbers(reply), status=status_of(reply))


def numbers(value: Any) -> Any:
    """*value* in plain types; decimals stay, for the encoder writes them exactly."""
    return msgspec.to_builtins(value, builtin_types=(Decimal,), enc_hook=_masked)


def texts(value: Any) -> Any:
    """*value* in plain types, decimals as text: as the audit log keeps them."""
    return msgspec.to_builtins(value, enc_hook=_masked)


def _masked(value: Any) -> Any:
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} is not shown")


def status_of(reply: Any) -> Status:
    """One word, as the API's envelope has it."""
    match reply:
        case m.BatchDone(orders=orders):
            return _of_orders(orders)
        case m.NothingAccepted(legs=legs):
            return _together(not isinstance(leg.answer, m.Denial) for leg in legs)
        case m.SquaredOff(batch=batch, failures=failures):
            status: Status = "success" if batch is None else status_of(batch)
            return "partial" if failures and status == "success" else status
        case m.CancelResult() | m.ChangeResult() | m.FillResult():
            return _of_one(reply)
        case m.CancelledOpen(results=results, denial=denial):
            if denial is not None:
                return "error"
            # One that ended by itself meanwhile is as good as cancelled.
            ends = ("success" if r.record.is_settled else _of_one(r) for r in results)
            return _worst(ends)
        case m.Reconciled(failure=failure) | m.MasterSync(failure=failure):
            return "success" if failure is None else "error"
        case tuple():
            return _worst(map(status_of, reply))
    return "error" if isinstance(reply, REFUSALS) else "success"


def _of_orders(orders: Sequence[OrderRecord]) -> Status:
    if any(order.status in OPEN_ENDED for order in orders):
        return "pending"
    return _together(order.status in GOOD for order in orders)


def _of_one(each: m.CancelResult | m.ChangeResult | m.FillResult) -> Status:
    if each.denial is not None:
        return "pending" if each.denial.code == "unknown" else "error"
    if isinstance(each, m.CancelResult) and not each.record.is_settled:
        return "pending"
    return "pending" if each.record.status is OrderStatus.UNKNOWN else "success"


def _together(good: Iterable[bool]) -> Status:
    found = list(good)
    if all(found):
        return "success"
    return "partial" if any(found) else "error"


def _worst(each: Iterable[Status]) -> Status:
    found = set(each)
    if "pending" in found:
        return "pending"
    if len(found) > 1:
        return "partial"
    return found.pop() if found else "success"
