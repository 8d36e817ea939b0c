"""HDFC's orders, byte by byte and answer by answer, with mocked HTTP."""

from decimal import Decimal

import httpx
import pytest
from msgspec.structs import replace

from adapters.brokers.hdfc import HdfcBroker
from adapters.errors import (
    NotSent,
    RateLimited,
    SentUnknown,
    SessionExpired,
    Unsupported,
)
from adapters.http import BrokerHttp
from adapters.model import Acked, OrderType, Product, Rejected, Validity
from adapters.secret import Secret

from .support import API, PLACE, REF, SETTINGS, TLS, answer, good, look, no
from .test_contract import NOON, ORDER, TOKEN

ID = "26113000003118"  # open, nothing filled
FILLED = "26113000003117"


async def test_an_order_goes_out_as_the_documentation_has_it(broker, hdfc):
    call = hdfc.post(PLACE).mock(return_value=answer("ir_place_order"))
    done = await broker.place(ORDER, "179460000000017", look)
    assert done == Acked(broker_order_id=FILLED, http_status=200)
    request = call.calls[0].request
    assert dict(request.url.params) == {"api_key": "KEY"}
    assert request.headers["Authorization"] == TOKEN
    assert request.headers["Content-Type"] == "application/json"
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
    await broker.place(replace(option, trigger_price=Decimal("813")), REF, look)
    body = call.calls[0].request.content
    assert b'"product":"OVERNIGHT","order_type":"SL","price":812.3' in body
    assert body.endswith(
        b'"underlying_symbol":"IOCLTDEQNR","expiry_date":"20261229",'
        b'"strike_price":162.5,"option_type":"PE"}'
    )


async def test_a_future_has_an_expiry_and_no_strike(broker, hdfc):
    call = hdfc.post(PLACE).mock(return_value=answer("ir_place_order"))
    await broker.place(replace(ORDER, symbol="NFO:NIFTY29DEC26FUT"), REF, look)
    assert call.calls[0].request.content.endswith(
        b'"underlying_symbol":"NIFTYEQNR","expiry_date":"20261229"}'
    )


async def test_a_price_that_a_type_does_not_have_goes_out_as_zero(broker, hdfc):
    call = hdfc.post(PLACE).mock(return_value=answer("ir_place_order"))
    market = replace(ORDER, type=OrderType.MARKET, validity=Validity.IOC)
    await broker.place(replace(market, trigger_price=Decimal(5)), REF, look)
    body = call.calls[0].request.content
    assert b'"order_type":"MARKET","price":0,"trigger_price":0' in body
    assert b'"validity":"IOC"' in body


@pytest.mark.parametrize("tag", ["", "ORDO1", "0179460000000017", "1" * 16, "\u0661"])
async def test_a_tag_that_would_come_back_as_another_is_not_sent(broker, hdfc, tag):
    with pytest.raises(Unsupported, match="a reference"):
        await broker.place(ORDER, tag, look)
    assert not hdfc.calls


SPRING = (
    b'{"timestamp":"2026-11-30T06:30:00Z","status":401,"error":"Unauthorized","path":'
    b'"/oapi","message":"Full authentication is required to access this resource"}'
)
ANSWERS = [
    (422, b'{"status":"error","message":"Invalid quantity"}', "rejected"),
    (400, b'{"error":"no good"}', "rejected"),
    (403, b'{"meta":{"statusCode":"E","displayMessage":"not you"}}', "rejected"),
    (404, b'{"status":"error","reason":"no such"}', "rejected"),
    (400, b'{"detail":[{"loc":["qty"],"msg":"wrong"}]}', "rejected"),
    (400, b'{"detail":"wrong"}', "rejected"),
    (200, b'{"status":"error","message":"Invalid quantity."}', "rejected"),
    (200, b'{"status":"error","message":"16000 market closed"}', "rejected"),
    (200, b'{"status":"error","message":"no","error_code":16283}', "rejected"),
    (200, b'{"status":"error","message":"something is odd"}', "unknown"),
    (200, b'{"status":"error","message":"1 order may be placed"}', "unknown"),
    (200, b'{"status":"error","message":"not an Invalid quantity"}', "unknown"),
    (200, b'{"status":"error","message":"50002 order already present"}', "unknown"),
    (400, b'{"status":"error","message":"Duplicate request"}', "unknown"),
    (422, b'{"status":"error","message":"20104 no telling"}', "unknown"),
    (400, b'{"status":"error","message":"8001 order does not exist"}', "unknown"),
    (409, b'{"status":"error","message":"conflict"}', "unknown"),
    (400, b'{"status":"success","data":{"order_id":"1"}}', "unknown"),
    (200, b'{"status":"success","data":{}}', "unknown"),
    (200, b'{"status":"success","data":{"order_id":""}}', "unknown"),
    (200, b'{"status":"success","data":null}', "unknown"),
    (200, b'{"status":"success","data":[]}', "unknown"),
    (200, b'{"status":"success"}', "unknown"),
    (200, b'{"data":{"order_id":"1"}}', "unknown"),
    (200, b'{"sta', "unknown"),
    (200, b"", "unknown"),
    (200, b"[]", "unknown"),
    (200, b"<html></html>", "unknown"),
    (302, b"", "unknown"),
    (400, b"<html></html>", "unknown"),
    (401, b"<html></html>", "unknown"),
    (429, b"<html></html>", "unknown"),
    (408, b'{"error":"Invalid quantity"}', "unknown"),
    (502, b'{"status":"error","message":"Invalid quantity"}', "unknown"),
    (401, b'{"error":"invalid credentials"}', "session"),
    (401, SPRING, "session"),
    (200, b'{"status":"error","message":"Access token expired"}', "session"),
    (429, b'{"error":"merchantKeyRateLimit - too many requests"}', "limited"),
    (429, b'{"error":"slow down"}', "limited"),
]
RAISED = {"unknown": SentUnknown, "session": SessionExpired, "limited": RateLimited}


@pytest.mark.parametrize(("status", "body", "expected"), ANSWERS)
async def test_only_a_structured_no_on_a_list_is_a_rejection(
    broker, hdfc, status, body, expected
):
    hdfc.post(PLACE).mock(return_value=httpx.Response(status, content=body))
    if expected == "rejected":
        rejected = await broker.place(ORDER, REF, look)
        assert isinstance(rejected, Rejected)
        assert (rejected.http_status, bool(rejected.text)) == (status, True)
        return
    with pytest.raises(RAISED[expected]) as caught:
        await broker.place(ORDER, REF, look)
    assert caught.type is RAISED[expected]
    assert len(hdfc.calls) == 1


async def test_a_rejection_is_in_hdfcs_code_and_words(broker, hdfc):
    hdfc.post(PLACE).mock(return_value=answer("ir_error_place", 422))
    assert await broker.place(ORDER, REF, look) == Rejected(
        code="http_422", text="Invalid quantity", http_status=422
    )


async def test_an_address_in_the_brokers_words_loses_its_query(broker, hdfc):
    words = "no handler for PUT /oapi/v1/x?api_key=KEY&a=b here"
    hdfc.post(PLACE).mock(return_value=no(words, 404))
    rejected = await broker.place(ORDER, REF, look)
    assert rejected.text == "no handler for PUT /oapi/v1/x?… here"


async def test_how_long_to_wait_is_told(broker, hdfc):
    reply = httpx.Response(429, json={"error": "x"}, headers={"Retry-After": "2"})
    hdfc.post(PLACE).mock(return_value=reply)
    with pytest.raises(RateLimited) as caught:
        await broker.place(ORDER, REF, look)
    assert (caught.value.retry_after, caught.value.http_status) == (2, 429)


async def test_an_index_is_not_ordered(broker, hdfc):
    with pytest.raises(Unsupported, match="an index cannot be ordered"):
        await broker.place(replace(ORDER, symbol="NSE_INDEX:NIFTY"), REF, look)
    assert not hdfc.calls


async def test_without_a_master_nothing_is_sent(hdfc):
    made = HdfcBroker(SETTINGS, BrokerHttp(tls=TLS), wall=lambda: NOON)
    made.use(made.login.adopt(Secret(TOKEN), NOON))
    with pytest.raises(Unsupported, match="none is loaded"):
        await made.place(ORDER, REF, look)
    assert not hdfc.calls
    await made.aclose()


# Changes and cancels


async def test_a_change_reads_the_book_and_sends_all_eight_fields(broker, hdfc):
    hdfc.get(f"{API}/orders").mock(return_value=answer("ir_order_book"))
    call = hdfc.put(f"{PLACE}/{ID}").mock(return_value=answer("ir_modify_order"))
    lower = replace(ORDER, price=Decimal("811.5"))
    done = await broker.modify(ID, lower, look)
    assert done == Acked(broker_order_id=ID, http_status=200)
    assert call.calls[0].request.content == (
        b'{"quantity":10,"order_type":"LIMIT","price":811.5,"trigger_price":0,'
        b'"disclosed_quantity":0,"validity":"DAY","product":"INTRADAY","amo":false}'
    )


async def test_a_change_after_a_part_was_filled_is_not_guessed_at(broker, hdfc):
    hdfc.get(f"{API}/orders").mock(return_value=answer("ir_order_book"))
    with pytest.raises(Unsupported, match="10 of 10 filled"):
        await broker.modify(FILLED, ORDER, look)
    assert len(hdfc.calls) == 1


@pytest.mark.parametrize(
    ("book", "error"),
    [
        (httpx.Response(502), NotSent),
        (httpx.Response(200, content=b'{"status":"success"}'), NotSent),
        (good([]), NotSent),
        (httpx.Response(401, json={"error": "invalid credentials"}), SessionExpired),
        (httpx.Response(429, json={"error": "x"}), RateLimited),
    ],
)
async def test_an_order_that_cannot_be_read_is_not_changed(broker, hdfc, book, error):
    hdfc.get(f"{API}/orders").mock(return_value=book)
    with pytest.raises(error) as caught:
        await broker.modify(ID, ORDER, look)
    assert caught.type is error
    assert len(hdfc.calls) == 1


async def test_a_refused_read_before_a_change_is_a_refused_change(broker, hdfc):
    hdfc.get(f"{API}/orders").mock(return_value=no("not today", 403))
    assert await broker.modify(ID, ORDER, look) == Rejected(
        code="http_403", text="not today", http_status=403
    )


async def test_part_of_a_unit_is_not_even_read_for(broker, hdfc):
    with pytest.raises(Unsupported, match="must be whole"):
        await broker.modify(ID, replace(ORDER, quantity=Decimal("0.5")), look)
    assert not hdfc.calls


async def test_a_cancel_has_no_body_and_no_type(broker, hdfc):
    call = hdfc.delete(f"{PLACE}/{ID}").mock(return_value=answer("ir_cancel_order"))
    assert await broker.cancel(ID) == Acked(broker_order_id=ID, http_status=200)
    request = call.calls[0].request
    assert (request.content, "Content-Type" in request.headers) == (b"", False)


@pytest.mark.parametrize(
    "words", ["8001 order does not exist", "16344 cannot be cancelled"]
)
async def test_too_late_is_an_answer_to_a_cancel(broker, hdfc, words):
    hdfc.delete(f"{PLACE}/{ID}").mock(return_value=no(words))
    assert isinstance(await broker.cancel(ID), Rejected)


async def test_an_order_id_that_would_be_another_path_is_not_called(broker, hdfc):
    with pytest.raises(Unsupported, match="no order id"):
        await broker.cancel("../../x")
    assert not hdfc.calls
