"""Ids: sixteen characters that sort by time and never come twice."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from actors.clockwork import Ids, encode, utc_now

START = datetime(2026, 11, 23, 3, 45, tzinfo=UTC)


class Wall:
    """A wall clock to be set."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


def test_an_id_is_sixteen_characters_that_every_broker_takes():
    made = Ids(Wall(), random.Random(1)).new()
    assert made == "38G6G77614H6BCFL"
    assert set(made) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUV")


def test_ids_sort_by_the_time_they_were_made():
    wall = Wall()
    ids = Ids(wall, random.Random(1))
    made = []
    for _ in range(100):
        made.append(ids.new())
        wall.now += timedelta(milliseconds=1)
    assert made == sorted(made)


def test_ten_thousand_of_one_millisecond_grow_and_differ():
    ids = Ids(Wall(), random.Random(1))
    made = [ids.new() for _ in range(10_000)]
    assert made == sorted(set(made))


def test_a_clock_set_back_makes_no_id_twice_and_none_smaller():
    wall = Wall()
    ids = Ids(wall, random.Random(1))
    first = ids.new()
    wall.now -= timedelta(hours=1)
    second = ids.new()
    assert second > first


def test_ids_are_greater_than_those_of_an_earlier_run_on_a_faster_clock():
    wall = Wall()
    wall.now += timedelta(hours=2)
    before = Ids(wall, random.Random(1)).new()
    wall.now -= timedelta(hours=2)
    ids = Ids(wall, random.Random(2), after=before)
    made = [before, ids.new(), ids.new()]
    assert made == sorted(set(made))


def test_two_makers_of_one_moment_differ_by_chance():
    one, two = Ids(Wall(), random.Random(1)), Ids(Wall(), random.Random(2))
    assert one.new()[:8] == two.new()[:8]
    assert one.new() != two.new()


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0000000000000000"),
        (31, "000000000000000V"),
        (32, "0000000000000010"),
        (2**80 - 1, "VVVVVVVVVVVVVVVV"),
    ],
)
def test_numbers_are_written_in_base_32_the_highest_digit_first(number, text):
    assert encode(number) == text


def test_wall_time_is_aware_and_universal():
    assert utc_now().tzinfo is UTC
