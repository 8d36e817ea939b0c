"""HTTP/2 against its own rules, or by them and to no good end.

Each case gets a place and a good token, and says what is wrong with what came back.
Source of the attacks: as in `ordo/http/protocols.py`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator

from h2.connection import H2Connection

from tests.fuzz.gateway import ORDER
from tests.fuzz.wire import Cut, Place, http2, pseudo, rest

Case = Callable[[Place, bytes], Iterator[str]]

DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, MORE = range(10)
END_STREAM, END_HEADERS, PADDED = 0x1, 0x4, 0x8
MOST_SENT = 50_000_000
"""Bytes of a flood after which a server that takes all of it has failed."""
CALM = struct.pack(">I", 0xB)
"""The code ENHANCE_YOUR_CALM."""


def frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    size = struct.pack(">I", len(body))[1:]
    return size + struct.pack(">BBI", kind, flags, stream) + body


def health(stream: int, *more: tuple[bytes, bytes]) -> bytes:
    """A whole request, in one frame of its own."""
    block = H2Connection().encoder.encode(
        pseudo(b"GET", b"/health", more), huffman=False
    )
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, block)


def cut_off(make: Callable[[int], bytes], *, calm: bool = True) -> Case:
    """A flood is not taken for long. *make* gives its n-th part.

    With *calm* it is told why, where it still listens.
    """

    def case(place: Place, token: bytes) -> Iterator[str]:
        with http2(place) as client:
            sent, number = 0, 0
            try:
                client.flush()
                client.sock.settimeout(5)
                while sent < MOST_SENT:
                    part = b"".join(make(number + step) for step in range(200))
                    number += 200
                    client.sock.sendall(part)
                    sent += len(part)
            except TimeoutError:
                pass  # it does not read any more: as good, if it ends
            except OSError:
                return
            try:
                said, _ = rest(client.sock, 5)
            except TimeoutError:
                yield f"still open after {sent} bytes"
                return
            if sent >= MOST_SENT:
                yield f"took {sent} bytes"
            if calm and CALM not in said:
                yield "was not told why"

    return case


def ended_by(*frames: bytes) -> Case:
    """Each of these ends the connection; what was answered before does no harm."""

    def case(place: Place, token: bytes) -> Iterator[str]:
        for raw in frames:
            with http2(place) as client:
                client.raw(raw)
                try:
                    rest(client.sock, 5)
                except TimeoutError:
                    yield f"{raw[:40]!r}: still open"

    return case


def requests_that_are_none(place: Place, token: bytes) -> Iterator[str]:
    """Refused, by a reset or a 4xx, and never taken for anything."""
    good = pseudo(b"GET", b"/health", ())
    for headers in (
        [pair for pair in good if pair[0] != b":path"],
        [pair for pair in good if pair[0] != b":method"],
        [*good, (b":path", b"/x")],
        [*good, (b"x", b"y"), (b":scheme", b"https")],
        [*good, (b":status", b"200")],
        [*good, (b":odd", b"x")],
        [*good, (b"X-Upper", b"y")],
        [*good, (b"connection", b"close")],
        [*good, (b"transfer-encoding", b"chunked")],
        [*good, (b"te", b"gzip")],
        [*good, (b"", b"y")],
        [*good, (b"x", b"a\x00b")],
        [*good, (b"x", b"a\r\nb")],
        [*good, (b"host", b"other")],
        pseudo(b"GET", b"", ()),
        pseudo(b"GET", b"/\xff", ()),
        pseudo(b"GET", b"\x00", ()),
        pseudo(b"G\xffT", b"/health", ()),
        pseudo(b"CONNECT", b"/health", ()),
        [(b":method", b"CONNECT"), (b":authority", b"ordo:443")],
        [*pseudo(b"CONNECT", b"/api/v1/console", ()), (b":protocol", b"websocket")],
        [*pseudo(b"CONNECT", b"/", ()), (b":protocol", b"connect-udp")],
    ):
        with http2(place) as client:
            try:
                answer = client.ask(headers)
            except Cut as cut:
                if "timed out" in str(cut):
                    yield f"{headers}: {cut}"
                continue
            if not 400 <= answer.status < 500:
                yield f"{headers}: {answer.status}"


def lies_about_lengths(place: Place, token: bytes) -> Iterator[str]:
    """A body that is not as long as was said places nothing."""
    body = json.dumps({"brokers": ["one"], "orders": [ORDER]}).encode()
    bearer = (b"authorization", b"Bearer " + token)
    for length in (b"1", b"%d" % (len(body) + 1), b"-1", b"x"):
        with http2(place) as client:
            headers = pseudo(b"POST", b"/api/v1/orders", [bearer])
            try:
                answer = client.ask([*headers, (b"content-length", length)], body)
            except Cut as cut:
                if "timed out" in str(cut):
                    yield f"content-length {length!r}: {cut}"
                continue
            if answer.status < 400:
                yield f"content-length {length!r}: {answer.status}"


def big_body(place: Place, token: bytes) -> Iterator[str]:
    """Ten megabytes are told so, and the connection goes on."""
    bearer = (b"authorization", b"Bearer " + token)
    for more, wanted in (([bearer], 413), ([], 401)):
        with http2(place) as client:
            headers = pseudo(b"POST", b"/api/v1/orders", more)
            found = client.ask(headers, b"x" * 10_000_000).status
            after = client.ask(pseudo(b"GET", b"/health", ())).status
            if (found, after) != (wanted, 200):
                yield f"{found}, then {after}"


def no_window(place: Place, token: bytes) -> Iterator[str]:
    """Answers that may not be sent count, and hold up nobody."""
    with http2(place) as client:
        client.raw(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))
        numbers = [client.begin(pseudo(b"GET", b"/health", ())) for _ in range(100)]
        try:
            client.begin(pseudo(b"GET", b"/health", ()))
            rest(client.sock, 5)
        except (TimeoutError, Cut):
            yield f"{len(numbers)} streams were not the most"


def many_headers(place: Place, token: bytes) -> Iterator[str]:
    """As many headers as a frame holds are a request like any other, or refused."""
    with http2(place) as client:
        more = [(b"x-%d" % number, b"y" * 20) for number in range(300)]
        try:
            status = client.ask(pseudo(b"GET", b"/health", more)).status
        except Cut:
            return
        if status not in (200, 400):
            yield str(status)


def bomb() -> bytes:
    """One long header put into the table, and then named thousands of times."""
    encoder = H2Connection().encoder
    block = encoder.encode([*pseudo(b"GET", b"/health", ()), (b"x", b"y" * 3900)])
    return frame(HEADERS, END_STREAM | END_HEADERS, 1, block + b"\xbe" * 12_000)


def gone_in_the_middle(place: Place, token: bytes) -> Iterator[str]:
    """Clients that leave with streams open, with and without a word."""
    bearer = (b"authorization", b"Bearer " + token)
    for word in (b"", frame(GOAWAY, 0, 0, bytes(8))):
        for _ in range(10):
            with http2(place) as client:
                for end in (True, False):
                    headers = pseudo(b"POST", b"/api/v1/orders", [bearer])
                    client.begin(headers, end=end)
                client.raw(word)
    yield from ()


def after_goodbye(place: Place, token: bytes) -> Iterator[str]:
    """A client that has said goodbye is let go."""
    with http2(place) as client:
        client.raw(frame(GOAWAY, 0, 0, bytes(8)) + health(1))
        try:
            rest(client.sock, 5)
        except TimeoutError:
            yield "still open"


def reset(number: int) -> bytes:
    stream = 2 * number + 1
    return health(stream) + frame(RESET, 0, stream, struct.pack(">I", 8))


def made_to_reset(number: int) -> bytes:
    """A window of none is an error of its stream, which we reset."""
    stream = 2 * number + 1
    return health(stream) + frame(WINDOW, 0, stream, bytes(4))


def priority(number: int) -> bytes:
    return frame(PRIORITY, 0, 2 * (number % 500) + 1, struct.pack(">IB", 0, 15))


def empty_data(number: int) -> bytes:
    if number:
        return frame(DATA, 0, 1)
    block = H2Connection().encoder.encode(pseudo(b"POST", b"/api/v1/orders", ()))
    return frame(HEADERS, END_HEADERS, 1, block)


def continuation(number: int) -> bytes:
    if number:
        return frame(MORE, 0, 1, b"")
    return frame(HEADERS, END_STREAM, 1, b"\x82")


def long_continuation(number: int) -> bytes:
    if number:
        return frame(MORE, 0, 1, b"\x00\x01x" + b"\x7f\x81\x7f" + b"y" * 16_000)
    return frame(HEADERS, END_STREAM, 1, b"\x82")


CASES: dict[str, Case] = {
    "a flood of pings": cut_off(lambda n: frame(PING, 0, 0, struct.pack(">Q", n))),
    "a flood of settings": cut_off(lambda n: frame(SETTINGS, 0, 0)),
    "a flood of changed settings": cut_off(
        lambda n: frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535 - n % 2))
    ),
    "a flood of priorities": cut_off(priority),
    "a flood of windows": cut_off(lambda n: frame(WINDOW, 0, 0, struct.pack(">I", 1))),
    "a flood of frames nobody knows": cut_off(lambda n: frame(0xFA, 0, 0, b"x")),
    "a flood of empty data": cut_off(empty_data),
    "rapid resets": cut_off(reset),
    "resets that we are made to send": cut_off(made_to_reset, calm=False),
    "heads without end": cut_off(continuation, calm=False),
    "heads without end, long ones": cut_off(long_continuation, calm=False),
    "a bomb of headers": ended_by(bomb()),
    "broken frames": ended_by(
        b"\x00" * 9,
        b"\xff" * 60,
        b"GET /health HTTP/1.1\r\nHost: ordo\r\n\r\n",
        frame(PING, 0, 0, b"short"),
        frame(PING, 0, 1, bytes(8)),
        frame(SETTINGS, 0, 1),
        frame(SETTINGS, 0, 0, b"12345"),
        frame(SETTINGS, 1, 0, bytes(6)),
        frame(SETTINGS, 0, 0, struct.pack(">HI", 2, 7)),
        frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 2**31)),
        frame(SETTINGS, 0, 0, struct.pack(">HI", 5, 1)),
        frame(DATA, 0, 0, b"x"),
        frame(DATA, 0, 1, b"x"),
        frame(DATA, PADDED, 1, b"\xff"),
        frame(DATA, 0, 1, b"x" * 20_000),
        frame(HEADERS, END_HEADERS, 0, b"\x82"),
        frame(HEADERS, END_HEADERS, 2, b"\x82"),
        frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"),
        frame(HEADERS, END_HEADERS, 1, b"\x3f\xff\xff\xff\xff\x0f"),
        frame(HEADERS, END_HEADERS, 1, b"\xfe"),
        frame(HEADERS, 0, 1, b"\x82") + frame(PING, 0, 0, bytes(8)),
        frame(HEADERS, 0, 1, b"\x82") + frame(MORE, 0, 3, b"\x82"),
        frame(MORE, END_HEADERS, 1, b"\x82"),
        frame(PUSH, END_HEADERS, 1, struct.pack(">I", 2) + b"\x82"),
        frame(RESET, 0, 0, bytes(4)),
        frame(RESET, 0, 1, bytes(4)),
        frame(RESET, 0, 1, b"x"),
        frame(WINDOW, 0, 0, bytes(4)),
        frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff"),
        frame(WINDOW, 0, 1, b"\x00\x00\x00\x01"),
        health(3) + health(1),
        b"".join(health(2 * number + 1) for number in range(2000)),
    ),
    "requests that are none": requests_that_are_none,
    "lies about lengths": lies_about_lengths,
    "a body of ten megabytes": big_body,
    "no window to answer in": no_window,
    "three hundred headers": many_headers,
    "gone in the middle": gone_in_the_middle,
    "after a goodbye": after_goodbye,
}
