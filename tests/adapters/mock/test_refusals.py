"""What the mocks refuse, in the codes and words of the brokers they stand for."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from adapters import Acked, BookStatus, OrderType, Rejected, Validity

from .family import AAPL, NOON, alpaca, fill, order, pass_by, place, placed, zerodha

CENT = Decimal("0.01")


def kite(code, text):
    return Rejected(code=code, text=text, http_status=400)


def said(answer):
    return answer.http_status, answer.code, answer.text


async def test_kite_tells_the_margin_wanted_and_there(tmp_path):
    answer = await place(zerodha(tmp_path, balance=8000), price=812)
    assert answer == Rejected(
        code="MarginException",
        text="Insufficient funds. Required margin is 8120.00 but available margin is"
        " 8000.00. Check the orderbook for open orders.",
        http_status=400,
        broker_order_id="261120000000001",
    )


async def test_kite_sells_no_delivery_that_is_not_there(tmp_path):
    held = {"NSE:SBIN": {"quantity": 4}}
    answer = await place(zerodha(tmp_path, holdings=held), "SELL", price=812)
    text = "Insufficient holdings. 10 of NSE:SBIN wanted, 4 there to sell."
    assert said(answer) == (400, "HoldingException", text)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"price": "812.01"}, "price must be a multiple of the tick 0.05, was 812.01"),
        ({"quantity": "0.5", "price": 812}, "quantity must be a multiple of 1"),
        ({"symbol": "NSE:GONE", "price": 1}, "no such symbol: NSE:GONE"),
        ({"symbol": "US:AAPL", "price": 1}, "no such symbol: US:AAPL"),
    ],
)
async def test_kite_calls_a_bad_parameter_an_input_exception(tmp_path, wrong, text):
    answer = await place(zerodha(tmp_path, symbols=["NSE:SBIN"]), **wrong)
    assert (answer.http_status, answer.code) == (400, "InputException")
    assert answer.text.startswith(text)


async def test_a_foreign_exchange_is_refused_by_both(tmp_path):
    indian = await place(zerodha(tmp_path), price=1, symbol="US:MSFT")
    american = await place(alpaca(tmp_path), price=1, symbol="NSE:SBIN")
    assert said(indian) == (400, "InputException", "US:MSFT cannot be traded")
    assert said(american) == (422, "42210000", "NSE:SBIN cannot be traded")


@pytest.mark.parametrize("tag", ["A" * 21, "A-1", "एक"])
async def test_kite_takes_twenty_letters_and_digits_for_a_tag(tmp_path, tag):
    mock = zerodha(tmp_path)
    answer = await place(mock, price=800, tag=tag)
    text = f"tag must be up to 20 letters and digits: {tag!r}"
    assert answer == kite("InputException", text)
    assert isinstance(await place(mock, price=800, tag="aZ0" * 6 + "01"), Acked)


async def test_kite_takes_the_same_tag_twice_and_alpaca_does_not(tmp_path):
    indian, american = zerodha(tmp_path), alpaca(tmp_path)
    for answer in [await place(indian, price=800) for _ in range(2)]:
        assert isinstance(answer, Acked)
    await placed(american, price=260, symbol=AAPL)
    again = await place(american, price=260, symbol=AAPL)
    assert said(again) == (422, "40010001", "client_order_id must be unique")
    assert len(await american.order_book()) == 1


async def test_alpaca_takes_long_tags(tmp_path):
    mock = alpaca(tmp_path)
    await placed(mock, price=260, symbol=AAPL, tag="a" * 128)
    answer = await place(mock, price=260, symbol=AAPL, tag="a" * 129)
    assert (answer.http_status, answer.code) == (422, "42210000")


async def test_kite_says_the_same_of_every_order_that_is_not_open(tmp_path):
    mock = zerodha(tmp_path)
    order_id = await placed(mock, price=800)
    await fill(mock, order_id, 10, 800)
    words = "as it is being processed. Try later."
    assert await mock.cancel(order_id) == kite(
        "OrderException", f"Order cannot be cancelled {words}"
    )
    assert await mock.modify(order_id, order(price=801), pass_by) == kite(
        "OrderException", f"Order cannot be modified {words}"
    )
    assert await mock.cancel("1") == kite("InputException", "no such order: 1")


async def test_kite_changes_neither_side_nor_symbol(tmp_path):
    mock = zerodha(tmp_path)
    order_id = await placed(mock, price=800)
    answer = await mock.modify(order_id, order("SELL", price=800), pass_by)
    assert answer == kite("InputException", "side must stay BUY, was SELL")
    answer = await mock.modify(order_id, order(price="800.01"), pass_by)
    assert answer.code == "InputException"


async def test_alpaca_says_no_by_numbers(tmp_path):
    mock = alpaca(tmp_path, balance=100, symbols=[AAPL])
    funds = await place(mock, quantity=1, price=268, symbol=AAPL)
    gone = await place(mock, price=1, symbol="US:GONE")
    fine = await place(mock, quantity=1, price="1.005", symbol=AAPL)
    assert said(funds) == (403, "40310000", "insufficient buying power")
    assert said(gone) == (404, "40410000", "asset not found: US:GONE")
    assert (fine.http_status, fine.code) == (422, "42210000")
    assert said(await mock.cancel("x")) == (404, "40410000", "order not found for x")


async def test_alpaca_cancels_and_changes_only_what_is_open(tmp_path):
    mock = alpaca(tmp_path)
    mine = order(price=260, symbol=AAPL)
    order_id = await placed(mock, price=260, symbol=AAPL)
    stop = replace(mine, type=OrderType.SL, trigger_price=Decimal(259))
    assert (await mock.modify(order_id, stop, pass_by)).text == (
        "type must stay LIMIT, was SL; cancel the order and place another"
    )
    finer = replace(mine, price=260 + CENT / 2)
    assert (await mock.modify(order_id, finer, pass_by)).code == "42210000"
    await fill(mock, order_id, 10, 260)
    assert said(await mock.cancel(order_id)) == (
        *(422, "42210000"),
        "order is not cancelable",
    )
    assert said(await mock.modify(order_id, mine, pass_by)) == (
        *(422, "42210000"),
        "order is filled and cannot be changed",
    )


async def test_alpaca_takes_parts_of_shares_for_the_day_only(tmp_path):
    mock = alpaca(tmp_path)
    day = await place(mock, quantity="0.25", price=260, symbol=AAPL)
    ioc = await place(
        mock, quantity="0.25", price=260, symbol=AAPL, validity=Validity.IOC, tag="A2"
    )
    assert isinstance(day, Acked)
    assert said(ioc) == (422, "42210000", "fractions want validity DAY, was IOC")


async def test_alpaca_sells_whole_shares_short_and_parts_that_are_there(tmp_path):
    mock = alpaca(tmp_path)
    short = await place(mock, "SELL", "0.5", 270, symbol=AAPL)
    assert said(short) == (
        *(403, "40310000"),
        "only whole shares of US:AAPL can be sold short, 0 are there",
    )
    await fill(mock, await placed(mock, quantity="1.5", symbol=AAPL, tag="A2"), 1.5, 9)
    held = await place(mock, "SELL", "0.5", 270, symbol=AAPL, tag="A3")
    assert isinstance(held, Acked)


async def test_a_refused_order_stands_in_the_book_as_rejected(tmp_path):
    mock = zerodha(tmp_path, balance=0)
    await place(mock, price=800)
    [row] = await mock.order_book()
    assert (row.status, row.placed_at) == (BookStatus.REJECTED, NOON)
    assert row.message.startswith("Insufficient funds.")
