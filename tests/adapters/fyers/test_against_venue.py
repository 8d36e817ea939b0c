"""The adapter over a real socket, against a server written from the dossier alone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import trio
import trio.testing
from msgspec.structs import replace

from adapters.brokers.fyers import FyersBroker, FyersSettings
from adapters.errors import (
    NotSent,
    RateLimited,
    SentUnknown,
    SessionExpired,
    Stopped,
)
from adapters.http import BrokerHttp
from adapters.model import (
    Acked,
    BookOrder,
    BookStatus,
    Funds,
    OrderType,
    Position,
    Product,
    Rejected,
    Side,
)
from adapters.secret import Secret
from tests.venues.faults import Fault
from tests.venues.fyers import FyersVenue

from .conftest import ORDER, TAG, TLS, look

NOON = 1_796_020_200.0  # Monday 30 Nov 2026, 12:00 in India
ID = "26113000000001"
ACKED = Acked(broker_order_id=ID, http_status=200)
MARKET = replace(ORDER, type=OrderType.MARKET, price=None)


class Clock:
    """A wall clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def venue(nursery: trio.Nursery, clock: Clock) -> AsyncIterator[FyersVenue]:
    running = FyersVenue(clock=clock)
    await nursery.start(running.serve)
    yield running
    running.stop()


@pytest.fixture
async def broker(venue: FyersVenue) -> AsyncIterator[FyersBroker]:
    settings = FyersSettings(app_id="DEMO12EFGH-100", base_url=venue.url)
    made = FyersBroker(settings, BrokerHttp(base_url=venue.url, tls=TLS))
    made.use(made.login.adopt(Secret("TOKEN"), datetime.now(UTC)))
    yield made
    await made.aclose()


def tags(venue):
    """The tags of all orders that the venue took, whoever can see them."""
    return [entry.raw()["tag"] for entry in venue.book.orders.values()]


async def test_an_order_is_placed_and_found_again_by_its_tag(broker, venue):
    assert await broker.place(ORDER, TAG, look) == ACKED
    assert await broker.order_by_tag(TAG) == BookOrder(
        broker_order_id=ID,
        tag=TAG,
        symbol="NSE:SBIN",
        side=Side.BUY,
        quantity=Decimal(10),
        filled_quantity=Decimal(0),
        status=BookStatus.OPEN,
        type=OrderType.LIMIT,
        product=Product.INTRADAY,
        price=Decimal("812.35"),
        placed_at=datetime(2026, 11, 30, 6, 30, tzinfo=UTC),
    )
    assert await broker.order_by_tag("another") is None
    assert [seen.name for seen in venue.seen] == ["place", "orders", "orders"]


async def test_an_order_is_changed_and_cancelled_once(broker):
    await broker.place(ORDER, TAG, look)
    changed = replace(ORDER, price=Decimal("811.50"), quantity=Decimal(7))
    assert await broker.modify(ID, changed, look) == ACKED
    found = await broker.order_by_tag(TAG)
    assert (found.price, found.quantity) == (Decimal("811.5"), Decimal(7))
    assert await broker.cancel(ID) == ACKED
    assert (await broker.order_by_tag(TAG)).status is BookStatus.CANCELLED
    again = await broker.cancel(ID)
    assert again == Acked(broker_order_id=ID, http_status=400)


async def test_what_is_filled_cannot_be_cancelled_or_changed(broker):
    await broker.place(MARKET, TAG, look)
    too_late = await broker.cancel(ID)
    assert too_late == Rejected(
        code="-162", text="Order already traded", http_status=400
    )
    assert (await broker.modify(ID, ORDER, look)).code == "-163"
    assert (await broker.cancel("26113099999999")).code == "-159"


async def test_a_fill_shows_in_every_book(broker):
    await broker.place(MARKET, TAG, look)
    found = await broker.order_by_tag(TAG)
    assert (found.status, found.filled_quantity) == (BookStatus.FILLED, 10)
    assert found.average_price == Decimal("812.9")
    [trade] = await broker.trades()
    assert (trade.broker_order_id, trade.tag) == (ID, TAG)
    assert (trade.quantity, trade.price) == (10, Decimal("812.9"))
    assert await broker.positions() == [
        Position(
            symbol="NSE:SBIN",
            product=Product.INTRADAY,
            quantity=Decimal(10),
            day_quantity=Decimal(10),
            average_price=Decimal("812.9"),
            last_price=Decimal("812.9"),
            realised_pnl=Decimal(0),
            unrealised_pnl=Decimal(0),
        )
    ]
    assert await broker.funds() == Funds(
        available=Decimal("9991871.0"),
        used=Decimal("8129.0"),
        cash=Decimal("9991871.0"),
        total=Decimal("10000000.0"),
    )


async def test_an_order_filled_in_parts_says_so(broker, venue):
    venue.faults.add(Fault(on="place", kind="partial_fill", quantity=4))
    await broker.place(ORDER, TAG, look)
    found = await broker.order_by_tag(TAG)
    assert (found.status, found.filled_quantity) == (BookStatus.OPEN, 4)
    assert (await broker.cancel(ID)) == ACKED
    found = await broker.order_by_tag(TAG)
    assert (found.status, found.filled_quantity) == (BookStatus.CANCELLED, 4)


async def test_reads_that_need_no_order(broker):
    assert await broker.check() is None
    assert await broker.order_book() == []
    assert await broker.trades() == []
    assert await broker.positions() == []
    assert [held.symbol for held in await broker.holdings()] == [
        "NSE:TATASTEEL",
        "NSE:ITC",
    ]
    quotes = await broker.quotes(["NSE:SBIN", "NSE:NOSUCH", "NSE:M&M"])
    assert [quote.symbol for quote in quotes] == ["NSE:SBIN", "NSE:M&M"]
    assert quotes[0].last_price == Decimal("812.9")


async def test_a_bad_price_is_refused_in_the_brokers_words(broker, venue):
    odd = replace(ORDER, price=Decimal("812.33"))
    assert await broker.place(odd, TAG, look) == Rejected(
        code="-50",
        text="LimitPrice not a multiple of tick size 0.0500",
        http_status=400,
    )
    assert tags(venue) == []


async def test_a_rejection_by_risk_stands_in_the_book_under_its_id(broker, venue):
    venue.faults.add(Fault(on="place", kind="reject_with_id", text="RED:RULE:no"))
    assert await broker.place(ORDER, TAG, look) == Rejected(
        code="-99", text="RED:RULE:no", http_status=400, broker_order_id=ID
    )
    found = await broker.order_by_tag(TAG)
    assert (found.status, found.message) == (BookStatus.REJECTED, "RED:RULE:no")


@pytest.mark.parametrize(
    ("fault", "status", "booked"),
    [
        ({"kind": "drop_before_accept"}, None, False),
        ({"kind": "drop_after_accept"}, None, True),
        ({"kind": "reset"}, None, True),
        ({"kind": "reset", "accepted": False}, None, False),
        ({"kind": "truncated_body"}, None, True),
        ({"kind": "wrong_length"}, 200, True),
        ({"kind": "html_200"}, 200, True),
        ({"kind": "http_error"}, 500, False),
        ({"kind": "http_error", "status": 503, "accepted": True}, 503, True),
        ({"kind": "http_error", "html": True}, 502, False),
        ({"kind": "http_error", "html": True, "status": 403}, 403, False),
        (
            {"kind": "http_error", "html": True, "status": 403, "accepted": True},
            403,
            True,
        ),
        ({"kind": "http_error", "html": True, "status": 401}, 401, False),
        ({"kind": "http_error", "html": True, "status": 429}, 429, False),
        ({"kind": "no_ack_201"}, 200, True),
        ({"kind": "error_200"}, 200, False),
        ({"kind": "error_200", "code": -201, "accepted": True}, 200, True),
        ({"kind": "error_200", "code": -205}, 200, False),
        ({"kind": "error_200", "code": -99, "text": "Bad request"}, 200, False),
    ],
)
async def test_an_order_without_a_clear_answer_is_unknown_and_the_book_knows(
    broker, venue, fault, status, booked
):
    venue.faults.add(Fault(on="place", **fault))
    with pytest.raises(SentUnknown) as caught:
        await broker.place(ORDER, TAG, look)
    assert caught.value.http_status == status
    assert tags(venue) == ([TAG] if booked else [])
    found = await broker.order_by_tag(TAG)
    assert (found is not None) is booked
    assert [seen.name for seen in venue.seen] == ["place", "orders"]


async def test_an_error_under_http_200_is_an_error_by_its_code(broker, venue):
    fault = Fault(on="place", kind="error_200", code=-300, text="Invalid symbol")
    venue.faults.add(fault)
    assert await broker.place(ORDER, TAG, look) == Rejected(
        code="-300", text="Invalid symbol", http_status=200
    )


@pytest.mark.parametrize("code", [-8, -15, -16, -17])
async def test_a_token_that_died_wants_a_login_and_nothing_was_done(
    broker, venue, code
):
    venue.faults.add(Fault(on="*", kind="token_expired", code=code, count=2))
    with pytest.raises(SessionExpired) as caught:
        await broker.place(ORDER, TAG, look)
    assert (caught.value.code, caught.value.http_status) == (str(code), 401)
    with pytest.raises(SessionExpired):
        await broker.check()
    assert tags(venue) == []


async def test_too_fast_is_told_with_the_wait_to_the_millisecond(broker, venue):
    venue.faults.add(Fault(on="place", kind="rate_limited", seconds=1.5))
    with pytest.raises(RateLimited) as caught:
        await broker.place(ORDER, TAG, look)
    assert (caught.value.retry_after, caught.value.http_status) == (1.5, 429)
    assert tags(venue) == []


async def test_the_eleventh_order_in_a_second_is_too_fast(broker, venue):
    venue.rate_limits = True
    for n in range(10):
        await broker.place(ORDER, f"tag{n}", look)
    with pytest.raises(RateLimited) as caught:
        await broker.place(ORDER, "tag10", look)
    assert caught.value.retry_after == 1
    assert len(tags(venue)) == 10


async def test_an_address_that_is_not_registered_leaves_an_order_unknown(broker, venue):
    # FYERS's words for this are not published, so none are taken for a refusal.
    venue.allowed_ips = ("192.0.2.1",)
    with pytest.raises(SentUnknown) as caught:
        await broker.place(ORDER, TAG, look)
    assert caught.value.http_status == 403
    assert tags(venue) == []
    assert await broker.order_book() == []


async def test_a_cancel_without_a_clear_answer_is_unknown_too(broker, venue):
    await broker.place(ORDER, TAG, look)
    venue.faults.add(Fault(on="cancel", kind="drop_after_accept"))
    with pytest.raises(SentUnknown):
        await broker.cancel(ID)
    assert (await broker.order_by_tag(TAG)).status is BookStatus.CANCELLED


async def test_a_change_without_a_clear_answer_is_unknown_too(broker, venue):
    await broker.place(ORDER, TAG, look)
    venue.faults.add(Fault(on="modify", kind="drop_after_accept"))
    with pytest.raises(SentUnknown):
        await broker.modify(ID, replace(ORDER, price=Decimal(800)), look)
    assert (await broker.order_by_tag(TAG)).price == Decimal(800)


async def test_an_order_that_nobody_waited_for_may_be_there(broker, venue):
    venue.faults.add(Fault(on="place", kind="delay_after_accept", seconds=60))
    async with trio.open_nursery() as calls:
        calls.start_soon(broker.place, ORDER, TAG, look)
        with trio.fail_after(5):
            while not tags(venue):
                await broker.check()
        calls.cancel_scope.cancel()
    assert (await broker.order_by_tag(TAG)).broker_order_id == ID


async def test_an_order_late_in_the_book_is_not_there_and_then_is(broker, venue, clock):
    venue.faults.add(Fault(on="place", kind="drop_after_accept", late=3))
    with pytest.raises(SentUnknown):
        await broker.place(ORDER, TAG, look)
    assert await broker.order_by_tag(TAG) is None
    clock.now += 3
    assert (await broker.order_by_tag(TAG)).status is BookStatus.OPEN


async def test_an_order_in_transit_says_so(broker, venue, clock):
    venue.faults.add(Fault(on="place", kind="transit", seconds=2))
    await broker.place(ORDER, TAG, look)
    assert (await broker.order_by_tag(TAG)).status is BookStatus.TRANSIT
    clock.now += 2
    assert (await broker.order_by_tag(TAG)).status is BookStatus.OPEN


async def test_after_a_last_look_that_says_no_the_venue_has_heard_nothing(
    broker, venue
):
    def no():
        raise Stopped("kill_switch_engaged", "halted")

    await broker.check()
    for _ in range(2):
        with pytest.raises(Stopped):
            await broker.place(ORDER, TAG, no)
    assert [seen.name for seen in venue.seen] == ["profile"]
    assert tags(venue) == []
    assert await broker.place(ORDER, TAG, look) == ACKED
    with pytest.raises(Stopped):
        await broker.modify(ID, replace(ORDER, price=Decimal(800)), no)
    assert [seen.name for seen in venue.seen] == ["profile", "place", "orders"]
    assert (await broker.order_by_tag(TAG)).price == Decimal("812.35")


async def test_a_venue_that_has_gone_was_not_sent_to(broker, venue):
    await broker.check()
    venue.stop()
    await trio.testing.wait_all_tasks_blocked()
    with pytest.raises(NotSent):
        await broker.place(ORDER, TAG, look)


async def test_reads_fail_as_loudly_as_orders(broker, venue):
    for fault in ("reset", "html_200", "truncated_body", "error_200"):
        venue.faults.add(Fault(on="orders", kind=fault))
        with pytest.raises(SentUnknown):
            await broker.order_book()
    venue.faults.add(Fault(on="orders", kind="rate_limited", seconds=1))
    with pytest.raises(RateLimited) as caught:
        await broker.order_book()
    assert caught.value.retry_after is None  # told on order calls only
