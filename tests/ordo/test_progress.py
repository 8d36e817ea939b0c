"""Progress: counts, rate and time left on a terminal; nothing in pipes and in CI."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters import AuditEntry, Note
from adapters.stores import DataLock, SqliteStore, load_or_make_key
from ordo.progress import Progress
from tests.support.terminal import Terminal as RealTerminal


class Terminal(io.StringIO):
    """What would be a screen."""

    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that pass when they are told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def drawings(screen):
    """What was drawn, one after the other."""
    return screen.getvalue().split("\r\x1b[K")[1:]


def test_counts_rate_and_time_left_are_drawn_ten_times_a_second_at_most():
    screen, clock = Terminal(), Clock()
    bar = Progress("verify", "records", 2000, stream=screen, environ={}, clock=clock)
    with bar:
        for later, done in ((0.0, 1), (0.0625, 2), (0.125, 10), (10.0, 600)):
            clock.now = 100.0 + later
            bar.at(done)
    assert drawings(screen) == [
        "verify  [--------------------]  0 %  1 of 2,000 records",
        "verify  [--------------------]  0 %  10 of 2,000 records",
        "verify  [######--------------]  30 %  600 of 2,000 records  60/s  0:23 left",
        "",
    ]


def test_of_work_whose_end_nobody_knows_the_count_and_the_rate_are_told():
    screen, clock = Terminal(), Clock()
    bar = Progress("recovery", "orders", stream=screen, environ={}, clock=clock)
    clock.now += 4
    bar.at(2, doing="fyers-main")
    assert drawings(screen) == ["recovery  2 orders  0.50/s  fyers-main"]


@pytest.mark.parametrize(
    ("stream", "environ"), [(io.StringIO(), {}), (Terminal(), {"CI": "true"})]
)
def test_where_nobody_watches_nothing_is_drawn(stream, environ):
    with Progress("verify", "records", 10, stream=stream, environ=environ) as bar:
        assert list(bar.over(range(3))) == [0, 1, 2]
    assert stream.getvalue() == ""


def test_after_its_end_it_is_not_drawn_again():
    screen = Terminal()
    bar = Progress("recovery", "orders", stream=screen, environ={})
    bar.at(1, total=2)
    bar.close()
    bar.at(2)
    assert drawings(screen)[1:] == [""]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings whose data directory has an audit log."""
    data = tmp_path / "var"
    data.mkdir()
    with DataLock(data):
        store = SqliteStore.open(
            data / "ordo.db",
            wall=lambda: datetime(2026, 11, 21, 12, tzinfo=UTC),
            boot="b1",
            audit_key=load_or_make_key(data / "audit.key"),
            audit_dir=data / "audit",
            reserve_bytes=4096,
        )
        store.commit([Note(audit=(AuditEntry(actor="a", action="test.noted"),))])
        store.close()
    file = tmp_path / "ordo.toml"
    file.write_text(f'[data]\ndir = "{data}"\n')
    return file


def test_a_real_verify_draws_on_a_terminal_alone(config):
    words = ("--config", str(config), "audit", "verify")
    with RealTerminal(*words, environ={"CI": ""}) as terminal:
        terminal.wait_for(r"audit verify  \[#+-*\] +\d+ %  1 of \d records")
        terminal.wait_for("records in 1 files are whole")
        assert terminal.ended() == 0
    with RealTerminal(*words, environ={"CI": "1"}) as terminal:
        assert terminal.ended() == 0
    assert re.match(r"\d records in 1 files are whole\nhead \d ", terminal.shown)
