"""How Ordo does: liveness, the whole picture, and the audit log."""

from __future__ import annotations

from typing import Any

import msgspec
import trio

from actors.mailbox import Mailbox, MailboxError
from actors.messages import BrokerReport, ReadBroker
from adapters import AuditQuery
from ordo.http.call import Call, query_error
from ordo.http.envelope import Reply
from ordo.http.views import stamp
from ordo.version import __version__

REPORT_SECONDS = 1.0


async def health(call: Call) -> Reply:
    """Alive, and no more than that."""
    return Reply(data={"alive": True})


async def status(call: Call) -> Reply:
    """Brokers, store, kill-switch, version, uptime."""
    call.only()
    system = call.system
    brokers: dict[str, dict[str, Any]] = {}

    async def ask(name: str, mailbox: Mailbox) -> None:
        brokers[name] = await _broker(name, mailbox, system.restarts(name))

    async with trio.open_nursery() as asks:
        for name, mailbox in system.brokers.items():
            asks.start_soon(ask, name, mailbox)
    switch = system.trading.switch
    rows = [brokers[name] for name in system.brokers]
    return Reply(
        data={
            "health": _health(system.store.ok, switch.engaged, rows),
            "brokers": rows,
            "store": {"ok": system.store.ok, "failure": system.store.failure},
            "kill_switch": {
                "engaged": switch.engaged,
                "reason": switch.reason,
                "since": None if switch.since is None else stamp(switch.since),
                "by": switch.by,
            },
            "stopping": system.stopping,
            "version": __version__,
            "uptime_seconds": round(trio.current_time() - system.started_at, 3),
        }
    )


async def audit(call: Call) -> Reply:
    """Audit records, oldest first."""
    call.only("since", "request_id", "order_id", "limit", "cursor")
    limit = call.limit()
    cursor = call.query.get("cursor", "0")
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise query_error("cursor", "wanted what next_cursor told")
    query = AuditQuery(
        since=call.time("since"),
        request_id=call.query.get("request_id"),
        order_id=call.query.get("order_id"),
        after=int(cursor),
        limit=limit + 1,
    )
    rows = await call.system.records.read(lambda store: store.audit(query))
    shown = rows[:limit]
    return Reply(
        data={
            "audit": [
                {
                    "seq": row.seq,
                    "at": stamp(row.at),
                    "boot": row.boot,
                    **msgspec.structs.asdict(row.entry),
                    "prev": row.prev,
                    "hash": row.hash,
                }
                for row in shown
            ],
            "next_cursor": str(shown[-1].seq) if len(rows) > limit else None,
        }
    )


async def _broker(name: str, mailbox: Mailbox, restarts: int) -> dict[str, Any]:
    try:
        with trio.fail_after(REPORT_SECONDS):
            report = await mailbox.ask(ReadBroker(), urgent=True)
    except (MailboxError, trio.TooSlowError):
        return {"broker": name, "connection": "down", "restarts": restarts}
    return _view(msgspec.structs.replace(report, restarts=restarts))


def _view(report: BrokerReport) -> dict[str, Any]:
    view = msgspec.structs.asdict(report)
    return view | {
        "rate_limit": report.rate_limit,
        "last_login_at": report.last_login_at,
    }


def _health(store_ok: bool, halted: bool, brokers: list[dict[str, Any]]) -> str:
    """`ok`, `halted`, `degraded`, or `failing` where nothing can be recorded."""
    if not store_ok:
        return "failing"
    if halted:
        return "halted"
    well = all(broker["connection"] == "connected" for broker in brokers)
    return "ok" if well else "degraded"
