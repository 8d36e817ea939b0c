"""A new master key: everything goes over to it, whatever happens on the way."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest

from adapters import (
    AuditQuery,
    ConfigError,
    Grant,
    SaveSession,
    StoreUnusable,
    WrongKey,
)
from adapters.grants import open_grant, seal_grant
from adapters.sealing import Keyring, MasterKey
from adapters.secret import Secret
from adapters.stores.lock import DataLock
from ordo import master_key
from ordo.config import Settings
from ordo.config.sections import Data
from ordo.data import keyring_of, opened
from ordo.rotation import Rotated, rotate
from ordo.secret_book import secret_book
from tests.support.memory_store import START

GRANT = Grant(
    access_token=Secret("TOKEN"), issued_at=START, expires_at=START + timedelta(hours=8)
)
CUT_OFF = """
import os, sys
import ordo.files
from pathlib import Path
from ordo.config import Settings
from ordo.config.sections import Data
from ordo.rotation import rotate

nth, when = int(sys.argv[2]), sys.argv[3]
real, count = os.replace, 0

def replace(*args):
    global count
    count += 1
    if count == nth and when == "before":
        os._exit(9)
    real(*args)
    if count == nth:
        os._exit(9)

ordo.files.os.replace = replace
rotate(Settings(data=Data(dir=sys.argv[1])), None)
"""


def settings(directory, key=None):
    return Settings(data=Data(dir=str(directory), master_key=key))


def fill(here):
    """Two stored secrets and a session."""
    for name in ("a", "b"):
        secret_book(here.data).put(name, Secret(f"secret {name}"))
    with opened(here) as store:
        sealed = seal_grant(keyring_of(here, store), "fyers", GRANT)
        store.commit([SaveSession(broker="fyers", sealed=sealed, audit=())])


def check(here):
    """All of it opens."""
    book = secret_book(here.data)
    assert [book.reveal(name).reveal() for name in "ab"] == ["secret a", "secret b"]
    with opened(here) as store:
        keys = keyring_of(here, store)
        assert open_grant(keys, "fyers", store.sessions()["fyers"]) == GRANT
    return keys


def test_everything_goes_over_to_a_new_key_and_the_old_one_is_gone(tmp_path):
    here = settings(tmp_path)
    fill(here)
    old = check(here).current
    assert rotate(here, None) == Rotated(3, ())
    keys = check(here)
    assert len(keys.keys) == 1
    assert keys.current.id != old.id
    assert old.id not in (tmp_path / "secrets.json").read_text()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_cut_off_anywhere_nothing_is_lost_and_a_second_run_ends_it(tmp_path, nth, when):
    here = settings(tmp_path)
    fill(here)
    old = check(here).current
    run = [sys.executable, "-c", CUT_OFF, str(tmp_path), str(nth), when]
    assert subprocess.run(run, timeout=30, check=False).returncode == 9
    check(here)
    rotate(here, None)
    keys = check(here)
    assert len(keys.keys) == 1
    assert keys.current.id != old.id


def test_a_second_run_goes_on_to_the_key_of_the_first(tmp_path):
    here = settings(tmp_path)
    fill(here)
    run = [sys.executable, "-c", CUT_OFF, str(tmp_path), "1", "after"]
    assert subprocess.run(run, timeout=30, check=False).returncode == 9
    begun = check(here)
    assert len(begun.keys) == 2
    rotate(here, None)
    assert [key.id for key in check(here).keys] == [begun.current.id]


def test_a_key_of_the_settings_goes_over_to_the_one_that_is_named(tmp_path):
    old, new = (MasterKey(bytes([n]) * 32) for n in (1, 2))
    before = settings(tmp_path, Secret(old.reveal()))
    fill(before)
    with pytest.raises(ConfigError, match="name it by --new"):
        rotate(before, None)
    assert rotate(before, Keyring([new])) == Rotated(3, ())
    check(settings(tmp_path, Secret(new.reveal())))
    assert rotate(before, Keyring([new])) == Rotated(0, ())  # run again by mistake
    assert not (tmp_path / "master.key").exists()


def test_of_several_keys_of_the_settings_the_first_takes_over(tmp_path):
    old, new = (MasterKey(bytes([n]) * 32) for n in (1, 2))
    fill(settings(tmp_path, Secret(old.reveal())))
    both = settings(tmp_path, Secret(f"{new.reveal()},{old.reveal()}"))
    check(both)
    assert rotate(both, None) == Rotated(3, ())
    check(settings(tmp_path, Secret(new.reveal())))


def test_a_session_that_neither_key_opens_is_left_as_it_is_and_named(tmp_path):
    here = settings(tmp_path)
    fill(here)
    lost = seal_grant(Keyring([MasterKey.make()]), "gone", GRANT)
    with opened(here) as store:
        store.commit([SaveSession(broker="gone", sealed=lost, audit=())])
    assert rotate(here, None) == Rotated(3, ("gone",))
    check(here)
    with opened(here) as store:
        assert store.sessions()["gone"] == lost


def test_a_secret_that_neither_key_opens_keeps_the_old_key(tmp_path):
    here = settings(tmp_path)
    fill(here)
    file = tmp_path / "secrets.json"
    rows = json.loads(file.read_text())
    other = Keyring([MasterKey.make()]).seal("stored secret", "b", b"secret b")
    rows["b"]["sealed"], before = other, rows["b"]["sealed"]
    file.write_text(json.dumps(rows))
    with pytest.raises(WrongKey, match="or run: ordo secret delete b"):
        rotate(here, None)
    rows["b"]["sealed"] = before
    file.write_text(json.dumps(rows))
    assert len(check(here).keys) == 2
    assert rotate(here, None) == Rotated(3, ())


def test_the_audit_log_tells_of_it(tmp_path):
    here = settings(tmp_path)
    fill(here)
    rotate(here, None)
    with opened(here) as store:
        entry = store.audit(AuditQuery())[-1].entry
        key = keyring_of(here, store).current.id
    assert entry.action == "keys.rotated"
    assert entry.detail == {"key": key, "resealed": 3, "left": []}


def test_a_new_key_for_the_directory_is_not_to_be_named(tmp_path):
    fill(settings(tmp_path))
    with pytest.raises(ConfigError, match="leave --new out"):
        rotate(settings(tmp_path), Keyring([MasterKey.make()]))


def test_a_running_ordo_is_not_disturbed(tmp_path):
    here = settings(tmp_path)
    fill(here)
    before = (tmp_path / "master.key").read_bytes()
    with DataLock(tmp_path), pytest.raises(StoreUnusable, match="in use by another"):
        rotate(here, None)
    assert (tmp_path / "master.key").read_bytes() == before


def test_without_the_key_nothing_is_touched(tmp_path):
    here = settings(tmp_path)
    fill(here)
    (tmp_path / "master.key").unlink()
    with pytest.raises(ConfigError, match="3 stored secret"):
        rotate(here, None)
    assert not master_key.key_file(here.data).exists()
