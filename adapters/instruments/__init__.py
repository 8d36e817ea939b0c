"""What can be traded: the masters of the brokers, in one shape and one set of names."""

from adapters.instruments.model import (
    Instrument,
    InstrumentKind,
    future_name,
    option_name,
)
from adapters.instruments.port import NO_INSTRUMENTS, InstrumentIndex

__all__ = [
    "NO_INSTRUMENTS",
    "Instrument",
    "InstrumentIndex",
    "InstrumentKind",
    "future_name",
    "option_name",
]
