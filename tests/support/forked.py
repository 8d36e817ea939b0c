"""Processes by fork from one that has imported everything, as `Popen` has them."""

from __future__ import annotations

import atexit
import functools
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from tests.support.forking import WORD

ROOT = Path(__file__).parent.parent.parent
LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)
"""What a process has from the one that starts it, and a test may set."""


class Forked:
    """`python -m MODULE ARGUMENTS`, but for the start-up: it has its imports already.

    Attributes:
        returncode: None while it runs; -9 after SIGKILL, as with `Popen`.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environ: Mapping[str, str],
        stdio: tuple[int, int, int],
        directory: Path = ROOT,
        at_terminal: bool = False,
    ) -> None:
        """Start it.

        Args:
            environ: all of its environment.
            stdio: three handles, which stay the caller's to close.
            at_terminal: the first of them is one, which becomes the process's own.
        """
        told, teller = os.pipe()
        self._told = FileIO(told)
        job = {
            "module": module,
            "arguments": arguments,
            "environ": dict(environ),
            "directory": str(directory),
            "limits": {number: resource.getrlimit(number) for number in LIMITS},
            "at_terminal": at_terminal,
        }
        try:
            socket.send_fds(_door(), [json.dumps(job).encode()], [*stdio, teller])
        finally:
            os.close(teller)
        self.returncode: int | None = None
        self.pid = self._word()

    def _word(self) -> int:
        told = self._told.read(WORD.size)
        if not told:
            raise RuntimeError("nobody tells of a forked process any more")
        return int(WORD.unpack(told)[0])

    def wait(self, timeout: float | None = None) -> int:
        """The exit status.

        Raises:
            subprocess.TimeoutExpired: it still runs after *timeout* seconds.
        """
        if self.returncode is None:
            ready, _, _ = select.select([self._told], [], [], timeout)
            if not ready:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = self._word()
            self._told.close()
        return self.returncode

    def poll(self) -> int | None:
        """The exit status, None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        """Send it a signal, where it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Piped(Forked):
    """One whose `stdin` and `stdout` are pipes of text; its errors go to *errors*."""

    def __init__(
        self, module: str, *arguments: str, environ: Mapping[str, str], errors: IO[Any]
    ) -> None:
        theirs, ours = os.pipe()
        self.stdin = open(ours, "w")  # noqa: SIM115 - closed by who asked for it
        ours, to_us = os.pipe()
        self.stdout = open(ours)  # noqa: SIM115
        try:
            stdio = (theirs, to_us, errors.fileno())
            super().__init__(module, *arguments, environ=environ, stdio=stdio)
        finally:
            os.close(theirs)
            os.close(to_us)


def run(
    module: str, *arguments: str, typed: str = "", environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """A whole process: as `subprocess.run` with its output captured.

    Raises:
        subprocess.TimeoutExpired: it took more than a minute, and is killed.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(TemporaryFile("w+")) for _ in range(3)]
        words, out, errors = files
        words.write(typed)
        words.seek(0)
        stdio = (words.fileno(), out.fileno(), errors.fileno())
        process = Forked(
            module, *arguments, environ=environ, stdio=stdio, directory=Path.cwd()
        )
        stack.callback(process.kill)
        code = process.wait(60)
        out.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(
            [module, *arguments], code, out.read(), errors.read()
        )


@functools.cache
def _door() -> socket.socket:
    """Where to ask for a fork. The process behind it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.support.forking", str(theirs.fileno())]
    with theirs:
        process = subprocess.Popen(
            command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
    atexit.register(_shut, ours, process)
    return ours


def _shut(door: socket.socket, process: subprocess.Popen[bytes]) -> None:
    door.close()
    process.wait()
