"""A broker's seat: its port, and what outlives each incarnation of its actor."""

from __future__ import annotations

from typing import NamedTuple

from actors.breaker import Breaker
from actors.clockwork import Clockwork
from actors.egress import Egress, Look
from actors.limiter import DayCount, Limiter
from actors.mailbox import Mailbox
from actors.market_day import market_day
from actors.session import Session
from actors.traffic import Traffic
from actors.windows import Kind
from adapters import BrokerPort, Grant, Store
from ordo.checks import egress
from ordo.config import Broker
from ordo.pace import windows

BROKER_ROOM, URGENT_ROOM = 1000, 500
"""Messages its mailbox holds, and those that go before them. Source: reliability.md
section 5; full is an answer."""


class Seat(NamedTuple):
    """A broker with what outlives each incarnation of its actor."""

    table: Broker
    port: BrokerPort
    limiter: Limiter
    breaker: Breaker
    mailbox: Mailbox
    session: Session
    egress: Egress | None
    traffic: Traffic


def seat(
    table: Broker,
    port: BrokerPort,
    store: Store,
    clockwork: Clockwork,
    grant: Grant | None,
    look: Look | None,
) -> Seat:
    """Seat a broker with the session of *grant* and the day's counts of *store*.

    Args:
        look: asks which address its calls leave from; None: nobody can tell.

    Raises:
        ConfigError: a limit above the published one that is not registered.
        StoreFailed: the counts cannot be read.
    """
    port.use(grant)
    today = market_day(clockwork.wall())
    counted = store.day_count(table.name, today.isoformat())
    day = DayCount(day=today.toordinal(), taken={Kind.PLACE: counted})
    return Seat(
        table=table,
        port=port,
        limiter=Limiter(windows(table, port.capabilities), day_count=day),
        breaker=Breaker(table.breaker, clockwork.rng),
        mailbox=Mailbox(
            f"broker:{table.name}", BROKER_ROOM, urgent_capacity=URGENT_ROOM
        ),
        session=Session(required=port.login is not None, grant=grant),
        egress=egress(table, look),
        traffic=Traffic(
            clockwork.wall, today, store.order_counts(table.name, today.isoformat())
        ),
    )
