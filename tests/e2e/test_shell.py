"""`ordo shell` against a real Ordo over TLS: scripts, and a person at a terminal."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from ordo import tls
from tests.support.processes import ROOT, TOKEN, Ordo, ended, run_ordo, write_config
from tests.support.terminal import Terminal

PROMPT = "ordo> "
PICTURE = ROOT / "docs" / "pictures" / "console.txt"
PLACE = (
    "ask router PlaceBatch brokers=paper order.symbol=NSE:SBIN order.side=BUY"
    " order.quantity=10 order.type=LIMIT order.price=700"
)


class Desk:
    """An Ordo with a paper broker, and shells to it."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self.directory = directory
        prices = {"prices": {"NSE:SBIN": 812}, "volatility": 0}
        table = {"adapter": "paper", **prices}
        self.config = write_config(directory, {"paper": table}, tls="auto")
        self.ordo = Ordo(self.config)
        stack.enter_context(ended(self.ordo))
        self.history = directory / "history"
        self.environ = {"ORDO_AUTH__TOKEN": TOKEN, "COLUMNS": "100"}

    def run(self, *arguments: str, typed: str = "") -> Any:
        """A script, to its end."""
        command = ("--config", str(self.config), "shell", *arguments)
        return run_ordo(*command, typed=typed, **self.environ)

    def answers(self, *lines: str, yes: bool = False) -> list[Any]:
        """What a script prints for lines of its standard input."""
        options = ["--yes"] if yes else []
        done = self.run(*options, typed="\n".join(lines))
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def terminal(self, **environ: str) -> Terminal:
        """A person."""
        command = ("--config", str(self.config), "shell")
        history = ("--history", str(self.history))
        terminal = Terminal(*command, *history, environ=self.environ | environ)
        terminal.wait_for(PROMPT)
        return terminal

    def audit(self) -> list[str]:
        """What was asked by hand, oldest first."""
        trusting = ssl.create_default_context(
            cafile=self.directory / "var" / "tls" / "ca.pem"
        )
        answer = httpx.get(
            f"{self.ordo.url}/api/v1/audit?limit=1000",
            headers={"Authorization": f"Bearer {TOKEN}"},
            verify=trusting,
            trust_env=False,
        )
        rows = answer.json()["data"]["audit"]
        return [r["detail"]["message"] for r in rows if r["action"] == "console.asked"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(stack, tmp_path_factory.mktemp("desk"))


def press(terminal: Terminal, keys: str) -> None:
    """Type without an Enter."""
    os.write(terminal._ours, keys.encode())


def transcript() -> str:
    """What the docs show."""
    text = (ROOT / "docs" / "console.md").read_text()
    (block,) = re.findall(r"^```transcript\n(.*?)^```$", text, re.M | re.S)
    return str(block)


def settled(screen: str) -> str:
    """A screen without what differs each time: ids, times, counts, widths."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", screen)
    text = re.sub(r"\b[0-9A-V]{16}\b", "ID", text)
    text = re.sub(r"\d+(\.\d+)?", "0", text)
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


def test_the_docs_show_what_a_terminal_shows(desk):
    lines = re.findall(r"^ordo> (.+)$", transcript(), re.M)
    with desk.terminal(COLUMNS="132", TERM="dumb") as terminal:
        for line in lines:
            terminal.type(line)
            if terminal.wait_for(r"ordo> |\[y/N\] ")[0] != PROMPT:
                terminal.type("y")
                terminal.wait_for(PROMPT)
        dialogue = terminal.shown.partition("\n")[2].removesuffix(PROMPT)
        press(terminal, "ask broker:paper \t\t")
        terminal.wait_for(r"VerifyLogin *\nordo> ask broker:paper ")
        lines = terminal.shown.replace("\x07", "").splitlines()
        screen = "\n".join(line.rstrip() for line in lines)
        press(terminal, "\x15exit\n")
        assert terminal.ended() == 0
    if "WRITE_PICTURES" in os.environ:
        PICTURE.write_text(f"{screen}\n")
    assert settled(dialogue) == settled(transcript())
    assert settled(screen) == settled(PICTURE.read_text())


def test_a_script_gets_a_line_of_json_for_each_line(desk):
    tree, quotes = desk.answers("ls", "", "ask broker:paper GetQuotes symbols=NSE:SBIN")
    assert [row["actor"] for row in tree["reply"][:3]] == [
        "writer",
        "kill-switch",
        "doors",
    ]
    assert quotes["reply"]["rows"][0]["last_price"] == 812
    assert "GetQuotes" not in desk.audit()
    assert "Fetch" in desk.audit()


def test_a_script_stops_at_the_first_line_that_is_not_done(desk):
    done = desk.run("-c", "ls", "-c", "ask writer Commit", "-c", "ls")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == (
        "ordo: no actor 'writer'; there are: broker:paper, router, kill-switch, "
        "masters\n"
    )
    going_on = desk.run("--keep-going", "-c", "ask writer Commit", "-c", "ls")
    assert (going_on.returncode, len(going_on.stdout.splitlines())) == (1, 2)


def test_a_script_moves_money_only_when_told_yes(desk):
    refused = desk.run("-c", PLACE)
    assert refused.returncode == 1
    assert refused.stderr == (
        "ordo: it sends BUY 10 NSE:SBIN LIMIT at 700 CNC to paper; confirm it with "
        "--yes\n"
    )
    (placed,) = desk.answers(PLACE, yes=True)
    (order,) = placed["reply"]["orders"]
    assert order["status"] == "acked"
    cancel = f"ask router CancelOrder order_id={order['order_id']}"
    (gone,) = desk.answers(cancel)
    assert gone["reply"]["record"]["status"] == "cancelled"


def test_the_certificate_and_the_token_are_checked(desk, tmp_path):
    other = tls.ensure(tmp_path, "127.0.0.1").ca
    wrong = desk.run("--ca", str(other), "-c", "ls")
    assert wrong.returncode == 1
    assert "shows a certificate of another CA; name the right one by" in wrong.stderr
    nobody = desk.run("--token", "nope", "-c", "ls")
    assert nobody.returncode == 1
    assert "does not accept the token; give another by --token" in nobody.stderr
    away = desk.run("--url", "https://127.0.0.1:1", "-c", "ls")
    assert away.returncode == 1
    assert "no Ordo answers at https://127.0.0.1:1" in away.stderr


def test_a_tab_completes_actors_messages_fields_values_and_symbols(desk):
    desk.answers(PLACE, yes=True)  # NSE:SBIN is known by an open order
    with desk.terminal() as terminal:
        for typed, shown in (
            ("as\t", "ask "),
            ("br\t", "broker:paper "),
            ("GetQ\t", "GetQuotes "),
            ("sy\t", "symbols="),
            ("NSE:S\t", "NSE:SBIN"),
        ):
            press(terminal, typed)
            terminal.wait_for(re.escape(shown))
        press(terminal, "\n")
        terminal.wait_for("symbol +NSE:SBIN")
        press(terminal, "ask router PlaceBatch order.t\t")
        press(terminal, "\t")  # two begin so: a second Tab lists them
        terminal.wait_for(r"order\.trigger_price=\s+order\.type=")
        press(terminal, "y\tLI\t")
        terminal.wait_for(r"order\.type=LIMIT ")
        press(terminal, "\x15exit\n")
        assert terminal.ended() == 0


def test_an_order_at_a_terminal_wants_a_yes(desk):
    with desk.terminal() as terminal:
        terminal.type(PLACE)
        terminal.wait_for("It sends BUY 10 NSE:SBIN LIMIT at 700 CNC to paper.")
        terminal.wait_for("Go on")
        terminal.type("")
        terminal.wait_for("nothing was sent")
        terminal.wait_for(PROMPT)
        terminal.type(f"{PLACE} idempotency_key=terminal-1")
        terminal.wait_for("Go on")
        terminal.type("y")
        terminal.wait_for("BatchDone:")
        terminal.wait_for("status +acked")
        terminal.wait_for(PROMPT)
        press(terminal, "\x04")  # Ctrl-D
        assert terminal.ended() == 0
    assert desk.audit().count("PlaceBatch") >= 1


def test_lines_are_kept_for_the_next_shell_and_secrets_are_not(desk):
    with desk.terminal() as terminal:
        terminal.type("ask broker:paper ReadSession")
        terminal.wait_for("SessionReport")
        terminal.wait_for(PROMPT)
        terminal.type("ask broker:paper VerifyLogin answers.otp=hunter2")
        terminal.wait_for(PROMPT)
        terminal.type("ask broker:paper VerifyLogin answers.otp=?")
        terminal.wait_for("answers.otp: ")
        assert not terminal.echoes
        terminal.type("hunter3")
        terminal.wait_for(PROMPT)
        assert "hunter3" not in terminal.shown
        terminal.type("exit")
        assert terminal.ended() == 0
    kept = desk.history.read_text()
    assert "ask broker:paper ReadSession\n" in kept
    assert "hunter" not in kept
    assert stat.S_IMODE(desk.history.stat().st_mode) == 0o600
    with desk.terminal() as terminal:
        press(terminal, "\x10\x10")  # the line before the last
        terminal.wait_for("ReadSession")
        press(terminal, "\n")
        terminal.wait_for("SessionReport")


def _interrupt_at_prompt(terminal):
    """Ctrl-C, which makes a new line.

    Python notices none between the prompt and its wait for keys: then comes another.
    """
    for _ in range(5):
        terminal.popen.send_signal(signal.SIGINT)
        try:
            terminal.wait_for(PROMPT, within=2)
        except AssertionError:
            continue
        return
    raise AssertionError(f"Ctrl-C made no new line:\n{terminal.shown}")


def test_ctrl_c_ends_what_is_under_way_and_not_the_shell(desk):
    with desk.terminal() as terminal:
        terminal.type("watch events")
        terminal.type("")
        halt = desk.run("-c", "ask kill-switch EngageSwitch reason=drill")
        assert halt.returncode == 0
        terminal.wait_for(r"kill_switch\.engaged +token:config +.*reason=drill")
        terminal.popen.send_signal(signal.SIGINT)
        terminal.wait_for(PROMPT)
        terminal.type("ls")
        terminal.wait_for("kill-switch .*HALTED")
        terminal.wait_for(PROMPT)
        terminal.type("ask kill-switch ReleaseSwitch")
        terminal.wait_for("It lets orders leave again.")
        terminal.type("yes")
        terminal.wait_for("engaged +no")
        terminal.wait_for(PROMPT)
        _interrupt_at_prompt(terminal)
        terminal.type("quit")
        assert terminal.ended() == 0
