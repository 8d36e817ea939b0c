"""The market's numbers, as data: what rules set and change, and no code should hold."""

from adapters.market.protection import (
    Lpp,
    ProtectionTable,
    Slab,
    load_protection,
)

__all__ = ["Lpp", "ProtectionTable", "Slab", "load_protection"]
