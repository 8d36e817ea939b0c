"""Quotes, depth and margins: FYERS's JSON to the trading model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from adapters.brokers.fyers.symbols import SymbolMap
from adapters.brokers.fyers.translate import place_body, price_of
from adapters.brokers.fyers.wire import (
    DepthLevel,
    DepthRow,
    MarginBody,
    MarginOrder,
    MarginRow,
    QuoteRow,
    QuoteValues,
)
from adapters.errors import SentUnknown
from adapters.model import Depth, Level, Margin, Order, Quote

_values = msgspec.json.Decoder(QuoteValues)


def quote(row: QuoteRow, asked: Mapping[str, str]) -> Quote | None:
    """A quote under the symbol asked for; None for one that FYERS has no price of.

    Args:
        asked: symbol by ticker.

    Raises:
        SentUnknown: a good row that cannot be read.
    """
    symbol = asked.get(row.n)
    if symbol is None or row.s.lower() != "ok":
        return None
    try:
        values = _values.decode(row.v)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise SentUnknown(f"quote of {row.n}: {exc}") from exc
    last = price_of(values.lp)
    if last is None:
        return None
    return Quote(
        symbol=symbol,
        last_price=last,
        bid=price_of(values.bid),
        ask=price_of(values.ask),
        open=price_of(values.open_price),
        high=price_of(values.high_price),
        low=price_of(values.low_price),
        previous_close=price_of(values.prev_close_price),
        volume=values.volume,
    )


def depth(row: DepthRow, symbol: str) -> Depth:
    """The five best levels each way. `ltt`, the last trade's time, is not theirs."""
    bids, asks = _levels(row.bids), _levels(row.ask)
    return Depth(
        symbol=symbol,
        bids=tuple(sorted(bids, key=lambda level: -level.price)),
        asks=tuple(sorted(asks, key=lambda level: level.price)),
        last_price=price_of(row.ltp),
        lower_band=price_of(row.lower_ckt),
        upper_band=price_of(row.upper_ckt),
    )


def margin_body(orders: Sequence[Order], symbols: SymbolMap) -> MarginBody:
    """What the margin of *orders* is asked with, in their order.

    Raises:
        Unsupported: one of them could not be placed.
    """
    bodies = [place_body(order, "", symbols) for order in orders]
    return MarginBody(
        [
            MarginOrder(
                symbol=body.symbol,
                qty=body.qty,
                side=body.side,
                type=body.type,
                productType=body.productType,
                limitPrice=body.limitPrice,
                stopPrice=body.stopPrice,
            )
            for body in bodies
        ]
    )


def margin(row: MarginRow) -> Margin:
    """What the orders themselves block."""
    return Margin(required=row.margin_total, available=row.margin_avail)


def _levels(rows: Iterable[DepthLevel]) -> list[Level]:
    return [
        Level(price=row.price, quantity=row.volume, orders=row.ord)
        for row in rows
        if row.price
    ]
