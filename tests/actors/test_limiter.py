"""The limiter: no window over its limit, no slot lost, cancels always first."""

import copy
import math
import random
from bisect import bisect_right

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.limiter import DayCount, Headroom, Limiter, WindowUse
from actors.windows import (
    ALL,
    DAY,
    HOUR,
    MINUTE,
    ORDERS,
    READS,
    SECOND,
    Kind,
    Window,
    regulatory,
)

CANCEL, MODIFY, PLACE, RECONCILE, READ = Kind
TODAY = 739_000
FYERS = (
    regulatory(),
    Window(10, SECOND),
    Window(200, MINUTE),
    Window(100_000, DAY),
)
PROPERTY = settings(max_examples=6, deadline=None, derandomize=True, database=None)
SOME = settings(PROPERTY, max_examples=10)
MANY = settings(PROPERTY, max_examples=60)
SEEDS = st.integers(0, 2**32)


def take(limiter, kind, now, day=TODAY):
    """Take until refused; how many there were."""
    taken = 0
    while taken < 10_000 and limiter.try_take(kind, now, day):
        taken += 1
    return taken


def slots(window):
    return [(sorted(share.kinds), share.slots) for share in window.shares()]


# Windows


@pytest.mark.parametrize(
    ("window", "kept", "width"),
    [
        (Window(10, SECOND), 9, 1.05),
        (Window(10, 0.5), 9, 0.525),
        (Window(1, SECOND), 1, 1.05),
        (Window(10, SECOND, keep=8), 8, 1.05),
        (Window(10, SECOND, keep=50), 9, 1.05),
        (Window(200, MINUTE), 200, 60),
        (Window(200, MINUTE, keep=150), 150, 60),
        (Window(100_000, DAY), 100_000, 86_400),
    ],
)
def test_windows_of_a_second_are_kept_one_under_and_five_percent_wide(
    window, kept, width
):
    assert (window.slots, window.width) == (kept, width)


@pytest.mark.parametrize(
    ("window", "cancels", "reconciles", "reads", "plain"),
    [
        (Window(10, SECOND), 1, 1, 8, 7),
        (Window(11, SECOND), 2, 1, 8, 7),
        (Window(9, SECOND), 1, 0, 7, 7),
        (Window(1, SECOND), 0, 0, 1, 1),
        (Window(2, MINUTE), 1, 0, 1, 1),
        (Window(10, SECOND, ORDERS, keep=8), 1, 0, 0, 1),
        (Window(10, SECOND, READS), 0, 1, 9, 8),
        (Window(200, MINUTE), 40, 20, 100, 80),
        (Window(200, MINUTE, reads_share=1.0), 40, 20, 160, 140),
        (Window(200, MINUTE, reads_share=0.001), 40, 20, 1, 1),
        (Window(200, MINUTE, READS), 0, 20, 200, 180),
        (Window(250, MINUTE, ORDERS), 50, 0, 0, 1),
        (Window(100_000, DAY), 20_000, 10_000, 50_000, 40_000),
    ],
)
def test_two_of_ten_slots_are_for_cancels_and_one_for_reconciliation(
    window, cancels, reconciles, reads, plain
):
    assert window.cancel_reserve == cancels
    assert window.reconcile_reserve == reconciles
    assert window.reads_ceiling == reads
    assert window.plain_reads_ceiling == plain


def test_a_window_is_a_few_nested_shares_and_those_that_never_bind_are_left_out():
    assert slots(Window(200, MINUTE)) == [
        (sorted(ALL), 200),
        (sorted(ALL - {CANCEL}), 160),
        ([MODIFY, PLACE, READ], 140),
        ([READ, RECONCILE], 100),
        ([READ], 80),
    ]
    assert slots(Window(10, SECOND)) == [
        (sorted(ALL), 9),
        (sorted(ALL - {CANCEL}), 8),
        ([MODIFY, PLACE, READ], 7),
    ]
    assert slots(regulatory()) == [([CANCEL, MODIFY, PLACE], 8), ([MODIFY, PLACE], 7)]
    assert slots(Window(1, SECOND, frozenset({READ}))) == [([READ], 1)]


@pytest.mark.parametrize(
    ("numbers", "complaint"),
    [
        ({"limit": 0}, "limit must be positive, was 0"),
        ({"seconds": -1}, "seconds must be positive, was -1"),
        ({"keep": 0}, "keep must be positive, was 0"),
        ({"scope": frozenset()}, "scope must name at least one kind, was empty"),
        ({"reads_share": 0}, "reads_share must be in (0, 1], was 0"),
        ({"reads_share": 1.5}, "reads_share must be in (0, 1], was 1.5"),
    ],
)
def test_windows_that_make_no_sense_are_refused(numbers, complaint):
    with pytest.raises(ValueError) as caught:  # noqa: PT011, the whole text below
        Window(**{"limit": 10, "seconds": SECOND, **numbers})
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    ("per_second", "registered", "kept"),
    [(8, False, 8), (10, False, 9), (1, False, 1), (50, True, 49), (8, True, 8)],
)
def test_the_regulatory_window_counts_orders_and_stays_under_ten(
    per_second, registered, kept
):
    window = regulatory(per_second, registered=registered)
    assert (window.slots, window.scope) == (kept, ORDERS)


def test_more_than_ten_orders_a_second_need_a_registered_algorithm():
    with pytest.raises(ValueError, match=r"registered_limits\), was 11"):
        regulatory(11)


# Taking


@pytest.mark.parametrize(
    ("kinds", "taken"),
    [
        ([PLACE, CANCEL], [7, 1]),
        ([CANCEL, PLACE], [8, 0]),
        ([MODIFY, PLACE, CANCEL], [7, 0, 1]),
        ([READ, RECONCILE, CANCEL], [7, 1, 1]),
        ([RECONCILE, READ, CANCEL], [8, 0, 1]),
        ([PLACE, READ, RECONCILE, CANCEL], [7, 0, 1, 1]),
        ([READ, PLACE, RECONCILE, CANCEL], [7, 0, 1, 1]),
    ],
)
def test_new_orders_and_reads_leave_the_reserved_slots_alone(kinds, taken):
    limiter = Limiter(FYERS)
    assert [take(limiter, kind, 0) for kind in kinds] == taken


def test_a_slot_is_free_again_when_its_entry_is_one_width_old():
    limiter = Limiter([regulatory()])
    assert [limiter.try_take(CANCEL, at / 10, TODAY) for at in range(9)] == [
        *[True] * 8,
        False,
    ]
    assert limiter.next_time(CANCEL, 1, TODAY) == 1.05
    assert not limiter.try_take(CANCEL, math.nextafter(1.05, 0), TODAY)
    assert limiter.try_take(CANCEL, 1.05, TODAY)
    assert not limiter.try_take(CANCEL, 1.05, TODAY)


def test_a_refused_call_takes_from_no_window():
    limiter = Limiter([Window(100, MINUTE), Window(5, DAY), regulatory()])
    assert take(limiter, PLACE, 0) == 4, "the day's own reserve"
    before = limiter.headroom(0, TODAY), limiter.day_count
    assert not limiter.try_take(PLACE, 0, TODAY)
    assert (limiter.headroom(0, TODAY), limiter.day_count) == before
    assert [use.used for use in before[0].windows] == [4, 4, 4]


def test_reads_fill_at_most_half_of_a_minute_and_reconciliation_keeps_its_part():
    limiter = Limiter([Window(200, MINUTE)])
    assert take(limiter, READ, 0) == 80
    assert take(limiter, RECONCILE, 0) == 20
    assert take(limiter, PLACE, 0) == 60, "140 for orders and plain reads together"
    assert take(limiter, CANCEL, 0) == 40


def test_a_kind_that_no_window_meters_is_free():
    limiter = Limiter([regulatory()])
    assert take(limiter, READ, 0) == 10_000
    assert limiter.next_time(READ, 0, TODAY) == 0


def test_time_does_not_run_backwards():
    limiter = Limiter(FYERS)
    limiter.try_take(READ, 5, TODAY)
    with pytest.raises(ValueError, match="now must be at least 5, was 4"):
        limiter.try_take(READ, 4, TODAY)


def test_a_token_bucket_lets_nineteen_calls_into_one_second_and_the_log_never():
    def most_in_a_second(allows):
        sent = [tick / 1000 for tick in range(5000) if allows(tick / 1000)]
        return max(i - bisect_right(sent, at - 1) + 1 for i, at in enumerate(sent))

    level, filled = 10.0, 0.0

    def bucket(now):
        nonlocal level, filled
        level, filled = min(10.0, level + (now - filled) * 10), now
        level -= (allowed := level >= 1)
        return allowed

    limiter = Limiter([Window(10, SECOND)])
    assert most_in_a_second(bucket) == 19
    assert most_in_a_second(lambda now: limiter.try_take(CANCEL, now, TODAY)) == 9


def test_very_large_limits_are_exact_as_well():
    limiter = Limiter([regulatory(100_000, registered=True)])
    taken = sum(limiter.try_take(CANCEL, at / 200_000, TODAY) for at in range(110_000))
    assert taken == 99_999
    assert limiter.next_time(CANCEL, 0.55, TODAY) == 1.05


# The day


def test_a_day_is_a_count_per_trading_day_and_not_a_rolling_log():
    limiter = Limiter([Window(5, DAY)])
    assert take(limiter, CANCEL, 0) == 5
    assert not limiter.try_take(CANCEL, 3 * DAY, TODAY)
    assert limiter.next_time(CANCEL, 3 * DAY, TODAY) == math.inf
    assert limiter.next_time(CANCEL, 3 * DAY, TODAY + 1) == 3 * DAY
    assert take(limiter, CANCEL, 3 * DAY, TODAY + 1) == 5
    assert limiter.headroom(3 * DAY, TODAY + 2).day_used == 0


def test_a_clock_set_back_to_yesterday_forgets_nothing():
    limiter = Limiter([Window(5, DAY)])
    take(limiter, CANCEL, 0)
    assert not limiter.try_take(CANCEL, 1, TODAY - 1)
    assert not limiter.try_take(CANCEL, 2, TODAY)


def test_the_days_count_survives_a_restart_by_way_of_json():
    former = Limiter(FYERS)
    assert take(former, PLACE, 0) + take(former, CANCEL, 0) == 8
    stored = msgspec.json.encode(former.day_count)
    limiter = Limiter(
        [Window(10, DAY)], day_count=msgspec.json.decode(stored, type=DayCount)
    )
    assert limiter.headroom(0, TODAY).day_used == 8
    assert take(limiter, PLACE, 0) == 0, "7 of the 7 that orders may use"
    assert take(limiter, CANCEL, 0) == 2
    assert limiter.day_count == DayCount(
        TODAY, {CANCEL: 3, PLACE: 7, MODIFY: 0, RECONCILE: 0, READ: 0}
    )


def test_a_stored_count_of_yesterday_is_of_no_use_today():
    limiter = Limiter([Window(5, DAY)], day_count=DayCount(TODAY - 1, {CANCEL: 5}))
    assert take(limiter, CANCEL, 0) == 5


def test_the_day_counts_those_ahead_too():
    limiter = Limiter([Window(5, DAY)])
    assert limiter.next_time(CANCEL, 0, TODAY, {CANCEL: 4}) == 0
    assert limiter.next_time(CANCEL, 0, TODAY, {CANCEL: 5}) == math.inf
    assert limiter.next_time(PLACE, 0, TODAY, {CANCEL: 4}) == 0


# Looking ahead


@pytest.mark.parametrize(
    ("ahead", "start"),
    [(0, 1.05), (1, 1.15), (7, 1.75), (8, 2.1), (9, 2.2), (80, 1.05 * 11)],
)
def test_the_estimate_counts_those_who_go_first(ahead, start):
    limiter = Limiter([regulatory()])
    for at in range(8):
        assert limiter.try_take(CANCEL, at / 10, TODAY)
    found = limiter.next_time(CANCEL, 0.8, TODAY, {CANCEL: ahead} if ahead else {})
    assert found == pytest.approx(start)


def test_a_cancel_ahead_costs_an_order_nothing_but_the_window_they_share():
    limiter = Limiter([regulatory()])
    take(limiter, PLACE, 0)
    assert limiter.next_time(PLACE, 0.5, TODAY, {CANCEL: 1}) == 1.05
    assert limiter.next_time(PLACE, 0.5, TODAY, {CANCEL: 9}) == 2.1


def test_those_ahead_are_paced_by_the_short_window_once_the_long_one_frees():
    limiter = Limiter([regulatory(), Window(20, MINUTE, ORDERS)])
    for now in range(3):
        take(limiter, CANCEL, now * 2)
    assert limiter.next_time(CANCEL, 5, TODAY) == 60
    assert limiter.next_time(CANCEL, 5, TODAY, {CANCEL: 7}) == 60
    assert limiter.next_time(CANCEL, 5, TODAY, {CANCEL: 8}) == 62
    assert limiter.next_time(CANCEL, 5, TODAY, {CANCEL: 19}) == 64
    limiter = Limiter([regulatory(), Window(20, MINUTE, ORDERS)])
    limiter.seed_full(0, up_to=MINUTE)
    assert limiter.next_time(CANCEL, 5, TODAY, {CANCEL: 7}) == 60
    assert limiter.next_time(CANCEL, 5, TODAY, {CANCEL: 8}) == 61.05


# Giving back


def test_an_unused_slot_given_back_is_free_at_once():
    limiter = Limiter(FYERS)
    assert take(limiter, PLACE, 0) == 7
    assert limiter.release(PLACE, 0, 0.5, TODAY)
    assert [use.used for use in limiter.headroom(0.5, TODAY).windows] == [6] * 4
    assert take(limiter, PLACE, 0.5) == 1


def test_exactly_that_entry_is_given_back_and_not_another():
    limiter = Limiter([regulatory()])
    for now in range(7):
        limiter.try_take(PLACE, now / 10, TODAY)
    limiter.release(PLACE, 0.3, 0.6, TODAY)
    assert limiter.try_take(PLACE, 0.6, TODAY)
    assert limiter.next_time(PLACE, 0.6, TODAY) == 1.05
    limiter.release(PLACE, 0, 0.6, TODAY)
    assert limiter.try_take(PLACE, 0.6, TODAY)
    assert limiter.next_time(PLACE, 0.6, TODAY) == 1.1500000000000001


def test_no_slot_is_given_back_twice_or_that_was_never_taken():
    limiter = Limiter(FYERS)
    limiter.try_take(PLACE, 0, TODAY)
    limiter.try_take(CANCEL, 1, TODAY)
    with pytest.raises(ValueError, match="no place slot was taken at 1"):
        limiter.release(PLACE, 1, 1, TODAY)
    assert limiter.release(PLACE, 0, 1, TODAY)
    with pytest.raises(ValueError, match="no place slot was taken at 0"):
        limiter.release(PLACE, 0, 1, TODAY)
    assert limiter.headroom(1, TODAY).day_used == 1


def test_a_slot_that_every_window_has_passed_stays_on_the_days_count():
    limiter = Limiter(FYERS)
    limiter.try_take(PLACE, 0, TODAY)
    assert limiter.release(PLACE, 0, 60, TODAY) is False
    assert limiter.headroom(60, TODAY).day_used == 1


def test_yesterdays_slot_given_back_today_does_not_enlarge_today():
    limiter = Limiter(FYERS)
    limiter.try_take(PLACE, 0, TODAY)
    limiter.try_take(PLACE, 5, TODAY + 1)
    assert limiter.release(PLACE, 0, 5, TODAY)
    assert limiter.headroom(5, TODAY + 1).day_used == 1
    assert limiter.headroom(5, TODAY + 1).windows[2].used == 1


def test_a_slot_given_back_right_after_the_day_turned_makes_no_count_negative():
    limiter = Limiter(FYERS)
    limiter.try_take(PLACE, 86_399.9, TODAY)
    assert limiter.headroom(86_400, TODAY + 1).day_used == 0  # status was the first
    assert limiter.release(PLACE, 86_399.9, 86_400, TODAY + 1)
    assert limiter.headroom(86_400, TODAY + 1).day_used == 0
    assert limiter.day_count == DayCount(TODAY + 1, dict.fromkeys(Kind, 0))
    assert [use.used for use in limiter.headroom(86_400, TODAY + 1).windows] == [0] * 4


def test_a_slot_of_the_very_moment_in_which_the_day_turns_is_todays():
    limiter = Limiter(FYERS)
    limiter.try_take(PLACE, 86_400, TODAY)
    limiter.try_take(PLACE, 86_400, TODAY + 1)
    assert limiter.release(PLACE, 86_400, 86_400, TODAY + 1)
    assert limiter.headroom(86_400, TODAY + 1).day_used == 0
    assert limiter.release(PLACE, 86_400, 86_400, TODAY + 1)  # which was yesterday's
    assert limiter.headroom(86_400, TODAY + 1).day_used == 0


# An hour


def test_a_window_of_orders_an_hour_leaves_reads_alone_and_cancels_their_fifth():
    limiter = Limiter([Window(1000, HOUR, ORDERS)])
    assert take(limiter, PLACE, 0) == 800
    assert take(limiter, MODIFY, 0) == 0
    assert take(limiter, CANCEL, 0) == 200
    assert take(limiter, READ, 0) == 10_000
    assert limiter.next_time(PLACE, 1, TODAY) == 3600
    assert take(limiter, PLACE, 3599.9) == 0
    assert take(limiter, PLACE, 3600) == 800


def test_the_longest_window_and_the_days_limit_are_known():
    assert Limiter([]).longest == 0
    assert Limiter(FYERS).longest == 60
    assert Limiter([*FYERS, Window(1000, HOUR, ORDERS)]).longest == 3600
    assert Limiter(FYERS).day_limit == 100_000
    assert Limiter([regulatory()]).day_limit is None


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        (ALL, "all"),
        (ORDERS, "orders"),
        (READS, "reads"),
        (frozenset({READ}), "read"),
        (frozenset({PLACE, MODIFY}), "modify+place"),
    ],
)
def test_status_says_which_calls_a_window_meters(scope, name):
    limiter = Limiter([Window(10, SECOND, scope)])
    assert limiter.headroom(0, TODAY).windows[0].counts == name


# 429


def test_a_pause_stops_everything_cancels_too():
    limiter = Limiter(FYERS)
    limiter.pause(10)
    limiter.pause(5)
    assert not limiter.try_take(CANCEL, 9.9, TODAY)
    assert limiter.next_time(CANCEL, 3, TODAY) == 10
    assert limiter.headroom(4, TODAY).paused_for == 6
    assert limiter.try_take(CANCEL, 10, TODAY)


@pytest.mark.parametrize(
    ("retry_after", "until"), [(None, 101), (30.0, 130), (0.0, 101), (0.2, 101)]
)
def test_a_429_stops_the_key_until_retry_after_and_a_second_at_least(
    retry_after, until
):
    limiter = Limiter(FYERS)
    limiter.limited(100, retry_after)
    assert limiter.next_time(CANCEL, 100, TODAY) == until


def test_without_retry_after_the_pause_doubles_up_to_a_minute():
    limiter = Limiter(FYERS)
    now, pauses = 0.0, []
    for _ in range(8):
        limiter.limited(now)
        pauses.append(limiter.headroom(now, TODAY).paused_for)
        now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_quiet_minute_after_the_pause_makes_the_next_one_short_again():
    limiter = Limiter(FYERS)
    limiter.limited(0)
    limiter.limited(1)
    limiter.limited(63)
    assert limiter.headroom(63, TODAY).paused_for == 4, "a minute, not more"
    limiter.limited(127.1)
    assert limiter.headroom(127.1, TODAY).paused_for == 1


def test_a_second_429_within_a_minute_takes_a_fifth_off_for_ten_minutes():
    limiter = Limiter(FYERS)
    limiter.limited(0)
    assert not limiter.headroom(30, TODAY).lowered
    limiter.limited(60)
    assert limiter.headroom(660 - 1, TODAY) == Headroom(
        windows=(
            WindowUse(counts="orders", seconds=1, published=10, limit=6, used=0),
            WindowUse(counts="all", seconds=1, published=10, limit=7, used=0),
            WindowUse(counts="all", seconds=60, published=200, limit=160, used=0),
            WindowUse(
                counts="all", seconds=86_400, published=100_000, limit=100_000, used=0
            ),
        ),
        day_used=0,
        paused_for=0,
        lowered=True,
    )
    assert (take(limiter, PLACE, 659), take(limiter, CANCEL, 659)) == (5, 1)
    assert limiter.next_time(PLACE, 659, TODAY) == 660, "the seventh slot is back"
    assert (take(limiter, PLACE, 660), take(limiter, CANCEL, 660)) == (2, 0)


def test_two_429_further_apart_than_a_minute_lower_nothing():
    limiter = Limiter(FYERS)
    limiter.limited(0)
    limiter.limited(60.1)
    assert not limiter.headroom(60.1, TODAY).lowered


def test_a_lowered_window_still_looks_ahead_within_the_ten_minutes():
    limiter = Limiter([regulatory()])
    limiter.limited(0)
    limiter.limited(1)
    take(limiter, CANCEL, 10)
    assert limiter.next_time(CANCEL, 10, TODAY) == 11.05
    found = limiter.next_time(CANCEL, 10, TODAY, {CANCEL: 6})
    assert found == pytest.approx(12.1)


def test_an_estimate_across_the_end_of_the_lowering_is_not_too_late():
    limiter = Limiter([regulatory()])
    limiter.limited(0)
    limiter.limited(1)
    found = limiter.next_time(CANCEL, 599, TODAY, {CANCEL: 20})
    assert found == pytest.approx(601.1), "lowered it would be 602.15"
    assert limiter.next_time(CANCEL, 600.5, TODAY, {CANCEL: 7}) == 601


def test_a_429_during_the_pause_is_the_same_breach():
    limiter = Limiter(FYERS)
    for now in (0, 0.1, 0.2, 0.3):
        limiter.limited(now)
    assert limiter.headroom(0.3, TODAY).paused_for == pytest.approx(1)
    assert not limiter.headroom(0.3, TODAY).lowered
    limiter.limited(0.4, 30)
    assert limiter.next_time(READ, 0.4, TODAY) == 30.4


# Restart


def test_after_a_restart_the_short_windows_are_full_until_they_have_passed():
    limiter = Limiter([regulatory(), Window(10, SECOND), Window(200, MINUTE)])
    limiter.seed_full(100)
    assert [limiter.next_time(kind, 100, TODAY) for kind in Kind] == [101.05] * 5
    assert take(limiter, CANCEL, 101.05) == 8


def test_the_minute_may_count_as_full_as_well():
    limiter = Limiter([regulatory(), Window(200, MINUTE), Window(900, HOUR)])
    limiter.seed_full(100, up_to=MINUTE)
    assert limiter.next_time(CANCEL, 100, TODAY) == 160


def test_sends_known_from_the_store_count_at_their_own_times():
    limiter = Limiter([regulatory(), Window(20, MINUTE, ORDERS)])
    limiter.try_take(CANCEL, 0, TODAY)
    limiter.seed(PLACE, (-at / 4 for at in range(80, 0, -5)), 0)
    assert limiter.headroom(0, TODAY).windows[1].used == 17
    assert limiter.next_time(PLACE, 0, TODAY) == 40, "the first of 16 leaves"
    assert limiter.next_time(CANCEL, 0, TODAY, {CANCEL: 3}) == 40
    assert limiter.headroom(0, TODAY).day_used == 1, "the day is not seeded"


def test_a_stored_send_from_the_future_is_taken_as_sent_now():
    limiter = Limiter([regulatory()])
    limiter.seed(CANCEL, [3600.0] * 8, 0)
    assert limiter.next_time(CANCEL, 0, TODAY) == 1.05
    assert limiter.try_take(CANCEL, 1.05, TODAY)


def test_seeding_nothing_changes_nothing():
    limiter = Limiter(FYERS)
    limiter.seed(PLACE, [], 0)
    assert take(limiter, PLACE, 0) == 7


def test_after_a_restart_the_minute_is_charged_with_reads_at_their_ceiling():
    limiter = Limiter([Window(10, SECOND), Window(200, MINUTE)])
    limiter.seed_reads(0)
    assert limiter.headroom(0, TODAY).windows[0].used == 0
    assert limiter.headroom(0, TODAY).windows[1].used == 100
    assert limiter.next_time(READ, 0, TODAY) == 0
    assert limiter.next_time(RECONCILE, 0, TODAY) == 0
    spread = sum(limiter.try_take(PLACE, now / 2, TODAY) for now in range(120))
    assert spread == 60


@pytest.mark.parametrize(
    ("scope", "used"), [(READS, 200), ({RECONCILE}, 200), ({READ}, 200), (ORDERS, 0)]
)
def test_windows_for_reads_alone_count_as_full_of_them(scope, used):
    limiter = Limiter([Window(200, MINUTE, frozenset(scope))])
    limiter.seed_reads(0)
    assert limiter.headroom(0, TODAY).windows[0].used == used


# For any arrivals


def in_width(times, width, now):
    """How many of the sorted *times* still count at *now*, by the same sum."""
    return len(times) - bisect_right(times, now, key=lambda at: at + width)


def most_within(times, seconds):
    """The most of the sorted *times* in any rolling *seconds*, as a venue counts."""
    first, most = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def arrivals(rng, number):
    """Bursts and lulls, often at one and the same instant, of every kind."""
    now = 0.0
    for _ in range(number):
        now += rng.choice([0, 0, 0, 0.001, 0.01, rng.expovariate(8)])
        yield now, rng.choices(list(Kind), weights=[1, 4, 1, 1, 3])[0]


@given(SEEDS)
@PROPERTY  # six times 17,000 arrivals: 1e5, and over
def test_no_window_is_ever_over_and_no_free_slot_refused(seed):
    windows = [regulatory(), Window(10, SECOND), Window(40, 5.0), Window(400, MINUTE)]
    windows.append(Window(3000, HOUR, ORDERS))
    limiter = Limiter([*windows, Window(4000, DAY)])
    shares = [
        (share, window.width, []) for window in windows for share in window.shares()
    ]
    daily = [(share, []) for share in Window(4000, DAY).shares()]
    sent = {kind: [] for kind in Kind}
    for now, kind in arrivals(random.Random(seed), 17_000):
        if limiter.try_take(kind, now, TODAY):
            sent[kind].append(now)
            for share, _, times in shares:
                if kind in share.kinds:
                    times.append(now)
            for share, times in daily:
                if kind in share.kinds:
                    times.append(now)
            continue
        assert any(
            kind in share.kinds and in_width(times, width, now) >= share.slots
            for share, width, times in shares
        ) or any(kind in share.kinds and len(n) >= share.slots for share, n in daily)
    for share, width, times in shares:
        assert most_within(times, width) <= share.slots
    for window in windows:
        times = sorted(at for kind in window.scope for at in sent[kind])
        assert most_within(times, window.seconds) <= window.limit
    assert all(len(times) <= share.slots for share, times in daily)


@given(SEEDS)
@MANY
def test_the_named_time_is_the_first_that_works(seed):
    rng = random.Random(seed)
    limiter = Limiter([regulatory(), Window(10, SECOND), Window(60, 20.0)])
    now = 0.0
    for now, kind in arrivals(rng, rng.randrange(150)):
        limiter.try_take(kind, now, TODAY)
        if rng.random() < 0.02:
            limiter.limited(now, rng.choice([None, 3.0]))
    for kind in Kind:
        start = limiter.next_time(kind, now, TODAY)
        if start > now:
            before = math.nextafter(start, -math.inf)
            assert not copy.deepcopy(limiter).try_take(kind, before, TODAY)
        assert copy.deepcopy(limiter).try_take(kind, start, TODAY)


@given(SEEDS, st.booleans())
@MANY
def test_the_estimate_is_never_too_late_and_exact_for_one_window(seed, one):
    rng = random.Random(seed)
    limiter = Limiter([regulatory()] if one else [regulatory(), Window(40, 10.0)])
    now = 0.0
    for now, kind in arrivals(rng, rng.randrange(60)):
        limiter.try_take(kind, now, TODAY)
    ahead = {CANCEL: rng.randrange(20)} if one else {k: rng.randrange(9) for k in Kind}
    kind = CANCEL if one else READ
    estimate = limiter.next_time(kind, now, TODAY, ahead)
    for first in (k for k in Kind for _ in range(ahead.get(k, 0))):
        now = limiter.next_time(first, now, TODAY)
        assert limiter.try_take(first, now, TODAY)
    start = limiter.next_time(kind, now, TODAY)
    assert estimate <= start + 1e-9
    if one:
        assert estimate == pytest.approx(start)


@given(SEEDS)
@SOME
def test_taking_and_giving_back_leaves_everything_as_it_was(seed):
    rng = random.Random(seed)
    limiter = Limiter(FYERS)
    now = 0.0
    for now, kind in arrivals(rng, 60):
        before = copy.deepcopy(limiter)
        taken = limiter.try_take(kind, now, TODAY)
        if taken and rng.random() < 0.5:
            assert limiter.release(kind, now, now, TODAY)
            taken = False
        if not taken:
            assert limiter.headroom(now, TODAY) == before.headroom(now, TODAY)
            for other in Kind:
                assert limiter.next_time(other, now, TODAY) == before.next_time(
                    other, now, TODAY
                )
