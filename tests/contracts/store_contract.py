"""What every store must do.

A test module for a store imports all names of this one and makes the fixture `kept`:

    kept.store      the store, open and empty at first
    kept.clock      its wall time, a `Clock`
    kept.restart()  closes it and opens it again; gives the new store
"""

from datetime import timedelta, timezone
from decimal import Decimal

import msgspec
import pytest

from adapters import (
    Accepted,
    AuditEntry,
    AuditQuery,
    Halted,
    KeyTaken,
    Order,
    OrderCounts,
    OrderEvent,
    OrderQuery,
    OrderStatus,
    OrderType,
    Product,
    SaveCursor,
    SaveDayCount,
    SaveOrder,
    SaveOrderCounts,
    SaveSession,
    SentAs,
    Side,
    Slice,
    StoreFailed,
    TradingSwitch,
    Validity,
)
from tests.contracts.writes import (
    FINGERPRINT,
    START,
    accept,
    batch_id,
    note,
    record,
    save,
    scope,
    switch,
)

FULL = record(
    1,
    order=Order(
        symbol="NFO:NIFTY28MAR2420800CE",
        side=Side.SELL,
        quantity=Decimal("0.1000"),
        type=OrderType.SL,
        price=Decimal("812.350"),
        trigger_price=Decimal("1E+2"),
        product=Product.MARGIN,
        validity=Validity.IOC,
        disclosed_quantity=Decimal("0.000000000000000000000000000001"),
        note="free text, रुपया \u0000 'quoted'",
    ),
    status=OrderStatus.PARTIALLY_FILLED,
    sending_at=START + timedelta(microseconds=1),
    broker_order_id="808058117761",
    filled_quantity=Decimal("12345678901234567890.123456789"),
    average_price=Decimal("-0.05"),
    error_code="rejected",
    message="a message",
    broker_code="-99",
    broker_message="its words",
    http_status=200,
    attempts=3,
    latency_ms=14.25,
    sent_as=SentAs(
        type=OrderType.LIMIT, price=Decimal("813.00"), trigger_price=Decimal(7)
    ),
    cancel_requested=True,
    closes_for=7,
    slice=Slice(parent_id="PARENT0000000001", number=2, of=3),
    cancel_by="token:ID",
)


def a_session(broker, sealed):
    entry = AuditEntry(actor="ordo", action="session.saved", broker=broker)
    return SaveSession(broker=broker, sealed=sealed, audit=(entry,))


def ids(orders):
    return [order.order_id for order in orders]


def everything(store):
    """All that a refused write could have left behind."""
    return (
        store.orders(OrderQuery(limit=1000)),
        store.audit(AuditQuery(limit=1000)),
        [store.key(scope(number)) for number in range(10)],
        [store.events(record(number).order_id) for number in range(10)],
        store.switch(),
        store.day_count("fyers", "2026-03-02"),
    )


# A fresh store


def test_a_fresh_store_is_empty_and_not_halted(kept):
    store = kept.store
    assert store.switch() == TradingSwitch(
        engaged=False, reason=None, since=None, by=None, version=0
    )
    assert store.order("O") is None
    assert store.batch("B") is None
    assert store.key(scope(1)) is None
    assert store.orders(OrderQuery()) == []
    assert store.events("O") == []
    assert store.unsettled("fyers") == []
    assert store.sent_since("fyers", START) == []
    assert store.day_count("fyers", "2026-03-02") == 0
    assert store.audit(AuditQuery()) == []


def test_a_commit_of_nothing_answers_nothing(kept):
    assert kept.store.commit([]) == []
    assert kept.store.audit(AuditQuery()) == []


# Accepting


def test_an_accepted_request_is_stored_whole(kept):
    write = accept(1, record(1, 0), record(1, 1, broker="hdfc"), portfolio="swing-1")
    assert kept.store.commit([write]) == [Accepted()]
    assert kept.store.batch(batch_id(1)) == (write.batch, list(write.orders))
    assert kept.store.key(scope(1)) == KeyTaken(
        fingerprint=FINGERPRINT, batch_id=batch_id(1), expired=False
    )
    assert [one.entry for one in kept.store.audit(AuditQuery())] == list(write.audit)


def test_the_legs_of_a_batch_stand_in_the_order_of_the_request(kept):
    legs = (record(1, 5), record(1, 2, broker="hdfc"), record(1, 9))
    kept.store.commit([accept(1, *legs)])
    found = kept.store.batch(batch_id(1))
    assert found is not None
    assert found[1] == list(legs)


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({}, "accepted"),
        ({"status": OrderStatus.DENIED, "message": "no such symbol"}, "no such symbol"),
        ({"status": OrderStatus.DENIED, "error_code": "not_sent"}, "not_sent"),
        ({"status": OrderStatus.DENIED}, "denied"),
    ],
)
def test_the_first_event_says_that_the_order_was_accepted_or_why_not(
    kept, fields, cause
):
    order = record(1, **fields)
    kept.store.commit([accept(1, order)])
    event = OrderEvent(
        order_id=order.order_id, at=START, status=order.status, cause=cause
    )
    assert kept.store.events(order.order_id) == [event]


@pytest.mark.parametrize("order", [FULL, record(1)])
def test_every_field_of_an_order_comes_back_as_it_was(kept, order):
    kept.store.commit([accept(1, order)])
    found = kept.store.order(order.order_id)
    assert found == order
    assert repr(found) == repr(order)  # 812.350 and 812.35 are equal, and not the same


def test_every_field_of_an_order_can_be_saved(kept):
    plain = record(1, symbol=FULL.order.symbol)
    kept.store.commit([accept(1, plain)])
    kept.store.commit([SaveOrder(order=FULL, events=(), audit=())])
    assert repr(kept.store.order(FULL.order_id)) == repr(FULL)
    kept.store.commit([SaveOrder(order=plain, events=(), audit=())])
    assert repr(kept.store.order(FULL.order_id)) == repr(plain)


@pytest.mark.parametrize("portfolio", [None, "swing-1", 7, "7", -3, 10**30, "", "null"])
def test_a_portfolio_comes_back_as_it_was(kept, portfolio):
    kept.store.commit([accept(1, portfolio=portfolio)])
    found = kept.store.batch(batch_id(1))
    assert found is not None
    assert repr(found[0].portfolio_id) == repr(portfolio)


# Keys


def test_a_key_that_is_taken_stores_nothing_and_names_the_first_request(kept):
    kept.store.commit([accept(1)])
    before = everything(kept.store)
    again = accept(2, key=scope(1), fingerprint="0" * 64)
    assert kept.store.commit([again]) == [
        KeyTaken(fingerprint=FINGERPRINT, batch_id=batch_id(1), expired=False)
    ]
    assert everything(kept.store) == before
    assert kept.store.batch(batch_id(2)) is None


def test_the_first_of_two_with_one_key_in_one_commit_wins(kept):
    answers = kept.store.commit([accept(1), accept(2, key=scope(1)), accept(3)])
    taken = KeyTaken(fingerprint=FINGERPRINT, batch_id=batch_id(1), expired=False)
    assert answers == [Accepted(), taken, Accepted()]
    found = ids(kept.store.orders(OrderQuery()))
    assert found == [record(3).order_id, record(1).order_id]


def test_a_refused_accept_does_not_keep_the_rest_of_its_group_from_being_stored(kept):
    kept.store.commit([accept(1)])
    answers = kept.store.commit(
        [
            save(record(1)),
            accept(2, key=scope(1)),
            note(),
            SaveDayCount(broker="fyers", day="2026-03-02", count=5),
        ]
    )
    assert [type(answer) for answer in answers] == [
        *(type(None), KeyTaken, type(None), type(None)),
    ]
    assert kept.store.order(record(1).order_id).status is OrderStatus.ACKED
    assert kept.store.day_count("fyers", "2026-03-02") == 5
    actions = [one.entry.action for one in kept.store.audit(AuditQuery())]
    assert actions == ["order.accepted", "order.acked", "test.noted"]


def test_a_save_that_follows_a_refused_accept_stores_nothing(kept):
    kept.store.commit([accept(1)])
    before = everything(kept.store)
    kept.store.commit([accept(2, key=scope(1)), save(record(2))])
    assert everything(kept.store) == before


@pytest.mark.parametrize(
    "other", [scope(1, principal="token:2"), scope(1, route="POST /other"), scope(2)]
)
def test_a_key_is_the_caller_s_and_the_route_s_own(kept, other):
    assert kept.store.commit([accept(1)]) == [Accepted()]
    assert kept.store.commit([accept(2, key=other)]) == [Accepted()]
    assert kept.store.key(other).batch_id == batch_id(2)


# The kill-switch


def test_while_halted_nothing_of_an_accept_is_stored(kept):
    kept.store.commit([switch(engaged=True)])
    before = everything(kept.store)
    assert kept.store.commit([accept(1), save(record(1))]) == [Halted(), None]
    assert everything(kept.store) == before


def test_while_halted_a_known_key_is_halted_too_and_orders_are_still_saved(kept):
    kept.store.commit([accept(1), switch(engaged=True)])
    answers = kept.store.commit([accept(2, key=scope(1)), save(record(1))])
    assert answers == [Halted(), None]
    assert kept.store.order(record(1).order_id).status is OrderStatus.ACKED


def test_a_halt_counts_from_its_place_in_the_group(kept):
    answers = kept.store.commit(
        [
            accept(1),
            switch(engaged=True),
            accept(2),
            switch(engaged=False, version=2),
            accept(3),
        ]
    )
    assert answers == [Accepted(), None, Halted(), None, Accepted()]
    assert ids(kept.store.orders(OrderQuery())) == [
        record(3).order_id,
        record(1).order_id,
    ]


def test_a_halt_outlives_a_restart(kept):
    write = switch(engaged=True, version=4)
    kept.store.commit([write])
    store = kept.restart()
    assert store.switch() == write.switch
    assert store.commit([accept(1)]) == [Halted()]


def test_what_a_halt_wants_outlives_a_restart(kept):
    for wants in ({"cancel_open": True}, {"close_positions": True}):
        write = switch(engaged=True, **wants)
        kept.store.commit([write])
        assert kept.restart().switch() == write.switch


def closes(number, version):
    """An accept of an order that closes a position for a halt."""
    order = record(number, closes_for=version)
    return msgspec.structs.replace(accept(number, order), closes_for=version)


def test_a_halt_that_wants_positions_closed_lets_in_what_closes_them_for_it(kept):
    kept.store.commit([switch(engaged=True, version=4, close_positions=True)])
    answers = kept.store.commit([closes(1, 4), closes(2, 3), closes(3, 5)])
    assert answers == [Accepted(), Halted(), Halted()]
    assert kept.store.commit([accept(4)]) == [Halted()]
    assert ids(kept.store.orders(OrderQuery())) == [record(1).order_id]
    (key,) = kept.store.commit([closes(1, 4)])
    assert (type(key), key.batch_id) == (KeyTaken, batch_id(1))


def test_no_other_halt_and_no_released_one_lets_a_closing_order_in(kept):
    kept.store.commit([switch(engaged=True, version=4)])
    assert kept.store.commit([closes(1, 4)]) == [Halted()]
    kept.store.commit([switch(engaged=False, version=5, close_positions=True)])
    assert kept.store.commit([closes(1, 4), closes(2, 5)]) == [Halted(), Halted()]


def test_closing_orders_end_with_their_halt_in_the_same_group_too(kept):
    answers = kept.store.commit(
        [
            switch(engaged=True, version=1, close_positions=True),
            closes(1, 1),
            switch(engaged=True, version=2, close_positions=True),
            closes(2, 1),
            switch(engaged=False, version=3),
            closes(3, 2),
            accept(4),
        ]
    )
    kinds = [type(answer) for answer in answers if answer is not None]
    assert kinds == [Accepted, Halted, Halted, Accepted]


def test_the_orders_that_close_for_a_halt_are_found_settled_or_not(kept):
    kept.store.commit([switch(engaged=True, version=1, close_positions=True)])
    kept.store.commit([closes(1, 1), closes(2, 1)])
    kept.store.commit([switch(engaged=True, version=2, close_positions=True)])
    kept.store.commit([closes(3, 2), save(record(2, closes_for=1))])
    store = kept.restart()
    assert ids(store.closing("fyers", 1)) == [record(1).order_id, record(2).order_id]
    assert ids(store.closing("fyers", 2)) == [record(3).order_id]
    assert store.closing("fyers", 3) == store.closing("hdfc", 1) == []
    assert store.closing("fyers", 1)[1].status is OrderStatus.ACKED


# Saving


def test_an_order_accepted_and_saved_in_one_commit_ends_as_saved_last(kept):
    order = record(1)
    filled = save(order, OrderStatus.FILLED, cause="filled")
    answers = kept.store.commit([accept(1), save(order), filled])
    assert answers == [Accepted(), None, None]
    assert kept.store.order(order.order_id) == filled.order
    assert [event.cause for event in kept.store.events(order.order_id)] == [
        *("accepted", "acked", "filled"),
    ]


def test_events_come_back_exactly_and_in_the_order_of_the_commits(kept):
    order = record(1)
    kept.store.commit([accept(1)])
    events = tuple(
        OrderEvent(
            order_id=order.order_id,
            at=START - timedelta(seconds=number),
            status=OrderStatus.PARTIALLY_FILLED,
            cause=f"fill {number}",
            fill_price=Decimal("812.350"),
            fill_quantity=Decimal(number),
        )
        for number in range(3)
    )
    for event in events:
        kept.store.commit([SaveOrder(order=order, events=(event,), audit=())])
    assert kept.store.events(order.order_id)[1:] == list(events)


def test_saving_an_order_that_was_never_accepted_fails_and_stores_nothing(kept):
    kept.store.commit([accept(1)])
    before = everything(kept.store)
    with pytest.raises(StoreFailed, match=record(7).order_id):
        kept.store.commit([accept(2), save(record(1)), save(record(7))])
    assert everything(kept.store) == before
    assert kept.store.commit([accept(2)]) == [Accepted()]


def test_when_one_write_cannot_be_stored_none_of_its_commit_is(kept):
    kept.store.commit([accept(1)])
    before = everything(kept.store)
    twice = accept(3, record(3), record(3))
    with pytest.raises(StoreFailed):
        kept.store.commit([accept(2), note(), twice, switch(engaged=True)])
    assert everything(kept.store) == before


def test_a_session_is_the_last_that_was_saved_until_it_is_forgotten(kept):
    for broker, sealed in [("a", "S1"), ("b", "S2"), ("a", "S3")]:
        kept.store.commit([a_session(broker, sealed)])
    assert kept.store.sessions() == {"a": "S3", "b": "S2"}
    kept.store.commit([a_session("a", None), a_session("c", None)])
    assert kept.store.sessions() == {"b": "S2"}
    again = kept.restart()
    assert again.sessions() == {"b": "S2"}
    actions = [one.entry.action for one in again.audit(AuditQuery())]
    assert actions == ["session.saved"] * 5


def test_a_publishers_place_is_the_last_that_was_saved(kept):
    assert kept.store.cursor("bus") is None
    kept.store.commit([SaveCursor(publisher="bus", seq=3)])
    kept.store.commit([SaveCursor(publisher="bus", seq=9)])
    kept.store.commit([SaveCursor(publisher="hook", seq=4)])
    assert (kept.store.cursor("bus"), kept.store.cursor("hook")) == (9, 4)
    assert kept.restart().cursor("bus") == 9


def test_the_oldest_unknown_order_of_each_broker_is_known(kept):
    assert kept.store.oldest_unknown() == {}
    kept.store.commit([accept(1), accept(2)])
    (first, second) = record(1), record(2)
    later = START + timedelta(minutes=5)
    for order, at in ((first, START), (second, later)):
        unknown = msgspec.structs.replace(
            order, status=OrderStatus.UNKNOWN, updated_at=at
        )
        kept.store.commit([SaveOrder(order=unknown, events=(), audit=())])
    assert kept.store.oldest_unknown() == {first.broker: START}


def test_the_last_number_is_that_of_the_newest_audit_record(kept):
    assert kept.store.last_seq() == 0
    kept.store.commit([note(), note()])
    assert kept.store.last_seq() == 2


def test_a_day_count_is_the_last_that_was_saved_for_its_broker_and_day(kept):
    for broker, day, count in [("a", "D1", 5), ("a", "D1", 9), ("b", "D1", 1)]:
        kept.store.commit([SaveDayCount(broker=broker, day=day, count=count)])
    counts = [
        kept.store.day_count(*of) for of in [("a", "D1"), ("b", "D1"), ("a", "D2")]
    ]
    assert counts == [9, 1, 0]


def test_an_accounts_counts_are_the_last_that_were_saved_for_its_day(kept):
    first, second = OrderCounts(sent=1), OrderCounts(sent=9, changed=2, cancelled=3)
    for broker, day, counts in [("a", "D1", first), ("a", "D1", second)]:
        write = SaveOrderCounts(broker=broker, day=day, counts=counts)
        kept.store.commit([write])
    traded = OrderCounts(trades=4)
    kept.store.commit([SaveOrderCounts(broker="b", day="D1", counts=traded)])
    for again in (False, True):
        store = kept.restart() if again else kept.store
        assert store.order_counts("a", "D1") == second
        assert store.order_counts("b", "D1") == traded
        assert store.order_counts("a", "D2") == OrderCounts()


# The audit


def test_audit_records_are_numbered_timed_and_chained(kept):
    kept.store.commit([note(n=1), note(n=2)])
    kept.clock.pass_(seconds=90)
    kept.store.commit([note(n=3)])
    first, second, third = kept.store.audit(AuditQuery())
    assert [one.seq for one in (first, second, third)] == [1, 2, 3]
    assert [one.at for one in (first, second, third)] == [
        *(START, START, START + timedelta(seconds=90)),
    ]
    assert {one.boot for one in (first, second, third)} == {kept.boot}
    assert first.prev == "0" * 64
    assert (second.prev, third.prev) == (first.hash, second.hash)
    assert third.entry == AuditEntry(actor="ordo", action="test.noted", detail={"n": 3})


def test_the_chain_goes_on_after_a_failed_commit_and_after_a_restart(kept):
    kept.store.commit([note(n=1)])
    with pytest.raises(StoreFailed):
        kept.store.commit([note(n=2), save(record(7))])
    kept.store.commit([note(n=3)])
    store = kept.restart()
    store.commit([note(n=4)])
    found = store.audit(AuditQuery())
    assert [one.seq for one in found] == [1, 2, 3]
    assert [one.entry.detail["n"] for one in found] == [1, 3, 4]
    assert [one.prev for one in found[1:]] == [one.hash for one in found[:-1]]


def test_the_audit_is_found_by_number_time_request_and_order(kept):
    kept.store.commit([accept(1), accept(2)])
    kept.clock.pass_(hours=1)
    kept.store.commit([save(record(1)), note()])

    def seqs(**query):
        return [one.seq for one in kept.store.audit(AuditQuery(**query))]

    assert seqs() == [1, 2, 3, 4]
    assert seqs(limit=2) == [1, 2]
    assert seqs(after=2) == [3, 4]
    assert seqs(after=2, limit=1) == [3]
    assert seqs(request_id="request-2") == [2]
    assert seqs(order_id=record(1).order_id) == [1, 3]
    assert seqs(order_id=record(1).order_id, after=1) == [3]
    assert seqs(since=START) == [1, 2, 3, 4]
    assert seqs(since=START + timedelta(seconds=1)) == [3, 4]
    assert seqs(since=START + timedelta(hours=1)) == [3, 4]
    assert seqs(since=START + timedelta(hours=2)) == []


def test_the_audit_since_a_time_is_whole_where_the_clock_was_set_back(kept):
    for minutes in (10, 0, 20, 5, 30):
        kept.clock.now = START + timedelta(minutes=minutes)
        kept.store.commit([note()])
    query = AuditQuery(since=START + timedelta(minutes=10))
    assert [one.seq for one in kept.store.audit(query)] == [1, 3, 5]


# Reading


def test_orders_come_newest_first_and_page_by_page_exactly_once(kept):
    kept.store.commit([accept(number) for number in range(7)])
    pages, cursor = [], None
    while page := kept.store.orders(OrderQuery(cursor=cursor, limit=3)):
        pages.append(ids(page))
        cursor = page[-1].order_id
    newest_first = [record(number).order_id for number in range(6, -1, -1)]
    assert pages == [newest_first[:3], newest_first[3:6], newest_first[6:]]


def test_orders_are_found_by_each_of_their_marks_and_by_all_together(kept):
    later = START + timedelta(hours=1)
    kept.store.commit(
        [
            accept(1, record(1, 0), record(1, 1, broker="hdfc"), portfolio="swing-1"),
            accept(2, record(2, symbol="NSE:INFY"), portfolio=7),
            accept(3, record(3, at=later), portfolio="7"),
            save(record(2, symbol="NSE:INFY"), OrderStatus.FILLED),
            save(record(3, at=later), OrderStatus.UNKNOWN),
        ]
    )
    one, one_hdfc = record(1, 0).order_id, record(1, 1).order_id
    two, three = record(2).order_id, record(3).order_id

    def found(**query):
        return ids(kept.store.orders(OrderQuery(**query)))

    assert found() == [three, two, one_hdfc, one]
    assert found(broker="hdfc") == [one_hdfc]
    assert found(symbol="NSE:INFY") == [two]
    assert found(batch_id=batch_id(1)) == [one_hdfc, one]
    assert found(status=OrderStatus.PLACED) == [one_hdfc, one]
    assert found(status=OrderStatus.FILLED) == [two]
    assert found(status=OrderStatus.UNKNOWN) == [three]
    assert found(status=OrderStatus.REJECTED) == []
    assert found(portfolio_id="swing-1") == [one_hdfc, one]
    assert found(portfolio_id="7") == [three, two]
    assert found(portfolio_id='"7"') == []
    assert found(since=START) == [three, two, one_hdfc, one]
    assert found(since=START + timedelta(seconds=1)) == [three]
    assert found(since=later + timedelta(seconds=1)) == []
    assert found(broker="fyers", status=OrderStatus.PLACED, limit=1) == [one]
    assert found(broker="fyers", symbol="NSE:SBIN", cursor=three) == [one]
    everything_at_once = OrderQuery(
        broker="fyers",
        status=OrderStatus.UNKNOWN,
        symbol="NSE:SBIN",
        batch_id=batch_id(3),
        portfolio_id="7",
        since=START,
        cursor="P",
    )
    assert ids(kept.store.orders(everything_at_once)) == [three]


def test_filled_orders_are_given_oldest_first_page_by_page(kept):
    def filled(number, status=OrderStatus.FILLED, *, hours=0):
        one = record(number)
        at = START + timedelta(hours=hours)
        kept.store.commit([accept(number, one), save(one, status, at=at)])

    filled(1, hours=3)
    filled(2, hours=1)
    filled(3, hours=1)
    filled(4, OrderStatus.PARTIALLY_FILLED)
    filled(5, OrderStatus.CANCELLED)
    filled(6, OrderStatus.SETTLED)
    filled(7, hours=9)
    before = START + timedelta(hours=9)
    first = kept.store.filled_before(before, 2)
    assert ids(first) == [record(2).order_id, record(3).order_id]
    assert first[0].updated_at == START + timedelta(hours=1)
    rest = kept.store.filled_before(before, 2, first[-1])
    assert ids(rest) == [record(1).order_id]
    assert kept.store.filled_before(before, 2, rest[-1]) == []
    between = kept.store.filled_before(before, 9, first[0])  # of one moment, the next
    assert ids(between) == [record(3).order_id, record(1).order_id]
    assert kept.store.filled_before(START + timedelta(hours=1), 9) == []
    assert ids(kept.restart().filled_before(before, 1)) == [record(2).order_id]


def test_unsettled_orders_are_those_of_which_more_may_be_learnt(kept):
    orders = {status: record(n) for n, status in enumerate(OrderStatus)}
    kept.store.commit([accept(n) for n in range(len(orders))])
    kept.store.commit([save(order, status) for status, order in orders.items()])
    kept.store.commit([accept(99, record(99, broker="hdfc"))])
    assert [order.status for order in kept.store.unsettled("fyers")] == [
        OrderStatus.PLACED,
        OrderStatus.ACKED,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.UNKNOWN,
        OrderStatus.NOT_PLACED,
    ]


def test_an_order_not_placed_can_be_overturned_for_a_day(kept):
    kept.store.commit([accept(1), save(record(1), OrderStatus.NOT_PLACED)])
    kept.clock.pass_(hours=24)
    assert ids(kept.store.unsettled("fyers")) == [record(1).order_id]
    kept.clock.pass_(microseconds=1)
    assert kept.store.unsettled("fyers") == []


def test_sent_since_gives_the_times_at_which_orders_were_let_go(kept):
    def at(seconds):
        return START + timedelta(seconds=seconds)

    kept.store.commit(
        [
            accept(1, record(1, sending_at=at(2))),
            accept(2, record(2, sending_at=at(1))),
            accept(3, record(3)),
            accept(4, record(4, sending_at=at(3), broker="hdfc")),
            save(record(3), sending_at=at(3)),
        ]
    )
    assert kept.store.sent_since("fyers", at(2)) == [at(2), at(3)]
    assert kept.store.sent_since("hdfc", START) == [at(3)]


# Restarting


def test_all_of_it_outlives_a_restart(kept):
    kept.store.commit([accept(1, FULL), accept(2)])
    kept.store.commit([save(record(2)), switch(engaged=True), note()])
    kept.store.commit([SaveDayCount(broker="fyers", day="2026-03-02", count=11)])
    before = everything(kept.store)
    assert everything(kept.restart()) == before


def test_a_closed_store_answers_nothing_more(kept):
    kept.store.close()
    with pytest.raises(StoreFailed):
        kept.store.commit([note()])
    with pytest.raises(StoreFailed):
        kept.store.order("O")


def test_the_reserve_is_released_and_restored_as_often_as_wanted(kept):
    for _ in range(2):
        kept.store.release_reserve()
        kept.store.release_reserve()
        kept.store.restore_reserve()
        kept.store.restore_reserve()
    assert kept.store.commit([accept(1)]) == [Accepted()]


def test_times_of_another_zone_are_the_same_times(kept):
    india = START.astimezone(timezone(timedelta(hours=5, minutes=30)))
    kept.store.commit([accept(1, record(1, at=india))])
    found = kept.store.order(record(1).order_id)
    assert found.created_at == START
    assert found.created_at.utcoffset() == timedelta(0)


def test_a_record_is_a_new_value_each_time(kept):
    kept.store.commit([accept(1)])
    first = kept.store.order(record(1).order_id)
    assert first == record(1)
    assert msgspec.structs.replace(first, attempts=1) != first
