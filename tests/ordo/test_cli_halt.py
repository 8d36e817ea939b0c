"""`ordo halt`: a file, without HTTP; `ordo kill --close-positions`: with it."""

import pytest
from click.testing import CliRunner

from ordo.cli import main
from ordo.cli.client import Client


@pytest.fixture
def config(tmp_path):
    (tmp_path / "var").mkdir()
    file = tmp_path / "ordo.toml"
    file.write_text(f'[data]\ndir = "{tmp_path / "var"}"\n')
    return file


def halt(config, *arguments):
    return CliRunner().invoke(main, ["halt", "--config", str(config), *arguments])


def test_it_makes_the_file_and_says_that_nobody_has_confirmed_it(config):
    result = halt(config, "--reason", "HTTP is stuck")
    file = config.parent / "var" / "HALT"
    assert (result.exit_code, file.read_text()) == (0, "HTTP is stuck\n")
    assert result.stdout == (
        f"Halted by the file {file}: a running Ordo sees it within 1 s\n"
        "HTTP was not asked, so nothing has confirmed it: see ordo status\n"
        f"To trade again: rm {file}, then: ordo resume\n"
    )


def test_it_needs_neither_brokers_nor_their_secrets(config):
    with config.open("a") as file:
        file.write('[brokers.fyers]\nadapter = "fyers"\nsecret = "env:NOT_SET"\n')
    assert halt(config).exit_code == 0


def test_without_a_data_directory_it_has_failed(config):
    (config.parent / "var").rmdir()
    result = halt(config)
    assert result.exit_code == 1
    assert "wanted Ordo's data directory at" in result.stderr


def test_a_file_that_cannot_be_made_is_told(config):
    (config.parent / "var" / "HALT").mkdir()
    result = halt(config)
    assert result.exit_code == 1
    assert result.stderr.rstrip().endswith("found: Is a directory")


def test_kill_asks_for_the_closes_and_tells_how_far_they_are(config, monkeypatch):
    asked = []
    counts = {"wanted": 2, "done": 1, "failed": 0}
    data = {"on_the_wire": [], "progress": {"cancels": counts, "closes": counts}}

    def call(client, method, path, body=None):
        asked.append((method, path, body))
        return {"data": data}

    monkeypatch.setattr(Client, "call", call)
    options = ["kill", "--config", str(config), "--close-positions", "--token", "t"]
    result = CliRunner().invoke(main, options)
    assert result.stdout == (
        "Halted: no new order leaves until: ordo resume\n"
        "Cancels go on: 1 of 2 done, 0 failed\n"
        "Closes go on: 1 of 2 done, 0 failed\n"
    )
    body = {
        "engaged": True,
        "reason": "ordo kill",
        "cancel_open": False,
        "close_positions": True,
    }
    assert asked == [("PUT", "/api/v1/kill-switch", body)]
