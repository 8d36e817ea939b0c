"""Ids in the brokers' manner: the same orders get the same, and none gets one twice."""

import re
import uuid
from datetime import date, timedelta

import pytest

from adapters.model import BookStatus

from .family import AAPL, NOON, alpaca, fill, placed, row_of, zerodha

ALPACA_FIRST = "10e6e74c-3e06-566f-a36d-7a7ec7fa6b5e"


async def test_zerodhas_are_fifteen_digits_that_begin_with_the_day(tmp_path):
    mock = zerodha(tmp_path)
    ids = [await placed(mock, price=800, tag=f"A{n}") for n in range(3)]
    assert ids == ["261120000000001", "261120000000002", "261120000000003"]


async def test_the_day_is_indias(tmp_path):
    late = NOON.replace(hour=20)  # 01:30 of the next day in India
    mock = zerodha(tmp_path, wall=lambda: late)
    assert await placed(mock, price=800) == "261121000000001"


async def test_with_a_day_set_the_ids_are_the_same_on_any_day(tmp_path):
    mock = zerodha(tmp_path, id_day=date(2015, 12, 20))
    assert await placed(mock, price=800) == "151220000000001"


async def test_alpacas_are_uuids_made_of_the_account_and_a_number(tmp_path):
    ids = []
    for data in ("a", "b"):
        (tmp_path / data).mkdir()
        mock = alpaca(tmp_path / data)
        ids.append(
            [await placed(mock, price=260, symbol=AAPL, tag=f"A{n}") for n in (1, 2)]
        )
    assert ids[0] == ids[1]
    assert ids[0][0] == ALPACA_FIRST
    assert uuid.UUID(ids[0][1]) != uuid.UUID(ALPACA_FIRST)


async def test_two_alpaca_accounts_have_no_id_in_common(tmp_path):
    first, second = alpaca(tmp_path, name="one"), alpaca(tmp_path, name="two")
    assert await placed(first, price=260, symbol=AAPL) != await placed(
        second, price=260, symbol=AAPL
    )


async def test_after_a_kill_the_book_stands_and_no_id_comes_again(tmp_path):
    killed = zerodha(tmp_path)  # and never closed
    first = await placed(killed, price=800)
    await fill(killed, first, 4, 799)
    tomorrow = NOON + timedelta(days=1)
    mock = zerodha(tmp_path, wall=lambda: tomorrow)
    row = await row_of(mock, first)
    assert (row.status, row.filled_quantity) == (BookStatus.OPEN, 4)
    assert await placed(mock, price=800, tag="A2") == "261121000000002"


async def test_a_line_that_the_kill_tore_is_no_order_and_leaves_no_gap(tmp_path):
    mock = zerodha(tmp_path)
    await placed(mock, price=800)
    journal = tmp_path / "zerodha-mock" / "mock.jsonl"
    whole = journal.read_bytes()
    await placed(mock, price=800, tag="A2")
    journal.write_bytes(journal.read_bytes()[:-5])
    again = zerodha(tmp_path)
    assert [row.tag for row in await again.order_book()] == ["A1"]
    assert journal.read_bytes() == whole
    assert await placed(again, price=800, tag="A3") == "261120000000002"


@pytest.mark.parametrize("make", [zerodha, alpaca])
async def test_the_account_is_for_its_owner_alone(tmp_path, make):
    make(tmp_path)
    (directory,) = tmp_path.iterdir()
    assert re.fullmatch("(zerodha|alpaca)-mock", directory.name)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / "mock.jsonl").stat().st_mode & 0o777 == 0o600
