"""The process that others are forked from: all they import is there before they begin.

`python -m tests.support.forking HANDLE` reads requests from the socket at HANDLE. A
start by `python -m` takes a second, nine tenths of it imports; by fork it takes what
the program itself does. What comes is a process as any other: with its own memory and
pipes, to be killed.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import resource
import runpy
import signal
import socket
import struct
import sys
import termios
import time
from contextlib import suppress
from typing import NamedTuple

KNOWN = (
    "adapters.brokers.fyers",
    "adapters.brokers.hdfc",
    "adapters.brokers.mstock",
    "adapters.brokers.paper",
    "ordo.cli.serve",
    "ordo.demo",
    "ordo.run",
    "tests.venues.fyers",
    "tests.venues.hdfc",
    "tests.venues.mstock",
)
"""What is imported before the first fork."""
LONGEST = 1 << 17
"""Bytes of a request: arguments and environment."""
PIPES = 3
"""Standard input, output and error; the fourth handle of a request is for telling."""
WORD = struct.Struct("!i")
"""What is told: the process's id once it is there, its exit status when it ends."""


class Job(NamedTuple):
    """What a forked process is to be."""

    module: str
    arguments: tuple[str, ...]
    environ: dict[str, str]
    directory: str
    limits: dict[str, tuple[int, int]]
    """Soft and hard, by the number of the resource: as whoever asks has them."""
    at_terminal: bool
    """Whether standard input is a terminal that shall be the process's own."""

    def run(self) -> None:
        """Become it: as `python -m MODULE ARGUMENTS` begins."""
        os.environ.clear()
        os.environ.update(self.environ)
        time.tzset()
        os.chdir(self.directory)
        for number, limit in self.limits.items():
            resource.setrlimit(int(number), tuple(limit))
        if self.at_terminal:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        _open_streams()
        sys.argv = [self.module, *self.arguments]
        sys.modules.pop(self.module, None)
        runpy.run_module(self.module, run_name="__main__", alter_sys=True)


def _open_streams() -> None:
    """Standard streams over the handles of now, as the interpreter makes them."""
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - until the process ends
    terminal = os.isatty(1)
    sys.stdout = open(1, "w", closefd=False, buffering=1 if terminal else -1)  # noqa: SIM115
    errors = "backslashreplace"
    sys.stderr = open(2, "w", closefd=False, buffering=1, errors=errors)  # noqa: SIM115


def next_job(door: socket.socket) -> Job:
    """Fork a process for each request; comes back in those only, with what to be.

    Raises:
        SystemExit: nobody will ask any more.
    """
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        words, handles, _, _ = socket.recv_fds(door, LONGEST, PIPES + 1)
        if not words:
            raise SystemExit
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            door.close()
            child = os.fork()
            if child:
                _watch(child, handles)
            for place, handle in enumerate(handles[:PIPES]):
                os.dup2(handle, place)
            for handle in handles:
                os.close(handle)
            fields = json.loads(words)
            return Job(**fields | {"arguments": tuple(fields["arguments"])})
        for handle in handles:
            os.close(handle)


def _reap(*_: object) -> None:
    """Let watchers that have ended be gone, and their time count as this process's."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _watch(child: int, handles: list[int]) -> None:
    """Tell of *child* when it is there and when it has ended. Never returns."""
    try:
        *pipes, teller = handles
        for handle in (0, 1, 2, *pipes):
            os.close(handle)
        os.write(teller, WORD.pack(child))
        _, status = os.waitpid(child, 0)
        os.write(teller, WORD.pack(os.waitstatus_to_exitcode(status)))
    finally:
        os._exit(0)


def main() -> None:
    """Import what all need, then fork whom is asked for."""
    for name in KNOWN:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # or each child's collections, the last one too, would copy all of it
    job = next_job(socket.socket(fileno=int(sys.argv[1])))
    job.run()


if __name__ == "__main__":
    main()
