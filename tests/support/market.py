"""Instruments and the table of market protection, to start a test of the rules from."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from adapters.instruments import Instrument, InstrumentKind
from adapters.market import ProtectionTable, load_protection
from tests.contracts.memory_index import MemoryIndex

D = Decimal


def an_instrument(symbol: str = "NSE:SBIN", **changes: Any) -> Instrument:
    """A share in ticks of 5 paise, units of one; *changes* may be plain numbers."""
    numbers = ("lot_size", "tick_size", "freeze_quantity", "lower_band", "upper_band")
    fields: dict[str, Any] = {
        "symbol": symbol,
        "key": symbol,
        "kind": InstrumentKind.EQ,
        "lot_size": 1,
        "tick_size": "0.05",
    } | changes
    for name in numbers:
        if fields.get(name) is not None:
            fields[name] = D(fields[name])
    return Instrument(**fields)


def an_option(name: str = "NIFTY28NOV2625000CE", **changes: Any) -> Instrument:
    """A call on the NIFTY: lots of 65, no more than 1800 in an order."""
    fields: dict[str, Any] = {
        "kind": InstrumentKind.CE,
        "lot_size": 65,
        "freeze_quantity": 1800,
        "underlying": "NIFTY",
        "expiry": date(2026, 11, 28),
        "strike": D(25000),
    }
    return an_instrument(f"NFO:{name}", **(fields | changes))


def an_index(*instruments: Instrument) -> MemoryIndex:
    """A loaded master of these, or of the share and the option."""
    return MemoryIndex(instruments or (an_instrument(), an_option()))


def the_table() -> ProtectionTable:
    """The table that Ordo comes with."""
    return load_protection()


class Able:
    """A port with capabilities of its own; else as the one inside."""

    def __init__(self, inside: Any, **can: Any) -> None:
        self._inside = inside
        self.capabilities = msgspec.structs.replace(inside.capabilities, **can)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)
