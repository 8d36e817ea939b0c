"""Restart policy, backoff and the restart window: arithmetic that needs no loop."""

import random

import pytest

from actors.restarts import Backoff, Restart, RestartWindow


def test_permanent_restarts_always_transient_after_a_crash_temporary_never():
    follows = {
        policy: (policy.follows(crash=True), policy.follows(crash=False))
        for policy in Restart
    }
    assert follows == {
        Restart.PERMANENT: (True, True),
        Restart.TRANSIENT: (True, False),
        Restart.TEMPORARY: (False, False),
    }


def test_the_wait_doubles_up_to_the_maximum():
    backoff = Backoff(minimum=0.2, maximum=3, jitter=0)
    waits = [backoff.delay(failures, random.Random(1)) for failures in range(6)]
    assert waits == [0.2, 0.4, 0.8, 1.6, 3, 3]


def test_a_child_that_never_recovers_overflows_nothing():
    assert Backoff(maximum=60, jitter=0).delay(100_000, random.Random(1)) == 60


def test_jitter_shortens_the_wait_by_its_share_at_most():
    backoff = Backoff(minimum=1, maximum=10, jitter=0.2)
    rng = random.Random(7)
    waits = [backoff.delay(9, rng) for _ in range(1000)]
    assert 8 < min(waits) < 8.1
    assert 9.9 < max(waits) <= 10


def test_one_seed_gives_one_sequence_of_waits():
    first, again = (Backoff().delay(3, random.Random(5)) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    "settings",
    [{"minimum": 0}, {"minimum": 2, "maximum": 1}, {"jitter": 1}, {"jitter": -0.1}],
)
def test_a_backoff_that_makes_no_sense_is_refused(settings):
    with pytest.raises(ValueError, match=", was "):
        Backoff(**settings)


def test_a_window_allows_its_intensity_in_any_period():
    window = RestartWindow(2, 10)
    times = [0, 9, 9.9, 21, 22, 23]
    assert [window.allow(now) for now in times] == [
        True,
        True,
        False,
        True,
        True,
        False,
    ]


def test_a_restart_exactly_one_period_old_no_longer_counts():
    window = RestartWindow(1, 10)
    assert [window.allow(0), window.allow(10)] == [True, True]


@pytest.mark.parametrize(("intensity", "period"), [(-1, 60), (5, 0)])
def test_a_window_that_makes_no_sense_is_refused(intensity, period):
    with pytest.raises(ValueError, match=f"was {intensity} in {period} s"):
        RestartWindow(intensity, period)
