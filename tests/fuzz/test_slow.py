"""Clients that take their time: each is let go after a bounded one, on real sockets."""

from __future__ import annotations

import struct

import h2.events
import pytest
import trio

from adapters.brokers.paper import Fault
from ordo.http import asgi, connection, crowd, sending, server
from tests.fuzz.http2_cases import SETTINGS, frame
from tests.ordo.http.caller import a_body
from tests.ordo.http.serving import AUTH, TOKEN, serving
from tests.ordo.http.test_server import ended, http2, request, status_of

LIMIT = 0.3
"""Seconds, in place of the many that each bound has."""
BEARER = f"Authorization: Bearer {TOKEN}"


async def opened(gateway):
    return await trio.open_tcp_stream("127.0.0.1", int(gateway.url.rpartition(":")[2]))


async def all_of(stream):
    """What comes until the other end closes, and the seconds that took."""
    began, text = trio.current_time(), b""
    with trio.fail_after(5):
        try:
            while part := await stream.receive_some():
                text += part
        except trio.BrokenResourceError:
            pass
    return text, trio.current_time() - began


async def trickle(stream, data):
    """Send *data* a byte at a time, faster than any bound, as long as it is taken."""
    try:
        for byte in data:
            await stream.send_all(bytes([byte]))
            await trio.sleep(LIMIT / 10)
    except trio.BrokenResourceError:
        pass


async def answer_to_a_trickle(first, rest):
    async with serving() as gateway, await opened(gateway) as stream:
        await stream.send_all(first)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trickle, stream, rest)
            text, took = await all_of(stream)
            nursery.cancel_scope.cancel()
        async with gateway.client() as client:
            order = await client.post("/api/v1/orders", json=a_body())
    assert order.status_code == 200
    assert LIMIT * 0.8 < took < LIMIT + 1
    return text


async def test_a_head_that_trickles_in_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(connection, "HEAD_SECONDS", LIMIT)
    head = b"GET /health HTTP/1.1\r\nHost: ordo\r\nX: " + b"x" * 200
    assert await answer_to_a_trickle(b"", head) == b""


async def test_a_second_head_that_trickles_in_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(connection, "HEAD_SECONDS", LIMIT)
    head = b"GET /health HTTP/1.1\r\nHost: ordo\r\nX: " + b"x" * 200
    text = await answer_to_a_trickle(request("GET /health", b""), head)
    assert text.startswith(b"HTTP/1.1 200 ")


async def test_a_connection_is_kept_for_longer_than_a_head_may_take(monkeypatch):
    monkeypatch.setattr(connection, "HEAD_SECONDS", LIMIT)
    async with serving() as gateway, await opened(gateway) as stream:
        for _ in range(2):
            head, rest = (
                request("GET /health", b"")[:20],
                request("GET /health", b"")[20:],
            )
            await stream.send_all(head)
            await trio.sleep(LIMIT / 3)
            await stream.send_all(rest)
            assert await status_of(stream) == 200
            await trio.sleep(LIMIT * 1.5)


async def test_over_http2_it_is_kept_too(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "HEAD_SECONDS", LIMIT)
    async with serving(tmp_path) as gateway, http2(gateway) as client:
        for _ in range(2):
            number = await client.ask(b"/health")
            assert await answered(client, number)
            client.state.ping(b"no head.")
            await client.flush()
            await trio.sleep(LIMIT * 1.5)


async def answered(client, number):
    """Whether the stream comes to its end, and not the connection."""
    while part := await client.stream.receive_some():
        events = client.state.receive_data(part)
        await client.flush()
        ends = (e for e in events if isinstance(e, h2.events.StreamEnded))
        if number in [end.stream_id for end in ends]:
            return True
    return False


async def test_what_still_comes_of_a_body_is_taken_while_its_answer_is_sent(
    autojump_clock,
):
    put, taken = trio.open_memory_channel(0)

    async def send(message):
        if message["type"] == "http.response.body":
            await put.send({"type": "http.request", "body": b"x", "more_body": True})
            await put.send({"type": "http.disconnect"})  # as hypercorn does at an end

    answer = asgi.Answer(status=401, headers=[sending.CLOSES], body=b"")
    with trio.fail_after(1):
        await sending.send({"http_version": "1.1"}, taken.receive, send, answer)


async def test_a_body_that_trickles_in_is_told_so(monkeypatch):
    monkeypatch.setattr(asgi, "BODY_SECONDS", LIMIT)
    lines = ("Content-Length: 500", BEARER, "Host: ordo", "", "")
    head = "POST /api/v1/orders HTTP/1.1\r\n" + "\r\n".join(lines)
    text = await answer_to_a_trickle(head.encode(), b"x" * 400)
    assert text.startswith(b"HTTP/1.1 400 ")
    assert b"did not arrive within 0.3 s" in text


@pytest.mark.parametrize(("path", "status"), [("/api/v1/orders", 401), ("/x", 404)])
async def test_a_strangers_body_is_waited_for_shortly(monkeypatch, path, status):
    monkeypatch.setattr(asgi, "UNWANTED_SECONDS", LIMIT)
    head = f"POST {path} HTTP/1.1\r\nHost: ordo\r\nTransfer-Encoding: chunked\r\n\r\n"
    text = await answer_to_a_trickle(head.encode(), b"1\r\nx\r\n" * 100)
    assert text.startswith(b"HTTP/1.1 %d " % status)


async def test_a_body_without_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(asgi, "MOST_DISCARDED", 1_100_000)
    head = request("POST /api/v1/orders", b"", BEARER).replace(
        b"h: 0", b"h: 9999999999"
    )
    async with serving() as gateway, await opened(gateway) as stream:
        with trio.fail_after(5):
            await stream.send_all(head)
            assert await ended(stream.send_all, b"x" * 100_000)
        async with gateway.client() as client:
            assert (await client.post("/api/v1/orders", json=a_body())).is_success


@pytest.mark.parametrize(("token", "status"), [(AUTH, 413), ({}, 401)])
async def test_over_http2_it_is_answered_and_other_requests_go_on(
    tmp_path, monkeypatch, token, status
):
    monkeypatch.setattr(asgi, "MOST_DISCARDED", 1_100_000)
    async with serving(tmp_path) as gateway, gateway.client(http2=True) as client:
        headers = {"Authorization": "", **token}
        body = b"x" * 1_500_000
        with trio.fail_after(5):
            answer = await client.post("/api/v1/orders", content=body, headers=headers)
            after = await client.get("/health")
    assert (answer.status_code, after.status_code) == (status, 200)


async def test_an_answer_that_may_not_be_sent_over_http2_is_dropped(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(asgi, "TAKE_SECONDS", LIMIT)
    monkeypatch.setattr(server, "KEEP_ALIVE", 1.0)
    async with serving(tmp_path) as gateway, http2(gateway) as client:
        await client.stream.send_all(client.state.data_to_send())
        await client.stream.send_all(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))
        began = trio.current_time()
        await client.ask(b"/health")
        await all_of(client.stream)
        took = trio.current_time() - began
    assert LIMIT < took < LIMIT + 1 + 2


async def test_a_client_that_says_it_is_done_still_gets_its_answer():
    async with serving() as gateway, await opened(gateway) as stream:
        gateway.paper.script.on("place", Fault.delay(LIMIT))
        body = b'{"brokers": ["one"], "orders": [{"symbol": "NSE:SBIN", "side": "BUY",'
        body += b'"quantity": 10, "type": "LIMIT", "price": 813}]}'
        await stream.send_all(request("POST /api/v1/orders", body, BEARER))
        await stream.send_eof()
        text, took = await all_of(stream)
    assert text.startswith(b"HTTP/1.1 200 ")
    assert b'"status":"acked"' in text
    assert took < LIMIT + 3  # the second after a start counts as full of orders


def trusting(number):
    """A crowd of no more than *number*."""
    return lambda: number


async def test_a_stranger_makes_room_for_whoever_comes(monkeypatch):
    monkeypatch.setattr(server, "most_connections", trusting(3))
    async with serving() as gateway:
        strangers = [await opened(gateway) for _ in range(3)]
        await trio.sleep(0.05)
        async with gateway.client() as client:
            order = await client.post("/api/v1/orders", json=a_body())
            for _ in range(5):
                strangers.append(await opened(gateway))
            await trio.sleep(0.05)
            kept = await client.get("/api/v1/orders")
        text, took = await all_of(strangers[0])
        for stream in strangers:
            await trio.aclose_forcefully(stream)
    assert (order.status_code, kept.status_code) == (200, 200)
    assert (text, took < 1) == (b"", True)


async def test_who_waits_for_an_order_keeps_the_place(monkeypatch):
    monkeypatch.setattr(server, "most_connections", trusting(1))
    answers = []

    async def order(client):
        answers.append(await client.post("/api/v1/orders", json=a_body()))

    async with serving() as gateway, gateway.client() as client:
        gateway.paper.script.on("place", Fault.delay(LIMIT))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(order, client)
            await trio.sleep(LIMIT / 2)
            async with await opened(gateway) as turned_away:
                text, took = await all_of(turned_away)
    assert [answer.status_code for answer in answers] == [200]
    assert (text, took < LIMIT / 2) == (b"", True)


def test_half_of_the_files_stay_for_others(monkeypatch):
    for soft, most in ((256, 128), (1024, 512), (100_000, 1000), (-1, 1000)):
        monkeypatch.setattr(crowd.resource, "getrlimit", lambda _, s=soft: (s, s))
        assert crowd.most_connections() == most
