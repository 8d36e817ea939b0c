"""SNTP: what a server's clock says of ours, and which answers say nothing."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest
import trio

from adapters import ConfigError
from adapters.sntp import ERA, PACKET, NoTime, ask, reading, server_of
from tests.support.time_server import answered, time_server

NONCE = 0x0123456789ABCDEF
MOMENT = datetime(2026, 11, 21, 5, tzinfo=UTC).timestamp()


def question():
    return PACKET.pack(35, 0, 0, 0, *(0,) * 9, *divmod(NONCE, ERA))


def changed(answer, place, value):
    """The answer with another 32-bit word, by its place."""
    return answer[: 4 * place] + struct.pack("!I", value) + answer[4 * place + 4 :]


def a_wall():
    return datetime.now(UTC)


async def test_a_real_server_tells_how_far_it_is_ahead():
    for ahead in (2.5, -90.0, 0.0):
        with time_server(ahead) as name, trio.fail_after(5):
            told = await ask(server_of(name), a_wall)
        assert abs(told.ahead - ahead) <= told.doubt + 0.001
        assert 0 <= told.doubt < 1


def test_the_way_there_and_back_is_split_and_is_the_doubt():
    answer = answered(question(), MOMENT + 10)
    told = reading(answer, NONCE, MOMENT - 0.3, MOMENT + 0.1)
    assert told.ahead == pytest.approx(10.1)
    assert told.doubt == pytest.approx(0.2)


def test_the_count_that_begins_anew_in_2036_is_read_right():
    later = datetime(2040, 1, 1, tzinfo=UTC).timestamp()
    told = reading(answered(question(), later + 3), NONCE, later, later)
    assert told.ahead == pytest.approx(3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a[:47], "wanted 48 bytes, found 47"),
        (lambda a: b"\x23" + a[1:], "no answer to what was asked"),
        (lambda a: changed(a, 7, 1), "no answer to what was asked"),
        (lambda a: a[:1] + b"\x00" + a[2:], "wants to be left alone"),
        (lambda a: a[:1] + b"\x10" + a[2:], "its own clock is not set"),
        (lambda a: b"\xe4" + a[1:], "its own clock is not set"),
    ],
    ids=["short", "a question", "of another question", "kiss", "stratum", "leap"],
)
def test_what_is_no_time_is_refused(change, words):
    with pytest.raises(NoTime, match=words):
        reading(change(answered(question(), MOMENT)), NONCE, MOMENT, MOMENT)


async def test_a_server_that_is_not_there_is_told_of():
    with time_server() as name:
        pass  # closed again
    with pytest.raises(NoTime, match="not reached: "), trio.fail_after(5):
        await ask(server_of(name), a_wall)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("pool.ntp.org", ("pool.ntp.org", 123)),
        ("127.0.0.1:1123", ("127.0.0.1", 1123)),
        ("[::1]:124", ("::1", 124)),
    ],
)
def test_a_server_is_a_host_and_perhaps_a_port(text, server):
    assert server_of(text) == server


@pytest.mark.parametrize("text", [":123", "host:", "host:0", "host:65536", "::1"])
def test_what_is_no_server_is_refused(text):
    with pytest.raises(ConfigError, match="wanted "):
        server_of(text)
