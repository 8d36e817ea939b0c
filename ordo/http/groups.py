"""Calls that belong together, for people who read the OpenAPI document."""

from __future__ import annotations

GROUPS = {
    "Orders": "Place, change and cancel orders; what became of them.",
    "Accounts": "What the brokers' own books say.",
    "Market data": "Quotes, depth and instruments.",
    "Sessions": "The log-ins at the brokers.",
    "Safety": "The kill-switch and the breakers.",
    "Operations": "How Ordo does, and what has happened.",
}
OF_WHAT = {
    "orders": "Orders",
    "batches": "Orders",
    "margin": "Orders",
    "reconcile": "Orders",
    "portfolio": "Accounts",
    "positions": "Accounts",
    "holdings": "Accounts",
    "funds": "Accounts",
    "trades": "Accounts",
    "orderbook": "Accounts",
    "quotes": "Market data",
    "depth": "Market data",
    "instruments": "Market data",
    "sessions": "Sessions",
    "kill-switch": "Safety",
    "brokers": "Safety",
}
"""By what a path begins with, after `/api/v1`."""


def group_of(path: str) -> str:
    """The group of the calls at *path*; what has none of its own is Operations."""
    first = path.removeprefix("/api/v1").split("/")[1]
    return OF_WHAT.get(first, "Operations")
