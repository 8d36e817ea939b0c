"""The event stream: over real sockets, resumed, filtered, ended."""

import json
from contextlib import asynccontextmanager, suppress

import h11
import httpx
import pytest
import trio

from ordo.http import events
from tests.ordo.http.caller import a_body, calling
from tests.ordo.http.serving import AUTH, serving

PATH = "/api/v1/events"


class Stream:
    """What comes over one HTTP/1.1 connection, taken apart by the standard's rules.

    On a socket of its own: httpx's readers are async generators, which Trio does not
    let go of in the middle of an answer.
    """

    def __init__(self, socket):
        self._socket = socket
        self._http = h11.Connection(h11.CLIENT)
        self._text = b""
        self.status = 0
        self.headers = {}

    async def ask(self, path, headers):
        request = h11.Request(method="GET", target=path, headers=headers)
        await self._socket.send_all(self._http.send(request))
        await self._socket.send_all(self._http.send(h11.EndOfMessage()))
        head = await self._next()
        self.status, self.headers = head.status_code, dict(head.headers)

    async def _next(self):
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._socket.receive_some())
        return event

    async def event(self):
        """The next event as (id, type, data), comments passed over; None at the end."""
        while True:
            while b"\n\n" in self._text:
                text, _, self._text = self._text.partition(b"\n\n")
                lines = [line.split(": ", 1) for line in text.decode().split("\n")]
                fields = {name: value for name, value in lines if name}
                if "data" in fields:
                    data = json.loads(fields["data"])
                    return fields.get("id"), fields["event"], data
            part = await self._next()
            if isinstance(part, h11.EndOfMessage):
                return None
            self._text += part.data

    async def place(self):
        """The id that is told before there is an event."""
        while True:
            part = await self._next()
            for line in bytes(part.data).decode().split("\n"):
                if line.startswith("id: "):
                    return line.removeprefix("id: ")

    async def types(self, count):
        return [(await self.event())[1] for _ in range(count)]


@asynccontextmanager
async def reading(gateway, path=PATH, **headers):
    port = httpx.URL(gateway.url).port
    sent = {"Host": "ordo", **AUTH, **headers}
    with trio.fail_after(5):
        async with await trio.open_tcp_stream("127.0.0.1", port) as socket:
            stream = Stream(socket)
            named = [(name.replace("_", "-"), text) for name, text in sent.items()]
            await stream.ask(path, named)
            assert stream.status == 200
            yield stream


async def test_every_change_of_an_order_comes_once_and_in_order():
    async with (
        serving() as gateway,
        gateway.client(timeout=5) as client,
        reading(gateway) as stream,
    ):
        assert stream.headers[b"content-type"] == b"text/event-stream; charset=utf-8"
        leg = (await client.post("/api/v1/orders", json=a_body())).json()["results"][0]
        first, second = await stream.event(), await stream.event()
    assert [first[1], second[1]] == ["order.placed", "order.acked"]
    assert int(first[0]) < int(second[0])
    data = second[2]
    assert data["id"] == int(second[0])
    assert data["order_id"] == leg["order_id"]
    assert data["broker"] == "one"
    assert data["version"] == 1
    assert data["by"] == "broker:one"
    assert data["data"]["broker_order_id"] == leg["broker_order_id"]
    assert data["data"]["symbol"] == "NSE:SBIN"
    assert data["at"].endswith("Z")


async def test_it_goes_over_http_2_too(tmp_path):
    text = ""
    async with (
        serving(tmp_path) as gateway,
        gateway.client(http2=True, timeout=5) as client,
        client.stream("GET", PATH) as answer,
    ):
        await client.post("/api/v1/orders", json=a_body())
        with suppress(httpx.RemoteProtocolError):  # GOAWAY may overtake its end
            async for part in answer.aiter_raw():
                text += part.decode()
                if "order.acked" in text:
                    gateway.server.stop()
    assert answer.http_version == "HTTP/2"
    assert text.index("event: order.placed") < text.index("event: order.acked")


async def test_a_reader_that_comes_back_misses_nothing(tmp_path):
    async with serving() as gateway, gateway.client(timeout=5) as client:
        async with reading(gateway) as stream:
            await client.post("/api/v1/orders", json=a_body())
            seen = (await stream.event())[0]
        await client.post("/api/v1/orders", json=a_body())
        async with reading(gateway, Last_Event_ID=seen) as stream:
            types = await stream.types(3)
        async with reading(gateway, f"{PATH}?after={seen}") as stream:
            again = await stream.types(3)
    assert types == again == ["order.acked", "order.placed", "order.acked"]


async def test_a_reader_that_is_cut_off_before_its_first_event_misses_nothing():
    async with serving() as gateway, gateway.client(timeout=5) as client:
        async with reading(gateway) as stream:
            place = await stream.place()
        await client.post("/api/v1/orders", json=a_body())
        async with reading(gateway, Last_Event_ID=place) as stream:
            assert await stream.types(2) == ["order.placed", "order.acked"]


async def test_a_reader_ahead_of_the_store_gets_what_comes(tmp_path):
    async with (
        serving() as gateway,
        gateway.client(timeout=5) as client,
        reading(gateway, Last_Event_ID="999999") as stream,
    ):
        await client.post("/api/v1/orders", json=a_body())
        assert await stream.types(2) == ["order.placed", "order.acked"]


async def test_a_stop_ends_the_stream_after_the_last_event():
    async with serving() as gateway, gateway.client(timeout=5) as client:
        with trio.fail_after(3):
            async with reading(gateway) as stream:
                await client.post("/api/v1/orders", json=a_body())
                await stream.types(2)
                gateway.server.stop()
                assert await stream.event() is None


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
async def test_a_reader_that_stays_does_not_hold_up_a_stop(tmp_path, version):
    async with serving(tmp_path) as gateway:
        client = gateway.client(http2=version == "HTTP/2")
        asked = client.build_request("GET", PATH)
        answer = await client.send(asked, stream=True)
        began = trio.current_time()
        gateway.server.stop()
    assert answer.http_version == version
    assert trio.current_time() - began < 3  # of 5 that a stop waits
    await answer.aclose()
    await client.aclose()


async def test_a_client_that_leaves_ends_its_stream():
    async with serving() as gateway:
        for _ in range(3):
            async with reading(gateway):
                assert gateway.system.feed.readers == 1
            with trio.fail_after(3):
                while gateway.system.feed.readers:
                    await trio.lowlevel.checkpoint()


async def test_the_kill_switch_is_told(tmp_path):
    body = {"engaged": True, "reason": "lunch"}
    async with (
        serving() as gateway,
        gateway.client(timeout=5) as client,
        reading(gateway) as stream,
    ):
        await client.put("/api/v1/kill-switch", json=body)
        _, kind, data = await stream.event()
    assert kind == "kill_switch.engaged"
    assert data["data"]["reason"] == "lunch"
    assert data["broker"] is None


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        (f"{PATH}?after=-1", {}, "validation_failed"),
        (f"{PATH}?brokers=nobody", {}, "validation_failed"),
        (PATH, {"Last_Event_ID": "yesterday"}, "bad_request"),
    ],
)
async def test_a_stream_from_nowhere_is_refused(
    path, headers, code, tmp_path, autojump_clock
):
    async with calling(tmp_path) as caller:
        answer = await caller.get(path, **headers)
    assert answer.code == code


async def test_only_the_brokers_asked_for_are_told():
    rows = [(1, "one"), (2, "two"), (3, None)]
    sent = []

    class Follower:
        at = 3

        def __init__(self):
            self.left = [[an_event(*row) for row in rows]]

        async def next(self):
            if not self.left:
                raise trio.EndOfChannel
            return self.left.pop()

    async def send(part):
        sent.append(part)

    await events._serve(Follower(), send, lambda e: e.broker in {"two", None})
    assert sent[0] == events.HELLO
    assert [part for part in sent[1].split(b"\n") if part.startswith(b"id")] == [
        b"id: 2",
        b"id: 3",
    ]


async def test_a_quiet_stream_shows_that_it_lives(autojump_clock):
    sent = []

    class Follower:
        async def next(self):
            await trio.sleep_forever()

    async def send(part):
        sent.append(part)
        if len(sent) == 3:
            raise httpx.ReadError("enough")

    with pytest.raises(httpx.ReadError):
        await events._serve(Follower(), send, bool)
    assert sent == [events.HELLO, events.QUIET, events.QUIET]
    assert trio.current_time() == 2 * events.KEEP_ALIVE


async def test_a_reader_that_falls_further_and_further_behind_is_told_and_let_go():
    sent, lags = [], [9_000, 12_000, 11_000, 20_000]

    class Follower:
        at = 77

        async def next(self):
            return [an_event(number) for number in range(300)]

        async def behind(self):
            return lags.pop(0)

    async def send(part):
        sent.append(part)

    await events._serve(Follower(), send, bool)
    assert lags == [11_000, 20_000]
    assert sent[-1].startswith(b'event: stream.dropped\ndata: {"last_event_id":77,')


def an_event(number, broker="one"):
    from adapters import Event
    from tests.support.memory_store import START

    return Event(
        id=number,
        type="order.acked",
        at=START,
        broker=broker,
        batch_id=None,
        order_id=None,
        by="test",
        data={},
    )


async def test_there_is_no_end_to_orders_but_to_readers(tmp_path, autojump_clock):
    async with calling(tmp_path) as caller:
        caller.system.feed.readers = events.MOST_READERS
        answer = await caller.get(PATH)
    assert (answer.status, answer.code) == (503, "overloaded")


async def test_events_want_a_token():
    async with serving() as gateway, gateway.client() as client:
        without = dict.fromkeys(AUTH, "")
        answer = await client.get(PATH, headers=without)
    assert answer.status_code == 401
