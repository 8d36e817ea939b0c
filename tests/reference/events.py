"""Events: their fields, and every type, which the code must name as well."""

from __future__ import annotations

from msgspec.structs import fields

from adapters.events import VERSION, Event
from tests.reference.source import event_types
from tests.reference.words import code, prose, table

INTRODUCTION = """# Events

The types of [events](../events.md), as the stream, web hooks and Kafka tell them.
"""
TYPES = {
    "breaker.changed": "a broker's breaker turned (`from`, `to`)",
    "egress.mismatch": "orders would leave from another address than wanted",
    "egress.ok": "they leave from the address that is wanted",
    "kill_switch.engaged": "trading is halted",
    "kill_switch.released": "trading goes on",
    "order.acked": "the broker has it",
    "order.cancel_requested": "somebody wants it cancelled",
    "order.cancelled": "it is cancelled; what was filled before stays",
    "order.denied": "Ordo said no; nothing was sent",
    "order.fill_requested": "somebody fills an order of a simulated broker",
    "order.filled": "all of it is filled",
    "order.modified": "a change was taken, and the order is as it says",
    "order.modify_requested": "somebody wants it changed",
    "order.not_placed": "it was unknown, and the broker provably does not have it",
    "order.partially_filled": "a part is filled",
    "order.placed": "it is stored, and will be sent",
    "order.rejected": "the broker said no",
    "order.resting": "a protected market order waits unfilled",
    "order.settled": "filled, and one trading day has passed (T+1)",
    "order.undecided": "rows of the book may be it, and people have to decide",
    "order.unknown": "it may have arrived; it is looked for",
    "session.active": "a log-in is good",
    "session.expired": "a session ended",
    "session.logged_out": "somebody logged out",
    "store.damaged": "a check of the store found what is wrong there",
    "store.recovered": "the store takes writes again",
}


def page() -> str:
    """The page.

    Raises:
        AssertionError: the code has other types than are told of here.
    """
    odd = sorted(event_types() ^ TYPES.keys())
    assert not odd, f"tests/reference/events.py and the code differ in {odd}"
    rows = [
        (code(field.name), code(str(field.type).removeprefix("<class '").rstrip("'>")))
        for field in fields(Event)
    ]
    return "\n\n".join(
        [
            INTRODUCTION,
            f"## Fields, version {VERSION}",
            prose(Event.__doc__),
            table(("field", "type"), [(name, _short(kind)) for name, kind in rows]),
            "## Types",
            table(("type", "when"), [(code(k), v) for k, v in sorted(TYPES.items())]),
        ]
    )


def _short(kind: str) -> str:
    """A type's name without its module."""
    return kind.replace("datetime.datetime", "datetime").replace("typing.", "")
