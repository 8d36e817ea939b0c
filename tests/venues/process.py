"""Run a protocol server as a process of its own that cannot outlive its parent."""

import json
import os
import signal
import stat
import sys

import trio

from .server import Server


async def run(server: Server, *, port: int = 0, max_seconds: float = 600.0) -> None:
    """Serve until SIGTERM, SIGINT, the end of stdin or of the parent, or *max_seconds*.

    Prints one line, `{"port": N}`, when the port is open. Standard input counts only
    where it is a pipe: a terminal or /dev/null says nothing about the parent.
    """
    parent = os.getppid()
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        with trio.move_on_after(max_seconds):
            async with trio.open_nursery() as nursery:
                number = await nursery.start(server.serve, port)
                print(json.dumps({"port": number}), flush=True)
                nursery.start_soon(_orphaned, parent, nursery.cancel_scope)
                nursery.start_soon(_stdin_closed, nursery.cancel_scope)
                async for _ in signals:
                    nursery.cancel_scope.cancel()


async def _orphaned(parent: int, scope: trio.CancelScope) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110 -- the kernel sets no trio.Event
        await trio.sleep(0.5)
    scope.cancel()


async def _stdin_closed(scope: trio.CancelScope) -> None:
    if sys.stdin is None:  # started with it closed: descriptor 0 is something else
        return
    kind = os.fstat(0).st_mode
    if not (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
        return
    while True:
        await trio.lowlevel.wait_readable(0)
        if not os.read(0, 65536):
            scope.cancel()
            return
