"""One adapter's instrument master: fetched when due and when asked for, one at a time.

Any broker of the adapter will do: they are asked in turn until one gives the files.
What fails leaves the old master where it is, and is tried again later and later.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import trio

from actors.clockwork import Clockwork
from actors.mailbox import Mailbox, MailboxError
from actors.master_news import log, tell_end, tell_left_out
from actors.master_times import is_stale, is_wanted_at_start, last_due, next_due
from actors.messages import (
    Denial,
    Downloaded,
    DownloadMaster,
    FetchFailed,
    MasterReport,
    MasterSync,
)
from adapters.instruments import Built, MasterInfo, NotBuilt

OURSELVES = "masters"
"""By whom a sync is that nobody asked for."""

DOWNLOAD_TIMEOUT = 600.0
"""Seconds for a broker's files: 60 MB over a slow line."""
FIRST_PAUSE, LONGEST_PAUSE = 300.0, 3600.0
"""Seconds before a failed sync is tried again, and where doubling stops."""
LOGIN_CODES = frozenset({"login_required", "session_expired"})
LOGIN_PAUSE = 60.0
"""Seconds, and no doubling, where only a log-in is missing: it may come any moment, and
the market opens soon after."""
START_JITTER, DAILY_JITTER = 10.0, 300.0
"""Seconds by which a sync is late at most, so that not all gateways come at once."""
LOOK_EVERY = 600.0
"""Seconds between looks at the wall clock, which may be set, or stand still asleep."""

Task = Callable[..., Awaitable[object]]
Stage = Literal["idle", "downloading", "building"]


class MasterFiles(Protocol):
    """The files on the disk, which actors do not touch themselves."""

    def info(self, adapter: str) -> MasterInfo | None:
        """What is in force; None where nothing is."""

    async def directory(self, adapter: str) -> Path:
        """An empty directory for a download.

        Raises:
            OSError: there is none to be had.
        """

    async def build(
        self,
        adapter: str,
        files: Sequence[Path],
        *,
        synced_at: datetime,
        force: bool,
    ) -> Built | NotBuilt:
        """Put in force what was downloaded to that directory, and empty it."""


class Run:
    """One sync under way. `ended` is set when `outcome` is there."""

    def __init__(self, *, force: bool, by: str, request_id: str | None) -> None:
        self.force = force
        self.by = by
        self.request_id = request_id
        self.ended = trio.Event()
        self.outcome: MasterSync

    async def result(self) -> MasterSync:
        """How it ended, once it has."""
        await self.ended.wait()
        return self.outcome


class MasterKeeper:
    """Keeps the master of one adapter.

    Args:
        adapter: its name.
        brokers: the mailboxes of its brokers, by name, the preferred one first.
        files: where masters are kept.
        writer: where syncs are noted.
        clockwork: wall time and chance.
        start_soon: starts a task that lives as long as the actor.
    """

    def __init__(
        self,
        adapter: str,
        brokers: Mapping[str, Mailbox],
        files: MasterFiles,
        writer: Mailbox,
        clockwork: Clockwork,
        start_soon: Callable[..., Any],
    ) -> None:
        self._adapter = adapter
        self._brokers = brokers
        self._files = files
        self._writer = writer
        self._wall = clockwork.wall
        self._rng = clockwork.rng
        self._start_soon = start_soon
        self._runs: list[Run] = []  # the one under way, then those that wait
        self._stage: Stage = "idle"
        self._error: str | None = None
        self._failures = 0
        self._waits_for_login = False
        self._start_at = trio.current_time() + self._rng.uniform(0, START_JITTER)
        self._wanted = is_wanted_at_start(self._synced_at, self._wall())
        self._retry_at = self._start_at
        self._jitter = self._rng.uniform(0, DAILY_JITTER)

    async def keep(self) -> None:
        """Sync whenever it is time to, until cancelled."""
        while True:
            await trio.sleep(min(self._pause(), LOOK_EVERY))
            if self._pause() <= 0:
                await self.start(by=OURSELVES).result()

    def start(
        self, *, by: str, force: bool = False, request_id: str | None = None
    ) -> Run:
        """Begin a sync; or give the one under way, where it does what is wanted."""
        for run in self._runs:
            if run.force or not force:
                return run
        run = Run(force=force, by=by, request_id=request_id)
        self._runs.append(run)
        if len(self._runs) == 1:
            self._begin(run)
        return run

    def report(self) -> MasterReport:
        """How the master is."""
        info, now = self._files.info(self._adapter), self._wall()
        return MasterReport(
            adapter=self._adapter,
            brokers=tuple(self._brokers),
            stage=self._stage,
            rows=0 if info is None else info.rows,
            synced_at=None if info is None else info.synced_at,
            stale=is_stale(self._synced_at, now),
            error=self._error,
            next_sync_at=now + timedelta(seconds=self._pause()),
        )

    @property
    def _synced_at(self) -> datetime | None:
        info = self._files.info(self._adapter)
        return None if info is None else info.synced_at

    def _pause(self) -> float:
        """Seconds until a sync is due."""
        now, wall = trio.current_time(), self._wall()
        stale = is_stale(self._synced_at, wall)
        due = (last_due if stale else next_due)(wall)
        wait = 0.0 if self._wanted else (due - wall).total_seconds() + self._jitter
        return max(wait, self._retry_at - now, 0.0)

    def _begin(self, run: Run) -> None:
        self._stage = "downloading"  # before any await: whoever asks next sees it
        self._start_soon(self._carry_out, run)

    async def _carry_out(self, run: Run) -> None:
        began, synced_at = trio.current_time(), self._wall()
        asked, failure = await self._sync(run, synced_at)
        self._stage = "idle"
        run.outcome = self._outcome(asked, failure, trio.current_time() - began)
        told = self._error
        self._error = None if failure is None else failure.denial.message
        if failure is None:
            self._succeeded()
        else:
            self._failed(failure.denial)
        if run.by != OURSELVES or not self._waits_for_login or told != self._error:
            tell_end(run.outcome, self._writer, by=run.by, request_id=run.request_id)
        self._runs.remove(run)
        run.ended.set()
        if self._runs:
            self._begin(self._runs[0])

    async def _sync(
        self, run: Run, synced_at: datetime
    ) -> tuple[str, FetchFailed | None]:
        """Download and build; the broker that was asked last, and what went wrong."""
        log.info(
            "%s: its instruments are fetched",
            self._adapter,
            extra={"event": "instruments.fetching", "adapter": self._adapter},
        )
        name = next(iter(self._brokers))
        try:
            directory = await self._files.directory(self._adapter)
        except OSError as error:
            return name, _failure(name, "storage_unavailable", str(error))
        for name, broker in self._brokers.items():
            answer = await self._download(name, broker, directory)
            if isinstance(answer, Downloaded):
                break
        if isinstance(answer, FetchFailed):
            return name, answer
        self._stage = "building"
        built = await self._files.build(
            self._adapter, answer.files, synced_at=synced_at, force=run.force
        )
        if isinstance(built, Built):
            tell_left_out(self._adapter, built)
            if self._files.info(self._adapter) is not None:
                return name, None
            built = NotBuilt(reason="what was built cannot be read")
        return name, _failure(name, "instruments_refused", built.reason)

    async def _download(
        self, name: str, broker: Mailbox, directory: Path
    ) -> Downloaded | FetchFailed:
        try:
            with trio.fail_after(DOWNLOAD_TIMEOUT):
                return await broker.ask(DownloadMaster(directory=directory))
        except trio.TooSlowError:
            words = f"no files in {DOWNLOAD_TIMEOUT:g} s"
            return _failure(name, "deadline_exceeded", words)
        except MailboxError as error:
            return _failure(name, "broker_unavailable", str(error))

    def _outcome(
        self, asked: str, failure: FetchFailed | None, seconds: float
    ) -> MasterSync:
        info = self._files.info(self._adapter)
        return MasterSync(
            adapter=self._adapter,
            brokers=tuple(self._brokers),
            asked=asked,
            rows=0 if info is None else info.rows,
            synced_at=None if info is None else info.synced_at,
            seconds=round(seconds, 3),
            failure=failure,
        )

    def _succeeded(self) -> None:
        self._failures, self._wanted, self._waits_for_login = 0, False, False
        self._retry_at = self._start_at
        self._jitter = self._rng.uniform(0, DAILY_JITTER)

    def _failed(self, denial: Denial) -> None:
        self._waits_for_login = denial.code in LOGIN_CODES
        if self._waits_for_login:
            pause = LOGIN_PAUSE
        else:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**self._failures)
            self._failures += 1
        self._retry_at = trio.current_time() + pause


def _failure(broker: str, code: str, message: str) -> FetchFailed:
    return FetchFailed(broker=broker, denial=Denial(code=code, message=message))
