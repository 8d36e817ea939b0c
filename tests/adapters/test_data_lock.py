"""One Ordo a data directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapters import StoreUnusable
from adapters.stores import DataLock

ROOT = Path(__file__).parents[2]
HOLD = """
import sys
from pathlib import Path
from adapters.stores.lock import DataLock
lock = DataLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_directory_that_is_held_names_its_holder(tmp_path):
    with DataLock(tmp_path):
        with pytest.raises(StoreUnusable) as refusal:
            DataLock(tmp_path)
        assert str(refusal.value) == (
            f"{tmp_path}: in use by another Ordo (pid {os.getpid()}): "
            "stop it, or give this one its own data directory"
        )


def test_a_holder_that_has_not_written_its_pid_yet_is_unknown(tmp_path):
    with DataLock(tmp_path):
        (tmp_path / "ordo.lock").write_text("")
        with pytest.raises(StoreUnusable, match=r"\(pid unknown\)"):
            DataLock(tmp_path)


def test_a_released_directory_can_be_held_again(tmp_path):
    lock = DataLock(tmp_path)
    lock.release()
    with DataLock(tmp_path):
        lock.release()  # twice does nothing, and lets nobody else in
        with pytest.raises(StoreUnusable):
            DataLock(tmp_path)
    assert (tmp_path / "ordo.lock").read_text() == f"{os.getpid()}\n"
    assert (tmp_path / "ordo.lock").stat().st_mode & 0o777 == 0o600


def test_a_longer_pid_of_an_earlier_holder_leaves_nothing_behind(tmp_path):
    (tmp_path / "ordo.lock").write_text("99999999999999\n")
    with DataLock(tmp_path):
        assert (tmp_path / "ordo.lock").read_text() == f"{os.getpid()}\n"


def test_a_lock_dies_with_its_process_and_is_not_handed_to_its_children(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreUnusable, match=rf"\(pid {holder.pid}\)"):
            DataLock(tmp_path)
        holder.kill()
        holder.wait()
        lock = DataLock(tmp_path)
        with subprocess.Popen(["sleep", "60"]) as child:
            lock.release()
            DataLock(tmp_path).release()
            child.kill()


def test_a_directory_that_is_missing_is_named(tmp_path):
    with pytest.raises(StoreUnusable, match=r"ordo\.lock: cannot be made: No such"):
        DataLock(tmp_path / "nowhere")
