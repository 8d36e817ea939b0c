"""Rows of a long answer, read one by one so that others have their turn."""

import msgspec
import pytest

from adapters.errors import SentUnknown
from adapters.rows import AT_ONCE, row_of, translated
from tests.support.turns import counted


async def turns_during(number):
    """How often another task runs while so many rows are translated; and what came."""
    async with counted() as turns:
        made = await translated(range(number), lambda row: row * 2)
    return turns.number, made


async def test_every_row_is_translated_in_its_order(autojump_clock):
    for number in (0, 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE):
        _, made = await turns_during(number)
        assert made == [row * 2 for row in range(number)]


async def test_others_have_their_turn_in_between(autojump_clock):
    turns, _ = await turns_during(10 * AT_ONCE)
    assert turns >= 9 - 2  # who goes first is chance, at the start and at the end


async def test_a_short_answer_gives_nothing_away(autojump_clock):
    turns, _ = await turns_during(AT_ONCE)
    assert turns == 0


NUMBERS = msgspec.json.Decoder(dict[str, int])


def test_a_row_is_decoded_when_it_is_wanted():
    rows = msgspec.json.decode(b'[{"a": 1}, {"a": "x"}]', type=list[msgspec.Raw])
    assert row_of(rows[0], NUMBERS, "the book") == {"a": 1}


@pytest.mark.parametrize(
    "raw", [b'{"a": "x"}', b"[]", b'{"a": ', b'{"\xff": 1}', b"[" * 100_000]
)
def test_a_row_of_another_shape_is_an_answer_nobody_can_read(raw):
    with pytest.raises(SentUnknown, match="a row of the book"):
        row_of(msgspec.Raw(raw), NUMBERS, "the book")
