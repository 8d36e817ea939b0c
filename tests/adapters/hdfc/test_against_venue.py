"""A day with HDFC's adapter over a real socket, against its protocol server."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from adapters.errors import LoginRefused, SentUnknown, SessionExpired
from adapters.model import Acked, BookStatus, Funds, OrderType, Rejected, Side
from adapters.secret import Secret
from tests.venues.faults import Fault
from tests.venues.hdfc import OTP

from .support import look
from .test_contract import ORDER, HdfcSubject

ID = "26113000000001"
REF = "179602020000017"
MARKET = replace(ORDER, type=OrderType.MARKET, price=None)
OPTION = replace(
    ORDER, symbol="NFO:NIFTY01DEC2625500CE", quantity=Decimal(65), price=Decimal(600)
)


@pytest.fixture
async def day(nursery):
    subject = HdfcSubject()
    await subject.start(nursery)
    yield subject
    await subject.port.aclose()
    subject.venue.stop()


async def logged_in(day):
    port = day.fresh()
    challenge = await port.login.begin("state")
    port.use(await port.login.answer(challenge, {"otp": Secret(OTP)}))
    return port


async def test_a_day_from_log_in_to_log_out(day):
    port = await logged_in(day)
    assert await port.place(ORDER, REF, look) == Acked(
        broker_order_id=ID, http_status=200
    )
    assert (await port.order_by_tag(REF)).status is BookStatus.OPEN
    lower = replace(ORDER, price=Decimal("811.5"))
    assert await port.modify(ID, lower, look) == Acked(
        broker_order_id=ID, http_status=200
    )
    day.fill(ID, Decimal(4))
    found = await port.order_by_tag(REF)
    assert (found.filled_quantity, found.average_price) == (4, Decimal("811.5"))
    [trade] = await port.trades()
    assert (trade.broker_order_id, trade.quantity) == (ID, 4)
    [position] = await port.positions()
    assert (position.symbol, position.quantity) == ("NSE:SBIN", 4)
    assert await port.funds() == Funds(
        available=Decimal("9996754.0"),
        used=Decimal("3246.0"),
        cash=Decimal("10000000.0"),
        total=Decimal("10000000.0"),
    )
    assert await port.cancel(ID) == Acked(broker_order_id=ID, http_status=200)
    found = await port.order_by_tag(REF)
    assert (found.status, found.filled_quantity) == (BookStatus.CANCELLED, 4)
    await port.login.logout()
    port.use(None)
    with pytest.raises(SessionExpired):
        await port.order_book()
    await port.aclose()
    assert [seen.status for seen in day.venue.seen] == [200] * len(day.venue.seen)


async def test_a_token_dies_after_eight_hours_and_a_grant_says_so(day):
    port = day.fresh()
    challenge = await port.login.begin("state")
    grant = await port.login.answer(challenge, {"otp": Secret(OTP)})
    assert (grant.expires_at - grant.issued_at).total_seconds() == 8 * 3600
    port.use(grant)
    await port.check()
    day.pass_time(grant.expires_at - grant.issued_at)
    with pytest.raises(SessionExpired):
        await port.check()
    await port.aclose()


async def test_a_wrong_otp_may_be_given_again(day):
    port = day.fresh()
    challenge = await port.login.begin("state")
    with pytest.raises(LoginRefused, match="Invalid OTP") as caught:
        await port.login.answer(challenge, {"otp": Secret("000000")})
    assert caught.value.again
    port.use(await port.login.answer(challenge, {"otp": Secret(OTP)}))
    await port.check()
    await port.aclose()


async def test_a_stop_waits_for_its_trigger_and_then_trades(day):
    stop = replace(MARKET, type=OrderType.SL_M, trigger_price=Decimal(815))
    await day.port.place(stop, REF, look)
    assert (await day.port.order_by_tag(REF)).status is BookStatus.OPEN
    day.set_price(Decimal(815))
    found = await day.port.order_by_tag(REF)
    assert (found.status, found.average_price) == (BookStatus.FILLED, 815)


async def test_a_refusal_by_risk_is_taken_first_and_rejected_in_the_book(day):
    rich = replace(ORDER, quantity=Decimal(1_000_000))
    assert await day.port.place(rich, REF, look) == Acked(
        broker_order_id=ID, http_status=200
    )
    found = await day.port.order_by_tag(REF)
    assert (found.status, found.message) == (
        BookStatus.REJECTED,
        "Insufficient margin",
    )


async def test_what_is_filled_is_refused_a_cancel(day):
    await day.port.place(MARKET, REF, look)
    assert await day.port.cancel(ID) == Rejected(
        code="http_422",
        text="16344 order cannot be modified or cancelled",
        http_status=422,
    )


async def test_a_contract_is_one_and_the_same_in_every_book(day):
    await day.port.place(OPTION, REF, look)
    day.fill(ID, OPTION.quantity)
    [order] = await day.port.order_book()
    [trade] = await day.port.trades()
    [position] = await day.port.positions()
    assert {order.symbol, trade.symbol, position.symbol} == {OPTION.symbol}
    assert (trade.side, position.quantity) == (Side.BUY, 65)


@pytest.mark.parametrize("codes", [False, True])
async def test_contracts_are_priced_under_either_code(day, codes):
    day.venue.segment_codes = codes
    day.venue.book.set_price(("NSE", "EQUITY", "NIFTYEQNR"), Decimal(25300))
    quotes = await day.port.quotes([OPTION.symbol, "NSE:SBIN", "NSE_INDEX:NIFTY"])
    assert [quote.symbol for quote in quotes] == [
        OPTION.symbol,
        "NSE:SBIN",
        "NSE_INDEX:NIFTY",
    ]
    calls = [seen.name for seen in day.venue.seen]
    assert calls == ["quotes"] * (2 if codes else 1)


async def test_an_empty_demat_is_no_error(day):
    day.venue.empty_demat = True
    assert await day.port.holdings() == []


@pytest.mark.parametrize(
    ("fault", "booked"),
    [
        ({"kind": "drop_before_accept"}, False),
        ({"kind": "drop_after_accept"}, True),
        ({"kind": "reset"}, True),
        ({"kind": "http_error", "status": 504, "accepted": True}, True),
        ({"kind": "http_error", "status": 502, "html": True}, False),
        ({"kind": "http_error", "status": 401, "html": True, "accepted": True}, True),
        ({"kind": "html_200"}, True),
        ({"kind": "truncated_body"}, True),
        ({"kind": "wrong_length"}, True),
        ({"kind": "no_order_id"}, True),
        ({"kind": "error_200"}, False),
        ({"kind": "error_200", "accepted": True}, True),
    ],
)
async def test_an_order_without_a_clear_answer_is_unknown_and_the_book_knows(
    day, fault, booked
):
    day.venue.faults.add(Fault(on="place", **fault))
    with pytest.raises(SentUnknown):
        await day.port.place(ORDER, REF, look)
    assert (await day.port.order_by_tag(REF) is not None) is booked
    assert [seen.name for seen in day.venue.seen] == ["place", "orders"]


async def test_an_order_may_show_late(day):
    day.venue.faults.add(Fault(on="place", kind="late_in_book", seconds=5))
    await day.port.place(ORDER, REF, look)
    assert await day.port.order_by_tag(REF) is None
    day.pass_time(timedelta(seconds=5))
    assert (await day.port.order_by_tag(REF)).broker_order_id == ID


async def test_a_reference_used_twice_is_a_doubt_where_hdfc_minds(day):
    day.venue.book.once = True
    await day.port.place(ORDER, REF, look)
    with pytest.raises(SentUnknown, match="already present"):
        await day.port.place(ORDER, REF, look)
    assert day.taken() == [REF]


async def test_a_master_of_today_makes_the_index_that_orders_go_by(day, tmp_path):
    [path] = await day.port.download_master(tmp_path)
    assert path == tmp_path / "security-master.csv"
    [seen] = day.venue.seen
    assert (seen.name, seen.status) == ("master", 200)
