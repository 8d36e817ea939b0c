"""Mirae Asset m.Stock Trading API, Type A and Type B."""

from adapters.brokers.mstock.adapter import MstockBroker
from adapters.brokers.mstock.settings import MstockSettings

__all__ = ["MstockBroker", "MstockSettings"]
