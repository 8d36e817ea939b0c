"""The wiring: every mailbox, every actor, the tree. The only file that knows them all.

Build, start, stop (reversed) and ask follow one order: an actor is handed only
mailboxes made before its own, so two actors never wait for each other.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta, timezone
from typing import NamedTuple

import trio

from actors.alerts import Alerts
from actors.breaker import Breaker
from actors.broker import Broker
from actors.broker_parts import BrokerParts, BrokerSettings
from actors.clock_watch import ClockWatch
from actors.clockwork import Clockwork
from actors.closer import Closer
from actors.egress import Egress, Look
from actors.feed import Feed
from actors.housekeeping import Housekeeping
from actors.killswitch import KillSwitch
from actors.limiter import DayCount, Limiter
from actors.mailbox import Mailbox
from actors.masters import Masters
from actors.outbox import Outbox
from actors.pretrade import PreTrade
from actors.records import Records
from actors.router import Router
from actors.session import Session
from actors.settlement import Settlement
from actors.stall import LoopWatch
from actors.supervisor import (
    Backoff,
    Child,
    ChildCrashed,
    ChildGivenUp,
    ChildStuck,
    Start,
    Strategy,
    Supervisor,
    SupervisorEvent,
    check_grace,
)
from actors.telemetry import Telemetry
from actors.trading import TradingState
from actors.traffic import Traffic
from actors.windows import Kind
from actors.writer import COMMIT_TIMEOUT, RunSync, StoreHealth, Writer, tell
from adapters import (
    AuditEntry,
    BrokerPort,
    Grant,
    Note,
    PublisherPort,
    Store,
    StoreFailed,
    TradingSwitch,
    Write,
)
from adapters.alerting import AlertPort
from adapters.instruments import InstrumentIndex
from adapters.market import load_calendar
from ordo.checks import Known, egress, pretrade
from ordo.config import Broker as BrokerTable
from ordo.config import Settings
from ordo.doors import Door
from ordo.looks import Looks
from ordo.masters import MasterStore, no_masters
from ordo.metrics import Meters
from ordo.pace import windows
from ordo.tokens import TokenBook

log = logging.getLogger("ordo.system")

IST = timezone(timedelta(hours=5, minutes=30))
ROUTER_ROOM, BROKER_ROOM, WRITER_ROOM, SWITCH_ROOM = 1000, 1000, 4000, 100
MASTERS_ROOM = 100
"""Messages a mailbox holds. Source: reliability.md section 5; full is an answer."""
NO_GRANTS: Mapping[str, Grant] = {}
NO_LOOKS: Mapping[str, Look] = {}
OUTBOX_GRACE = 5.0
"""Seconds for the last events to be told at a stop; the rest is told at the start."""
ROUTER_GRACE = 2.0
"""Seconds for batches that no client waits for: `http`, stopped before, has waited
`drain_timeout` for the others. What has not left by then does not leave."""


class Seat(NamedTuple):
    """A broker with what outlives each incarnation of its actor."""

    table: BrokerTable
    port: BrokerPort
    limiter: Limiter
    breaker: Breaker
    mailbox: Mailbox
    session: Session
    egress: Egress | None
    traffic: Traffic


class System:
    """One gateway: its actors' mailboxes, what faces read, and the tree.

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
        self.stopping = False
        self.started_at = 0.0
        self.root: Supervisor | None = None
        self.store = StoreHealth()
        self.loop = LoopWatch(clockwork.wall)
        self.trading = TradingState(_stored_switch(store))
        self.door = Door(settings.data.path)
        self.records = Records(store, run_sync=read_sync)
        self.feed = Feed(self.records)
        self.meters = Meters()
        self.writer = Mailbox("writer", WRITER_ROOM, urgent_capacity=WRITER_ROOM)
        self.killswitch = Mailbox("kill-switch", SWITCH_ROOM)
        self._seal = seal
        self._looks = looks
        self._took_up = took_up
        self._seats = {
            name: self._seat(settings.brokers[name], port, store, grants.get(name))
            for name, port in ports.items()
        }
        self.router = Mailbox("router", ROUTER_ROOM)
        self.masters = Mailbox("masters", MASTERS_ROOM)
        self.instruments = instruments or no_masters()
        self._pretrade = self._checks()
        self._calendar = load_calendar(settings.market.calendar_file)
        self._write_sync, self._writable = write_sync, store
        self._long_sync = long_sync or read_sync
        self._broker_tree = self._brokers()
        self._channels = channels
        self.clock = clock
        self.telemetry: Telemetry | None = None  # tells counts of us, where it may
        self.outboxes = tuple(
            Outbox(each, self.feed, self.writer, clockwork.wall, clockwork.rng)
            for each in publishers
        )

    @property
    def brokers(self) -> dict[str, Mailbox]:
        """The brokers' mailboxes, by name."""
        return {name: seat.mailbox for name, seat in self._seats.items()}

    @property
    def broker_names(self) -> Mapping[str, object]:
        """The configured brokers, in the order of the settings."""
        return self._seats

    def _committed(
        self, writes: Sequence[Write], requests: int, seconds: float
    ) -> None:
        self.meters.commit(writes, requests, seconds)
        self.feed.committed()

    @property
    def logged_out(self) -> list[str]:
        """The brokers that want a log-in before they trade."""
        return [name for name, s in self._seats.items() if not s.session.active]

    def breaker(self, broker: str) -> str:
        """CLOSED, OPEN or HALF-OPEN, just now."""
        return self._seats[broker].breaker.state(trio.current_time()).value

    def restarts(self, broker: str) -> int:
        """How often a broker's actor was restarted."""
        found = [row for row in self._broker_tree.children if row.name == broker]
        return found[0].restarts if found else 0

    def tree(
        self,
        http: Start | None,
        stop_http: Callable[[], None],
        doors: Start | None = None,
    ) -> Supervisor:
        """The whole tree; *http* and *doors* are left out where they are None."""
        router = Router(
            self.router,
            self.brokers,
            self.writer,
            self.records,
            self.trading,
            self.store,
            self.clockwork,
            self._pretrade,
            self._indexes(),
        )
        brokers_stop = self._broker_tree.longest_stop + 1.0
        masters, closer = self._masters(), self._closer()
        children = [
            Child(
                "writer",
                Writer(
                    self.writer,
                    self._writable,
                    self.store,
                    run_sync=self._write_sync,
                    committed=self._committed,
                ).run,
                mailbox=self.writer,
                grace=3 * COMMIT_TIMEOUT,
                suspends=True,
            ),
            Child(
                "kill-switch",
                KillSwitch(
                    self.killswitch, self.writer, self.trading, self.clockwork.wall
                ).run,
                mailbox=self.killswitch,
            ),
            *([] if doors is None else [self._doors(doors)]),
            Child("brokers", self._broker_tree.run, grace=brokers_stop),
            Child(
                "router",
                router.run,
                mailbox=self.router,
                stop=router.stop,
                grace=ROUTER_GRACE,
            ),
            Child("closer", closer.run, grace=closer.longest_stop + 1.0),
            Child("masters", masters.run, grace=masters.longest_stop + 1.0),
        ]
        if self.outboxes or self._channels:
            telling = self._telling()
            children.append(Child("publishers", telling.run, grace=OUTBOX_GRACE))
        if http is not None:
            drain = self.settings.server.drain_timeout + 2.0
            children.append(Child("http", http, stop=stop_http, grace=drain))
        if self.clock is not None:
            children.append(_patient("clock", self.clock.run))
        if self.telemetry is not None:
            children.append(_patient("telemetry", self.telemetry.run))
        children.append(self._settlement())
        children.append(self._housekeeping())  # last: it begins once clients are served
        self.root = Supervisor(
            "root",
            children,
            strategy=Strategy.REST_FOR_ONE,
            intensity=3,
            period=60.0,
            rng=self.clockwork.rng,
            on_event=report,
        )
        return self.root

    def _telling(self) -> Supervisor:
        """Publishers and alerts: each is started again for ever, none ends the tree."""
        children = [_patient(box.name, box.run) for box in self.outboxes]
        if self._channels:
            looks = Looks(self)

            async def start(*, task_status: trio.TaskStatus[None]) -> None:
                alerts = Alerts(
                    self.feed,
                    [looks.store, looks.unknown, looks.sessions],
                    self._channels,
                    self.clockwork.wall,
                    self.clockwork.rng,
                )
                await alerts.run(task_status=task_status)

            children.append(_patient("alerts", start))
        return Supervisor(
            "publishers",
            children,
            strategy=Strategy.ONE_FOR_ONE,
            intensity=1000,
            period=60.0,
            rng=self.clockwork.rng,
            on_event=report,
        )

    def _housekeeping(self) -> Child:
        """Given up, where it crashes again and again: trading goes on without it."""

        async def start(*, task_status: trio.TaskStatus[None]) -> None:
            housekeeping = Housekeeping(
                self.writer,
                self._writable,
                self.store,
                self.clockwork.wall,
                keep_days=self.settings.audit.keep_days,
                run_sync=self._long_sync,
            )
            await housekeeping.run(task_status=task_status)

        return Child(
            "housekeeping",
            start,
            backoff=Backoff(minimum=60.0, maximum=3600.0),
            intensity=5,
            period=86_400.0,
        )

    def _settlement(self) -> Child:
        """As housekeeping: what is not settled now is settled later."""

        async def start(*, task_status: trio.TaskStatus[None]) -> None:
            settlement = Settlement(
                self.writer, self.records, self._calendar, self.clockwork.wall
            )
            await settlement.run(task_status=task_status)

        return Child(
            "settlement",
            start,
            backoff=Backoff(minimum=60.0, maximum=3600.0),
            intensity=5,
            period=86_400.0,
        )

    def _brokers(self) -> Supervisor:
        return Supervisor(
            "brokers",
            [self._broker_child(name, seat) for name, seat in self._seats.items()],
            strategy=Strategy.ONE_FOR_ONE,
            intensity=50,
            period=60.0,
            rng=self.clockwork.rng,
            on_event=report,
        )

    def _checks(self) -> PreTrade:
        brokers = {
            name: Known(seat.table, seat.port.capabilities, seat.mailbox)
            for name, seat in self._seats.items()
        }
        return pretrade(self.settings, brokers, self.instruments, self.clockwork.wall)

    def with_masters(self) -> dict[str, dict[str, Mailbox]]:
        """The brokers whose instruments come from a master, by adapter."""
        return {
            adapter: brokers
            for adapter in self.instruments.adapters
            for brokers in [
                {
                    name: seat.mailbox
                    for name, seat in self._seats.items()
                    if seat.table.adapter == adapter and seat.port.capabilities.master
                }
            ]
            if brokers
        }

    def _doors(self, doors: Start) -> Child:
        """Up before any order can leave; a crash is its own, until it cannot be mended:
        then all ends, for nobody could shut the door any more."""
        tree = Supervisor(
            "doors",
            [Child("doors", doors)],
            strategy=Strategy.ONE_FOR_ONE,
            intensity=50,
            period=60.0,
            rng=self.clockwork.rng,
            on_event=report,
        )
        return Child("doors", tree.run, grace=tree.longest_stop + 1.0)

    def _indexes(self) -> dict[str, InstrumentIndex]:
        """What each broker trades."""
        of = self.instruments.indexes.of
        return {name: of(seat.table.adapter) for name, seat in self._seats.items()}

    def _closer(self) -> Supervisor:
        """A tree of its own: a bug there must not take the API down with it."""

        async def start(*, task_status: trio.TaskStatus[None]) -> None:
            closer = Closer(
                self.brokers,
                self.router,
                self.killswitch,
                self.records,
                self.trading,
                self._indexes(),
            )
            await closer.run(task_status=task_status)

        return Supervisor(
            "closer",
            [Child("closer", start, backoff=Backoff(minimum=0.5, maximum=30.0))],
            strategy=Strategy.ONE_FOR_ONE,
            intensity=50,
            period=60.0,
            rng=self.clockwork.rng,
            on_event=report,
        )

    def _masters(self) -> Supervisor:
        """A tree of its own: a bug there must not take the API down with it."""

        async def start(*, task_status: trio.TaskStatus[None]) -> None:
            masters = Masters(
                self.masters,
                self.with_masters(),
                self.instruments,
                self.writer,
                self.clockwork,
            )
            await masters.run(task_status=task_status)

        child = Child(
            "masters",
            start,
            mailbox=self.masters,
            backoff=Backoff(minimum=1.0, maximum=60.0),
            intensity=5,
            period=300.0,
        )
        return Supervisor(
            "masters",
            [child],
            strategy=Strategy.ONE_FOR_ONE,
            intensity=50,
            period=60.0,
            rng=self.clockwork.rng,
            on_event=report,
        )

    def _broker_child(self, name: str, seat: Seat) -> Child:
        timeout = seat.table.submit_timeout
        grace = timeout + 4 * COMMIT_TIMEOUT
        check_grace(grace, timeout + 2 * COMMIT_TIMEOUT)
        parts = BrokerParts(
            settings=BrokerSettings(
                name=name,
                adapter=seat.table.adapter,
                submit_timeout=timeout,
                rest_after=self.settings.market.rest_after,
                today=self._today,
                order_updates=seat.table.order_updates,
            ),
            port=seat.port,
            limiter=seat.limiter,
            breaker=seat.breaker,
            session=seat.session,
            mailbox=seat.mailbox,
            writer=self.writer,
            killswitch=self.killswitch,
            records=self.records,
            trading=self.trading,
            store=self.store,
            clockwork=self.clockwork,
            seal=None if self._seal is None else functools.partial(self._seal, name),
            egress=seat.egress,
            took_up=functools.partial(self._took_up, name),
            traffic=seat.traffic,
        )

        async def start(*, task_status: trio.TaskStatus[None]) -> None:
            await Broker(parts).run(task_status=task_status)

        def give_up() -> None:
            seat.breaker.force_open(trio.current_time())
            entry = AuditEntry(
                actor=f"broker:{name}", action="broker.given_up", broker=name
            )
            tell(self.writer, Note(audit=(entry,)))
            log.critical(
                "%s crashes again and again: it is left alone, the others trade on",
                name,
                extra={"event": "broker.given_up", "broker": name},
            )

        return Child(
            name,
            start,
            mailbox=seat.mailbox,
            grace=grace,
            backoff=Backoff(minimum=0.2, maximum=30.0),
            intensity=5,
            period=60.0,
            when_exhausted=give_up,
        )

    def _seat(
        self, table: BrokerTable, port: BrokerPort, store: Store, grant: Grant | None
    ) -> Seat:
        port.use(grant)
        today = self._today()
        counted = store.day_count(table.name, today.isoformat())
        day = DayCount(day=today.toordinal(), taken={Kind.PLACE: counted})
        return Seat(
            table=table,
            port=port,
            limiter=Limiter(windows(table, port.capabilities), day_count=day),
            breaker=Breaker(table.breaker, self.clockwork.rng),
            mailbox=Mailbox(f"broker:{table.name}", BROKER_ROOM, urgent_capacity=500),
            session=Session(required=port.login is not None, grant=grant),
            egress=egress(table, self._looks.get(table.name)),
            traffic=Traffic(
                self.clockwork.wall,
                today,
                store.order_counts(table.name, today.isoformat()),
            ),
        )

    def _today(self) -> date:
        """The trading day: the date in India, whose brokers count by it."""
        return self.clockwork.wall().astimezone(IST).date()


def _patient(name: str, start: Start) -> Child:
    """Started again for ever: what it tells waits in the store meanwhile."""
    return Child(
        name,
        start,
        grace=OUTBOX_GRACE - 1.0,
        backoff=Backoff(minimum=1.0, maximum=60.0),
        intensity=1000,
        period=60.0,
    )


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


def report(event: SupervisorEvent) -> None:
    """Tell the log what happens in the tree."""
    match event:
        case ChildCrashed(name=name, exc=exc, restarts=restarts):
            log.error(
                "%s crashed (restart %d follows)",
                name,
                restarts + 1,
                exc_info=exc,
                extra={"event": "actor.crashed"},
            )
        case ChildGivenUp(name=name):
            log.critical("%s is given up", name, extra={"event": "actor.given_up"})
        case ChildStuck(name=name, grace=grace):
            log.critical(
                "%s did not stop within %s s",
                name,
                grace,
                extra={"event": "actor.stuck"},
            )
        case _:
            log.info("%s", event, extra={"event": "actor.changed"})
