"""Delivery of shares: CNC trades are positions on their day, and holdings after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, tzinfo

from adapters.brokers.paper.ledger import Net
from adapters.brokers.paper.settings import PaperHolding
from adapters.model import Product, Trade

Nets = dict[str, Net]


def delivered(
    held: Mapping[str, PaperHolding], trades: Iterable[Trade], day: date, zone: tzinfo
) -> tuple[Nets, Nets]:
    """The demat account as *day* began, and what its CNC trades add, by symbol.

    Delivery is overnight, weekends and holidays too: there is no calendar here.

    Args:
        held: What the account started with.
        trades: All there were, oldest first.
        zone: Where days begin and end.
    """
    before = {
        symbol: Net(quantity=row.quantity, cost=row.quantity * row.average_price)
        for symbol, row in held.items()
    }
    today: Nets = {}
    for trade in trades:
        if trade.product is not Product.CNC or trade.traded_at is None:
            continue
        on = trade.traded_at.astimezone(zone).date()
        net = (before if on < day else today).setdefault(trade.symbol, Net())
        net.trade(trade.quantity * trade.side.sign, trade.price, on)
    return before, today
