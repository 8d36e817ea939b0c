"""Quantities and prices: what is a number for an order, and how numbers are shown."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

from ordo.http.errors import invalid

MOST_DECIMALS = 4
FINEST = Decimal(1).scaleb(-MOST_DECIMALS)
LARGEST = Decimal("1e12")
"""Above any price or quantity of a real order, and exact in every client's floats."""
LONGEST_TAIL = 24
"""Digits after the point that are looked at; an honest client sends no more zeros."""
EXACT = Context(prec=64)
"""Holds every number below `LARGEST` with that tail, so that nothing is rounded."""


def check_number(value: Decimal, path: str) -> None:
    """A positive number below `LARGEST` with at most 4 decimals.

    Raises:
        ApiError: `validation_failed`, naming the path.
    """
    if not value.is_finite():
        raise invalid(path, f"wanted a finite number, found {value}")
    if value <= 0:
        raise invalid(path, f"must be positive, was {shown(value)}")
    if value >= LARGEST:
        raise invalid(path, f"wanted less than {LARGEST:f}, found {shown(value)}")
    exponent = _exponent(value)
    if exponent < -LONGEST_TAIL or -_exponent(EXACT.normalize(value)) > MOST_DECIMALS:
        wanted = f"wanted at most {MOST_DECIMALS} decimals"
        raise invalid(path, f"{wanted}, found {shown(value)}")


def check_whole(value: Decimal, path: str) -> None:
    """A number of `check_number` that has no fraction.

    Raises:
        ApiError: `validation_failed`, naming the path.
    """
    if value != value.to_integral_value():
        raise invalid(path, f"wanted whole units, found {shown(value)}")


def at_most_4_decimals(value: Decimal) -> Decimal:
    """Money and prices as clients see them; what was computed is rounded half-even."""
    if _exponent(value) >= -MOST_DECIMALS:
        return value
    return value.quantize(FINEST, ROUND_HALF_EVEN, EXACT).normalize()


def shown(value: Decimal) -> str:
    """A number for a message: a client may have sent a million digits."""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
