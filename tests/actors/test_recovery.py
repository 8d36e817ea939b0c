"""After a crash: of the process at any point, or of the actor alone."""

from datetime import date

import msgspec
import pytest
import trio

from actors.broker import Broker
from actors.limiter import DayCount
from actors.mailbox import NoReply, Request
from actors.messages import Admit, Denial, Fetch, ReadBroker, SendOrder
from actors.windows import DAY, HOUR, MINUTE, ORDERS, Kind, Window, regulatory
from actors.writer import Writer
from adapters.brokers.paper import Fault
from tests.support.gateway import an_order, inline, make_paper
from tests.support.stage import Seldom, Stage, Watched, resting


async def killed(first, *, after, record=None, sending=False, order=None):
    """Send an order, and give the store as `kill -9` leaves it *after* seconds."""
    async with first.running(), trio.open_nursery() as senders:
        record = await first.accept(order or resting(), sending=sending)

        async def send():
            with trio.move_on_after(after):
                await first.send(record, within=60)

        senders.start_soon(send)
        await trio.sleep(after)
        left = first.store.copied()
        first.paper.script.clear()
        senders.cancel_scope.cancel()
    return record, left


class OneBug:
    """A port in which one call of an operation runs into a bug; *after* it is done."""

    def __init__(self, inside, operation, *, after=False):
        self._inside = inside
        self._operation = operation
        self._after = after
        self.bugs = 1

    def __getattr__(self, name):
        call = getattr(self._inside, name)
        if name != self._operation or not self.bugs:
            return call

        async def crash(*args):
            self.bugs -= 1
            if self._after:
                await call(*args)
            raise ValueError("a bug")

        return crash


# kill -9


async def test_a_start_tells_how_many_orders_it_has_taken_up(autojump_clock):
    first, told = Stage(), []
    async with first.running():
        for _ in range(3):
            await first.accept(resting())
        left = first.store.copied()
    second = Stage(first.paper, left)
    second.parts = second.parts._replace(took_up=lambda *seen: told.append(seen))
    async with second.running():
        assert told == [(0, 3), (1, 3), (2, 3)]


async def test_an_order_that_was_accepted_and_never_sent_is_denied(autojump_clock):
    first = Stage()
    async with first.running():
        record = await first.accept(resting())
        left = first.store.copied()
    async with Stage(first.paper, left).running() as second:
        order = second.stored(record.order_id)
        assert (order.status, order.error_code) == ("denied", "not_sent")
        assert order.message == "Ordo stopped before it was sent"
        await trio.sleep(200)
        assert second.tags() == []
        assert second.story(record.order_id) == ["placed", "denied"]


async def test_one_that_may_have_left_is_unknown_until_the_book_shows_it(
    autojump_clock,
):
    first = Stage()
    first.paper.script.on("place", Fault.never())
    record, left = await killed(first, after=1)
    assert left.order(record.order_id).status == "placed"
    assert left.order(record.order_id).sending_at is not None
    async with Stage(first.paper, left).running() as second:
        order = second.stored(record.order_id)
        assert order.status == "acked"
        assert second.story(record.order_id) == ["placed", "unknown", "acked"]
        assert second.tags() == [record.order_id]


async def test_one_that_may_have_left_and_did_not_is_not_placed_after_two_minutes(
    autojump_clock,
):
    first = Stage()
    async with first.running():
        record = await first.accept(resting(), sending=True)
        left = first.store.copied()
    async with Stage(first.paper, left).running() as second:
        assert second.stored(record.order_id).status == "unknown"
        await trio.sleep(118)
        assert second.stored(record.order_id).status == "unknown"
        await trio.sleep(60)
        assert second.stored(record.order_id).status == "not_placed"
        assert second.tags() == []


async def test_an_unknown_order_is_looked_up_again(autojump_clock):
    first = Stage()
    first.paper.script.on("place", Fault.lose_answer(hidden_for=5))
    record, left = await killed(first, after=1)
    assert left.order(record.order_id).status == "unknown"
    async with Stage(first.paper, left).running(up=10) as second:
        assert second.stored(record.order_id).status == "acked"


async def test_an_open_order_is_followed_further(autojump_clock):
    paper = make_paper(fill="manual")
    first = Stage(paper)
    record, left = await killed(first, after=1)
    assert left.order(record.order_id).status == "acked"
    paper.fill("PAPER-000001", 10, 700)
    async with Stage(paper, left).running() as second:
        assert second.story(record.order_id) == ["placed", "acked", "filled"]


async def test_one_that_was_not_placed_can_still_turn_up(autojump_clock):
    first = Stage()
    first.paper.script.on("place", Fault.lose_answer(hidden_for=300))
    record, left = await killed(first, after=200)
    assert left.order(record.order_id).status == "not_placed"
    async with Stage(first.paper, left).running() as second:
        await trio.sleep(200)
        assert second.story(record.order_id)[-1] == "acked"


async def test_the_cancel_of_an_unknown_order_outlives_the_crash(autojump_clock):
    first = Stage()
    first.paper.script.on("place", Fault.lose_answer(hidden_for=20))
    async with first.running():
        order = await first.place(resting())
        await first.cancel(order.order_id)
        await trio.sleep(0.1)
        left = first.store.copied()
    async with Stage(first.paper, left).running(up=40) as second:
        assert second.stored(order.order_id).status == "cancelled"


async def test_so_does_the_cancel_of_one_that_was_not_placed_and_turns_up(
    autojump_clock,
):
    first = Stage()
    first.paper.script.on("place", Fault.lose_answer(hidden_for=300))
    async with first.running():
        order = await first.place(resting())
        await first.cancel(order.order_id)
        await trio.sleep(200)
        left = first.store.copied()
    assert left.order(order.order_id).status == "not_placed"
    async with Stage(first.paper, left).running(up=200) as second:
        assert second.story(order.order_id)[-2:] == ["acked", "cancelled"]


async def test_one_that_was_not_placed_and_turns_up_is_not_cancelled_unasked(
    autojump_clock,
):
    first = Stage()
    first.paper.script.on("place", Fault.lose_answer(hidden_for=300))
    record, left = await killed(first, after=200)
    async with Stage(first.paper, left).running(up=200) as second:
        assert second.stored(record.order_id).status == "acked"
        assert second.calls("cancel") == 0


async def test_the_gate_opens_when_what_was_left_has_been_looked_up(autojump_clock):
    first = Stage()
    first.paper.script.on("place", Fault.never())
    _, left = await killed(first, after=1)
    first.paper.script.on("order_book", Fault.server_error(), times=3)
    first.paper.script.on("order_book", Fault.delay(2))
    async with Stage(first.paper, left).running() as second:
        assert await second.admit() == Denial(
            code="broker_recovering",
            message="one is being asked what became of earlier orders",
            retry_after=1.0,
        )
        assert (await second.report()).recovering
        await trio.sleep(5)
        assert not isinstance(await second.admit(), Denial)
        assert not (await second.report()).recovering


async def test_the_gate_opens_soon_however_seldom_the_book_is_read_else(autojump_clock):
    first = Stage()
    first.paper.script.on("place", Fault.never())
    _, left = await killed(first, after=1)
    refusal = Fault.refuse("E1", "maintenance")
    first.paper.script.on("order_book", refusal, times=6)
    async with Stage(Seldom(first.paper), left).running(up=0) as second:
        await trio.sleep(1.05 + 1 + 2 + 4 + 8 + 16)
        assert (await second.report()).recovering
        await trio.sleep(30.5)
        assert not (await second.report()).recovering


async def test_with_nothing_uncertain_the_gate_opens_without_a_read(autojump_clock):
    first = Stage()
    _, left = await killed(first, after=1)
    first.paper.script.on("order_book", Fault.never(), times=None)
    async with Stage(first.paper, left).running() as second:
        assert not isinstance(await second.admit(), Denial)


async def test_reads_work_while_the_gate_is_closed(autojump_clock):
    first = Stage()
    first.paper.script.on("place", Fault.never())
    _, left = await killed(first, after=1)
    first.paper.script.on("order_book", Fault.server_error(), times=None)
    async with Stage(first.paper, left).running() as second:
        answer = await second.mailbox.ask(Fetch(kind="funds"))
        assert len(answer.rows) == 1


async def test_a_store_that_cannot_be_read_delays_the_start(autojump_clock):
    stage = Stage()
    stage.reads_fail = True
    async with trio.open_nursery() as tasks:

        async def mend():
            await trio.sleep(5)
            stage.reads_fail = False

        tasks.start_soon(mend)
        async with stage.running():
            assert trio.current_time() == pytest.approx(7)
            assert (await stage.place(resting())).status == "acked"
    assert stage.crashes == []


async def test_a_changed_order_that_cannot_be_stored_at_the_start_is_kept(
    autojump_clock,
):
    first = Stage()
    async with first.running():
        record = await first.accept(resting())
        left = first.store.copied()
    left.failing = "disk full"
    async with Stage(first.paper, left).running() as second:
        assert second.stored(record.order_id).status == "placed"
        left.failing = None
        await trio.sleep(2)
        assert second.stored(record.order_id).status == "denied"


# What the limiter is charged with


@pytest.mark.parametrize("ago", [0, 50])
async def test_the_sends_of_the_last_minute_count_after_a_restart(autojump_clock, ago):
    minute = Window(20, MINUTE)
    first = Stage(windows=[minute])
    async with first.running():
        for _ in range(4):
            await first.place(resting())
        await trio.sleep(ago)
        left = first.store.copied()
    async with Stage(first.paper, left, windows=[minute]).running() as second:
        headroom = (await second.report()).rate_limit
        # And reads at their ceiling, and the first look at the book.
        assert headroom["windows"][0]["used"] == 4 + 10 + 1
        assert [(await second.admit()).slot for _ in range(2)] == [4.0 + ago, None]


async def test_nothing_leaves_in_the_first_second_after_a_start(autojump_clock):
    watched = Watched(make_paper())
    stage = Stage(watched, windows=[regulatory()])
    async with stage.running(up=0.0):
        await stage.place(resting())
    assert [at for at, _, _ in watched.departures] == [1.05]


async def test_an_actor_that_crashed_alone_is_not_charged_twice(autojump_clock):
    minute = Window(20, MINUTE, frozenset({Kind.PLACE}))
    port = OneBug(make_paper(), "funds")
    stage = Stage(port, windows=[minute])
    async with stage.running():
        for _ in range(12):
            await stage.place(resting())
        with pytest.raises(NoReply):
            await stage.mailbox.ask(Fetch(kind="funds"))
        await trio.sleep(1)
        used = (await stage.report()).rate_limit["windows"][0]["used"]
        assert used == 12
        assert (await stage.place(resting(), within=1)).status == "acked"


TODAY = "2026-11-23"


def taken(stage):
    return sum(stage.limiter.day_count.taken.values())


async def test_the_stored_count_of_the_day_is_never_behind_and_exact_at_the_end(
    autojump_clock,
):
    stage = Stage(windows=[Window(5000, DAY)])
    async with stage.running():
        await stage.place(resting())
        writes = set()
        for _ in range(100):
            await trio.sleep(1)  # a read a second
            stored = stage.store.day_count("one", TODAY)
            assert taken(stage) <= stored <= taken(stage) + 25
            writes.add(stored)
        assert len(writes) < 12  # not one for each call
    assert stage.store.day_count("one", TODAY) == taken(stage) > 100


async def test_a_crash_leaves_more_of_the_days_count_in_the_store_never_less(
    autojump_clock,
):
    stage = Stage(windows=[Window(5000, DAY)])
    async with stage.running():
        await stage.place(resting())
        await trio.sleep(1)
        assert taken(stage) == 3
        left = stage.store.copied()  # what `kill -9` leaves behind
    assert left.day_count("one", TODAY) == 25


async def test_the_count_of_a_new_day_is_stored_under_its_name(autojump_clock):
    stage = Stage(windows=[Window(5000, DAY)])
    day = date(2026, 11, 23)
    today = msgspec.structs.replace(stage.parts.settings, today=lambda: day)
    stage.parts = stage.parts._replace(settings=today)
    async with stage.running():
        await stage.place(resting())
        await trio.sleep(5)
        day = date(2026, 11, 24)
        await trio.sleep(5)
    assert stage.store.day_count("one", "2026-11-23") == 25
    assert stage.store.day_count("one", "2026-11-24") == taken(stage) == 5


async def test_without_a_limit_for_the_day_its_count_is_stored_at_the_end_only(
    autojump_clock,
):
    stage = Stage(windows=[regulatory()])
    async with stage.running():
        await stage.place(resting())
        await trio.sleep(60)
        assert stage.store.day_count("one", TODAY) == 0
    assert stage.store.day_count("one", TODAY) == taken(stage)


async def test_a_restart_charges_the_hour_with_the_orders_and_cancels_it_held(
    autojump_clock,
):
    hour = Window(100, HOUR, ORDERS)
    first = Stage(windows=[hour])
    async with first.running():
        for _ in range(3):
            order = await first.place(resting())
        await first.cancel(order.order_id)
        await trio.sleep(600)
        left = first.store.copied()
    second = Stage(store=left, windows=[hour], seed=2)
    async with second.running():
        window = (await second.report()).rate_limit["windows"][0]
        assert (window["counts"], window["used"]) == ("orders", 4)


async def test_the_days_quota_goes_on_where_the_last_run_left_it(autojump_clock):
    day = Window(10, DAY)
    wall_day = 739943  # 2026-11-23
    used = DayCount(day=wall_day, taken={Kind.PLACE: 10})
    stage = Stage(windows=[day], day_count=used)
    async with stage.running():
        order = await stage.place(resting())
        assert (order.status, order.error_code) == ("denied", "rate_queue_full")


# A crash of the actor


@pytest.mark.parametrize("after", [False, True])
async def test_a_bug_while_an_order_is_sent_leaves_it_unknown_and_sent_once(
    autojump_clock, after
):
    paper = make_paper()
    stage = Stage(OneBug(paper, "place", after=after))
    async with stage.running():
        record = await stage.accept(resting())
        with pytest.raises(NoReply):
            await stage.send(record)
        await trio.sleep(3)
        assert [type(crash).__name__ for crash in stage.crashes] == ["ExceptionGroup"]
        status = "acked" if after else "unknown"
        assert stage.stored(record.order_id).status == status
        await trio.sleep(180)
        assert len(paper._account.book.entries) == after
        status = "acked" if after else "not_placed"
        assert stage.stored(record.order_id).status == status


async def test_flights_of_a_crashed_actor_land_and_are_answered(autojump_clock):
    paper = make_paper()
    stage = Stage(OneBug(paper, "funds"))
    async with stage.running():
        paper.script.on("place", Fault(after=3, hidden_for=60))
        answers = []

        async def place():
            answers.append((await stage.place(resting()), trio.current_time()))

        async with trio.open_nursery() as tasks:
            tasks.start_soon(place)
            await trio.sleep(1)
            with pytest.raises(NoReply):
                await stage.mailbox.ask(Fetch(kind="funds"))
        ((order, at),) = answers
        assert (order.status, at) == ("acked", 5)
        await trio.sleep(60)
        assert len(paper._account.book.entries) == 1
        assert stage.story(order.order_id) == ["placed", "acked"]


async def test_orders_queued_in_a_crashed_actor_end_as_not_sent(autojump_clock):
    stage = Stage(windows=[regulatory()])
    async with stage.running():
        stage.limiter.pause(trio.current_time() + 4)
        answers = []

        async def place():
            answers.append(await stage.place(resting(), within=20))

        async with trio.open_nursery() as tasks:
            for _ in range(3):
                tasks.start_soon(place)
            await trio.sleep(1)
            stage.mailbox.tell("what?")
        assert trio.current_time() == 3
        codes = [(order.status, order.error_code) for order in answers]
        assert codes == [("denied", "not_sent")] * 3
        await trio.sleep(30)
        assert stage.calls("place") == 0


async def test_requests_that_came_while_it_was_down_are_answered_by_the_next(
    autojump_clock,
):
    stage = Stage(OneBug(make_paper(), "funds"))
    async with stage.running():
        with pytest.raises(NoReply):
            await stage.mailbox.ask(Fetch(kind="funds"))
        assert stage.mailbox.in_hand == 0
        answer = await stage.mailbox.ask(
            Admit(order_id="ORDERX", order=an_order(), reserve=False)
        )
        assert answer.client_tag == "ORDERX"


async def test_an_order_handed_over_while_it_was_down_is_not_sent_after_all(
    autojump_clock,
):
    """The start has denied it, or looks for it: it must not have a second life."""
    for sending, outcome in ((False, "denied"), (True, "unknown")):
        paper = make_paper()
        stage = Stage(OneBug(paper, "funds"))
        async with stage.running():
            record = await stage.accept(resting(), sending=sending)
            with pytest.raises(NoReply):
                await stage.mailbox.ask(Fetch(kind="funds"))
            order = await stage.send(record)  # waits in the mailbox
            assert order.status == outcome
            await trio.sleep(30)
            assert paper.script.calls["place"] == 0
            assert stage.stored(record.order_id).status == outcome


@pytest.mark.parametrize("crashes", [1, 2, 3])
@pytest.mark.parametrize(("sending", "outcome"), [(False, "denied"), (True, "unknown")])
async def test_an_order_in_the_mailbox_is_not_sent_after_any_number_of_crashes(
    autojump_clock, crashes, sending, outcome
):
    """The first start settles it; a later one must not take it for a new order."""
    stage = Stage()
    async with stage.running():
        slot = (await stage.admit()).slot if sending else None
        record = await stage.accept(resting(), sending=sending)
        for _ in range(crashes):
            stage.mailbox.tell("what?")
        order = await stage.send(record, within=60, slot=slot)
        assert len(stage.crashes) == crashes
        assert order.status == outcome
        assert order == stage.stored(record.order_id)
        await trio.sleep(30)
        assert stage.calls("place") == 0
        assert stage.story(record.order_id) == ["placed", outcome]


async def test_an_order_that_comes_while_a_start_is_at_work_is_sent_once(
    autojump_clock,
):
    """Accepted after the start had read what was left: it is not part of that."""
    first = Stage()
    async with first.running():
        for _ in range(3):
            await first.accept(resting())
        left = first.store.copied()
    second = Stage(first.paper, left)
    second.commit_takes = 1.0  # the start stores three outcomes, one by one
    handed_over, sent = [], []

    async def place():
        await trio.sleep(0.5)
        record = await second.accept(resting())
        handed_over.append(trio.current_time())
        sent.append(await second.send(record))

    async with trio.open_nursery() as tasks:
        began = trio.current_time()
        tasks.start_soon(place)
        async with second.running(up=0):
            assert trio.current_time() == began + 4
            assert handed_over == [began + 2]
            await trio.sleep(5)
            (order,) = sent
            assert order.status == "acked"
            assert second.tags() == [order.order_id]
            assert second.calls("place") == 1


async def test_an_order_that_is_not_sent_after_all_gives_its_slot_back(autojump_clock):
    stage = Stage(windows=[Window(20, MINUTE, frozenset({Kind.PLACE}))])

    def used():
        return stage.limiter.headroom(trio.current_time(), 0).windows[0].used

    async with stage.running():
        assert used() == 0
        slot = (await stage.admit()).slot
        record = await stage.accept(resting(), sending=True)
        stage.mailbox.tell("what?")
        assert used() == 1
        await stage.send(record, slot=slot)
        assert used() == 0


async def test_an_order_handed_over_late_is_told_as_it_stands_by_then(autojump_clock):
    first = Stage()
    async with first.running():
        record = await first.accept(resting(), sending=True)
        left = first.store.copied()
    async with Stage(first.paper, left).running(up=200) as second:
        assert (await second.send(record)).status == "not_placed"
        assert second.calls("place") == 0


async def test_what_a_crashed_actor_had_told_the_writer_is_seen_by_the_next(
    autojump_clock,
):
    """Its last changes are still on their way to a slow disk."""
    paper = make_paper(fill="manual")
    stage = Stage(OneBug(paper, "funds"))
    async with stage.running():
        order = await stage.place(resting())
        stage.commit_takes = 2
        paper.fill(order.broker_order_id, 10, 700)
        await trio.sleep(0.5)  # the round is storing the fill
        with pytest.raises(NoReply):
            await stage.mailbox.ask(Fetch(kind="funds"))
        await trio.sleep(10)
        assert stage.story(order.order_id) == ["placed", "acked", "filled"]


async def test_a_writer_that_takes_nothing_does_not_stop_a_start(autojump_clock):
    stage = Stage()
    stage.writer.capacity = 0
    async with stage.running(up=0.5):
        assert (await stage.report()).broker == "one"


async def test_a_halts_cancels_go_on_after_a_crash(autojump_clock):
    stage = Stage(OneBug(make_paper(), "funds"), windows=[regulatory()])
    async with stage.running():
        orders = [await stage.place(resting(), within=30) for _ in range(20)]
        await stage.halt(cancel_open=True)
        with pytest.raises(NoReply):
            await stage.mailbox.ask(Fetch(kind="funds"))
        await trio.sleep(20)
        assert {stage.stored(order.order_id).status for order in orders} == {
            "cancelled"
        }


async def test_a_halt_that_wants_no_cancels_gets_none_after_a_crash(autojump_clock):
    stage = Stage(OneBug(make_paper(), "funds"))
    async with stage.running():
        await stage.halt(cancel_open=True)
        await stage.resume()
        await stage.place(resting())
        await stage.halt()
        with pytest.raises(NoReply):
            await stage.mailbox.ask(Fetch(kind="funds"))
        await trio.sleep(5)
        assert stage.calls("cancel") == 0


async def test_five_crashes_in_a_minute_give_the_broker_up(autojump_clock):
    port = OneBug(make_paper(), "funds")
    port.bugs = 99
    stage = Stage(port)
    async with stage.running():
        for _ in range(6):
            with pytest.raises(NoReply):
                await stage.mailbox.ask(Fetch(kind="funds"))
        await trio.sleep(1)
        assert stage.mailbox.closed
        assert stage.breaker.forced
        assert stage.breaker.state(trio.current_time()) == "OPEN"


# A stop


async def test_a_stop_ends_what_is_queued_and_lets_what_left_land(autojump_clock):
    paper = make_paper()
    stage = Stage(paper, windows=[regulatory()])
    answers = []

    async def send(record):
        answers.append((await stage.send(record, within=60)).status)

    async with trio.open_nursery() as senders, stage.running():
        paper.script.on("place", Fault(after=3, hidden_for=60), times=None)
        records = [await stage.accept(resting()) for _ in range(10)]
        for record in records:
            senders.start_soon(send, record)
        await trio.sleep(0.5)
    assert sorted(answers) == ["acked"] * 7 + ["denied"] * 3
    assert trio.current_time() == 5
    statuses = [stage.stored(record.order_id).status for record in records]
    assert sorted(statuses) == sorted(answers)
    denied = [order for order in map(stage.stored, _ids(records)) if order.error_code]
    assert {order.error_code for order in denied} == {"not_sent"}


def _ids(records):
    return [record.order_id for record in records]


async def test_a_stop_answers_what_stands_in_the_mailbox(autojump_clock):
    stage = Stage()
    writer = Writer(stage.writer, stage.store, stage.health, run_sync=inline)
    async with trio.open_nursery() as tree:
        await tree.start(writer.run)
        async with trio.open_nursery() as actor:
            await actor.start(Broker(stage.parts).run)
            await trio.sleep(2)
            record = await stage.accept(resting())
            queued = queue(stage, record)
            actor.cancel_scope.cancel()
        tree.cancel_scope.cancel()
    assert (await queued[1].answer()).error_code == "not_sent"
    with pytest.raises(NoReply):
        await queued[2].answer()
    assert stage.stored(record.order_id).error_code == "not_sent"
    assert stage.calls("place") == 0


def queue(stage, record):
    """Put requests into the actor's mailbox, in one moment."""
    by = trio.current_time() + 60
    queued = [
        Request(message, waker=trio.Event())
        for message in (
            ReadBroker(),  # which it takes before it notices the stop
            SendOrder(record=record, slot=None, answer_by=by),
            Fetch(kind="funds"),
        )
    ]
    for request in queued:
        stage.mailbox._put(request, urgent=False)
    return queued
