"""How paper orders trade: at which price, how much, and when."""

import pytest

from adapters import Acked, BookOrder, BookStatus, Refused, Rejected, Validity
from adapters.model import OrderType, Product, Side
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

FILLED, OPEN, CANCELLED = BookStatus.FILLED, BookStatus.OPEN, BookStatus.CANCELLED


async def test_a_market_buy_fills_at_the_ask_and_a_market_sell_at_the_bid():
    broker = make_broker(at=812)
    await place(broker, "BUY")
    await place(broker, "SELL")
    assert await fills(broker) == [(10, "812.05"), (10, "811.95")]


async def test_a_filled_order_stands_in_the_book_with_all_it_was():
    broker = make_broker(at=812)
    assert await place(broker) == Acked(broker_order_id="PAPER-000001")
    assert await broker.order_book() == [
        BookOrder(
            broker_order_id="PAPER-000001",
            tag="A1",
            symbol=SBIN,
            side=Side.BUY,
            quantity=dec(10),
            filled_quantity=dec(10),
            status=FILLED,
            type=OrderType.MARKET,
            product=Product.INTRADAY,
            average_price=dec("812.05"),
            placed_at=NOON,
        )
    ]


async def test_a_limit_order_that_crosses_fills_at_the_better_price_of_the_other_side():
    broker = make_broker(at=812)
    await place(broker, "BUY", 10, 820)
    await place(broker, "SELL", 10, 800)
    assert await fills(broker) == [(10, "812.05"), (10, "811.95")]


@pytest.mark.parametrize(
    ("side", "limit", "short_of", "there"),
    [("BUY", 810, "810", "809.95"), ("SELL", 814, "814", "814.05")],
)
async def test_a_limit_order_rests_and_fills_at_its_limit_once_the_price_crosses(
    side, limit, short_of, there
):
    broker = make_broker(at=812)
    await place(broker, side, 10, limit)
    broker.set_price(SBIN, short_of)
    assert (await row(broker)).status is OPEN
    broker.set_price(SBIN, there)
    assert (await row(broker)).status is FILLED
    assert await fills(broker) == [(10, str(limit))]


@pytest.mark.parametrize(
    ("side", "trigger", "short_of", "there", "fills_at"),
    [("BUY", 815, "814.95", "815", "815.05"), ("SELL", 809, "809.05", "809", "808.95")],
)
async def test_a_stop_market_order_waits_for_its_trigger_and_fills_at_the_market(
    side, trigger, short_of, there, fills_at
):
    broker = make_broker(at=812)
    await place(broker, side, trigger=trigger)
    broker.set_price(SBIN, short_of)
    assert await fills(broker) == []
    broker.set_price(SBIN, there)
    assert await fills(broker) == [(10, fills_at)]


async def test_a_triggered_stop_limit_order_rests_at_its_limit_and_stays_triggered():
    broker = make_broker(at=812)
    await place(broker, "BUY", 10, 816, trigger=815)
    broker.set_price(SBIN, 817)
    assert (await row(broker)).status is OPEN
    broker.set_price(SBIN, 814)
    assert await fills(broker) == [(10, "816")]


async def test_a_stop_limit_order_whose_limit_is_good_trades_at_the_market():
    broker = make_broker(at=812)
    await place(broker, "SELL", 10, 800, trigger=809)
    broker.set_price(SBIN, "808.50")
    assert await fills(broker) == [(10, "808.45")]


async def test_an_ioc_order_trades_what_it_can_and_the_rest_is_cancelled():
    broker = make_broker(at=812)
    broker.set_liquidity(SBIN, 4)
    await place(broker, "BUY", 10, validity=Validity.IOC)
    broker.set_liquidity(SBIN, None)
    entry = await row(broker)
    assert (entry.status, entry.filled_quantity) == (CANCELLED, 4)
    assert entry.message == "IOC: 6 not traded"


async def test_an_ioc_order_that_does_not_cross_is_cancelled_at_once():
    broker = make_broker(at=812)
    await place(broker, "BUY", 10, 800, validity=Validity.IOC)
    assert (await row(broker)).status is CANCELLED
    assert (await broker.funds()).available == 1_000_000


async def test_liquidity_is_used_up_until_the_price_is_set_anew():
    broker = make_broker(at=812)
    broker.set_liquidity(SBIN, 4)
    await place(broker, "BUY", 10)
    await place(broker, "BUY", 5)
    assert await fills(broker) == [(4, "812.05")]
    broker.set_price(SBIN, 813)
    broker.set_price(SBIN, 814)
    assert await fills(broker) == [
        (4, "812.05"),
        (4, "813.05"),
        (2, "814.05"),
        (2, "814.05"),
    ]


async def test_the_average_price_is_the_exact_mean_of_the_fills():
    broker = make_broker(at=812)
    broker.set_liquidity(SBIN, 3)
    await place(broker, "BUY", 8)
    broker.set_price(SBIN, "812.10")
    broker.set_price(SBIN, "813")
    entry = await row(broker)
    assert entry.status is FILLED
    assert entry.average_price == dec("812.3375")  # (3*812.05+3*812.15+2*813.05)/8


async def test_trades_are_numbered_by_order_and_bear_its_tag():
    broker = make_broker(at=812, fill="partial")
    await place(broker, "BUY", 5, tag="B2")
    broker.step(SBIN)
    rows = await broker.trades()
    assert [(t.trade_id, t.quantity) for t in rows] == [
        ("PAPER-000001-1", 2),
        ("PAPER-000001-2", 3),
    ]
    assert {(t.broker_order_id, t.tag, t.traded_at) for t in rows} == {
        ("PAPER-000001", "B2", NOON)
    }


async def test_partial_filling_takes_two_parts_the_second_at_the_next_read():
    broker = make_broker(at=812, fill="partial")
    await place(broker, "BUY", 9)
    assert await fills(broker) == [(4, "812.05")]
    await broker.order_book()
    assert await fills(broker) == [(4, "812.05"), (5, "812.05")]


async def test_partial_filling_of_one_unit_takes_one_part():
    broker = make_broker(at=812, fill="partial")
    await place(broker, "BUY", 1)
    assert await fills(broker) == [(1, "812.05")]


async def test_manual_filling_leaves_everything_to_the_hand():
    broker = make_broker(at=812, fill="manual")
    await place(broker, "BUY", 10, 820)
    broker.set_price(SBIN, 700)
    assert await fills(broker) == []
    trade = broker.fill("PAPER-000001", 4, "811.20")
    assert (trade.trade_id, trade.price) == ("PAPER-000001-1", dec("811.20"))
    assert broker.fill("PAPER-000001").quantity == 6
    assert await fills(broker) == [(4, "811.20"), (6, "820")]


async def test_a_manual_fill_of_a_market_order_is_at_the_market():
    broker = make_broker(at=812, fill="manual")
    await place(broker, "SELL", 10)
    assert broker.fill("PAPER-000001").price == dec("811.95")


async def test_an_ioc_order_waits_for_its_manual_fill_and_then_ends():
    broker = make_broker(at=812, fill="manual")
    await place(broker, "BUY", 10, 820, validity=Validity.IOC)
    broker.fill("PAPER-000001", 4)
    assert (await row(broker)).status is CANCELLED


@pytest.mark.parametrize(
    ("quantity", "price", "code"),
    [
        (11, None, "INVALID_QUANTITY"),
        (0, None, "INVALID_QUANTITY"),
        (dec("0.5"), None, "INVALID_QUANTITY"),
        (dec("nan"), None, "INVALID_QUANTITY"),
        (1, 0, "INVALID_PRICE"),
        (1, "inf", "INVALID_PRICE"),
    ],
)
async def test_a_manual_fill_that_cannot_be_is_refused(quantity, price, code):
    broker = make_broker(fill="manual")
    await place(broker, "BUY", 10)
    with pytest.raises(Refused) as refused:
        broker.fill("PAPER-000001", quantity, price)
    assert refused.value.code == code
    assert await fills(broker) == []


async def test_a_manual_fill_of_what_is_not_open_is_refused():
    broker = make_broker()
    await place(broker, "BUY", 10)
    with pytest.raises(Refused, match="ORDER_NOT_OPEN: order PAPER-000001 is filled"):
        broker.fill("PAPER-000001", 1)
    with pytest.raises(Refused, match="ORDER_NOT_FOUND: no such order: X"):
        broker.fill("X", 1)


async def test_a_cancelled_order_keeps_its_fills_and_trades_no_more():
    broker = make_broker(at=812)
    broker.set_liquidity(SBIN, 4)
    await place(broker, "BUY", 10, 812.05)
    assert await broker.cancel("PAPER-000001") == Acked(broker_order_id="PAPER-000001")
    broker.set_liquidity(SBIN, None)
    broker.set_price(SBIN, 700)
    entry = await row(broker)
    assert (entry.status, entry.filled_quantity) == (CANCELLED, 4)


async def test_a_partly_filled_order_stays_so_while_the_price_is_set():
    broker = make_broker(at=812)
    broker.set_liquidity(SBIN, 4)
    await place(broker, "BUY", 10)
    await row(broker)
    entry = await row(broker)
    assert (entry.status, entry.filled_quantity) == (OPEN, 4)


async def test_each_step_of_a_walking_price_brings_new_liquidity():
    broker = make_broker(at=None, prices={SBIN: dec(812)}, liquidity=dec(4))
    await place(broker, "BUY", 10)
    assert (await row(broker)).filled_quantity == 8
    assert (await row(broker)).filled_quantity == 10


async def test_what_is_not_open_cannot_be_cancelled_or_modified():
    broker = make_broker()
    await place(broker, "BUY", 10)
    over = Rejected(code="ORDER_NOT_OPEN", text="order PAPER-000001 is filled")
    none = Rejected(code="ORDER_NOT_FOUND", text="no such order: PAPER-000009")
    assert await broker.cancel("PAPER-000001") == over
    assert await broker.modify("PAPER-000001", order(), pass_by) == over
    assert await broker.cancel("PAPER-000009") == none
    assert await broker.modify("PAPER-000009", order(), pass_by) == none


async def test_a_modified_order_trades_as_it_now_is():
    broker = make_broker(at=812)
    await place(broker, "BUY", 10, 800)
    changed = order("BUY", 6, "812.50")
    acked = await broker.modify("PAPER-000001", changed, pass_by)
    assert acked == Acked(broker_order_id="PAPER-000001")
    entry = await row(broker)
    assert (entry.status, entry.quantity, entry.price) == (FILLED, 6, dec("812.50"))
    assert await fills(broker) == [(6, "812.05")]


async def test_the_quantity_of_a_modified_order_is_its_total():
    broker = make_broker(at=812)
    broker.set_liquidity(SBIN, 4)
    await place(broker, "BUY", 10, "812.05")
    await broker.modify("PAPER-000001", order("BUY", 6, "812.05"), pass_by)
    broker.set_liquidity(SBIN, None)
    assert await fills(broker) == [(4, "812.05"), (2, "812.05")]


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        (
            order("SELL", 10, 810),
            Rejected(code="INVALID_CHANGE", text="side must stay BUY, was SELL"),
        ),
        (
            order("BUY", 10, 810, symbol=INFY),
            Rejected(
                code="INVALID_CHANGE", text="symbol must stay NSE:SBIN, was NSE:INFY"
            ),
        ),
        (
            order("BUY", 10, 810, product=Product.CNC),
            Rejected(code="INVALID_CHANGE", text="product must stay INTRADAY, was CNC"),
        ),
        (
            order("BUY", 4, 810),
            Rejected(
                code="INVALID_QUANTITY",
                text="quantity must be above the 4 filled, was 4",
            ),
        ),
        (
            order("BUY", 10, "810.01"),
            Rejected(
                code="INVALID_PRICE",
                text="price must be a multiple of the tick 0.05, was 810.01",
            ),
        ),
    ],
)
async def test_a_change_that_an_order_cannot_make_is_refused(changed, refused):
    broker = make_broker(at=812)
    broker.set_liquidity(SBIN, 4)
    await place(broker, "BUY", 10, "812.05")
    before = await broker.order_book()
    assert await broker.modify("PAPER-000001", changed, pass_by) == refused
    assert await broker.order_book() == before


async def test_a_stop_order_that_is_modified_waits_for_its_new_trigger():
    broker = make_broker(at=812)
    await place(broker, "BUY", 10, 816, trigger=815)
    broker.set_price(SBIN, 817)  # triggered, rests at 816
    await broker.modify("PAPER-000001", order("BUY", 10, 821, trigger=820), pass_by)
    assert (await row(broker)).status is OPEN
    broker.set_price(SBIN, 820)
    assert await fills(broker) == [(10, "820.05")]


async def test_a_tag_that_is_in_the_book_already_makes_a_second_order():
    broker = make_broker()
    assert await place(broker, tag="A1") == Acked(broker_order_id="PAPER-000001")
    assert await place(broker, tag="A1") == Acked(broker_order_id="PAPER-000002")
    assert [(o.broker_order_id, o.tag) for o in await broker.order_book()] == [
        ("PAPER-000001", "A1"),
        ("PAPER-000002", "A1"),
    ]


async def test_the_newest_order_of_a_tag_is_found_by_it():
    broker = make_broker()
    await place(broker, "BUY", 1, tag="A1")
    await place(broker, "BUY", 2, tag="A1")
    await place(broker, "BUY", 3, tag="A2")
    assert (await broker.order_by_tag("A1")).quantity == 2
    assert await broker.order_by_tag("A3") is None


async def test_an_order_without_a_tag_stands_in_the_book_without_one():
    broker = make_broker()
    await place(broker, tag="")
    assert (await row(broker)).tag is None
    assert await broker.order_by_tag("") is None


async def test_orders_of_one_price_fill_oldest_first():
    broker = make_broker(at=812)
    await place(broker, "BUY", 3, 810, tag="A1")
    await place(broker, "BUY", 3, 810, tag="A2")
    broker.set_liquidity(SBIN, 4)
    broker.set_price(SBIN, 809)
    assert [(t.tag, t.quantity) for t in await broker.trades()] == [
        ("A1", 3),
        ("A2", 1),
    ]
