"""One order's way through the actors, in virtual time."""

import msgspec
import trio

from actors.messages import (
    BatchDone,
    CancelOrder,
    EngageSwitch,
    InProgress,
    KeyReused,
    NothingAccepted,
    ReadSwitch,
    ReleaseSwitch,
    StoreDown,
    TradingHalted,
)
from adapters.brokers.paper import Fault
from tests.support.gateway import (
    a_batch,
    an_order,
    make_paper,
    make_system,
    place,
    running,
)
from tests.support.memory_store import MemoryStore


def tags(paper):
    """The tags in a paper broker's book, oldest first."""
    return [entry.tag for entry in paper._account.book.entries.values()]


def statuses(done):
    return [order.status for order in done.orders]


async def test_an_order_fans_out_to_two_brokers_and_both_take_it(autojump_clock):
    ports = {"one": make_paper(1), "two": make_paper(2)}
    async with running(make_system(ports)) as system:
        done = await place(system, a_batch("one", "two"))
    assert statuses(done) == ["acked", "acked"]
    for name, order in zip(ports, done.orders, strict=True):
        assert tags(ports[name]) == [order.order_id]


async def test_the_same_key_and_body_gives_the_same_batch_and_sends_nothing(
    autojump_clock,
):
    paper = make_paper()
    async with running(make_system({"one": paper})) as system:
        first = await place(system, a_batch("one"))
        again = await place(system, a_batch("one"))
    assert again.replayed
    assert again.batch == first.batch
    assert len(tags(paper)) == 1


async def test_the_same_key_with_another_body_is_refused(autojump_clock):
    async with running(make_system({"one": make_paper()})) as system:
        await place(system, a_batch("one"))
        answer = await place(system, a_batch("one", fingerprint="other"))
    assert answer == KeyReused(expired=False)


async def test_a_hundred_at_once_with_one_key_make_one_order(autojump_clock):
    paper = make_paper()
    answers = []

    async def send(system):
        answers.append(await place(system, a_batch("one")))

    system = make_system({"one": paper})
    async with running(system), trio.open_nursery() as senders:
        for _ in range(100):
            senders.start_soon(send, system)
    assert len(tags(paper)) == 1
    assert len({answer.batch.batch_id for answer in answers}) == 1
    assert sum(answer.replayed for answer in answers) == 99


async def test_a_running_request_of_the_same_key_is_told_after_two_seconds(
    autojump_clock,
):
    paper = make_paper()
    paper.script.on("place", Fault.delay(4))
    answers = []

    async def send(system, wait):
        await trio.sleep(wait)
        answers.append((trio.current_time(), await place(system, a_batch("one"))))

    async with running(make_system({"one": paper})) as system:
        started = trio.current_time()
        async with trio.open_nursery() as senders:
            senders.start_soon(send, system, 0)
            senders.start_soon(send, system, 1)
    early = next(answer for _, answer in answers if isinstance(answer, InProgress))
    done = next(answer for _, answer in answers if isinstance(answer, BatchDone))
    assert early.batch_id == done.batch.batch_id
    assert started == 0


async def test_a_silent_broker_leaves_the_order_unknown_and_the_book_settles_it(
    autojump_clock,
):
    paper = make_paper()
    paper.script.on("place", Fault.lose_answer(after=1, hidden_for=1.5))
    system = make_system({"one": paper})
    async with running(system):
        done = await place(system, a_batch("one"))
        assert statuses(done) == ["unknown"]
        await trio.sleep(1.5)
        order_id = done.orders[0].order_id
        settled = await system.records.read(lambda store: store.order(order_id))
    assert settled.status == "filled"
    assert len(tags(paper)) == 1


async def test_an_order_that_never_arrived_is_not_placed_after_two_minutes(
    autojump_clock,
):
    paper = make_paper()
    paper.script.on("place", Fault.lose_request())
    system = make_system({"one": paper})
    async with running(system):
        done = await place(system, a_batch("one"))
        order_id = done.orders[0].order_id

        async def status():
            row = await system.records.read(lambda store: store.order(order_id))
            return row.status

        await trio.sleep(119)
        assert await status() == "unknown"
        await trio.sleep(60)
        assert await status() == "not_placed"
    assert tags(paper) == []


async def test_a_connect_failure_is_tried_again_with_the_same_tag(autojump_clock):
    paper = make_paper()
    paper.script.on("place", Fault.connect_failure(), times=2)
    async with running(make_system({"one": paper})) as system:
        done = await place(system, a_batch("one"))
    assert statuses(done) == ["acked"]
    assert done.orders[0].attempts == 3
    assert tags(paper) == [done.orders[0].order_id]


async def test_three_connect_failures_end_as_not_sent(autojump_clock):
    paper = make_paper()
    paper.script.on("place", Fault.connect_failure(), times=3)
    async with running(make_system({"one": paper})) as system:
        done = await place(system, a_batch("one"))
    assert statuses(done) == ["denied"]
    assert done.orders[0].error_code == "not_sent"


async def test_a_refusal_is_rejected_in_the_brokers_words(autojump_clock):
    paper = make_paper()
    paper.script.on("place", Fault.refuse("RMS", "no margin"))
    async with running(make_system({"one": paper})) as system:
        done = await place(system, a_batch("one"))
    order = done.orders[0]
    assert (order.status, order.error_code) == ("rejected", "rejected")
    assert (order.broker_code, order.broker_message) == ("RMS", "no margin")


async def test_the_answer_leaves_at_the_deadline_and_the_late_ack_still_counts(
    autojump_clock,
):
    paper = make_paper()
    paper.script.on("place", Fault(after=8, hidden_for=9))
    system = make_system({"one": paper})
    async with running(system):
        done = await place(system, a_batch("one"))
        assert trio.current_time() == 4.9
        assert statuses(done) == ["unknown"]
        await trio.sleep(5)
        order_id = done.orders[0].order_id
        row = await system.records.read(lambda store: store.order(order_id))
    assert row.status in ("acked", "filled")
    assert row.broker_order_id is not None


async def test_while_halted_nothing_is_sent_but_a_known_key_is_replayed(
    autojump_clock,
):
    paper = make_paper()
    async with running(make_system({"one": paper})) as system:
        first = await place(system, a_batch("one"))
        await system.killswitch.ask(EngageSwitch(by="token:test", reason="test"))
        assert await place(system, a_batch("one", key="key-2")) == TradingHalted(
            reason="test"
        )
        again = await place(system, a_batch("one"))
        await system.killswitch.ask(ReleaseSwitch(by="token:test"))
        after = await place(system, a_batch("one", key="key-2"))
    assert again.batch == first.batch
    assert statuses(after) == ["acked"]
    assert len(tags(paper)) == 2


async def test_an_order_that_is_connecting_when_the_switch_turns_does_not_leave(
    autojump_clock,
):
    paper = make_paper()
    paper.script.on("place", Fault.slow_connect(2))
    answers = []

    async def send(system):
        answers.append(await place(system, a_batch("one")))

    system = make_system({"one": paper})
    async with running(system), trio.open_nursery() as senders:
        await trio.sleep(2)
        senders.start_soon(send, system)
        await trio.sleep(1)
        report = await system.killswitch.ask(EngageSwitch(by="me", reason="now"))
    assert report.on_the_wire == ()
    assert answers[0].orders[0].error_code == "kill_switch_engaged"
    assert tags(paper) == []


async def test_the_switch_names_what_had_left_and_cancels_what_is_open(
    autojump_clock,
):
    paper = make_paper()
    resting = an_order(price=700)
    async with running(make_system({"one": paper})) as system:
        done = await place(system, a_batch("one", orders=[resting]))
        engage = EngageSwitch(by="me", reason="enough", cancel_open=True)
        await system.killswitch.ask(engage)
        await trio.sleep(1)
        report = await system.killswitch.ask(ReadSwitch())
        order_id = done.orders[0].order_id
        row = await system.records.read(lambda store: store.order(order_id))
    assert row.status == "cancelled"
    assert [(p.wanted, p.done, p.failed) for p in report.progress] == [(1, 1, 0)]


async def test_a_cancel_of_an_open_order_is_confirmed_by_the_book(autojump_clock):
    paper = make_paper()
    async with running(make_system({"one": paper})) as system:
        done = await place(system, a_batch("one", orders=[an_order(price=700)]))
        cancel = CancelOrder(order_id=done.orders[0].order_id, by="token:test")
        answer = await system.router.ask(cancel)
        again = await system.router.ask(cancel)
    assert answer.record.status == "cancelled"
    assert answer.denial is None
    assert again.denial.code == "conflict"


async def test_where_every_leg_is_denied_nothing_is_stored_and_the_key_stays_free(
    autojump_clock,
):
    store = MemoryStore()
    bad = an_order(symbol="NOWHERE:X")
    async with running(make_system({"one": make_paper()}, store)) as system:
        answer = await place(system, a_batch("one", orders=[bad]))
        after = await place(system, a_batch("one", fingerprint="other"))
    assert isinstance(answer, NothingAccepted)
    assert answer.legs[0].answer.code == "unsupported"
    assert statuses(after) == ["acked"]


async def test_a_failing_store_takes_no_order_and_comes_back(autojump_clock):
    store, paper = MemoryStore(), make_paper()
    async with running(make_system({"one": paper}, store)) as system:
        store.failing = "disk full"
        first = await place(system, a_batch("one"))
        assert isinstance(first, StoreDown)
        assert not system.store.ok
        store.failing = None
        await trio.sleep(6)
        after = await place(system, a_batch("one"))
    assert statuses(after) == ["acked"]
    assert len(tags(paper)) == 1


async def test_an_outcome_that_cannot_be_stored_is_unknown_until_it_is(
    autojump_clock,
):
    store, paper = MemoryStore(), make_paper()
    paper.script.on("place", Fault.delay(1))
    system = make_system({"one": paper}, store)
    answers = []

    async def send():
        answers.append(await place(system, a_batch("one")))

    async with running(system):
        await trio.sleep(2)
        async with trio.open_nursery() as senders:
            senders.start_soon(send)
            await trio.sleep(0.5)
            store.failing = "disk full"
        assert statuses(answers[0]) == ["unknown"]
        store.failing = None
        await trio.sleep(10)
        order_id = answers[0].orders[0].order_id
        row = await system.records.read(lambda store: store.order(order_id))
    assert row.status == "filled"


async def test_after_a_crash_a_sending_order_is_looked_up_before_new_ones_go(
    autojump_clock,
):
    store, paper = MemoryStore(), make_paper()
    paper.script.on("place", Fault.never())
    first = make_system({"one": paper}, store)
    async with running(first), trio.open_nursery() as senders:
        senders.start_soon(place, first, a_batch("one"))
        await trio.sleep(2)
        left = store.copied()  # what `kill -9` leaves behind now
    assert [row.status for row in left.unsettled("one")] == ["placed"]

    paper.script.on("order_book", Fault.delay(3))
    second = make_system({"one": paper}, left, seed=2)
    async with running(second):
        early = await place(second, a_batch("one", key="key-2"))
        assert early.legs[0].answer.code == "broker_recovering"
        await trio.sleep(5)
        row = left.unsettled("one")
        late = await place(second, a_batch("one", key="key-2"))
        again = await place(second, a_batch("one"))
    assert row == []
    assert statuses(late) == ["acked"]
    assert statuses(again) == ["filled"]
    assert len(tags(paper)) == 2


async def test_a_message_is_frozen_and_names_its_kind():
    message = CancelOrder(order_id="X", by="token:test")
    assert msgspec.json.decode(msgspec.json.encode(message))["type"] == "CancelOrder"
