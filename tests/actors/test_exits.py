"""The orders that close a position: the other side, as much as is held, no more."""

import pytest

from actors.exits import Held, exits, open_positions
from actors.messages import Denial
from adapters import ZERO, OrderType, Position, Product, Side
from tests.support.market import D, an_instrument, an_option

SBIN = Held("NSE:SBIN", "INTRADAY")
OPTION = Held("NFO:NIFTY28NOV2625000CE", "MARGIN")


def a_position(quantity, symbol="NSE:SBIN", product=Product.INTRADAY):
    return Position(
        symbol=symbol,
        product=product,
        quantity=D(quantity),
        day_quantity=D(quantity),
        average_price=D(800),
        last_price=None,
        realised_pnl=ZERO,
        unrealised_pnl=ZERO,
    )


def quantities(orders):
    return [int(order.quantity) for order in orders]


@pytest.mark.parametrize(("net", "side"), [(10, Side.SELL), (-10, Side.BUY)])
def test_an_exit_is_the_other_side_of_all_that_is_held_at_the_market(net, side):
    (order,) = exits(SBIN, D(net), an_instrument())
    assert (order.symbol, order.side, order.quantity) == ("NSE:SBIN", side, 10)
    assert (order.type, order.product) == (OrderType.MARKET, Product.INTRADAY)


@pytest.mark.parametrize(
    ("net", "parts"),
    [
        (1755, [1755]),  # 27 lots of 65: the most within 1800
        (1820, [1755, 65]),
        (-5265, [1755, 1755, 1755]),
    ],
)
def test_over_the_freeze_quantity_it_is_slices_of_whole_lots(net, parts):
    orders = exits(OPTION, D(net), an_option())
    assert quantities(orders) == parts
    assert {order.product for order in orders} == {Product.MARGIN}


def test_a_freeze_quantity_below_one_lot_is_kept_to_all_the_same():
    orders = exits(OPTION, D(130), an_option(freeze_quantity=50))
    assert quantities(orders) == [50, 50, 30]


@pytest.mark.parametrize(
    "instrument", [None, an_instrument(), an_option(freeze_quantity=0)]
)
def test_where_nobody_tells_a_freeze_quantity_nothing_is_split(instrument):
    assert quantities(exits(OPTION, D(10_000), instrument)) == [10_000]


def test_a_product_that_ordo_has_no_orders_for_is_told():
    assert exits(Held("NSE:SBIN", "BO"), D(1), None) == Denial(
        code="unsupported",
        message="Ordo has no orders in the product BO; close it at the broker",
    )


def test_rows_of_one_symbol_and_product_are_one_position():
    rows = [
        a_position(10),
        a_position(-4),
        a_position(7, product=Product.CNC),
        a_position(3, symbol="NSE:INFY"),
        a_position(-3, symbol="NSE:INFY"),
        a_position(0, symbol="NSE:TCS"),
    ]
    assert open_positions(rows) == {SBIN: 6, Held("NSE:SBIN", "CNC"): 7}
    assert open_positions(rows, "NSE:INFY") == {}
    assert open_positions([*rows, a_position(1, symbol="NSE:ITC")], "NSE:ITC") == {
        Held("NSE:ITC", "INTRADAY"): 1
    }


def test_a_sale_out_of_the_holdings_is_no_short_position():
    sold = a_position(-10, product=Product.CNC)
    short = a_position(-10, symbol="US:AAPL", product=Product.CNC)
    assert open_positions([sold]) == {}
    assert open_positions([short]) == {Held("US:AAPL", "CNC"): -10}
