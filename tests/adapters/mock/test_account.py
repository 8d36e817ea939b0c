"""Fills by hand, and what follows from them: trades, positions, holdings, funds."""

import importlib
import inspect
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import (
    BookStatus,
    Product,
    Refused,
    Side,
    SimulatedPort,
    Validity,
    catalogue,
)
from adapters.brokers.mock.settings import AlpacaMockSettings, ZerodhaMockSettings
from adapters.brokers.paper import PaperBroker
from adapters.brokers.paper.ledger import Ledger

from .family import AAPL, NOON, SBIN, alpaca, fill, order, placed, row_of, zerodha


def money(funds):
    return [str(part) for part in (funds.available, funds.used, funds.cash)]


async def test_an_order_of_any_price_waits_for_a_hand(tmp_path):
    mock = zerodha(tmp_path)
    for number, price in enumerate((None, 900, 700)):
        order_id = await placed(mock, price=price, tag=f"A{number}")
        assert (await row_of(mock, order_id)).status is BookStatus.OPEN
    mock.set_price(SBIN, 700)
    assert {row.filled_quantity for row in await mock.order_book()} == {0}


async def test_part_fills_add_up_to_the_last_digit(tmp_path):
    mock = zerodha(tmp_path)
    order_id = await placed(mock, price=812)
    for quantity, price in ((3, "811.1"), (3, "811.2"), (4, "812.05")):
        await fill(mock, order_id, quantity, price)
    row = await row_of(mock, order_id)
    assert (row.status, row.average_price) == (BookStatus.FILLED, Decimal("811.51"))
    trades = [(str(t.quantity), str(t.price)) for t in await mock.trades()]
    assert trades == [("3", "811.1"), ("3", "811.2"), ("4", "812.05")]


@pytest.mark.parametrize(
    ("quantity", "price", "code"),
    [
        (11, 812, "INVALID_QUANTITY"),
        (0, 812, "INVALID_QUANTITY"),
        ("0.5", 812, "INVALID_QUANTITY"),
        (1, 0, "INVALID_PRICE"),
        (1, "1e9", "INVALID_PRICE"),
    ],
)
async def test_a_fill_that_is_none_is_refused(tmp_path, quantity, price, code):
    mock = zerodha(tmp_path)
    order_id = await placed(mock, price=812)
    with pytest.raises(Refused) as caught:
        await fill(mock, order_id, quantity, price)
    assert caught.value.code == code
    assert list(await mock.trades()) == []


async def test_what_ioc_leaves_unfilled_is_cancelled(tmp_path):
    mock = zerodha(tmp_path)
    order_id = await placed(mock, price=812, validity=Validity.IOC)
    assert (await row_of(mock, order_id)).status is BookStatus.OPEN
    await fill(mock, order_id, 4, 812)
    row = await row_of(mock, order_id)
    assert (row.status, row.filled_quantity) == (BookStatus.CANCELLED, 4)


async def test_prices_stand_still_whatever_is_filled_and_after_a_restart(tmp_path):
    mock = zerodha(tmp_path)
    other = "NSE:NOT-SET"
    for symbol in (SBIN, other):
        order_id = await placed(mock, price=900, symbol=symbol, tag=symbol[-3:])
        await fill(mock, order_id, 10, 899)
    before = [quote.last_price for quote in await mock.quotes([SBIN, other])]
    again = zerodha(tmp_path)
    after = [quote.last_price for quote in await again.quotes([SBIN, other])]
    assert before == after
    assert before[0] == 812


async def test_delivery_is_paid_in_full_and_a_position_on_its_day(tmp_path):
    mock = zerodha(tmp_path, holdings={SBIN: {"quantity": 5, "average_price": 700}})
    order_id = await placed(mock, price=820)
    assert money(await mock.funds()) == ["991800", "8200", "1000000"]
    await fill(mock, order_id, 10, 810)
    assert money(await mock.funds()) == ["991900", "8100", "991900"]
    [position] = await mock.positions()
    assert (position.quantity, position.day_quantity) == (10, 10)
    assert (position.average_price, position.unrealised_pnl) == (810, 20)
    [holding] = await mock.holdings()
    assert (holding.quantity, holding.average_price) == (5, 700)
    assert (await mock.funds()).currency == "INR"


async def test_the_next_day_it_is_a_holding(tmp_path):
    now = [NOON]
    held = {SBIN: {"quantity": 5, "average_price": 700}}
    mock = zerodha(tmp_path, wall=lambda: now[0], holdings=held)
    await fill(mock, await placed(mock, price=820), 10, 820)
    now[0] += timedelta(days=1)
    assert (list(await mock.positions()), list(await mock.trades())) == ([], [])
    [holding] = await mock.holdings()
    assert (holding.quantity, holding.average_price) == (15, 780)
    sold = await placed(mock, "SELL", 15, 812, tag="A2")
    await fill(mock, sold, 15, 830)
    [position] = await mock.positions()
    assert (position.quantity, position.unrealised_pnl) == (-15, 270)
    now[0] += timedelta(days=1)
    assert (list(await mock.holdings()), list(await mock.positions())) == ([], [])


async def test_intraday_blocks_its_margin_and_is_no_holding(tmp_path):
    mock = zerodha(tmp_path)
    order_id = await placed(mock, price=812, product=Product.INTRADAY)
    await fill(mock, order_id, 10, 812)
    assert money(await mock.funds()) == ["998376.00", "1624.00", "1000000"]
    assert [row.product for row in await mock.positions()] == [Product.INTRADAY]
    assert list(await mock.holdings()) == []


async def test_dollars_are_paid_in_full_and_shares_are_positions(tmp_path):
    now = [NOON]
    mock = alpaca(tmp_path, wall=lambda: now[0])
    order_id = await placed(mock, quantity="2.5", price=260, symbol=AAPL)
    await fill(mock, order_id, "2.5", "259.98")
    funds = await mock.funds()
    assert money(funds) == ["99350.050", "649.950", "99350.050"]
    assert (funds.total, funds.currency) == (100_000, "USD")
    now[0] += timedelta(days=1)
    [position] = await mock.positions()
    assert (str(position.quantity), position.day_quantity) == ("2.5", 0)
    assert position.unrealised_pnl == Decimal("20.05")
    assert list(await mock.holdings()) == []


async def test_an_american_session_is_one_day_where_india_has_two(tmp_path):
    now = [NOON.replace(hour=17)]  # 23:00 in India
    mock = alpaca(tmp_path, wall=lambda: now[0])
    order_id = await placed(mock, price=260, symbol=AAPL)
    await fill(mock, order_id, 4, 260)
    now[0] += timedelta(hours=2)
    await fill(mock, order_id, 6, 260)
    [position] = await mock.positions()
    assert (position.day_quantity, len(await mock.trades())) == (10, 2)


async def test_a_short_sale_binds_its_value_and_its_proceeds(tmp_path):
    mock = alpaca(tmp_path)
    order_id = await placed(mock, "SELL", 10, 270, symbol=AAPL)
    assert money(await mock.funds()) == ["97300", "2700", "100000"]
    await fill(mock, order_id, 10, 270)
    assert money(await mock.funds()) == ["97300", "2700", "102700"]
    bought = await placed(mock, "BUY", 10, 265, symbol=AAPL, tag="A2")
    assert money(await mock.funds()) == ["97300", "2700", "102700"]
    await fill(mock, bought, 10, 265)
    assert money(await mock.funds()) == ["100050", "0", "100050"]
    [position] = await mock.positions()
    assert (position.quantity, position.realised_pnl) == (0, 50)


async def test_intraday_at_alpaca_is_the_same_position(tmp_path):
    mock = alpaca(tmp_path)
    for tag, product in (("A1", Product.CNC), ("A2", Product.INTRADAY)):
        order_id = await placed(mock, price=260, symbol=AAPL, tag=tag, product=product)
        await fill(mock, order_id, 10, 260)
    [position] = await mock.positions()
    assert (position.quantity, position.product) == (20, Product.CNC)


trades = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.integers(1, 10**6).map(lambda n: Decimal(n) / 1000),
        st.integers(1, 10**6).map(lambda n: Decimal(n) / 100),
    ),
    max_size=12,
)


@given(trades)
def test_where_shares_are_sold_short_the_money_always_adds_up(made):
    ledger = Ledger(Decimal(10**6), Decimal(1), {}, currency="USD", shorts=True)
    paid = quantity = Fraction(0)
    for side, units, price in made:
        ledger.trade(order(side, symbol=AAPL), units, price, NOON.date())
        paid += Fraction(units) * Fraction(price) * side.sign
        quantity += Fraction(units) * side.sign
    funds, net = ledger.funds(), ledger.net(AAPL, Product.CNC)
    assert Fraction(funds.cash) == 10**6 - paid
    assert Fraction(net.quantity) == quantity
    assert funds.available == funds.total - funds.used
    assert funds.total == 10**6 + net.realised


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (ZerodhaMockSettings, {"prices": {AAPL: Decimal(1)}}),
        (AlpacaMockSettings, {"symbols": (SBIN,)}),
        (AlpacaMockSettings, {"balance": Decimal(-1)}),
        (ZerodhaMockSettings, {"margin": Decimal(2)}),
        (ZerodhaMockSettings, {"prices": {"SBIN": Decimal(1)}}),
    ],
)
def test_settings_that_make_no_account_are_refused(settings, wrong):
    with pytest.raises(ValueError, match="was"):
        settings(**wrong)


def test_the_catalogue_knows_both():
    assert catalogue.settings_type("zerodha-mock") is ZerodhaMockSettings
    assert catalogue.settings_type("alpaca-mock") is AlpacaMockSettings
    for name in ("zerodha-mock", "alpaca-mock", "paper"):
        assert catalogue.capabilities(name).simulated


def test_whatever_says_that_it_is_simulated_can_be_filled():
    wanted = inspect.signature(SimulatedPort.simulate_fill)
    for name, adapter in catalogue.ADAPTERS.items():
        module = importlib.import_module(adapter.factory.partition(":")[0])
        simulated = getattr(module, "PaperBroker", None) is PaperBroker
        assert catalogue.capabilities(name).simulated is simulated
    ours = inspect.signature(PaperBroker.simulate_fill)
    assert list(ours.parameters) == list(wanted.parameters)
