"""Profit and loss, first in, first out, to the paisa."""

from decimal import Decimal

import msgspec
import pytest

from actors.profit import Lot, Open, asked, filled, match, unrealised, value
from adapters import OrderStatus, OrderType, SentAs, Side
from tests.support.gateway import an_order
from tests.support.records import a_record

D = Decimal


def lots(*rows):
    """From (+10, "100.05"): bought ten; of one symbol unless a third part names it."""
    return [
        Lot(
            symbol=row[2] if len(row) > 2 else "NSE:SBIN",
            side=Side.BUY if row[0] > 0 else Side.SELL,
            quantity=D(abs(row[0])),
            price=D(row[1]),
        )
        for row in rows
    ]


@pytest.mark.parametrize(
    ("rows", "profit", "still_open"),
    [
        ([], "0", []),
        ([(10, "100")], "0", [(10, "100")]),
        ([(10, "100"), (-10, "101.05")], "10.50", []),
        ([(10, "100"), (10, "110"), (-15, "120")], "250", [(5, "110")]),
        ([(-10, "100"), (10, "90")], "100", []),
        ([(-10, "100"), (15, "90")], "100", [(5, "90")]),
        ([(10, "100"), (-10, "90"), (-10, "80"), (10, "85")], "-150", []),
        ([(1, "0.1"), (1, "0.2"), (-2, "0.3")], "0.3", []),
    ],
)
def test_the_oldest_is_matched_first(rows, profit, still_open):
    found = match(lots(*rows))
    assert found.profit == D(profit)
    assert found.still_open == tuple(
        Open("NSE:SBIN", D(quantity), D(cost)) for quantity, cost in still_open
    )


def test_each_symbol_is_matched_with_itself_alone():
    found = match(lots((10, "100", "NSE:A"), (-10, "200", "NSE:B")))
    assert found.profit == 0
    assert [each.symbol for each in found.still_open] == ["NSE:A", "NSE:B"]


def test_what_is_open_is_worth_its_last_price():
    still_open = match(lots((10, "100", "NSE:A"), (-5, "50", "NSE:B"))).still_open
    assert unrealised(still_open, {"NSE:A": D("101.5"), "NSE:B": D(48)}) == 25
    assert unrealised(still_open, {"NSE:A": D(1)}) is None
    assert unrealised((), {}) == 0


def test_orders_are_asked_for_whole_and_filled_in_part():
    record = a_record(
        OrderStatus.PARTIALLY_FILLED, filled_quantity=D(4), average_price=D("812.5")
    )
    assert asked([record]) == lots((10, "813"))
    assert filled([record]) == lots((4, "812.5"))
    assert value(asked([record])) == 8130


def test_a_market_order_was_asked_for_at_what_it_went_out_or_was_filled_at():
    order = an_order(type="MARKET", price=None)
    sent = SentAs(type=OrderType.LIMIT, price=D(820), trigger_price=None)
    plain = a_record(order=order)
    assert asked([plain]) == []
    assert asked([msgspec.structs.replace(plain, sent_as=sent)]) == lots((10, "820"))
    traded = msgspec.structs.replace(plain, average_price=D(811))
    assert asked([traded]) == lots((10, "811"))
