"""Housekeeping: keys are aged, old audit files go, the database is read through.

Each day at a quiet hour, and once a while after a start. In small portions: between two
of them the writer commits what has come, and no order waits for the housekeeping.
"""

import logging
from datetime import UTC, datetime, time, timedelta, timezone

import trio

from actors.clockwork import Wall
from actors.mailbox import Mailbox, MailboxError
from actors.messages import DropAudit, PruneKeys, StoreDown
from actors.writer import RunSync, StoreHealth, tell
from adapters import AuditEntry, Note, Store, StoreFailed

log = logging.getLogger("ordo.store")

IST = timezone(timedelta(hours=5, minutes=30))
QUIET = time(3, 30, tzinfo=IST)
"""No Indian market is open, and the day's log-ins have not begun."""
AFTER_START = 60.0
"""Seconds after a start: what is up first are the orders."""
LONGEST_WAIT = 600.0
"""Seconds between looks at the clock on the wall, which may be set meanwhile."""
KEYS_AT_ONCE, FILES_AT_ONCE = 100, 1
"""What is done between two commits. 100 keys take the store 2 ms (measured)."""
PAUSE = 0.05
"""Seconds between two portions."""


class Housekeeping:
    """The housekeeping actor; it has no mailbox, for nobody asks it anything.

    Args:
        writer: does what writes to the store.
        store: for what only reads it.
        health: told of damage.
        wall: for the hour of the day.
        keep_days: how long audit files are kept.
        run_sync: how long reads leave the loop, beside all others.
    """

    def __init__(
        self,
        writer: Mailbox,
        store: Store,
        health: StoreHealth,
        wall: Wall,
        *,
        keep_days: int,
        run_sync: RunSync,
    ) -> None:
        self._writer = writer
        self._store = store
        self._health = health
        self._wall = wall
        self._keep_days = keep_days
        self._run_sync = run_sync

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Keep house until cancelled."""
        task_status.started()
        await trio.sleep(AFTER_START)
        await self._tidy()
        while True:
            await self._quiet_hour()
            await self._tidy()
            await self._check()

    async def _quiet_hour(self) -> None:
        due = next_quiet(self._wall())
        while True:
            left = (due - self._wall()).total_seconds()
            if left <= 0:
                return
            await trio.sleep(min(left, LONGEST_WAIT))

    async def _tidy(self) -> None:
        try:
            expired, forgotten = await self._prune()
            files = await self._drop_audit()
        except (StoreFailed, MailboxError) as error:
            log.warning(
                "housekeeping stopped early: %s",
                error,
                extra={"event": "store.not_tidied"},
            )
            return
        log.info(
            "housekeeping: %d keys expired, %d forgotten, %d audit files deleted",
            expired,
            forgotten,
            files,
            extra={"event": "store.tidied"},
        )

    async def _prune(self) -> tuple[int, int]:
        """Age the idempotency keys; how many expired, and were forgotten."""
        expired = forgotten = 0
        while True:
            message = PruneKeys(now=self._wall(), most=KEYS_AT_ONCE)
            pruned = await self._writer.ask(message)
            if isinstance(pruned, StoreDown):
                raise StoreFailed(pruned.message)
            expired, forgotten = expired + pruned.expired, forgotten + pruned.forgotten
            if not pruned.more:
                return expired, forgotten
            await trio.sleep(PAUSE)

    async def _drop_audit(self) -> int:
        """Delete the audit files that are old enough; how many."""
        gone = 0
        while True:
            old = await self._run_sync(
                self._store.old_audit, self._wall(), self._keep_days, FILES_AT_ONCE
            )
            if not old:
                return gone
            dropped = await self._writer.ask(DropAudit(files=tuple(old)))
            if isinstance(dropped, StoreDown):
                raise StoreFailed(dropped.message)
            gone += len(old)
            await trio.sleep(PAUSE)

    async def _check(self) -> None:
        """Read the database through; with a damaged one no new order is taken."""
        try:
            problems = await self._run_sync(self._store.check)
        except StoreFailed as error:
            log.warning(
                "the database could not be checked: %s",
                error,
                extra={"event": "store.not_checked"},
            )
            return
        if not problems:
            return
        log.critical(
            "the database is damaged, no new order is taken: %s; stop Ordo, and restore"
            " it from a backup",
            "; ".join(problems),
            extra={"event": "store.damaged"},
        )
        self._health.damage = f"the database is damaged: {problems[0]}"
        entry = AuditEntry(
            actor="ordo", action="store.damaged", detail={"found": problems}
        )
        tell(self._writer, Note(audit=(entry,)))


def next_quiet(now: datetime) -> datetime:
    """The next quiet hour after *now*, aware UTC."""
    today = datetime.combine(now.astimezone(IST).date(), QUIET)
    return (today if today > now else today + timedelta(days=1)).astimezone(UTC)
