"""From the settings to the pre-trade checks and the egress checks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from actors.case import Desk
from actors.clock_watch import ClockWatch
from actors.egress import Egress, Look
from actors.lookups import Lookups
from actors.mailbox import Mailbox
from actors.master_times import is_stale
from actors.pretrade import PreTrade
from adapters import Capabilities, sntp
from adapters.egress import AddressEcho
from adapters.instruments import FileIndex, InstrumentIndex
from adapters.market import load_protection
from ordo.config import Broker, Settings
from ordo.masters import MasterStore


class Known(NamedTuple):
    """One broker, as far as its checks need to know it."""

    table: Broker
    can: Capabilities
    mailbox: Mailbox


def pretrade(
    settings: Settings,
    brokers: Mapping[str, Known],
    masters: MasterStore,
    wall: Callable[[], datetime],
) -> PreTrade:
    """The checks of all *brokers*.

    Raises:
        ConfigError: the protection file is none.
    """
    desks = {}
    for name, broker in brokers.items():
        index = masters.indexes.of(broker.table.adapter)
        desks[name] = Desk(
            name=name,
            can=broker.can,
            instruments=index,
            lookups=Lookups(name, broker.mailbox),
            policy=broker.table.market_policy,
            fresh=functools.partial(_is_fresh, index, wall),
        )
    orders, table = settings.orders, load_protection(settings.market.protection_file)
    return PreTrade(desks, table, orders.pre_trade_checks, orders.most_slices)


def egress(table: Broker, look: Look | None) -> Egress | None:
    """What to hold the broker's way out to; None where no address is expected."""
    return Egress(table.name, table.expect_ip, look) if table.expect_ip else None


def echoes(settings: Settings) -> dict[str, AddressEcho]:
    """An echo, over their own way out, for those brokers that expect an address."""
    url = settings.market.address_echo
    return {
        name: AddressEcho(url, table.egress)
        for name, table in settings.brokers.items()
        if table.expect_ip and url
    }


def clock_of(settings: Settings, wall: Callable[[], datetime]) -> ClockWatch | None:
    """Who looks at our clock; None where no time server is set."""
    clock = settings.clock
    if not clock.server:
        return None
    ask = functools.partial(sntp.ask, sntp.server_of(clock.server), wall)
    return ClockWatch(clock.server, ask, wall, limit=clock.limit)


def _is_fresh(index: InstrumentIndex, wall: Callable[[], datetime]) -> bool:
    """Whether the master in force is this morning's; bands are of one day."""
    info = index.info if isinstance(index, FileIndex) else None
    return not is_stale(None if info is None else info.synced_at, wall())
