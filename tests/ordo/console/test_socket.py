"""The console over real sockets and TLS: who gets in, what goes over, how it ends."""

import httpx
import pytest
import trio
from trio_websocket import ConnectionClosed

from ordo.http import console
from ordo.http.server import MOST_FRAME
from ordo.tokens import Scope, TokenBook
from tests.ordo.console.asking import actions
from tests.ordo.console.talking import talking
from tests.ordo.http.serving import TOKEN, serving

AUTH = ("Authorization", f"Bearer {TOKEN}")
GOOD = ("Upgrade", "websocket"), ("Connection", "Upgrade")


async def handshake(gateway, *headers, path="/api/v1/console"):
    """What HTTP answers to the opening of a console."""
    async with gateway.client() as client:
        client.headers.clear()
        sent = [
            ("Host", "ordo"),
            *GOOD,
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            *headers,
        ]
        return await client.get(path, headers=sent)


async def closed(talk):
    """Why the console ended."""
    try:
        while True:
            await talk.next()
    except ConnectionClosed as error:
        return error.reason.code, error.reason.reason


def a_token(gateway, scope):
    """A stored token of that scope."""
    return gateway.system.tokens.new(scope)


async def test_a_message_goes_over_tls_and_back(tmp_path):
    async with serving(tmp_path) as gateway, talking(gateway) as talk:
        quotes = await talk.ask("broker:one", "GetQuotes", "symbols=NSE:SBIN")
    assert talk.hello["hello"] == {
        "version": "0.1.0",
        "principal": "token:config",
        "secrets": {"VerifyLogin": ["answers"]},
    }
    assert (quotes["status"], quotes["type"]) == ("success", "Fetched")
    assert quotes["reply"]["rows"][0]["symbol"] == "NSE:SBIN"


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ((), 401, "unauthorized"),
        ((("Authorization", "Bearer nope"),), 401, "unauthorized"),
        ((("Authorization", "Basic nope"),), 401, "unauthorized"),
    ],
)
async def test_without_a_good_token_there_is_no_upgrade(header, status, code):
    async with serving() as gateway:
        answer = await handshake(gateway, *header)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("scope", [Scope.READ, Scope.TRADE])
async def test_a_smaller_scope_is_refused_before_the_upgrade(tmp_path, scope):
    async with serving(tmp_path) as gateway:
        gateway.system.tokens = TokenBook(tmp_path / "tokens.json")
        header = ("Authorization", f"Bearer {a_token(gateway, scope)}")
        answer = await handshake(gateway, header)
    assert answer.status_code == 403
    assert answer.json()["message"] == f"wanted scope admin, found {scope}"


async def test_a_token_in_the_address_opens_nothing():
    async with serving() as gateway, gateway.client() as client:
        client.headers.clear()
        path = "/api/v1/console?token=a-token-for-tests"
        answer = await client.get(path, headers=[*GOOD])
    assert answer.status_code in (400, 401)


async def test_wrong_tokens_are_counted_with_those_of_http():
    async with serving() as gateway:
        header = ("Authorization", "Bearer nope")
        for _ in range(10):
            await handshake(gateway, header)
        answer = await handshake(gateway, header)
        async with talking(gateway) as talk:  # a good one is never made to wait
            pong = await talk.do(do="ping")
    assert (answer.status_code, pong["type"]) == (429, "Pong")


async def test_a_revoked_token_ends_its_console_and_delivers_nothing(tmp_path):
    async with serving(tmp_path) as gateway:
        book = gateway.system.tokens = TokenBook(tmp_path / "tokens.json")
        token = a_token(gateway, Scope.ADMIN)
        async with talking(gateway, token) as talk:
            assert (await talk.do(do="ls"))["status"] == "success"
            book.revoke(token.split("_")[1])
            await talk.send(
                do="ask", to="kill-switch", message="EngageSwitch", args=["reason=x"]
            )
            ending = await closed(talk)
        assert not gateway.system.trading.engaged
    assert ending == (1008, "the token is revoked or expired")


async def test_elsewhere_there_is_no_socket():
    async with serving() as gateway:
        answer = await handshake(gateway, AUTH, path="/api/v1/orders")
    assert (answer.status_code, answer.json()["error_code"]) == (404, "not_found")


async def test_a_bug_before_the_upgrade_is_told_and_logged(monkeypatch, caplog):
    monkeypatch.setattr(console, "principal_of", None)
    async with serving() as gateway:
        answer = await handshake(gateway, AUTH)
    assert (answer.status_code, answer.json()["error_code"]) == (500, "internal")
    assert "a console was not opened" in caplog.messages


async def test_a_bug_in_a_console_ends_it_as_a_fault_of_ours(monkeypatch, caplog):
    monkeypatch.setattr(console.Session, "_check_room", None)
    async with serving() as gateway:
        async with talking(gateway) as talk:
            await talk.send(do="ping")
            ending = await closed(talk)
        async with gateway.client() as client:
            health = await client.get("/health")
    assert ending == (1011, None)
    assert "a console failed" in caplog.messages
    assert health.status_code == 200


async def test_there_are_only_a_few_at_once(monkeypatch):
    monkeypatch.setattr(console, "MOST", 1)
    async with serving() as gateway:
        async with talking(gateway):
            refused = await handshake(gateway, AUTH)
        async with talking(gateway) as talk:  # the place is free again
            pong = await talk.do(do="ping")
    assert refused.status_code == 503
    assert refused.json()["message"] == "1 consoles are open, the limit"
    assert pong["type"] == "Pong"


async def test_a_frame_that_is_too_large_ends_the_console():
    async with serving() as gateway, talking(gateway) as talk:
        await talk.socket.send_message("x" * (MOST_FRAME + 1))
        code, _ = await closed(talk)
    assert code == 1009


async def test_what_is_no_frame_is_told_and_the_console_goes_on():
    async with serving() as gateway, talking(gateway) as talk:
        answers = []
        for raw in ("nope", "[]", '{"id": 1}', '{"id": 2, "do": "nope"}', b"\xff", b""):
            await talk.socket.send_message(raw)
            answers.append(await talk.next())
        unknown = await talk.do(do="ls", more=1)
        pong = await talk.do(do="ping")
    assert [each["error"]["code"] for each in answers] == ["bad_request"] * 6
    assert [each["id"] for each in answers] == [None, None, 1, 2, None, None]
    assert "unknown field `more`" in unknown["error"]["message"]
    assert pong["type"] == "Pong"


async def test_the_tree_is_alive():
    async with serving() as gateway, talking(gateway) as talk:
        await talk.ask("broker:one", "ReadBroker")
        await talk.ask("kill-switch", "EngageSwitch", "reason=enough")
        rows = (await talk.do(do="ls"))["reply"]
    named = {(row["depth"], row["actor"]): row for row in rows}
    one, switch = named[1, "one"], named[0, "kill-switch"]
    assert (one["state"], one["restarts"], one["taken"]) == ("running", 0, 1)
    assert (one["address"], one["queued"], one["room"]) == ("broker:one", 0, 1000)
    assert switch["note"] == "HALTED"
    assert named[0, "brokers"]["address"] is None
    assert named[0, "writer"]["address"] is None  # it takes nothing by hand
    assert named[0, "writer"]["taken"] > 0


async def test_events_are_watched_until_that_is_stopped():
    async with serving() as gateway, talking(gateway) as talk:
        watching = await talk.do(do="watch")
        await talk.ask("kill-switch", "EngageSwitch", "reason=enough")
        while "event" not in (frame := await talk.next()):
            pass
        stopped = await talk.do(do="stop", what=watching["id"])
        again = await talk.do(do="stop", what=watching["id"])
        await trio.testing.wait_all_tasks_blocked(0.05)
    assert frame["id"] == watching["id"]
    assert frame["event"]["type"] == "kill_switch.engaged"
    assert (stopped["reply"], again["reply"]) == ({"found": True}, {"found": False})


async def test_a_watch_begins_where_one_left_off():
    async with serving() as gateway, talking(gateway) as talk:
        await talk.ask("kill-switch", "EngageSwitch", "reason=one")
        await talk.ask("kill-switch", "ReleaseSwitch", confirmed=True)
        await talk.send(do="watch", after=0)
        types = []
        while len(types) < 2:
            frame = await talk.next()
            types += [frame["event"]["type"]] if "event" in frame else []
    assert types == ["kill_switch.engaged", "kill_switch.released"]


async def test_what_is_under_way_is_stopped_by_its_id():
    async with serving() as gateway, talking(gateway) as talk:
        gateway.paper.script.on("funds", never())
        number = await talk.send(
            do="ask", to="broker:one", message="GetFunds", seconds=30
        )
        await talk.send(do="stop", what=number)
        ends = [await talk.next(), await talk.next()]
    (end,) = [each for each in ends if each["id"] == number]
    assert end["error"]["code"] == "stopped"


def never():
    from adapters.brokers.paper import Fault

    return Fault.never()


async def test_ordo_stops_a_console_in_order():
    async with serving() as gateway, talking(gateway) as talk:
        began = trio.current_time()
        gateway.server.stop()
        ending = await closed(talk)
        took = trio.current_time() - began
    assert ending == (1001, "Ordo stops")
    assert took < 3  # its drain would take 5


async def test_a_console_that_just_leaves_frees_its_place(monkeypatch):
    monkeypatch.setattr(console, "MOST", 1)
    async with serving() as gateway:
        port = httpx.URL(gateway.url).port
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            head = (
                "GET /api/v1/console HTTP/1.1\r\nHost: ordo\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                "Authorization: Bearer a-token-for-tests\r\n\r\n"
            )
            await stream.send_all(head.encode())
            said = await stream.receive_some()
            assert said.startswith(b"HTTP/1.1 101")
        with trio.fail_after(5):
            while "console.closed" not in actions(gateway.system.means.store):
                await gateway.system.feed.news.wait()
        async with talking(gateway) as talk:
            pong = await talk.do(do="ping")
        began = trio.current_time()
    assert pong["type"] == "Pong"
    assert trio.current_time() - began < 3  # nobody is left that a stop waits for
