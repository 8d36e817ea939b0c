"""Real processes for tests: Ordo itself and venues, on loopback, always ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.support.forked import Piped, run

ROOT = Path(__file__).parent.parent.parent
TOKEN = "test-admin-token"
VENUE_TOKEN = "DEMO12EFGH-100:TOKEN"
READY_WITHIN = 20.0
"""Seconds; a start takes one."""


PYTHON_MODULE = (sys.executable, "-m")


def by_fork() -> bool:
    """Whether processes of Python modules begin as forks: in tests they do.

    What measures, as `make bench`, wants the start that users have.
    """
    return "PYTEST_VERSION" in os.environ


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A process that says on one line of its standard output when it is ready."""

    def __init__(
        self,
        *command: str,
        environ: Mapping[str, str] | None = None,
        log: Path,
        fresh: bool = False,
    ) -> None:
        """Start it; *fresh*: as users do, never as a fork."""
        self._log = log.open("ab")
        env = {**os.environ, **(environ or {})}
        self.popen: subprocess.Popen[str] | Piped
        if not fresh and by_fork() and command[:2] == PYTHON_MODULE:
            self.popen = Piped(*command[2:], environ=env, errors=self._log)
            return
        self.popen = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    @property
    def pid(self) -> int:
        return self.popen.pid

    def line(self) -> str:
        """The next line of its output.

        Raises:
            RuntimeError: it ended instead.
        """
        out: IO[str] | None = self.popen.stdout
        assert out is not None
        text = out.readline()
        if not text:
            words = Path(self._log.name).read_text(errors="replace")[-3000:]
            raise RuntimeError(f"it ended with {self.popen.wait()}: {words}")
        return text

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.popen.kill()
        self.popen.wait()
        self._close()

    def stop(self, within: float = 30.0) -> int:
        """SIGTERM; the exit status.

        Raises:
            subprocess.TimeoutExpired: it is killed then.
        """
        self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(within)
        finally:
            self.kill()

    def _close(self) -> None:
        for pipe in (self.popen.stdin, self.popen.stdout, self._log):
            if pipe is not None:
                pipe.close()


class Ordo(Process):
    """A real `ordo serve`; `url` and `started` (seconds it took) once it is ready."""

    def __init__(self, config: Path, **environ: str) -> None:
        begun = time.perf_counter()
        super().__init__(
            sys.executable,
            "-m",
            "ordo",
            "serve",
            "--config",
            str(config),
            environ={"ORDO_AUTH__TOKEN": TOKEN, **environ},
            log=config.parent / "ordo.log",
        )
        try:
            self.url = self.line().split()[-1]
        except BaseException:
            self.kill()
            raise
        self.started = time.perf_counter() - begun


class Venue(Process):
    """A protocol server in a process of its own; *module* is of `tests.venues`."""

    def __init__(
        self, module: str, log: Path, *options: str, seconds: int = 600
    ) -> None:
        super().__init__(
            sys.executable,
            "-m",
            f"tests.venues.{module}",
            "--max-seconds",
            str(seconds),
            *options,
            log=log,
        )
        self.url = f"http://127.0.0.1:{json.loads(self.line())['port']}"


class FyersVenue(Venue):
    """A Fyers one, which knows `VENUE_TOKEN`."""

    def __init__(self, log: Path, *options: str, seconds: int = 600) -> None:
        token = ("--token", VENUE_TOKEN)
        super().__init__("fyers", log, *token, *options, seconds=seconds)


def run_ordo(
    *arguments: str, typed: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    """A command of `ordo`, to its end; *typed* is its standard input."""
    return run("ordo", *arguments, typed=typed, environ={**os.environ, **environ})


def write_config(
    directory: Path,
    brokers: Mapping[str, Mapping[str, Any]],
    *,
    tls: str = "off",
    port: int | None = None,
    extra: str = "",
) -> Path:
    """An `ordo.toml` in *directory*, its data beside it."""
    lines = [
        "[server]",
        f'bind = "127.0.0.1:{free_port() if port is None else port}"',
        f'tls = "{tls}"',
        "[data]",
        f"dir = {json.dumps(str(directory / 'var'))}",
        "[log]",
        'level = "WARNING"',
        extra,
    ]
    for name, table in brokers.items():
        lines.append(f"[brokers.{name}]")
        lines += [f"{key} = {_toml(value)}" for key, value in table.items()]
    file = directory / "ordo.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


def fyers_table(venue_url: str, **changes: Any) -> dict[str, Any]:
    """The settings of a Fyers broker at a protocol server, its rate limits lifted.

    Without order updates: by these an order whose answer was lost is known before it
    can be unknown, and tests want to see it unknown.
    """
    app, _, token = VENUE_TOKEN.partition(":")
    return {
        "adapter": "fyers",
        "app_id": app,
        "access_token": token,
        "base_url": venue_url,
        "limits": {"per_second": 100_000},
        "registered_limits": True,
        "order_updates": False,
        **changes,
    }


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items())
        return f"{{ {inner} }}"
    return json.dumps(value)


@contextmanager
def ended(*processes: Process) -> Iterator[None]:
    """Ends *processes*, last first, whatever happens inside."""
    try:
        yield
    finally:
        for process in reversed(processes):
            process.kill()  # one that has ended still holds its pipes
