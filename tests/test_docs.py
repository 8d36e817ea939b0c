"""The README and the quickstart, word for word, against a running demo."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.documents import blocks, documents
from tests.support.processes import ROOT, Process, ended, free_port

PORT_IN_DOCS = "127.0.0.1:8443"
MODULES = f"{ROOT}:{ROOT / 'sdk/src'}"
"""Ordo and its client, as if both were installed."""


class Demo:
    """`ordo demo` in an empty directory; docs run there, with their port replaced."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.address = f"127.0.0.1:{free_port()}"
        (directory / ".venv").symlink_to(sys.prefix)
        environ = {"ORDO_SERVER__BIND": self.address, "PYTHONPATH": MODULES}
        environ["ORDO_DATA__DIR"] = str(directory / "var")
        self.environ = {**os.environ, **environ}
        self.process = Process(
            *(sys.executable, "-m", "ordo", "demo"),
            environ=environ,
            log=directory / "log",
            fresh=True,
        )
        self.said = ""
        while "Ctrl-C" not in self.said:
            self.said += self.process.line()

    def run(self, *command: str, text: str) -> str:
        """What *command* prints for *text* on its standard input."""
        done = subprocess.run(
            command,
            input=text.replace(PORT_IN_DOCS, self.address),
            cwd=self.directory,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    directory = tmp_path_factory.mktemp("newcomer")
    running = Demo(directory)
    with ended(running.process):
        yield running


def test_the_line_that_the_demo_prints_works_as_pasted(demo):
    line = re.search(r"^curl .*?\n\n", demo.said, re.M | re.S)
    assert line is not None
    answer = json.loads(demo.run("bash", "-eu", text=line[0]))
    legs = {leg["broker"]: leg["status"] for leg in answer["results"]}
    assert (legs["alpha"], legs["beta"]) == ("acked", "acked")
    assert legs["slow"] in ("acked", "rejected")


def test_the_readmes_lines_show_fan_out_replay_halt_and_audit(demo):
    script = "\n".join(blocks("README.md", "sh"))
    *answers, verified, head = demo.run("bash", "-eu", text=script).splitlines()
    first, again, halted, refused, resumed, audit = map(json.loads, answers)
    assert [leg["broker"] for leg in first["results"]] == ["alpha", "beta", "slow"]
    assert (first["data"]["replayed"], again["data"]["replayed"]) == (False, True)
    assert again["data"]["batch_id"] == first["data"]["batch_id"]
    assert halted["data"]["engaged"] is True
    assert refused["error_code"] == "kill_switch_engaged"
    assert resumed["data"]["engaged"] is False
    assert len(audit["data"]["audit"]) == 5
    assert verified.endswith("are whole")
    assert head.startswith("head ")


def test_partial_success_can_be_seen(demo):
    token = (demo.directory / "var/admin.token").read_text().strip()
    body = '{"brokers": ["alpha", "slow"], "orders": [{"symbol": "NSE:SBIN",'
    body += '"side": "BUY", "quantity": 1, "type": "MARKET", "product": "CNC"}]}'
    curl = (
        f"for n in $(seq 8); do curl -s --cacert var/tls/ca.pem -H 'Authorization: "
        f"Bearer {token}' -d '{body}' https://{PORT_IN_DOCS}/api/v1/orders; echo; done"
    )
    lines = demo.run("bash", "-eu", text=curl).splitlines()
    assert "partial" in {json.loads(line)["status"] for line in lines}


def test_the_readmes_python_runs(demo):
    (program,) = blocks("README.md", "python")
    lines = demo.run(sys.executable, "-", text=program).splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["alpha", "acked"],
        ["beta", "acked"],
    ]


def test_the_quickstarts_settings_are_good(tmp_path):
    (settings,) = blocks("docs/quickstart.md", "toml")
    (tmp_path / "ordo.toml").write_text(settings)
    for command, typed in (("secret set fyers_secret", "S\n"), ("config check", "")):
        done = subprocess.run(
            [sys.executable, "-m", "ordo", *command.split()],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            input=typed,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_every_link_between_the_documents_leads_somewhere():
    written = [ROOT / name for name in documents()]
    for document in [*written, *(ROOT / "docs" / "reference").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
