"""Telemetry: off by default, anonymous, once a day, and nobody's trouble."""

from __future__ import annotations

import functools
import json
import random
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import trio
from click.testing import CliRunner

from actors.telemetry import Telemetry
from adapters import NotSent
from ordo.cli import main
from ordo.config import Settings, load
from ordo.telemetry import (
    LastTold,
    Sender,
    counts,
    magnitude,
    sender_of,
    telemetry_of,
)
from ordo.version import __version__
from tests.support.gateway import a_batch, make_paper, make_system, place, running, wall

NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)


def settings(text):
    Path("ordo.toml").write_text(text)
    return load("ordo.toml", {})


@pytest.fixture(autouse=True)
def an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()


def test_by_default_and_by_halves_nobody_sends():
    assert sender_of(Settings()) is None
    assert sender_of(settings("[telemetry]\nenabled = true")) is None
    url = 'url = "https://example.org/"'
    assert sender_of(settings(f"[telemetry]\n{url}")) is None


async def test_switched_on_and_with_an_address_somebody_does():
    table = '[telemetry]\nenabled = true\nurl = "https://example.org/"'
    sender = sender_of(settings(table))
    assert sender is not None
    await sender.aclose()


def test_counts_hold_what_is_documented_and_nothing_that_tells_who():
    brokers = {"my-fyers": "fyers", "p1": "paper", "p2": "paper"}
    sent = {"my-fyers": [NOW] * 30, "p1": [NOW] * 7, "p2": []}
    content = counts("postgresql://me@host/db", brokers, NOW, lambda b, s: sent[b])
    assert json.loads(content) == {
        "ordo": __version__,
        "python": "3." + json.loads(content)["python"].split(".")[1],
        "store": "postgresql",
        "brokers": {"fyers": 1, "paper": 2},
        "orders": "10-99",
    }


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (1, "1-9"), (9, "1-9"), (10, "10-99"), (1000, "1000-9999")],
)
def test_a_magnitude_is_a_power_of_ten(number, words):
    assert magnitude(number) == words


def test_show_prints_the_very_bytes_and_where_they_go():
    table = '[brokers.one]\nadapter = "fyers"\nsecret = "env:NOT_THERE"\n'
    Path("ordo.toml").write_text(table)
    shown = CliRunner().invoke(main, ["telemetry", "show"])
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout_bytes == counts(
        "sqlite", {"one": "fyers"}, NOW, lambda broker, since: ()
    )
    assert shown.stderr.startswith("not sent, since ")
    settings('[telemetry]\nenabled = true\nurl = "https://example.org/?t=secret"\n')
    shown = CliRunner().invoke(main, ["telemetry", "show"])
    assert shown.stderr == "sent once a day to https://example.org/:\n"


def test_an_address_in_the_clear_is_refused():
    shown = CliRunner().invoke(
        main, ["config", "check"], env={"ORDO_TELEMETRY__URL": "http://example.org/"}
    )
    assert shown.exit_code == 1
    assert shown.stderr == (
        "ordo: telemetry.url: wanted an https:// address (http:// on loopback only),"
        " found another\n"
    )


# The actor ----------------------------------------------------------------------------


class Memory:
    """When it was told last, in memory."""

    def __init__(self, day=None):
        self._day = day

    def day(self):
        return self._day

    def keep(self, day):
        self._day = day


def teller(*, last=None, fails=0):
    """A telemetry actor, and the moments at which it sent."""
    sent = []

    async def make():
        return b"{}"

    async def send(content):
        sent.append(trio.current_time())
        if len(sent) <= fails:
            raise NotSent("no way")

    memory = Memory(last)
    return Telemetry(make, send, memory, wall, random.Random(1)), sent


async def test_it_is_told_within_an_hour_and_then_once_a_day(autojump_clock):
    telemetry, sent = teller()
    with trio.move_on_after(2 * 86_400):
        await telemetry.run()
    assert len(sent) == 3  # of three dates: the first began before this did
    assert 60 <= sent[0] <= 3600
    assert (telemetry.told, telemetry.failures) == (3, 0)


async def test_a_restart_on_the_same_day_tells_nothing(autojump_clock):
    telemetry, sent = teller(last=wall().date())
    with trio.move_on_after(4000):
        await telemetry.run()
    assert sent == []


async def test_a_failure_is_counted_and_waits_for_the_next_day(autojump_clock, caplog):
    telemetry, sent = teller(fails=1)
    with trio.move_on_after(7200):
        await telemetry.run()
    assert (len(sent), telemetry.told, telemetry.failures) == (1, 0, 1)
    assert caplog.text == ""  # DEBUG is all that is said of it


async def test_a_server_that_does_not_answer_is_given_up(autojump_clock):
    async def make():
        return b"{}"

    async def send(content):
        await trio.sleep_forever()

    telemetry = Telemetry(make, send, Memory(), wall, random.Random(1))
    with trio.move_on_after(7200):
        await telemetry.run()
    assert (telemetry.told, telemetry.failures) == (0, 1)


def test_the_day_is_kept_over_restarts(tmp_path):
    assert LastTold(tmp_path).day() is None
    LastTold(tmp_path).keep(NOW.date())
    assert LastTold(tmp_path).day() == NOW.date()
    (tmp_path / "telemetry.sent").write_text("yesterday")
    assert LastTold(tmp_path).day() is None


@pytest.mark.parametrize(("enabled", "calls"), [(False, 0), (True, 1)])
async def test_off_no_connection_is_made_by_a_whole_ordo(
    autojump_clock, monkeypatch, enabled, calls
):
    called = []

    async def refuse(host, port):
        called.append(host)
        raise ConnectionRefusedError

    monkeypatch.setattr(trio, "open_tcp_stream", refuse)
    told = msgspec.structs.replace(
        Settings().telemetry, enabled=enabled, url="https://example.org/"
    )
    system = make_system({"one": make_paper()})
    settings = msgspec.structs.replace(system.settings, telemetry=told)
    system.telemetry = telemetry_of(
        settings, system.records, sender_of(settings), system.clockwork
    )
    async with running(system):
        await place(system, a_batch("one"))
        await trio.sleep(7200)
    assert called == ["example.org"] * calls


# The wire -----------------------------------------------------------------------------


async def test_a_real_receiver_gets_the_bytes_and_its_no_is_a_failure():
    got = []

    async def receive(stream):
        async with stream:
            request = b""
            while not request.endswith(b"}"):
                request += await stream.receive_some(4096)
            got.append(request)
            status = b"204 No Content" if len(got) == 1 else b"500 Oops"
            await stream.send_all(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status)

    async with trio.open_nursery() as nursery:
        serve = functools.partial(trio.serve_tcp, receive, 0, host="127.0.0.1")
        (listener,) = await nursery.start(serve)
        port = listener.socket.getsockname()[1]
        sender = Sender(f"http://127.0.0.1:{port}/counts")
        await sender.send(b'{"ordo":"1"}')
        with pytest.raises(Exception, match="HTTP 500"):
            await sender.send(b"{}")
        await sender.aclose()
        nursery.cancel_scope.cancel()
    head, body = got[0].split(b"\r\n\r\n")
    assert head.startswith(b"POST /counts HTTP/1.1\r\n")
    assert body == b'{"ordo":"1"}'
