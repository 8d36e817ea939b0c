"""Unknown orders: when the book is read for them, and when it is enough."""

import math

import pytest

from actors.doubts import Doubts


def in_doubt(*order_ids, since=0.0):
    doubts = Doubts()
    for order_id in order_ids:
        doubts.add(order_id, since)
    return doubts


def looks(doubts, until):
    """When the book is read, if each read takes no time at all."""
    times = []
    while (at := doubts.next_look()) <= until:
        times.append(at)
        doubts.looked(at)
    return times


def test_without_doubts_nothing_is_due():
    assert Doubts().next_look() == math.inf
    assert len(Doubts()) == 0


@pytest.mark.parametrize("since", [0.0, 1.05, 0.1, 12345.678])
def test_the_looks_are_at_1_2_5_10_20_30_seconds_and_then_each_minute(since):
    planned = [1, 2, 5, 10, 20, 30, 90, 150, 210]
    times = looks(in_doubt("A", since=since), since + 250)
    assert times == pytest.approx([since + look for look in planned])


def test_a_look_that_took_long_skips_those_it_overtook():
    doubts = in_doubt("A")
    doubts.looked(7)
    assert doubts.next_look() == 10
    doubts.looked(95)
    assert doubts.next_look() == 150


def test_one_look_serves_all_and_the_earliest_decides():
    doubts = in_doubt("A")
    doubts.looked(10)
    doubts.add("B", 12)
    assert doubts.next_look() == 13
    doubts.looked(13)
    assert doubts.next_look() == 14


def test_a_settled_doubt_is_gone_and_may_be_so_twice():
    doubts = in_doubt("A")
    assert "A" in doubts
    doubts.remove("A")
    doubts.remove("A")
    assert "A" not in doubts
    assert doubts.next_look() == math.inf


def test_not_placed_needs_two_minutes_and_three_reads():
    doubts = in_doubt("A")
    assert [doubts.missing("A", at) for at in (1, 20, 60, 119, 120)] == [
        *(False, False, False, False, True)
    ]


def test_two_reads_are_not_enough_however_long_it_was():
    doubts = in_doubt("A")
    assert not doubts.missing("A", 1000)
    assert not doubts.missing("A", 2000)
    assert doubts.missing("A", 3000)


def test_reads_less_than_ten_seconds_apart_count_once():
    doubts = in_doubt("A")
    assert not any(doubts.missing("A", at) for at in (130, 135, 139.9, 140, 149))
    assert doubts.missing("A", 150)


def test_a_read_begun_before_the_send_counts_for_nothing():
    doubts = in_doubt("A", since=100)
    assert not doubts.missing("A", 80)
    assert not doubts.missing("A", 90)
    assert not doubts.missing("A", 220)
    assert not doubts.missing("A", 230)
    assert doubts.missing("A", 240)


def test_a_later_possible_send_begins_the_wait_anew():
    doubts = in_doubt("A")
    for at in (1, 11, 21):
        doubts.missing("A", at)
    doubts.add("A", 100)
    assert not doubts.missing("A", 130)
    assert not doubts.missing("A", 219)
    assert doubts.missing("A", 229)
