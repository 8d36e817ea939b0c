"""Rows of a long answer, read one by one so that others have their turn."""

from decimal import Decimal

import msgspec
import pytest
import trio

from adapters.errors import SentUnknown
from adapters.giving_way import REST
from adapters.model import BookOrder, BookStatus, OrderType, Product, Side
from adapters.rows import AT_ONCE, book_of, row_of, translated
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


async def test_between_two_slices_it_rests_for_longer_than_they_take(autojump_clock):
    def slowly(row):
        autojump_clock.jump(0.001)
        return row

    began = trio.current_time()
    await translated(range(2 * AT_ONCE), slowly)
    slice_took = 0.001 * AT_ONCE
    took = trio.current_time() - began
    assert took == pytest.approx(2 * slice_took + REST * slice_took)


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


def an_order(*numbers):
    """A row with these, as text, for its quantity, what is filled, and its price."""
    quantity, filled, price = map(Decimal, numbers)
    return BookOrder(
        broker_order_id="1",
        tag=None,
        symbol="NSE:SBIN",
        side=Side.BUY,
        quantity=quantity,
        filled_quantity=filled,
        status=BookStatus.OPEN,
        type=OrderType.LIMIT,
        product=Product.INTRADAY,
        price=price,
    )


async def test_equal_numbers_of_a_book_are_kept_once(autojump_clock):
    rows = [("10", "0", "812.35"), ("10", "10", "812.35"), ("7", "7", "10")]
    first, second, third = await book_of(rows, lambda row: an_order(*row))
    assert (first, second, third) == tuple(an_order(*row) for row in rows)
    assert first.price is second.price
    assert first.quantity is second.quantity is second.filled_quantity is third.price
    assert third.quantity is third.filled_quantity


async def test_numbers_stay_as_they_were_written(autojump_clock):
    rows = [("1", "0", "850"), ("1", "0.0", "850.00"), ("1", "-0", "8.5E+2")]
    book = await book_of(rows, lambda row: an_order(*row))
    assert [str(row.price) for row in book] == ["850", "850.00", "8.5E+2"]
    assert [str(row.filled_quantity) for row in book[:2]] == ["0", "0.0"]


async def test_what_is_no_number_is_left_alone(autojump_clock):
    [row] = await book_of([("NaN", "sNaN", "Infinity")], lambda row: an_order(*row))
    numbers = row.quantity, row.filled_quantity, row.price
    assert [str(number) for number in numbers] == ["NaN", "sNaN", "Infinity"]
