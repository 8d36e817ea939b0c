"""A message by hand: on record before it is delivered, and as safe as by HTTP."""

from contextlib import asynccontextmanager

import msgspec
import pytest
import trio

from adapters import OrderQuery
from adapters.brokers.paper import Fault
from adapters.login import ChallengeKind
from ordo.console.delivery import Unconfirmed
from ordo.http.errors import ApiError
from tests.ordo.console.asking import ORDER, Asker, actions, on_record
from tests.ordo.http.caller import a_body, calling
from tests.support.gateway import make_paper, make_system, running
from tests.support.logins import OTP, Guarded
from tests.support.memory_store import MemoryStore


@asynccontextmanager
async def asking(*brokers, store=None, **ports):
    """A gateway, running, and somebody who asks."""
    papers = {name: make_paper() for name in brokers or ("one",)}
    system = make_system({**papers, **ports}, store)
    async with running(system):
        await trio.sleep(2)  # a start counts the second before it as full of calls
        yield Asker(system)


def tags(asker, broker="one"):
    book = asker.call.system.seats[broker].port._account.book
    return [entry.tag for entry in book.entries.values()]


async def refused(asker, *message, **more):
    with pytest.raises(ApiError) as error:
        await asker(*message, **more)
    return error.value.code, error.value.message


# On record ----------------------------------------------------------------------------


async def test_who_asked_what_of_whom_is_on_record(autojump_clock):
    store = MemoryStore()
    async with asking(store=store) as ask:
        await ask("broker:one", "GetQuotes", "symbols=NSE:SBIN")
    (entry,) = on_record(store)
    assert msgspec.to_builtins(entry) == {
        "actor": "token:test",
        "action": "console.asked",
        "request_id": "request-1",
        "batch_id": None,
        "order_id": None,
        "broker": "one",
        "detail": {
            "to": "broker:one",
            "message": "Fetch",
            "by": "ask",
            "fields": {"kind": "quotes", "symbols": ("NSE:SBIN",), "orders": ()},
        },
    }


async def test_it_is_on_record_before_it_is_delivered(autojump_clock):
    store = MemoryStore()
    async with asking(store=store) as ask:
        await ask("router", "PlaceBatch", *ORDER)
        await ask("kill-switch", "EngageSwitch", "reason=enough")
    found = [name for name in actions(store) if "console" in name or "accepted" in name]
    assert found == ["console.asked", "order.accepted", "console.asked"]
    assert actions(store).index("kill_switch.engaged") > actions(store).index(
        "order.accepted"
    )
    assert actions(store)[-2:] == ["console.asked", "kill_switch.engaged"]


async def test_what_cannot_be_recorded_is_not_delivered(autojump_clock):
    store = MemoryStore()
    async with asking(store=store) as ask:
        store.failing = "disk full"
        code, words = await refused(ask, "broker:one", "SetBreaker", "state=OPEN")
        report = await ask("broker:one", "ReadBroker")
    assert code == "storage_unavailable"
    assert words == "it cannot be recorded, so it was not delivered: disk full"
    assert report.reply["breaker"] == "CLOSED"


async def test_a_read_goes_on_where_it_cannot_be_recorded(autojump_clock, caplog):
    store = MemoryStore()
    async with asking(store=store) as ask:
        store.failing = "disk full"
        found = await ask("broker:one", "GetFunds")
    assert found.status == "success"
    assert "not recorded: token:test asks Fetch of broker:one: disk full" in caplog.text


async def test_a_halt_waits_for_no_record(autojump_clock):
    store = MemoryStore()
    async with asking(store=store) as ask:
        store.failing = "disk full"
        began = trio.current_time()
        reply = await ask("kill-switch", "EngageSwitch", "reason=enough")
        assert ask.call.system.trading.engaged
        assert trio.current_time() - began < 1
    assert (reply.type, reply.status) == ("StoreDown", "error")


async def test_an_answer_to_a_log_in_is_masked_on_record(autojump_clock):
    store, guarded = MemoryStore(), Guarded(kind=ChallengeKind.OTP)
    async with asking(store=store, guarded=guarded) as ask:
        begun = await ask("broker:guarded", "BeginLogin")
        number = begun.reply["challenge"]["challenge_id"]
        args = (f"challenge_id={number}", f"answers.otp={OTP}")
        done = await ask("broker:guarded", "VerifyLogin", *args)
    assert done.reply["state"] == "active"
    verify = on_record(store)[-1]
    fields = {"answers": {"otp": "***"}, "challenge_id": number}
    assert verify.detail["fields"] == fields
    assert OTP not in repr([msgspec.to_builtins(each) for each in on_record(store)])


# Orders -------------------------------------------------------------------------------


async def test_an_order_is_sent_once_whoever_asks_again(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        who = caller.system.tokens.principal(caller.tokens["admin"])
        ask = Asker(caller.system, who)
        order = [each for each in ORDER if not each.endswith("700")]
        order += ["order.price=813.0", "order.product=INTRADAY", "idempotency_key=k1"]
        first = await ask("router", "PlaceBatch", *order)
        again = await ask("router", "PlaceBatch", *order)
        by_http = await caller.place(a_body("one"), key="k1")
        other = await ask("router", "PlaceBatch", *order, "order.quantity=11")
        sent = caller.sent()
    ids = [reply.reply["batch"]["batch_id"] for reply in (first, again)]
    assert ids == [by_http.data["batch_id"]] * 2
    assert [again.reply["replayed"], by_http.data["replayed"]] == [True, True]
    assert other.type == "KeyReused"
    assert len(sent) == 1


async def test_what_moves_money_is_looked_at_twice_and_not_recorded_before(
    autojump_clock,
):
    store = MemoryStore()
    async with asking(store=store) as ask:
        with pytest.raises(Unconfirmed) as look:
            await ask("router", "PlaceBatch", *ORDER, confirmed=False)
        sent = tags(ask)
    assert look.value.words == "sends BUY 10 NSE:SBIN LIMIT at 700 CNC to one"
    assert (sent, on_record(store)) == ([], [])


async def test_a_dry_run_needs_no_second_look(autojump_clock):
    async with asking() as ask:
        dry = await ask("router", "PlaceBatch", *ORDER, "dry_run=true", confirmed=False)
        sent = tags(ask)
    assert (dry.type, dry.status, sent) == ("NothingAccepted", "success", [])


async def test_while_halted_an_order_is_refused_and_a_known_key_replayed(
    autojump_clock,
):
    async with asking() as ask:
        await ask("router", "PlaceBatch", *ORDER, "idempotency_key=k1")
        await ask("kill-switch", "EngageSwitch", "reason=enough")
        refusal = await ask("router", "PlaceBatch", *ORDER)
        replay = await ask("router", "PlaceBatch", *ORDER, "idempotency_key=k1")
        sent = tags(ask)
    assert (refusal.type, refusal.status) == ("TradingHalted", "error")
    assert (replay.type, replay.reply["replayed"]) == ("BatchDone", True)
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("name", "args"),
    [("PlaceBatch", ORDER), ("ClosePositions", ["brokers=one"])],
)
async def test_nothing_is_sent_while_ordo_stops(autojump_clock, name, args):
    async with asking() as ask:
        ask.call.system.stopping = True
        code, _ = await refused(ask, "router", name, *args)
    assert code == "shutting_down"


async def test_an_order_is_changed_and_cancelled_by_hand(autojump_clock):
    async with asking() as ask:
        placed = await ask("router", "PlaceBatch", *ORDER)
        order_id = placed.reply["orders"][0]["order_id"]
        args = (f"order_id={order_id}", "price=701.5")
        with pytest.raises(Unconfirmed) as look:
            await ask("router", "ModifyOrder", *args, confirmed=False)
        changed = await ask("router", "ModifyOrder", *args)
        gone = await ask(
            "router", "CancelOrder", f"order_id={order_id}", confirmed=False
        )
    assert look.value.words == f"changes order {order_id}: price 701.5"
    assert (changed.status, gone.status) == ("success", "success")
    assert str(changed.reply["record"]["order"]["price"]) == "701.5"
    assert gone.reply["record"]["status"] == "cancelled"


async def test_a_lost_answer_is_told_as_pending(autojump_clock):
    async with asking() as ask:
        port = ask.call.system.seats["one"].port
        port.script.on("place", Fault.never())
        placed = await ask("router", "PlaceBatch", *ORDER, "deadline_ms=500")
    assert (placed.type, placed.status) == ("BatchDone", "pending")


async def test_cancels_may_be_told(autojump_clock):
    store = MemoryStore()
    async with asking(store=store) as ask:
        await ask("router", "PlaceBatch", *ORDER)
        told = await ask.tell("router", "CancelOpen")
        await trio.sleep(5)
        (row,) = store.orders(OrderQuery(limit=10))
    assert (told.type, told.status, str(row.status)) == ("Told", "success", "cancelled")


# Refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        (("writer", "Commit"), "not_found", "no actor 'writer'"),
        (("broker:two", "Fetch"), "not_found", "no actor 'broker:two'"),
        (("router", "ReadBroker"), "not_found", "router takes no 'ReadBroker'"),
        (("broker:one", "SendOrder"), "forbidden", "SendOrder is not sent by hand"),
        (("router", "Admit"), "forbidden", "Admit is not sent by hand"),
        (
            ("router", "GetFunds", "brokers=two"),
            "validation_failed",
            "$.brokers[0]: wanted one of one",
        ),
        (
            ("masters", "SyncInstruments", "brokers=one"),
            "validation_failed",
            "$.brokers[0]: wanted one of none",
        ),
        (
            ("broker:one", "GetQuotes"),
            "validation_failed",
            "$.symbols: wanted 1 to 200, found 0",
        ),
        (
            ("broker:one", "GetQuotes", "symbols=nope"),
            "validation_failed",
            "$.symbols[0]: wanted EXCHANGE:NAME",
        ),
        (
            ("broker:one", "GetFunds", "symbols=NSE:SBIN"),
            "validation_failed",
            "$.symbols: funds wants none",
        ),
        (("broker:one", "GetMargin"), "validation_failed", "$.orders: wanted for"),
        (
            ("router", "CancelOrder", "order_id=1"),
            "not_found",
            "no order '1'",
        ),
        (
            ("router", "ModifyOrder", f"order_id={'0' * 16}"),
            "validation_failed",
            "wanted quantity, price",
        ),
        (
            ("kill-switch", "EngageSwitch", "reason=" + "x" * 257),
            "validation_failed",
            "$.reason: wanted 1 to 256",
        ),
        (
            ("broker:one", "ReadBroker", "by=me"),
            "validation_failed",
            "by: no such field; there are: none",
        ),
    ],
)
async def test_what_http_would_refuse_is_refused(autojump_clock, message, code, words):
    async with asking() as ask:
        found, said = await refused(ask, *message)
    assert found == code
    assert said.startswith(words)


async def test_the_second_door_holds_the_switch(autojump_clock, tmp_path):
    async with asking() as ask:
        await ask("kill-switch", "EngageSwitch", "reason=enough")
        ask.call.system.door.path = tmp_path / "HALT"
        ask.call.system.door.path.touch()
        code, _ = await refused(ask, "kill-switch", "ReleaseSwitch")
        ask.call.system.door.path.unlink()
        released = await ask("kill-switch", "ReleaseSwitch")
    assert (code, released.reply["switch"]["engaged"]) == ("conflict", False)


async def test_log_ins_are_counted_as_by_http(autojump_clock):
    guarded = Guarded(kind=ChallengeKind.OTP)
    async with asking(guarded=guarded) as ask:
        for _ in range(5):
            await ask("broker:guarded", "BeginLogin")
        code, words = await refused(ask, "broker:guarded", "BeginLogin")
    assert code == "rate_limited"
    assert words.startswith("too many log-ins begun at guarded; again in ")


async def test_what_only_answers_is_not_told(autojump_clock):
    async with asking() as ask:
        with pytest.raises(ApiError) as error:
            await ask.tell("broker:one", "ReadBroker")
    assert error.value.message == "ReadBroker is asked, so that its end is seen"


async def test_an_actor_that_does_not_answer_is_told_so(autojump_clock):
    async with asking() as ask:
        port = ask.call.system.seats["one"].port
        port.script.on("funds", Fault.never())
        code, words = await refused(ask, "broker:one", "GetFunds", seconds=3)
    assert code == "overloaded"
    assert words == "broker:one gave no answer in 3 s; nothing changed"


async def test_a_paper_order_is_filled_by_hand_at_its_own_broker_only(autojump_clock):
    async with asking("one", "two") as ask:
        placed = await ask("router", "PlaceBatch", *ORDER)
        order_id = placed.reply["orders"][0]["order_id"]
        fill = (f"order_id={order_id}", "fill.fill_price=700", "fill.fill_qty=4")
        code, _ = await refused(ask, "broker:two", "SimulateFill", *fill)
        filled = await ask("broker:one", "SimulateFill", *fill)
    assert code == "conflict"
    assert filled.reply["record"]["status"] == "partially_filled"
    assert filled.reply["record"]["filled_quantity"] == 4
