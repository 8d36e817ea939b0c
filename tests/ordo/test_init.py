"""`ordo init`: a file that starts as it is, holds no secret, and is never lost."""

from __future__ import annotations

import re
import stat
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.catalogue import ADAPTERS
from adapters.secret import Secret
from ordo.cli import main
from ordo.config import load
from ordo.config.sections import Data
from ordo.first_settings import Answers, render
from ordo.secret_book import secret_book
from tests.support.processes import Process, ended, free_port
from tests.support.terminal import Terminal

ROOT = Path(__file__).parents[2]
FILE = Path("ordo.toml")
FILLED = {'"..."': '"ABCD12EFGH-100"', '"A|B"': '"B"'}
"""What a person puts in place of what `init` leaves open."""


@pytest.fixture(autouse=True)
def an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ORDO_CONFIG", "ORDO_API_TOKEN", "ORDO_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)


def init(*words: str) -> Result:
    return CliRunner().invoke(main, ["init", *words])


def test_the_defaults_are_good_as_they_are_and_only_ours_to_read():
    result = init("--defaults")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("wrote ordo.toml\nis this machine fit")
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600
    checked = CliRunner().invoke(main, ["config", "check"])
    assert checked.stdout == "ordo.toml: good; brokers: paper\n"
    assert load(FILE, {}).clock.server == ""  # nothing leaves that nobody asked for


def test_a_file_that_is_there_is_kept_unless_it_is_forced():
    FILE.write_text("# mine\n")
    result = init("--defaults")
    assert result.exit_code == 1
    assert result.stderr == (
        "ordo: ordo.toml is there already; --force writes over it\n"
    )
    assert FILE.read_text() == "# mine\n"
    assert init("--defaults", "--force").exit_code == 0
    assert FILE.read_text() == render(Answers())
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600


def test_another_path_is_named_in_what_to_type_next():
    result = init("--defaults", "other.toml")
    assert "ordo serve --config other.toml\n" in result.stdout
    assert load("other.toml", {}).brokers.keys() == {"paper"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "there is no terminal to ask at; add --defaults"),
        (("--defaults", "x.yaml"), "wanted a file NAME.toml, found x.yaml"),
        (("--defaults", "--brokers", "upstox"), "wanted some of alpaca-mock, "),
        (("--defaults", "--tls", "files"), "--tls files wants its files"),
        (("--defaults", "--data", "a\nb"), "wanted the name of a directory"),
    ],
)
def test_wrong_use_ends_with_2_and_writes_nothing(words, said):
    result = init(*words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert list(Path().iterdir()) == []


def test_all_there_is_can_be_said_without_a_question():
    result = init(
        *("--defaults", "--brokers", "paper, paper", "--tls", "off"),
        *("--data", 'a "strange" place'),
    )
    assert result.exit_code == 0, result.stderr
    settings = load(FILE, {})
    assert list(settings.brokers) == ["paper", "paper-2"]
    assert (settings.server.tls, settings.data.dir) == ("off", 'a "strange" place')


@pytest.mark.parametrize("adapter", sorted(ADAPTERS))
def test_each_brokers_table_is_good_once_its_steps_are_done(adapter):
    assert init("--defaults", "--brokers", adapter).exit_code == 0
    text = FILE.read_text()
    names = re.findall(r"^#   ordo secret set (\S+)$", text, re.M)
    if names:
        assert list(load(FILE, {}).brokers) == []  # switched off until then
    Path("var").mkdir(mode=0o700)
    book = secret_book(Data(dir="var"))
    for name in names:
        book.put(name, Secret("x" * 20))
    text = re.sub(r"^#(?! )(?=[a-z\[])", "", text, flags=re.M)
    for left_open, value in FILLED.items():
        text = text.replace(left_open, value)
    FILE.write_text(text)
    assert list(load(FILE, {}).brokers) == [adapter]


def test_a_person_is_asked_and_a_wrong_answer_is_asked_for_again():
    with Terminal("init", environ={"PYTHONPATH": str(ROOT)}) as terminal:
        terminal.wait_for(r"Brokers, separated by commas \(.*\) \[paper\]: ")
        terminal.type("zerodah")
        terminal.wait_for("Error: wanted some of alpaca-mock, .*; found 'zerodah'")
        terminal.wait_for(r"\[paper\]: ")
        terminal.type("paper,fyers")
        terminal.wait_for(r"Where does data live \[./var\]: ")
        terminal.type("data")
        terminal.wait_for(r"TLS: .* \[auto\]: ")
        terminal.type("off")
        terminal.wait_for(r"Time server .*, - for none \[pool.ntp.org\]: ")
        terminal.type("")
        terminal.wait_for("wrote ordo.toml")
        assert terminal.ended() == 0
    settings = load(FILE, {})
    assert list(settings.brokers) == ["paper"]
    assert (settings.data.dir, settings.server.tls) == ("data", "off")
    assert settings.clock.server == "pool.ntp.org"
    assert '#secret = "stored:fyers_secret"' in FILE.read_text()


def test_ordo_starts_with_it(tmp_path):
    assert init("--defaults").exit_code == 0
    process = Process(
        *(sys.executable, "-m", "ordo", "--config", str(tmp_path / "ordo.toml")),
        "serve",
        environ={
            "ORDO_SERVER__BIND": f"127.0.0.1:{free_port()}",
            "ORDO_DATA__DIR": str(tmp_path / "var"),
        },
        log=tmp_path / "log",
        fresh=True,
    )
    with ended(process):
        assert process.line().startswith("Ordo is ready at https://127.0.0.1:")
        assert process.stop() == 0
