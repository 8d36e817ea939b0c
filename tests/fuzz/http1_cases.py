"""HTTP/1.1 that is none, or means two things, or never ends.

Each case gets a place and a good token, and says what is wrong with what came back.
"""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Callable, Iterator

from tests.fuzz.gateway import ORDER
from tests.fuzz.wire import Cut, Place, answer_of, ask, head, rest

Case = Callable[[Place, bytes], Iterator[str]]
HOST = (b"Host", b"ordo")
HEALTH = head(b"GET", b"/health", [HOST])


def refused(*heads: bytes) -> Case:
    """Each of these is a 400, and the connection is closed."""

    def case(place: Place, token: bytes) -> Iterator[str]:
        for raw in heads:
            with place.open() as sock:
                try:
                    answer = ask(sock, raw)
                except Cut as cut:
                    yield f"{raw[:60]!r}: no answer: {cut}"
                    continue
                if answer.status != 400:
                    yield f"{raw[:120]!r}: {answer.status}"
                elif json.loads(answer.body)["error_code"] != "bad_request":
                    yield f"{raw[:60]!r}: {answer.body!r}"
                elif answer.one("x-request-id") is None:
                    yield f"{raw[:60]!r}: no X-Request-ID"
                yield from (f"{raw[:60]!r}: {words}" for words in goes_on(sock))

    return case


def goes_on(sock: socket.socket) -> Iterator[str]:
    """How a connection goes on that should be closed."""
    try:
        more, _ = rest(sock, 2)
    except TimeoutError:
        yield "the connection stays open"
    else:
        if more:
            yield f"then {more[:60]!r}"


def ends_in(status: int, *heads: bytes) -> Case:
    """Each of these is answered so."""

    def case(place: Place, token: bytes) -> Iterator[str]:
        for raw in heads:
            with place.open() as sock:
                answer = ask(sock, raw.replace(b"TOKEN", token))
                if answer.status != status:
                    yield f"{raw[:60]!r}: wanted {status}, found {answer.status}"

    return case


def get(*lines: bytes) -> bytes:
    return b"\r\n".join([b"GET /health HTTP/1.1", *lines, b"", b""])


def post(*lines: bytes, body: bytes = b"") -> bytes:
    more = [b"POST /api/v1/orders HTTP/1.1", b"Host: ordo", *lines, b"", b""]
    return b"\r\n".join(more) + body


def hidden_order(place: Place, token: bytes) -> Iterator[str]:
    """Where the end of a body can be seen in two places, nothing behind it is run."""
    inner = json.dumps(
        {"brokers": ["one"], "orders": [ORDER], "portfolio_id": "hidden"}
    )
    order = post(
        b"Authorization: Bearer " + token,
        b"Content-Length: %d" % len(inner),
        body=inner.encode(),
    )
    for lines in (
        (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
        (b"Content-Length: 5", b"Transfer-Encoding : chunked"),
        (b"Content-Length: 5", b"Transfer-Encoding: xchunked"),
        (b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Transfer-Encoding: x"),
        (b"Content-Length: 5", b"Content-Length: 0"),
        (b"Content-Length: 5, 0",),
        (b"Transfer-Encoding: chunked, identity",),
        (b"Transfer-Encoding: identity, chunked", b"Content-Length: 5"),
    ):
        with place.open() as sock:
            answer = ask(sock, post(*lines, body=b"0\r\n\r\n" + order))
            if answer.status != 400:
                yield f"{lines}: {answer.status}"
            yield from (f"{lines}: {words}" for words in goes_on(sock))
    listed = head(
        b"GET",
        b"/api/v1/orders?portfolio_id=hidden",
        [HOST, (b"Authorization", b"Bearer " + token)],
    )
    with place.open() as sock:
        if json.loads(ask(sock, listed).body)["data"]["orders"]:
            yield "an order went through that was hidden in a body"


def big_head(place: Place, token: bytes) -> Iterator[str]:
    """Ten megabytes of head are not waited for."""
    for raw in (
        b"GET /health HTTP/1.1\r\nHost: ordo\r\nX: " + b"x" * 10_000_000,
        b"GET /" + b"x" * 10_000_000,
        b"GET /health HTTP/1.1\r\nHost: ordo\r\n" + b"X: y\r\n" * 1_000_000,
        b"POST /api/v1/orders HTTP/1.1\r\nHost: ordo\r\nTransfer-Encoding: chunked\r\n"
        b"\r\n0\r\n" + b"X: y\r\n" * 1_000_000,
    ):
        with place.open() as sock:
            sock.settimeout(10)
            try:
                status = ask(sock, raw).status
            except Cut:  # closed while we still sent: the answer may be lost on the way
                continue
            if status not in (400, 401):
                yield f"{raw[:40]!r}: {status}"


def big_body(place: Place, token: bytes) -> Iterator[str]:
    """Ten megabytes are a 413 and the connection goes on; far more is cut off."""
    bearer = b"Authorization: Bearer " + token
    body = b"x" * 10_000_000
    chunked = b"".join(b"2710\r\n" + b"x" * 10_000 + b"\r\n" for _ in range(1000))
    length = b"Content-Length: 10000000"
    for raw, status in (
        (post(bearer, length, body=body), 413),
        (post(length, body=body), 401),
        (post(bearer, b"Transfer-Encoding: chunked", body=chunked + b"0\r\n\r\n"), 413),
    ):
        with place.open() as sock:
            found = ask(sock, raw).status, ask(sock, HEALTH).status
            if found != (status, 200):
                yield f"{raw[:200]!r}: {found}"
    huge = post(bearer, b"Content-Length: 9999999999", body=b"x" * 40_000_000)
    with place.open() as sock:
        try:
            if ask(sock, huge).status != 413:
                yield "a body without end was not told so"
        except Cut:
            pass


def pipelined(place: Place, token: bytes) -> Iterator[str]:
    """Requests on each other's heels are answered one by one, in their order."""
    count = 200
    raw = b"".join(
        head(b"GET", b"/health", [HOST, (b"X-Request-ID", b"id-%d" % number)])
        for number in range(count)
    )
    with place.open() as sock:
        sock.sendall(raw + get(b"Host: ordo", b"Connection: close"))
        found = re.findall(rb"\r\nx-request-id: id-(\d+)\r\n", rest(sock)[0])
    if found != [b"%d" % number for number in range(count)]:
        yield f"found {found[:5]}"


def gone_in_the_middle(place: Place, token: bytes) -> Iterator[str]:
    """Clients that break off: at the head, in a body, at the answer."""
    bearer = (b"Authorization", b"Bearer " + token)
    whole = head(b"GET", b"/openapi.json", [HOST, bearer])
    cut = post(b"Authorization: Bearer " + token, b"Content-Length: 500", body=b"{")
    for raw in (b"GET /hea", whole, cut, post(b"Transfer-Encoding: chunked"), b""):
        for abrupt in (False, True):
            for _ in range(10):
                with place.open() as sock:
                    sock.sendall(raw)
                    if abrupt:
                        linger = struct.pack("ii", 1, 0)
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    yield from ()


def half_closed(place: Place, token: bytes) -> Iterator[str]:
    """A client that says it has said all still gets its answer, and then the end."""
    body = json.dumps({"brokers": ["one"], "orders": [ORDER]}).encode()
    order = post(
        b"Authorization: Bearer " + token, b"Content-Length: %d" % len(body), body=body
    )
    if place.ca is not None:
        return  # TLS has no half of an end
    with place.open() as sock:
        sock.sendall(order)
        sock.shutdown(socket.SHUT_WR)
        if answer_of(sock).status != 200:
            yield "the order was not answered"
        if rest(sock)[1] > 1:
            yield "the connection stayed"


def the_other_protocol(place: Place, token: bytes) -> Iterator[str]:
    """TLS where none is spoken, and none where TLS is."""
    hello = bytes.fromhex("16030100c2010000be0303") + b"\x5a" * 200
    for raw in (hello, b"\x00" * 500, b"\xff" * 500, HEALTH):
        if place.ca is None and raw is HEALTH:
            continue
        with place.tcp() as sock:
            sock.sendall(raw + b"\r\n\r\n")
            data, _ = rest(sock)
            if place.ca is None and not data.startswith(b"HTTP/1.1 400 "):
                yield f"{raw[:8]!r}: {data[:60]!r}"
            if place.ca is not None and data.startswith(b"HTTP"):
                yield f"{raw[:8]!r}: {data[:60]!r}"


def no_upgrade(place: Place, token: bytes) -> Iterator[str]:
    """Nothing behind an upgrade that a proxy in front would not see."""
    for lines in (
        (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: A"),
        (b"Connection: Upgrade", b"Upgrade: h2c"),
        (b"Upgrade: h2c",),
        (b"Connection: Upgrade", b"Upgrade: TLS/1.2"),
    ):
        with place.open() as sock:
            status = ask(sock, get(b"Host: ordo", *lines)).status
            if status != 200:
                yield f"{lines}: {status}"
    key = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    for path in (b"/health", b"/api/v1/console", b"/api/v1/orders", b"/"):
        for version, more in ((b"13", (key,)), (b"13", ()), (b"x", (key,))):
            lines = (
                b"GET %s HTTP/1.1" % path,
                b"Host: ordo",
                b"Connection: Upgrade",
                b"Upgrade: websocket",
                b"Sec-WebSocket-Version: " + version,
                *more,
                *(b"", b""),
            )
            with place.open() as sock:
                status = ask(sock, b"\r\n".join(lines)).status
                if not 400 <= status < 500:
                    yield f"{path!r} as a web socket: {status}"


CASES: dict[str, Case] = {
    "no request at all": refused(
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /health\r\n\r\n",
        b"GET /health HTTP/9.9\r\nHost: ordo\r\n\r\n",
        b"GET  /health HTTP/1.1\r\nHost: ordo\r\n\r\n",
        b"GET /he alth HTTP/1.1\r\nHost: ordo\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: ordo\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: ordo\r\n\r\n",
        b"G\x00T /health HTTP/1.1\r\nHost: ordo\r\n\r\n",
        b"\x16\x03\x01\x00\x00\r\n\r\n",
    ),
    "hosts": refused(get(), get(b"Host: a", b"Host: b"), get(b"Host: a", b"Host: a")),
    "headers that are none": refused(
        get(b"Host: ordo", b"no colon"),
        get(b"Host: ordo", b"X : y"),
        get(b"Host: ordo", b": y"),
        get(b"Host: ordo", b"X: a\x00b"),
        get(b"Host: ordo", b"X\xff: y"),
        get(b"Host: ordo", b"X(): y"),
        get(b" Host: ordo"),
        get(b"Host: ordo", b"X: a\rb"),
    ),
    "lengths": refused(
        *(
            post(b"Content-Length: " + length)
            for length in (b"-1", b"+5", b"0x5", b"1e3", b"5;", b"five", b"9" * 30, b"")
        ),
        post(b"Content-Length: 5", b"Content-Length: 6", body=b"aaaaaa"),
        post(b"Content-Length: 5, 6", body=b"aaaaaa"),
        post(b"Content-Length : 5", body=b"aaaaa"),
    ),
    "codings": refused(
        *(
            post(b"Transfer-Encoding: " + coding, body=b"0\r\n\r\n")
            for coding in (b"gzip", b"gzip, chunked", b"chunked, gzip", b"xchunked")
        ),
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        post(b"Transfer-Encoding: chunked", b"Content-Length: 0", body=b"0\r\n\r\n"),
    ),
    "chunks": refused(
        *(
            post(b"Transfer-Encoding: chunked", body=body)
            for body in (
                b"ZZ\r\nabc\r\n0\r\n\r\n",
                b"-1\r\nabc\r\n0\r\n\r\n",
                b"+3\r\nabc\r\n0\r\n\r\n",
                b"0x3\r\nabc\r\n0\r\n\r\n",
                b"F" * 40 + b"\r\nabc",
                b"3\r\nabcde\r\n0\r\n\r\n",
                b"\r\n\r\n",
                b"3;" + b"x" * 200_000 + b"\r\nabc\r\n0\r\n\r\n",
                b"0\r\nX : y\r\n\r\n",
            )
        ),
    ),
    "other forms of a target": ends_in(
        404,
        get(b"Host: ordo").replace(b"/health", b"http://evil.example/health"),
        get(b"Host: ordo").replace(b"/health", b"http://[::1/health"),
        get(b"Host: ordo").replace(b"GET /health", b"OPTIONS *"),
        get(b"Host: ordo").replace(b"GET /health", b"CONNECT ordo:443"),
        get(b"Host: ordo").replace(b"/health", b"//health"),
        get(b"Host: ordo").replace(b"/health", b"/./health"),
        get(b"Host: ordo").replace(b"/health", b"/api/../health"),
        get(b"Host: ordo").replace(b"/health", b"\\health"),
    ),
    "names of hosts": ends_in(
        200,
        *(
            get(b"Host: " + name)
            for name in (b"", b"evil.example", b"ordo:1", b"a@b", b"[::1", b"x" * 9000)
        ),
    ),
    "a head in bare line feeds": ends_in(200, b"GET /health HTTP/1.1\nHost: ordo\n\n"),
    "the old version": ends_in(200, b"GET /health HTTP/1.0\r\n\r\n"),
    "a token twice": ends_in(
        401,
        post(b"Authorization: Bearer TOKEN", b"Authorization: Bearer TOKEN"),
        post(b"Authorization: Bearer TOKEN,"),
    ),
    "an order hidden in a body": hidden_order,
    "a head of ten megabytes": big_head,
    "a body of ten megabytes": big_body,
    "two hundred at once": pipelined,
    "gone in the middle": gone_in_the_middle,
    "half closed": half_closed,
    "the other protocol": the_other_protocol,
    "upgrades": no_upgrade,
}
