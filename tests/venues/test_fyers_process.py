"""The FYERS venue as a process of its own: it serves, and it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import msgspec
import pytest
import trio

from tests.support.plain import PLAIN

from .conftest import ONE, Make

ROOT = Path(__file__).resolve().parent.parent.parent


def start_process(*arguments: str) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-m", "tests.venues.fyers", "--port", "0", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, msgspec.json.decode(process.stdout.readline())["port"]


@pytest.mark.parametrize("ending", ["SIGTERM", "stdin", "max-seconds"])
def test_the_process_serves_and_ends_by_itself(order: Make, ending: str) -> None:
    limit = "1" if ending == "max-seconds" else "30"
    process, port = start_process("--token", "A-100:T", "--max-seconds", limit)
    with process:
        url = f"http://127.0.0.1:{port}{ONE}"
        headers = {"Authorization": "A-100:T"}
        with httpx.Client(trust_env=False, verify=PLAIN) as http:
            answer = http.post(url, json=order(), headers=headers)
        assert answer.json()["code"] == 1101
        if ending == "SIGTERM":
            process.terminate()
        elif ending == "stdin":
            assert process.stdin is not None
            process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_the_process_does_not_outlive_its_parent() -> None:
    # The middle one starts the venue away from its own stdin and is then killed.
    middle = (
        "import subprocess, sys, time\n"
        "v = subprocess.Popen([sys.executable, '-m', 'tests.venues.fyers'],"
        " stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)\n"
        "print(v.pid, v.stdout.readline(), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", middle], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, _, ready = parent.stdout.readline().partition(" ")
        assert json.loads(ready)["port"] > 0
        venue = os.pidfd_open(int(pid))
        parent.kill()
        trio.run(gone, venue)
        os.close(venue)


async def gone(process: int) -> None:
    """Wait for the end of a process that is nobody's child here."""
    with trio.fail_after(10):
        await trio.lowlevel.wait_readable(process)
