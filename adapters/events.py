"""What happened, as it is told to the outside: one schema for streams and hooks.

An event is an audit record that concerns a trader, under the record's number: stored
with the change that it tells of, so none is told that did not happen, and none is lost.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from adapters.store_port import AuditRecord

VERSION = 1
"""Of the schema: fields may be added under it, none renamed or taken away."""

RENAMED = {"order.accepted": "order.placed"}
"""The audit tells what was done, an event which status an order has."""
PRIVATE = frozenset({"order.sending", "session.refused"})
"""Of no use outside: that a byte may leave now, and who failed to log in."""
SUBJECTS = ("order.", "session.", "breaker.", "kill_switch.", "egress.", "store.")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened.

    `id` grows: whoever has seen one has seen all before it. `type` is `subject.verb`;
    for a change of an order's status it is `order.STATUS`. `by` is a principal
    (`token:ID`) or a part of Ordo. Money and quantities in `data` are decimal text.
    """

    id: int
    version: int = VERSION
    type: str
    at: datetime
    broker: str | None
    batch_id: str | None
    order_id: str | None
    by: str
    data: dict[str, Any]


def event_of(record: AuditRecord) -> Event | None:
    """The event that a record tells of; None where it is for the audit alone."""
    entry = record.entry
    if entry.action in PRIVATE or not entry.action.startswith(SUBJECTS):
        return None
    return Event(
        id=record.seq,
        type=RENAMED.get(entry.action, entry.action),
        at=record.at,
        broker=entry.broker,
        batch_id=entry.batch_id,
        order_id=entry.order_id,
        by=entry.actor,
        data=entry.detail,
    )
