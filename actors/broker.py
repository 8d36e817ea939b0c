"""The broker actor: one account at one broker, and all that happens there.

Its loop never waits: each message that needs the network or the store is handled by a
task in the actor's own nursery. What it may do at the broker is decided by its parts:
`Sender`, `Canceller`, `Reconciler`, all over one `Line`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from actors.admission import Gate
from actors.broker_parts import BrokerParts
from actors.canceller import Canceller
from actors.cancels import Cancels
from actors.changer import Changer
from actors.changes import Changes
from actors.comparing import Comparing
from actors.day_count import DayKeeper
from actors.egress import EgressWatch
from actors.filling import Filling
from actors.flight import Flight
from actors.flights import Flights
from actors.halts import Halts
from actors.journal import Journal
from actors.line import Line
from actors.logins import Logins
from actors.mailbox import Mailbox, Request
from actors.messages import (
    Admit,
    BeginLogin,
    BrokerReport,
    CancelOrder,
    ChangeOrder,
    DownloadMaster,
    Fetch,
    Logout,
    LookAtBook,
    ReadBroker,
    ReadSession,
    Reconcile,
    ReturnSlot,
    SendOrder,
    SetBreaker,
    SimulateFill,
    VerifyLogin,
)
from actors.one_of_a_kind import OneOfAKind
from actors.orphans import Orphans
from actors.ownership import Ownership
from actors.pacer import Pacer
from actors.pushed import Pushed
from actors.reads import Reads
from actors.reconciler import Reconciler
from actors.reconciling import Reconciling
from actors.recovery import Recovery
from actors.report import report
from actors.resting import Resting
from actors.sender import Sender
from actors.session_keeper import SessionKeeper
from actors.session_watch import SessionWatch
from actors.stall import watch_mailbox
from actors.tags import Tags
from actors.telling import Telling
from actors.traffic import TrafficKeeper
from actors.untagged import Untagged
from actors.updates import Updates
from actors.windows import Kind
from actors.writer import tell
from adapters import AuditEntry, Note, correlation

Task = Callable[..., Awaitable[object]]


class Broker:
    """One incarnation of the broker actor; the wiring makes one for each start."""

    def __init__(self, parts: BrokerParts) -> None:
        self._parts = parts
        name, timeout = parts.settings.name, parts.settings.submit_timeout
        clockwork, writer = parts.clockwork, parts.writer
        self._mailbox = parts.mailbox
        capabilities = parts.port.capabilities
        turns = OneOfAKind(needed=capabilities.tag is None)
        self._pacer = pacer = Pacer(parts.limiter, parts.settings.today, turns)
        self._line = line = Line(
            name,
            parts.port,
            pacer,
            parts.breaker,
            parts.session,
            writer,
            clockwork.wall,
            clockwork.rng,
            parts.traffic,
        )
        traded = line.traffic.traded
        self._journal = journal = Journal(name, writer, clockwork.wall, traded)
        aloft: dict[str, Flight] = {}
        ownership = Ownership(journal)
        untagged = Untagged(journal, turns, aloft.__contains__, self._note)
        comparing = Comparing(
            line,
            journal,
            ownership,
            turns,
            untagged,
            parts.records,
            in_flight=aloft.__contains__,
            changed=lambda order_id: self._cancels.changed(order_id),
            shown=lambda record, row, at: self._changes.shown(record, row, at),
        )
        self._telling = telling = Telling()
        self._reconciler = reconciler = Reconciler(
            line, journal, comparing, poll=capabilities.book_poll, telling=telling
        )
        self._updates = Updates(
            line,
            reconciler,
            Pushed(journal, ownership, comparing),
            telling,
            wanted=parts.settings.order_updates,
        )
        self._reconciling = Reconciling(line, reconciler, ownership, untagged)
        canceller = Canceller(line, timeout, reconciler.look)
        start = self._start_soon
        self._cancels = cancels = Cancels(
            journal, aloft, pacer, canceller, parts.records, writer, start
        )
        changer = Changer(line, parts.trading, timeout, reconciler.look, parts.egress)
        self._changes = Changes(journal, aloft, cancels, changer)
        self._filling = Filling(parts.port, journal, parts.records, reconciler.look)
        sender = Sender(
            line,
            journal,
            turns,
            parts.trading,
            timeout,
            reconciler.in_doubt,
            lambda: self._session_watch.renewed(),
            parts.egress,
        )
        self._flights = flights = Flights(
            aloft, sender, journal, reconciler, cancels, pacer, parts.trading, start
        )
        self._orphans = Orphans(journal, parts.records, aloft.__contains__)
        self._halts = Halts(
            journal, flights, cancels, parts.trading, parts.killswitch, start
        )
        self._recovery = Recovery(
            journal,
            reconciler,
            cancels,
            ownership,
            parts.limiter,
            parts.records,
            writer,
            parts.took_up,
        )
        tags = Tags(capabilities.tag, clockwork.wall, clockwork.rng)
        self._resting = Resting(journal, parts.records, parts.settings.rest_after)
        self._gate = Gate(line, reconciler, parts.store, tags, parts.egress)
        self._egress_watch = EgressWatch(parts.egress, line, clockwork.wall)
        self._reads = Reads(
            line, reconciler.news, lambda rows: ownership.shown(rows, untagged.may_be)
        )
        keeper = SessionKeeper(line, writer, parts.seal, reconciler.session_begun)
        self._logins = logins = Logins(line, keeper, parts.settings.adapter, clockwork)
        self._session_watch = SessionWatch(line, keeper, logins, clockwork.wall)
        self._tasks: trio.Nursery  # of `run`, for as long as it runs
        self._crashed = False

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled; then end what is queued and let what left land."""
        parts = self._parts
        name, limiter, writer = parts.settings.name, parts.limiter, parts.writer
        async with trio.open_nursery() as self._tasks:
            correlation.take_up({"broker": name})  # for all that this actor logs
            queued = _orders_in(parts.mailbox)
            self._flights.ground(await self._recovery.take_up(queued))
            self._start_soon(self._pacer.run)
            self._start_soon(self._journal.retry_unsaved)
            self._start_soon(self._reconciler.run)
            self._start_soon(self._updates.run)
            self._start_soon(self._halts.watch)
            self._start_soon(self._orphans.run)
            self._start_soon(self._session_watch.run)
            self._start_soon(self._egress_watch.run)
            self._start_soon(self._resting.run)
            self._start_soon(watch_mailbox, parts.mailbox)
            self._start_soon(DayKeeper(name, limiter, writer).run)
            self._start_soon(TrafficKeeper(name, self._line.traffic, writer).run)
            task_status.started()
            try:
                while True:
                    self._handle(await self._mailbox.receive())
            except trio.Cancelled:
                if not self._crashed:  # else the queue is for the next incarnation
                    self._end_queue()
                raise
            finally:
                self._pacer.close("this part of Ordo is stopping; it was not sent")

    def _handle(self, request: Request) -> None:
        """Answer at once, or hand it to a task."""
        match request.message:
            case Admit() if request.abandoned or request.expired:
                request.drop()  # nobody would use its slot, nor give it back
            case Admit() as message:
                request.reply(self._gate.admit(message))
            case SendOrder(slot=slot):
                self._flights.start(request, slot)
            case CancelOrder():
                self._start_soon(self._cancels.answer, request)
            case ChangeOrder():
                self._start_soon(self._changes.answer, request)
            case SimulateFill():
                self._start_soon(self._filling.answer, request)
            case Fetch():
                self._start_soon(self._reads.answer, request)
            case Reconcile():
                self._start_soon(self._reconciling.answer, request)
            case LookAtBook():
                self._start_soon(self._reconciling.look, request)
            case DownloadMaster():
                self._start_soon(self._reads.download, request)
            case ReturnSlot(slot=slot):
                self._pacer.give_back(Kind.PLACE, slot)
            case BeginLogin():
                self._start_soon(self._logins.begin, request)
            case VerifyLogin():
                self._start_soon(self._logins.verify, request)
            case Logout():
                self._start_soon(self._logins.log_out, request)
            case ReadSession():
                request.reply(self._logins.report())
            case ReadBroker():
                request.reply(self._report())
            case SetBreaker() as message:
                self._set_breaker(message)
                request.reply(self._report())
            case other:
                raise TypeError(f"no message for a broker: {other!r}")

    def _note(self, entry: AuditEntry) -> None:
        tell(self._parts.writer, Note(audit=(entry,)))

    def _set_breaker(self, message: SetBreaker) -> None:
        breaker = self._parts.breaker
        turn = {
            "OPEN": breaker.force_open,
            "CLOSED": breaker.force_closed,
            "AUTO": breaker.auto,
        }
        turn[message.state](trio.current_time())
        self._line.note_transitions(by=message.by)
        self._reconciler.news()

    def _report(self) -> BrokerReport:
        return report(
            self._parts.settings,
            self._line,
            self._journal,
            self._reconciler,
            order_updates=self._telling.state,
            on_the_wire=self._flights.departed,
            egress=self._parts.egress,
        )

    def _end_queue(self) -> None:
        """Ordo stops: what is queued ends as not sent, nothing as never heard of."""
        queued = self._mailbox.depth + self._mailbox.urgent_depth
        for request in self._mailbox.drain(queued):
            if isinstance(request.message, SendOrder):
                self._flights.start(request, None)
            else:
                request.drop()

    def _start_soon(self, task: Task, *args: Any) -> None:
        self._tasks.start_soon(self._watched, task, args, name=task)

    async def _watched(self, task: Task, args: tuple[Any, ...]) -> None:
        """Run a task, and remember that it crashed: that is no stop."""
        try:
            await task(*args)
        except Exception:
            self._crashed = True
            raise


def _orders_in(mailbox: Mailbox) -> tuple[str, ...]:
    """The ids of the orders that wait there to be sent."""
    waiting = mailbox.waiting
    return tuple(m.record.order_id for m in waiting if isinstance(m, SendOrder))
