"""The API over real sockets: HTTP/1.1 and HTTP/2, TLS, clients that leave, a stop."""

import ssl
from contextlib import asynccontextmanager, suppress

import httpx
import msgspec
import pytest
import trio
from h2.config import H2Configuration
from h2.connection import H2Connection

from adapters.brokers.paper import Fault
from tests.ordo.http.caller import a_body
from tests.ordo.http.serving import TOKEN, serving
from tests.support.plain import PLAIN


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
async def test_an_order_goes_over_tls_with_our_own_ca(tmp_path, version):
    http2 = version == "HTTP/2"
    async with serving(tmp_path) as gateway, gateway.client(http2=http2) as client:
        health = await client.get("/health")
        answer = await client.post("/api/v1/orders", json=a_body())
    assert answer.http_version == version
    assert (health.status_code, answer.status_code) == (200, 200)
    assert answer.json()["status"] == "success"
    assert gateway.sent() == [answer.json()["results"][0]["order_id"]]
    assert answer.headers["server-timing"].startswith("ordo;dur=")
    assert "server" not in answer.headers


async def test_a_client_without_our_ca_does_not_talk_to_us(tmp_path):
    stranger = httpx.AsyncClient(trust_env=False, verify=PLAIN)
    async with serving(tmp_path) as gateway, stranger as client:
        with pytest.raises(httpx.ConnectError) as refused:
            await client.get(f"{gateway.url}/health")
    assert "CERTIFICATE_VERIFY_FAILED" in repr(causes(refused.value))


async def test_a_connection_is_kept_for_the_next_request_whatever_the_answer():
    async with serving() as gateway:
        port = httpx.URL(gateway.url).port
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            statuses = []
            for head, body in (
                ("GET /health", b""),
                ("GET /nope", b""),
                ("POST /nope", b"x" * 5000),
                ("POST /api/v1/orders", b"not json"),
                ("DELETE /api/v1/orders", b"x" * 5000),
                ("GET /health", b"a body"),
                ("GET /health", b""),
            ):
                await stream.send_all(request(head, body))
                statuses.append(await status_of(stream))
    assert statuses == [200, 404, 404, 401, 405, 200, 200]


def causes(error):
    """An error and what it came of."""
    return [error, *(causes(error.__cause__ or error.__context__) if error else [])]


def request(head, body, *headers):
    lines = [f"{head} HTTP/1.1", "Host: ordo", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def status_of(stream):
    """Read one whole answer."""
    text = b""
    while b"\r\n\r\n" not in text:
        text += await stream.receive_some()
    head, _, body = text.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += await stream.receive_some()
    return int(head[9:12])


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
async def test_a_body_that_is_too_large_is_told_so_and_not_cut_off(tmp_path, version):
    http2 = version == "HTTP/2"
    async with serving(tmp_path) as gateway, gateway.client(http2=http2) as client:
        answer = await client.post("/api/v1/orders", content=b"x" * 2_000_000)
        after = await client.get("/health")
    assert (answer.status_code, after.status_code) == (413, 200)
    assert answer.json()["error_code"] == "payload_too_large"


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
async def test_what_is_refused_is_read_to_its_end_all_the_same(
    tmp_path, caplog, version
):
    http2 = version == "HTTP/2"
    async with serving(tmp_path) as gateway, gateway.client(http2=http2) as client:
        body, nobody = b"x" * 900_000, {"Authorization": ""}
        answer = await client.post("/api/v1/orders", content=body, headers=nobody)
        lost = await client.post("/nope", content=body)
        after = await client.get("/health")
    statuses = [answer.status_code, lost.status_code, after.status_code]
    assert statuses == [401, 404, 200]
    assert caplog.text == ""


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
async def test_an_order_whose_client_left_goes_through_and_is_replayed(
    tmp_path, version
):
    headers = {"Idempotency-Key": "key-1"}
    async with serving(tmp_path) as gateway:
        gateway.paper.script.on("place", Fault.delay(0.3))
        async with gateway.client(http2=version == "HTTP/2") as client:
            with trio.move_on_after(0.15):
                await client.post("/api/v1/orders", json=a_body(), headers=headers)
        async with gateway.client() as client:
            answer = await client.post("/api/v1/orders", json=a_body(), headers=headers)
            health = await client.get("/health")
        began = trio.current_time()
    assert trio.current_time() - began < 3  # nothing of it is left for the stop
    assert answer.status_code == 200
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert gateway.sent() == [answer.json()["results"][0]["order_id"]]
    assert health.status_code == 200


async def test_a_client_that_leaves_in_the_middle_of_a_body_orders_nothing():
    async with serving() as gateway:
        port = httpx.URL(gateway.url).port
        body = msgspec.json.encode(a_body())
        whole = request(
            "POST /api/v1/orders", body + b" more", f"Authorization: Bearer {TOKEN}"
        )
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(whole.removesuffix(b" more"))
        async with gateway.client() as client:
            health = await client.get("/health")
            listed = await client.get("/api/v1/orders")
    assert health.status_code == 200
    assert listed.json()["data"]["orders"] == []
    assert gateway.sent() == []


async def test_a_stop_answers_open_calls_and_refuses_new_orders_meanwhile():
    answers = []

    async def order(client):
        answers.append(await client.post("/api/v1/orders", json=a_body()))

    async with serving() as gateway:
        gateway.paper.script.on("place", Fault.delay(0.4))
        port = httpx.URL(gateway.url).port
        async with gateway.client() as client, trio.open_nursery() as senders:
            senders.start_soon(order, client)
            await trio.sleep(0.2)
            gateway.system.stopping = True
            gateway.server.stop()
            await trio.sleep(0.05)
            with pytest.raises(OSError, match="all attempts to connect"):
                await trio.open_tcp_stream("127.0.0.1", port)
    assert [answer.status_code for answer in answers] == [200]
    assert answers[0].json()["results"][0]["status"] == "acked"
    assert len(gateway.sent()) == 1


async def test_a_stop_closes_idle_connections_at_once():
    async with serving() as gateway:
        port = httpx.URL(gateway.url).port
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(request("GET /health", b""))
            assert await status_of(stream) == 200
            began = trio.current_time()
            gateway.server.stop()
            assert await stream.receive_some() == b""
            assert trio.current_time() - began < 2


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nX-Request-ID: \xff\r\n\r\n", b"200"),
        (b"GET /" + b"A" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
    ],
)
async def test_odd_bytes_on_the_wire_are_a_4xx_or_plain_text(raw, status):
    async with serving() as gateway:
        port = httpx.URL(gateway.url).port
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(raw)
            head = await stream.receive_some()
    assert head.split(b" ")[1] == status


async def test_a_web_socket_that_nobody_serves_is_refused():
    upgrade = (
        b"GET /api/v1/orders HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    async with serving() as gateway:
        port = httpx.URL(gateway.url).port
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(upgrade)
            head = await stream.receive_some()
    assert head.split(b" ")[1][:1] == b"4"


async def ended(call, *args):
    """Make the call again and again, until the connection is broken."""
    with suppress(trio.BrokenResourceError):
        while True:
            await call(*args)
    return True


class Http2:
    """A client of HTTP/2 that keeps to no rules."""

    def __init__(self, stream):
        self.stream = stream
        settings = H2Configuration(
            header_encoding=None, validate_outbound_headers=False
        )
        self.state = H2Connection(settings)
        self.state.initiate_connection()

    async def ask(self, path, *, method=b"GET", end=True):
        headers = [
            (b":method", method),
            (b":authority", b"ordo"),
            (b":scheme", b"https"),
            (b":path", path),
        ]
        number = self.state.get_next_available_stream_id()
        self.state.send_headers(number, headers, end_stream=end)
        await self.flush()
        return number

    async def flush(self):
        await self.stream.send_all(self.state.data_to_send())


@asynccontextmanager
async def http2(gateway):
    context = ssl.create_default_context(cafile=gateway.ca)
    context.set_alpn_protocols(["h2"])
    port = httpx.URL(gateway.url).port
    tcp = await trio.open_tcp_stream("127.0.0.1", port)
    stream = trio.SSLStream(tcp, context, server_hostname="localhost")
    try:
        yield Http2(stream)
    finally:
        await trio.aclose_forcefully(stream)


async def test_a_fault_in_a_connection_ends_it_and_not_the_server(tmp_path, caplog):
    async with serving(tmp_path) as gateway:
        async with http2(gateway) as client:
            await client.ask(b"/\xff")  # hypercorn 0.18 takes it for ASCII
            assert await ended(client.stream.receive_some)
        async with gateway.client() as client:
            health = await client.get("/health")
    assert health.status_code == 200
    assert "a connection failed: UnicodeDecodeError" in caplog.text


async def test_a_client_that_does_not_read_is_cut_off_in_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("ordo.http.connection.SEND_SECONDS", 0.2)
    async with serving() as gateway:
        port = httpx.URL(gateway.url).port
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            many = request("GET /openapi.json", b"", f"Authorization: Bearer {TOKEN}")
            assert await ended(stream.send_all, many * 100)  # no look at the answers
        async with gateway.client() as client:
            health = await client.get("/health")
    assert health.status_code == 200


async def test_head_and_body_of_an_answer_leave_together():
    async with serving() as gateway:
        port = httpx.URL(gateway.url).port
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(request("GET /health", b""))
            first = await stream.receive_some()
    assert first.endswith(b"}")
