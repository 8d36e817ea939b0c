"""Instruments in dicts: an index for tests."""

from collections.abc import Iterable

from adapters.instruments import Instrument


class MemoryIndex:
    """An `InstrumentIndex` of what a master parsed to."""

    loaded = True

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._by_symbol = {one.symbol: one for one in instruments}
        self._by_key = {one.key: one for one in self._by_symbol.values()}
        self._by_isin = {
            (one.isin, one.exchange): one
            for one in reversed(self._by_symbol.values())
            if one.isin is not None
        }

    def by_symbol(self, symbol: str) -> Instrument | None:
        return self._by_symbol.get(symbol)

    def by_key(self, key: str) -> Instrument | None:
        return self._by_key.get(key)

    def by_isin(self, isin: str, exchange: str) -> Instrument | None:
        return self._by_isin.get((isin, exchange))
