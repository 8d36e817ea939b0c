"""`ordo instruments`: what it asks, what it prints; and once all of it for real."""

import importlib
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ordo.cli import main
from ordo.progress import Progress
from tests.ordo import test_cli
from tests.ordo.test_cli import Ordo, envelope
from tests.ordo.test_progress import Terminal
from tests.support.masters import an_instrument, generated, write_master
from tests.support.processes import TOKEN, Process, ended, write_config
from tests.support.waiting import until

command = importlib.import_module("ordo.cli.instruments")  # the name is the group's

ROW = {
    "symbol": "NSE:SBIN",
    "type": "EQ",
    "lot_size": 1,
    "tick_size": 0.05,
    "freeze_quantity": None,
    "name": "STATE BANK OF INDIA",
    "brokers": ["one", "two"],
}
FAILED = {
    "broker": "hdfc",
    "status": "error",
    "error_code": "broker_unavailable",
    "message": "HTTP 502",
}
UNDER_WAY = {"broker": "one", "status": "unknown"}


def master(stage: str = "idle", **changes: Any) -> dict[str, Any]:
    plain = {
        "adapter": "fyers",
        "brokers": ["one", "two"],
        "stage": stage,
        "rows": 182345,
        "error": None,
    }
    return plain | changes


class Answers(list):
    """Answers one after the other; the last one again and again."""

    def __iter__(self) -> Iterator[Any]:
        while len(self) > 1:
            yield self.pop(0)
        while True:
            yield self[0]


class Serving(Ordo):
    """Ordo's answers, in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.turn: Iterator[Any] = iter(Answers([envelope({})]))

    @property
    def answer(self) -> tuple[int, Any]:
        return 200, next(self.turn)

    @answer.setter
    def answer(self, value: tuple[int, Any]) -> None:
        """What the base sets at first."""

    def answers(self, *envelopes: Any) -> None:
        self.turn = iter(Answers(envelopes))


@pytest.fixture
def ordo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    do = test_cli.Answers.do_GET
    monkeypatch.setattr(test_cli.Answers, "do_POST", do, raising=False)
    server = Serving()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "LOOK_EVERY", 0.0)


def run(ordo: Ordo, *words: str) -> Result:
    return CliRunner().invoke(
        main, ["instruments", *words, "--url", ordo.url, "--token", "t"]
    )


def test_a_search_prints_a_table(ordo):
    ordo.answers(envelope({"instruments": [ROW], "next_cursor": None}))
    result = run(ordo, "search", "state", "bank", "--exchange", "NSE", "--type", "EQ")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "SYMBOL    TYPE  LOT  TICK  FREEZE  NAME                 BROKERS\n"
        "NSE:SBIN  EQ    1    0.05  -       STATE BANK OF INDIA  one, two\n"
    )
    (asked,) = ordo.asked
    assert asked[:2] == (
        "GET",
        "/api/v1/instruments?query=state+bank&exchange=NSE&type=EQ&limit=20",
    )


def test_a_search_says_what_is_missing_and_that_there_is_more(ordo):
    ordo.answers(
        envelope({"instruments": [ROW], "next_cursor": "MXg"}, results=[FAILED])
    )
    result = run(ordo, "search", "sbin", "--limit", "1")
    assert result.exit_code == 0
    assert result.stderr == (
        "hdfc: HTTP 502 (broker_unavailable)\nThere are more: --limit 5\n"
    )


def test_a_search_that_finds_nothing_says_so(ordo):
    ordo.answers(envelope({"instruments": [], "next_cursor": None}))
    assert run(ordo, "search", "zzz").stdout == "nothing found\n"


def test_a_search_in_json_is_the_answer_itself(ordo):
    answer = envelope({"instruments": [ROW], "next_cursor": None})
    ordo.answers(answer)
    assert json.loads(run(ordo, "search", "--json").stdout) == answer


def test_a_sync_waits_until_nothing_is_under_way(ordo):
    ordo.answers(
        envelope({"masters": [master("downloading")]}, results=[UNDER_WAY]),
        envelope({"masters": [master("downloading", rows=0)]}),
        envelope({"masters": [master("building", rows=0)]}),
        envelope({"masters": [master(), master(adapter="b", brokers=["three"])]}),
    )
    result = run(ordo, "sync", "one", "--force")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "fyers (one, two): 182345 instruments\n"
    first, *others = [(method, path) for method, path, *_ in ordo.asked]
    assert first == ("POST", "/api/v1/instruments/sync")
    assert others == [("GET", "/api/v1/instruments/sync")] * 3
    assert ordo.asked[0][3] == {"brokers": ["one"], "force": True, "wait_seconds": 0}


def test_a_sync_that_fails_ends_with_1_and_says_what_is_kept(ordo):
    ordo.answers(
        envelope({"masters": []}, results=[UNDER_WAY, FAILED]),
        envelope({"masters": [master(error="HTTP 503")]}),
    )
    result = run(ordo, "sync")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "hdfc: HTTP 502 (broker_unavailable)\n"
        "fyers (one, two): not synced, the old ones stay: HTTP 503\n"
        "ordo: not everything was synced\n"
    )


def test_a_sync_of_nothing_says_so(ordo):
    ordo.answers(envelope({"masters": []}))
    result = run(ordo, "sync")
    assert (result.exit_code, result.stdout) == (
        0,
        "no broker has an instrument master\n",
    )


def test_a_bar_counts_two_steps_an_adapter_and_says_what_is_done():
    screen = Terminal()
    with Progress("instruments", "steps", stream=screen, environ={}) as bar:
        command._show(bar, [master("downloading"), master("building", adapter="b")])
    assert screen.getvalue() == (
        "\r\x1b[Kinstruments  [#####---------------]  25 %  1 of 4 steps"
        "  fyers downloading, b building\r\x1b[K"
    )


@pytest.mark.parametrize("words", [[], ["search"], ["sync"]])
def test_every_command_has_help(words):
    result = CliRunner().invoke(main, ["instruments", *words, "--help"])
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "words", [["search", "--type", "OPT"], ["search", "--limit", "0"], ["fetch"]]
)
def test_wrong_use_ends_with_2(words):
    assert CliRunner().invoke(main, ["instruments", *words]).exit_code == 2


# For real


def serving(directory: Path, **masters: Path) -> Process:
    table = {
        f"acct-{n}": {"adapter": f"made-up-{n}"} for n in range(1, 1 + len(masters))
    }
    config = write_config(directory, table, port=0)
    return Process(
        sys.executable,
        "-m",
        "tests.support.mastered_ordo",
        "serve",
        "--config",
        str(config),
        environ={
            "ORDO_AUTH__TOKEN": TOKEN,
            **{name.upper(): str(path) for name, path in masters.items()},
        },
        log=directory / "ordo.log",
    )


def test_a_real_ordo_syncs_and_is_searched(tmp_path):
    files = {
        "master_1": write_master(tmp_path / "1.csv", generated(2000)),
        "master_2": write_master(
            tmp_path / "2.csv", [an_instrument("NSE:SBIN", name="STATE BANK")]
        ),
    }

    def ask(*words: str) -> Result:
        options = ["--url", url, "--token", TOKEN]
        return CliRunner().invoke(main, ["instruments", *words, *options])

    process = serving(tmp_path, **files)
    with ended(process):
        url = process.line().split()[-1]
        synced = ask("sync")
        assert (synced.exit_code, synced.stderr) == (0, "")
        assert synced.stdout == (
            "made-up-1 (acct-1): 2000 instruments\nmade-up-2 (acct-2): 1 instruments\n"
        )
        found = ask("search", "state")
        row = " ".join(found.stdout.splitlines()[1].split())
        assert row == "NSE:SBIN EQ 1 0.05 - STATE BANK acct-2"
        files["master_1"].write_text("half a file")
        refused = ask("sync", "acct-1")
        assert refused.exit_code == 1
        assert "the old ones stay: m.csv: wanted the header" in refused.stderr
        assert "NSE_INDEX:NIFTY" in ask("search", "nifty", "--type", "INDEX").stdout
        assert process.stop() == 0
    left = {path.name for path in (tmp_path / "var/instruments").iterdir()}
    assert left == {
        "made-up-1.sqlite",
        "made-up-2.sqlite",
        ".made-up-1.sqlite.lock",
        ".made-up-2.sqlite.lock",
    }


def test_a_real_ordo_that_is_killed_while_it_builds_starts_again_with_a_whole_master(
    tmp_path,
):
    file = write_master(tmp_path / "1.csv", generated(30_000))
    part = tmp_path / "var/instruments/.made-up-1.sqlite.part"
    process = serving(tmp_path, master_1=file)
    with ended(process):
        url = process.line().split()[-1]
        sync = ["instruments", "sync", "--url", url, "--token", TOKEN]
        thread = threading.Thread(target=CliRunner().invoke, args=(main, sync))
        thread.start()
        until(part.exists)
    thread.join()
    process = serving(tmp_path, master_1=file)
    with ended(process):
        url = process.line().split()[-1]

        def rows() -> bool:
            said = CliRunner().invoke(
                main, ["status", "--json", "--url", url, "--token", TOKEN]
            )
            (found,) = json.loads(said.stdout)["data"]["masters"]
            return found["rows"] == 30_000 and found["stage"] == "idle"

        until(rows, within=40)
