"""How adapters and checks look instruments up."""

from __future__ import annotations

from typing import Protocol

from adapters.instruments.model import Instrument


class InstrumentIndex(Protocol):
    """The instruments of one adapter, as of the last good sync.

    Plain synchronous look-ups, fast enough to be made on the loop: what is asked for
    often is kept in memory.
    """

    @property
    def loaded(self) -> bool:
        """Whether there is a master; without one nothing is known, nor wrong."""

    def by_symbol(self, symbol: str) -> Instrument | None:
        """The instrument of Ordo's name."""

    def by_key(self, key: str) -> Instrument | None:
        """The instrument of the broker's own id."""

    def by_isin(self, isin: str, exchange: str) -> Instrument | None:
        """The cash instrument of an ISIN, also where another adapter's master has it
        (its symbol is then the one to go by; its `key` is that other adapter's)."""


class NoInstruments:
    """An index of an adapter that has no master, or none yet."""

    loaded = False

    def by_symbol(self, symbol: str) -> Instrument | None:
        return None

    def by_key(self, key: str) -> Instrument | None:
        return None

    def by_isin(self, isin: str, exchange: str) -> Instrument | None:
        return None


NO_INSTRUMENTS: InstrumentIndex = NoInstruments()
