"""One row of an adapter's table of error codes: what it says, what Ordo makes of it."""

from __future__ import annotations

from typing import NamedTuple


class CodeRow(NamedTuple):
    """What one answer of a broker means for one kind of call.

    Each adapter's `codes.table()` gives its rows: `() -> Iterator[CodeRow]`.

    Args:
        broker: the adapter, as in the catalogue.
        call: `place`, `modify`, `cancel`, `read` or `login`.
        http_status: that the row is for; None: it does not matter.
        code: the broker's, as text; empty where only the status or the words tell.
        text: sample of the broker's words; empty where none is known.
        outcome: `rejected`, `refused`, `session_expired`, `rate_limited`, `not_sent`,
            `unknown`, `acked` or `login_refused`.
        mark: how well it is known: `doc`, `peer` or `guess`.
    """

    broker: str
    call: str
    http_status: int | None
    code: str
    text: str
    outcome: str
    mark: str
