"""The router alone: over a store in memory, and brokers that play along."""

from contextlib import asynccontextmanager, suppress

import msgspec
import pytest
import trio
import trio.lowlevel
import trio.testing

from actors.mailbox import Mailbox, MailboxClosed, NoReply
from actors.messages import (
    Admission,
    Admit,
    CancelOrder,
    CancelResult,
    Denial,
    Fetch,
    FetchAll,
    Fetched,
    InProgress,
    KeyReused,
    NothingAccepted,
    Overloaded,
    ReturnSlot,
    SendOrder,
    StoreDown,
    TradingHalted,
)
from actors.records import Records
from actors.router import MOST_AT_ONCE, Router
from actors.trading import TradingState
from actors.writer import StoreHealth, Writer
from adapters import OrderStatus, SaveSwitch, StoreFailed, TradingSwitch
from tests.support.gateway import (
    a_batch,
    inline,
    make_clockwork,
    make_paper,
    make_system,
    place,
    running,
)
from tests.support.memory_store import MemoryStore


class FakeBroker:
    """Takes every order, `takes` seconds after it came; `admits` says otherwise.

    `sent` holds the orders that came, `slots` those taken and not returned.
    """

    def __init__(self, name, *, takes=0.0, thinks=0.0, admits=None, room=100):
        self.name = name
        self.mailbox = Mailbox(f"broker:{name}", room)
        self.takes, self.thinks, self.admits = takes, thinks, admits
        self.sent, self.slots, self.looks = [], [], []
        self.answers = True
        self.cancels = None

    async def run(self):
        async with trio.open_nursery() as tasks:
            with suppress(MailboxClosed):
                while True:
                    tasks.start_soon(self._handle, await self.mailbox.receive())

    async def _handle(self, request):
        with request:
            match request.message:
                case Admit() as message:
                    await trio.sleep(self.thinks)
                    request.reply(self._admit(message))
                case ReturnSlot(slot=slot):
                    self.slots.remove(slot)
                case SendOrder() as message:
                    self.sent.append(message)
                    if self.answers:
                        await trio.sleep(self.takes)
                        request.reply(acked(message.record))
                case Fetch():
                    await trio.sleep(self.takes)
                    request.reply(
                        Fetched(broker=self.name, rows=(), attempts=1, latency_ms=0.0)
                    )
                case CancelOrder():
                    await trio.sleep(self.takes)
                    told = CancelResult(record=self.sent[0].record)
                    request.reply(self.cancels or told)

    def _admit(self, message):
        self.looks.append(trio.current_time())
        if self.admits is not None:
            return self.admits
        slot = None
        if message.reserve:
            slot = trio.current_time() + len(self.slots)
            self.slots.append(slot)
        return Admission(client_tag=f"{self.name}-{message.order_id}", slot=slot)


def acked(record):
    return msgspec.structs.replace(
        record, status=OrderStatus.ACKED, broker_order_id="B1"
    )


class Floor:
    """A router at work, and what stands around it."""

    def __init__(self, brokers, store):
        self.store = store
        self.health, self.trading = StoreHealth(), TradingState(store.switch())
        self.brokers = {broker.name: broker for broker in brokers}
        self.writer = Mailbox("writer", 4000)
        self.mailbox = Mailbox("router", 1000)
        self.write = Writer(self.writer, store, self.health, run_sync=inline).run
        self.router = Router(
            self.mailbox,
            {name: broker.mailbox for name, broker in self.brokers.items()},
            self.writer,
            Records(store, run_sync=inline),
            self.trading,
            self.health,
            make_clockwork(),
        )

    async def ask(self, message, within=5.0):
        with trio.fail_after(within):
            return await self.mailbox.ask(message)

    async def together(self, *messages, within=5.0):
        """Ask at one moment, one after the other; when each was answered, and how."""
        ends = {}

        async def one(index, message):
            answer = await self.ask(message, within)
            ends[index] = (trio.current_time(), answer)

        async with trio.open_nursery() as asks:
            for index, message in enumerate(messages):
                asks.start_soon(one, index, message)
                await trio.testing.wait_all_tasks_blocked()
        return [ends[index] for index in range(len(messages))]


@asynccontextmanager
async def routing(*brokers, store=None, silent=()):
    """A router over *brokers*; those in *silent* are down, their mailboxes are not."""
    floor = Floor(brokers, store or MemoryStore())
    async with trio.open_nursery() as tree:
        await tree.start(floor.write)
        await tree.start(floor.router.run)
        for broker in brokers:
            if broker.name not in silent:
                tree.start_soon(broker.run)
        yield floor
        tree.cancel_scope.cancel()


def statuses(done):
    return [str(order.status) for order in done.orders]


DENIAL = Denial(code="session_expired", message="log in")


# Fan-out ------------------------------------------------------------------------------


async def test_a_batch_goes_to_all_its_brokers_side_by_side(autojump_clock):
    one, two = FakeBroker("one", takes=1), FakeBroker("two", takes=2)
    async with routing(one, two) as floor:
        done = await floor.ask(a_batch("one", "two"))
        assert trio.current_time() == 2
    assert statuses(done) == ["acked", "acked"]
    assert [order.broker for order in done.orders] == ["one", "two"]
    assert done.orders[0].client_tag == f"one-{done.orders[0].order_id}"
    assert len(one.sent) == len(two.sent) == 1


async def test_admission_is_asked_side_by_side(autojump_clock):
    brokers = [FakeBroker(name, thinks=0.4) for name in ("one", "two", "three")]
    async with routing(*brokers) as floor:
        await floor.ask(a_batch("one", "two", "three"))
        assert trio.current_time() == 0.4
    assert [broker.looks for broker in brokers] == [[0.4]] * 3


async def test_one_denied_leg_leaves_the_other_to_go(autojump_clock):
    one, two = FakeBroker("one"), FakeBroker("two", admits=DENIAL)
    async with routing(one, two) as floor:
        done = await floor.ask(a_batch("one", "two"))
    assert statuses(done) == ["acked", "denied"]
    assert (done.orders[1].error_code, done.orders[1].message) == (
        "session_expired",
        "log in",
    )
    assert two.sent == []
    assert floor.store.order(done.orders[1].order_id).status == "denied"


async def test_what_all_deny_is_not_stored_but_audited_and_its_key_is_free(
    autojump_clock,
):
    one = FakeBroker("one", admits=DENIAL)
    async with routing(one) as floor:
        answer = await floor.ask(a_batch("one"))
        await trio.lowlevel.checkpoint()
        one.admits = None
        after = await floor.ask(a_batch("one", fingerprint="other"))
    assert isinstance(answer, NothingAccepted)
    assert answer.legs[0].answer == DENIAL
    actions = [row.entry.action for row in floor.store._audit]
    assert actions == ["batch.denied", "order.accepted"]
    assert not after.replayed


async def test_an_order_without_a_free_slot_is_stored_as_not_yet_sending(
    autojump_clock,
):
    one = FakeBroker("one", admits=Admission(client_tag="T1", slot=None))
    two = FakeBroker("two")
    async with routing(one, two) as floor:
        await floor.ask(a_batch("one", "two"))
    assert one.sent[0].record.sending_at is None
    assert two.sent[0].record.sending_at is not None


async def test_a_dry_run_reserves_nothing_and_reads_no_key(autojump_clock):
    one = FakeBroker("one")
    async with routing(one) as floor:
        await floor.ask(a_batch("one"))
        slots = list(one.slots)
        answer = await floor.ask(a_batch("one", dry_run=True, fingerprint="dry"))
        floor.trading.change(HALT)
        halted = await floor.ask(a_batch("one", dry_run=True, fingerprint="dry"))
    for dry in (answer, halted):
        assert isinstance(dry, NothingAccepted)
        assert dry.dry_run
        assert isinstance(dry.legs[0].answer, Admission)
    assert one.slots == slots
    assert len(one.sent) == 1


# Brokers that cannot ------------------------------------------------------------------


async def test_a_broker_that_is_restarting_is_given_half_a_second(autojump_clock):
    one, two = FakeBroker("one"), FakeBroker("two")
    async with routing(one, two, silent={"two"}) as floor:
        done = await floor.ask(a_batch("one", "two"))
        assert trio.current_time() == 0.5
    assert statuses(done) == ["acked", "denied"]
    assert done.orders[1].error_code == "broker_unavailable"
    assert done.orders[1].message == "two is being restarted"


async def test_a_short_deadline_gives_a_restarting_broker_less(autojump_clock):
    one = FakeBroker("one")
    async with routing(one, silent={"one"}) as floor:
        answer = await floor.ask(a_batch("one"), within=0.2)
        assert trio.current_time() == pytest.approx(0.18)
    assert answer.legs[0].answer.code == "broker_unavailable"


async def test_a_broker_that_is_down_for_good_denies_at_once(autojump_clock):
    one = FakeBroker("one")
    async with routing(one) as floor:
        one.mailbox.close()
        answer = await floor.ask(a_batch("one"))
        assert trio.current_time() == 0
    assert answer.legs[0].answer.code == "broker_unavailable"


async def test_a_full_mailbox_denies_its_leg_before_the_accept(autojump_clock):
    one = FakeBroker("one", room=1)
    async with routing(one, silent={"one"}) as floor:
        one.mailbox.tell("something")
        answer = await floor.ask(a_batch("one"))
        assert trio.current_time() == 0
    assert answer.legs[0].answer.code == "rate_queue_full"


class FillsUp(FakeBroker):
    """Its mailbox is full, or closed, once it has admitted."""

    close = False

    def _admit(self, message):
        admission = super()._admit(message)
        if self.close:
            self.mailbox.close()
        else:
            self.mailbox.capacity = 0
        return admission


@pytest.mark.parametrize("close", [False, True], ids=["full", "closed"])
async def test_a_mailbox_gone_after_the_accept_leaves_a_denied_order_in_the_store(
    autojump_clock, close
):
    one = FillsUp("one")
    one.close = close
    async with routing(one) as floor:
        done = await floor.ask(a_batch("one"))
        stored = floor.store.order(done.orders[0].order_id)
    assert statuses(done) == ["denied"]
    assert done.orders[0].error_code == "not_sent"
    assert stored == done.orders[0]
    assert [str(event.status) for event in floor.store.events(stored.order_id)] == [
        "placed",
        "denied",
    ]
    assert one.sent == []


async def test_a_denial_that_cannot_be_stored_is_not_said_as_certain(autojump_clock):
    one = FillsUp("one")
    async with routing(one) as floor:
        accept = floor.store._accept

        def accept_and_fail(write):
            floor.store.failing = "disk full"
            return accept(write)

        floor.store._accept = accept_and_fail
        done = await floor.ask(a_batch("one"))
    assert statuses(done) == ["unknown"]
    assert one.sent == []


async def test_a_broker_that_crashes_with_the_order_leaves_it_unknown(autojump_clock):
    one = FakeBroker("one")
    one.answers = False  # drops it, as a crash does
    async with routing(one) as floor:
        done = await floor.ask(a_batch("one"))
        assert trio.current_time() == 0
    assert statuses(done) == ["unknown"]
    assert done.orders[0].error_code == "unknown"
    assert len(one.sent) == 1


# Deadlines ----------------------------------------------------------------------------


async def test_a_broker_is_told_to_answer_a_margin_before_the_deadline(autojump_clock):
    one = FakeBroker("one")
    async with routing(one) as floor:
        await floor.ask(a_batch("one"), within=5)
        await floor.ask(a_batch("one", key="key-2"), within=0.5)
    assert one.sent[0].answer_by == pytest.approx(4.9)
    assert one.sent[1].answer_by == pytest.approx(0.45)


@pytest.mark.parametrize(("within", "given_up"), [(5, 4.95), (0.5, 0.475)])
async def test_a_silent_broker_is_given_up_before_the_deadline_and_not_after(
    autojump_clock, within, given_up
):
    one = FakeBroker("one", takes=60)
    async with routing(one) as floor:
        done = await floor.ask(a_batch("one"), within=within)
        assert trio.current_time() == pytest.approx(given_up)
    assert statuses(done) == ["unknown"]
    assert floor.store.order(done.orders[0].order_id).status == "placed"


async def test_a_request_whose_deadline_passed_in_the_mailbox_leaves_nothing_behind(
    autojump_clock,
):
    one = FakeBroker("one")
    floor = Floor([one], MemoryStore())
    with pytest.raises(trio.TooSlowError):
        await floor.ask(a_batch("one"), within=0.2)  # nobody receives yet
    async with trio.open_nursery() as tree:
        await tree.start(floor.write)
        tree.start_soon(one.run)
        await tree.start(floor.router.run)
        await trio.sleep(1)
        after = await floor.ask(a_batch("one", fingerprint="other"))
        tree.cancel_scope.cancel()
    assert not after.replayed
    assert len(one.sent) == len(one.slots) == 1
    assert [batch.batch_id for batch in floor.store._batches.values()] == [
        after.batch.batch_id
    ]


# One key ------------------------------------------------------------------------------


async def test_a_hundred_of_one_key_at_once_are_one_batch_and_one_order(autojump_clock):
    one = FakeBroker("one", takes=1)
    async with routing(one) as floor:
        ends = await floor.together(*[a_batch("one")] * 100)
    answers = [answer for _, answer in ends]
    assert len(one.sent) == 1
    assert {answer.batch.batch_id for answer in answers} == {
        one.sent[0].record.batch_id
    }
    assert sum(answer.replayed for answer in answers) == 99
    assert {at for at, _ in ends} == {1}


async def test_a_running_key_is_waited_for_two_seconds_and_then_named(autojump_clock):
    one = FakeBroker("one", takes=4)
    async with routing(one) as floor:
        ends = await floor.together(*[a_batch("one")] * 2)
    assert ends[0][0] == 4
    assert ends[1] == (
        2,
        InProgress(batch_id=ends[0][1].batch.batch_id, retry_after=1.0),
    )


async def test_a_running_key_is_not_waited_for_past_the_deadline(autojump_clock):
    one = FakeBroker("one", takes=4)
    async with routing(one) as floor, trio.open_nursery() as senders:
        senders.start_soon(floor.ask, a_batch("one"))
        await trio.sleep(1)
        answer = await floor.ask(a_batch("one"), within=0.5)
        assert trio.current_time() == pytest.approx(1.45)
    assert isinstance(answer, InProgress)


async def test_two_seconds_are_all_even_where_the_first_came_to_nothing(autojump_clock):
    one = FakeBroker("one", thinks=0.45, admits=DENIAL)
    async with routing(one) as floor:
        ends = await floor.together(*[a_batch("one")] * 8)
    assert isinstance(ends[0][1], NothingAccepted)
    # four had their turn, 0.45 s each; the others were told after two seconds
    assert sorted(at for at, _ in ends)[4:] == pytest.approx([2, 2, 2, 2.25])
    assert sum(isinstance(answer, InProgress) for _, answer in ends) == 3


async def test_a_running_key_with_another_body_is_refused_at_once(autojump_clock):
    one = FakeBroker("one", takes=1)
    async with routing(one) as floor:
        ends = await floor.together(a_batch("one"), a_batch("one", fingerprint="other"))
    assert ends[1] == (0, KeyReused(expired=False))


async def test_a_stored_key_is_replayed_with_its_orders_as_they_stand(autojump_clock):
    one = FakeBroker("one")
    async with routing(one) as floor:
        first = await floor.ask(a_batch("one"))
        order = first.orders[0]
        floor.store._orders[order.order_id] = msgspec.structs.replace(
            order, status=OrderStatus.FILLED
        )
        again = await floor.ask(a_batch("one"))
        other = await floor.ask(a_batch("one", fingerprint="other"))
    assert again.replayed
    assert statuses(again) == ["filled"]
    assert other == KeyReused(expired=False)
    assert len(one.sent) == 1


async def test_two_principals_with_the_same_key_are_independent(autojump_clock):
    one = FakeBroker("one", takes=1)
    async with routing(one) as floor:
        ends = await floor.together(
            a_batch("one"), a_batch("one", principal="token:other", fingerprint="other")
        )
    assert [answer.replayed for _, answer in ends] == [False, False]
    assert len(one.sent) == 2


async def test_two_keys_with_the_same_body_are_two_orders(autojump_clock):
    one = FakeBroker("one")
    async with routing(one) as floor:
        await floor.ask(a_batch("one", key="key-1"))
        await floor.ask(a_batch("one", key="key-2"))
    assert len(one.sent) == 2


async def test_where_another_gateway_took_the_key_meanwhile_its_batch_is_answered(
    autojump_clock,
):
    store = MemoryStore()
    one, two = FakeBroker("one"), FakeBroker("two", thinks=0.3)
    async with routing(one, store=store) as floor, routing(two, store=store) as second:
        first = await floor.ask(a_batch("one"))
        # the second looked for the key before the first had it stored
        second.store.key = lambda scope: None
        again = await second.ask(a_batch("two"))
        other = await second.ask(a_batch("two", fingerprint="other"))
    assert (again.batch, again.replayed) == (first.batch, True)
    assert other == KeyReused(expired=False)
    assert two.slots == []
    assert two.sent == []


# Halted, or nothing can be stored -----------------------------------------------------

HALT = TradingSwitch(engaged=True, reason="test", since=None, by="me", version=1)


async def test_while_halted_no_broker_is_even_asked(autojump_clock):
    one = FakeBroker("one")
    async with routing(one) as floor:
        floor.trading.change(HALT)
        answer = await floor.ask(a_batch("one"))
    assert answer == TradingHalted(reason="test")
    assert one.looks == []


async def test_while_halted_a_known_key_is_replayed(autojump_clock):
    one = FakeBroker("one")
    async with routing(one) as floor:
        first = await floor.ask(a_batch("one"))
        floor.trading.change(HALT)
        again = await floor.ask(a_batch("one"))
    assert again.batch == first.batch


async def test_a_halt_between_admission_and_accept_gives_the_slots_back(autojump_clock):
    one, two = FakeBroker("one"), FakeBroker("two", thinks=0.2)
    async with routing(one, two) as floor:
        async with trio.open_nursery() as senders:
            answers = []

            async def send():
                answers.append(await floor.ask(a_batch("one", "two")))

            senders.start_soon(send)
            await trio.sleep(0.1)
            assert one.slots != []
            floor.store.commit([SaveSwitch(switch=HALT, audit=())])
        await trio.sleep(0.1)
    assert answers == [TradingHalted(reason=None)]
    assert one.slots == two.slots == []
    assert one.sent == two.sent == []


async def test_a_failing_store_takes_nothing_and_gives_the_slots_back(autojump_clock):
    one = FakeBroker("one")
    async with routing(one) as floor:
        floor.store.failing = "disk full"
        answer = await floor.ask(a_batch("one"))
        await trio.sleep(0.1)
        assert one.slots == []
        again = await floor.ask(a_batch("one"))
    assert answer == again == StoreDown(message="disk full")
    assert len(one.looks) == 1
    assert one.sent == []


# Overload and stopping ----------------------------------------------------------------


async def test_the_513th_batch_at_once_is_refused_and_a_slot_is_free_after_one_ends(
    autojump_clock,
):
    one = FakeBroker("one", takes=1, room=2000)
    async with routing(one) as floor:
        many = [a_batch("one", key=f"key-{n}") for n in range(MOST_AT_ONCE + 2)]
        ends = await floor.together(*many)
        after = await floor.ask(a_batch("one", key="later"))
    refused = [(at, answer) for at, answer in ends if isinstance(answer, Overloaded)]
    words = "512 requests are under way, the limit"
    assert refused == [(0, Overloaded(message=words))] * 2
    assert len(one.sent) == MOST_AT_ONCE + 1
    assert statuses(after) == ["acked"]


async def test_a_stop_finishes_what_is_under_way_and_takes_nothing_new(autojump_clock):
    one = FakeBroker("one", takes=2)
    floor = Floor([one], MemoryStore())
    answers, ended = [], []

    async def send():
        answers.append(await floor.ask(a_batch("one")))

    async def run(task_status):
        await floor.router.run(task_status=task_status)
        ended.append(trio.current_time())
        floor.mailbox.close()  # as the supervisor does

    async def late():
        with pytest.raises(NoReply):
            await floor.ask(a_batch("one", key="late"))

    async with trio.open_nursery() as tree:
        await tree.start(floor.write)
        tree.start_soon(one.run)

        async def start(*, task_status):
            await run(task_status)

        await tree.start(start)
        tree.start_soon(send)
        await trio.sleep(1)
        floor.router.stop()
        await late()
        tree.cancel_scope.cancel()
    assert statuses(answers[0]) == ["acked"]
    assert ended == [2]
    assert len(one.sent) == 1


# Cancels and reads --------------------------------------------------------------------


async def test_a_cancel_goes_to_the_orders_own_broker(autojump_clock):
    one, two = FakeBroker("one"), FakeBroker("two")
    async with routing(one, two) as floor:
        done = await floor.ask(a_batch("two"))
        order_id = done.orders[0].order_id
        answer = await floor.ask(CancelOrder(order_id=order_id, by="me"))
    assert isinstance(answer, CancelResult)
    assert answer.record.order_id == order_id


async def test_a_cancel_of_no_order_is_not_found(autojump_clock):
    async with routing(FakeBroker("one")) as floor:
        answer = await floor.ask(CancelOrder(order_id="X", by="me"))
    assert answer == Denial(code="not_found", message="no order X")


async def test_a_cancel_without_an_answer_is_unknown_before_the_deadline(
    autojump_clock,
):
    one = FakeBroker("one")
    async with routing(one) as floor:
        done = await floor.ask(a_batch("one"))
        one.takes = 60
        cancel = CancelOrder(order_id=done.orders[0].order_id, by="me")
        answer = await floor.ask(cancel, within=15)
        assert trio.current_time() == pytest.approx(14.9)
    assert answer.denial.code == "unknown"
    assert answer.record.order_id == done.orders[0].order_id


async def test_a_cancel_at_a_broker_no_longer_configured_says_so(autojump_clock):
    store = MemoryStore()
    async with routing(FakeBroker("old"), store=store) as floor:
        done = await floor.ask(a_batch("old"))
    async with routing(FakeBroker("one"), store=store) as floor:
        cancel = CancelOrder(order_id=done.orders[0].order_id, by="me")
        answer = await floor.ask(cancel)
    assert answer.denial.code == "broker_unavailable"


async def test_a_full_broker_refuses_a_cancel_at_once(autojump_clock):
    one = FakeBroker("one")
    async with routing(one) as floor:
        done = await floor.ask(a_batch("one"))
        one.mailbox.urgent_capacity = 0
        cancel = CancelOrder(order_id=done.orders[0].order_id, by="me")
        answer = await floor.ask(cancel)
    assert answer.denial.code == "rate_queue_full"


async def test_a_read_asks_all_side_by_side_and_names_who_was_silent(autojump_clock):
    brokers = FakeBroker("one", takes=1), FakeBroker("two"), FakeBroker("three")
    async with routing(*brokers, silent={"three"}) as floor:
        names = ("one", "two", "three")
        answer = await floor.ask(FetchAll(kind="funds", brokers=names), within=10)
        assert trio.current_time() == pytest.approx(9.9)
    assert [part.broker for part in answer] == ["one", "two", "three"]
    assert answer[2].denial.code == "deadline_exceeded"


async def test_a_router_that_crashed_serves_again_and_can_be_stopped_again(
    autojump_clock,
):
    system = make_system({"one": make_paper()})
    async with running(system):
        system.router.tell("no message for a router")
        await trio.sleep(3)
        done = await place(system, a_batch("one"))
    assert done.orders[0].status == "acked"


# What hardly ever happens -------------------------------------------------------------


async def test_a_key_that_cannot_be_read_is_a_store_that_is_down(autojump_clock):
    async with routing(FakeBroker("one", admits=DENIAL)) as floor:

        def fail(scope):
            raise StoreFailed("the disk failed")

        floor.store.key = fail
        answer = await floor.ask(a_batch("one"))
    assert answer == StoreDown(message="the disk failed")


async def test_a_known_key_whose_batch_is_not_there_is_a_store_that_is_down(
    autojump_clock,
):
    async with routing(FakeBroker("one")) as floor:
        done = await floor.ask(a_batch("one"))
        floor.store._batches.clear()
        answer = await floor.ask(a_batch("one"))
    words = f"batch {done.batch.batch_id} of a known key is not stored"
    assert answer == StoreDown(message=words)


async def test_a_key_that_ordo_made_is_not_looked_up(autojump_clock):
    async with routing(FakeBroker("one", admits=DENIAL)) as floor:
        floor.store.key = None  # calling it would crash
        answer = await floor.ask(a_batch("one", key_given=False))
    assert isinstance(answer, NothingAccepted)


async def test_an_accept_that_a_full_writer_refuses_gives_the_slots_back(
    autojump_clock,
):
    one = FakeBroker("one")
    async with routing(one) as floor:
        floor.writer.capacity = 0
        answer = await floor.ask(a_batch("one"))
        await trio.sleep(0.1)
    assert answer == StoreDown(message="writer holds 0 messages, its limit")
    assert (one.slots, one.sent) == ([], [])


async def test_a_denial_that_the_audit_cannot_be_told_of_is_logged(
    autojump_clock, caplog
):
    async with routing(FakeBroker("one", admits=DENIAL)) as floor:
        floor.writer.capacity = 0
        answer = await floor.ask(a_batch("one"))
    assert isinstance(answer, NothingAccepted)
    assert "not in the audit: writer holds 0 messages" in caplog.text


async def test_an_answer_to_an_accept_that_is_none_crashes_the_router(autojump_clock):
    async def place_all():
        async with routing(FakeBroker("one")) as floor:
            floor.store._accept = lambda write: "nonsense"
            with suppress(NoReply):
                await floor.ask(a_batch("one"))
            await trio.sleep(1)

    with pytest.raises(ExceptionGroup) as crash:
        await place_all()
    assert crash.group_contains(TypeError, match="no answer to an accept: 'nonsense'")


async def test_an_order_without_a_slot_that_finds_no_room_is_denied(autojump_clock):
    one = FillsUp("one", admits=Admission(client_tag="T1", slot=None))
    async with routing(one) as floor:
        done = await floor.ask(a_batch("one"))
    assert (statuses(done), done.orders[0].error_code) == (["denied"], "not_sent")


async def test_a_denial_that_a_full_writer_does_not_take_is_not_said_as_certain(
    autojump_clock,
):
    one = FillsUp("one")
    async with routing(one) as floor:
        accept = floor.store._accept

        def accept_and_fill(write):
            floor.writer.capacity = 0
            return accept(write)

        floor.store._accept = accept_and_fill
        done = await floor.ask(a_batch("one"))
    assert statuses(done) == ["unknown"]


async def test_a_cancel_that_finds_the_brokers_mailbox_full_may_come_again(
    autojump_clock,
):
    one = FakeBroker("one")
    async with routing(one) as floor:
        done = await floor.ask(a_batch("one"))
        one.mailbox.urgent_capacity = 0
        answer = await floor.ask(
            CancelOrder(order_id=done.orders[0].order_id, by="token:a")
        )
    assert answer.denial.code == "rate_queue_full"
    assert answer.denial.retry_after == 1.0


async def test_a_cancel_whose_order_cannot_be_read_is_a_store_that_is_down(
    autojump_clock,
):
    async with routing(FakeBroker("one")) as floor:

        def fail(order_id):
            raise StoreFailed("the disk failed")

        floor.store.order = fail
        answer = await floor.ask(CancelOrder(order_id="X", by="token:a"))
    assert answer == Denial(code="storage_unavailable", message="the disk failed")


async def test_reads_that_a_broker_cannot_take_say_why_and_the_others_go_on(
    autojump_clock,
):
    names = ("one", "full", "closed", "slow")
    brokers = {name: FakeBroker(name) for name in names}
    brokers["slow"].takes = 60
    async with routing(*brokers.values()) as floor:
        await trio.testing.wait_all_tasks_blocked()
        brokers["full"].mailbox.capacity = 0
        brokers["closed"].mailbox.close()
        rows = await floor.ask(FetchAll(kind="funds", brokers=names))
    assert isinstance(rows[0], Fetched)
    assert [row.denial.code for row in rows[1:]] == [
        "rate_queue_full",
        "broker_unavailable",
        "deadline_exceeded",
    ]


async def test_a_broker_that_knows_no_such_order_is_quoted(autojump_clock):
    one = FakeBroker("one")
    async with routing(one) as floor:
        done = await floor.ask(a_batch("one"))
        one.cancels = Denial(code="unknown", message="its state cannot be read")
        answer = await floor.ask(
            CancelOrder(order_id=done.orders[0].order_id, by="token:a")
        )
    assert answer == CancelResult(record=answer.record, denial=one.cancels)
