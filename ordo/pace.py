"""From a broker's limits, published and set, to the windows its limiter keeps."""

from __future__ import annotations

import logging

from actors.windows import ALL, DAY, HOUR, MINUTE, ORDERS, SECOND, Window, regulatory
from adapters import Capabilities
from ordo.config import Broker, effective_limits

log = logging.getLogger("ordo.system")

SPARE = 40
"""One call in so many of a minute or an hour is left unused, for both are counted at
the broker and by its clock: Fyers blocks an account for the rest of the day after three
breaches of its minute limit (fyers.md section 5)."""


def windows(table: Broker, can: Capabilities) -> list[Window]:
    """The windows for one broker; none for a simulated one that sets no limits.

    Raises:
        ConfigError: a limit above the published one that is not registered.
    """
    set_ = table.limits
    if can.simulated and set_.per_second is None:
        return []
    path = f"brokers.{table.name}.limits"
    limits = effective_limits(can.limits, set_, table.registered_limits, path)
    if table.registered_limits:
        log.warning(
            "%s: limits above the published ones are in force",
            table.name,
            extra={"broker": table.name, "event": "limits.registered"},
        )
    kept = []
    if limits.orders_per_second:
        registered = table.registered_limits or can.simulated
        kept.append(regulatory(limits.orders_per_second, registered=registered))
    if limits.per_second:
        kept.append(Window(limits.per_second, SECOND))
    for number, seconds, scope in (
        (limits.orders_per_minute, MINUTE, ORDERS),
        (limits.per_minute, MINUTE, ALL),
        (limits.orders_per_hour, HOUR, ORDERS),
        (limits.per_hour, HOUR, ALL),
    ):
        if number:
            keep = max(1, number - number // SPARE)
            kept.append(Window(number, seconds, scope, keep=keep))
    if limits.per_day:
        kept.append(Window(limits.per_day, DAY))
    return kept
