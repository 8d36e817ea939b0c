"""Logs: what a record looks like, what it is about; all of it is documented."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
from pathlib import Path

import pytest
import trio

from actors.mailbox import Mailbox
from adapters import OrderStatus, correlation
from ordo import logs
from ordo.config import Log
from ordo.log_thread import Behind
from ordo.progress import CLEAR
from tests.support.log_calls import log_calls

PAGE = (Path(__file__).parents[2] / "docs" / "logging.md").read_text()
YELLOW = "\x1b[33m"
log = logging.getLogger("ordo.test")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def loggers_as_before():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def told(stream, text="hello", *, settings=None, **extra):
    """What *stream* holds once *text* was logged, as a warning."""
    with logs.kept(settings or Log(), stream):
        log.warning(text, extra={"event": "test.told", **extra})
    return stream.getvalue()


def test_a_record_is_one_object_with_its_event_and_its_ids_first():
    with correlation.about({"request_id": "r1", "broker": "one"}):
        row = json.loads(told(io.StringIO(), order_id="o1", attempt=2, status=None))
    row.pop("at")
    assert list(row.items()) == [
        ("level", "WARNING"),
        ("logger", "ordo.test"),
        ("event", "test.told"),
        ("message", "hello"),
        ("request_id", "r1"),
        ("order_id", "o1"),
        ("broker", "one"),
        ("attempt", 2),
    ]


def test_a_librarys_record_is_named_by_its_logger():
    stream = io.StringIO()
    with logs.kept(Log(), stream):
        logging.getLogger("some.library").warning("well\nwell")
    row = json.loads(stream.getvalue())
    assert (row["event"], row["message"]) == ("some.library", "well\nwell")


def test_below_the_level_nothing_is_told():
    assert told(io.StringIO(), settings=Log(level="ERROR")) == ""


@pytest.mark.parametrize(
    ("wanted", "stream", "is_json"),
    [
        ("auto", io.StringIO, True),
        ("auto", Terminal, False),
        ("json", Terminal, True),
        ("console", io.StringIO, False),
    ],
)
def test_lines_are_for_people_on_a_terminal_alone(wanted, stream, is_json):
    line = told(stream(), settings=Log(format=wanted)).removeprefix(CLEAR)
    assert line.startswith("{") is is_json


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert f"{YELLOW}WARNING" in told(Terminal())
    assert YELLOW not in told(io.StringIO(), settings=Log(format="console"))
    monkeypatch.setenv("NO_COLOR", "1")
    assert YELLOW not in told(Terminal())


async def test_a_mailbox_takes_the_ids_of_the_asker_along(autojump_clock):
    mailbox, seen = Mailbox("one", 1), []

    async def actor():
        request = await mailbox.receive()
        seen.append(dict(correlation.ids()))
        with request:
            seen.append(dict(correlation.ids()))
            request.reply(None)
        seen.append(dict(correlation.ids()))

    async with trio.open_nursery() as tree:
        with correlation.about({"broker": "one"}):
            tree.start_soon(actor)
        with correlation.about({"request_id": "r1"}):
            await mailbox.ask("anything")
    assert seen == [
        {"broker": "one"},
        {"broker": "one", "request_id": "r1"},
        {"broker": "one"},
    ]


# The thread that writes ---------------------------------------------------------------


class Stalled(io.StringIO):
    """A pipe whose reader does nothing until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        self.go_on.wait(10)
        return super().write(text)


def test_a_reader_that_stalls_holds_nobody_up_and_what_is_lost_is_counted():
    stream = Stalled()
    handler = Behind(stream, room=3)
    handler.setFormatter(logs.JsonLines())

    def tell(words: str) -> None:
        handler.handle(logging.LogRecord("x", logging.INFO, "", 0, words, (), None))

    tell("first")
    assert stream.reached.wait(10)
    for number in range(5):  # returns at once, or this test would not end
        tell(f"{number}")
    stream.go_on.set()
    handler.flush()
    tell("last")
    handler.close()
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [row["message"] for row in rows] == [
        *("first", "0", "1", "2"),
        "2 log records were lost: nobody took them in time",
        "last",
    ]
    assert rows[4]["event"] == "log.lost"


def test_a_stream_that_is_gone_stops_nothing():
    stream = io.StringIO()
    handler = Behind(stream)
    stream.close()
    handler.handle(logging.LogRecord("x", logging.INFO, "", 0, "words", (), None))
    handler.close()
    assert not handler._thread.is_alive()


# The page -----------------------------------------------------------------------------


def documented(heading):
    """The names in the first column of the table under *heading*."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.M)
    return [name for cell in cells for name in re.findall(r"`([a-z_.]+)`", cell)]


def test_every_call_of_a_log_names_one_event():
    calls = log_calls()
    assert len(calls) > 60
    assert [call.place for call in calls if not call.events] == []


def test_the_page_lists_the_events_that_there_are_in_order():
    named = {event for call in log_calls() for event in call.events}
    named.remove("order.*")
    named |= {f"order.{status}" for status in OrderStatus if status != "placed"}
    assert documented("Events") == sorted(named | {"log.lost"})


def test_the_page_lists_the_fields_that_there_are():
    given = {field for call in log_calls() for field in call.fields}
    always = {"at", "level", "logger", "event", "message", *logs.IDS, "exception"}
    fields = documented("Fields")
    assert len(fields) == len(set(fields))
    assert set(fields) == given | always
