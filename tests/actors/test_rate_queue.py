"""The queue before the limiter: who goes first, who waits, who is turned away."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.limiter import Limiter
from actors.rate_queue import Due, Granted, Queued, RateQueue, Refusal, Refused
from actors.windows import DAY, MINUTE, SECOND, Kind, Window, regulatory

CANCEL, MODIFY, PLACE, RECONCILE, READ = Kind
TODAY = 739_000
PROPERTY = settings(max_examples=25, deadline=None, derandomize=True, database=None)


def make_queue(*windows, **numbers):
    limiter = Limiter(windows or [regulatory()])
    return limiter, RateQueue(limiter, **numbers)


def offer(queue, item_id, kind, now=0.0, deadline=math.inf):
    return queue.offer(item_id, kind, deadline, now, TODAY)


def offer_many(queue, prefix, kind, number, now=0.0, deadline=math.inf):
    return [
        offer(queue, f"{prefix}{each}", kind, now, deadline) for each in range(number)
    ]


def run(queue, now, until=math.inf):
    """Drive the queue as its actor would; (start, id) of all that was granted."""
    started = []
    while (now := queue.wake_at(now, TODAY)) < until:
        started += [(now, item_id) for item_id in queue.due(now, TODAY).granted]
    return started


def test_a_call_that_finds_a_slot_goes_at_once():
    _, queue = make_queue()
    assert offer(queue, "a", PLACE, 3) == Granted(at=3)
    assert len(queue) == 0
    assert queue.wake_at(3, TODAY) == math.inf
    assert queue.due(3, TODAY) == Due([], [])


def test_those_over_the_limit_wait_and_are_told_when_they_start():
    _, queue = make_queue()
    answers = offer_many(queue, "order", PLACE, 15)
    assert answers[:7] == [Granted(at=0)] * 7
    assert answers[7:] == [Queued(1.05)] * 7 + [Queued(2.1)]
    assert run(queue, 0) == [
        *[(1.05, f"order{each}") for each in range(7, 14)],
        (2.1, "order14"),
    ]


def test_a_call_that_would_start_after_its_deadline_is_refused_at_once():
    _, queue = make_queue()
    offer_many(queue, "order", PLACE, 7)
    assert offer(queue, "late", PLACE, 0.05, deadline=1.04) == Refused(
        Refusal.TOO_LATE, 1.0
    )
    assert offer(queue, "just", PLACE, 0.05, deadline=1.05) == Queued(1.05)
    assert queue.due(1.05, TODAY) == Due(["just"], [])


def test_a_call_past_its_deadline_takes_no_slot():
    limiter, queue = make_queue()
    assert offer(queue, "a", PLACE, 5, deadline=4.9) == Refused(Refusal.TOO_LATE, 0)
    assert limiter.headroom(5, TODAY).day_used == 0
    assert offer(queue, "b", PLACE, 5, deadline=5) == Granted(at=5)


def test_a_used_up_day_is_refused_with_no_time_to_try_again():
    _, queue = make_queue(Window(2, DAY))
    assert offer(queue, "a", PLACE) == Granted(at=0)
    assert offer(queue, "b", PLACE) == Refused(Refusal.DAY_USED_UP, math.inf)


def test_five_hundred_wait_and_the_next_one_is_refused():
    _, queue = make_queue()
    offer_many(queue, "change", MODIFY, 507)
    assert len(queue) == 500
    assert offer(queue, "more", PLACE) == Refused(
        Refusal.QUEUE_FULL, pytest.approx(1.05 * 72)
    )
    assert offer(queue, "more", MODIFY, 0.5).reason == Refusal.QUEUE_FULL


def test_a_queue_full_of_reads_keeps_no_order_out_and_of_orders_no_cancel():
    _, queue = make_queue(Window(10, SECOND), bound=20)
    offer_many(queue, "read", READ, 27)
    assert offer(queue, "read", READ).reason == Refusal.QUEUE_FULL
    orders = offer_many(queue, "order", PLACE, 20)
    assert {type(answer) for answer in orders} == {Queued}
    assert offer(queue, "order", PLACE).reason == Refusal.QUEUE_FULL
    cancels = offer_many(queue, "cancel", CANCEL, 22)
    assert [type(answer) for answer in cancels] == [Granted] * 2 + [Queued] * 20
    assert offer(queue, "cancel", CANCEL).reason == Refusal.QUEUE_FULL


def test_an_id_waits_only_once():
    _, queue = make_queue()
    offer_many(queue, "order", PLACE, 8)
    with pytest.raises(ValueError, match="order7 must not be waiting already, was"):
        offer(queue, "order7", CANCEL)


def test_kinds_are_served_by_priority_and_each_in_order_of_arrival():
    limiter, queue = make_queue(Window(11, SECOND))
    limiter.seed_full(0)
    for kind in reversed(Kind):
        assert offer_many(queue, f"{kind} ", kind, 2) == [Queued(1.05)] * 2
    assert queue.due(1.05, TODAY).granted == [
        f"{kind} {each}" for kind in Kind for each in range(2)
    ]


def test_a_newcomer_does_not_overtake_one_of_its_own_priority_or_higher():
    _, queue = make_queue()
    offer_many(queue, "change", MODIFY, 8)
    assert offer(queue, "new", MODIFY, 1.05) == Queued(1.05)
    assert offer(queue, "order", PLACE, 1.05) == Queued(1.05)
    assert queue.due(1.05, TODAY).granted == ["change7", "new", "order"]


def test_a_cancel_overtakes_waiting_orders():
    _, queue = make_queue()
    offer_many(queue, "order", PLACE, 9)
    assert offer(queue, "cancel", CANCEL, 0.1) == Granted(at=0.1)
    assert queue.due(0.1, TODAY) == Due([], [])


@pytest.mark.parametrize("minute", [200, 100_000])
def test_behind_two_hundred_orders_a_cancel_waits_for_its_window_and_no_longer(minute):
    _, queue = make_queue(regulatory(), Window(10, SECOND), Window(minute, MINUTE))
    offer_many(queue, "order", PLACE, 200)
    asked, started, now = {}, {}, 0.0
    for number in range(60):  # one a second for a minute, at odd moments
        upto = number + number % 10 / 10
        started |= {item: at for at, item in run(queue, now, until=upto)}
        now, name = upto, f"cancel{number}"
        asked[name] = now
        match offer(queue, name, CANCEL, now):
            case Granted(at=at):
                started[name] = at
    started |= {item: at for at, item in run(queue, now, until=now + 2)}
    assert max(started[name] - asked[name] for name in asked) <= 1.05
    assert sum(name.startswith("order") for name in started) > 100  # they went on


def test_what_waits_for_one_window_does_not_hold_up_what_does_not():
    _, queue = make_queue()
    offer_many(queue, "order", PLACE, 8)
    assert offer(queue, "read", READ, 0.2) == Queued(0.2)
    assert queue.wake_at(0.2, TODAY) == 0.2
    assert queue.due(0.2, TODAY).granted == ["read"]


def test_a_cancel_of_a_waiting_order_takes_it_out_without_a_call():
    limiter, queue = make_queue()
    offer_many(queue, "order", PLACE, 8)
    assert queue.withdraw("order7")
    assert not queue.withdraw("order7")
    assert not queue.withdraw("order0"), "it has gone"
    assert (len(queue), queue.wake_at(0, TODAY)) == (0, math.inf)
    assert limiter.headroom(0, TODAY).windows[0].used == 7


def test_the_queue_wakes_for_the_first_slot_or_the_first_deadline():
    limiter, queue = make_queue()
    offer_many(queue, "order", PLACE, 8)
    offer(queue, "short", PLACE, 0, deadline=1.5)
    offer(queue, "long", PLACE, 0, deadline=9)
    assert queue.wake_at(0, TODAY) == 1.05
    limiter.pause(5)
    assert queue.wake_at(0, TODAY) == 1.5
    assert queue.due(1.5, TODAY) == Due([], ["short"])
    assert queue.wake_at(1.5, TODAY) == 5
    assert queue.due(5, TODAY) == Due(["order7", "long"], [])


def test_one_that_woke_too_late_expires_though_a_slot_is_free():
    _, queue = make_queue()
    offer_many(queue, "order", PLACE, 8, deadline=2)
    assert queue.due(2.1, TODAY) == Due([], ["order7"])


def test_a_queue_that_sleeps_through_a_deadline_is_woken_at_once():
    _, queue = make_queue()
    offer_many(queue, "order", PLACE, 8, deadline=2)
    assert queue.wake_at(3, TODAY) == 3


def flood(window_width=10.0):
    """A queue in which orders alone could use every slot for ever: 7 each 10 s."""
    return make_queue(Window(10, window_width))


def test_reads_do_not_starve_behind_a_flood_of_orders():
    _, queue = flood()
    offer_many(queue, "order", PLACE, 200)
    offer_many(queue, "read", READ, 3)
    started = {item_id: now for now, item_id in run(queue, 0, until=61)}
    assert [started.get(f"read{each}") for each in range(3)] == [30, 30, 30]


def test_a_read_that_has_waited_goes_before_a_newcomer_but_for_cancels():
    _, queue = flood()
    offer_many(queue, "order", PLACE, 7)
    offer_many(queue, "old", READ, 2)
    offer_many(queue, "rest", CANCEL, 3, 29)
    assert offer(queue, "cancel", CANCEL, 30) == Granted(at=30)
    assert offer(queue, "new", PLACE, 30) == Queued(30)
    assert queue.due(30, TODAY).granted == ["old0", "new", "old1"]


def test_orders_do_not_starve_behind_aged_reads():
    _, queue = make_queue(Window(10, 10.0, reads_share=1.0))
    offer_many(queue, "first", PLACE, 7)
    offer_many(queue, "read", READ, 60)
    run(queue, 0, until=35)
    offer_many(queue, "order", PLACE, 8, 35)
    assert queue.due(40, TODAY).granted == [
        *("read21", "order0", "read22", "order1", "read23", "order2", "read24")
    ]


def test_reads_get_their_turn_though_the_waiting_orders_are_older():
    _, queue = flood()
    offer_many(queue, "order", PLACE, 100)
    offer_many(queue, "change", MODIFY, 100)
    run(queue, 0, until=25)
    offer_many(queue, "read", READ, 2, 25)
    started = {item_id: now for now, item_id in run(queue, 25, until=71)}
    assert (started["read0"], started["read1"]) == (60, 60)


def test_an_order_granted_at_once_leaves_the_next_turn_to_the_aged():
    limiter, queue = make_queue(Window(10, 10.0, reads_share=1.0))
    offer_many(queue, "first", PLACE, 7)
    offer_many(queue, "read", READ, 12)
    limiter.pause(30)
    offer_many(queue, "order", PLACE, 4, 29)
    assert queue.due(30, TODAY).granted == [
        *("read0", "order0", "read1", "order1", "read2", "order2", "read3")
    ]
    assert queue.withdraw("order3")
    assert offer(queue, "cancel", CANCEL, 40) == Granted(at=40)
    assert offer(queue, "a", PLACE, 40) == Granted(at=40)
    assert offer(queue, "b", PLACE, 40) == Queued(40)
    assert queue.due(40, TODAY).granted == [
        *("read4", "b", "read5", "read6", "read7", "read8")
    ]


def test_a_cancel_does_not_use_up_the_turn_of_the_aged():
    limiter, queue = make_queue(Window(10, 10.0))
    offer_many(queue, "first", PLACE, 7)
    offer_many(queue, "read", READ, 1)
    limiter.pause(30)
    offer(queue, "order", PLACE, 29)
    offer(queue, "cancel", CANCEL, 29)
    assert queue.due(30, TODAY).granted == ["cancel", "read0", "order"]


def test_the_queue_may_wake_for_a_deadline_whose_call_has_gone():
    _, queue = make_queue()
    offer_many(queue, "order", PLACE, 7)
    offer(queue, "short", PLACE, 0, deadline=1.06)
    offer(queue, "long", PLACE, 0)
    queue.withdraw("short")
    offer_many(queue, "more", PLACE, 14)
    assert len(queue.due(1.05, TODAY).granted) == 7
    assert queue.wake_at(1.05, TODAY) == 1.06
    assert queue.due(1.06, TODAY) == Due([], [])
    assert queue.wake_at(1.06, TODAY) == 2.1


@given(st.integers(0, 2**32))
@PROPERTY
def test_whatever_comes_each_call_ends_once_in_time_and_in_order(seed):
    rng = random.Random(seed)
    windows = [regulatory(), Window(10, SECOND), Window(200, MINUTE), Window(900, DAY)]
    limiter, queue = make_queue(*windows, bound=40)
    now, sent, ended = 0.0, [], {}
    kinds, deadlines = {}, {}

    def end(item_id, how):
        assert item_id not in ended
        ended[item_id] = how

    def serve(until):
        nonlocal now
        while (wake := queue.wake_at(now, TODAY)) <= until:
            assert wake >= now
            now = wake
            due = queue.due(now, TODAY)
            for item_id in due.granted:
                end(item_id, "granted")
                sent.append((now, item_id))
                assert now <= deadlines[item_id]
            for item_id in due.expired:
                end(item_id, "expired")
                assert now >= deadlines[item_id]
            assert queue.wake_at(now, TODAY) > now, "nobody who could go is left"
        now = until

    for number in range(400):
        serve(now + rng.choice([0, 0, 0.05, rng.expovariate(3)]))
        item_id, kind = str(number), rng.choice(list(Kind))
        kinds[item_id] = kind
        deadlines[item_id] = now + rng.choice([0, 0.5, 2, 20])
        match queue.offer(item_id, kind, deadlines[item_id], now, TODAY):
            case Granted(at):
                end(item_id, "granted")
                sent.append((at, item_id))
            case Refused(_, retry_after):
                end(item_id, "refused")
                assert retry_after >= 0
            case Queued(start):
                assert now <= start <= deadlines[item_id]
        if rng.random() < 0.1 and queue.withdraw(some := str(rng.randrange(400))):
            end(some, "withdrawn")
        if rng.random() < 0.01:
            limiter.limited(now)
    serve(now + 60)
    assert len(queue) == 0
    assert len(ended) == 400
    for kind in Kind:
        order = [int(item_id) for _, item_id in sent if kinds[item_id] is kind]
        assert order == sorted(order)
    assert limiter.headroom(now, TODAY).day_used == len(sent)


@given(st.integers(0, 2**32))
@settings(PROPERTY, max_examples=6)
def test_no_read_waits_much_longer_than_thirty_seconds_behind_orders(seed):
    rng = random.Random(seed)
    _, queue = make_queue(Window(10, SECOND))
    now, asked, waited = 0.0, {}, []
    for number in range(1500):
        now += rng.expovariate(20)
        kind = READ if rng.random() < 0.05 else rng.choice([PLACE, MODIFY])
        asked[str(number)] = (now, kind)
        offer(queue, str(number), kind, now)
        for item_id in queue.due(now, TODAY).granted:
            came, kind = asked[item_id]
            waited += [now - came] if kind is READ else []
    assert waited
    assert max(waited) <= 30 + 5
