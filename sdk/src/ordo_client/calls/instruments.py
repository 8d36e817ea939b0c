"""Instruments: search, one by its symbol, and the masters they come from."""

from __future__ import annotations

from datetime import date

from ordo_client.answers import Rows
from ordo_client.call import Call, encode, path, query
from ordo_client.calls.accounts import Brokers, chosen
from ordo_client.gateway import Instrument, Master
from ordo_client.order import names
from ordo_client.reading import one, rows

SYNC_SECONDS = 30.0
"""How long a sync is waited for, where nothing else is said; it goes on after that."""


def instruments(
    query: str | None = None,
    *,
    exchange: str | None = None,
    type: str | None = None,
    expiry: date | str | None = None,
    brokers: Brokers = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[Rows[Instrument]]:
    """Instruments whose symbol, name or underlying has words that begin so.

    Args:
        query: words; all of them must be there.
        exchange: such as NSE.
        type: EQ, INDEX, FUT, CE or PE.
        expiry: the day.
        brokers: those that trade it.
        limit: 100 by default, at most 1000.
        cursor: the `next_cursor` of the page before.
    """
    wanted = _query(
        query=query,
        exchange=exchange,
        type=type,
        expiry=expiry,
        brokers=chosen(brokers),
        limit=limit,
        cursor=cursor,
    )
    return Call(
        "GET", path("instruments"), rows("instruments", Instrument), query=wanted
    )


def instrument(symbol: str, brokers: Brokers = None) -> Call[Instrument]:
    """One instrument by its symbol."""
    wanted = _query(brokers=chosen(brokers))
    return Call("GET", path("instruments", symbol), one(Instrument), query=wanted)


def masters() -> Call[Rows[Master]]:
    """How the instrument masters are, and how far their syncs."""
    return Call("GET", path("instruments", "sync"), rows("masters", Master))


def sync_instruments(
    brokers: Brokers = None, *, force: bool = False, wait_seconds: float = SYNC_SECONDS
) -> Call[Rows[Master]]:
    """Fetch the instrument masters now (scope admin), and wait for it a while.

    `force` takes a master too that is far smaller than the one before. A sync that
    takes longer is in `unknown`, and goes on. Never tried again by itself.
    """
    body = {
        "brokers": names(brokers),
        "force": force,
        "wait_seconds": wait_seconds,
    }
    return Call(
        "POST",
        path("instruments", "sync"),
        rows("masters", Master),
        body=encode(body),
        seconds=wait_seconds,
        repeat=False,
    )


_query = query  # `instruments` has a parameter of that name
