"""The kill-switch: the only writer of the trading state.

To engage: state first, then the audit, then the cancels, then the answer. To release:
the store first, then the state, so that a failure leaves it halted. The store gets the
changes one at a time and in order; a halt it could not take is tried again.
"""

import itertools
import logging
from typing import Any

import msgspec
import trio

from actors.clockwork import Wall
from actors.mailbox import Mailbox, MailboxError, Request
from actors.messages import (
    CancelProgress,
    CloseProgress,
    Commit,
    Committed,
    EngageSwitch,
    ReadSwitch,
    ReleaseSwitch,
    StoreDown,
    SwitchReport,
)
from actors.trading import TradingState
from adapters import AuditEntry, SaveSwitch, TradingSwitch

log = logging.getLogger("ordo.killswitch")

AGAIN_AFTER = 1.0
"""Seconds until a halt that could not be stored is tried again."""


class KillSwitch:
    """The kill-switch actor.

    Args:
        mailbox: `EngageSwitch`, `ReleaseSwitch`, `ReadSwitch`; told `CancelProgress`
            and `CloseProgress`.
        writer: the writer's mailbox.
        state: what all senders read; changed here and nowhere else.
        wall: for stamps.
    """

    def __init__(
        self, mailbox: Mailbox, writer: Mailbox, state: TradingState, wall: Wall
    ) -> None:
        self._mailbox = mailbox
        self._writer = writer
        self._state = state
        self._wall = wall
        self._progress: dict[str, CancelProgress] = {}
        self._closes: dict[str, CloseProgress] = {}
        self._versions = itertools.count(state.switch.version + 1)
        self._halts = 0
        self._unsaved: list[SaveSwitch] = []
        self._to_store = trio.Event()  # set while there may be some
        self._turn = trio.Lock()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Turn the switch as asked, until cancelled.

        What was asked before the start is so before anything else starts.
        """
        async with trio.open_nursery() as commits:
            commits.start_soon(self._retry_unsaved)
            for request in self._mailbox.drain(self._mailbox.urgent_depth):
                self._handle(request, commits)
            task_status.started()
            while True:
                request = await self._mailbox.receive()
                self._handle(request, commits)

    def _handle(self, request: Request, commits: trio.Nursery) -> None:
        match request.message:
            case EngageSwitch() as message:
                commits.start_soon(self._record, request, self._engage(message))
            case ReleaseSwitch() as message:
                commits.start_soon(self._release, request, message)
            case CancelProgress() as progress:
                if progress.round == self._state.cancels_wanted:
                    self._progress[progress.broker] = progress
            case CloseProgress() as closes:
                if closes.closes_for == self._state.closes_for:
                    self._closes[closes.broker] = closes
            case ReadSwitch():
                request.reply(self._report())
            case other:
                raise TypeError(f"no message for the kill-switch: {other!r}")

    def _engage(self, message: EngageSwitch) -> SwitchReport:
        """Halt: nothing leaves any more once this has run; it has no await.

        Whatever was being closed for the halt before ends here too: each halt wants
        positions closed, or not, for itself. Cancels once wanted stay wanted.
        """
        before = self._state.switch
        # An order left open would trade against the position that is being closed.
        cancel_now = message.cancel_open or message.close_positions
        switch = TradingSwitch(
            engaged=True,
            reason=message.reason,
            since=before.since if before.engaged else self._wall(),
            by=message.by,
            version=next(self._versions),
            cancel_open=cancel_now or self._state.cancel_open,
            close_positions=message.close_positions,
        )
        self._halts += 1
        self._closes.clear()
        if cancel_now:
            self._progress.clear()
        self._state.change(switch, cancel_open=cancel_now)
        left = self._state.on_the_wire
        log.warning(
            "trading is halted: %s",
            message.reason,
            extra={"event": "kill_switch.engaged", "by": message.by},
        )
        detail = {
            "reason": message.reason,
            "cancel_open": cancel_now,
            "close_positions": message.close_positions,
            "on_the_wire": list(left),
        }
        self._unsaved.append(_save(switch, "kill_switch.engaged", message, detail))
        self._to_store.set()
        return SwitchReport(switch=switch, on_the_wire=left)

    async def _record(self, request: Request, report: SwitchReport) -> None:
        with request:
            async with self._turn:
                down = await self._store_halts()
            progress, closes = self._counts()
            report = msgspec.structs.replace(report, progress=progress, closes=closes)
            request.reply(down or report)

    async def _release(self, request: Request, message: ReleaseSwitch) -> None:
        with request:
            halts = self._halts
            switch = TradingSwitch(
                engaged=False,
                reason=message.reason,
                since=self._wall(),
                by=message.by,
                version=next(self._versions),
            )
            save = _save(
                switch, "kill_switch.released", message, {"reason": message.reason}
            )
            async with self._turn:
                down = await self._store_halts()
                if down is None and self._halts == halts:
                    down = await self._ask(save)
                # Somebody may have engaged it meanwhile: then it stays engaged, and its
                # own record comes behind this one.
                if down is None and self._halts == halts:
                    self._state.change(switch)
                    log.warning(
                        "trading is resumed",
                        extra={"event": "kill_switch.released", "by": message.by},
                    )
            request.reply(down or self._report())

    async def _store_halts(self) -> StoreDown | None:
        """Store the halts that are not stored yet, by turns; why that failed."""
        while self._unsaved:
            down = await self._ask(self._unsaved[0])
            if down is not None:
                return down
            del self._unsaved[0]
        return None

    async def _ask(self, save: SaveSwitch) -> StoreDown | None:
        try:
            answer = await self._writer.ask(Commit(writes=(save,)), urgent=True)
        except MailboxError as exc:
            return StoreDown(message=str(exc))
        return None if isinstance(answer, Committed) else answer

    async def _retry_unsaved(self) -> None:
        """Store the halts that could not be stored: a restart must find them."""
        while True:
            await self._to_store.wait()
            await trio.sleep(AGAIN_AFTER)
            async with self._turn:
                await self._store_halts()
            if not self._unsaved:
                self._to_store = trio.Event()

    def _report(self) -> SwitchReport:
        progress, closes = self._counts()
        return SwitchReport(
            switch=self._state.switch,
            on_the_wire=self._state.on_the_wire,
            progress=progress,
            closes=closes,
        )

    def _counts(
        self,
    ) -> tuple[tuple[CancelProgress, ...], tuple[CloseProgress, ...]]:
        return tuple(self._progress.values()), tuple(self._closes.values())


def _save(
    switch: TradingSwitch,
    action: str,
    message: EngageSwitch | ReleaseSwitch,
    detail: dict[str, Any],
) -> SaveSwitch:
    entry = AuditEntry(
        actor=message.by, action=action, request_id=message.request_id, detail=detail
    )
    return SaveSwitch(switch=switch, audit=(entry,))
