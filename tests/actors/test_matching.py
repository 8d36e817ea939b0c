"""Which row of a book without tags is which order."""

from datetime import timedelta
from decimal import Decimal

import pytest

from actors.matching import Seeker, Seen, Stage, find, kind_of
from adapters import BookStatus, OrderStatus, OrderType, SentAs
from tests.support.gateway import an_order
from tests.support.records import AT, a_record, a_row

SENT = 100.0
SECOND = timedelta(seconds=1)
PLAIN = {"price": Decimal(813), "tag": None, "placed_at": AT}


def a_seeker(number=1, stage=Stage.DOUBT, began=SENT, sent_at=AT, **order):
    record = a_record(
        OrderStatus.UNKNOWN,
        order_id=f"ORDER{number}",
        order=an_order(**order),
        sending_at=sent_at,
    )
    return Seeker(record, stage, began)


def row(number=1, **changes):
    return a_row(**(PLAIN | {"broker_order_id": f"B{number}"} | changes))


def found(seekers, rows, seen=None, refused=()):
    """The number of the row that each seeker is found in, and of those it may be."""
    seen = seen or Seen()
    return {
        order_id: (
            finding.row and finding.row.broker_order_id,
            [one.broker_order_id for one in finding.candidates],
            [one.broker_order_id for one in finding.near],
        )
        for order_id, finding in find(seekers, rows, seen, refused).items()
    }


def test_the_one_row_of_its_kind_is_the_order():
    rows = [row(1, side="SELL"), row(2), row(3, symbol="NSE:TCS")]
    assert found([a_seeker()], rows) == {"ORDER1": ("B2", [], [])}


@pytest.mark.parametrize(
    ("change", "resembles"),
    [
        ({"symbol": "NSE:TCS"}, False),
        ({"side": "SELL"}, False),
        ({"quantity": Decimal(11)}, True),
        ({"price": Decimal("813.05")}, True),
        ({"type": OrderType.MARKET}, True),
        ({"type": OrderType.SL, "trigger_price": Decimal(810)}, True),
        ({"product": "INTRADAY"}, True),
        ({"product": "MTF"}, True),
        ({"validity": "IOC"}, True),
        ({"placed_at": AT - 6 * SECOND}, True),
        ({"placed_at": AT + 181 * SECOND}, True),
    ],
)
def test_a_row_that_differs_is_not_the_order_though_it_may_resemble_it(
    change, resembles
):
    near = ["B1"] if resembles else []
    assert found([a_seeker()], [row(**change)]) == {"ORDER1": (None, [], near)}


@pytest.mark.parametrize("off", [-5, 0, 180])
def test_clocks_may_differ_and_rows_come_late(off):
    rows = [row(placed_at=AT + off * SECOND)]
    assert found([a_seeker()], rows) == {"ORDER1": ("B1", [], [])}


def test_prices_that_a_type_does_not_have_are_not_compared():
    market = row(type=OrderType.MARKET, price=Decimal("812.5"))
    seeker = a_seeker(type="MARKET", price=None)
    assert found([seeker], [market]) == {"ORDER1": ("B1", [], [])}


def test_the_trigger_of_a_stop_order_is_compared():
    seeker = a_seeker(type="SL", trigger_price=810)
    stop = {"type": OrderType.SL, "trigger_price": Decimal(810)}
    assert found([seeker], [row(**stop)])["ORDER1"][0] == "B1"
    other = row(**stop | {"trigger_price": Decimal(809)})
    assert found([seeker], [other])["ORDER1"][0] is None


def test_a_protected_order_is_looked_for_as_what_it_went_out_as():
    sent_as = SentAs(type=OrderType.LIMIT, price=Decimal(820), trigger_price=None)
    record = a_record(order=an_order(type="MARKET", price=None), sent_as=sent_as)
    assert kind_of(record).fits(row(price=Decimal(820)))
    assert not kind_of(record).fits(row(type=OrderType.MARKET, price=None))


def test_of_two_rows_of_its_kind_neither_is_taken():
    rows = [row(1), row(2)]
    both = ["B1", "B2"]
    assert found([a_seeker()], rows) == {"ORDER1": (None, both, both)}


def test_of_two_orders_of_a_kind_neither_takes_the_row():
    """Two that an earlier run left, from before the rule of one of a kind."""
    seekers = [a_seeker(1), a_seeker(2)]
    assert found(seekers, [row()]) == {
        "ORDER1": (None, ["B1"], ["B1"]),
        "ORDER2": (None, ["B1"], ["B1"]),
    }


def test_two_orders_of_a_kind_do_not_share_out_two_rows():
    seekers = [a_seeker(1), a_seeker(2)]
    ends = found(seekers, [row(1), row(2)])
    assert [end[0] for end in ends.values()] == [None, None]


def test_a_row_that_one_order_takes_does_not_resemble_another_any_more():
    seekers = [a_seeker(1), a_seeker(2, price=814)]
    assert found(seekers, [row()]) == {
        "ORDER1": ("B1", [], []),
        "ORDER2": (None, [], []),
    }


def test_the_row_of_an_order_on_its_way_is_for_its_sender_to_tell():
    aloft = a_seeker(1, stage=Stage.ALOFT)
    assert found([aloft], [row()])["ORDER1"][0] is None


@pytest.mark.parametrize("rival", [Stage.ALOFT, Stage.DOUBT])
def test_one_called_not_placed_stands_back_behind_an_equal_one_that_may_have_arrived(
    rival,
):
    seekers = [a_seeker(1, stage=Stage.LOST, began=None), a_seeker(2, stage=rival)]
    ends = found(seekers, [row()])
    assert ends["ORDER1"][0] is None
    assert ends["ORDER2"][0] == ("B1" if rival is Stage.DOUBT else None)


def test_that_clocks_differ_does_not_hand_the_row_of_one_on_its_way_to_another():
    lost = a_seeker(1, stage=Stage.LOST, began=None)
    aloft = a_seeker(2, stage=Stage.ALOFT, sent_at=AT + 150 * SECOND)
    rows = [row(placed_at=AT + 100 * SECOND)]
    assert found([lost, aloft], rows)["ORDER1"][0] is None


def test_of_two_called_not_placed_neither_takes_a_row_that_may_be_both():
    seekers = [a_seeker(n, stage=Stage.LOST, began=None) for n in (1, 2)]
    ends = found(seekers, [row()])
    assert [end[0] for end in ends.values()] == [None, None]


def test_of_two_called_not_placed_the_time_of_the_row_tells():
    early = a_seeker(1, stage=Stage.LOST, began=None)
    late = a_seeker(2, stage=Stage.LOST, began=None, sent_at=AT + 300 * SECOND)
    rows = [row(placed_at=AT + 301 * SECOND)]
    ends = found([early, late], rows)
    assert (ends["ORDER1"][0], ends["ORDER2"][0]) == (None, "B1")


def test_a_row_that_was_there_before_the_send_is_nothing_to_it():
    seen = Seen()
    seen.look(["B1"], SENT - 0.1)
    assert found([a_seeker()], [row()], seen) == {"ORDER1": (None, [], [])}
    assert found([a_seeker(began=SENT - 0.1)], [row()], seen)["ORDER1"][0] == "B1"


def test_a_row_that_was_there_before_a_crash_may_be_anybodys():
    """What an earlier run sent has no time on this run's clock."""
    seen = Seen()
    seen.look(["B1"], SENT)
    assert found([a_seeker(began=None)], [row()], seen)["ORDER1"][0] == "B1"


def test_a_row_that_a_book_left_out_counts_as_new_when_it_is_back():
    seen = Seen()
    seen.look(["B1"], 10)
    seen.look([], 20)
    seen.look(["B1"], 200)
    assert not seen.before("B1", SENT)
    assert seen.before("B1", 200.1)


def test_a_row_without_a_time_is_taken_where_the_book_was_watched_before_the_send():
    seen, rows = Seen(), [row(placed_at=None)]
    assert found([a_seeker()], rows, seen) == {"ORDER1": (None, [], ["B1"])}
    seen.look([], SENT - 0.1)
    assert found([a_seeker()], rows, seen) == {"ORDER1": ("B1", [], [])}
    assert found([a_seeker(began=SENT - 0.1)], rows, seen)["ORDER1"][0] is None
    assert found([a_seeker(began=None)], rows, seen)["ORDER1"][0] is None


def test_a_rejected_row_is_not_taken_while_another_of_the_kind_was_refused():
    seeker = a_seeker()
    rejected = [row(status=BookStatus.REJECTED)]
    refused = {kind_of(seeker.record)}
    assert found([seeker], rejected)["ORDER1"][0] == "B1"
    assert found([seeker], rejected, refused=refused)["ORDER1"][0] is None
    assert found([seeker], [row()], refused=refused)["ORDER1"][0] == "B1"
