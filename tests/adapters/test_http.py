"""The door to a broker: what left, what may have arrived, and the last look."""

import contextlib
import datetime
import functools
import gzip
import ipaddress
import socket
import ssl
import struct
import sys
import tracemalloc
from decimal import Decimal

import httpx
import msgspec
import pytest
import respx
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import adapters.http
from adapters.errors import ConfigError, NotSent, SentUnknown, Stopped
from adapters.http import MEANING, BrokerHttp, Reply, decoded, retry_after

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
GZIP = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n"
URL = "https://broker.example/api/orders"
SILENCE = None
BODY = b'{"qty":5}'


class RESET:
    """Close with an RST in place of an answer."""


class Server:
    """A socket that keeps what it is sent and gives the answers it was told, in turn.

    A request is over with the bytes its Content-Length says. After the last answer it
    answers `OK`; `SILENCE` never answers.
    """

    def __init__(self, *answers):
        self.answers = list(answers)
        self.received = []  # a bytearray per connection
        self.ended = []  # a trio.Event per connection
        self.asked = trio.Event()  # the first request is whole
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
                    await stream.send_all(answer)
                    if b"connection: close" in answer or not answer:
                        return
        except trio.BrokenResourceError:
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
    monkeypatch.setattr(adapters.http, "KEEPALIVE", 0.05)
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
    with respx.mock:
        route = respx.post(URL).respond(400, json={"s": "error"})
        reply = await post(http)
    assert (reply.status, reply.body) == (400, b'{"s":"error"}')
    assert route.calls.last.request.content == BODY


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
        http, look = door(base_url=f"http://127.0.0.1:{port}"), Look()
        with pytest.raises(NotSent) as caught:
            await post(http, look)
    assert not isinstance(caught.value, Stopped)
    assert look.taken == 0


async def test_a_failed_connect_is_not_tried_again_here(door, monkeypatch):
    tries = []

    async def refuse(**where):
        tries.append(where["host"])
        raise ConnectionRefusedError

    monkeypatch.setattr(trio, "open_tcp_stream", refuse)
    with pytest.raises(NotSent):
        await post(door(), Look())
    assert tries == ["broker.example"]


async def test_httpcore_without_the_event_is_found_out(start, door, monkeypatch):
    monkeypatch.setattr(adapters.http, "LEAVING", ".renamed")
    server = await start()
    with pytest.raises(RuntimeError, match="no last look"):
        await post(door(server), Look())


# What did not leave, what may have arrived


async def test_a_tls_handshake_that_hangs_was_not_sent(start, door):
    server = await start(SILENCE)
    http, look = door(connect_timeout=0.05), Look()
    with pytest.raises(NotSent, match="ConnectTimeout"):
        await post(http, look, f"https://127.0.0.1:{server.port}/")
    assert look.taken == 0


async def test_no_free_connection_in_time_was_not_sent(start, door):
    server = await start(SILENCE)
    http, look = door(server, max_connections=1, pool_timeout=0.05), Look()
    async with trio.open_nursery() as calls:
        calls.start_soon(post, http)
        await server.asked.wait()
        with pytest.raises(NotSent, match="PoolTimeout"):
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


def test_every_error_of_httpx_has_a_meaning():
    theirs = {
        cls
        for cls in vars(httpx).values()
        if isinstance(cls, type) and issubclass(cls, Exception)
    }
    assert theirs == set(MEANING)


def test_these_alone_prove_that_nothing_was_sent():
    assert {cls for cls, kind in MEANING.items() if kind is NotSent} == {
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
    }


@pytest.mark.parametrize("error", MEANING, ids=lambda error: error.__name__)
async def test_errors_of_httpx_come_out_as_ours(door, error):
    httpx_error = error.__new__(error)
    Exception.__init__(httpx_error, "words")
    http = door()
    with respx.mock:
        respx.post(URL).mock(side_effect=httpx_error)
        with pytest.raises(MEANING[error]) as caught:
            await post(http, Look())
    assert type(caught.value) is MEANING[error]
    assert caught.value.__cause__ is httpx_error


def test_an_error_unheard_of_may_have_arrived():
    class NewError(httpx.TransportError):
        pass

    with pytest.raises(SentUnknown), adapters.http.wire_errors():
        raise NewError("words")


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


def test_a_socks_proxy_without_its_package_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "socksio", None)  # as if it were not installed
    with pytest.raises(ConfigError, match="socksio"):
        BrokerHttp(egress="socks5://127.0.0.1:1080")


async def test_a_plain_call_goes_to_the_proxy_whole(start, door):
    proxy = await start()
    look = Look()
    http = door(egress=proxy.url)
    await post(http, look, "http://broker.example/api")
    assert bytes(proxy.received[0]).startswith(b"POST http://broker.example/api HTTP")
    assert look.taken == 1


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
    return Reply(status, httpx.Headers(headers), body)


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
    assert retry_after(httpx.Headers({"Retry-After": text})) == wait


def test_without_the_header_there_is_no_wait():
    assert retry_after(httpx.Headers()) is None
