"""A web hook over real sockets: what is sent, what counts as taken, where it may go."""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import socket
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import trio

from adapters import ConfigError, Event, PublishFailed
from adapters.publishers.addresses import ForbiddenAddress, is_public
from adapters.publishers.webhook import MOST_AT_ONCE, Webhook
from adapters.secret import Secret

NOON = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
SECRET = Secret("whsec-1")


class Hook:
    """Takes calls; answers with `status`."""

    def __init__(self):
        self.status = 204
        self.heads, self.bodies = [], []
        self.url = ""
        self.more = b""

    async def serve(self, stream):
        text = b""
        while b"\r\n\r\n" not in text:
            part = await stream.receive_some()
            if not part:
                return
            text += part
        head, _, body = text.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
        headers = {name.lower(): value for name, value in lines}
        while len(body) < int(headers["content-length"]):
            body += await stream.receive_some()
        self.heads.append(headers)
        self.bodies.append(body)
        reply = f"HTTP/1.1 {self.status} Told\r\nConnection: close\r\n"
        await stream.send_all(f"{reply}Content-Length: 0\r\n{self.more}\r\n".encode())


@asynccontextmanager
async def hooked(**settings):
    hook = Hook()
    hook.more = ""
    async with trio.open_nursery() as nursery:
        serve = functools.partial(trio.serve_tcp, hook.serve, 0, host="127.0.0.1")
        (listener,) = await nursery.start(serve)
        port = listener.socket.getsockname()[1]
        settings = {"allow_private": True, "wall": lambda: NOON} | settings
        webhook = Webhook(f"http://127.0.0.1:{port}/in?key=K", SECRET, **settings)
        yield hook, webhook
        await webhook.aclose()
        nursery.cancel_scope.cancel()


def an_event(number):
    return Event(
        id=number,
        type="order.filled",
        at=NOON,
        broker="one",
        batch_id="B",
        order_id="O",
        by="broker:one",
        data={"fill_price": "812.35"},
    )


async def test_events_come_signed_and_whole():
    async with hooked() as (hook, webhook):
        await webhook.publish([an_event(7), an_event(8)])
    body = json.loads(hook.bodies[0])
    assert body["version"] == 1
    assert [event["id"] for event in body["events"]] == [7, 8]
    assert body["events"][0] == {
        "id": 7,
        "version": 1,
        "type": "order.filled",
        "at": "2026-11-23T06:30:00Z",
        "broker": "one",
        "batch_id": "B",
        "order_id": "O",
        "by": "broker:one",
        "data": {"fill_price": "812.35"},
    }
    moment, _, signed = hook.heads[0]["ordo-signature"].partition(",")
    assert moment == f"t={int(NOON.timestamp())}"
    text = moment[2:].encode() + b"." + hook.bodies[0]
    wanted = hmac.new(b"whsec-1", text, hashlib.sha256).hexdigest()
    assert signed == f"v1={wanted}"


async def test_many_events_are_several_calls():
    async with hooked() as (hook, webhook):
        await webhook.publish([an_event(n) for n in range(MOST_AT_ONCE + 1)])
    sizes = [len(json.loads(body)["events"]) for body in hook.bodies]
    assert sizes == [MOST_AT_ONCE, 1]


@pytest.mark.parametrize("status", [199 + 101, 302, 400, 410, 500, 503])
async def test_what_is_not_taken_is_told(status):
    async with hooked() as (hook, webhook):
        hook.status = status
        with pytest.raises(PublishFailed, match=f"HTTP {status}"):
            await webhook.publish([an_event(1)])


async def test_a_redirect_is_not_followed():
    async with hooked() as (hook, webhook):
        hook.status, hook.more = 307, "Location: http://127.0.0.1:1/\r\n"
        with pytest.raises(PublishFailed, match="HTTP 307"):
            await webhook.publish([an_event(1)])
    assert len(hook.bodies) == 1


async def test_nobody_there_is_told_without_the_url():
    async with hooked() as (_, webhook):
        pass
    hook = Webhook("http://127.0.0.1:1/x?key=K", SECRET, wall=wall, allow_private=True)
    with pytest.raises(PublishFailed) as failed:
        await hook.publish([an_event(1)])
    assert "key" not in str(failed.value)
    assert webhook.name == "webhook"
    await hook.aclose()


def wall():
    return NOON


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "[::1]"])
async def test_private_addresses_are_not_called(host):
    hook = Webhook(f"https://{host}/", SECRET, wall=wall)
    with pytest.raises(ForbiddenAddress, match="not public"):
        await hook.publish([an_event(1)])
    await hook.aclose()


async def test_a_name_that_leads_inside_is_not_called(monkeypatch):
    async def inside(host, port, **more):
        public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))
        private = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.168.1.1", port))
        return [public, private]

    monkeypatch.setattr(trio.socket, "getaddrinfo", inside)
    hook = Webhook("https://hooks.example/", SECRET, wall=wall)
    with pytest.raises(ForbiddenAddress, match=r"192\.168\.1\.1"):
        await hook.publish([an_event(1)])
    await hook.aclose()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - a value, not a binding
        ("::ffff:127.0.0.1", False),
        ("fe80::1%eth0", False),
        ("224.0.0.1", False),
    ],
)
def test_which_addresses_are_public(address, public):
    assert is_public(address) is public


@pytest.mark.parametrize("url", ["http://hooks.example/", "ftp://x/", "hooks", ""])
def test_only_https_is_called(url):
    with pytest.raises(ConfigError, match="wanted an https:// address"):
        Webhook(url, SECRET, wall=wall)
