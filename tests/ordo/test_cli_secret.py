"""`ordo secret` and `ordo keys`, as they are typed."""

import pytest

from adapters.sealing import MasterKey
from adapters.stores.lock import DataLock
from tests.support.processes import run_ordo
from tests.support.terminal import Terminal


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "ordo.toml"
    file.write_text(f'[data]\ndir = "{tmp_path}/var"\n')
    return str(file)


def test_a_value_from_standard_input_is_stored_listed_and_deleted(config):
    made = run_ordo("--config", config, "secret", "set", "a", typed="hunter2\n")
    assert (made.returncode, made.stdout) == (0, "stored a\n")
    listed = run_ordo("--config", config, "secret", "list")
    assert listed.stdout.startswith("a  set 20")
    assert "hunter2" not in listed.stdout
    gone = run_ordo("--config", config, "secret", "delete", "a")
    assert gone.stdout == "deleted a\n"
    again = run_ordo("--config", config, "secret", "delete", "a")
    assert again.returncode == 1
    assert again.stderr == "ordo: there is no secret 'a'; see: ordo secret list\n"


def test_at_a_terminal_it_is_asked_for_twice_and_not_echoed(config):
    with Terminal("--config", config, "secret", "set", "a", environ={}) as terminal:
        terminal.wait_for("a: ")
        assert not terminal.echoes
        terminal.type("hunter2")
        terminal.wait_for("Repeat")
        terminal.type("hunter2")
        terminal.wait_for("stored a")
        assert terminal.ended() == 0
        assert "hunter2" not in terminal.shown


def test_a_broker_finds_what_was_stored(config, tmp_path):
    run_ordo("--config", config, "secret", "set", "fyers_secret", typed="hunter2")
    text = '[brokers.f]\nadapter = "fyers"\napp_id = "A-100"\n'
    with open(config, "a") as file:
        file.write(text + 'secret = "stored:fyers_secret"\n')
    good = run_ordo("--config", config, "config", "check")
    assert good.returncode == 0, good.stderr
    other = MasterKey(b"2" * 32).reveal()
    bad = run_ordo("--config", config, "config", "check", ORDO_MASTER_KEY=other)
    assert bad.returncode == 1
    assert bad.stderr.startswith(
        "ordo: brokers.f.secret: wanted the stored secret fyers_secret: the stored"
    )
    assert "start with the key that sealed it" in bad.stderr
    assert bad.stderr.count("\n") == 1


def test_a_key_that_is_named_and_not_there_is_not_made_anew(tmp_path):
    file = tmp_path / "ordo.toml"
    file.write_text(f'[data]\ndir = "{tmp_path}/var"\nmaster_key = "env:GONE"\n')
    made = run_ordo("--config", str(file), "secret", "set", "a", typed="hunter2\n")
    assert made.returncode == 1
    assert "data.master_key: wanted a secret in variable GONE" in made.stderr
    assert not (tmp_path / "var").exists()


def test_beside_a_running_ordo_a_secret_is_set_and_the_key_is_not_changed(
    config, tmp_path
):
    (tmp_path / "var").mkdir()
    with DataLock(tmp_path / "var"):
        made = run_ordo("--config", config, "secret", "set", "a", typed="hunter2\n")
        assert (made.returncode, made.stderr) == (0, "")
        refused = run_ordo("--config", config, "keys", "rotate")
    assert refused.returncode == 1
    assert "in use by another Ordo" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_without_its_key_ordo_does_not_start(config, tmp_path):
    run_ordo("--config", config, "secret", "set", "a", typed="hunter2\n")
    (tmp_path / "var" / "master.key").unlink()
    refused = run_ordo("--config", config, "serve")
    assert refused.returncode == 1
    assert refused.stderr.startswith("ordo: data.master_key: wanted the master key in")
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "var" / "master.key").exists()


def test_a_key_of_the_environment_is_changed_for_another(config):
    old, new = (MasterKey(bytes([n]) * 32).reveal() for n in (1, 2))
    made = ("--config", config, "secret", "set", "a")
    run_ordo(*made, typed="hunter2\n", ORDO_MASTER_KEY=old)
    change = ("--config", config, "keys", "rotate", "--new")
    plain = run_ordo(*change, new, ORDO_MASTER_KEY=old)
    assert (
        plain.stderr == "ordo: --new: wanted env:NAME or file:PATH, found other text\n"
    )
    done = run_ordo(*change, "env:NEW", ORDO_MASTER_KEY=old, NEW=new)
    assert done.stdout == (
        "sealed 1 secret(s) and session(s) with the new key\n"
        "start Ordo with the new key alone from now on\n"
    )
    again = run_ordo(*made, typed="hunter3\n", ORDO_MASTER_KEY=old)
    assert again.returncode == 1
    assert run_ordo(*made, typed="hunter3\n", ORDO_MASTER_KEY=new).returncode == 0


def test_the_key_is_changed(config):
    run_ordo("--config", config, "secret", "set", "a", typed="hunter2\n")
    done = run_ordo("--config", config, "keys", "rotate")
    assert done.stdout == "sealed 1 secret(s) and session(s) with the new key\n"
    assert done.returncode == 0
