"""The writer: the only one that changes the store and the audit log.

It takes what is queued, commits once for all of it (group commit), then answers
everyone. While the store fails, new orders are refused and the rest is tried again.
"""

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import trio

from actors.mailbox import Mailbox, MailboxError, Request
from actors.messages import (
    Commit,
    Committed,
    DropAudit,
    Dropped,
    PruneKeys,
    StoreDown,
)
from adapters import (
    Accept,
    AcceptResult,
    AuditEntry,
    Note,
    Pruned,
    Store,
    StoreFailed,
    Write,
)

log = logging.getLogger("ordo.writer")

MOST_IN_ONE = 128
"""Requests in one commit: large enough that a queue empties, small enough to wait."""
COMMIT_TIMEOUT = 5.0
"""Seconds; a thread cannot be given up, so this only bounds the shield on paper."""
BUSY, GATHER = 4, 0.002
"""After a commit for so many requests, wait so many seconds before the next: a write
costs the processor 0.3 ms in a commit of its own, 0.1 ms among sixteen (measured)."""
PROBE_EVERY = 5.0
"""Seconds between looks whether a failed store has come back."""

RunSync = Callable[..., Any]
"""Runs a synchronous call out of the loop: `trio.to_thread.run_sync`, or inline."""


Told = Callable[[Sequence[Write], int, float], None]


def tell(writer: Mailbox, write: Write) -> None:
    """Have *write* stored, and go on; where that fails, the log tells."""
    try:
        writer.tell(Commit(writes=(write,)))
    except MailboxError as exc:
        log.error(  # noqa: TRY400 - no bug, no trace
            "not stored: %s: %s", write, exc, extra={"event": "audit.not_told"}
        )


class StoreHealth:
    """Whether new orders can be stored, as everyone reads it.

    Attributes:
        failure: why the last commit failed; the writer's, which sees it pass.
        damage: what the nightly check found; nothing in this run takes it back.
    """

    def __init__(self) -> None:
        self.failure: str | None = None
        self.damage: str | None = None

    @property
    def ok(self) -> bool:
        """Whether new orders can be stored."""
        return self.reason is None

    @property
    def reason(self) -> str | None:
        """Why they cannot."""
        return self.damage or self.failure


class Writer:
    """The audit writer actor.

    Args:
        mailbox: `Commit`, asked or told; `PruneKeys` and `DropAudit`, asked.
        store: where to.
        health: told when the store fails, and when it is back.
        run_sync: how a commit leaves the loop; one at a time.
        committed: told of each commit: its writes, how many requests, the seconds.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        store: Store,
        health: StoreHealth,
        *,
        run_sync: RunSync,
        committed: Told = lambda writes, requests, seconds: None,
    ) -> None:
        self._committed = committed
        self._mailbox = mailbox
        self._store = store
        self._health = health
        self._run_sync = run_sync
        self._probe_at = math.inf
        self._busy = False

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Commit until cancelled; then commit what is still queued."""
        task_status.started()
        try:
            while True:
                await self._turn()
        finally:
            # Without the shield, what was told last before a stop would be lost.
            with trio.move_on_after(COMMIT_TIMEOUT, shield=True):
                while queued := self._mailbox.drain(MOST_IN_ONE):
                    await self._serve(queued)

    async def _turn(self) -> None:
        if self._busy:  # before anything is taken, for this wait may be cancelled
            await trio.sleep(GATHER)
        request = None
        with trio.move_on_at(self._probe_at):
            request = await self._mailbox.receive()
        if request is not None:
            await self._serve([request, *self._mailbox.drain(MOST_IN_ONE - 1)])
        if trio.current_time() >= self._probe_at:  # also while requests keep coming
            await self._probe()

    async def _serve(self, requests: list[Request]) -> None:
        """Commits first: of the housekeeping a little at a time, and after them."""
        commits = [each for each in requests if isinstance(each.message, Commit)]
        if commits:
            await self._commit(commits)
        for request in requests:
            if not isinstance(request.message, Commit):
                with request:
                    request.reply(await self._chore(request.message))

    async def _chore(self, message: Any) -> Pruned | Dropped | StoreDown:
        try:
            match message:
                case PruneKeys(now=now, most=most):
                    call = self._store.prune
                    return cast("Pruned", await self._in_thread(call, now, most))
                case DropAudit(files=files):
                    began = trio.current_time()
                    await self._in_thread(self._store.drop_audit, files)
                    self._committed((), 1, trio.current_time() - began)
                    return Dropped()
                case other:
                    raise TypeError(f"no message for the writer: {other!r}")
        except StoreFailed as failure:  # the next commit finds out whether it lasts
            return StoreDown(message=str(failure))

    async def _commit(self, requests: list[Request]) -> None:
        """One transaction for all; the answers follow it with no await between."""
        self._busy = len(requests) >= BUSY
        wanted = []
        for request in requests:
            if not self._health.ok and _accepts(request.message):
                request.reply(StoreDown(message=f"{self._health.reason}"))
            else:
                wanted.append(request)
        writes = [write for request in wanted for write in request.message.writes]
        began = trio.current_time()
        try:
            results = await self._results(writes)
        except StoreFailed as failure:
            self._failed(failure)
            for request in wanted:
                request.reply(StoreDown(message=str(failure)))
            return
        start = 0
        for request in wanted:
            end = start + len(request.message.writes)
            request.reply(Committed(results=tuple(results[start:end])))
            start = end
        self._committed(writes, len(wanted), trio.current_time() - began)

    async def _results(self, writes: list[Write]) -> list[AcceptResult | None]:
        if writes:
            return cast(
                "list[AcceptResult | None]",
                await self._in_thread(self._store.commit, writes),
            )
        await trio.lowlevel.checkpoint()  # who asked for nothing awaited all before it
        return []

    async def _in_thread(self, call: Callable[..., Any], *args: Any) -> Any:
        # Cancelled on entry, a commit would never start, and its askers would not know.
        with trio.CancelScope(
            shield=True, deadline=trio.current_time() + COMMIT_TIMEOUT
        ):
            return await self._run_sync(call, *args)
        raise StoreFailed(f"no commit within {COMMIT_TIMEOUT} s")

    def _failed(self, failure: StoreFailed) -> None:
        if self._health.failure is None:
            log.error(
                "the store failed: no new orders until it is back: %s",
                failure,
                extra={"event": "store.failed"},
            )
            self._health.failure = str(failure)
            self._probe_at = trio.current_time() + PROBE_EVERY
            self._store.release_reserve()

    async def _probe(self) -> None:
        """Is there room again, and can it be written to?"""
        entry = AuditEntry(actor="ordo", action="store.recovered")
        self._probe_at = trio.current_time() + PROBE_EVERY
        try:
            await self._in_thread(self._store.restore_reserve)
            await self._in_thread(self._store.commit, [Note(audit=(entry,))])
        except StoreFailed:
            return
        log.warning("the store is back", extra={"event": "store.recovered"})
        self._health.failure = None
        self._probe_at = math.inf


def _accepts(message: Commit) -> bool:
    return any(isinstance(write, Accept) for write in message.writes)
