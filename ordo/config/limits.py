"""From what a broker publishes and what we want, to the limits that hold."""

from __future__ import annotations

from adapters.errors import ConfigError
from adapters.ports import PublishedLimits
from ordo.config.brokers import Limits

ORDERS_PER_SECOND = 8
"""Kept by default. Source: regulation.md rules 7 and 8: 10, less what bunches."""
MOST_ORDERS_PER_SECOND = 10
"""Never above without registration. Source: NSE/INVG/67858 (regulation.md rule 7)."""


def effective_limits(
    published: PublishedLimits,
    limits: Limits,
    registered: bool,
    path: str = "limits",
) -> PublishedLimits:
    """The limits to keep for one broker.

    `limits.per_second` is the rate of order-changing requests; the window over all
    calls in a second stays as published, and is only lifted with it. Without
    `registered` everything may only be lowered. With it a `per_second` over the
    published one lifts the longer windows that `limits` does not name in proportion.
    A window that the broker does not publish is one of ours if `limits` names it.

    Args:
        published: What the adapter publishes.
        limits: The broker table's `limits`.
        registered: The broker table's `registered_limits`.
        path: What an error calls `limits`.

    Raises:
        ConfigError: A limit is above the published one and not registered.
    """
    ceiling = min(
        published.orders_per_second or MOST_ORDERS_PER_SECOND,
        published.per_second or MOST_ORDERS_PER_SECOND,
        MOST_ORDERS_PER_SECOND,
    )
    if not registered:
        _check("per_second", limits.per_second, ceiling, path)
        _check("per_minute", limits.per_minute, published.per_minute, path)
        _check("per_hour", limits.per_hour, published.per_hour, path)
        _check("per_day", limits.per_day, published.per_day, path)
    orders = limits.per_second or min(ceiling, ORDERS_PER_SECOND)
    lifted = orders if orders > ceiling else 0
    return PublishedLimits(
        orders_per_second=orders,
        orders_per_minute=_lifted(published.orders_per_minute, lifted * 60),
        orders_per_hour=_lifted(published.orders_per_hour, lifted * 3600),
        per_second=_lifted(published.per_second, lifted),
        per_minute=limits.per_minute or _lifted(published.per_minute, lifted * 60),
        per_hour=limits.per_hour or _lifted(published.per_hour, lifted * 3600),
        per_day=limits.per_day or _lifted(published.per_day, lifted * 86_400),
    )


def _check(key: str, wanted: int | None, most: int | None, path: str) -> None:
    if wanted is not None and most is not None and wanted > most:
        raise ConfigError(
            f"{path}.{key}: wanted at most {most}, as published (registered_limits ="
            f" true lifts it), found {wanted}"
        )


def _lifted(published: int | None, wanted: int) -> int | None:
    return None if published is None else max(published, wanted)
