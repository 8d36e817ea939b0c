"""Every fenced block of the documents is run or read by a test, or says why not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml
from msgspec.structs import fields

from adapters import catalogue
from ordo.config import BrokerKeys, Settings
from ordo.http.routes import ROUTES
from tests.support.documents import Block, blocks, documents, fenced
from tests.support.processes import ROOT, ended
from tests.test_docs import PORT_IN_DOCS, Demo

RUN_BY = {
    "README.md": "tests/test_docs.py",
    "sdk/README.md": "tests/sdk_client/test_readme.py",
    "docs/brokers/mocks.md": "tests/test_docs_mocks.py",
    "docs/how-to/backup.md": "tests/test_docs_backup.py",
    "docs/how-to/mtls.md": "tests/test_docs_mtls.py",
    "docs/how-to/webhook.md": "tests/test_docs_webhook.py",
    "docs/secrets.md": "tests/test_docs_snippets.py",
}
"""Whose programs and commands have a test of their own; other commands run below."""

NOT_RUN = {
    "CONTRIBUTING.md": 2,
    "README.md": 3,
    "docs/adapters.md": 3,
    "docs/events.md": 1,
    "docs/how-to/backup.md": 1,
    "docs/how-to/log-in.md": 1,
    "docs/how-to/proxy.md": 1,
    "docs/how-to/rotate.md": 1,
    "docs/how-to/webhook.md": 1,
    "docs/instruments.md": 1,
    "docs/quickstart.md": 1,
    "docs/secrets.md": 1,
    "docs/sessions.md": 1,
    "docs/settlement.md": 1,
    "docs/simulation.md": 1,
}
"""Blocks that say that nothing runs them, by document: one more is a decision."""

ELSEWHERE = {
    "docs/console.md": "the console's own tests type its commands",
    "docs/first-run.md": "it asks and serves; the tests of `init` and `doctor` do it",
    "docs/logging.md": "it serves and does not end; the tests of logs read such lines",
    "docs/operations/container.md": "wants a container engine; tests/test_container.py",
    "docs/operations/releasing.md": "fetches what is published already",
    "docs/telemetry.md": "the tests of telemetry run its commands",
}
"""Pages whose commands cannot run at a demo, and why; a page may be missing."""

PROGRAMS = ("sh", "python")
READ = ("http", "json", "text", "toml", "transcript", "yaml", "")
COMMAND = re.compile(
    r"^(?:\.venv/bin/|\$ )?(?:ordo|curl|make|docker|pip|python) ", re.M
)
INDEX = "docs/how-to/index.md"
TYPED = "what-is-typed\n" * 4
BLOCKS = [block for document in documents() for block in fenced(document)]
AT_THE_DEMO = sorted(
    {
        block.document
        for block in BLOCKS
        if block.language == "sh"
        and not block.reason
        and block.document not in RUN_BY | ELSEWHERE
    }
)


def of(language: str) -> list[Block]:
    return [one for one in BLOCKS if one.language == language and not one.reason]


def shell(script: str, directory: Path, environ: dict[str, str]) -> str:
    """What *script* prints; any command that fails, `curl` on an error too, fails."""
    tools = directory / "tools"
    tools.mkdir(exist_ok=True)
    curl = tools / "curl"
    curl.write_text('#!/bin/sh\nexec /usr/bin/curl --silent --fail-with-body "$@"\n')
    curl.chmod(0o755)
    path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    file = directory / "script.sh"
    file.write_text(script)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", str(file)],
        input=TYPED,
        cwd=directory,
        env={**os.environ, **environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("reader"))
    with ended(running.process):
        yield running


def test_every_block_is_of_a_language_that_a_test_knows():
    odd = [(one.document, one.language) for one in BLOCKS if not one.reason]
    assert [pair for pair in odd if pair[1] not in PROGRAMS + READ] == []


def test_a_block_of_no_language_holds_no_commands():
    plain = [one for one in of("") if COMMAND.search(one.text)]
    assert [(one.document, one.text) for one in plain] == []


def test_no_block_hides_from_the_tests_by_its_indentation():
    for document in documents():
        text = (ROOT / document).read_text("utf-8")
        fences = len(re.findall(r"^ *```", text, re.MULTILINE))
        assert fences == 2 * len(list(fenced(document))), document
        outside = "".join(re.split(r"^ *```.*?^ *```$", text, flags=re.M | re.S))
        code = r"\n\n    (?:make|ordo|curl|\.venv|python|pip) .*"
        assert re.findall(code, outside) == [], document


def test_the_blocks_that_are_not_run_are_counted():
    assert dict(Counter(one.document for one in BLOCKS if one.reason)) == NOT_RUN


def test_every_python_program_has_a_test_that_runs_it():
    assert {one.document for one in of("python")} <= RUN_BY.keys()


@pytest.mark.parametrize("document", RUN_BY)
def test_who_is_said_to_run_a_document_names_it(document):
    assert f'"{document}"' in (ROOT / RUN_BY[document]).read_text("utf-8")


@pytest.mark.parametrize("document", AT_THE_DEMO)
def test_the_commands_of_a_page_run_at_the_demo(demo, document):
    parts = blocks(document, "sh")
    if document != INDEX:
        parts = blocks(INDEX, "sh") + parts
    script = "\n".join(parts).replace(PORT_IN_DOCS, demo.address)
    shell(script, demo.directory, demo.environ)


def test_the_commands_about_secrets_run_without_a_gateway(tmp_path):
    script = "\n".join(blocks("docs/secrets.md", "sh"))
    said = shell(script, tmp_path, {"PYTHONPATH": str(ROOT)})
    assert re.search(r"^stored hdfc_password$", said, re.MULTILINE)
    assert re.search(r"^hdfc_password  set \d{4}-", said, re.MULTILINE)
    assert "what-is-typed" not in said


@pytest.mark.parametrize("block", of("json"), ids=lambda block: block.document)
def test_what_is_shown_as_json_is_json(block):
    if not block.text.startswith("{"):  # a part of an object
        assert json.loads(f"{{{block.text}}}")
    elif "}\n{" in block.text:  # an object a line, as in a log
        assert all(json.loads(line) for line in block.text.splitlines())
    else:
        assert json.loads(block.text)


@pytest.mark.parametrize("block", of("yaml"), ids=lambda block: block.document)
def test_what_is_shown_as_yaml_is_yaml(block):
    assert yaml.safe_load(block.text)


@pytest.mark.parametrize("block", of("http"), ids=lambda block: block.document)
def test_calls_that_are_shown_are_there(block):
    shown = re.findall(r"^([A-Z]+) +(/[^\s?]*)", block.text, re.MULTILINE)
    assert len(shown) == len(block.text.splitlines())
    paths = [(r.method, re.sub(r"{\w+}", "[^/]+", r.path)) for r in ROUTES]
    for method, path in shown:
        assert any(method == m and re.fullmatch(p, path) for m, p in paths), path


@pytest.mark.parametrize("block", of("toml"), ids=lambda block: block.document)
def test_settings_that_are_shown_have_keys_that_there_are(block):
    tables = tomllib.loads(block.text)
    for name, table in tables.pop("brokers", {}).items():
        known = {field.encode_name for field in fields(BrokerKeys)}
        if "adapter" in table:
            own = catalogue.settings_type(table["adapter"])
            known |= {field.encode_name for field in fields(own)}
        assert table.keys() <= known, name
    sections = {field.name: field.type for field in fields(Settings)}
    for name, table in tables.items():
        assert table.keys() <= {field.name for field in fields(sections[name])}, name
