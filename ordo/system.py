"""One gateway: its mailboxes, and what its actors and its faces share.

Mailboxes are made here and outlive each incarnation of their actors, which `ordo.tree`
makes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import trio

from actors.census import census
from actors.clock_watch import ClockWatch
from actors.clockwork import Clockwork
from actors.egress import Look
from actors.feed import Feed
from actors.mailbox import Mailbox
from actors.outbox import Outbox
from actors.pretrade import PreTrade
from actors.records import Records
from actors.stall import LoopWatch
from actors.supervisor import Supervisor
from actors.telemetry import Telemetry
from actors.trading import TradingState
from actors.writer import RunSync, StoreHealth
from adapters import (
    BrokerPort,
    Grant,
    PublisherPort,
    Store,
    StoreFailed,
    TradingSwitch,
)
from adapters.alerting import AlertPort
from adapters.instruments import InstrumentIndex
from adapters.market import load_calendar
from ordo.checks import Known, pretrade
from ordo.config import Settings
from ordo.doors import Door
from ordo.masters import MasterStore, no_masters
from ordo.metrics import Meters
from ordo.seats import seat
from ordo.tokens import TokenBook

log = logging.getLogger("ordo.system")

ROUTER_ROOM, WRITER_ROOM, SWITCH_ROOM, MASTERS_ROOM = 1000, 4000, 100, 100
"""Messages a mailbox holds. Source: reliability.md section 5; full is an answer."""
NO_GRANTS: Mapping[str, Grant] = {}
NO_LOOKS: Mapping[str, Look] = {}


class Means(NamedTuple):
    """What `ordo.tree` makes actors with and no face touches; each as `System` says."""

    store: Store
    write_sync: RunSync
    long_sync: RunSync
    seal: Callable[[str, Grant], str] | None
    channels: Sequence[AlertPort]
    took_up: Callable[[str, int, int], None]


class System:
    """One gateway: what its actors are handed, and what faces ask and read.

    Args:
        settings: checked.
        store: open.
        tokens: who may call.
        ports: the adapters, by the name of the broker.
        clockwork: time, chance, ids.
        write_sync, read_sync: how commits and reads leave the loop; one at a time each.
        long_sync: how reads of seconds leave it, beside those; None: as the reads do.
        grants: sessions to begin with, by the name of the broker.
        seal: encrypts a broker's grant for the store; None keeps none.
        instruments: what the brokers' masters say; None: there are no masters.
        looks: ask which address a broker's calls leave from, by its name.
        publishers: told every event.
        channels: how people are reached.
        clock: looks whether ours is right; None: nobody does.
        took_up: told a broker, how many of its orders are recovered, of how many.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        tokens: TokenBook,
        ports: Mapping[str, BrokerPort],
        clockwork: Clockwork,
        *,
        write_sync: RunSync,
        read_sync: RunSync,
        long_sync: RunSync | None = None,
        grants: Mapping[str, Grant] = NO_GRANTS,
        seal: Callable[[str, Grant], str] | None = None,
        instruments: MasterStore | None = None,
        looks: Mapping[str, Look] = NO_LOOKS,
        publishers: Sequence[PublisherPort] = (),
        channels: Sequence[AlertPort] = (),
        clock: ClockWatch | None = None,
        took_up: Callable[[str, int, int], None] = lambda broker, done, total: None,
    ) -> None:
        self.settings = settings
        self.tokens = tokens
        self.clockwork = clockwork
        self.means = Means(
            store=store,
            write_sync=write_sync,
            long_sync=long_sync or read_sync,
            seal=seal,
            channels=channels,
            took_up=took_up,
        )
        self.stopping = False
        self.started_at = 0.0
        self.root: Supervisor | None = None  # once `ordo.tree` has made it
        self.store = StoreHealth()
        self.loop = LoopWatch(clockwork.wall)
        self.trading = TradingState(_stored_switch(store))
        self.door = Door(settings.data.path)
        self.records = Records(store, run_sync=read_sync)
        self.feed = Feed(self.records)
        self.meters = Meters()
        self.writer = Mailbox("writer", WRITER_ROOM, urgent_capacity=WRITER_ROOM)
        self.killswitch = Mailbox("kill-switch", SWITCH_ROOM)
        self.seats = {
            name: seat(
                settings.brokers[name],
                port,
                store,
                clockwork,
                grants.get(name),
                looks.get(name),
            )
            for name, port in ports.items()
        }
        self.router = Mailbox("router", ROUTER_ROOM)
        self.masters = Mailbox("masters", MASTERS_ROOM)
        self.instruments = instruments or no_masters()
        self.pretrade = self._checks()
        self.calendar = load_calendar(settings.market.calendar_file)
        self.clock = clock
        self.telemetry: Telemetry | None = None  # tells counts of us, where it may
        self.outboxes = tuple(
            Outbox(each, self.feed, self.writer, clockwork.wall, clockwork.rng)
            for each in publishers
        )

    @property
    def brokers(self) -> dict[str, Mailbox]:
        """The brokers' mailboxes, by name."""
        return {name: seat.mailbox for name, seat in self.seats.items()}

    @property
    def broker_names(self) -> Mapping[str, object]:
        """The configured brokers, in the order of the settings."""
        return self.seats

    @property
    def indexes(self) -> dict[str, InstrumentIndex]:
        """What each broker trades."""
        of = self.instruments.indexes.of
        return {name: of(seat.table.adapter) for name, seat in self.seats.items()}

    @property
    def logged_out(self) -> list[str]:
        """The brokers that want a log-in before they trade."""
        return [name for name, s in self.seats.items() if not s.session.active]

    def breaker(self, broker: str) -> str:
        """CLOSED, OPEN or HALF-OPEN, just now."""
        return self.seats[broker].breaker.state(trio.current_time()).value

    def restarts(self, broker: str) -> int:
        """How often a broker's actor was restarted; 0 before it was started."""
        mailbox = self.seats[broker].mailbox
        rows = () if self.root is None else census(self.root)
        return sum(row.status.restarts for row in rows if row.mailbox is mailbox)

    def with_masters(self) -> dict[str, dict[str, Mailbox]]:
        """The brokers whose instruments come from a master, by adapter."""
        return {
            adapter: brokers
            for adapter in self.instruments.adapters
            for brokers in [
                {
                    name: seat.mailbox
                    for name, seat in self.seats.items()
                    if seat.table.adapter == adapter and seat.port.capabilities.master
                }
            ]
            if brokers
        }

    def _checks(self) -> PreTrade:
        brokers = {
            name: Known(seat.table, seat.port.capabilities, seat.mailbox)
            for name, seat in self.seats.items()
        }
        return pretrade(self.settings, brokers, self.instruments, self.clockwork.wall)


def _stored_switch(store: Store) -> TradingSwitch | None:
    """The kill-switch as stored; None, and that halts, where it cannot be read."""
    try:
        return store.switch()
    except StoreFailed:
        log.critical(
            "the kill-switch's state cannot be read: trading is halted",
            extra={"event": "kill_switch.unreadable"},
        )
        return None
