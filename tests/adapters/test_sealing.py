"""Sealed secrets open under their key and in their row, and nowhere else."""

import base64
from datetime import timedelta

import pytest

from adapters import ConfigError, Grant, SealDamaged, WrongKey
from adapters.grants import open_grant, seal_grant
from adapters.sealing import Keyring, MasterKey
from adapters.secret import Secret
from tests.support.memory_store import START

ONE, TWO = MasterKey(b"1" * 32), MasterKey(b"2" * 32)
GRANT = Grant(
    access_token=Secret("hunter2"),
    issued_at=START,
    expires_at=START + timedelta(hours=8),
    refresh_token=Secret("hunter3"),
)


def test_what_is_sealed_opens_in_its_row():
    ring = Keyring([ONE])
    sealed = ring.seal("secret", "a", b"hunter2")
    assert ring.open("secret", "a", sealed) == b"hunter2"
    assert sealed.startswith(f"v1.{ONE.id}.")


def test_the_same_text_is_sealed_differently_each_time():
    ring = Keyring([ONE])
    assert ring.seal("secret", "a", b"x") != ring.seal("secret", "a", b"x")


@pytest.mark.parametrize(("kind", "name"), [("secret", "b"), ("session", "a")])
def test_a_text_moved_to_another_row_does_not_open(kind, name):
    ring = Keyring([ONE])
    sealed = ring.seal("secret", "a", b"hunter2")
    with pytest.raises(SealDamaged):
        ring.open(kind, name, sealed)


def test_a_text_of_another_key_says_which_key_it_wants():
    sealed = Keyring([ONE]).seal("secret", "a", b"hunter2")
    with pytest.raises(WrongKey) as wrong:
        Keyring([TWO]).open("secret", "a", sealed)
    assert ONE.id in str(wrong.value)
    assert TWO.id in str(wrong.value)


def test_the_first_key_seals_and_all_open():
    old = Keyring([ONE]).seal("secret", "a", b"hunter2")
    both = Keyring([TWO, ONE])
    assert both.open("secret", "a", old) == b"hunter2"
    assert not both.is_current(old)
    new = both.seal("secret", "a", b"hunter2")
    assert both.is_current(new)
    assert Keyring([TWO]).open("secret", "a", new) == b"hunter2"


@pytest.mark.parametrize(
    "damage",
    [
        lambda sealed: sealed[:-4] + ("AAAA" if sealed[-4:] != "AAAA" else "BBBB"),
        lambda sealed: sealed[:-30],
        lambda sealed: sealed.rpartition(".")[0] + ".AAAA",
        lambda sealed: sealed.replace("v1", "v2"),
        lambda sealed: "",
        lambda sealed: "hunter2",
        lambda sealed: sealed + "!",
    ],
)
def test_a_damaged_text_does_not_open_and_is_not_shown(damage):
    ring = Keyring([ONE])
    sealed = damage(ring.seal("secret", "a", b"hunter2"))
    with pytest.raises(SealDamaged) as damaged:
        ring.open("secret", "a", sealed)
    assert "hunter2" not in str(damaged.value)


@pytest.mark.parametrize("sep", [",", "\n", " , \n"])
def test_keys_are_read_as_base64_of_either_alphabet(sep):
    raw = bytes(range(224, 256))
    texts = [base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
    ring = Keyring.parse(sep.join([*texts, texts[0].rstrip("=")]), "here")
    assert [key.id for key in ring.keys] == [MasterKey(raw).id] * 3


@pytest.mark.parametrize("text", ["", "hunter2", "A" * 42, "A" * 60, "é" * 43])
def test_what_is_no_key_is_refused_and_not_shown(text):
    with pytest.raises(ConfigError) as refused:
        Keyring.parse(text, "data.master_key")
    assert str(refused.value).startswith("data.master_key: wanted 32 bytes in base64")
    assert not text or text not in str(refused.value)


def test_a_key_is_read_back_from_its_own_text_and_not_shown():
    made = MasterKey.make()
    assert Keyring.parse(made.reveal(), "x").current.id == made.id
    assert repr(made) == f"MasterKey({made.id})"
    assert made.id != MasterKey.make().id


def test_a_grant_comes_back_as_it_was():
    ring = Keyring([ONE])
    assert open_grant(ring, "fyers", seal_grant(ring, "fyers", GRANT)) == GRANT


def test_a_grant_of_one_broker_is_none_of_another():
    ring = Keyring([ONE])
    with pytest.raises(SealDamaged):
        open_grant(ring, "hdfc", seal_grant(ring, "fyers", GRANT))


def test_a_grant_of_another_version_is_refused_without_showing_it():
    ring = Keyring([ONE])
    sealed = ring.seal("session", "fyers", b'{"access_token": "hunter2"}')
    with pytest.raises(SealDamaged) as refused:
        open_grant(ring, "fyers", sealed)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None
