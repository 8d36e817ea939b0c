"""The market's numbers, as data: what rules set and change, and no code should hold."""

from adapters.market.calendar import Calendar, CalendarTable, load_calendar
from adapters.market.protection import (
    Lpp,
    ProtectionTable,
    Slab,
    load_protection,
)

__all__ = [
    "Calendar",
    "CalendarTable",
    "Lpp",
    "ProtectionTable",
    "Slab",
    "load_calendar",
    "load_protection",
]
