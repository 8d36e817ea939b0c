"""One portfolio out of many accounts: totals per symbol, per broker, per currency.

A total that cannot be known, since a price is missing, is null and not a smaller sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from adapters import ZERO
from ordo.http.numbers import at_most_4_decimals

Row = dict[str, Any]
FUNDS = ("available", "used", "cash", "total")


class Part(msgspec.Struct, kw_only=True):
    """What is held of something, and what it has won or lost.

    Quantities are units, signed for positions; amounts are of the market's currency.
    `pnl` is what is realised and unrealised of positions, and the gain of holdings.
    """

    position_quantity: Decimal = ZERO
    holding_quantity: Decimal = ZERO
    realised_pnl: Decimal = ZERO
    unrealised_pnl: Decimal = ZERO
    holding_cost: Decimal = ZERO
    holding_value: Decimal | None = ZERO
    holding_pnl: Decimal | None = ZERO
    pnl: Decimal | None = ZERO


class BrokerPart(Part, kw_only=True):
    """One broker's part."""

    broker: str


class SymbolTotal(Part, kw_only=True):
    """One symbol over all brokers, and what each has of it."""

    symbol: str
    brokers: list[BrokerPart]


class FundsTotal(msgspec.Struct, kw_only=True):
    """The accounts' money in one currency."""

    currency: str
    available: Decimal
    used: Decimal
    cash: Decimal
    total: Decimal


class Totals(msgspec.Struct, kw_only=True):
    """A portfolio, summed."""

    by_symbol: list[SymbolTotal]
    by_broker: list[BrokerPart]
    funds: list[FundsTotal]


def totals(
    positions: Sequence[Row], holdings: Sequence[Row], funds: Sequence[Row]
) -> Totals:
    """Sum rows as the API lists them, each with its `broker`."""
    rows = [*positions, *holdings]
    by_symbol = [
        SymbolTotal(
            symbol=symbol,
            brokers=_parts(_of(positions, symbol=symbol), _of(holdings, symbol=symbol)),
            **_sum(_of(positions, symbol=symbol), _of(holdings, symbol=symbol)),
        )
        for symbol in sorted({row["symbol"] for row in rows})
    ]
    return Totals(
        by_symbol=by_symbol, by_broker=_parts(positions, holdings), funds=_funds(funds)
    )


def _parts(positions: Sequence[Row], holdings: Sequence[Row]) -> list[BrokerPart]:
    names = sorted({row["broker"] for row in (*positions, *holdings)})
    return [
        BrokerPart(
            broker=name,
            **_sum(_of(positions, broker=name), _of(holdings, broker=name)),
        )
        for name in names
    ]


def _sum(positions: Sequence[Row], holdings: Sequence[Row]) -> dict[str, Any]:
    realised = _total(row["realised_pnl"] for row in positions)
    unrealised = _total(row["unrealised_pnl"] for row in positions)
    quantities = [row["quantity"] + row["t1_quantity"] for row in holdings]
    pairs = list(zip(quantities, holdings, strict=True))
    cost = _total(held * row["average_price"] for held, row in pairs)
    value = gain = pnl = None
    if all(row["last_price"] is not None for row in holdings):
        value = _total(held * row["last_price"] for held, row in pairs)
        gain = value - cost
        pnl = realised + unrealised + gain
    return {
        "position_quantity": _total(row["quantity"] for row in positions),
        "holding_quantity": _total(quantities),
        "realised_pnl": at_most_4_decimals(realised),
        "unrealised_pnl": at_most_4_decimals(unrealised),
        "holding_cost": at_most_4_decimals(cost),
        "holding_value": None if value is None else at_most_4_decimals(value),
        "holding_pnl": None if gain is None else at_most_4_decimals(gain),
        "pnl": None if pnl is None else at_most_4_decimals(pnl),
    }


def _funds(rows: Sequence[Row]) -> list[FundsTotal]:
    currencies = sorted({row["currency"] for row in rows})
    return [
        FundsTotal(
            currency=currency,
            **{
                name: _total(row[name] for row in _of(rows, currency=currency))
                for name in FUNDS
            },
        )
        for currency in currencies
    ]


def _of(rows: Sequence[Row], **wanted: str) -> list[Row]:
    return [row for row in rows if all(row[key] == wanted[key] for key in wanted)]


def _total(values: Iterable[Decimal]) -> Decimal:
    return sum(values, start=ZERO)
