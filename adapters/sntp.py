"""What a time server says our clock is off by: SNTP over UDP, one question.

Source: RFC 5905 section 7.3 for the packet, RFC 4330 section 5 for what a client of one
question checks. A nonce stands where our time would: nobody learns our clock from it,
and an answer to another question does not pass.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import trio

from adapters.errors import ConfigError

PORT = 123
PACKET = struct.Struct("!BBBb11I")
"""Flags, stratum, poll, precision; delay, dispersion, id; four times of two words."""
QUESTION = 4 << 3 | 3
"""Version 4, mode client."""
SERVER, UNSYNCHRONISED, MOST_STRATA = 4, 3, 15
TO_1970 = 2_208_988_800
"""Seconds from 1900, which NTP counts from."""
ERA = 2**32
"""Seconds until NTP's count begins anew, in 2036."""


class NoTime(Exception):
    """The server was not reached, or what it says is no time to go by."""


class Reading(NamedTuple):
    """How far the server's clock is ahead of ours, in seconds; *doubt*: give or take.

    The way there and back may differ in length, by `doubt` at the most.
    """

    ahead: float
    doubt: float


def server_of(text: str) -> tuple[str, int]:
    """`HOST`, `HOST:PORT` or `[V6]:PORT` as host and port, 123 by default.

    Raises:
        ConfigError: it is none of them.
    """
    host, _, port = text.rpartition(":") if ":" in text else (text, "", str(PORT))
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not host or (":" in host) != bracketed or not port.isdecimal():
        raise ConfigError(f"wanted HOST or HOST:PORT, found {text[:60]!r}")
    if not 0 < int(port) <= 65535:
        raise ConfigError(f"wanted a port up to 65535, found {port[:20]}")
    return host, int(port)


async def ask(server: tuple[str, int], wall: Callable[[], datetime]) -> Reading:
    """Ask once; has no time-out but the caller's.

    Args:
        wall: our clock, aware UTC.

    Raises:
        NoTime: what went wrong.
    """
    try:
        found = await trio.socket.getaddrinfo(*server, type=trio.socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        with trio.socket.socket(family, kind, protocol) as socket:
            await socket.connect(address)  # only its answers come back then
            nonce = secrets.randbits(64)
            words = (0,) * 9 + divmod(nonce, ERA)
            left = wall().timestamp()
            await socket.send(PACKET.pack(QUESTION, 0, 0, 0, *words))
            answer = await socket.recv(512)
            return reading(answer, nonce, left, wall().timestamp())
    except OSError as error:
        raise NoTime(f"not reached: {error.strerror or error}") from error


def reading(answer: bytes, nonce: int, left: float, came: float) -> Reading:
    """What an *answer* says.

    Args:
        nonce: of the question.
        left, came: by our clock, seconds since 1970.

    Raises:
        NoTime: it is no answer to that question, or the server has no time itself.
    """
    if len(answer) < PACKET.size:
        raise NoTime(f"wanted {PACKET.size} bytes, found {len(answer)}")
    flags, stratum, _, _, *words = PACKET.unpack_from(answer)
    if flags & 7 != SERVER or words[5] * ERA + words[6] != nonce:
        raise NoTime("what came is no answer to what was asked")
    if stratum == 0:
        raise NoTime("it wants to be left alone")
    if flags >> 6 == UNSYNCHRONISED or stratum > MOST_STRATA:
        raise NoTime("its own clock is not set")
    took, gave = _seconds(*words[7:9]), _seconds(*words[9:11])
    ahead = ((took - left) + (gave - came)) / 2
    return Reading(ahead, max(0.0, (came - left) - (gave - took)) / 2)


def _seconds(whole: int, fraction: int) -> float:
    """Since 1970; what would lie before 1968 is of the count that begins in 2036."""
    era = ERA if whole < ERA // 2 else 0
    return whole + era - TO_1970 + fraction / ERA
