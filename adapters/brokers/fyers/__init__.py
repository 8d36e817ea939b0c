"""FYERS API v3."""

from adapters.brokers.fyers.adapter import FyersBroker
from adapters.brokers.fyers.settings import FyersSettings
from adapters.brokers.fyers.symbols import CashSymbols, MasterSymbols, SymbolMap

__all__ = [
    "CashSymbols",
    "FyersBroker",
    "FyersSettings",
    "MasterSymbols",
    "SymbolMap",
]
