"""Safety and operations: kill-switch, breakers, status, audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ordo_client.answers import Rows
from ordo_client.call import Call, encode, path, query
from ordo_client.gateway import Alive, AuditRecord, Breaker, KillSwitch, Status
from ordo_client.reading import document, one, rows

SWITCH_SECONDS = 10.0


def kill_switch() -> Call[KillSwitch]:
    """How the kill-switch stands."""
    return Call("GET", path("kill-switch"), one(KillSwitch))


def kill(
    reason: str, *, cancel_open: bool = False, close_positions: bool = False
) -> Call[KillSwitch]:
    """Engage the kill-switch: once this returns, no new order leaves.

    It is tried again until Ordo has answered or time is up. What had left before is in
    `on_the_wire`; cancels and closes go on by themselves, and `progress` counts them.

    Raises:
        OrdoError: nothing is promised; with `data["engaged"]` where Ordo knew.
    """
    body = {
        "engaged": True,
        "reason": reason,
        "cancel_open": cancel_open,
        "close_positions": close_positions,
    }
    return Call(
        "PUT",
        path("kill-switch"),
        one(KillSwitch),
        body=encode(body),
        seconds=SWITCH_SECONDS,
    )


def release(reason: str | None = None) -> Call[KillSwitch]:
    """Release the kill-switch (scope admin).

    Never tried again by itself: somebody may have engaged it anew in between.
    """
    return Call(
        "PUT",
        path("kill-switch"),
        one(KillSwitch),
        body=encode({"engaged": False, "reason": reason}),
        seconds=SWITCH_SECONDS,
        repeat=False,
    )


def set_breaker(broker: str, state: Literal["OPEN", "CLOSED", "AUTO"]) -> Call[Breaker]:
    """Force a broker's breaker (scope admin), or let it decide (AUTO).

    Only OPEN is tried again by itself: the others could undo somebody's OPEN.
    """
    return Call(
        "PUT",
        path("brokers", broker, "breaker"),
        one(Breaker),
        body=encode({"state": state}),
        seconds=SWITCH_SECONDS,
        repeat=state == "OPEN",
    )


def status() -> Call[Status]:
    """How Ordo and its brokers do."""
    return Call("GET", path("status"), one(Status))


def audit(
    *,
    since: datetime | None = None,
    request_id: str | None = None,
    order_id: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[Rows[AuditRecord]]:
    """Audit records (scope admin), oldest first."""
    wanted = query(
        since=since,
        request_id=request_id,
        order_id=order_id,
        limit=limit,
        cursor=cursor,
    )
    return Call("GET", path("audit"), rows("audit", AuditRecord), query=wanted)


def health() -> Call[Alive]:
    """Whether Ordo lives, and no more than that."""
    return Call("GET", "/health", one(Alive))


def openapi() -> Call[dict[str, Any]]:
    """The OpenAPI document of the Ordo that answers."""
    return Call("GET", "/openapi.json", document)
