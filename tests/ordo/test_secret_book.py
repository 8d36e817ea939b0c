"""Stored secrets and the master key: nothing is lost, nothing overwritten."""

import json
import stat
import threading

import pytest

from adapters import ConfigError, Grant, SaveSession, SealDamaged, WrongKey
from adapters.grants import seal_grant
from adapters.sealing import Keyring, MasterKey
from adapters.secret import Secret
from ordo import master_key
from ordo.config import Settings
from ordo.config.sections import Data
from ordo.data import keyring_of, opened
from ordo.secret_book import look_up, secret_book
from tests.support.memory_store import START

KEY = Secret(MasterKey(b"1" * 32).reveal())
OTHER = Secret(MasterKey(b"2" * 32).reveal())


def data(directory, key=None):
    return Data(dir=str(directory), master_key=key)


def test_a_secret_is_kept_sealed_and_found_again(tmp_path):
    secret_book(data(tmp_path)).put("hdfc_password", Secret("hunter2"))
    file = tmp_path / "secrets.json"
    assert "hunter2" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret_book(data(tmp_path)).reveal("hdfc_password") == Secret("hunter2")


def test_a_second_value_replaces_the_first_and_others_stay(tmp_path):
    book = secret_book(data(tmp_path))
    for name, text in (("a", "1"), ("b", "2"), ("a", "3")):
        book.put(name, Secret(text))
    assert [book.reveal(name).reveal() for name in ("a", "b")] == ["3", "2"]
    assert book.delete("a")
    assert not book.delete("a")
    assert list(book.stored()) == ["b"]


def test_a_secret_under_another_name_is_none(tmp_path):
    book = secret_book(data(tmp_path))
    book.put("a", Secret("hunter2"))
    file = tmp_path / "secrets.json"
    rows = json.loads(file.read_text())
    file.write_text(json.dumps({"b": rows["a"]}))
    with pytest.raises(ConfigError, match=r"the stored secret b: .* is of another row"):
        look_up(book, "b", "brokers.x.secret")


@pytest.mark.parametrize("name", ["", "-a", "a b", "a" * 65, "ä"])
def test_what_is_no_name_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="wanted a name"):
        secret_book(data(tmp_path)).put(name, Secret("x"))


def test_nothing_is_no_secret(tmp_path):
    with pytest.raises(ConfigError, match="wanted a value for a, found nothing"):
        secret_book(data(tmp_path)).put("a", Secret(""))


def test_the_wrong_key_opens_nothing_and_changes_nothing(tmp_path):
    secret_book(data(tmp_path, KEY)).put("a", Secret("hunter2"))
    before = (tmp_path / "secrets.json").read_bytes()
    wrong = secret_book(data(tmp_path, OTHER))
    with pytest.raises(WrongKey):
        wrong.reveal("a")
    with pytest.raises(WrongKey):
        wrong.put("b", Secret("x"))
    assert (tmp_path / "secrets.json").read_bytes() == before
    with pytest.raises(ConfigError, match=r"brokers.x.secret: .* start with the key"):
        look_up(wrong, "a", "brokers.x.secret")


def test_the_first_key_is_made_for_its_owner_only(tmp_path):
    made = master_key.keyring(data(tmp_path), sealed=0)
    file = tmp_path / "master.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert master_key.keyring(data(tmp_path), sealed=9).current.id == made.current.id


def test_a_missing_key_beside_sealed_secrets_is_not_made_anew(tmp_path):
    secret_book(data(tmp_path)).put("a", Secret("hunter2"))
    (tmp_path / "master.key").unlink()
    with pytest.raises(ConfigError) as refused:
        secret_book(data(tmp_path)).reveal("a")
    assert "found no such file, and 1 stored secret(s)" in str(refused.value)
    assert not (tmp_path / "master.key").exists()


def test_a_missing_key_beside_sealed_sessions_is_not_made_anew(tmp_path):
    here = data(tmp_path)
    whole = Settings(data=here)
    with opened(whole) as store:
        grant = Grant(access_token=Secret("T"), issued_at=START, expires_at=START)
        sealed = seal_grant(keyring_of(whole, store), "fyers", grant)
        store.commit([SaveSession(broker="fyers", sealed=sealed, audit=())])
    (tmp_path / "master.key").unlink()
    with pytest.raises(ConfigError, match=r"found no such file, and 1 stored secret"):
        secret_book(here).put("a", Secret("hunter2"))
    with opened(whole) as store, pytest.raises(ConfigError, match="restore it"):
        keyring_of(whole, store)
    assert not (tmp_path / "master.key").exists()
    assert not (tmp_path / "secrets.json").exists()


def test_a_database_that_keeps_no_session_lets_a_first_key_be_made(tmp_path):
    with opened(Settings(data=data(tmp_path))):
        pass
    secret_book(data(tmp_path)).put("a", Secret("hunter2"))
    assert secret_book(data(tmp_path)).reveal("a") == Secret("hunter2")


def at_once(count, work):
    """Run *work* of each number in a thread of its own, all beginning together."""
    barrier = threading.Barrier(count)

    def begin(number):
        barrier.wait(10)
        work(number)

    threads = [threading.Thread(target=begin, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_of_many_that_are_set_at_once_none_is_lost(tmp_path):
    here = data(tmp_path, KEY)

    def some(number):
        for n in range(5):
            secret_book(here).put(f"{number}.{n}", Secret(f"{number} {n}"))

    at_once(6, some)
    book = secret_book(here)
    there = {name: book.reveal(name).reveal() for name in book.stored()}
    assert there == {f"{n}.{m}": f"{n} {m}" for n in range(6) for m in range(5)}


def test_of_many_that_want_a_first_key_all_get_the_same(tmp_path):
    made = []

    def want(_):
        made.append(master_key.keyring(data(tmp_path / "var"), sealed=0).current.id)

    at_once(8, want)
    assert made == [master_key.keyring(data(tmp_path / "var"), sealed=0).current.id] * 8


def test_a_damaged_secret_says_how_it_is_replaced(tmp_path):
    book = secret_book(data(tmp_path))
    book.put("a", Secret("hunter2"))
    file = tmp_path / "secrets.json"
    rows = json.loads(file.read_text())
    rows["a"]["sealed"] = "v1.damaged"
    file.write_text(json.dumps(rows))
    with pytest.raises(SealDamaged, match="or run: ordo secret delete a, and set it"):
        book.put("b", Secret("x"))
    assert book.delete("a")
    book.put("a", Secret("hunter3"))
    assert book.reveal("a") == Secret("hunter3")


def test_a_key_that_others_can_read_is_refused(tmp_path):
    master_key.keyring(data(tmp_path), sealed=0)
    (tmp_path / "master.key").chmod(0o640)
    with pytest.raises(ConfigError, match="its mode must be 0600, was 0640"):
        master_key.keyring(data(tmp_path), sealed=0)


def test_resealing_goes_over_to_the_first_key_and_keeps_when_it_was_set(tmp_path):
    old = secret_book(data(tmp_path, KEY))
    old._now = lambda: START
    old.put("a", Secret("hunter2"))
    both = Keyring.parse(f"{OTHER.reveal()},{KEY.reveal()}", "x")
    assert secret_book(data(tmp_path, KEY)).reseal(both) == 1
    assert secret_book(data(tmp_path, KEY)).reseal(both) == 0
    new = secret_book(data(tmp_path, OTHER))
    assert new.reveal("a") == Secret("hunter2")
    assert new.stored()["a"].set_at == START
