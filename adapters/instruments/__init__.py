"""What can be traded: the masters of the brokers, in one shape and one set of names."""

from adapters.instruments.index import FileIndex, Indexes
from adapters.instruments.model import (
    Instrument,
    InstrumentKind,
    future_name,
    option_name,
)
from adapters.instruments.port import NO_INSTRUMENTS, InstrumentIndex
from adapters.instruments.search import Found, Page, Query, find, search
from adapters.instruments.table import MasterInfo
from adapters.instruments.writing import Built, NotBuilt

__all__ = [
    "NO_INSTRUMENTS",
    "Built",
    "FileIndex",
    "Found",
    "Indexes",
    "Instrument",
    "InstrumentIndex",
    "InstrumentKind",
    "MasterInfo",
    "NotBuilt",
    "Page",
    "Query",
    "find",
    "future_name",
    "option_name",
    "search",
]
