"""HDFC's representative payloads through the adapter, with mocked HTTP."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import respx
from msgspec.structs import replace

from adapters.brokers.hdfc import HdfcBroker, HdfcSettings, master
from adapters.brokers.hdfc.codes import KNOWN, Call, Meaning, meaning_of, outcome, table
from adapters.brokers.hdfc.symbols import day_of, of_terms
from adapters.brokers.hdfc.translate import status_of
from adapters.brokers.hdfc.wire import OrderRow
from adapters.errors import (
    ConfigError,
    LoginRefused,
    RateLimited,
    SentUnknown,
    SessionExpired,
    Unsupported,
)
from adapters.http import BrokerHttp
from adapters.login import REDIRECT_URL, ChallengeKind
from adapters.model import Acked, BookStatus, OrderType, Product, Rejected, Side
from adapters.secret import Secret
from tests.adapters.hdfc.test_contract import INDEX, NOON, ORDER, TOKEN

SAMPLES = Path(__file__).parents[2] / "samples" / "hdfc"
API = "https://developer.hdfcsec.com/oapi/v1"
PLACE = f"{API}/orders/regular"
SETTINGS = HdfcSettings(
    api_key=Secret("KEY"),
    secret=Secret("SECRET"),
    username="1234567",
    password=Secret("hunter2"),
)


def look():
    """A last look that agrees."""


def sample(name):
    return (SAMPLES / f"{name}.json").read_bytes()


def answer(name, status=200):
    kind = {"Content-Type": "application/json"}
    return httpx.Response(status, content=sample(name), headers=kind)


@pytest.fixture
async def broker():
    made = HdfcBroker(SETTINGS, BrokerHttp(), INDEX, wall=lambda: NOON)
    made.use(made.login.adopt(Secret(TOKEN), NOON))
    yield made
    await made.aclose()


@pytest.fixture
def hdfc():
    with respx.mock(assert_all_called=False) as mock:
        yield mock


async def test_an_order_goes_out_as_the_documentation_has_it(broker, hdfc):
    call = hdfc.post(PLACE).mock(return_value=answer("ir_place_order"))
    done = await broker.place(ORDER, "179460000000017", look)
    assert done == Acked(broker_order_id="26113000003117", http_status=200)
    request = call.calls[0].request
    assert request.url.params["api_key"] == "KEY"
    assert request.headers["Authorization"] == TOKEN
    assert request.headers["User-Agent"].startswith("Mozilla/5.0")
    assert request.content == (
        b'{"exchange":"NSE","security_id":"SBILTDEQNR","instrument_segment":"EQUITY",'
        b'"transaction_type":"BUY","product":"INTRADAY","order_type":"LIMIT",'
        b'"price":812.3,"trigger_price":0,"quantity":10,"disclosed_quantity":0,'
        b'"validity":"DAY","amo":false,"external_reference_number":179460000000017}'
    )


async def test_a_contract_is_named_by_all_its_terms(broker, hdfc):
    call = hdfc.post(PLACE).mock(return_value=answer("ir_place_order"))
    option = replace(
        ORDER, symbol="NFO:IOC29DEC26162.5PE", type=OrderType.SL, product=Product.MARGIN
    )
    await broker.place(replace(option, trigger_price=Decimal("813")), "1" * 15, look)
    assert call.calls[0].request.content.endswith(
        b'"underlying_symbol":"IOCLTDEQNR","expiry_date":"20261229",'
        b'"strike_price":162.5,"option_type":"PE"}'
    )


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (422, b'{"status":"error","message":"Invalid quantity"}', "rejected"),
        (400, b'{"error":"no good"}', "rejected"),
        (400, b'{"detail":[{"loc":["qty"],"msg":"wrong"}]}', "rejected"),
        (200, b'{"status":"error","message":"Invalid quantity"}', "rejected"),
        (200, b'{"status":"error","message":"something is odd"}', "unknown"),
        (200, b'{"status":"error","message":"50002 order already present"}', "unknown"),
        (200, b'{"status":"success","data":{}}', "unknown"),
        (200, b'{"status":"success"}', "unknown"),
        (200, b'{"sta', "unknown"),
        (200, b"<html></html>", "unknown"),
        (400, b"<html></html>", "unknown"),
        (401, b"<html></html>", "unknown"),
        (502, b'{"status":"error","message":"Invalid quantity"}', "unknown"),
        (401, b'{"error":"invalid credentials"}', "session"),
        (429, b'{"error":"merchantKeyRateLimit - too many requests"}', "limited"),
    ],
)
async def test_only_a_structured_no_on_a_list_is_a_rejection(
    broker, hdfc, status, body, expected
):
    reply = httpx.Response(status, content=body)
    hdfc.post(PLACE).mock(return_value=reply)
    kinds = {
        "unknown": SentUnknown,
        "session": SessionExpired,
        "limited": RateLimited,
    }
    if expected == "rejected":
        assert isinstance(await broker.place(ORDER, "1" * 15, look), Rejected)
        return
    with pytest.raises(kinds[expected]):
        await broker.place(ORDER, "1" * 15, look)


async def test_the_order_book(broker, hdfc):
    hdfc.get(f"{API}/orders").mock(return_value=answer("ir_order_book"))
    (first, *_) = await broker.order_book()
    assert first.broker_order_id == "26113000003117"
    assert first.symbol == "NSE:WIPRO"
    assert first.side is Side.BUY
    assert first.status is BookStatus.FILLED
    assert first.average_price == Decimal("251.25")
    assert first.placed_at == datetime(2026, 11, 30, 4, 1, 7, tzinfo=UTC)


async def test_an_empty_book_is_empty(broker, hdfc):
    hdfc.get(f"{API}/orders").mock(return_value=answer("ir_order_book_empty"))
    assert await broker.order_book() == []


async def test_trades_positions_holdings_and_funds(broker, hdfc):
    for path, name in (
        ("trades", "ir_trades"),
        ("portfolio/cumulative-positions", "ir_positions"),
        ("portfolio/holdings", "ir_holdings"),
        ("user/margins", "ir_funds"),
    ):
        hdfc.get(f"{API}/{path}").mock(return_value=answer(name))
    trade = (await broker.trades())[0]
    assert (trade.trade_id, trade.price) == ("318442907", Decimal("251.25"))
    position = (await broker.positions())[0]
    assert position.symbol == "NFO:NIFTY01DEC2626500PE"  # the sample's token
    assert (position.quantity, position.average_price) == (65, 120)
    (holding,) = await broker.holdings()
    assert (holding.symbol, holding.isin) == ("WIPRO LTD", "INE075A01022")
    funds = await broker.funds()
    assert (funds.available, funds.cash) == (Decimal("50210.4"), Decimal("52722.9"))


async def test_an_empty_demat_is_refused_by_hdfc_and_empty_here(broker, hdfc):
    refusal = answer("ir_error_holdings_empty", 422)
    hdfc.get(f"{API}/portfolio/holdings").mock(return_value=refusal)
    assert await broker.holdings() == []


async def test_quotes_are_joined_by_exchange_and_token(broker, hdfc):
    hdfc.put(f"{API}/fetch-ltp").mock(return_value=answer("ir_fetch_ltp"))
    asked = ["NSE_INDEX:NIFTY", "NSE:WIPRO", "NSE:SBIN"]
    quotes = {quote.symbol: quote for quote in await broker.quotes(asked)}
    assert set(quotes) == {"NSE_INDEX:NIFTY", "NSE:WIPRO"}  # SBIN was left out
    assert quotes["NSE:WIPRO"].last_price == Decimal("251.2")
    assert quotes["NSE:WIPRO"].previous_close == Decimal("249.9")


async def test_a_change_after_a_part_was_filled_is_not_guessed_at(broker, hdfc):
    hdfc.get(f"{API}/orders").mock(return_value=answer("ir_order_book"))
    with pytest.raises(Unsupported, match="10 of 10 filled"):
        await broker.modify("26113000003117", ORDER, look)


async def test_an_order_id_that_would_be_another_path_is_not_called(broker, hdfc):
    with pytest.raises(Unsupported, match="no order id"):
        await broker.cancel("../../x")


async def test_without_a_master_nothing_is_sent(hdfc):
    made = HdfcBroker(SETTINGS, BrokerHttp(), wall=lambda: NOON)
    made.use(made.login.adopt(Secret(TOKEN), NOON))
    with pytest.raises(Unsupported, match="none is loaded"):
        await made.place(ORDER, "1" * 15, look)
    await made.aclose()


# Log-in


async def test_without_a_stored_password_it_is_asked_for_first(hdfc):
    own = replace(SETTINGS, password=None)
    broker = HdfcBroker(own, BrokerHttp(), INDEX, wall=lambda: NOON)
    hdfc.get(f"{API}/login").mock(return_value=answer("ir_login_token_id"))
    call = hdfc.post(f"{API}/login/validate").mock(
        return_value=answer("ir_login_validate")
    )
    first = await broker.login.begin("state")
    assert [field.name for field in first.fields] == ["password"]
    second = await broker.login.answer(first, {"password": Secret("typed")})
    assert [field.name for field in second.fields] == ["otp"]
    assert second.prompt == "Enter the OTP sent to your mobile and e-mail"
    assert call.calls[0].request.content == (
        b'{"username":"1234567","password":"typed"}'
    )
    await broker.aclose()


async def test_a_picture_puzzle_sends_the_user_to_the_page(broker, hdfc):
    hdfc.get(f"{API}/login").mock(return_value=answer("ir_login_token_id"))
    hdfc.post(f"{API}/login/validate").mock(
        return_value=httpx.Response(200, json={"recaptcha": True})
    )
    with pytest.raises(LoginRefused, match="log in by its page"):
        await broker.login.begin("state")


@pytest.mark.parametrize(
    "name", ["request_token", "requestToken", "request-token", "code"]
)
async def test_the_page_comes_back_with_a_token_under_one_of_four_names(hdfc, name):
    own = replace(SETTINGS, username="")
    broker = HdfcBroker(own, BrokerHttp(), INDEX, wall=lambda: NOON)
    call = hdfc.post(f"{API}/access-token").mock(return_value=answer("ir_access_token"))
    page = await broker.login.begin("state")
    assert page.kind is ChallengeKind.REDIRECT
    assert page.login_url == f"{API}/login?api_key=KEY"
    address = Secret(f"https://x/callback?{name}=BOUGHT")
    grant = await broker.login.answer(page, {REDIRECT_URL: address})
    assert grant.access_token.reveal().startswith("eyJ")
    assert call.calls[0].request.url.params["request_token"] == "BOUGHT"
    with pytest.raises(LoginRefused) as refused:
        await broker.login.answer(page, {REDIRECT_URL: Secret("https://x/?a=b")})
    assert refused.value.again
    await broker.aclose()


async def test_a_missing_secret_is_named_before_anything_is_sent(hdfc):
    broker = HdfcBroker(replace(SETTINGS, secret=None), BrokerHttp(), INDEX)
    with pytest.raises(ConfigError, match="secret: a log-in to HDFC wants it"):
        await broker.login.begin("state")
    await broker.aclose()


async def test_a_token_lives_eight_hours_and_never_into_the_next_day(broker):
    early = broker.login.adopt(Secret("opaque"), NOON)
    assert early.expires_at == datetime(2026, 11, 30, 14, 30, tzinfo=UTC)
    late = broker.login.adopt(Secret("opaque"), NOON.replace(hour=20))
    assert late.expires_at == datetime(2026, 12, 1, 0, 30, tzinfo=UTC)


# Pure pieces


ROW = {
    "order_id": "1",
    "exchange": "NSE",
    "security_id": "X",
    "instrument_segment": "EQUITY",
    "transaction_type": "Buy",
    "product": "DELIVERY",
    "order_type": "LIMIT",
    "quantity": Decimal(10),
}


@pytest.mark.parametrize(
    ("text", "filled", "pending", "cancelled", "expected"),
    [
        ("Pending", 0, 10, 0, BookStatus.OPEN),
        ("Traded", 10, 0, 0, BookStatus.FILLED),
        ("Pending", 10, 0, 0, BookStatus.FILLED),
        ("Traded", 4, 6, 0, BookStatus.OPEN),
        ("PARTIALLY_TRADED", 4, 6, 0, BookStatus.OPEN),
        ("CANCELLED", 4, 0, 6, BookStatus.CANCELLED),
        ("Rejected", 0, 0, 0, BookStatus.REJECTED),
        ("Rejected", 4, 0, 0, BookStatus.UNCLEAR),
        ("Cancel-Rejected", 0, 10, 0, BookStatus.OPEN),
        ("Something new", 0, 10, 0, BookStatus.OPEN),
        ("Something new", 2, 0, 8, BookStatus.CANCELLED),
        ("Something new", 0, 0, 0, BookStatus.UNCLEAR),
        ("EXPIRED", 0, 0, 10, BookStatus.EXPIRED),
    ],
)
def test_quantities_are_stronger_than_the_text(
    text, filled, pending, cancelled, expected
):
    row = OrderRow(
        **ROW,
        status=text,
        filled_quantity=Decimal(filled),
        pending_quantity=Decimal(pending),
        cancelled_quantity=Decimal(cancelled),
    )
    assert status_of(row) is expected


@pytest.mark.parametrize(
    "text", ["30 SEP 2026", "30-SEP-26", "20260930", "2026-09-30", "30-Sep-2026"]
)
def test_a_date_is_read_however_it_is_written(text):
    assert day_of(text) == date(2026, 9, 30)


@pytest.mark.parametrize("text", ["", None, "soon", "31 FEB 2026", "1-2-3-4"])
def test_what_is_no_date_is_none(text):
    assert day_of(text) is None


def test_a_contract_is_named_by_its_terms():
    terms = ("BANKNIFTY", "29-DEC-26", Decimal(58000), "Call")
    assert of_terms("NSE", "OPTIDX", *terms) == "NFO:BANKNIFTY29DEC2658000CE"
    assert of_terms("NSE", "FUTIDX", *terms) == "NFO:BANKNIFTY29DEC26FUT"
    assert of_terms("MCX", "FUTCOM", *terms) is None


def test_a_tick_without_a_dot_is_paise():
    assert master.tick_of("5") == Decimal("0.05")
    assert master.tick_of(".0025") == Decimal("0.0025")


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.text)
def test_every_code_of_the_list_means_what_the_table_says(known):
    for code in known.codes:
        place = meaning_of(Call.PLACE, 200, str(code), "words")
        cancel = meaning_of(Call.CANCEL, 200, str(code), "words")
        if known.meaning is Meaning.TOO_LATE:  # no answer to a new order
            assert (place, cancel) == (None, Meaning.REJECTED)
        else:
            assert place is cancel is known.meaning


def test_the_table_has_an_outcome_for_every_code_on_every_kind_of_call():
    rows = list(table())
    codes = {code for known in KNOWN for code in known.codes}
    for call in Call:
        listed = {int(row.code) for row in rows if row.call == call and row.code}
        assert codes <= listed
    assert {row.outcome for row in rows} == {
        *("rejected", "refused", "session_expired", "rate_limited", "unknown"),
        *("login_refused", "acked"),
    }
    assert outcome(Call.PLACE, None) == "unknown"
