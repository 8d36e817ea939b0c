"""The settings of three brokers at protocol servers, each with a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.processes import VENUE_TOKEN

LIFTED = {"limits": {"per_second": 100}, "registered_limits": True}
"""Rate limits that no test runs into."""


def three_tables(
    urls: Mapping[str, str], limits: Mapping[str, Any] = LIFTED
) -> dict[str, dict[str, Any]]:
    """The tables of `fyers`, `hdfc` and `mstock`.

    Args:
        urls: where each is, by its name.
        limits: what they say of limits; nothing: those that are published.
    """
    own: dict[str, dict[str, Any]] = {
        "fyers": {"adapter": "fyers", "app_id": VENUE_TOKEN.partition(":")[0]},
        "hdfc": {
            "adapter": "hdfc",
            "api_key": "KEY",
            "secret": "SECRET",
            "username": "1234567",
            "password": "hunter2",
        },
        "mstock": {
            "adapter": "mstock",
            "api_type": "B",
            "api_key": "DEMO/API+KEY@1=",
            "username": "MA0000001",
        },
    }
    return {
        name: {"base_url": urls[name], "access_token": _token(name), **limits, **table}
        for name, table in own.items()
    }


def _token(name: str) -> str:
    """FYERS's stands behind the id of the app."""
    return VENUE_TOKEN.partition(":")[2] if name == "fyers" else VENUE_TOKEN
