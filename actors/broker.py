"""The broker actor: one account at one broker, and all that happens there.

Its loop never waits: each message that needs the network or the store is handled by a
task in the actor's own nursery. What it may do at the broker is decided by its parts:
`Sender`, `Canceller`, `Reconciler`, all over one `Line`.
"""

import logging
from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

import msgspec
import trio

from actors.admission import Gate
from actors.breaker import Breaker
from actors.canceller import Canceller
from actors.clockwork import Clockwork
from actors.journal import Journal
from actors.lifecycle import advance
from actors.limiter import MINUTE, SECOND, SLACK, Kind, Limiter
from actors.line import Line, denial_of
from actors.mailbox import Mailbox, MailboxError, Request
from actors.messages import (
    Admit,
    BrokerReport,
    CancelOrder,
    CancelProgress,
    CancelResult,
    Commit,
    Denial,
    Fetch,
    Fetched,
    FetchFailed,
    ReadBroker,
    ReturnSlot,
    SendOrder,
    SetBreaker,
)
from actors.pacer import Pacer
from actors.reads import reading
from actors.reconciler import Reconciler
from actors.records import Records
from actors.report import report
from actors.sender import Flight, Sender
from actors.session import Session
from actors.trading import TradingState
from actors.writer import StoreHealth
from adapters import (
    AuditEntry,
    BrokerError,
    BrokerPort,
    Note,
    OrderRecord,
    OrderStatus,
    SaveDayCount,
    Unsupported,
)

log = logging.getLogger("ordo.broker")

CANCEL_ALL_TIMEOUT = 60.0
"""Seconds the cancels of a halt may take, queueing included."""
DAY_COUNT_EVERY = 10.0
"""Seconds between writes of the day's call count."""


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is set for one broker; lengths are seconds."""

    name: str
    adapter: str
    submit_timeout: float = 10.0
    today: Callable[[], date]


class BrokerParts(NamedTuple):
    """What outlives each incarnation of the actor, and what it is handed."""

    settings: BrokerSettings
    port: BrokerPort
    limiter: Limiter
    breaker: Breaker
    session: Session
    mailbox: Mailbox
    writer: Mailbox
    killswitch: Mailbox
    records: Records
    trading: TradingState
    store: StoreHealth
    clockwork: Clockwork


class Broker:
    """One incarnation of the broker actor; the wiring makes one for each start."""

    def __init__(self, parts: BrokerParts) -> None:
        self._parts = parts
        self._name = parts.settings.name
        wall, rng = parts.clockwork.wall, parts.clockwork.rng
        pacer = Pacer(parts.limiter, parts.settings.today)
        self._line = Line(
            self._name,
            parts.port,
            pacer,
            parts.breaker,
            parts.session,
            parts.writer,
            wall,
            rng,
        )
        self._journal = Journal(self._name, parts.writer, wall)
        self._flights: dict[str, Flight] = {}
        self._reconciler = Reconciler(
            self._line,
            self._journal,
            in_flight=self._flights.__contains__,
            found=self._cancel_if_wanted,
            poll=parts.port.capabilities.book_poll,
        )
        timeout = parts.settings.submit_timeout
        self._sender = Sender(
            self._line, self._journal, parts.trading, timeout, self._reconciler.in_doubt
        )
        self._canceller = Canceller(self._line, timeout, self._reconciler.look)
        self._gate = Gate(self._line, self._reconciler, parts.store)
        self._late_cancels: set[str] = set()
        self._tasks: trio.Nursery  # of `run`, for as long as it runs

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled; then end what is queued and let what left land."""
        async with trio.open_nursery() as self._tasks:
            await self._take_up()
            self._tasks.start_soon(self._line.pacer.run)
            self._tasks.start_soon(self._journal.retry_unsaved)
            self._tasks.start_soon(self._reconciler.run)
            self._tasks.start_soon(self._watch_switch)
            self._tasks.start_soon(self._keep_day_count)
            task_status.started()
            try:
                while True:
                    self._handle(await self._parts.mailbox.receive())
            finally:
                self._wind_up()

    # What an earlier run left ---------------------------------------------------------

    async def _take_up(self) -> None:
        """Find every order that is not settled, and settle what can be from here."""
        name, limiter = self._name, self._parts.limiter
        wall, now = self._journal.wall(), trio.current_time()
        read = self._parts.records.read
        left = await read(lambda store: store.unsettled(name))
        ago = wall - timedelta(seconds=MINUTE)
        sent = await read(lambda store: store.sent_since(name, ago))
        limiter.pause(now + SECOND * SLACK)  # nobody knows what the last second held
        limiter.seed_reads(now)
        limiter.seed(
            Kind.PLACE, [now - (wall - at).total_seconds() for at in sent], now
        )
        self._journal.take_up(left)
        for record in left:
            await self._take_up_one(record)
        if not self._reconciler.doubts:
            self._reconciler.nothing_to_recover()

    async def _take_up_one(self, record: OrderRecord) -> None:
        wall = self._journal.wall()
        if record.status is OrderStatus.PLACED and record.sending_at is None:
            words = "Ordo stopped before it was sent"
            change = advance(
                record,
                OrderStatus.DENIED,
                words,
                wall,
                error_code="not_sent",
                message=words,
            )
            await self._journal.save(change)
        elif record.status is OrderStatus.PLACED:
            words = "Ordo stopped while it was being sent"
            change = advance(
                record,
                OrderStatus.UNKNOWN,
                words,
                wall,
                error_code="unknown",
                message=f"it may have arrived ({words}); being reconciled",
            )
            self._reconciler.in_doubt(record.order_id)
            await self._journal.save(change)
        elif record.status is OrderStatus.UNKNOWN:
            self._reconciler.in_doubt(record.order_id)

    # The loop -------------------------------------------------------------------------

    def _handle(self, request: Request) -> None:
        """Answer at once, or hand it to a task."""
        match request.message:
            case Admit() as message:
                request.reply(self._gate.admit(message))
            case SendOrder() as message:
                self._tasks.start_soon(self._send, request, message)
            case CancelOrder() as message:
                self._tasks.start_soon(self._cancel, request, message)
            case Fetch() as message:
                self._tasks.start_soon(self._fetch, request, message)
            case ReturnSlot(slot=slot):
                self._line.pacer.give_back(Kind.PLACE, slot)
            case ReadBroker():
                request.reply(self._report())
            case SetBreaker() as message:
                self._set_breaker(message)
                request.reply(self._report())
            case other:
                raise TypeError(f"no message for a broker: {other!r}")

    async def _send(self, request: Request, message: SendOrder) -> None:
        with request:
            flight = Flight(message.record, message.slot, message.answer_by)
            self._flights[flight.order_id] = flight
            self._journal.take_up([message.record])
            self._tasks.start_soon(self._fly, flight)
            with trio.move_on_at(flight.deadline):
                await flight.landed.wait()
            if flight.landed.is_set():
                request.reply(flight.record)
            else:
                request.reply(await self._sender.overdue(flight))

    async def _fly(self, flight: Flight) -> None:
        try:
            await self._sender.fly(flight)
        finally:
            del self._flights[flight.order_id]
            self._reconciler.news()
        if flight.cancel_wanted:
            self._cancel_if_wanted(flight.record)

    # Cancels --------------------------------------------------------------------------

    async def _cancel(self, request: Request, message: CancelOrder) -> None:
        with request:
            record = self._journal.get(message.order_id)
            if record is None or record.is_settled:
                stored = await self._stored(message.order_id)
                words = f"it is {stored.status} already"
                denial = Denial(code="conflict", message=words)
                request.reply(CancelResult(record=stored, denial=denial))
                return
            self._note_cancel(record, message)
            denial_ = await self._cancel_live(record.order_id, request.deadline)
            now_it_is = self._journal.get(record.order_id) or await self._stored(
                record.order_id
            )
            request.reply(CancelResult(record=now_it_is, denial=denial_))

    async def _cancel_live(self, order_id: str, deadline: float) -> Denial | None:
        """Cancel wherever the order is: in the queue, on the wire, at the broker."""
        flight = self._flights.get(order_id)
        if flight is not None:
            flight.cancel_wanted = True
            self._line.pacer.withdraw(order_id)
            with trio.move_on_at(deadline):
                await flight.landed.wait()
        record = self._journal.get(order_id)
        if record is None or record.is_settled:
            return None  # it ended on the way
        if record.broker_order_id is None:
            return None  # cancelled once it is found
        self._late_cancels.discard(order_id)
        return await self._canceller.cancel(record, deadline)

    def _cancel_if_wanted(self, record: OrderRecord) -> None:
        """A cancel came while nobody knew where the order was; now it is known."""
        live = self._journal.get(record.order_id)
        if live is None or not live.is_open or live.broker_order_id is None:
            return
        if live.order_id in self._late_cancels:
            self._late_cancels.discard(live.order_id)
            deadline = trio.current_time() + CANCEL_ALL_TIMEOUT
            self._tasks.start_soon(self._canceller.cancel, live, deadline)

    def _note_cancel(self, record: OrderRecord, message: CancelOrder) -> None:
        self._late_cancels.add(record.order_id)
        self._journal.amend(msgspec.structs.replace(record, cancel_requested=True))
        entry = AuditEntry(
            actor=message.by,
            action="order.cancel_requested",
            request_id=message.request_id,
            batch_id=record.batch_id,
            order_id=record.order_id,
            broker=self._name,
        )
        self._tell_writer(Commit(writes=(Note(audit=(entry,)),)))

    async def _stored(self, order_id: str) -> OrderRecord:
        record = await self._parts.records.read(lambda store: store.order(order_id))
        if record is None:
            raise LookupError(f"no order {order_id} is stored")
        return record

    # The kill-switch ------------------------------------------------------------------

    async def _watch_switch(self) -> None:
        """On a halt: clear the queue, and cancel what is open where that is wanted."""
        trading = self._parts.trading
        seen = trading.cancels_wanted
        while True:
            await trading.turned()
            if trading.engaged:
                for order_id, flight in tuple(self._flights.items()):
                    if not flight.departed:
                        self._line.pacer.withdraw(order_id)
            if trading.cancels_wanted != seen:
                seen = trading.cancels_wanted
                self._tasks.start_soon(self._cancel_all, seen)

    async def _cancel_all(self, round_: int) -> None:
        open_ = [record for record in self._journal if not record.is_settled]
        progress = CancelProgress(
            broker=self._name, round=round_, wanted=len(open_), done=0, failed=0
        )
        self._tell_progress(progress)
        deadline = trio.current_time() + CANCEL_ALL_TIMEOUT

        async def one(record: OrderRecord) -> None:
            nonlocal progress
            by = f"kill_switch:{self._parts.trading.switch.by}"
            self._note_cancel(record, CancelOrder(order_id=record.order_id, by=by))
            denial = await self._cancel_live(record.order_id, deadline)
            done, failed = progress.done, progress.failed
            progress = msgspec.structs.replace(
                progress,
                done=done + (denial is None),
                failed=failed + (denial is not None),
            )
            self._tell_progress(progress)

        async with trio.open_nursery() as cancels:
            for record in open_:
                cancels.start_soon(one, record)

    def _tell_progress(self, progress: CancelProgress) -> None:
        try:
            self._parts.killswitch.tell(progress)
        except MailboxError as exc:
            log.warning("progress not told: %s", exc, extra={"broker": self._name})

    # Reads and the breaker ------------------------------------------------------------

    async def _fetch(self, request: Request, message: Fetch) -> None:
        with request:
            started = trio.current_time()
            try:
                call = reading(self._parts.port, message)
                with trio.fail_at(request.deadline):
                    rows = await self._line.read(Kind.READ, call)
            except (BrokerError, trio.TooSlowError) as error:
                request.reply(self._failed(error, started))
            else:
                request.reply(
                    Fetched(
                        broker=self._name,
                        rows=rows,
                        attempts=1,
                        latency_ms=_millis(started),
                    )
                )

    def _failed(
        self, error: BrokerError | trio.TooSlowError, started: float
    ) -> FetchFailed:
        if isinstance(error, trio.TooSlowError):
            denial = Denial(code="deadline_exceeded", message="no answer in time")
        else:
            denial = denial_of(error)
        sent = not isinstance(error, Unsupported)
        return FetchFailed(
            broker=self._name,
            denial=denial,
            broker_code=getattr(error, "code", None) if sent else None,
            broker_message=getattr(error, "text", None),
            http_status=getattr(error, "http_status", None),
            attempts=int(sent),
            latency_ms=_millis(started),
        )

    def _set_breaker(self, message: SetBreaker) -> None:
        now, breaker = trio.current_time(), self._parts.breaker
        match message.state:
            case "OPEN":
                breaker.force_open(now)
            case "CLOSED":
                breaker.force_closed(now)
            case "AUTO":
                breaker.auto(now)
        self._line.note_transitions(by=message.by)

    def _report(self) -> BrokerReport:
        return report(
            self._parts.settings,
            self._line,
            self._journal,
            self._reconciler,
            on_the_wire=sum(flight.departed for flight in self._flights.values()),
        )

    # Housekeeping ---------------------------------------------------------------------

    async def _keep_day_count(self) -> None:
        """Store the count of the day's calls: its quota survives a restart."""
        stored = None
        while True:
            count = self._parts.limiter.day_count
            if count != stored and count.day:
                stored = count
                self._tell_writer(
                    Commit(
                        writes=(
                            SaveDayCount(
                                broker=self._name,
                                day=date.fromordinal(count.day).isoformat(),
                                count=sum(count.taken.values()),
                            ),
                        )
                    )
                )
            await trio.sleep(DAY_COUNT_EVERY)

    def _tell_writer(self, message: Commit) -> None:
        try:
            self._parts.writer.tell(message)
        except MailboxError as exc:
            log.error("not stored: %s", exc, extra={"broker": self._name})  # noqa: TRY400

    def _wind_up(self) -> None:
        """Ordo stops: nothing new leaves, and what waited ends as not sent."""
        self._line.pacer.close("Ordo is stopping; it was not sent")
        for request in self._parts.mailbox.drain(self._parts.mailbox.capacity * 2):
            if isinstance(request.message, SendOrder):
                self._tasks.start_soon(self._send_off, request)
            else:
                request.drop()

    async def _send_off(self, request: Request) -> None:
        flight = Flight(request.message.record, None, trio.current_time())
        self._flights[flight.order_id] = flight
        self._journal.take_up([flight.record])
        await self._fly(flight)
        request.reply(flight.record)


def _millis(started: float) -> float:
    return round((trio.current_time() - started) * 1000, 3)
