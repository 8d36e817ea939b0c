"""What `limits` and `registered_limits` make of the limits a broker publishes."""

import pytest

from adapters import ConfigError
from adapters.ports import PublishedLimits
from ordo.config import Limits, effective_limits

FYERS = PublishedLimits(
    orders_per_second=10, per_second=10, per_minute=200, per_day=100_000
)
NONE = PublishedLimits()


def test_by_default_orders_keep_eight_a_second_and_the_rest_is_as_published():
    assert effective_limits(FYERS, Limits(), False) == PublishedLimits(
        orders_per_second=8, per_second=10, per_minute=200, per_day=100_000
    )


def test_eight_a_second_written_out_is_the_default():
    written = effective_limits(FYERS, Limits(per_second=8), False)
    assert written == effective_limits(FYERS, Limits(), False)


def test_a_broker_that_publishes_nothing_keeps_eight_orders_a_second():
    assert effective_limits(NONE, Limits(), False) == PublishedLimits(
        orders_per_second=8
    )


@pytest.mark.parametrize(
    "slow", [PublishedLimits(orders_per_second=5), PublishedLimits(per_second=5)]
)
def test_a_broker_that_publishes_less_than_eight_keeps_that(slow: PublishedLimits):
    assert effective_limits(slow, Limits(), False).orders_per_second == 5


def test_per_second_is_the_rate_of_orders_and_leaves_reads_theirs():
    assert effective_limits(FYERS, Limits(per_second=3), False) == PublishedLimits(
        orders_per_second=3, per_second=10, per_minute=200, per_day=100_000
    )


def test_longer_windows_are_lowered_over_all_calls():
    limits = Limits(per_minute=100, per_day=5000)
    assert effective_limits(FYERS, limits, False) == PublishedLimits(
        orders_per_second=8, per_second=10, per_minute=100, per_day=5000
    )


def test_a_window_that_is_not_published_can_be_ours():
    limits = Limits(per_minute=30)
    assert effective_limits(NONE, limits, False) == PublishedLimits(
        orders_per_second=8, per_minute=30
    )


def test_ten_orders_a_second_are_the_most_without_registration():
    ten = effective_limits(NONE, Limits(per_second=10), False)
    assert ten.orders_per_second == 10


@pytest.mark.parametrize(
    ("published", "limits", "line"),
    [
        (NONE, Limits(per_second=11), "per_second: wanted at most 10"),
        (FYERS, Limits(per_second=11), "per_second: wanted at most 10"),
        (
            PublishedLimits(orders_per_second=20, per_second=20),
            Limits(per_second=11),
            "per_second: wanted at most 10",
        ),
        (
            PublishedLimits(orders_per_second=9),
            Limits(per_second=10),
            "per_second: wanted at most 9",
        ),
        (FYERS, Limits(per_minute=201), "per_minute: wanted at most 200"),
        (
            PublishedLimits(per_hour=1000),
            Limits(per_hour=1001),
            "per_hour: wanted at most 1000",
        ),
        (FYERS, Limits(per_day=100_001), "per_day: wanted at most 100000"),
    ],
)
def test_without_registration_nothing_may_be_raised(
    published: PublishedLimits, limits: Limits, line: str
):
    with pytest.raises(ConfigError) as caught:
        effective_limits(published, limits, False, "brokers.x.limits")
    assert str(caught.value).startswith(f"brokers.x.limits.{line}, as published")


def test_registered_the_rate_lifts_every_window_in_proportion():
    assert effective_limits(FYERS, Limits(per_second=50), True) == PublishedLimits(
        orders_per_second=50, per_second=50, per_minute=3000, per_day=4_320_000
    )


def test_registered_the_windows_of_orders_are_lifted_too():
    hourly = PublishedLimits(orders_per_minute=250, orders_per_hour=1000, per_hour=5000)
    assert effective_limits(hourly, Limits(per_second=20), True) == PublishedLimits(
        orders_per_second=20,
        orders_per_minute=1200,
        orders_per_hour=72_000,
        per_hour=72_000,
    )


def test_registered_a_window_that_is_named_is_as_named():
    limits = Limits(per_second=50, per_minute=1000)
    assert effective_limits(FYERS, limits, True) == PublishedLimits(
        orders_per_second=50, per_second=50, per_minute=1000, per_day=4_320_000
    )


def test_registered_a_window_already_wide_enough_stays_as_published():
    limits = Limits(per_second=11)
    wide = PublishedLimits(orders_per_second=10, per_second=20, per_minute=9000)
    assert effective_limits(wide, limits, True) == PublishedLimits(
        orders_per_second=11, per_second=20, per_minute=9000
    )


def test_registered_without_a_higher_rate_changes_nothing():
    for limits in (Limits(), Limits(per_second=5)):
        assert effective_limits(FYERS, limits, True) == effective_limits(
            FYERS, limits, False
        )


def test_registered_what_is_not_published_stays_without_bound():
    assert effective_limits(NONE, Limits(per_second=500), True) == PublishedLimits(
        orders_per_second=500
    )
