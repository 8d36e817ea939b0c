"""Ordo's symbols and m.Stock's instruments, in both directions, by the master alone.

Orders want the exchange's number, the exact trading symbol, or both; neither can be
put together. So without a master nothing is named.
"""

from __future__ import annotations

import re

from adapters.brokers.mstock.dialect import API_TYPE
from adapters.errors import Unsupported
from adapters.instruments import Instrument, InstrumentIndex, InstrumentKind

DERIVATIVES = {"NSE": "NFO", "BSE": "BFO"}
"""Books name the exchange of a derivative by its share market. Source: dossier 8.2."""
KINDS = ("FUT", "OPT")
DERIVATIVE = re.compile(r".*(?:\d|-)(?:CE|PE)|.*(?:\d[A-Z]{3}|-)FUT", re.IGNORECASE)
"""A derivative's trading symbol, where no kind stands beside it: Type A's books."""


class Symbols:
    """Names instruments in both languages.

    Args:
        instruments: of the last good sync.
        api_type: the API that orders go to: names are not the same in both.
    """

    def __init__(self, instruments: InstrumentIndex, api_type: str) -> None:
        self._instruments = instruments
        self._api_type = api_type

    def instrument(self, symbol: str) -> Instrument:
        """What *symbol* is here.

        Raises:
            Unsupported: there is no master, none of this API, or it is not in it.
        """
        if not self._instruments.loaded:
            raise Unsupported(
                f"{symbol}: m.Stock names instruments by its master, and none is"
                " loaded: sync the instruments"
            )
        found = self._instruments.by_symbol(symbol)
        if found is None:
            raise Unsupported(
                f"{symbol}: not in m.Stock's instrument master of the last sync; check"
                " the name, or sync the instruments again"
            )
        made_for = found.extra.get(API_TYPE)
        if found.kind is not InstrumentKind.INDEX and made_for != self._api_type:
            raise Unsupported(
                f"{symbol}: the master is of Type {made_for} and the account of Type"
                f" {self._api_type}, which names instruments in another way"
            )
        return found

    def orderable(self, symbol: str) -> Instrument:
        """The same, for an order.

        Raises:
            Unsupported: an index, or a name that more than one instrument bears.
        """
        found = self.instrument(symbol)
        if found.kind is InstrumentKind.INDEX:
            raise Unsupported(f"{symbol}: an index cannot be ordered")
        if not found.tradable:
            raise Unsupported(
                f"{symbol}: m.Stock's Type A names it as it names the series EQ, so"
                " that an order could go to either"
            )
        return found

    def symbol(self, exchange: str, token: str, name: str, kind: str = "") -> str:
        """Ordo's name of a row's instrument; the broker's text where it has none.

        Args:
            exchange, token, name: as the row has them.
            kind: such as `OPTIDX`; "" where rows have none.
        """
        found = self._instruments.by_key(f"{_market(exchange, name, kind)}:{token}")
        return f"{exchange}:{name or token}" if found is None else found.symbol

    def held(self, isin: str, token: str, name: str) -> str:
        """Ordo's name of a holding, whose row has no exchange.

        The numbers of shares are below 100,000 on NSE and above on BSE.
        """
        found = self._instruments.by_key(f"NSE:{token}")
        found = found or self._instruments.by_key(f"BSE:{token}")
        if found is None and isin:
            found = self._instruments.by_isin(isin, "NSE")
            found = found or self._instruments.by_isin(isin, "BSE")
        return (name or isin or token) if found is None else found.symbol


def _market(exchange: str, name: str, kind: str) -> str:
    derivative = kind.upper().startswith(KINDS) if kind else DERIVATIVE.fullmatch(name)
    return DERIVATIVES.get(exchange, exchange) if derivative else exchange
