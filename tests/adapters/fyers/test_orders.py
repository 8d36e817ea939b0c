"""Place, modify and cancel: what goes out, and what becomes of what comes back."""

from decimal import Decimal

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from adapters.brokers.fyers import FyersBroker, FyersSettings
from adapters.errors import (
    ConfigError,
    NotSent,
    SentUnknown,
    SessionExpired,
    Unsupported,
)
from adapters.http import BrokerHttp
from adapters.model import Acked, OrderType, Product, Rejected, Side, Validity
from adapters.secret import Secret

from .conftest import API, NOON, ORDER, ORDERS, TAG, TLS, look, sample, shown

ID = "26113000012345"


async def place(fyers, web, answer, order=ORDER):
    web.post(ORDERS).mock(return_value=answer)
    return await fyers.place(order, TAG, look)


async def test_a_limit_order_goes_out_as_documented(fyers, web):
    answer = httpx.Response(200, content=sample("place_order"))
    assert await place(fyers, web, answer) == Acked(broker_order_id=ID, http_status=200)
    request = web.calls.last.request
    assert request.content == (
        b'{"symbol":"NSE:SBIN-EQ","qty":10,"type":1,"side":1,'
        b'"productType":"INTRADAY","limitPrice":812.35,"stopPrice":0,'
        b'"disclosedQty":0,"validity":"DAY","orderTag":"ordo7f3k29qx",'
        b'"offlineOrder":false,"stopLoss":0,"takeProfit":0}'
    )
    sent = {name: request.headers[name] for name in ("authorization", "version")}
    assert sent == {"authorization": "DEMO12EFGH-100:TOKEN", "version": "3"}
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({"type": OrderType.MARKET, "price": None}, {"type": 2, "limitPrice": 0}),
        (
            {"type": OrderType.SL, "trigger_price": Decimal("813.10")},
            {"type": 4, "limitPrice": 812.35, "stopPrice": 813.10},
        ),
        (
            {"type": OrderType.SL_M, "price": None, "trigger_price": Decimal(814)},
            {"type": 3, "limitPrice": 0, "stopPrice": 814},
        ),
        # A price that the type does not have stays at home.
        ({"type": OrderType.MARKET}, {"type": 2, "limitPrice": 0, "stopPrice": 0}),
        ({"side": Side.SELL}, {"side": -1}),
        ({"product": Product.CNC}, {"productType": "CNC"}),
        ({"product": Product.MARGIN}, {"productType": "MARGIN"}),
        ({"validity": Validity.IOC}, {"validity": "IOC"}),
        ({"disclosed_quantity": Decimal(4)}, {"disclosedQty": 4}),
        ({"quantity": Decimal("25.0")}, {"qty": 25}),
        ({"symbol": "NSE:M&M"}, {"symbol": "NSE:M&M-EQ"}),
    ],
)
async def test_every_kind_of_order_has_its_numbers(fyers, web, changes, sent):
    answer = httpx.Response(200, content=sample("place_order"))
    await place(fyers, web, answer, replace(ORDER, **changes))
    body = msgspec.json.decode(web.calls.last.request.content)
    assert {key: body[key] for key in sent} == sent


async def test_prices_go_out_digit_by_digit(fyers, web):
    answer = httpx.Response(200, content=sample("place_order"))
    price = Decimal("12345678901234567.05")
    await place(fyers, web, answer, replace(ORDER, price=price))
    assert b'"limitPrice":12345678901234567.05,' in web.calls.last.request.content


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": Decimal("1.5")},
        {"disclosed_quantity": Decimal("0.5")},
        {"symbol": "BSE:RELIANCE"},
        {"symbol": "NFO:NIFTY26NOV24FUT"},
        {"symbol": "NSE_INDEX:NIFTY"},
        {"symbol": "US:AAPL"},
        {"symbol": "NSE:"},
        {"symbol": "SBIN"},
    ],
)
async def test_what_has_no_words_here_is_not_sent(fyers, web, changes):
    with pytest.raises(Unsupported):
        await place(fyers, web, httpx.Response(200), replace(ORDER, **changes))
    assert not web.calls


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"s": "ok", "code": 200, "id": ID}, id="another code"),
        pytest.param({"s": "OK", "code": 1101, "id": ID}, id="capitals"),
        pytest.param(
            {"s": "ok", "id": int(ID), "new": {"a": [1]}}, id="a number as id"
        ),
    ],
)
async def test_a_success_is_judged_by_its_word(fyers, web, body):
    found = await place(fyers, web, httpx.Response(200, json=body))
    assert found == Acked(broker_order_id=ID, http_status=200)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(200, sample("place_order_no_ack_201"), id="no acknowledgement"),
        pytest.param(200, b'{"s":"ok","code":201,"id":"26"}', id="201 with an id"),
        pytest.param(200, b'{"s":"ok","code":1101}', id="no id"),
        pytest.param(200, b'{"s":"ok","code":1101,"id":""}', id="an empty id"),
        pytest.param(200, b'{"s":"ok","code":-50,"id":"26"}', id="ok and not ok"),
        pytest.param(202, sample("place_order"), id="another status"),
        pytest.param(200, b'{"code":1101,"id":"26"}', id="no word"),
        pytest.param(200, sample("place_order")[:60], id="cut off"),
    ],
)
async def test_a_success_that_is_none_leaves_the_order_unknown(
    fyers, web, status, body
):
    with pytest.raises(SentUnknown) as caught:
        await place(fyers, web, httpx.Response(status, content=body))
    assert caught.value.http_status == status


async def test_a_refusal_carries_code_words_and_status(fyers, web):
    answer = httpx.Response(400, content=sample("error_place_param"))
    assert await place(fyers, web, answer) == Rejected(
        code="-50", text="Invalid productType", http_status=400
    )


async def test_a_rejection_keeps_the_id_under_which_it_stands_in_the_book(fyers, web):
    answer = httpx.Response(400, content=sample("error_place_rejected_with_id"))
    assert await place(fyers, web, answer) == Rejected(
        code="-99",
        text="RED:Margin Shortfall:INR 8123.50 Available:INR 10.00 for C-XY01234"
        " [FYERS_RISK_CUG]",
        http_status=400,
        broker_order_id="26113000012346",
    )


@pytest.mark.parametrize(
    "words", ["Bad request", " BAD REQUEST ", "invalid input please check your input"]
)
async def test_the_sdks_words_for_no_answer_are_no_rejection(fyers, web, words):
    body = {"s": "error", "code": -99, "message": words}
    with pytest.raises(SentUnknown):
        await place(fyers, web, httpx.Response(400, json=body))
    found = await place(fyers, web, httpx.Response(400, json=body | {"id": ID}))
    assert (type(found), found.broker_order_id) == (Rejected, ID)


async def test_words_without_end_are_cut(fyers, web):
    body = {"s": "error", "code": -99, "message": "x" * 10_000}
    found = await place(fyers, web, httpx.Response(400, json=body))
    assert found.text == "x" * 500


async def change(fyers, web, order=ORDER, **row):
    """Change the order that the book shows as *row* says; gives the body sent."""
    shown(web, **row)
    web.patch(ORDERS).respond(200, content=sample("modify_order"))
    found = await fyers.modify(ID, order, look)
    assert found == Acked(broker_order_id=ID, http_status=200)
    return web.calls.last.request.content


async def test_a_change_of_the_price_leaves_the_quantity_as_it_is(fyers, web):
    dear = replace(ORDER, price=Decimal("812.40"))
    assert await change(fyers, web, dear) == (
        b'{"id":"26113000012345","type":1,"limitPrice":812.40}'
    )
    read = web.calls[0].request
    assert str(read.url) == f"{API}/orders?id=26113000012345"


async def test_a_change_of_the_quantity_names_the_total(fyers, web):
    more = replace(ORDER, quantity=Decimal(12))
    assert await change(fyers, web, more) == (
        b'{"id":"26113000012345","type":1,"qty":12,"limitPrice":812.35}'
    )


async def test_after_a_part_fill_a_change_of_the_price_sends_no_quantity(fyers, web):
    assert b"qty" not in await change(fyers, web, filledQty=4, remainingQuantity=6)


@pytest.mark.parametrize("quantity", [6, 8, 12])
async def test_after_a_part_fill_no_new_quantity_is_sent_that_could_be_misread(
    fyers, web, quantity
):
    shown(web, filledQty=4, remainingQuantity=6)
    with pytest.raises(Unsupported, match="4 of 10 filled"):
        await fyers.modify(ID, replace(ORDER, quantity=Decimal(quantity)), look)
    assert [call.request.method for call in web.calls] == ["GET"]


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({"type": OrderType.MARKET}, {"type": 2}),
        ({"type": OrderType.SL_M, "trigger_price": Decimal(9)}, {"stopPrice": 9}),
        ({"disclosed_quantity": Decimal(4)}, {"disclosedQty": 4}),
    ],
)
async def test_a_change_leaves_out_what_its_type_does_not_have(
    fyers, web, changes, sent
):
    body = msgspec.json.decode(await change(fyers, web, replace(ORDER, **changes)))
    assert {key: body.get(key) for key in sent} == sent
    assert ("limitPrice" in body) is (ORDER.type is changes.get("type", ORDER.type))


async def test_a_change_without_acknowledgement_is_unknown(fyers, web):
    shown(web)
    answer = httpx.Response(200, content=sample("place_order_no_ack_201"))
    web.patch(ORDERS).mock(return_value=answer)
    with pytest.raises(SentUnknown):
        await fyers.modify(ID, ORDER, look)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(httpx.Response(502), id="a server error"),
        pytest.param(httpx.Response(200, html="<html>"), id="a page"),
        pytest.param(httpx.Response(200, content=b'{"s":"ok"}'), id="no rows"),
        pytest.param(httpx.Response(200, content=sample("order_book_empty")), id="not"),
    ],
)
async def test_an_order_that_cannot_be_read_is_not_changed(fyers, web, answer):
    web.get(f"{API}/orders").mock(return_value=answer)
    with pytest.raises(NotSent):
        await fyers.modify(ID, ORDER, look)
    assert [call.request.method for call in web.calls] == ["GET"]


async def test_a_change_of_another_order_than_the_one_read_is_not_sent(fyers, web):
    shown(web, id="26113000099999")
    with pytest.raises(NotSent, match="not in the book: 26113000012345"):
        await fyers.modify(ID, ORDER, look)


async def test_a_change_of_an_order_that_the_broker_does_not_know_is_rejected(
    fyers, web
):
    body = {"s": "error", "code": -51, "message": "Invalid order id"}
    web.get(f"{API}/orders").respond(400, json=body)
    assert await fyers.modify(ID, ORDER, look) == Rejected(
        code="-51", text="Invalid order id", http_status=400
    )


async def test_a_change_to_a_broken_quantity_reads_nothing(fyers, web):
    with pytest.raises(Unsupported):
        await fyers.modify(ID, replace(ORDER, quantity=Decimal("1.5")), look)
    assert not web.calls


async def test_a_cancel_names_the_order_in_its_body(fyers, web):
    answer = httpx.Response(200, content=sample("cancel_order"))
    web.delete(ORDERS).mock(return_value=answer)
    found = await fyers.cancel(ID)
    assert found == Acked(broker_order_id=ID, http_status=200)
    assert web.calls.last.request.content == b'{"id":"26113000012345"}'


async def test_a_cancel_of_what_is_cancelled_is_done(fyers, web):
    body = {"s": "error", "code": -161, "message": "Order already cancelled"}
    web.delete(ORDERS).respond(400, json=body)
    assert await fyers.cancel(ID) == Acked(broker_order_id=ID, http_status=400)


@pytest.mark.parametrize("code", [-162, -164])
async def test_a_cancel_that_comes_too_late_is_rejected_with_its_code(fyers, web, code):
    web.delete(ORDERS).respond(400, json={"s": "error", "code": code, "message": "no"})
    assert await fyers.cancel(ID) == Rejected(
        code=str(code), text="no", http_status=400
    )


@pytest.mark.parametrize("error", [NotSent("refused"), SentUnknown("reset")])
async def test_a_broken_connection_is_what_it_proves(fyers, web, error):
    web.post(ORDERS).mock(side_effect=error)
    with pytest.raises(type(error)) as caught:
        await fyers.place(ORDER, TAG, look)
    assert caught.value is error


async def test_without_a_token_nothing_is_sent(web):
    broker = FyersBroker(FyersSettings(app_id="DEMO12EFGH-100"), BrokerHttp(tls=TLS))
    with pytest.raises(SessionExpired):
        await broker.place(ORDER, TAG, look)
    with pytest.raises(SessionExpired):
        await broker.check()
    assert not web.calls


async def test_calls_go_to_the_base_url_with_their_paths(web):
    settings = FyersSettings(app_id="A-100", base_url="http://127.0.0.1:9/")
    broker = FyersBroker(settings, BrokerHttp(base_url=settings.base_url, tls=TLS))
    broker.use(broker.login.adopt(Secret("T"), NOON))
    web.route().respond(200, content=sample("cancel_order"))
    await broker.cancel(ID)
    assert str(web.calls.last.request.url) == "http://127.0.0.1:9/api/v3/orders/sync"


def test_a_connection_to_other_hosts_than_the_settings_name_is_refused():
    settings = FyersSettings(app_id="A-100", base_url="http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="base_url"):
        FyersBroker(settings, BrokerHttp(tls=TLS))


def test_no_secret_is_shown():
    settings = msgspec.convert(
        {"app_id": "A-100", "secret": "hunter3"},
        FyersSettings,
        dec_hook=lambda kind, text: kind(text),
    )
    assert "hunter" not in repr(settings)
    broker = FyersBroker(settings, BrokerHttp(tls=TLS))
    grant = broker.login.adopt(Secret("hunter2"), NOON)
    broker.use(grant)
    assert "hunter" not in repr(grant)
    assert "hunter" not in repr([broker, broker.login])


def test_a_key_that_is_not_known_is_refused():
    with pytest.raises(msgspec.ValidationError, match="app_secret"):
        msgspec.convert({"app_id": "A-100", "app_secret": "x"}, FyersSettings)
