"""Client tags: the order's id where it fits, a number that grows where it does not."""

import random
import string

import pytest

from actors.clockwork import ALPHABET
from actors.tags import Tags
from adapters import TagRule
from tests.support.memory_store import START

DIGITS = TagRule(alphabet=string.digits, max_length=15)
ID = "0QK2P5E1VS4G8ABC"


def tags(rule, wall=lambda: START):
    return Tags(rule, wall, random.Random(1))


@pytest.mark.parametrize(
    "rule", [None, TagRule(alphabet=ALPHABET, max_length=16)], ids=["none", "fits"]
)
def test_the_id_is_the_tag_where_the_broker_takes_it(rule):
    assert tags(rule).tag(ID) == ID


@pytest.mark.parametrize(
    "rule", [DIGITS, TagRule(alphabet=ALPHABET, max_length=15)], ids=["digits", "short"]
)
def test_another_tag_keeps_to_the_rule_and_is_never_made_twice(rule):
    maker = tags(rule)
    made = [maker.tag(ID) for _ in range(1000)]
    assert len(set(made)) == 1000
    assert made == sorted(made, key=lambda tag: (len(tag), tag))
    assert all(len(tag) <= 15 and set(tag) <= set(rule.alphabet) for tag in made)


def test_a_tag_of_digits_begins_with_none_that_a_number_would_lose():
    made = tags(DIGITS).tag(ID)
    assert (len(made), str(int(made))) == (15, made)


def test_a_clock_set_back_does_not_bring_an_old_tag_again():
    times = [START, START.replace(year=2020)]
    maker = tags(DIGITS, lambda: times.pop(0))
    first, second = maker.tag(ID), maker.tag(ID)
    assert int(second) == int(first) + 1


def test_a_rule_without_room_is_refused_at_once():
    with pytest.raises(ValueError, match="has no room"):
        tags(TagRule(alphabet=string.digits, max_length=14))
