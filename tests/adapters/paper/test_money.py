"""Funds, positions and holdings of a paper account, to the paisa."""

from datetime import UTC, datetime

import pytest

from adapters import BookStatus, Funds, Holding, Position, Product, Rejected
from adapters.brokers.paper import PaperHolding
from tests.adapters.paper.family import (
    INFY,
    NOON,
    SBIN,
    dec,
    fills,
    make_broker,
    order,
    pass_by,
    place,
    row,
)

CNC, MARGIN = Product.CNC, Product.MARGIN


def money(available, used, cash, total):
    return Funds(
        available=dec(available), used=dec(used), cash=dec(cash), total=dec(total)
    )


async def position(broker, number=0):
    return (await broker.positions())[number]


async def pnl(broker):
    net = await position(broker)
    return net.quantity, net.average_price, net.realised_pnl, net.unrealised_pnl


async def test_an_account_starts_with_its_balance_and_nothing_else():
    broker = make_broker(balance=dec(5000))
    assert await broker.funds() == money(5000, 0, 5000, 5000)
    assert await broker.positions() == []
    assert await broker.holdings() == []
    assert await broker.trades() == []


async def test_a_cnc_buy_is_paid_in_full():
    broker = make_broker(at=812)
    await place(broker, "BUY", 10, product=CNC)
    assert await broker.funds() == money("991879.50", "8120.50", "991879.50", 1_000_000)


@pytest.mark.parametrize("product", [Product.INTRADAY, MARGIN])
@pytest.mark.parametrize("side", ["BUY", "SELL"])
async def test_other_positions_block_a_fifth_of_their_value(side, product):
    broker = make_broker(at="811.95" if side == "BUY" else "812.05")
    await place(broker, side, 10, product=product)
    assert await broker.funds() == money(998_376, 1624, 1_000_000, 1_000_000)


async def test_the_margin_is_a_setting():
    broker = make_broker(at="811.95", margin=dec("0.5"))
    await place(broker, "BUY", 10)
    assert (await broker.funds()).used == 4060


async def test_an_open_order_keeps_its_money_back_until_it_ends():
    broker = make_broker(at=812)
    await place(broker, "BUY", 10, 800, product=CNC)
    assert await broker.funds() == money(992_000, 8000, 1_000_000, 1_000_000)
    await broker.modify("PAPER-000001", order("BUY", 5, 700, product=CNC), pass_by)
    assert await broker.funds() == money(996_500, 3500, 1_000_000, 1_000_000)
    await broker.cancel("PAPER-000001")
    assert await broker.funds() == money(1_000_000, 0, 1_000_000, 1_000_000)


async def test_a_fill_frees_its_part_of_what_was_kept_back():
    broker = make_broker(at="799.95")
    broker.set_liquidity(SBIN, 3)
    await place(broker, "BUY", 10, 810, product=CNC)  # 3 at 800, 7 wait at 810
    assert await broker.funds() == money(991_930, 8070, 997_600, 1_000_000)


async def test_an_order_beyond_the_funds_stands_in_the_book_as_rejected():
    broker = make_broker(at=812, balance=dec(8120))
    assert await place(broker, "BUY", 10, product=CNC) == Rejected(
        code="INSUFFICIENT_FUNDS",
        text="RMS: margin exceeds, required Rs 8120.50, available Rs 8120.00",
        broker_order_id="PAPER-000001",
    )
    entry = await row(broker)
    assert entry.status is BookStatus.REJECTED
    assert entry.message == (
        "RMS: margin exceeds, required Rs 8120.50, available Rs 8120.00"
    )
    assert await fills(broker) == []
    assert await broker.funds() == money(8120, 0, 8120, 8120)


async def test_funds_to_the_last_paisa_are_enough():
    broker = make_broker(at=812, balance=dec("8120.50"))
    await place(broker, "BUY", 10, product=CNC)
    assert await broker.funds() == money(0, "8120.50", 0, "8120.50")


async def test_open_orders_count_against_the_funds():
    broker = make_broker(at=812, balance=dec(10_000))
    await place(broker, "BUY", 10, 800, product=CNC)
    refused = await place(broker, "BUY", 3, 700, product=CNC)
    assert refused.code == "INSUFFICIENT_FUNDS"


async def test_a_change_beyond_the_funds_is_refused_and_the_order_stays():
    broker = make_broker(at=812, balance=dec(10_000))
    await place(broker, "BUY", 10, 800, product=CNC)
    bigger = order("BUY", 13, 800, product=CNC)
    assert await broker.modify("PAPER-000001", bigger, pass_by) == Rejected(
        code="INSUFFICIENT_FUNDS",
        text="RMS: margin exceeds, required Rs 10400.00, available Rs 10000.00",
    )
    assert (await row(broker)).quantity == 10
    assert await broker.funds() == money(2000, 8000, 10_000, 10_000)


async def test_a_change_need_not_pay_twice_for_what_the_order_already_keeps_back():
    broker = make_broker(at=812, balance=dec(10_000))
    await place(broker, "BUY", 10, 800, product=CNC)
    await broker.modify("PAPER-000001", order("BUY", 12, 800, product=CNC), pass_by)
    assert await broker.funds() == money(400, 9600, 10_000, 10_000)


async def test_what_closes_a_position_needs_no_margin():
    broker = make_broker(at="811.95", balance=dec(1624))
    await place(broker, "BUY", 10)
    await place(broker, "SELL", 10, 900)
    assert await broker.funds() == money(0, 1624, 1624, 1624)
    refused = await place(broker, "SELL", 1, 900)  # the ten close it already
    assert refused.code == "INSUFFICIENT_FUNDS"


async def test_an_overdrawn_account_can_still_sell_what_it_has():
    broker = make_broker(at=812, balance=dec("8120.50"))
    broker.set_liquidity(SBIN, 1)
    await place(broker, "BUY", 10, product=CNC)
    broker.set_liquidity(SBIN, 0)
    broker.set_price(SBIN, "899.95")
    broker.set_liquidity(SBIN, None)  # nine at 900 cost more than was kept back
    assert (await broker.funds()).available == dec("-791.55")
    await place(broker, "SELL", 10, product=CNC)
    assert (await row(broker, 2)).status is BookStatus.FILLED


async def test_a_cnc_sell_of_what_is_not_there_is_refused():
    broker = make_broker()
    assert await place(broker, "SELL", 3, product=CNC) == Rejected(
        code="INSUFFICIENT_HOLDINGS",
        text="RMS: CNC sell of 3 NSE:SBIN, holdings to sell 0",
        broker_order_id="PAPER-000001",
    )


async def test_shares_can_be_sold_once_however_many_orders_try():
    broker = make_broker(holdings={SBIN: PaperHolding(quantity=dec(10))})
    await place(broker, "SELL", 6, 900, product=CNC)
    refused = await place(broker, "SELL", 5, 900, product=CNC)
    assert refused.text == "RMS: CNC sell of 5 NSE:SBIN, holdings to sell 4"
    assert (await row(broker, 1)).status is BookStatus.OPEN
    await broker.cancel("PAPER-000001")
    await place(broker, "SELL", 10, 900, product=CNC)
    assert (await row(broker, 3)).status is BookStatus.OPEN


async def test_holdings_are_listed_and_a_sale_shows_as_a_negative_position():
    held = PaperHolding(quantity=dec(10), average_price=dec(700))
    broker = make_broker(at="812.05", holdings={SBIN: held})
    await place(broker, "SELL", 4, product=CNC)
    assert await broker.holdings() == [
        Holding(
            symbol=SBIN,
            quantity=dec(10),
            t1_quantity=dec(0),
            average_price=dec(700),
            last_price=dec("812.05"),
        )
    ]
    assert (await position(broker)).quantity == -4
    assert await broker.funds() == money(1_003_248, 0, 1_003_248, 1_003_248)


async def test_cnc_shares_bought_today_can_be_sold_today():
    broker = make_broker(at="811.95")
    await place(broker, "BUY", 10, product=CNC)
    broker.set_price(SBIN, "815.05")
    await place(broker, "SELL", 10, product=CNC)
    assert await pnl(broker) == (0, 0, 30, 0)
    assert await broker.funds() == money(1_000_030, 0, 1_000_030, 1_000_030)


async def test_positions_net_by_symbol_and_product():
    broker = make_broker(at="811.95", prices={INFY: dec(1500)})
    await place(broker, "BUY", 10)
    await place(broker, "BUY", 5, product=CNC)
    await place(broker, "SELL", 2, symbol=INFY)
    assert [(p.symbol, p.product, p.quantity) for p in await broker.positions()] == [
        (SBIN, Product.INTRADAY, 10),
        (SBIN, CNC, 5),
        (INFY, Product.INTRADAY, -2),
    ]


async def test_a_position_shows_everything_there_is_to_know():
    broker = make_broker(at="811.95")
    await place(broker, "BUY", 10)
    broker.set_price(SBIN, "812.05")
    await place(broker, "SELL", 4)
    assert await broker.positions() == [
        Position(
            symbol=SBIN,
            product=Product.INTRADAY,
            quantity=dec(6),
            day_quantity=dec(6),
            average_price=dec(812),
            last_price=dec("812.05"),
            realised_pnl=dec(0),
            unrealised_pnl=dec("0.30"),
        )
    ]


async def test_profit_is_realised_at_the_average_cost_and_the_rest_keeps_it():
    broker = make_broker(at="99.95")
    await place(broker, "BUY", 10)
    broker.set_price(SBIN, "109.95")
    await place(broker, "BUY", 10)
    broker.set_price(SBIN, "120.05")
    await place(broker, "SELL", 15)
    assert await pnl(broker) == (5, 105, 225, dec("75.25"))


async def test_a_position_that_turns_over_starts_anew_at_the_price_of_the_turn():
    broker = make_broker(at="99.95")
    await place(broker, "BUY", 10)
    broker.set_price(SBIN, "90.05")
    await place(broker, "SELL", 25)
    assert await pnl(broker) == (-15, 90, -100, dec("-0.75"))


async def test_a_short_position_gains_as_the_price_falls():
    broker = make_broker(at="100.05")
    await place(broker, "SELL", 10)
    broker.set_price(SBIN, "89.95")
    await place(broker, "BUY", 4)
    assert await pnl(broker) == (-6, 100, 40, dec("60.30"))


async def test_an_uneven_average_loses_nothing_once_all_is_closed():
    broker = make_broker(at="99.95")
    await place(broker, "BUY", 1)
    broker.set_price(SBIN, "100.00")
    await place(broker, "BUY", 2)  # 1 at 100.00, 2 at 100.05: an average of 100.0333…
    broker.set_price(SBIN, "110.05")
    for _ in range(3):
        await place(broker, "SELL", 1)
    assert await pnl(broker) == (0, 0, dec("29.90"), 0)


async def test_the_day_quantity_starts_anew_at_midnight_in_india():
    now = [NOON]
    broker = make_broker(wall=lambda: now[0])
    await place(broker, "BUY", 10)
    assert (await position(broker)).day_quantity == 10
    now[0] = datetime(2026, 11, 20, 18, 29, 59, tzinfo=UTC)
    assert (await position(broker)).day_quantity == 10
    now[0] = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
    assert (await position(broker)).day_quantity == 0
    await place(broker, "SELL", 3)
    net = await position(broker)
    assert (net.quantity, net.day_quantity) == (7, -3)
