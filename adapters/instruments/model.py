"""One instrument as one broker trades it, under the name that all brokers share.

Symbols are `EXCHANGE:NAME` (api.md): `NSE:SBIN`, `NFO:NIFTY26NOV24FUT`,
`NFO:NIFTY28MAR2420800CE`, `NSE_INDEX:NIFTY`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec

MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()  # noqa: SIM905


class InstrumentKind(StrEnum):
    """`EQ` is whatever trades in the cash market: shares, funds, bonds."""

    EQ = "EQ"
    INDEX = "INDEX"
    FUT = "FUT"
    CE = "CE"
    PE = "PE"


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a broker's master, normalised.

    Args:
        symbol: Ordo's, `EXCHANGE:NAME`; unique within one adapter.
        key: the broker's own id, unique within one adapter: what orders and books name.
        kind: what it is; an `INDEX` has quotes and no orders.
        lot_size: units; quantities are multiples of it.
        tick_size: rupees; prices are multiples of it.
        name: what people search for besides the symbol, such as the company's.
        freeze_quantity: units; the exchange refuses larger orders. None: not told.
        lower_band, upper_band: rupees, of the day. None: not told.
        underlying: of a derivative, a plain name such as `NIFTY`.
        expiry, strike: of a derivative; the strike in rupees.
        isin: where the master has it.
        tradable: False where orders in it are refused anyway.
        extra: what else the adapter needs of the row, by names of its own.
    """

    symbol: str
    key: str
    kind: InstrumentKind
    lot_size: Decimal
    tick_size: Decimal
    name: str = ""
    freeze_quantity: Decimal | None = None
    lower_band: Decimal | None = None
    upper_band: Decimal | None = None
    underlying: str | None = None
    expiry: date | None = None
    strike: Decimal | None = None
    isin: str | None = None
    tradable: bool = True
    extra: Mapping[str, str] = {}

    @property
    def exchange(self) -> str:
        """The part of the symbol before the colon, such as `NSE` or `NFO`."""
        return self.symbol.partition(":")[0]


def future_name(underlying: str, expiry: date) -> str:
    """`NIFTY26NOV24FUT`: name, expiry as DDMMMYY, FUT."""
    return f"{underlying}{_day(expiry)}FUT"


def option_name(
    underlying: str, expiry: date, strike: Decimal, kind: InstrumentKind
) -> str:
    """`NIFTY28MAR2420800CE`: name, expiry, strike without idle zeros, CE or PE."""
    plain = format(strike.normalize(), "f")
    return f"{underlying}{_day(expiry)}{plain}{kind}"


def _day(expiry: date) -> str:
    return f"{expiry.day:02}{MONTHS[expiry.month - 1]}{expiry.year % 100:02}"
