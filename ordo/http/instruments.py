"""Instruments by HTTP: search, and one by its symbol."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

from adapters.instruments import Found, InstrumentKind, Page, Query
from ordo.http.call import Call
from ordo.http.envelope import BrokerResult, Reply, overall
from ordo.http.errors import ApiError, query_error
from ordo.http.legs import SYMBOL
from ordo.http.views import money, stamp

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


def without_master(broker: str) -> BrokerResult:
    """The entry of a broker whose adapter has no master."""
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
    return [rows.get(name) or without_master(name) for name in wanted]


def _brokers_of(call: Call) -> dict[str, list[str]]:
    """The brokers whose masters are looked into, by adapter."""
    wanted = set(call.brokers())
    found = {
        adapter: [name for name in brokers if name in wanted]
        for adapter, brokers in call.system.with_masters().items()
    }
    return {adapter: names for adapter, names in found.items() if names}


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
