"""The ledger's arithmetic alone, with amounts that a test account never sees."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.brokers.paper.ledger import Net, share

PROPERTY = settings(max_examples=200, deadline=None, derandomize=True, database=None)
DAY = date(2026, 11, 20)

trades = st.lists(
    st.tuples(
        st.integers(-1_000_000, 1_000_000).filter(bool).map(Decimal),
        st.integers(1, 2_000_000).map(lambda ticks: ticks * Decimal("0.05")),
    ),
    max_size=40,
)


def traded(pairs):
    net = Net()
    for quantity, price in pairs:
        net.trade(quantity, price, DAY)
    return net


def average_cost(pairs):
    """Realised profit by the average-cost rule, in exact fractions."""
    held, cost, realised = Fraction(0), Fraction(0), Fraction(0)
    for quantity, price in pairs:
        left, price = Fraction(quantity), Fraction(price)
        if held * left < 0:
            closed = min(abs(left), abs(held)) * (1 if held > 0 else -1)
            part = cost * closed / held
            realised += closed * price - part
            cost, held, left = cost - part, held - closed, left + closed
        held, cost = held + left, cost + left * price
    return realised


@PROPERTY
@given(trades)
def test_cash_and_positions_at_cost_and_profit_add_up_to_the_last_digit(pairs):
    net = traded(pairs)
    paid = sum(quantity * price for quantity, price in pairs)
    assert net.cost - net.realised == paid
    assert net.quantity == sum(quantity for quantity, _ in pairs)


@PROPERTY
@given(trades)
def test_profit_is_that_of_the_average_cost_far_below_a_paisa(pairs):
    wrong_by = Fraction(traded(pairs).realised) - average_cost(pairs)
    assert abs(wrong_by) < Fraction(1, 10**6)


def test_nothing_is_left_of_a_closed_position_however_fine_its_quantity():
    pairs = [(Decimal("1e-9"), Decimal("268.01")), (Decimal("-1e-9"), Decimal("268"))]
    net = traded(pairs)
    assert (net.quantity, net.cost, net.realised) == (0, 0, Decimal("-1e-11"))


def test_the_whole_share_is_all_and_a_part_is_rounded():
    amount = Decimal("0.12345678901234")
    assert share(amount, Decimal(3), Decimal(3)) == amount
    assert share(amount, Decimal(1), Decimal(3)) == Decimal("0.0411522630")
