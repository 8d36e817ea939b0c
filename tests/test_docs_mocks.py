"""The mocks' page, word for word: its settings served, its program run against them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.documents import blocks
from tests.support.processes import TOKEN, Ordo, ended, free_port
from tests.test_docs import PORT_IN_DOCS

PAGE = "docs/brokers/mocks.md"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Ordo]:
    """An Ordo by the page's settings, in a directory of its own."""
    (settings,) = blocks(PAGE, "toml")
    address = f"127.0.0.1:{free_port()}"
    config = tmp_path / "ordo.toml"
    config.write_text(settings.replace(PORT_IN_DOCS, address))
    running = Ordo(config, ORDO_DATA__DIR=str(tmp_path / "var"))
    with ended(running):
        yield running


def without_ids(text: str) -> str:
    """The lines of the program, the brokers' ids left out."""
    return re.sub(r"acked \S+", "acked", text)


def test_the_pages_program_prints_what_the_page_says(served, tmp_path):
    (program,) = blocks(PAGE, "python")
    (expected,) = blocks(PAGE, "text")
    done = subprocess.run(
        [sys.executable, "-"],
        input=program.replace(f"https://{PORT_IN_DOCS}", served.url),
        cwd=tmp_path,
        env={**os.environ, "ORDO_AUTH__TOKEN": TOKEN},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert without_ids(done.stdout) == without_ids(expected)
    indian, american = re.findall(r"acked (\S+)", done.stdout)
    assert re.fullmatch(r"\d{6}000000001", indian)
    assert american in expected  # the same on every day
