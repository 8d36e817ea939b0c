"""The paper broker: orders matched in this process, for trying out and for tests."""

from adapters.brokers.paper.adapter import PaperBroker
from adapters.brokers.paper.faults import Fault
from adapters.brokers.paper.script import Call, Operation, Script
from adapters.brokers.paper.settings import PaperHolding, PaperSettings

__all__ = [
    "Call",
    "Fault",
    "Operation",
    "PaperBroker",
    "PaperHolding",
    "PaperSettings",
    "Script",
]
