"""Ordo's symbols and FYERS's tickers, in both directions.

A ticker is not to be constructed but looked up in the instrument master (dossier 11.1).
Until one is loaded, only what the documentation spells out is mapped: NSE shares of the
series EQ, and three indices. The series of a BSE share (A, B, T, ...) is in the master
alone, and so are derivatives.
"""

from __future__ import annotations

from typing import Protocol

from adapters.errors import Unsupported
from adapters.instruments import InstrumentIndex

INDICES = {
    "NSE_INDEX:NIFTY": "NSE:NIFTY50-INDEX",
    "NSE_INDEX:BANKNIFTY": "NSE:NIFTYBANK-INDEX",
    "BSE_INDEX:SENSEX": "BSE:SENSEX-INDEX",
}
NAMES = {ticker: symbol for symbol, ticker in INDICES.items()}
NSE_SHARE, EQ = "NSE:", "-EQ"


class SymbolMap(Protocol):
    """Names instruments in both languages."""

    def ticker(self, symbol: str) -> str:
        """FYERS's ticker for Ordo's `EXCHANGE:NAME`.

        Raises:
            Unsupported: it has none here.
        """

    def symbol(self, ticker: str) -> str:
        """Ordo's name; a ticker that has none comes back as it is, never lost."""


class CashSymbols:
    """What can be named without a master."""

    def ticker(self, symbol: str) -> str:
        exchange, _, name = symbol.partition(":")
        if exchange == "NSE" and name:
            return f"{symbol}{EQ}"
        if symbol in INDICES:
            return INDICES[symbol]
        raise Unsupported(
            f"{symbol}: wanted a share on NSE, for FYERS names all others in its"
            " instrument master, and none is loaded"
        )

    def symbol(self, ticker: str) -> str:
        if ticker.startswith(NSE_SHARE) and ticker.endswith(EQ):
            return ticker.removesuffix(EQ)
        return NAMES.get(ticker, ticker)


class MasterSymbols:
    """Names by the master of the last good sync; without one, `CashSymbols`."""

    def __init__(self, instruments: InstrumentIndex) -> None:
        self._instruments = instruments
        self._cash = CashSymbols()

    def ticker(self, symbol: str) -> str:
        if not self._instruments.loaded:
            return self._cash.ticker(symbol)
        found = self._instruments.by_symbol(symbol)
        if found is None:
            raise Unsupported(
                f"{symbol}: not in FYERS's instrument master of the last sync; check"
                " the name, or sync the instruments again"
            )
        return found.key

    def symbol(self, ticker: str) -> str:
        if not self._instruments.loaded:
            return self._cash.symbol(ticker)
        found = self._instruments.by_key(ticker)
        return ticker if found is None else found.symbol
