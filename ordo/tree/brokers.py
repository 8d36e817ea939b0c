"""The brokers' supervisor: each is restarted alone, and given up alone."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

import trio

from actors.broker import Broker
from actors.broker_parts import BrokerParts, BrokerSettings
from actors.market_day import market_day
from actors.supervisor import Backoff, Child, check_grace
from actors.writer import COMMIT_TIMEOUT, tell
from adapters import AuditEntry, Note
from ordo.seats import Seat
from ordo.system import System
from ordo.tree.supervising import nested, one_for_one

log = logging.getLogger("ordo.system")


def brokers(system: System) -> Child:
    """All of them, beside each other."""
    children = [_broker(system, name, seat) for name, seat in system.seats.items()]
    return nested(one_for_one(system, "brokers", children))


def _broker(system: System, name: str, seat: Seat) -> Child:
    timeout = seat.table.submit_timeout
    grace = timeout + 4 * COMMIT_TIMEOUT
    check_grace(grace, timeout + 2 * COMMIT_TIMEOUT)
    parts = _parts(system, name, seat)

    async def start(*, task_status: trio.TaskStatus[None]) -> None:
        await Broker(parts).run(task_status=task_status)

    return Child(
        name,
        start,
        mailbox=seat.mailbox,
        grace=grace,
        backoff=Backoff(minimum=0.2, maximum=30.0),
        intensity=5,
        period=60.0,
        when_exhausted=_giving_up(system, name, seat),
    )


def _parts(system: System, name: str, seat: Seat) -> BrokerParts:
    seal, wall = system.means.seal, system.clockwork.wall
    return BrokerParts(
        settings=BrokerSettings(
            name=name,
            adapter=seat.table.adapter,
            submit_timeout=seat.table.submit_timeout,
            rest_after=system.settings.market.rest_after,
            today=lambda: market_day(wall()),  # brokers count by India's
            order_updates=seat.table.order_updates,
        ),
        port=seat.port,
        limiter=seat.limiter,
        breaker=seat.breaker,
        session=seat.session,
        mailbox=seat.mailbox,
        writer=system.writer,
        killswitch=system.killswitch,
        records=system.records,
        trading=system.trading,
        store=system.store,
        clockwork=system.clockwork,
        seal=None if seal is None else functools.partial(seal, name),
        egress=seat.egress,
        took_up=functools.partial(system.means.took_up, name),
        traffic=seat.traffic,
    )


def _giving_up(system: System, name: str, seat: Seat) -> Callable[[], None]:
    """What to do once restarting the broker's actor does not help."""

    def give_up() -> None:
        seat.breaker.force_open(trio.current_time())
        entry = AuditEntry(
            actor=f"broker:{name}", action="broker.given_up", broker=name
        )
        tell(system.writer, Note(audit=(entry,)))
        log.critical(
            "%s crashes again and again: it is left alone, the others trade on",
            name,
            extra={"event": "broker.given_up", "broker": name},
        )

    return give_up
