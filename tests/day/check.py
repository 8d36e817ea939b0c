"""What Ordo says of a day, held against the brokers' books. Each gives what differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, Protocol

from tests.day.books import (
    Booked,
    Lot,
    lot,
    net,
    profit,
    shown,
    worth,
)

Books = Mapping[str, Mapping[str, Booked]]
"""By broker, then by tag."""
Row = Mapping[str, Any]
"""An order as the API shows it."""
NEVER_THERE = frozenset({"denied", "not_placed"})
STATUSES = frozenset(
    {
        "placed",
        "acked",
        "partially_filled",
        "filled",
        "settled",
        "cancelled",
        "rejected",
        "denied",
        "unknown",
        "not_placed",
    }
)


class Happened(Protocol):
    """An event, wherever it was read."""

    id: int
    type: str
    order_id: str | None
    data: Mapping[str, Any]


def orders(rows: Sequence[Row], books: Books) -> list[str]:
    """Every order is in its broker's book as Ordo says, and no other one is there."""
    wrong = []
    known = {(row["broker"], row["client_tag"]) for row in rows}
    for broker, book in books.items():
        wrong += [
            f"{broker}: {tag} is nobody's" for tag in book if (broker, tag) not in known
        ]
    for row in rows:
        booked = books[row["broker"]].get(row["client_tag"])
        if (booked is None) is not (row["status"] in NEVER_THERE):
            wrong.append(f"{row['order_id']} is {row['status']}, the book has {booked}")
        elif booked is not None and (ours := _said(row)) != (theirs := _has(booked)):
            wrong.append(f"{row['order_id']}: {ours} against {theirs}")
    return wrong


def _said(row: Row) -> tuple[Any, ...]:
    terms = row["sent_as"] or row
    return (
        row["symbol"],
        row["side"],
        row["status"],
        row["quantity"],
        terms["price"],
        row["filled_quantity"],
        row["average_price"],
    )


def _has(booked: Booked) -> tuple[Any, ...]:
    average = booked.average
    return (
        booked.symbol,
        booked.side,
        booked.status,
        booked.quantity,
        booked.price,
        booked.filled,
        None if average is None else _rounded(average),
    )


def _rounded(value: Decimal) -> Decimal:
    return round(value, 4)


def stories(
    rows: Sequence[Row],
    events: Iterable[Happened],
    stored: Mapping[str, Sequence[str]],
) -> list[str]:
    """Every change of status was told once, and those of one order in order.

    Args:
        events: as a publisher or a reader of the stream was told them.
        stored: the statuses of each order as Ordo keeps them.
    """
    wrong = []
    told: dict[str, list[Happened]] = {row["order_id"]: [] for row in rows}
    for event in events:
        if event.order_id is not None and _status(event) in STATUSES | {"modified"}:
            told[event.order_id].append(event)
    for row in rows:
        order_id, mine = row["order_id"], told[row["order_id"]]
        statuses = _statuses(mine)
        if statuses != list(stored[order_id]):
            wrong.append(f"{order_id}: told {statuses}, stored {stored[order_id]}")
        if not statuses or statuses[-1] != row["status"]:
            wrong.append(f"{order_id} is {row['status']}, told last {statuses[-1:]}")
        if any(later.id <= before.id for before, later in pairwise(mine)):
            wrong.append(f"{order_id}: {[event.id for event in mine]}")
    return wrong


def in_order(events: Iterable[Happened]) -> list[str]:
    """All events came in the order of their ids, each once."""
    return [
        f"event {later.id} comes after {before.id}"
        for before, later in pairwise(events)
        if later.id <= before.id
    ]


def _statuses(told: Iterable[Happened]) -> list[str]:
    """The order's status after each; a change of its terms leaves it as it was."""
    statuses: list[str] = []
    for event in told:
        status = _status(event)
        statuses.append(statuses[-1] if status == "modified" else status)
    return statuses


def _status(event: Happened) -> str:
    return event.type.removeprefix("order.")


def fills(rows: Sequence[Row], events: Iterable[Happened], books: Books) -> list[str]:
    """What was told after each fill is what the broker had after one of its own."""
    told: dict[str | None, list[Happened]] = {}
    for event in events:
        told.setdefault(event.order_id, []).append(event)
    wrong = []
    for row in rows:
        booked = books[row["broker"]].get(row["client_tag"])
        wrong += _fills(row, told.get(row["order_id"], []), booked)
    return wrong


def _fills(row: Row, told: Sequence[Happened], booked: Booked | None) -> list[str]:
    real = {Decimal(0): Decimal(0), **dict(booked.told)} if booked else {}
    units = value = Decimal(0)
    wrong = []
    for event in told:
        if (quantity := event.data.get("fill_quantity")) is None:
            continue
        units += Decimal(quantity)
        value += Decimal(quantity) * Decimal(event.data["fill_price"])
        if units not in real or round(value - real[units], 12):
            wrong.append(f"{row['order_id']}: {units} for {value} were never filled")
    if booked is not None and units != booked.filled:
        wrong.append(f"{row['order_id']}: {units} told, {booked.filled} filled")
    return wrong


def positions(rows: Iterable[Row], books: Books) -> list[str]:
    """What Ordo shows of positions is what the fills of each book add up to."""
    shown_ = {(row["broker"], row["symbol"]): row["quantity"] for row in rows}
    summed = {
        (broker, symbol): units
        for broker, book in books.items()
        for symbol, units in net(book.values()).items()
    }
    return [
        f"{key}: {shown_.get(key, 0)} against {summed.get(key, 0)}"
        for key in {*shown_, *summed}
        if shown_.get(key, 0) != summed.get(key, 0)
    ]


def report(data: Row, books: Books, last: Mapping[str, Decimal]) -> list[str]:
    """A batch's numbers, reckoned again from the books."""
    rows = data["orders"]
    found = [books[row["broker"]].get(row["client_tag"]) for row in rows]
    asked = [
        priced
        for row, each in zip(rows, found, strict=True)
        if (priced := _asked(row, each)) is not None
    ]
    filled = [
        lot(each.symbol, each.sign, each.filled, each.value)
        for each in found
        if each is not None and each.filled
    ]
    actual, still_open = profit(filled)
    wanted = {
        "total_orders": len(rows),
        "total_qty": sum(
            _units(row, each) for row, each in zip(rows, found, strict=True)
        ),
        "filled_qty": sum(each.filled for each in found if each),
        "total_value": shown(_value(asked)),
        "filled_value": shown(_value(filled)),
        "expected_pnl": shown(profit(asked)[0]),
        "actual_pnl": shown(actual),
        "unrealised_pnl": shown(worth(still_open, last)),
        "unknown_orders": 0,
        "pending_orders": 0,
        "filled_orders": _count(found, "filled"),
        "cancelled_orders": _count(found, "cancelled"),
        "rejected_orders": _count(found, "rejected") + found.count(None),
        "differences": [],
    }
    return [
        f"{data['batch_id']} {name}: {data[name]} against {value}"
        for name, value in wanted.items()
        if data[name] != value
    ]


def _count(found: Sequence[Booked | None], status: str) -> int:
    return sum(each is not None and each.status == status for each in found)


def _units(row: Row, booked: Booked | None) -> Decimal:
    return booked.quantity if booked else Decimal(row["quantity"])


def _asked(row: Row, booked: Booked | None) -> Lot | None:
    """The order whole, at the price it went out at; None where it never had one."""
    price = booked.price if booked else row["price"] or (row["sent_as"] or row)["price"]
    if price is None:
        return None
    units = _units(row, booked)
    sign = 1 if row["side"] == "BUY" else -1
    return lot(row["symbol"], sign, units, units * price)


def _value(lots: Iterable[Lot]) -> Any:
    return sum(abs(each.quantity) * each.price for each in lots)
