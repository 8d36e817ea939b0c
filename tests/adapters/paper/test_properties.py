"""What holds for a paper account whatever is done to it."""

from collections import Counter
from decimal import Decimal
from fractions import Fraction

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import Acked, BookStatus, OrderType, Product, Side, Validity
from adapters.brokers.paper import PaperHolding
from tests.adapters.paper.family import INFY, SBIN, dec, make_broker, order, pass_by

PROPERTY = settings(max_examples=150, deadline=None, derandomize=True, database=None)
BALANCE = 100_000
HELD = {SBIN: PaperHolding(quantity=dec(15), average_price=dec(700))}

ticks = st.integers(15_800, 16_600).map(lambda n: n * Decimal("0.05"))  # 790 to 830


@st.composite
def orders(draw):
    kind = draw(st.sampled_from(OrderType))
    side = draw(st.sampled_from(Side))
    price = draw(ticks) if kind.has_price else None
    trigger = draw(ticks) if kind.has_trigger else None
    if price is not None and trigger is not None:
        low, high = sorted((price, trigger))
        price, trigger = (high, low) if side is Side.BUY else (low, high)
    return order(
        side,
        draw(st.integers(1, 60)),
        price,
        symbol=draw(st.sampled_from([SBIN, INFY])),
        trigger=trigger,
        type=kind,
        product=draw(st.sampled_from(Product)),
        validity=draw(st.sampled_from(Validity)),
    )


numbers = st.integers(1, 12).map("PAPER-{:06d}".format)
symbols = st.sampled_from([SBIN, INFY])
actions = st.lists(
    st.one_of(
        st.tuples(st.just("place"), orders()),
        st.tuples(st.just("place"), orders()),
        st.tuples(st.just("modify"), numbers, orders()),
        st.tuples(st.just("cancel"), numbers),
        st.tuples(st.just("price"), symbols, ticks),
        st.tuples(st.just("liquidity"), symbols, st.integers(0, 30) | st.none()),
        st.tuples(st.just("read")),
    ),
    max_size=30,
)
brokers = st.fixed_dictionaries(
    {
        "fill": st.sampled_from(["immediate", "partial"]),
        "volatility": st.sampled_from([0.0, 0.002]),
        "balance": st.just(dec(BALANCE)),
        "holdings": st.just(HELD),
        "prices": st.just({SBIN: dec(812), INFY: dec(808)}),
        "at": st.none(),
    }
)


async def act(broker, action):
    match action:
        case ("place", wanted):
            return await broker.place(wanted, "A1", pass_by)
        case ("modify", number, wanted):
            return await broker.modify(number, wanted, pass_by)
        case ("cancel", number):
            return await broker.cancel(number)
        case ("price", symbol, price):
            return broker.set_price(symbol, price)
        case ("liquidity", symbol, quantity):
            return broker.set_liquidity(symbol, quantity)
        case ("read",):
            return list(await broker.order_book())


async def all_of(broker):
    return (
        await broker.order_book(),
        await broker.trades(),
        await broker.positions(),
        await broker.funds(),
    )


def check_orders(book, trades):
    """Fills never exceed the quantity, and add up to what each order says."""
    filled, value = Counter(), Counter()
    for trade in trades:
        assert trade.quantity > 0
        filled[trade.broker_order_id] += trade.quantity
        value[trade.broker_order_id] += trade.quantity * trade.price
    for entry in book:
        done = filled[entry.broker_order_id]
        assert entry.filled_quantity == done <= entry.quantity
        assert (entry.status is BookStatus.FILLED) == (done == entry.quantity)
        assert (entry.average_price is None) == (done == 0)
        if done:
            exact = Fraction(value[entry.broker_order_id]) / Fraction(done)
            assert abs(Fraction(entry.average_price) - exact) < Fraction(1, 10**20)
    assert len({trade.trade_id for trade in trades}) == len(trades)


def check_limits(book, trades, modified):
    """No order trades beyond its limit; a modified one had another before."""
    rows = {entry.broker_order_id: entry for entry in book}
    for trade in trades:
        entry = rows[trade.broker_order_id]
        if entry.price is not None and entry.broker_order_id not in modified:
            assert (trade.price - entry.price) * entry.side.sign <= 0


def check_positions(positions, trades):
    """Positions are what the trades add up to; profit is what is left of the cash."""
    quantity, cash = Counter(), Counter()
    for trade in trades:
        key = (trade.symbol, trade.product)
        quantity[key] += trade.quantity * trade.side.sign
        cash[key] -= trade.quantity * trade.price * trade.side.sign
    assert {(p.symbol, p.product) for p in positions} == set(quantity)
    for net in positions:
        key = (net.symbol, net.product)
        assert net.quantity == net.day_quantity == quantity[key]
        at_last = cash[key] + net.quantity * net.last_price
        assert net.realised_pnl + net.unrealised_pnl == at_last  # exact: no rounding
        if not net.quantity:
            assert (net.realised_pnl, net.unrealised_pnl) == (cash[key], 0)


def check_money(funds, positions):
    """Cash and positions at cost are what there was, and the profit made."""
    realised = sum(net.realised_pnl for net in positions)
    cost = sum(
        net.quantity * net.last_price - net.unrealised_pnl
        for net in positions
        if net.product is Product.CNC
    )
    assert funds.cash + cost == BALANCE + realised
    assert funds.available + funds.used == funds.total
    assert funds.used >= 0


def test_the_books_agree_whatever_is_done():
    @PROPERTY
    @given(brokers, actions)
    def run(kind, steps):
        trio.run(play, kind, steps)

    run()


async def play(kind, steps):
    broker = make_broker(**kind)
    modified = set()
    for step in steps:
        answer = await act(broker, step)
        if step[0] == "modify" and isinstance(answer, Acked):
            modified.add(answer.broker_order_id)
    book, trades, positions, funds = await all_of(broker)
    check_orders(book, trades)
    check_limits(book, trades, modified)
    check_positions(positions, trades)
    check_money(funds, positions)
    await check_that_nothing_is_kept_back(broker, book)


async def check_that_nothing_is_kept_back(broker, book):
    """Once no order is open, only positions bind money."""
    for entry in book:
        await broker.cancel(entry.broker_order_id)
    bound = 0
    for net in await broker.positions():
        cost = net.quantity * net.last_price - net.unrealised_pnl
        if net.product is Product.CNC:
            bound += max(cost, 0)
        else:
            bound += abs(cost) * dec("0.20")
    assert (await broker.funds()).used == bound


def test_the_same_calls_give_the_same_ids_fills_and_money():
    @PROPERTY
    @given(brokers, actions)
    def run(kind, steps):
        assert trio.run(retell, kind, steps) == trio.run(retell, kind, steps)

    run()


async def retell(kind, steps):
    broker = make_broker(refuse_rate=0.2, **kind)
    return [await act(broker, step) for step in steps], await all_of(broker)


def test_a_journal_retells_whatever_was_done(tmp_path):
    @PROPERTY
    @given(brokers, actions)
    def run(kind, steps):
        path = tmp_path / "paper.jsonl"
        path.unlink(missing_ok=True)
        trio.run(play_twice, kind, steps, path)

    run()


async def play_twice(kind, steps, path):
    first = make_broker(journal=path, **kind)
    for step in steps:
        await act(first, step)
    again = make_broker(journal=path, **kind)
    for broker in (first, again):  # nothing more trades while it is read
        for symbol in (SBIN, INFY):
            broker.set_liquidity(symbol, 0)
            broker.set_price(symbol, 812)
    assert await all_of(again) == await all_of(first)
    await first.aclose()
    await again.aclose()
