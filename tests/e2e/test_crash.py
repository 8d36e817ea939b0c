"""The short form of `make crash`."""

import subprocess
import sys

import pytest

from tests.support.processes import ROOT


@pytest.mark.crash
@pytest.mark.timeout(150)
def test_no_order_is_sent_twice_and_none_is_lost_through_kill_9():
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash", "--kills", "6", "--clients", "8"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=140,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n0 breaches" in done.stdout
