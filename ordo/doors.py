"""The second door to the kill-switch, for when HTTP is stuck: a file, and a signal.

As long as `DATA/HALT` is there trading is halted, from the start on too; its text is
the reason. Taking it away releases nothing. SIGUSR1 halts once, at once.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import trio

from actors.killswitch import AGAIN_AFTER
from actors.mailbox import Mailbox, MailboxError
from actors.messages import EngageSwitch, StoreDown
from actors.trading import TradingState

log = logging.getLogger("ordo.doors")

HALT = "HALT"
"""The file's name, in the data directory."""
LOOK_EVERY = 0.5
"""Seconds between looks for the file: it counts within a second."""
BY_FILE, BY_SIGNAL = "door:file", "door:signal"
MOST_REASON = 256
"""Characters of a reason. Source: as the API takes them."""


class Door:
    """The file in one data directory."""

    def __init__(self, data: Path) -> None:
        self.path = data / HALT

    @property
    def is_shut(self) -> bool:
        """Whether the file is there. Where that cannot be told, it is taken to be."""
        try:
            self.path.lstat()  # of a link too that leads nowhere
        except FileNotFoundError:
            return False
        except OSError as error:
            log.error(  # noqa: TRY400
                "%s cannot be looked for: %s",
                self.path,
                error,
                extra={"event": "halt.not_looked_for"},
            )
        return True

    @property
    def reason(self) -> str:
        """What its text says, in one line."""
        try:
            with self.path.open("rb") as file:
                raw = file.read(4 * MOST_REASON)
        except OSError:
            raw = b""
        text = " ".join(raw.decode(errors="replace").split())
        plain = "".join(char for char in text if char.isprintable())
        return plain[:MOST_REASON] or f"the file {HALT} is in the data directory"

    def shut(self, reason: str) -> None:
        """Make the file, whole; one that is there says *reason* from now on.

        Raises:
            OSError: it cannot be made.
        """
        new = self.path.with_name(f"{HALT}.{os.getpid()}")
        try:
            new.write_text(f"{reason}\n", "utf-8")
            new.replace(self.path)
        finally:
            new.unlink(missing_ok=True)


class Doors:
    """Engages the kill-switch when a door says so.

    Args:
        door: the file.
        signals: gives a number for each SIGUSR1; None: nobody sends any.
        killswitch: its mailbox.
        trading: how it stands.
    """

    def __init__(
        self,
        door: Door,
        signals: AsyncIterator[int] | None,
        killswitch: Mailbox,
        trading: TradingState,
    ) -> None:
        self._door = door
        self._signals = signals
        self._killswitch = killswitch
        self._trading = trading

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Watch both until cancelled."""
        async with trio.open_nursery() as watches:
            watches.start_soon(self._watch_file)
            if self._signals is not None:
                watches.start_soon(self._watch_signals, self._signals)
            task_status.started()

    async def _watch_file(self) -> None:
        """Look whether it is there, and not whether it is new: what could not be done
        the first time is done the next."""
        while True:
            if self._door.is_shut and not self._trading.engaged:
                await self._engage(BY_FILE, self._door.reason)
            await trio.sleep(LOOK_EVERY)

    async def _watch_signals(self, signals: AsyncIterator[int]) -> None:
        async for _ in signals:
            while True:
                if await self._engage(BY_SIGNAL, "SIGUSR1"):
                    break
                await trio.sleep(AGAIN_AFTER)

    async def _engage(self, by: str, reason: str) -> bool:
        """Halt; whether that is so now."""
        message = EngageSwitch(by=by, reason=reason)
        try:
            answer = await self._killswitch.ask(message, urgent=True)
        except MailboxError as error:
            log.error(  # noqa: TRY400
                "%s: the kill-switch does not answer: %s",
                by,
                error,
                extra={"event": "halt.not_answered"},
            )
            return False
        if isinstance(answer, StoreDown):  # it holds, and is stored as soon as it can
            log.error(
                "%s: halted, but not recorded yet: %s",
                by,
                answer.message,
                extra={"event": "halt.not_recorded"},
            )
        return True


def halt_at_start(door: Door, killswitch: Mailbox) -> None:
    """Ask for the halt before anything runs: the switch takes it up at its start."""
    if door.is_shut:
        message = EngageSwitch(by=BY_FILE, reason=door.reason)
        killswitch.tell(message, urgent=True)
