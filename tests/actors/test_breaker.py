"""The breaker: what opens it, what passes meanwhile, what closes it again."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.breaker import (
    VERDICTS,
    Breaker,
    BreakerSettings,
    BreakerState,
    CallResult,
    Permit,
    Reason,
    Transition,
    Verdict,
)
from actors.windows import Kind

CLOSED, OPEN, HALF_OPEN = BreakerState
PROPERTY = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def make_breaker(**numbers):
    return Breaker(BreakerSettings(**{"jitter": 0, **numbers}), random.Random(7))


def admit(breaker, kind, now) -> Permit:
    permit = breaker.admit(kind, now)
    assert permit is not None
    return permit


def fail(breaker, *times):
    for now in times:
        breaker.failed(admit(breaker, Kind.PLACE, now), now)


def tripped(**numbers):
    """Open from 4.0 until 34.0."""
    breaker = make_breaker(**numbers)
    fail(breaker, 0, 1, 2, 3, 4)
    assert breaker.state(4) is OPEN
    breaker.drain_transitions()
    return breaker


def test_the_defaults_are_the_published_numbers():
    assert BreakerSettings() == BreakerSettings(
        failures=5,
        window=30.0,
        cooldown=30.0,
        max_cooldown=300.0,
        jitter=0.2,
        good_probes=2,
    )


@pytest.mark.parametrize(
    ("numbers", "complaint"),
    [
        ({"failures": 0}, "failures must be positive, was 0"),
        ({"window": -1.0}, "window must be positive, was -1.0"),
        ({"cooldown": float("nan")}, "cooldown must be positive, was nan"),
        ({"good_probes": 0}, "good_probes must be positive, was 0"),
        (
            {"cooldown": 400.0},
            "max_cooldown must be at least cooldown (400.0), was 300.0",
        ),
        ({"jitter": 1.0}, "jitter must be in [0, 1), was 1.0"),
        ({"jitter": -0.1}, "jitter must be in [0, 1), was -0.1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(numbers, complaint):
    with pytest.raises(ValueError) as caught:  # noqa: PT011, the whole text below
        BreakerSettings(**numbers)
    assert str(caught.value) == complaint


def test_states_are_called_what_the_api_calls_them():
    assert [str(state) for state in BreakerState] == ["CLOSED", "OPEN", "HALF-OPEN"]


@pytest.mark.parametrize("kind", Kind)
def test_closed_admits_everything_at_once(kind):
    breaker = make_breaker()
    assert not admit(breaker, kind, 0).probe
    assert not admit(breaker, kind, 0).probe
    assert breaker.retry_after(kind, 0) == 0


def test_the_fifth_failure_in_thirty_seconds_opens_it():
    breaker = make_breaker()
    fail(breaker, 0, 1, 2, 29)
    assert breaker.state(29) is CLOSED
    fail(breaker, 29.9)
    assert breaker.state(29.9) is OPEN
    assert breaker.drain_transitions() == [
        Transition(
            before=CLOSED, after=OPEN, forced=False, reason=Reason.FAILURES, at=29.9
        )
    ]
    assert breaker.drain_transitions() == []


def test_failures_older_than_the_window_are_forgotten():
    breaker = make_breaker()
    fail(breaker, 0, 1, 2, 3, 30)
    assert breaker.state(30) is CLOSED
    fail(breaker, 30.9)
    assert breaker.state(30.9) is OPEN


def test_a_success_does_not_wipe_the_list():
    breaker = make_breaker()
    for now in range(5):
        fail(breaker, now)
        if now < 4:
            breaker.succeeded(admit(breaker, Kind.PLACE, now), now)
    assert breaker.state(4) is OPEN


def test_open_refuses_orders_and_reads_and_says_how_long():
    breaker = tripped()
    for kind in (Kind.PLACE, Kind.MODIFY, Kind.READ):
        assert breaker.admit(kind, 10) is None
        assert breaker.retry_after(kind, 10) == 24


def test_open_lets_cancels_and_reconciliation_pass_once_a_second_together():
    breaker = tripped()
    admit(breaker, Kind.CANCEL, 10)
    assert breaker.admit(Kind.CANCEL, 10.5) is None
    assert breaker.admit(Kind.RECONCILE, 10.5) is None
    assert breaker.retry_after(Kind.RECONCILE, 10.5) == 0.5
    admit(breaker, Kind.RECONCILE, 11)
    assert breaker.admit(Kind.CANCEL, 11.5) is None
    admit(breaker, Kind.CANCEL, 12)


def test_half_open_sends_one_read_and_never_an_order():
    breaker = tripped()
    assert breaker.state(33.9) is OPEN
    assert breaker.state(34) is HALF_OPEN
    assert breaker.admit(Kind.PLACE, 34) is None
    assert breaker.admit(Kind.MODIFY, 34) is None
    assert breaker.retry_after(Kind.PLACE, 34) == 1
    assert admit(breaker, Kind.READ, 34).probe
    assert breaker.admit(Kind.READ, 34) is None
    assert breaker.retry_after(Kind.READ, 34) == 1


def test_half_open_lets_cancels_pass_once_a_second_and_not_as_the_probe():
    breaker = tripped()
    assert not admit(breaker, Kind.CANCEL, 34).probe
    assert breaker.admit(Kind.CANCEL, 34.9) is None
    assert admit(breaker, Kind.READ, 34.9).probe
    assert not admit(breaker, Kind.CANCEL, 35).probe


def test_a_reconciliation_read_is_the_probe_or_else_goes_with_the_cancels():
    breaker = tripped()
    assert admit(breaker, Kind.RECONCILE, 34).probe
    assert not admit(breaker, Kind.RECONCILE, 34).probe
    assert breaker.admit(Kind.RECONCILE, 34.5) is None


def test_two_good_probes_close_it():
    breaker = tripped()
    breaker.succeeded(admit(breaker, Kind.READ, 34), 35)
    assert breaker.state(35) is HALF_OPEN
    breaker.succeeded(admit(breaker, Kind.READ, 35), 36)
    assert breaker.state(36) is CLOSED
    assert breaker.drain_transitions() == [
        Transition(
            before=OPEN,
            after=HALF_OPEN,
            forced=False,
            reason=Reason.COOLDOWN_OVER,
            at=34,
        ),
        Transition(
            before=HALF_OPEN,
            after=CLOSED,
            forced=False,
            reason=Reason.PROBES_SUCCEEDED,
            at=36,
        ),
    ]


def test_it_closes_with_an_empty_list():
    breaker = tripped(cooldown=1, good_probes=1)
    breaker.succeeded(admit(breaker, Kind.READ, 5), 5)
    fail(breaker, 6, 6, 6, 6)
    assert breaker.state(6) is CLOSED
    fail(breaker, 6)
    assert breaker.state(6) is OPEN


def test_a_failed_probe_reopens_it_for_twice_as_long_up_to_the_longest():
    breaker = tripped()
    now, lengths = 34.0, []
    for _ in range(6):
        breaker.failed(admit(breaker, Kind.READ, now), now)
        assert breaker.state(now) is OPEN
        wait = breaker.retry_after(Kind.READ, now)
        lengths.append(wait)
        now += wait
    assert lengths == [60, 120, 240, 300, 300, 300]
    assert breaker.drain_transitions()[1] == Transition(
        before=HALF_OPEN, after=OPEN, forced=False, reason=Reason.PROBE_FAILED, at=34
    )


def test_a_good_probe_before_a_failed_one_does_not_count_later():
    breaker = tripped()
    breaker.succeeded(admit(breaker, Kind.READ, 34), 34)
    breaker.failed(admit(breaker, Kind.READ, 34), 34)
    breaker.succeeded(admit(breaker, Kind.READ, 94), 94)
    assert breaker.state(94) is HALF_OPEN


def test_closing_forgets_the_doubled_cooldown():
    breaker = tripped(good_probes=1)
    breaker.failed(admit(breaker, Kind.READ, 34), 34)
    breaker.succeeded(admit(breaker, Kind.READ, 94), 94)
    fail(breaker, 95, 95, 95, 95, 95)
    assert breaker.retry_after(Kind.PLACE, 95) == 30


def test_jitter_moves_the_cooldown_by_at_most_its_share():
    rng = random.Random(1)
    waits = []
    for _ in range(500):
        breaker = Breaker(BreakerSettings(failures=1), rng)
        fail(breaker, 0)
        waits.append(breaker.retry_after(Kind.PLACE, 0))
    assert 24 <= min(waits) < 24.5
    assert 35.5 < max(waits) <= 36


def test_an_abandoned_probe_gives_the_permit_back():
    breaker = tripped()
    breaker.abandoned(admit(breaker, Kind.READ, 34), 35)
    assert breaker.state(35) is HALF_OPEN
    assert admit(breaker, Kind.READ, 35).probe


def test_an_abandoned_call_is_not_counted():
    breaker = make_breaker(failures=1)
    breaker.abandoned(admit(breaker, Kind.PLACE, 0), 0)
    assert breaker.state(0) is CLOSED


@pytest.mark.parametrize("verdict", Verdict)
def test_a_late_verdict_from_before_the_trip_is_not_a_probes_verdict(verdict):
    breaker = make_breaker()
    late = [admit(breaker, Kind.READ, 0) for _ in range(3)]
    fail(breaker, 0, 1, 2, 3, 4)
    probe = admit(breaker, Kind.READ, 34)
    for permit in late:
        getattr(breaker, verdict)(permit, 34)
    assert breaker.state(34) is HALF_OPEN
    assert breaker.admit(Kind.READ, 34) is None, "the probe is still out"
    breaker.succeeded(probe, 34)
    breaker.succeeded(admit(breaker, Kind.READ, 34), 34)
    assert breaker.state(34) is CLOSED


def test_a_late_failure_from_before_the_trip_does_not_count_after_it():
    breaker = make_breaker(good_probes=1, failures=2)
    late = [admit(breaker, Kind.PLACE, 0) for _ in range(2)]
    fail(breaker, 0, 1)
    breaker.succeeded(admit(breaker, Kind.READ, 31), 31)
    for permit in late:
        breaker.failed(permit, 31)
    assert breaker.state(31) is CLOSED


def test_only_the_probe_decides_while_half_open():
    breaker = tripped(failures=5, good_probes=1)
    for now in range(34, 44):
        breaker.failed(admit(breaker, Kind.CANCEL, now), now)
    assert breaker.state(44) is HALF_OPEN
    breaker.succeeded(admit(breaker, Kind.CANCEL, 44), 44)
    assert breaker.state(44) is HALF_OPEN


def test_a_second_verdict_on_one_permit_is_ignored():
    breaker = make_breaker(failures=2)
    permit = admit(breaker, Kind.PLACE, 0)
    breaker.failed(permit, 0)
    breaker.failed(permit, 0)
    assert breaker.state(0) is CLOSED


def test_a_probe_abandoned_after_its_verdict_does_not_free_the_next_one():
    breaker = tripped()
    first = admit(breaker, Kind.READ, 34)
    breaker.succeeded(first, 34)
    admit(breaker, Kind.READ, 34)
    breaker.abandoned(first, 34)
    assert breaker.admit(Kind.READ, 34) is None


def test_forced_open_refuses_all_but_one_urgent_call_a_second_for_ever():
    breaker = make_breaker()
    breaker.force_open(1)
    assert (breaker.state(1e6), breaker.forced) == (OPEN, True)
    assert breaker.admit(Kind.PLACE, 1e6) is None
    assert breaker.admit(Kind.READ, 1e6) is None
    assert breaker.retry_after(Kind.PLACE, 1e6) == 30
    admit(breaker, Kind.CANCEL, 1e6)
    assert breaker.admit(Kind.CANCEL, 1e6 + 0.5) is None
    admit(breaker, Kind.CANCEL, 1e6 + 1)


def test_forced_closed_ignores_failures_and_keeps_none_for_later():
    breaker = make_breaker()
    breaker.force_closed(0)
    fail(breaker, *range(20))
    assert (breaker.state(20), breaker.forced) == (CLOSED, True)
    breaker.auto(20)
    fail(breaker, 20, 20, 20, 20)
    assert (breaker.state(20), breaker.forced) == (CLOSED, False)


def test_forced_closed_ends_an_outage_at_once():
    breaker = tripped()
    breaker.force_closed(10)
    admit(breaker, Kind.PLACE, 10)
    breaker.auto(11)
    assert breaker.state(11) is CLOSED


def test_forcing_and_letting_go_are_transitions_too():
    breaker = make_breaker()
    breaker.auto(0)
    breaker.force_closed(1)
    breaker.force_closed(2)
    breaker.force_open(3)
    breaker.force_open(4)
    breaker.auto(5)
    told = [
        (t.before, t.after, t.forced, t.reason, t.at)
        for t in breaker.drain_transitions()
    ]
    assert told == [
        (CLOSED, CLOSED, True, Reason.FORCED_CLOSED, 1),
        (CLOSED, OPEN, True, Reason.FORCED_OPEN, 3),
        (OPEN, CLOSED, False, Reason.AUTOMATIC, 5),
    ]


def test_after_forced_open_it_must_prove_itself_only_where_it_had_tripped():
    healthy, sick = make_breaker(), tripped()
    for breaker, expected in ((healthy, CLOSED), (sick, HALF_OPEN)):
        breaker.force_open(10)
        breaker.auto(11)
        assert breaker.state(11) is expected


def test_a_tripped_breaker_may_be_forced_open_after_its_cooldown_has_passed():
    breaker = tripped()
    breaker.force_open(40)
    assert [t.reason for t in breaker.drain_transitions()] == [
        Reason.COOLDOWN_OVER,
        Reason.FORCED_OPEN,
    ]


def test_a_probe_from_before_it_was_forced_keeps_no_other_from_going():
    breaker = tripped()
    before = admit(breaker, Kind.READ, 34)
    breaker.force_open(35)
    breaker.auto(36)
    assert admit(breaker, Kind.READ, 36).probe
    breaker.abandoned(before, 37)
    assert breaker.admit(Kind.READ, 37) is None


def test_a_call_begun_while_forced_has_no_say_afterwards():
    breaker = make_breaker(failures=1)
    breaker.force_closed(0)
    permit = admit(breaker, Kind.PLACE, 0)
    breaker.auto(1)
    breaker.failed(permit, 2)
    assert breaker.state(2) is CLOSED


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        ("answered", "succeeded"),
        ("connect_failed", "failed"),
        ("timed_out", "failed"),
        ("server_error", "failed"),
        ("protocol_error", "failed"),
        ("unreadable", "failed"),
        ("unknown", "failed"),
        ("rejected", "succeeded"),
        ("denied", "abandoned"),
        ("limited", "succeeded"),
        ("cancelled", "abandoned"),
        ("login_expired", "succeeded"),
    ],
)
def test_what_counts_is_what_the_design_says(result, verdict):
    assert VERDICTS[CallResult(result)] == verdict
    breaker = make_breaker(failures=1)
    breaker.report(admit(breaker, Kind.PLACE, 0), CallResult(result), 0)
    assert breaker.state(0) is (OPEN if verdict == "failed" else CLOSED)


def test_every_result_has_a_verdict():
    assert set(VERDICTS) == set(CallResult)


@pytest.mark.parametrize("refusal", ["rejected", "limited", "login_expired"])
def test_a_probe_that_is_refused_shows_a_broker_that_is_alive(refusal):
    breaker = tripped(good_probes=2)
    for now in (34, 35):
        breaker.report(admit(breaker, Kind.READ, now), CallResult(refusal), now)
    assert breaker.state(35) is CLOSED


@pytest.mark.parametrize("own", ["denied", "cancelled"])
def test_a_probe_that_we_gave_up_says_nothing_and_the_next_one_may_go(own):
    breaker = tripped(good_probes=1)
    breaker.report(admit(breaker, Kind.READ, 34), CallResult(own), 34)
    assert breaker.state(34) is HALF_OPEN
    assert breaker.admit(Kind.READ, 34).probe


def test_a_reported_answer_closes_a_half_open_breaker():
    breaker = tripped(good_probes=1)
    breaker.report(admit(breaker, Kind.READ, 34), CallResult.ANSWERED, 34)
    assert breaker.state(34) is CLOSED


@given(st.integers(0, 2**32), st.booleans())
@PROPERTY
def test_whatever_happens_no_order_passes_but_closed_and_one_probe_is_out(seed, force):
    rng = random.Random(seed)
    breaker = Breaker(BreakerSettings(failures=2, good_probes=2), rng)
    now, out, urgent = 0.0, [], []
    for _ in range(300):
        now += rng.choice([0, 0.1, 1, 10])
        if force and rng.random() < 0.05:
            rng.choice([breaker.force_open, breaker.force_closed, breaker.auto])(now)
            out.clear()  # what was out before has no say any more
        kind = rng.choice(list(Kind))
        state, wait = breaker.state(now), breaker.retry_after(kind, now)
        permit = breaker.admit(kind, now)
        assert (permit is None) == (wait > 0)
        if permit is not None:
            out.append(permit)
            if state is not CLOSED:
                assert kind not in (Kind.PLACE, Kind.MODIFY)
                if permit.probe:
                    assert state is HALF_OPEN
                else:
                    urgent.append(now)
        assert sum(each.probe for each in out) <= 1
        if out and rng.random() < 0.8:
            back = out.pop(rng.randrange(len(out)))
            breaker.report(back, rng.choice(list(CallResult)), now)
    # to a rounding error: 0.1 added up is not exact
    assert all(b - a > 0.999 for a, b in pairwise(urgent))
    changes = breaker.drain_transitions()
    assert all(a.after is b.before for a, b in pairwise(changes))


@given(
    st.lists(
        st.sampled_from([r for r in CallResult if VERDICTS[r] != Verdict.FAILED]),
        max_size=100,
    )
)
@PROPERTY
def test_business_rejections_and_our_own_doing_never_open_it(results):
    breaker = make_breaker(failures=1)
    for now, result in enumerate(results):
        breaker.report(admit(breaker, Kind.PLACE, now), result, now)
    assert breaker.drain_transitions() == []
