"""Ordo's symbols and HDFC's ids, in both directions.

HDFC names an instrument by exchange, segment and security id, and none of it can be
made up: without its master nothing can be ordered. Its books name derivatives by their
terms, from which the symbol can be built.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from adapters.errors import Unsupported
from adapters.instruments import (
    Instrument,
    InstrumentIndex,
    InstrumentKind,
    future_name,
    option_name,
)

EXCHANGES = {
    ("NSE", "EQUITY"): "NSE",
    ("BSE", "EQUITY"): "BSE",
    **{("NSE", kind): "NFO" for kind in ("FUTIDX", "FUTSTK", "OPTIDX", "OPTSTK")},
    **{("BSE", kind): "BFO" for kind in ("FUTIDX", "FUTSTK", "OPTIDX", "OPTSTK")},
}
"""Ordo's exchange by HDFC's exchange and segment. Currency and commodities are in the
master, and not in the table of what orders take (dossier 7.1)."""
OPTION_WORDS = {
    "CE": InstrumentKind.CE,
    "CALL": InstrumentKind.CE,
    "PE": InstrumentKind.PE,
    "PUT": InstrumentKind.PE,
}
_NAMES = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()  # noqa: SIM905
MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}


def key_of(exchange: str, segment: str, security_id: str) -> str:
    """The key of an instrument: a token alone is of several segments (dossier 12)."""
    return f"{exchange}|{segment}|{security_id}"


class Symbols:
    """Names by the master of the last good sync."""

    def __init__(self, instruments: InstrumentIndex) -> None:
        self._instruments = instruments

    def find(self, symbol: str) -> Instrument:
        """The instrument of Ordo's name.

        Raises:
            Unsupported: HDFC has none of that name, or no master is loaded.
        """
        found = self._instruments.by_symbol(symbol)
        if found is None:
            why = "HDFC orders by ids of its security master, and none is loaded"
            if self._instruments.loaded:
                why = "not in HDFC's security master of the last sync; check the name"
            raise Unsupported(f"{symbol}: {why}, or sync the instruments")
        return found

    def of_id(self, exchange: str, segment: str, security_id: str) -> str | None:
        """Ordo's name by HDFC's id."""
        found = self._instruments.by_key(key_of(exchange, segment, security_id))
        return None if found is None else found.symbol

    def of_isin(self, isin: str, exchange: str) -> str | None:
        """Ordo's name of a share; HDFC's own master has no ISIN."""
        found = self._instruments.by_isin(isin, exchange)
        return None if found is None else found.symbol


def of_terms(
    exchange: str,
    segment: str,
    underlying: str | None,
    expiry: str | None,
    strike: Decimal,
    option_type: str | None,
) -> str | None:
    """The symbol of a derivative by its terms; None where they do not tell."""
    ours, day = EXCHANGES.get((exchange, segment)), day_of(expiry)
    if ours is None or day is None or not underlying:
        return None
    if segment.startswith("FUT"):
        return f"{ours}:{future_name(underlying, day)}"
    kind = OPTION_WORDS.get((option_type or "").upper())
    if kind is None or strike <= 0:
        return None
    return f"{ours}:{option_name(underlying, day, strike, kind)}"


def day_of(text: str | None) -> date | None:
    """`30 SEP 2026`, `27-JUN-26`, `20260929`, `2026-09-29`; None for anything else.

    Source: dossier 16; HDFC writes dates in a way of its own in each answer.
    """
    plain = (text or "").strip().upper()
    parts = plain.replace("-", " ").split()
    try:
        if len(parts) == 3 and parts[1] in MONTHS:
            year = int(parts[2])
            return date(
                year + 2000 if year < 100 else year, MONTHS[parts[1]], int(parts[0])
            )
        if len(parts) == 3:
            return date(*map(int, parts))
        if len(plain) == 8:
            return date(int(plain[:4]), int(plain[4:6]), int(plain[6:]))
    except ValueError:
        pass
    return None
