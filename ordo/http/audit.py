"""The audit log, a page at a time."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from adapters import AuditQuery, AuditRecord
from ordo.http.call import Call
from ordo.http.envelope import Reply
from ordo.http.errors import query_error
from ordo.http.views import stamp

CURSOR = re.compile(r"[0-9]{1,18}")


class AuditView(msgspec.Struct, kw_only=True):
    """A record of the audit log."""

    seq: int
    at: str
    boot: str
    actor: str
    action: str
    request_id: str | None
    batch_id: str | None
    order_id: str | None
    broker: str | None
    detail: dict[str, Any]
    prev: str
    hash: str


class AuditList(msgspec.Struct, kw_only=True):
    """A page of the audit log; `next_cursor` asks for the next one."""

    audit: list[AuditView]
    next_cursor: str | None


async def records(call: Call) -> Reply:
    """Audit records, oldest first."""
    limit = call.limit()
    cursor = call.query.get("cursor", "0")
    if not CURSOR.fullmatch(cursor):
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
        data=AuditList(
            audit=[_record(row) for row in shown],
            next_cursor=str(shown[-1].seq) if len(rows) > limit else None,
        )
    )


def _record(row: AuditRecord) -> AuditView:
    return AuditView(
        seq=row.seq,
        at=stamp(row.at),
        boot=row.boot,
        **msgspec.structs.asdict(row.entry),
        prev=row.prev,
        hash=row.hash,
    )
