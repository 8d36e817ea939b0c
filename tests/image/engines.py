"""What builds an image and runs it: Docker, Podman, or a builder without an engine.

Each runs Ordo as a careful operator would: not as root, with a root that cannot be
written, without privileges, on one processor and with 300 MB.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Protocol

from tests.support.processes import ROOT

UID = 10001
"""The image's own user."""
MEMORY = 300 * 2**20
"""Bytes; what a container of Ordo may take on a small machine."""
BUILD_WITHIN, STOP_WITHIN = 1200.0, 45.0
"""Seconds; a build fetches packages."""
SIZES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9}


class Engine(Protocol):
    """Builds and runs; a container is known by the data directory it was given."""

    def build(self, tag: str) -> None:
        """Build the repository's Dockerfile."""

    def size(self, tag: str) -> int:
        """Bytes of an image, its base included."""

    def start(self, tag: str, data: Path, port: int) -> None:
        """Start the image on *data* and have it answer on loopback at *port*."""

    def health(self, tag: str, data: Path, port: int) -> int:
        """The exit status of the image's own check."""

    def process(self, data: Path) -> dict[str, str]:
        """Ordo's /proc/PID/status: its user, its memory."""

    def end(self, data: Path, number: signal.Signals) -> int:
        """Send a signal to what was started; its exit status once it has ended."""

    def said(self, data: Path) -> str:
        """The last of what it printed."""


def run(*command: str, within: float = 60.0) -> str:
    """What *command* prints.

    Raises:
        RuntimeError: it failed; its last words are in the text.
    """
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=within, check=False, cwd=ROOT
    )
    if done.returncode:
        words = (done.stderr or done.stdout)[-2000:]
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {words}")
    return done.stdout


def fields(status: str) -> dict[str, str]:
    """The lines of /proc/PID/status."""
    return {
        key: value.strip()
        for key, _, value in (line.partition(":") for line in status.splitlines())
    }


class Docker:
    """`docker`, or what takes the same words."""

    def __init__(self, command: str) -> None:
        self._command = command
        # A mounted directory is its owner's: the image's user where we may give it.
        self._user = UID if os.getuid() == 0 else os.getuid()

    def build(self, tag: str) -> None:
        run(self._command, "build", "--tag", tag, str(ROOT), within=BUILD_WITHIN)

    def size(self, tag: str) -> int:
        found = run(self._command, "image", "inspect", "--format", "{{.Size}}", tag)
        return int(found)

    def start(self, tag: str, data: Path, port: int) -> None:
        run(
            *(self._command, "run", "--detach", "--name", data.name),
            *("--user", f"{self._user}:{self._user}"),
            *("--read-only", "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges"),
            *("--cpus", "1", "--memory", str(MEMORY), "--memory-swap", str(MEMORY)),
            *("--publish", f"127.0.0.1:{port}:8443", "--volume", f"{data}:/data"),
            tag,
        )

    def health(self, tag: str, data: Path, port: int) -> int:
        words = (self._command, "exec", data.name, "ordo", "health")
        return subprocess.run(words, capture_output=True, check=False).returncode

    def process(self, data: Path) -> dict[str, str]:
        told = run(self._command, "exec", data.name, "cat", "/proc/1/status")
        return fields(told)

    def end(self, data: Path, number: signal.Signals) -> int:
        run(self._command, "kill", "--signal", number.name, data.name)
        code = run(self._command, "wait", data.name, within=STOP_WITHIN)
        run(self._command, "rm", data.name)
        return int(code)

    def said(self, data: Path) -> str:
        return run(self._command, "logs", "--tail", "20", data.name)


class Builder:
    """A program with the commands build DIR TAG, run TAG OPTIONS -- COMMAND, size TAG.

    Its containers share this machine's network and processes, so limits and the
    read-only root are set inside: by prlimit, taskset, and a remount before root is
    given up. RLIMIT_DATA counts what is reserved, not what is used, and is stricter
    than a container's limit.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._running: dict[Path, subprocess.Popen[bytes]] = {}

    def build(self, tag: str) -> None:
        run(self._command, "build", str(ROOT), tag, within=BUILD_WITHIN)

    def size(self, tag: str) -> int:
        number, unit = re.findall(r"[\d.]+|[A-Za-z]+", run(self._command, "size", tag))
        return round(float(number) * SIZES[unit])

    def start(self, tag: str, data: Path, port: int) -> None:
        small = f"prlimit --data={MEMORY} --core=0 taskset -c 0"
        user = f"setpriv --reuid {UID} --regid {UID} --clear-groups --no-new-privs"
        bare = f"{user} --bounding-set -all --inh-caps -all"
        line = f"mount -o remount,bind,ro / && exec {small} {bare} ordo serve"
        with self._log(data).open("ab") as log:
            self._running[data] = subprocess.Popen(
                [
                    *(self._command, "run", tag, "--user", "0"),
                    *("--cap-add", "CAP_SYS_ADMIN", "--volume", f"{data}:/data"),
                    *("--env", f"ORDO_SERVER__BIND=127.0.0.1:{port}"),
                    *("--", "sh", "-c", line),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def health(self, tag: str, data: Path, port: int) -> int:
        words = [
            *(self._command, "run", tag, "--volume", f"{data}:/data"),
            *("--env", f"ORDO_SERVER__BIND=127.0.0.1:{port}", "--", "ordo", "health"),
        ]
        return subprocess.run(words, capture_output=True, check=False).returncode

    def process(self, data: Path) -> dict[str, str]:
        return fields(Path(f"/proc/{self._pid(data)}/status").read_text("ascii"))

    def end(self, data: Path, number: signal.Signals) -> int:
        started = self._running[data]
        try:
            os.kill(self._pid(data), number)
        except (OSError, ValueError, RuntimeError):
            started.terminate()  # Ordo itself has not come up, or is gone
        return started.wait(STOP_WITHIN)

    def said(self, data: Path) -> str:
        return self._log(data).read_text(errors="replace")[-2000:]

    def _log(self, data: Path) -> Path:
        return data.parent / f"{data.name}.log"

    def _pid(self, data: Path) -> int:
        """Of the Ordo that holds the directory's lock, where its pid stands.

        Raises:
            RuntimeError: that is of an earlier one; its number may be anybody's now.
        """
        pid = int((data / "ordo.lock").read_text("ascii"))
        if self._running[data].pid not in _ancestors(pid):
            raise RuntimeError(
                f"pid {pid} in {data}/ordo.lock is not of this container"
            )
        return pid


def _ancestors(pid: int) -> list[int]:
    """The process itself, its parent, and so on."""
    found = []
    while pid > 1:
        found.append(pid)
        try:
            status = fields(Path(f"/proc/{pid}/status").read_text("ascii"))
        except FileNotFoundError:
            break
        pid = int(status["PPid"])
    return found


def base() -> str:
    """The image that ours is built on: the last FROM of the Dockerfile."""
    words = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return str(words[-1])


def find(builder: str | None, docker: str | None) -> Engine | str:
    """What to build by; where there is nothing, why not, in a line."""
    if builder:
        return Builder(builder)
    for name in [docker] if docker else ["docker", "podman"]:
        if shutil.which(name) is None:
            continue
        try:
            run(name, "info", "--format", "{{json .}}")
        except RuntimeError as error:
            return f"{name} is installed and does not work: {error}"
        return Docker(name)
    return (
        "wanted docker or podman with a running engine, found none; name another by"
        " DOCKER=, or a builder that needs no engine by IMAGE_TOOL="
    )


__all__ = ["Builder", "Docker", "Engine", "base", "find"]
