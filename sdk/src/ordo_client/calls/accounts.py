"""Accounts and market data: the brokers' own books, and what orders would block.

Every call takes `brokers`, default all. A broker that cannot answer is in `failed`, and
the others' rows are there all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from ordo_client.accounts import (
    BookOrder,
    Depth,
    Funds,
    Holding,
    Margin,
    Portfolio,
    Position,
    Quote,
    Trade,
)
from ordo_client.answers import Rows
from ordo_client.call import Call, encode, path, query
from ordo_client.order import Order, names
from ordo_client.reading import one, rows

Row = TypeVar("Row")
Brokers = str | Iterable[str] | None


def portfolio(brokers: Brokers = None) -> Call[Portfolio]:
    """Holdings, positions and funds of all accounts, with totals."""
    wanted = query(brokers=chosen(brokers))
    return Call("GET", path("portfolio"), one(Portfolio), query=wanted)


def positions(brokers: Brokers = None) -> Call[Rows[Position]]:
    """Net positions."""
    return _listing("positions", Position, brokers)


def holdings(brokers: Brokers = None) -> Call[Rows[Holding]]:
    """Shares in the demat accounts."""
    return _listing("holdings", Holding, brokers)


def funds(brokers: Brokers = None) -> Call[Rows[Funds]]:
    """What the accounts can spend."""
    return _listing("funds", Funds, brokers)


def trades(brokers: Brokers = None) -> Call[Rows[Trade]]:
    """The day's fills."""
    return _listing("trades", Trade, brokers)


def orderbook(brokers: Brokers = None) -> Call[Rows[BookOrder]]:
    """The brokers' own order books, with orders that were placed elsewhere too."""
    wanted = query(brokers=chosen(brokers))
    return Call("GET", path("orderbook"), rows("orders", BookOrder), query=wanted)


def quotes(symbols: str | Iterable[str], brokers: Brokers = None) -> Call[Rows[Quote]]:
    """The market in some symbols, as each broker sees it."""
    wanted = query(symbols=names(symbols), brokers=chosen(brokers))
    return Call("GET", path("quotes"), rows("quotes", Quote), query=wanted)


def depth(symbol: str, brokers: Brokers = None) -> Call[Rows[Depth]]:
    """The order book of one symbol, as each broker sees it."""
    wanted = query(symbol=symbol, brokers=chosen(brokers))
    return Call("GET", path("depth"), rows("depth", Depth), query=wanted)


def margin(
    orders: Order | Iterable[Order], brokers: str | Iterable[str] = ()
) -> Call[Rows[Margin]]:
    """What these orders would block at each broker; nothing is sent."""
    listed = [orders] if isinstance(orders, Order) else list(orders)
    body = encode({"orders": listed, "brokers": names(brokers)})
    return Call("POST", path("margin"), rows("margins", Margin), body=body)


def chosen(brokers: Brokers) -> list[str] | None:
    """The brokers of a read; None for all, as it goes without the parameter then."""
    return None if brokers is None else names(brokers)


def _listing(plural: str, kind: type[Row], brokers: Brokers) -> Call[Rows[Row]]:
    wanted = query(brokers=chosen(brokers))
    return Call("GET", path(plural), rows(plural, kind), query=wanted)
