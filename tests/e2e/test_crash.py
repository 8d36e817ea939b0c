"""The short form of `make crash`: each named point once."""

import re
import subprocess
import sys

import pytest

from tests.crash.points import POINTS
from tests.support.processes import ROOT


@pytest.mark.crash
@pytest.mark.timeout(200)
def test_no_order_is_sent_twice_and_none_is_lost_through_kill_9():
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.crash", "--short", "--clients", "8"),
            *("--at-each", "1", "--kills", str(len(POINTS) + 1)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=190,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n0 breaches" in done.stdout
    sockets = re.search(r"^(\d+) order sockets opened$", done.stdout, re.MULTILINE)
    assert sockets is not None
    assert int(sockets[1]) > 5  # most lives of the one lane had theirs
    counted = {
        line[:36].rstrip(): int(line[36:])
        for line in done.stdout.splitlines()
        if line[:36].rstrip() in POINTS
    }
    assert {name for name, times in counted.items() if times >= 1} == set(POINTS)
