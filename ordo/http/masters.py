"""The brokers' instrument masters by HTTP: fetch them now, and how they are."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Literal

import msgspec
import trio

from actors.mailbox import MailboxError
from actors.messages import MasterReport, MasterSync, ReadMasters, SyncInstruments
from ordo.http.bodies import SyncBody
from ordo.http.call import Call
from ordo.http.decoding import decode
from ordo.http.envelope import BrokerResult, Reply, Status, overall
from ordo.http.errors import ApiError, invalid
from ordo.http.instruments import without_master
from ordo.http.rows import read_result
from ordo.http.views import stamp

log = logging.getLogger("ordo.masters")

REPORT_SECONDS = 2.0


class MasterView(msgspec.Struct, kw_only=True):
    """One adapter's master. `stale`: this morning's is missing."""

    adapter: str
    brokers: list[str]
    stage: Literal["idle", "downloading", "building"]
    rows: int
    synced_at: str | None
    stale: bool
    error: str | None
    next_sync_at: str


class MasterList(msgspec.Struct, kw_only=True):
    """The masters of the configured brokers."""

    masters: list[MasterView]


async def sync(call: Call) -> Reply:
    """Fetch the masters now, and wait for it a while.

    A result `unknown` is under way still: `GET` of the same path tells how far it is.
    The masters of before stay in force until the new ones are whole.
    """
    body = decode(call.body, SyncBody) if call.body.strip() else SyncBody()
    names = _named(call, body)
    adapter_of = _adapter_of(call)
    asked = tuple(name for name in names if name in adapter_of)
    ends = await _ends(call, asked, body) if asked else ()
    by_adapter = {end.adapter: end for end in ends}
    results = [
        _sync_result(name, by_adapter.get(adapter_of.get(name, "")))
        if name in adapter_of
        else without_master(name)
        for name in names
    ]
    waiting = any(row.status == "unknown" for row in results)
    status: Status = "pending" if waiting else overall(results)
    return Reply(
        status=status,
        data=MasterList(masters=await master_views(call)),
        results=results,
        http_status=202 if waiting else 200,
    )


async def sync_state(call: Call) -> Reply:
    """How the masters are, and how far their syncs."""
    return Reply(data=MasterList(masters=await master_views(call)))


async def master_views(call: Call) -> list[MasterView]:
    """How the masters are.

    Raises:
        ApiError: `overloaded`, where their actor does not answer.
    """
    try:
        with trio.fail_after(REPORT_SECONDS):
            reports = await call.system.masters.ask(ReadMasters())
    except (MailboxError, trio.TooSlowError):
        words = "the masters do not answer; ask again"
        raise ApiError("overloaded", words) from None
    return [_master_view(report) for report in reports]


async def _ends(
    call: Call, brokers: tuple[str, ...], body: SyncBody
) -> tuple[MasterSync, ...]:
    """The syncs that ended within the wait: all of them, or none."""
    message = SyncInstruments(
        brokers=brokers,
        by=call.principal.id,
        force=body.force,
        request_id=call.request_id,
    )
    try:
        if not body.wait_seconds:
            call.system.masters.tell(message)
            return ()
        with trio.move_on_after(body.wait_seconds):
            return await call.system.masters.ask(message)
    except MailboxError:
        words = "the masters do not answer; ask again"
        raise ApiError("overloaded", words) from None
    return ()


def _sync_result(broker: str, end: MasterSync | None) -> BrokerResult:
    if end is None:
        words = "under way; GET /api/v1/instruments/sync tells how far"
        return BrokerResult(broker=broker, status="unknown", message=words)
    if end.failure is not None:
        return msgspec.structs.replace(read_result(end.failure), broker=broker)
    return BrokerResult(
        broker=broker,
        status="success",
        attempts=1,
        data={"adapter": end.adapter, "rows": end.rows, "seconds": end.seconds},
    )


def _adapter_of(call: Call) -> dict[str, str]:
    return {
        name: adapter
        for adapter, brokers in call.system.with_masters().items()
        for name in brokers
    }


def _named(call: Call, body: SyncBody) -> tuple[str, ...]:
    """The brokers of the body; all that have a master where it names none."""
    known = call.system.broker_names
    for index, name in enumerate(body.brokers):
        if name not in known:
            there = ", ".join(known) or "none"
            raise invalid(
                f"$.brokers[{index}]", f"wanted one of {there}, found {name[:64]!r}"
            )
    return tuple(dict.fromkeys(body.brokers)) or tuple(_adapter_of(call))


def _master_view(report: MasterReport) -> MasterView:
    return MasterView(
        adapter=report.adapter,
        brokers=list(report.brokers),
        stage=report.stage,
        rows=report.rows,
        synced_at=_maybe(report.synced_at),
        stale=report.stale,
        error=report.error,
        next_sync_at=stamp(report.next_sync_at),
    )


def _maybe(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


async def refresh_stale(call: Call, broker: str) -> None:
    """Have the master of *broker* fetched where it is not of today, now that we are let
    in; nobody waits for it, and it is tried again by itself anyway."""
    try:
        with trio.fail_after(REPORT_SECONDS):
            reports = await call.system.masters.ask(ReadMasters())
        if any(broker in one.brokers and one.stale for one in reports):
            by = f"session:{broker}"
            call.system.masters.tell(SyncInstruments(brokers=(broker,), by=by))
    except (MailboxError, trio.TooSlowError) as exc:
        log.warning(
            "%s: its instruments are not synced yet: %s",
            broker,
            exc,
            extra={"event": "instruments.not_told"},
        )
