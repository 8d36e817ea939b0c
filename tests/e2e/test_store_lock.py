"""Somebody else at the database: a second Ordo, or a program that locks it."""

import subprocess
import sys

import pytest

from tests.crash.locked import lock
from tests.support.processes import ROOT, TOKEN


def test_a_second_ordo_on_the_same_data_is_refused_in_one_line(gateway):
    end = subprocess.run(
        [sys.executable, "-m", "ordo", "serve", "--config", str(gateway.config)],
        cwd=ROOT,
        env={"ORDO_AUTH__TOKEN": TOKEN, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    data = gateway.directory / "var"
    assert (end.returncode, end.stdout) == (1, "")
    assert end.stderr == (
        f"ordo: {data}: in use by another Ordo (pid {gateway.ordo.pid}): stop it, or"
        " give this one its own data directory\n"
    )
    assert gateway.order("key-1").status_code == 200


def test_orders_wait_for_a_program_that_locks_the_database_for_a_moment(tmp_path):
    end = lock(tmp_path / "lock", 3.0)
    assert end.breaches == []
    assert set(end.answers) == {"200"}
    assert 2.5 < end.slowest < 5.0
    assert end.back_after < 2.0


@pytest.mark.timeout(90)
def test_a_lock_that_lasts_is_told_as_507_and_costs_no_order(tmp_path):
    end = lock(tmp_path / "lock", 8.0)
    assert end.breaches == []
    # The first waits out its deadline with the commit; its key tells what came of it.
    assert set(end.answers) == {"409", "507"}
    assert end.answers["409"] <= 2
    assert end.slowest < 6.0
    assert end.back_after < 7.0
