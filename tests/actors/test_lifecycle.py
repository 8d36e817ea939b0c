"""The life of an order: the whole table, and what a book row changes."""

from decimal import Decimal

import pytest

from actors.lifecycle import SURPRISES, advance, from_book
from adapters import BookStatus, OrderEvent, OrderStatus
from tests.support.records import AT, a_record, a_row

S = OrderStatus
MAY_FOLLOW = {
    "placed": "acked partially_filled filled cancelled rejected denied unknown",
    "unknown": "acked partially_filled filled cancelled rejected denied not_placed",
    "not_placed": "acked partially_filled filled cancelled rejected",
    "acked": "partially_filled filled cancelled rejected",
    "partially_filled": "filled cancelled",
    "filled": "settled",
    "cancelled": "partially_filled filled",
    "rejected": "acked partially_filled filled cancelled",
    "denied": "",
    "settled": "",
}
REPEATS = {"partially_filled", "cancelled"}


@pytest.mark.parametrize("before", S)
@pytest.mark.parametrize("after", S)
def test_only_what_the_table_says_may_follow(before, after):
    change = advance(a_record(before), after, "why", AT)
    assert (change is not None) == (after in MAY_FOLLOW[before].split())


@pytest.mark.parametrize("status", S)
def test_a_status_repeats_only_for_a_further_fill(status):
    change = advance(a_record(status), status, "why", AT, fill_quantity=Decimal(1))
    assert (change is not None) == (status in REPEATS)


def test_a_change_is_the_new_record_and_the_event_that_tells_of_it():
    later = AT.replace(hour=4)
    change = advance(
        a_record(),
        S.ACKED,
        "the broker took it",
        later,
        broker_order_id="B1",
    )
    assert change.order == a_record(S.ACKED, updated_at=later, broker_order_id="B1")
    assert change.event == OrderEvent(
        order_id="ORDER1", at=later, status=S.ACKED, cause="the broker took it"
    )


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (a_row(BookStatus.TRANSIT), S.ACKED),
        (a_row(BookStatus.OPEN), S.ACKED),
        (a_row(BookStatus.OPEN, 4, "812"), S.PARTIALLY_FILLED),
        (a_row(BookStatus.FILLED, 10, "812"), S.FILLED),
        (a_row(BookStatus.CANCELLED), S.CANCELLED),
        (a_row(BookStatus.CANCELLED, 4, "812"), S.CANCELLED),
        (a_row(BookStatus.EXPIRED), S.CANCELLED),
        (a_row(BookStatus.REJECTED), S.REJECTED),
        (a_row(BookStatus.UNCLEAR), S.ACKED),
        (a_row(BookStatus.UNCLEAR, 4, "812"), S.PARTIALLY_FILLED),
    ],
)
@pytest.mark.parametrize("before", [S.PLACED, S.UNKNOWN, S.NOT_PLACED])
def test_whatever_the_book_shows_of_an_uncertain_order_settles_the_doubt(
    before, row, status
):
    change = from_book(a_record(before), row, AT)
    assert change.order.status == status
    assert change.order.broker_order_id == "B1"


def test_a_found_order_loses_the_words_of_the_doubt():
    record = a_record(S.UNKNOWN, error_code="unknown", message="it may have arrived")
    order = from_book(record, a_row(), AT).order
    assert (order.error_code, order.message) == (None, None)


def test_a_rejection_in_the_book_is_told_in_the_brokers_words():
    row = a_row(BookStatus.REJECTED, message="RMS: no margin")
    change = from_book(a_record(S.ACKED), row, AT)
    order = change.order
    assert (order.error_code, order.message) == ("rejected", "RMS: no margin")
    assert order.broker_message == "RMS: no margin"
    assert change.event.cause == "the broker's book: RMS: no margin"


def test_each_fill_is_told_with_its_own_quantity_and_price():
    first = from_book(a_record(S.ACKED), a_row(BookStatus.OPEN, 4, "812.00"), AT)
    assert (first.event.fill_quantity, first.event.fill_price) == (4, 812)
    second = from_book(first.order, a_row(BookStatus.OPEN, 6, "813.00"), AT)
    assert second.order.status == S.PARTIALLY_FILLED
    assert (second.event.fill_quantity, second.event.fill_price) == (2, 815)
    last = from_book(second.order, a_row(BookStatus.FILLED, 10, "814.20"), AT)
    assert last.order.status == S.FILLED
    assert (last.event.fill_quantity, last.event.fill_price) == (4, 816)
    assert (last.order.filled_quantity, last.order.average_price) == (
        10,
        Decimal("814.20"),
    )


def test_a_fill_without_a_price_keeps_the_average_known_before():
    record = a_record(
        S.PARTIALLY_FILLED, filled_quantity=Decimal(4), average_price=Decimal(812)
    )
    change = from_book(record, a_row(BookStatus.OPEN, 6), AT)
    assert (change.event.fill_quantity, change.event.fill_price) == (2, None)
    assert change.order.average_price == 812


@pytest.mark.parametrize(
    ("record", "row"),
    [
        (a_record(S.ACKED), a_row(BookStatus.OPEN)),
        (a_record(S.ACKED), a_row(BookStatus.TRANSIT)),
        (a_record(S.ACKED), a_row(BookStatus.UNCLEAR)),
        (
            a_record(S.PARTIALLY_FILLED, filled_quantity=Decimal(4)),
            a_row(BookStatus.OPEN, 4, "812"),
        ),
        (a_record(S.REJECTED), a_row(BookStatus.REJECTED)),
        (a_record(S.REJECTED), a_row(BookStatus.UNCLEAR)),
        (a_record(S.CANCELLED), a_row(BookStatus.CANCELLED)),
        (a_record(S.DENIED), a_row(BookStatus.OPEN)),
        (a_record(S.FILLED, filled_quantity=Decimal(10)), a_row(BookStatus.FILLED, 10)),
    ],
    ids=str,
)
def test_a_row_that_tells_nothing_new_changes_nothing(record, row):
    assert from_book(record, row, AT) is None


@pytest.mark.parametrize(
    ("record", "row"),
    [
        (
            a_record(S.PARTIALLY_FILLED, filled_quantity=Decimal(6)),
            a_row(BookStatus.OPEN, 4, "812"),
        ),
        (a_record(S.FILLED, filled_quantity=Decimal(10)), a_row(BookStatus.OPEN, 4)),
        (
            a_record(S.CANCELLED, filled_quantity=Decimal(4)),
            a_row(BookStatus.OPEN, 4, "812"),
        ),
        (a_record(S.CANCELLED), a_row(BookStatus.OPEN)),
    ],
    ids=str,
)
def test_a_stale_read_takes_back_neither_a_fill_nor_a_cancel(record, row):
    assert from_book(record, row, AT) is None


@pytest.mark.parametrize(
    ("before", "row", "after"),
    [
        (S.NOT_PLACED, a_row(), S.ACKED),
        (S.REJECTED, a_row(), S.ACKED),
        (S.REJECTED, a_row(BookStatus.FILLED, 10, "812"), S.FILLED),
        (S.CANCELLED, a_row(BookStatus.FILLED, 10, "812"), S.FILLED),
        (S.CANCELLED, a_row(BookStatus.CANCELLED, 4, "812"), S.CANCELLED),
        (S.CANCELLED, a_row(BookStatus.OPEN, 4, "812"), S.PARTIALLY_FILLED),
    ],
)
def test_what_was_told_can_be_overturned_by_the_book(before, row, after):
    change = from_book(a_record(before), row, AT)
    assert before in SURPRISES
    assert change.order.status == after
    assert change.event.fill_quantity == (row.filled_quantity or None)


def test_an_unclear_row_with_a_fill_tells_of_the_fill():
    change = from_book(a_record(S.ACKED), a_row(BookStatus.UNCLEAR, 4, "812"), AT)
    assert change.order.status == S.PARTIALLY_FILLED


def test_a_stale_row_takes_no_fill_back_from_a_cancelled_order():
    record = a_record(
        OrderStatus.CANCELLED, filled_quantity=Decimal(5), average_price=Decimal(812)
    )
    row = a_row(BookStatus.OPEN, filled=3, average=812)
    assert from_book(record, row, AT) is None
