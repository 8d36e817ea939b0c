"""Instruments by HTTP: search, one, and the sync of the brokers' masters."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec
import trio

from actors.mailbox import MailboxError
from actors.messages import MasterReport, MasterSync, ReadMasters, SyncInstruments
from adapters.instruments import Found, InstrumentKind, Page, Query
from ordo.http.bodies import SyncBody
from ordo.http.call import Call
from ordo.http.decoding import decode
from ordo.http.envelope import BrokerResult, Reply, Status, overall
from ordo.http.errors import ApiError, invalid, query_error
from ordo.http.legs import SYMBOL
from ordo.http.rows import read_result
from ordo.http.views import money, stamp

REPORT_SECONDS = 2.0
MOST_TEXT = 64
"""Characters of a search."""
MOST_CURSOR = 400
"""Characters; a cursor holds a name, an expiry and a strike."""


class InstrumentView(msgspec.Struct, kw_only=True):
    """What can be traded, by the name that all brokers share.

    Quantities are units; `brokers` are those that take orders in it. `synced_at` tells
    how old this is.
    """

    symbol: str
    exchange: str
    type: Literal["EQ", "INDEX", "FUT", "CE", "PE"]
    name: str
    lot_size: Decimal
    tick_size: Decimal
    freeze_quantity: Decimal | None
    lower_band: Decimal | None
    upper_band: Decimal | None
    underlying: str | None
    expiry: str | None
    strike: Decimal | None
    isin: str | None
    brokers: list[str]
    synced_at: str


class InstrumentList(msgspec.Struct, kw_only=True):
    """A page of instruments; `next_cursor` asks for the next one."""

    instruments: list[InstrumentView]
    next_cursor: str | None


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


async def search(call: Call) -> Reply:
    """Instruments whose symbol, name or underlying has words that begin so.

    Every word of `query` must be there; a name typed in full comes first. Then come
    indices, shares by name, futures, and options by expiry and strike.
    """
    brokers = _brokers_of(call)
    query = Query(
        text=_text(call),
        exchange=_exchange(call),
        kind=_kind(call),
        expiry=_expiry(call),
        limit=call.limit(),
        after=_cursor(call),
    )
    try:
        page = await call.system.instruments.search(query, brokers)
    except ValueError as error:
        raise query_error("query", f"{error}, found {query.text!r}") from None
    results = _results(call, brokers, page)
    return Reply(
        status=overall(results),
        data=InstrumentList(
            instruments=[_view(one, brokers) for one in page.found],
            next_cursor=None if page.after is None else _as_cursor(page.after),
        ),
        results=results,
    )


async def one(call: Call) -> Reply:
    """One instrument by its symbol."""
    symbol = call.path["symbol"]
    brokers = _brokers_of(call)
    page = Page(found=(), after=None, missing={})
    if SYMBOL.fullmatch(symbol):
        page = await call.system.instruments.find(symbol, brokers)
    results = _results(call, brokers, page)
    if not page.found:
        said = "; ".join(
            f"{row.broker}: {row.message}" for row in results if row.message
        )
        words = f"no instrument {symbol[:64]!r}" + (f" ({said})" if said else "")
        raise ApiError("not_found", words)
    return Reply(
        status=overall(results), data=_view(page.found[0], brokers), results=results
    )


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
        else _without_master(name)
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


def _without_master(broker: str) -> BrokerResult:
    return BrokerResult(
        broker=broker,
        status="error",
        error_code="unsupported",
        message=f"{broker} has no instrument master",
    )


def _results(
    call: Call, brokers: Mapping[str, Sequence[str]], page: Page
) -> list[BrokerResult]:
    """An entry for each broker that was asked for, or that has a master."""
    rows = {
        name: BrokerResult(broker=name, status="success")
        if adapter not in page.missing
        else BrokerResult(
            broker=name,
            status="error",
            error_code="broker_unavailable",
            message=f"{page.missing[adapter]}; see POST /api/v1/instruments/sync",
        )
        for adapter, names in brokers.items()
        for name in names
    }
    wanted = call.brokers() if "brokers" in call.query else rows
    return [rows.get(name) or _without_master(name) for name in wanted]


def _brokers_of(call: Call) -> dict[str, list[str]]:
    """The brokers whose masters are looked into, by adapter."""
    wanted = set(call.brokers())
    found = {
        adapter: [name for name in brokers if name in wanted]
        for adapter, brokers in call.system.with_masters().items()
    }
    return {adapter: names for adapter, names in found.items() if names}


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


def _view(found: Found, brokers: Mapping[str, Iterable[str]]) -> InstrumentView:
    one = found.instrument
    return InstrumentView(
        symbol=one.symbol,
        exchange=one.exchange,
        type=one.kind.value,
        name=one.name,
        lot_size=one.lot_size,
        tick_size=one.tick_size,
        freeze_quantity=one.freeze_quantity,
        lower_band=money(one.lower_band),
        upper_band=money(one.upper_band),
        underlying=one.underlying,
        expiry=None if one.expiry is None else one.expiry.isoformat(),
        strike=money(one.strike),
        isin=one.isin,
        brokers=[name for adapter in found.adapters for name in brokers[adapter]],
        synced_at=stamp(found.synced_at),
    )


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


def _text(call: Call) -> str:
    text = call.query.get("query", "")
    if len(text) > MOST_TEXT:
        raise query_error(
            "query", f"wanted at most {MOST_TEXT} characters, found {len(text)}"
        )
    return text


def _exchange(call: Call) -> str | None:
    text = call.query.get("exchange")
    if text is not None and not SYMBOL.fullmatch(f"{text}:X"):
        raise query_error("exchange", f"wanted one such as NSE, found {text[:40]!r}")
    return text


def _kind(call: Call) -> InstrumentKind | None:
    text = call.query.get("type")
    if text is None:
        return None
    try:
        return InstrumentKind(text)
    except ValueError:
        there = ", ".join(InstrumentKind)
        wanted = f"wanted one of {there}, found {text[:40]!r}"
        raise query_error("type", wanted) from None


def _expiry(call: Call) -> date | None:
    text = call.query.get("expiry")
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        wanted = f"wanted a day such as 2026-11-24, found {text[:40]!r}"
        raise query_error("expiry", wanted) from None


def _as_cursor(after: str) -> str:
    return base64.urlsafe_b64encode(after.encode()).decode().rstrip("=")


def _cursor(call: Call) -> str | None:
    text = call.query.get("cursor")
    if text is None:
        return None
    try:
        if 0 < len(text) <= MOST_CURSOR:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            after = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
            if after[:1] in ("0", "1"):
                return after
    except (ValueError, binascii.Error):
        pass
    raise query_error("cursor", "wanted what next_cursor told")
