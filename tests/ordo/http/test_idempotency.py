"""Idempotency by HTTP: all rows of reliability.md section 1, and api.md's key rules."""

import pytest
import trio

from adapters.brokers.paper import Fault
from tests.ordo.http.caller import ORDER, a_body, calling


async def test_the_same_key_and_body_is_replayed_with_the_same_ids(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        first = await caller.place(key="key-1")
        again = await caller.place(key="key-1")
        sent = caller.sent()
    assert again.status == 200
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.data == {**first.data, "replayed": True}
    assert again.legs[0]["order_id"] == first.legs[0]["order_id"]
    assert again.headers["Server-Timing"].endswith("broker;dur=0.000")
    assert len(sent) == 1


async def test_a_hundred_at_once_with_one_key_make_one_batch_and_one_order(
    autojump_clock, tmp_path
):
    answers = []

    async def send(caller):
        answers.append(await caller.place(key="key-1"))

    async with calling(tmp_path) as caller:
        caller.papers["one"].script.on("place", Fault.delay(1))
        async with trio.open_nursery() as senders:
            for _ in range(100):
                senders.start_soon(send, caller)
        sent = caller.sent()
    assert {answer.status for answer in answers} == {200}
    assert len({answer.data["batch_id"] for answer in answers}) == 1
    assert sum(answer.data["replayed"] for answer in answers) == 99
    assert len(sent) == 1


async def test_order_of_fields_and_spelling_of_numbers_make_no_difference(
    autojump_clock, tmp_path
):
    plain = (
        b'{"brokers":["one"],"orders":[{"symbol":"NSE:SBIN","side":"BUY","quantity":10,'
        b'"type":"LIMIT","price":813.50}]}'
    )
    other = (
        b'{ "orders" : [{"price":8.135e2,"type":"LIMIT","quantity":10.0,"side":"BUY",'
        b'"symbol":"NSE:SBIN","product":"CNC","validity":"DAY"}], "brokers":["one"] }'
    )
    async with calling(tmp_path) as caller:
        await caller.place(raw=plain, key="key-1")
        again = await caller.place(raw=other, key="key-1")
    assert (again.status, again.data["replayed"]) == (200, True)


@pytest.mark.parametrize(
    "body",
    [
        a_body("one", "two"),
        a_body(quantity=11),
        a_body(note="x"),
        {**a_body(), "portfolio_id": "p"},
        {**a_body(), "orders": [ORDER, ORDER]},
        {**a_body(), "deadline_ms": 4000},
    ],
    ids=["a broker", "a quantity", "a note", "a portfolio", "an order", "a deadline"],
)
async def test_the_same_key_with_another_body_is_422_without_any_detail(
    autojump_clock, tmp_path, body
):
    async with calling(tmp_path, "one", "two") as caller:
        await caller.place(key="key-1")
        answer = await caller.place(body, key="key-1")
        sent = caller.sent("one") + caller.sent("two")
    assert (answer.status, answer.code) == (422, "idempotency_key_reused")
    assert answer.data == {}
    assert answer.legs == []
    assert answer.json["message"] == (
        "this idempotency key was used with another body; take a new one"
    )
    assert len(sent) == 1


async def test_another_principal_may_use_the_same_key(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        mine = await caller.place(key="key-1", scope="trade")
        theirs = await caller.place(key="key-1", scope="admin")
        sent = caller.sent()
    assert theirs.data["replayed"] is False
    assert theirs.data["batch_id"] != mine.data["batch_id"]
    assert len(sent) == 2


async def test_two_keys_with_one_body_are_two_orders(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        await caller.place(key="key-1")
        await caller.place(key="key-2")
        sent = caller.sent()
    assert len(sent) == 2


async def test_without_keys_one_body_is_two_orders_with_keys_of_ordos_making(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        first = await caller.place()
        second = await caller.place()
        again = await caller.place(key=first.data["idempotency_key"])
        sent = caller.sent()
    assert first.data["idempotency_key"] != second.data["idempotency_key"]
    assert again.data["replayed"] is True
    assert len(sent) == 2


async def test_where_some_legs_fail_the_good_ones_stand_and_the_replay_says_the_same(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, "one", "two") as caller:
        caller.papers["two"].script.on("place", Fault.refuse())
        first = await caller.place(a_body("one", "two"), key="key-1")
        again = await caller.place(a_body("one", "two"), key="key-1")
        sent = caller.sent("one")
    assert (first.status, first.json["status"]) == (200, "partial")
    assert (again.status, again.json["status"]) == (200, "partial")
    assert len(sent) == 1


async def test_a_client_that_leaves_loses_nothing_and_is_replayed_later(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        caller.papers["one"].script.on("place", Fault.delay(1))
        with trio.move_on_after(0.5):
            await caller.place(key="key-1")
        await trio.sleep(2)
        again = await caller.place(key="key-1")
        sent = caller.sent()
    assert (again.status, again.data["replayed"]) == (200, True)
    assert sent == [again.legs[0]["order_id"]]


async def test_after_a_restart_a_key_is_still_known(autojump_clock, tmp_path):
    from tests.support.memory_store import MemoryStore

    store = MemoryStore()
    async with calling(tmp_path, store=store) as caller:
        first = await caller.place(key="key-1", scope="trade")
        tokens = caller.system.tokens, caller.tokens
    async with calling(tmp_path, store=store.copied()) as caller:
        caller.system.tokens, caller.tokens = tokens
        again = await caller.place(key="key-1", scope="trade")
    assert again.data == {**first.data, "replayed": True}


async def test_a_running_key_is_409_after_two_seconds_with_the_batch_to_ask_for(
    autojump_clock, tmp_path
):
    answers = {}

    async def send(caller, name):
        began = trio.current_time()
        answers[name] = await caller.place(key="key-1")
        answers[name, "took"] = trio.current_time() - began

    async with calling(tmp_path) as caller:
        caller.papers["one"].script.on("place", Fault.delay(4))
        async with trio.open_nursery() as senders:
            senders.start_soon(send, caller, "first")
            await trio.sleep(0.5)
            senders.start_soon(send, caller, "second")
    first, second = answers["first"], answers["second"]
    assert (second.status, second.code) == (409, "idempotency_in_progress")
    assert answers["second", "took"] == 2
    assert second.headers["Retry-After"] == "1"
    assert second.data["batch_id"] == first.data["batch_id"]
    assert second.headers["Location"] == f"/api/v1/batches/{first.data['batch_id']}"
    assert first.status == 200


async def test_an_expired_key_is_422_and_a_refused_order_rather_than_a_second_one(
    autojump_clock, tmp_path
):
    import msgspec

    from tests.support.memory_store import MemoryStore

    store = MemoryStore()
    async with calling(tmp_path, store=store) as caller:
        await caller.place(key="key-1")
        for scope, taken in store._keys.items():  # as the nightly expiry leaves it
            store._keys[scope] = msgspec.structs.replace(taken, expired=True)
        same = await caller.place(key="key-1")
        other = await caller.place(a_body(quantity=11), key="key-1")
        sent = caller.sent()
    assert (same.status, same.code) == (422, "idempotency_key_expired")
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert len(sent) == 1


@pytest.mark.parametrize("key", ["a" * 256, "two words", "", "naïve", "tab\tbed"])
async def test_a_malformed_key_is_400_in_the_body(autojump_clock, tmp_path, key):
    async with calling(tmp_path) as caller:
        answer = await caller.place({**a_body(), "idempotency_key": key})
    assert (answer.status, answer.code) == (400, "bad_request")
    assert answer.json["message"] == (
        "$.idempotency_key: wanted 1 to 255 visible ASCII characters, "
        f"found {len(key)} that are not all of these"
    )


@pytest.mark.parametrize("key", ["a" * 256, "two words", ""])
async def test_a_malformed_key_is_400_in_the_header(autojump_clock, tmp_path, key):
    async with calling(tmp_path) as caller:
        answer = await caller.place(key=key)
    assert (answer.status, answer.code) == (400, "bad_request")
    assert answer.json["message"].startswith("Idempotency-Key: wanted 1 to 255 visible")


async def test_keys_of_1_and_of_255_visible_characters_are_good(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        short = await caller.place(key="~")
        long = await caller.place(key="!" * 255)
    assert (short.status, long.status) == (200, 200)


async def test_header_and_body_may_give_the_same_key_but_not_two(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        same = await caller.place({**a_body(), "idempotency_key": "key-1"}, key="key-1")
        only_body = await caller.place({**a_body(), "idempotency_key": "key-1"})
        only_header = await caller.place(key="key-1")
        differ = await caller.place({**a_body(), "idempotency_key": "a"}, key="b")
    assert same.data["replayed"] is False
    assert only_body.data["replayed"] is True
    assert only_header.data["replayed"] is True
    assert (differ.status, differ.code) == (400, "bad_request")
    assert differ.json["message"] == (
        "Idempotency-Key and $.idempotency_key differ; send one"
    )


async def test_a_key_is_wanted_where_the_settings_say_so(autojump_clock, tmp_path):
    async with calling(tmp_path, require_key=True) as caller:
        without = await caller.place()
        with_one = await caller.place(key="key-1")
    assert (without.status, without.code) == (400, "bad_request")
    assert with_one.status == 200


async def test_a_key_for_legs_side_by_side_is_another_ones_than_for_legs_in_turn(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        await caller.place(key="key-1")
        plain = await caller.place({**a_body(), "sequential": False}, key="key-1")
        in_turn = await caller.place({**a_body(), "sequential": True}, key="key-1")
    assert (plain.status, plain.data["replayed"]) == (200, True)
    assert (in_turn.status, in_turn.code) == (422, "idempotency_key_reused")


async def test_a_key_for_an_order_that_may_be_sliced_is_another_one(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        await caller.place(key="key-1")
        whole = await caller.place(a_body(slice=False), key="key-1")
        sliced = await caller.place(a_body(slice=True), key="key-1")
    assert (whole.status, whole.data["replayed"]) == (200, True)
    assert (sliced.status, sliced.code) == (422, "idempotency_key_reused")
