"""The masters actor: what can be traded, fetched from the brokers day by day.

An adapter has one master, however many accounts there are at its broker. The work is
the keepers'; this asks them, and tells how they are.
"""

from collections.abc import Mapping
from typing import Any

import trio

from actors.clockwork import Clockwork
from actors.mailbox import Mailbox, Request
from actors.master_keeper import MasterFiles, MasterKeeper, Run, Task
from actors.messages import MasterSync, ReadMasters, SyncInstruments

Adapters = Mapping[str, Mapping[str, Mailbox]]
"""The brokers' mailboxes by name, for each adapter that has a master."""


class Masters:
    """One incarnation of the actor; the wiring makes one for each start.

    Args:
        mailbox: `SyncInstruments`, `ReadMasters`.
        adapters: whose masters there are, and whom to ask for them.
        files: where they are kept.
        writer: the writer's mailbox.
        clockwork: wall time and chance.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        adapters: Adapters,
        files: MasterFiles,
        writer: Mailbox,
        clockwork: Clockwork,
    ) -> None:
        self._mailbox = mailbox
        self._keepers = {
            adapter: MasterKeeper(
                adapter, brokers, files, writer, clockwork, self._start_soon
            )
            for adapter, brokers in adapters.items()
        }
        self._adapter_of = {
            broker: adapter for adapter in adapters for broker in adapters[adapter]
        }
        self._tasks: trio.Nursery  # of `run`, for as long as it runs

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Keep the masters until cancelled."""
        async with trio.open_nursery() as self._tasks:
            for keeper in self._keepers.values():
                self._start_soon(keeper.keep)
            task_status.started()
            while True:
                self._handle(await self._mailbox.receive())

    def _handle(self, request: Request) -> None:
        match request.message:
            case SyncInstruments() as message:
                # Begun here and not in the task: who asks next sees it under way.
                runs = self._begin(message)
                self._start_soon(self._answer, request, runs)
            case ReadMasters():
                request.reply(
                    tuple(keeper.report() for keeper in self._keepers.values())
                )
            case other:
                raise TypeError(f"no message for the masters: {other!r}")

    def _begin(self, message: SyncInstruments) -> list[Run]:
        """One sync an adapter, whichever of its brokers are named."""
        adapters = dict.fromkeys(self._adapter_of[name] for name in message.brokers)
        return [
            self._keepers[adapter].start(
                by=message.by, force=message.force, request_id=message.request_id
            )
            for adapter in adapters
        ]

    async def _answer(self, request: Request, runs: list[Run]) -> None:
        with request:
            ends: list[MasterSync] = [await run.result() for run in runs]
            request.reply(tuple(ends))

    def _start_soon(self, task: Task, *args: Any) -> None:
        self._tasks.start_soon(task, *args, name=task)
