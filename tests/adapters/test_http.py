"""The door to a broker: what left, what may have arrived, and the last look."""

import contextlib
import datetime
import functools
import gzip
import ipaddress
import socket
import ssl
import struct
import tracemalloc
from decimal import Decimal

import msgspec
import pytest
import trio
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters import lanes
from adapters.errors import ConfigError, NotSent, SentUnknown, Stopped
from adapters.http import BrokerHttp
from adapters.http1 import Http1, request_bytes
from adapters.reply import Reply, decoded, retry_after
from adapters.streams import Way, open_stream
from tests.support.web import broker_web

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
STRAY = b"HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno"
GZIP = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n"
URL = "https://broker.example/api/orders"
SILENCE = None
BODY = b'{"qty":5}'
GET = request_bytes(b"GET", b"/", ((b"Host", b"a"),), b"")


class RESET:
    """Close with an RST in place of an answer."""


class Server:
    """A socket that keeps what it is sent and gives the answers it was told, in turn.

    A request is over with the bytes its Content-Length says. After the last answer it
    answers `OK`; `SILENCE` never answers; a list is sent part by part.
    """

    def __init__(self, *answers):
        self.answers = list(answers)
        self.received = []  # a bytearray per connection
        self.ended = []  # a trio.Event per connection
        self.streams = []
        self.asked = trio.Event()  # the first request is whole
        self.answered = trio.Event()
        self.peers = []
        self.port = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    async def run(self, tls=None, *, task_status):
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]

        async def serve(stream):
            self.peers.append(stream.socket.getpeername()[0])
            if tls is not None:
                stream = trio.SSLStream(
                    stream, tls, server_side=True, https_compatible=True
                )
            await self._connection(stream)

        async with trio.open_nursery() as nursery:
            task_status.started()
            await trio.serve_listeners(serve, listeners, handler_nursery=nursery)

    async def _connection(self, stream):
        received, ended = bytearray(), trio.Event()
        self.streams.append(stream)
        self.received.append(received)
        self.ended.append(ended)
        done = 0
        try:
            while chunk := await stream.receive_some():
                received += chunk
                while (end := _end_of_request(received, done)) is not None:
                    done = end
                    self.asked.set()
                    answer = self.answers.pop(0) if self.answers else OK
                    if answer is SILENCE:
                        continue
                    if answer is RESET:
                        linger = struct.pack("ii", 1, 0)
                        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                        return
                    for part in answer if isinstance(answer, list) else [answer]:
                        await stream.send_all(part)
                    self.answered.set()
                    if b"connection: close" in answer or not answer:
                        return
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            ended.set()
            await trio.aclose_forcefully(stream)


def _end_of_request(received, start):
    head = received.find(b"\r\n\r\n", start)
    if head < 0:
        return None
    lines = bytes(received[start:head]).lower().split(b"\r\n")
    lengths = [line[15:] for line in lines if line.startswith(b"content-length:")]
    end = head + 4 + (int(lengths[0]) if lengths else 0)
    return end if len(received) >= end else None


class Look:
    """A last look that counts, and says no when told so."""

    def __init__(self, no=None):
        self.taken = 0
        self.no = no

    def __call__(self):
        self.taken += 1
        if self.no is not None:
            raise self.no


@pytest.fixture
async def start(nursery):
    async def start(*answers, tls=None):
        server = Server(*answers)
        await nursery.start(server.run, tls)
        return server

    yield start
    nursery.cancel_scope.cancel()


@pytest.fixture
async def door():
    """Make doors, and close them at the end."""
    async with contextlib.AsyncExitStack() as stack:

        def make(server=None, **options):
            if server is not None:
                options.setdefault("base_url", server.url)
            http = BrokerHttp(**options)
            stack.push_async_callback(http.aclose)
            return http

        yield make


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1: the server's side and the client's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(day)
        .not_valid_after(day + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(file)
    return theirs, ssl.create_default_context(cafile=str(file))


async def post(http, look=None, url=URL, **more):
    endpoint = http.endpoint("POST", url)
    return await http.send(endpoint, body=BODY, last_look=look, **more)


async def readable(http):
    """Wait until something came on the one connection that idles."""
    [lane] = http._lanes._idle
    with trio.fail_after(5):
        await trio.lowlevel.wait_readable(lane.http._tcp.socket)


async def ended(server, connection=0):
    with trio.fail_after(5):
        await server.ended[connection].wait()


# What goes out and what comes back


async def test_a_call_sends_exactly_what_it_was_given(start, door):
    server = await start()
    http = door(server)
    reply = await http.send(
        http.endpoint("DELETE", URL),
        headers=((b"Authorization", b"app:token"),),
        query={"symbols": "NSE:M&M-EQ,NSE:SBIN-EQ"},
        body=BODY,
    )
    assert (reply.status, reply.body) == (200, b"ok")
    assert reply.headers["content-length"] == "2"
    assert bytes(server.received[0]) == (
        b"DELETE /api/orders?symbols=NSE%3AM%26M-EQ%2CNSE%3ASBIN-EQ HTTP/1.1\r\n"
        b"Host: 127.0.0.1:" + str(server.port).encode() + b"\r\n"
        b"Accept-Encoding: identity\r\n"
        b"User-Agent: ordo-gateway\r\n"
        b"Authorization: app:token\r\n"
        b'Content-Length: 9\r\n\r\n{"qty":5}'
    )


async def test_a_call_without_a_body_declares_none(start, door):
    server = await start()
    http = door(server)
    await http.send(http.endpoint("GET", URL))
    assert b"content-length" not in bytes(server.received[0]).lower()


async def test_any_status_is_an_answer_and_a_redirect_is_not_followed(start, door):
    moved = b"HTTP/1.1 308 Moved\r\nlocation: /else\r\ncontent-length: 0\r\n\r\n"
    server = await start(moved)
    reply = await post(door(server))
    assert (reply.status, reply.body) == (308, b"")
    assert bytes(server.received[0]).count(b"POST ") == 1


async def test_cookies_are_not_kept(start, door):
    baked = b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
    server = await start(baked)
    http = door(server)
    await post(http)
    await post(http)
    assert b"cookie" not in bytes(server.received[0]).lower()


async def test_a_compressed_answer_is_unpacked_all_the_same(start, door):
    packed = gzip.compress(b'{"s":"ok"}')
    server = await start(GZIP + b"content-length: %d\r\n\r\n" % len(packed) + packed)
    assert (await post(door(server))).body == b'{"s":"ok"}'


async def test_one_call_after_another_uses_one_connection(start, door):
    server = await start()
    http = door(server)
    for _ in range(3):
        await post(http)
    assert len(server.received) == 1


async def test_calls_at_one_time_use_a_connection_each_the_last_one_first(start, door):
    server = await start(SILENCE)
    http = door(server)
    async with trio.open_nursery() as calls:
        calls.start_soon(post, http)
        await server.asked.wait()
        for _ in range(3):
            await post(http)
        calls.cancel_scope.cancel()
    assert [bytes(data).count(b"POST ") for data in server.received] == [1, 3]


async def test_of_idle_connections_the_last_used_goes_first(start, door):
    server = await start()
    http = door(server)
    async with trio.open_nursery() as calls:
        for _ in range(2):
            calls.start_soon(post, http)
    for _ in range(4):
        await post(http)
    assert sorted(bytes(data).count(b"POST ") for data in server.received) == [1, 5]


async def test_a_connection_that_idled_too_long_is_not_used_again(
    start, door, monkeypatch
):
    monkeypatch.setattr(lanes, "KEEPALIVE", 0.05)
    server = await start()
    http = door(server)
    await post(http)
    await trio.sleep(0.1)
    await post(http)
    assert len(server.received) == 2


async def test_proxies_of_the_environment_are_ignored(start, door, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server = await start()
    assert (await post(door(server))).status == 200


async def test_respx_can_stand_in(door):
    http = door()
    with broker_web() as web:
        route = web.post(URL).respond(400, json={"s": "error"})
        reply = await post(http)
    assert (reply.status, reply.body) == (400, b'{"s":"error"}')
    assert route.calls.last.request.content == BODY


async def test_a_header_sent_twice_is_joined_and_names_are_small(start, door):
    twice = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n"
    reply = await post(door(await start(twice)))
    assert reply.headers == {"x-a": "1, 2", "content-length": "0"}


async def test_what_only_says_that_an_answer_will_come_is_passed_over(start, door):
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nx-a: 1\r\n\r\n"
    server = await start(interim + OK, interim)
    http = door(server)
    reply = await post(http)
    assert (reply.status, reply.headers) == (200, {"content-length": "2"})
    assert reply.body == b"ok"
    with trio.move_on_after(0.05) as patience:
        await post(http)
    assert patience.cancelled_caught


async def test_an_answer_of_no_length_ends_with_its_connection(start, door):
    server = await start(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nto the end")
    http = door(server)
    assert (await post(http)).body == b"to the end"
    assert (await post(http)).status == 200
    assert len(server.received) == 2


async def test_an_answer_without_a_body_leaves_the_connection_open(start, door):
    server = await start(b"HTTP/1.1 204 No Content\r\n\r\n")
    http = door(server)
    reply = await post(http)
    assert (reply.status, reply.body) == (204, b"")
    await post(http)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "header",
    [(b"Authorization", b"hunter2\r\nX-B: 1"), (b"X\n", b"hunter2"), (b"X", b"\0")],
)
async def test_a_header_with_a_line_break_is_not_sent(start, door, header):
    server = await start()
    look = Look()
    with pytest.raises(NotSent, match="found a line break") as caught:
        await post(door(server), look, headers=(header,))
    assert "hunter2" not in str(caught.value)
    assert look.taken == 0
    await ended(server)
    assert server.received == [b""]


# Which connection a call takes


async def test_a_second_answer_is_never_taken_for_the_next_ones(start, door):
    server = await start(OK + STRAY)
    http = door(server)
    assert (await post(http)).body == b"ok"
    assert (await post(http)).body == b"ok"
    assert len(server.received) == 2


async def test_what_comes_between_two_calls_ends_the_connection(start, door):
    server = await start()
    http = door(server)
    await post(http)
    await server.streams[0].socket.send(STRAY)
    await readable(http)
    assert (await post(http)).body == b"ok"
    assert len(server.received) == 2


async def test_a_connection_that_was_closed_meanwhile_is_not_used(start, door):
    server = await start()
    http = door(server)
    await post(http, Look())
    await server.streams[0].aclose()
    await readable(http)
    look = Look()
    assert (await post(http, look)).status == 200
    assert (look.taken, len(server.received)) == (1, 2)


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("parts", [1, 2])
async def test_a_second_answer_in_the_same_packet_is_seen(
    start, certificate, secure, parts
):
    theirs, ours = certificate
    both = [OK, STRAY] if parts == 2 else [OK + STRAY]
    server = await start(both, tls=theirs if secure else None)
    way = Way("direct", ours if secure else None)
    stream = await open_stream("127.0.0.1", server.port, way)
    http = Http1(stream)
    await http.send(GET, None)
    await server.answered.wait()  # so that one read takes both
    assert (await http.head()).status == 200
    assert await http.part() == b"ok"
    assert await http.part() == b""
    assert not (http.kept and http.is_quiet())
    http.drop()


async def test_a_call_that_asks_for_it_ends_its_connection(start, door):
    server = await start()
    http = door(server)
    await post(http, headers=((b"Connection", b"close"),))
    await ended(server)
    await post(http)
    assert len(server.received) == 2


async def test_rubbish_behind_a_last_answer_does_not_spoil_it(start, door):
    last = OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    server = await start(last + b"rubbish")
    assert (await post(door(server))).body == b"ok"


async def test_a_call_waits_for_a_connection_that_comes_free(start, door):
    server = await start(SILENCE)
    http = door(server, max_connections=1)
    async with trio.open_nursery() as calls:
        calls.start_soon(post, http)
        await server.asked.wait()
        waiting = trio.CancelScope()

        async def wait():
            with waiting:
                assert (await post(http)).status == 200
                waiting.cancel()

        calls.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        await server.streams[0].socket.send(OK)
    assert waiting.cancel_called
    assert len(server.received) == 1


async def test_a_write_to_a_broken_connection_may_have_arrived(start):
    server = await start()
    http = Http1(await trio.open_tcp_stream("127.0.0.1", server.port))
    look = Look()
    http.drop()
    with pytest.raises(SentUnknown, match="the connection broke"):
        await http.send(GET, look)
    assert (look.taken, http.kept) == (1, False)


async def test_a_full_house_gives_up_the_connection_unused_longest(start, door):
    one, two, three = [await start() for _ in range(3)]
    http = door(max_connections=2)
    for server in (one, two, three):
        await post(http, url=server.url)
    await ended(one)
    for server in (three, two):
        await post(http, url=server.url)
        assert len(server.received) == 1


# The last look


async def test_the_last_look_is_taken_once_for_each_call(start, door):
    server = await start()
    http, look = door(server), Look()
    for n in range(1, 4):
        await post(http, look)
        assert look.taken == n
    assert len(server.received) == 1


async def test_nothing_was_sent_before_the_last_look(start, door):
    server = await start()
    seen = []
    await post(door(server), lambda: seen.append(bytes(b"".join(server.received))))
    assert seen == [b""]


async def test_nobody_runs_between_the_last_look_and_the_write(start, monkeypatch):
    server = await start()
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    http, spins, seen = Http1(stream), [0], []
    send_all = trio.SocketStream.send_all

    async def watched(self, data):
        if self is stream:
            seen.append(spins[0])
        await send_all(self, data)

    async def spin():
        while True:
            spins[0] += 1
            await trio.lowlevel.checkpoint()

    monkeypatch.setattr(trio.SocketStream, "send_all", watched)
    async with trio.open_nursery() as spinning:
        spinning.start_soon(spin)
        while not spins[0]:
            await trio.lowlevel.checkpoint()
        await http.send(GET, lambda: seen.append(spins[0]))
        await http.head()
        spinning.cancel_scope.cancel()
    http.drop()
    assert 0 < seen[0] == seen[1] < spins[0]


async def test_a_last_look_that_says_no_sends_not_one_byte(start, door):
    server = await start()
    no = Stopped("kill_switch_engaged", "halted")
    with pytest.raises(Stopped) as caught:
        await post(door(server), Look(no))
    assert caught.value is no
    await ended(server)
    assert server.received == [b""]


async def test_a_no_on_a_used_connection_closes_it_and_the_next_call_works(start, door):
    server = await start()
    http = door(server)
    await post(http, Look())
    sent = bytes(server.received[0])
    with pytest.raises(Stopped):
        await post(http, Look(Stopped("deadline_exceeded", "late")))
    await ended(server)
    assert server.received == [sent]
    assert (await post(http, Look())).status == 200
    assert len(server.received) == 2


async def test_over_tls_a_no_sends_nothing_either(start, door, certificate):
    theirs, ours = certificate
    server = await start(tls=theirs)
    url = f"https://127.0.0.1:{server.port}/"
    http = door(tls=ours)
    with pytest.raises(Stopped):
        await post(http, Look(Stopped("kill_switch_engaged", "halted")), url)
    await ended(server)
    assert server.received == [b""]
    look = Look()
    assert (await post(http, look, url)).status == 200
    assert look.taken == 1


async def test_a_call_that_cannot_connect_takes_no_last_look(door):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        port = taken.getsockname()[1]
        http = door(base_url=f"http://127.0.0.1:{port}", max_connections=1)
        look = Look()
        for _ in range(2):  # a failed one takes no place
            with pytest.raises(NotSent, match="was not reached") as caught:
                await post(http, look)
    assert not isinstance(caught.value, Stopped)
    assert look.taken == 0


async def test_a_failed_connect_is_not_tried_again_here(door, monkeypatch):
    tries = []

    async def refuse(host, port):
        tries.append(host)
        raise ConnectionRefusedError

    monkeypatch.setattr(trio, "open_tcp_stream", refuse)
    with pytest.raises(NotSent):
        await post(door(), Look())
    assert tries == ["broker.example"]


# What did not leave, what may have arrived


async def test_a_tls_handshake_that_hangs_was_not_sent(start, door):
    server = await start(SILENCE)
    http, look = door(connect_timeout=0.05), Look()
    with pytest.raises(NotSent, match=r"took no connection in 0\.05 s"):
        await post(http, look, f"https://127.0.0.1:{server.port}/")
    assert look.taken == 0


async def test_no_free_connection_in_time_was_not_sent(start, door):
    server = await start(SILENCE)
    http, look = door(server, max_connections=1, pool_timeout=0.05), Look()
    async with trio.open_nursery() as calls:
        calls.start_soon(post, http)
        await server.asked.wait()
        with pytest.raises(NotSent, match="none of 1 connections was free"):
            await post(http, look)
        calls.cancel_scope.cancel()
    assert look.taken == 0
    assert (await post(http)).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="closed without an answer"),
        pytest.param(RESET, id="reset"),
        pytest.param(b"SMTP ready\r\n\r\n", id="another protocol"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{",
            id="cut off",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            id="bad chunk",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"
            b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            id="of two lengths",
        ),
        pytest.param(
            b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            id="another protocol agreed on",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nx-a: " + b"x" * 200_000,
            id="a head without end",
        ),
        pytest.param(
            GZIP + b"content-length: 4\r\n\r\nnope",
            id="not gzip",
        ),
        pytest.param(
            GZIP.replace(b"gzip", b"br") + b"content-length: 4\r\n\r\nnope",
            id="packed in another way",
        ),
    ],
)
async def test_a_broken_answer_may_have_arrived_and_is_not_asked_again(
    start, door, answer
):
    server = await start(answer)
    http = door(server)
    with pytest.raises(SentUnknown):
        await post(http, Look())
    assert [bytes(data).count(b"POST ") for data in server.received] == [1]
    assert (await post(http)).status == 200


async def test_the_time_out_is_the_callers_scope(start, door):
    server = await start(SILENCE)
    async with trio.open_nursery() as calls:
        calls.start_soon(post, door(server), Look())
        await server.asked.wait()
        calls.cancel_scope.cancel()
    await ended(server)


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n", id="declared"),
        pytest.param(
            CHUNKED + b"32\r\n" + b"x" * 50 + b"\r\n33\r\n" + b"x" * 51 + b"\r\n",
            id="found",
        ),
        pytest.param(
            CHUNKED + b"65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n", id="all there"
        ),
    ],
)
async def test_an_answer_past_the_cap_is_not_read_on(start, door, answer):
    server = await start(answer)
    http = door(server, max_reply_bytes=100)
    with pytest.raises(SentUnknown, match="wanted at most 100 bytes") as caught:
        await post(http)
    assert caught.value.http_status == 200
    await ended(server)
    assert (await post(http)).status == 200


async def test_a_small_answer_cannot_unpack_past_the_cap(start, door):
    bomb = gzip.compress(b"x" * 50_000_000)
    server = await start(GZIP + b"content-length: %d\r\n\r\n" % len(bomb) + bomb)
    http = door(server, max_reply_bytes=100_000)
    tracemalloc.start()
    with pytest.raises(SentUnknown, match="wanted at most 100000 bytes"):
        await post(http)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


async def test_an_answer_as_long_as_the_cap_is_whole(start, door):
    server = await start(CHUNKED + b"64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n")
    assert (await post(door(server, max_reply_bytes=100))).body == b"x" * 100


async def test_an_error_does_not_show_what_was_sent(start, door):
    server = await start(RESET)
    http = door(server)
    with pytest.raises(SentUnknown) as caught:
        await http.send(
            http.endpoint("GET", URL),
            query={"api_key": "hunter2"},
            headers=((b"Authorization", b"hunter2"),),
        )
    assert str(caught.value).startswith("the connection broke")
    assert "hunter2" not in str(caught.value)


# Where calls go and where they leave from


@pytest.mark.parametrize(
    ("base_url", "target"),
    [
        ("", "https://api.example:444/api/v3/orders?a=b"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v3/orders?a=b"),
        ("https://other.example/", "https://other.example/api/v3/orders?a=b"),
    ],
)
def test_a_base_url_replaces_scheme_and_host_and_leaves_the_path(base_url, target):
    http = BrokerHttp(base_url=base_url)
    endpoint = http.endpoint("GET", "https://api.example:444/api/v3/orders?a=b")
    assert str(endpoint.url) == target


@pytest.mark.parametrize(
    "base_url",
    [
        "ftp://a.example",
        "a.example",
        "https://",
        "https://a.example/v1",
        "https://user:hunter2@a.example",
        "http://a.example:port",
    ],
)
def test_a_base_url_that_is_none_is_refused(base_url):
    with pytest.raises(ConfigError, match="base_url") as caught:
        BrokerHttp(base_url=base_url)
    assert "hunter2" not in str(caught.value)


async def test_calls_leave_from_the_address_bound(start, door):
    server = await start()
    await post(door(server, egress="bind:127.0.0.2"))
    assert server.peers == ["127.0.0.2"]


async def test_an_address_that_is_not_ours_was_not_sent(start, door):
    server = await start()
    with pytest.raises(NotSent):
        await post(door(server, egress="bind:192.0.2.1"))
    assert server.received == []


@pytest.mark.parametrize(
    "egress",
    [
        "",
        "bind:",
        "bind:eth0",
        "ftp://user:hunter2@a.example",
        "https://a.example",
        "http://",
        "nonsense",
        "http://user:hunter2@a.example:port",
    ],
)
def test_an_egress_that_is_none_is_refused(egress):
    with pytest.raises(ConfigError, match="egress") as caught:
        BrokerHttp(egress=egress)
    assert "hunter2" not in str(caught.value)


async def test_a_url_that_is_not_of_http_is_refused(door):
    with pytest.raises(ConfigError, match="wanted http:// or https://"):
        door().endpoint("GET", "ftp://broker.example/")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n", id="refused"
        ),
        pytest.param(b"", id="broken off"),
        pytest.param(b"nonsense\r\n\r\n", id="nonsense"),
    ],
)
async def test_a_proxy_without_a_tunnel_sent_nothing(start, door, answer):
    proxy = await start(answer)
    look = Look()
    with pytest.raises(NotSent) as caught:
        await post(door(egress=proxy.url), look)
    assert not isinstance(caught.value, Stopped)
    assert look.taken == 0
    assert b"POST" not in bytes(proxy.received[0])


async def test_through_a_tunnel_the_last_look_is_the_orders_not_the_tunnels(
    nursery, start, door, certificate
):
    theirs, ours = certificate
    server = await start(tls=theirs)
    tunnels = []

    async def tunnel(stream):
        tunnels.append(bytes(await stream.receive_some()))
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
        onward = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with stream, onward, trio.open_nursery() as both:
            both.start_soon(pump, stream, onward)
            both.start_soon(pump, onward, stream)

    async def pump(source, sink):
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await source.receive_some():
                await sink.send_all(data)
            await sink.send_eof()

    serve = functools.partial(trio.serve_tcp, tunnel, 0, host="127.0.0.1")
    [proxy] = await nursery.start(serve)
    port = proxy.socket.getsockname()[1]
    http = door(egress=f"http://127.0.0.1:{port}", tls=ours)
    url = f"https://127.0.0.1:{server.port}/"
    look = Look(Stopped("kill_switch_engaged", "halted"))
    with pytest.raises(Stopped):
        await post(http, look, url)
    await ended(server)
    assert (look.taken, server.received) == (1, [b""])
    assert (await post(http, Look(), url)).status == 200
    assert tunnels[0].startswith(b"CONNECT 127.0.0.1:")


# Understanding an answer


def reply(body, status=200, **headers):
    return Reply(status, headers, body)


def test_numbers_are_read_exactly():
    decoder = msgspec.json.Decoder(dict[str, Decimal])
    body = b'{"a":58.150000000000006,"b":0.1,"c":12}'
    assert decoded(reply(body), decoder) == {
        "a": Decimal("58.150000000000006"),
        "b": Decimal("0.1"),
        "c": Decimal(12),
    }


@pytest.mark.parametrize(
    "body",
    [
        b"<html><h1>502</h1></html>",
        b"",
        b'{"s":"ok","id":"26113',
        b"[1]",
        b'{"s":"\xff"}',
        b'{"a":' + b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_no_answer(body):
    class Shape(msgspec.Struct):
        s: str = ""

    with pytest.raises(SentUnknown, match="HTTP 200: wanted the broker's JSON") as got:
        decoded(reply(body), msgspec.json.Decoder(Shape))
    assert got.value.http_status == 200


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("2", 2.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("", None),
        ("-1", None),
        ("inf", None),
        ("1e9", None),
        ("9" * 400, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_a_wait_is_read_where_it_is_plain_seconds(text, wait):
    assert retry_after({"retry-after": text}) == wait


def test_without_the_header_there_is_no_wait():
    assert retry_after({}) is None
