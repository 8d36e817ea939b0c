"""Orders over the exchange's freeze quantity, cut into several that it takes.

Pure. Only where the client asked for it, and where the broker's master tells a freeze
quantity. All parts of one order are accepted, or none is.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from actors.messages import Admission, Denial, Leg, LegAnswer
from adapters import ZERO, Slice
from adapters.instruments import Instrument

MOST_LEGS = 50
"""Orders of one request, parts included. Source: api.md, "Orders"."""
MOST_SLICES = 20
"""Parts of one order, where nothing else is set. One broker advises ten or less, so
that all leave within a second (regulation.md, rule 23); at eight a second these take
three of the five seconds that a request has."""

Find = Callable[[Leg], Instrument | None]
"""What the leg's broker has under its symbol."""


class Cut(NamedTuple):
    """Legs after the cutting; *refused*: those that could not be cut, by index."""

    legs: tuple[Leg, ...]
    refused: dict[int, Denial]


def cut(
    legs: Sequence[Leg], find: Find, new_id: Callable[[], str], most: int = MOST_SLICES
) -> Cut:
    """Cut those legs up that want it and are too large for one order.

    Args:
        new_id: makes the ids that the parts of an order have in common.
        most: parts of one order.
    """
    made: list[Leg] = []
    refused: dict[int, Denial] = {}
    room = MOST_LEGS - len(legs)
    for leg in legs:
        size = _size(leg, find(leg)) if leg.cut else None
        if size is None:
            made.append(leg)
            continue
        count = _count(leg.order.quantity, size)
        if (denial := _too_many(leg, size, count, most, room)) is not None:
            refused[len(made)] = denial
            made.append(leg)
            continue
        room -= count - 1
        made += _parts(leg, size, new_id())
    return Cut(tuple(made), refused)


def slices(quantity: Decimal, instrument: Instrument | None) -> list[Decimal]:
    """Units that are *quantity* together, none more than one order may be for."""
    most = largest(instrument) or quantity
    parts = []
    while quantity > 0:
        parts.append(min(quantity, most))
        quantity -= parts[-1]
    return parts


def largest(instrument: Instrument | None) -> Decimal | None:
    """Units: the whole lots within the freeze quantity; None: nobody tells one."""
    if instrument is None or not instrument.freeze_quantity:
        return None
    freeze, lot = instrument.freeze_quantity, instrument.lot_size
    return freeze - freeze % lot if ZERO < lot <= freeze else freeze


def whole(answers: Sequence[LegAnswer]) -> tuple[LegAnswer, ...]:
    """The answers, with all parts of an order denied where one of them is."""
    why = {
        answer.leg.slice.parent_id: answer.answer
        for answer in reversed(answers)
        if answer.leg.slice is not None and isinstance(answer.answer, Denial)
    }
    return (
        tuple(_with_its_parts(answer, why) for answer in answers)
        if why
        else (tuple(answers))
    )


def _with_its_parts(answer: LegAnswer, why: dict[str, Denial]) -> LegAnswer:
    part = answer.leg.slice
    if part is None or part.parent_id not in why:
        return answer
    if not isinstance(answer.answer, Admission):
        return answer
    first = why[part.parent_id]
    words = f"another part of its order was denied: {first.message}"
    return msgspec.structs.replace(
        answer, answer=msgspec.structs.replace(first, message=words)
    )


def _size(leg: Leg, instrument: Instrument | None) -> Decimal | None:
    """Units of a part; None where it is to go as it is, or be denied as it is."""
    size = largest(instrument)
    if instrument is None or size is None or leg.order.quantity <= size:
        return None
    lot = instrument.lot_size
    if lot > 0 and (leg.order.quantity % lot or size % lot):
        return None  # no whole lots: that is what its denial has to say
    return size


def _count(quantity: Decimal, size: Decimal) -> int:
    full, rest = divmod(quantity, size)
    return int(full) + (rest > 0)


def _too_many(
    leg: Leg, size: Decimal, count: int, most: int, room: int
) -> Denial | None:
    """Why *count* parts are more than there may be; *room*: orders left to make."""
    order = leg.order
    words = (
        f"{order.symbol}: {order.quantity:f} in parts of {size:f} are {count} orders"
    )
    if count > most:
        words += f", wanted at most {most} (orders.most_slices)"
    elif count - 1 > room:
        words += f", which makes the request larger than {MOST_LEGS}"
    else:
        return None
    return Denial(code="invalid_quantity", message=f"{words}; ask for less at a time")


def _parts(leg: Leg, size: Decimal, parent_id: str) -> list[Leg]:
    count = _count(leg.order.quantity, size)
    left, parts = leg.order.quantity, []
    for number in range(1, count + 1):
        quantity = min(left, size)
        left -= quantity
        shown = leg.order.disclosed_quantity
        order = msgspec.structs.replace(
            leg.order,
            quantity=quantity,
            disclosed_quantity=None if shown is None else min(shown, quantity),
        )
        part = Slice(parent_id=parent_id, number=number, of=count)
        parts.append(msgspec.structs.replace(leg, order=order, slice=part))
    return parts
