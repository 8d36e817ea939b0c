"""HDFC Securities, InvestRight Open API."""

from adapters.brokers.hdfc.adapter import HdfcBroker
from adapters.brokers.hdfc.settings import HdfcSettings

__all__ = ["HdfcBroker", "HdfcSettings"]
