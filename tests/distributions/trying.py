"""Both wheels in environments of their own: one trades, by the word of the other."""

from __future__ import annotations

import os
import re
import subprocess
import venv
from collections.abc import Iterable
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.processes import ROOT, Process, ended, free_port

PROGRAM = """
from ordo_client import Order, Ordo
with Ordo() as ordo:
    order = Order(symbol="NSE:SBIN", side="BUY", quantity=1, type="LIMIT", price=815)
    placed = ordo.place(order, ["alpha", "beta"], key="dist")
    again = ordo.place(order, ["alpha", "beta"], key="dist")
    assert [leg.order_id for leg in again.legs] == [leg.order_id for leg in placed.legs]
    print(ordo.status().version, again.replayed, *[leg.status for leg in placed.legs])
"""
CLIENT_NEEDS = ("anyio", "httpx", "msgspec")


class Environment:
    """A virtual environment in a directory where nothing else is."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        venv.create(directory / "env", with_pip=True)
        self.bin = directory / "env" / "bin"

    def install(self, lock: Path, wheel: Path) -> None:
        """What the lock holds, by hash, and the wheel with nothing else."""
        pip = (str(self.bin / "python"), "-m", "pip", "-q", "--no-input", "install")
        fetch = ("--only-binary", ":all:", "--require-hashes", "-r", str(lock))
        self.run(*pip, *fetch, within=600)
        self.run(*pip, "--no-deps", "--no-index", str(wheel))
        self.run(*pip[:3], "check")

    def run(self, *command: str, within: float = 60, **environ: str) -> str:
        """What *command* prints, started where nothing of the repository is seen.

        Raises:
            RuntimeError: it failed; its last words are in the text.
        """
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=clean() | environ,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
        if done.returncode:
            words = (done.stderr or done.stdout)[-2000:]
            raise RuntimeError(f"{command[0]} ended with {done.returncode}: {words}")
        return done.stdout


def clean() -> dict[str, str]:
    """This environment without what points at the repository."""
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("ORDO_", "PYTHON", "VIRTUAL_ENV"))
    }


def version(gateway: Environment) -> str:
    """As `ordo --version` tells it."""
    return gateway.run(str(gateway.bin / "ordo"), "--version").split()[-1]


def trade(gateway: Environment, client: Environment) -> str:
    """What PROGRAM of the client prints, against the gateway's demo."""
    at = f"127.0.0.1:{free_port()}"
    data = gateway.directory / "var"
    environ = {"ORDO_SERVER__BIND": at, "ORDO_DATA__DIR": str(data)}
    environ["PYTHONPATH"] = ""
    log = gateway.directory / "log"
    demo = Process(str(gateway.bin / "ordo"), "demo", environ=environ, log=log)
    with ended(demo):
        while "Ctrl-C" not in demo.line():
            pass
        return client.run(
            str(client.bin / "python"),
            "-c",
            PROGRAM,
            ORDO_URL=f"https://{at}",
            ORDO_API_TOKEN=(data / "admin.token").read_text().strip(),
            ORDO_CA=str(data / "tls" / "ca.pem"),
        )


def client_lock(directory: Path) -> Path:
    """The part of requirements.lock that ordo-client needs."""
    entries = re.split(r"\n(?=[a-z])", (ROOT / "requirements.lock").read_text("utf-8"))
    wanted = _closure(CLIENT_NEEDS)
    kept = [
        entry
        for entry in entries[1:]
        if canonicalize_name(re.match(r"[\w.-]+", entry)[0]) in wanted  # type: ignore[index]
    ]
    lock = directory / "client.lock"
    lock.write_text("\n".join(kept) + "\n")
    return lock


def _closure(names: Iterable[str]) -> set[str]:
    """The packages and all that they ask for, as this environment has them."""
    found: set[str] = set()
    ahead = [canonicalize_name(name) for name in names]
    while ahead:
        name = ahead.pop()
        if name in found:
            continue
        found.add(name)
        for text in requires(name) or ():
            one = Requirement(text)
            if one.marker is None or one.marker.evaluate({"extra": ""}):
                ahead.append(canonicalize_name(one.name))
    return found
