"""Events: each once and in order, over as many connections as it takes."""

import asyncio
import random
from datetime import UTC, datetime

import pytest
import trio

from ordo_client import (
    AsyncOrdo,
    Event,
    Forbidden,
    Order,
    Ordo,
    ServerError,
    StorageUnavailable,
    Unreachable,
)
from ordo_client.following import Following
from tests.sdk_client.loops import on_asyncio, on_trio
from tests.sdk_client.streaming import BUSY, HEAD, STAY, StreamStub, event
from tests.support.processes import free_port

SOON = b"retry: 10\n: hello\n\n"


def with_ordo(url, count, login=("t", None), **options):
    with Ordo(url, *login) as ordo, ordo.events(**options) as events:
        return [next(events) for _ in range(count)], events.last_id


def with_async_ordo(run):
    def follow(url, count, login=("t", None), **options):
        async def main():
            async with (
                AsyncOrdo(url, *login) as ordo,
                ordo.events(**options) as events,
            ):
                return [await anext(events) for _ in range(count)], events.last_id

        return run(main)

    return follow


@pytest.fixture(params=["waits", "asyncio", "trio"])
def follow(request):
    """Each client on each loop; takes so many events, and leaves."""
    if request.param == "waits":
        return with_ordo
    return with_async_ordo(on_trio if request.param == "trio" else on_asyncio)


def ids(events):
    return [one.id for one in events]


def test_events_come_as_the_api_shows_them(follow):
    with StreamStub([HEAD, SOON, event(7), STAY]) as stub:
        [only], last_id = follow(stub.url, 1, brokers=["one", "two"])
    assert only == Event(
        id=7,
        type="order.acked",
        at=datetime(2026, 11, 21, 9, 15, tzinfo=UTC),
        broker="one",
        order_id="O7",
        by="broker:one",
    )
    assert last_id == 7
    [asked] = stub.asked
    assert asked[""] == "GET /api/v1/events?brokers=one%2Ctwo HTTP/1.1\r\n"
    assert asked["accept"] == "text/event-stream"
    assert asked["authorization"] == "Bearer t"


def test_a_break_is_mended_from_the_last_event(follow):
    broken = event(3)[:20]
    with StreamStub(
        [HEAD, SOON, event(1), event(2), broken],
        [],
        [BUSY],
        [HEAD, event(3), event(4), STAY],
    ) as stub:
        events, _ = follow(stub.url, 4)
    assert ids(events) == [1, 2, 3, 4]
    assert stub.resumed_from == [None, "2", "2", "2"]


def test_an_event_that_comes_again_is_given_once(follow):
    with StreamStub([HEAD, SOON, event(1)], [HEAD, event(1), event(2), STAY]) as stub:
        events, _ = follow(stub.url, 2)
    assert ids(events) == [1, 2]


def test_a_place_that_is_told_without_an_event_is_resumed_from(follow):
    with StreamStub([HEAD, SOON, b"id: 9\n\n"], [HEAD, event(10), STAY]) as stub:
        assert ids(follow(stub.url, 1)[0]) == [10]
    assert stub.resumed_from == [None, "9"]


def test_the_place_of_another_day_is_gone_on_from(follow):
    with StreamStub([HEAD, event(43), STAY]) as stub:
        assert ids(follow(stub.url, 1, after=42)[0]) == [43]
    assert stub.resumed_from == ["42"]


def test_what_is_said_of_the_stream_itself_is_no_event(follow):
    notice = b'event: stream.dropped\ndata: {"last_event_id": 1}\n\n'
    with StreamStub([HEAD, SOON, event(1), notice], [HEAD, event(2), STAY]) as stub:
        events, _ = follow(stub.url, 2)
    assert ids(events) == [1, 2]
    assert stub.resumed_from == [None, "1"]


def test_the_connection_ends_with_the_reading(follow):
    with StreamStub([HEAD, event(1), event(2), STAY]) as stub:
        follow(stub.url, 1)
        assert stub.left.wait(10)


async def read(url, cancel, busy=None):
    """Take one event, and be cancelled: waiting for the next, or *busy* with this."""
    async with AsyncOrdo(url, "t") as ordo, ordo.events() as events:
        async for _ in events:
            cancel()
            if busy:
                await busy()


@pytest.mark.parametrize("busy", [None, trio.sleep_forever])
def test_the_connection_ends_with_a_reader_that_trio_cancels(busy):
    async def main():
        with trio.CancelScope() as scope:
            await read(stub.url, scope.cancel, busy)
        return scope.cancelled_caught

    with StreamStub([HEAD, event(1), STAY]) as stub:
        assert on_trio(main) is True
        assert stub.left.wait(10)


@pytest.mark.parametrize("busy", [None, lambda: asyncio.Event().wait()])
def test_the_connection_ends_with_a_reader_that_asyncio_cancels(busy):
    async def main():
        reader = asyncio.create_task(
            read(stub.url, lambda: asyncio.current_task().cancel(), busy)
        )
        await asyncio.wait([reader])
        return reader.cancelled()

    with StreamStub([HEAD, event(1), STAY]) as stub:
        assert on_asyncio(main) is True
        assert stub.left.wait(10)


def test_a_refusal_is_not_asked_for_again(follow):
    body = b'{"status": "error", "request_id": "r", "error_code": "forbidden"}'
    head = b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n" % len(body)
    with StreamStub([head, body]) as stub, pytest.raises(Forbidden):
        follow(stub.url, 1)
    assert len(stub.asked) == 1


def test_what_is_no_stream_is_said_so(follow):
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"
    with (
        StreamStub([page]) as stub,
        pytest.raises(ServerError, match="wanted text/event-stream, found 'text/html'"),
    ):
        follow(stub.url, 1)


def test_an_event_that_cannot_be_read_is_not_passed_over(follow):
    with (
        StreamStub([HEAD, b"id: 1\ndata: {}\n\n", STAY]) as stub,
        pytest.raises(ServerError, match="wanted an event, found"),
    ):
        follow(stub.url, 1)


def test_after_an_event_that_cannot_be_read_the_others_still_come():
    garbled = event(1) + b"id: 2\ndata: {}\n\n" + event(3)
    with (
        StreamStub([HEAD, garbled, STAY], [HEAD, event(3), STAY]) as stub,
        Ordo(stub.url, "t") as ordo,
        ordo.events() as events,
    ):
        with pytest.raises(ServerError):
            next(events)
        assert ids([next(events), next(events)]) == [1, 3]
    assert stub.resumed_from == [None, "2"]


def test_without_anybody_there_it_gives_up_when_it_is_told_to(follow):
    with pytest.raises(Unreachable, match="no Ordo answers at"):
        follow(f"http://127.0.0.1:{free_port()}", 1, give_up_after=0.5)


def test_a_real_ordo_tells_of_an_order_as_it_goes(secure, follow):
    with secure.client() as ordo:
        before = max((record.seq for record in ordo.audit(limit=1000)), default=0)
        order = Order(
            symbol="NSE:SBIN", side="BUY", quantity=1, type="LIMIT", price=790
        )
        placed = ordo.place(order, "one")
        ordo.cancel(placed.legs[0].order_id)
    login = (secure.token, secure.ca)
    events, _ = follow(secure.url, 4, login, after=before, give_up_after=10)
    mine = placed.legs[0].order_id
    assert [(one.type, one.order_id) for one in events] == [
        ("order.placed", mine),
        ("order.acked", mine),
        ("order.cancel_requested", mine),
        ("order.cancelled", mine),
    ]


# The machine alone, with the time handed in


class Middle(random.Random):
    """Always the middle of the range: no jitter."""

    def uniform(self, low, high):
        return (low + high) / 2


def following(**options):
    now = [0.0]
    given = {"brokers": None, "after": None, "give_up_after": None} | options
    machine = Following(clock=lambda: now[0], rng=Middle(), **given)
    return now, machine


LOST = Unreachable("lost")


def test_the_wait_is_as_long_as_ordo_told_at_least_and_grows_to_half_a_minute():
    _, machine = following()
    list(machine.received(b"retry: 2000\n\n"))
    waits = [machine.lost(LOST) for _ in range(7)]
    assert waits == [3.0, 6.0, 12.0, 24.0, 30.0, 30.0, 30.0]


def test_a_byte_that_comes_makes_the_waits_short_again():
    _, machine = following()
    waits = [machine.lost(LOST) for _ in range(4)]
    list(machine.received(b": quiet\n\n"))
    assert (waits[-1], machine.lost(LOST)) == (12.0, 1.5)


def test_the_time_without_a_connection_is_counted_from_the_break():
    now, machine = following(give_up_after=60)
    now[0] = 1000.0
    assert machine.lost(LOST) == 1.5
    now[0] += 58
    with pytest.raises(Unreachable):
        machine.lost(LOST)


def test_a_store_that_cannot_be_read_just_now_is_waited_for():
    _, machine = following()
    assert machine.lost(StorageUnavailable("disk", http_status=507)) == 1.5


def test_a_silent_stream_is_given_up_after_three_signs_of_life_are_missing():
    _, machine = following()
    assert machine.connect().seconds == 45.0
