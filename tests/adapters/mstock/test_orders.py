"""Place, modify and cancel: what goes out, and what becomes of what comes back."""

from decimal import Decimal
from urllib.parse import parse_qsl

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from adapters.brokers.mstock import MstockBroker, MstockSettings
from adapters.errors import NotSent, SentUnknown, SessionExpired, Unsupported
from adapters.http import BrokerHttp
from adapters.instruments import NO_INSTRUMENTS
from adapters.model import Acked, OrderType, Product, Rejected, Side, Validity
from adapters.secret import Secret
from tests.contracts.memory_index import MemoryIndex

from .conftest import KEY, ORDER, TAG, TLS, look, only_a, only_b, sample
from .rows import ID, book, row

PLACED = {"A": "typea_place_order", "B": "typeb_place_order"}
NUMBERS = {"A": "1111250206114", "B": "1191261130101"}


def fields(request):
    """The fields of a form or of a JSON body."""
    if request.headers["content-type"] == "application/json":
        return msgspec.json.decode(request.content)
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    return dict(parse_qsl(request.content.decode(), keep_blank_values=True))


async def place(mstock, root, web, answer=None, order=ORDER, tag=TAG):
    if answer is None:
        answer = httpx.Response(200, content=sample(PLACED[root[-1].upper()]))
    web.post(f"{root}/orders/regular").mock(return_value=answer)
    return await mstock.place(order, tag, look)


async def sent(mstock, root, web, **changes):
    await place(mstock, root, web, order=replace(ORDER, **changes))
    return fields(web.calls.last.request)


@only_a
async def test_type_a_takes_a_form(mstock, root, web):
    assert await place(mstock, root, web) == Acked(
        broker_order_id=NUMBERS["A"], http_status=200
    )
    request = web.calls.last.request
    assert request.content == (
        b"tradingsymbol=SBIN&exchange=NSE&transaction_type=BUY&order_type=LIMIT"
        b"&quantity=10&product=MIS&validity=DAY&price=812.35&trigger_price=0"
        b"&disclosed_quantity=0&tag=ORDO7F3K29QX"
    )
    assert request.headers["authorization"] == f"token {KEY}:TOKEN"
    assert request.headers["x-mirae-version"] == "1"
    assert "x-privatekey" not in request.headers


@only_b
async def test_type_b_takes_json_of_text(mstock, root, web):
    assert await place(mstock, root, web) == Acked(
        broker_order_id=NUMBERS["B"], http_status=200
    )
    request = web.calls.last.request
    assert fields(request) == {
        "variety": "NORMAL",
        "tradingsymbol": "SBIN-EQ",
        "symboltoken": "3045",
        "exchange": "NSE",
        "transactiontype": "BUY",
        "ordertype": "LIMIT",
        "quantity": "10",
        "producttype": "INTRADAY",
        "price": "812.35",
        "triggerprice": "0",
        "disclosedquantity": "",
        "duration": "DAY",
        "squareoff": "0",
        "stoploss": "0",
        "trailingStopLoss": "",
        "ordertag": TAG,
    }
    assert request.headers["authorization"] == "Bearer TOKEN"
    assert request.headers["x-privatekey"] == KEY
    assert request.headers["x-mirae-version"] == "1"


KINDS = [
    ({"type": OrderType.MARKET, "price": None}, "MARKET", "0", "0"),
    ({"type": OrderType.MARKET}, "MARKET", "0", "0"),
    (
        {"type": OrderType.SL, "trigger_price": Decimal("813.10")},
        "SL",
        "812.35",
        "813.10",
    ),
    (
        {"type": OrderType.SL_M, "price": None, "trigger_price": Decimal(814)},
        "SL-M",
        "0",
        "814",
    ),
]


@only_a
@pytest.mark.parametrize(("changes", "kind", "price", "trigger"), KINDS)
async def test_type_a_has_kites_words_for_types(
    mstock, root, web, changes, kind, price, trigger
):
    out = await sent(mstock, root, web, **changes)
    assert (out["order_type"], out["price"], out["trigger_price"]) == (
        kind,
        price,
        trigger,
    )


@only_b
@pytest.mark.parametrize(("changes", "kind", "price", "trigger"), KINDS)
async def test_type_b_has_its_own_and_names_the_variety(
    mstock, root, web, changes, kind, price, trigger
):
    words = {"SL": "STOP_LOSS", "SL-M": "STOPLOSS_MARKET"}
    out = await sent(mstock, root, web, **changes)
    assert (out["ordertype"], out["price"], out["triggerprice"]) == (
        words.get(kind, kind),
        price,
        trigger,
    )
    assert out["variety"] == ("STOPLOSS" if kind in words else "NORMAL")


@pytest.mark.parametrize(
    ("changes", "a", "b"),
    [
        (
            {"side": Side.SELL},
            ("transaction_type", "SELL"),
            ("transactiontype", "SELL"),
        ),
        ({"product": Product.CNC}, ("product", "CNC"), ("producttype", "DELIVERY")),
        (
            {"product": Product.MARGIN},
            ("product", "NRML"),
            ("producttype", "CARRYFORWARD"),
        ),
        ({"validity": Validity.IOC}, ("validity", "IOC"), ("duration", "IOC")),
        ({"quantity": Decimal("25.0")}, ("quantity", "25"), ("quantity", "25")),
        (
            {"disclosed_quantity": Decimal(4)},
            ("disclosed_quantity", "4"),
            ("disclosedquantity", "4"),
        ),
        ({"symbol": "NSE:M&M"}, ("tradingsymbol", "M&M"), ("tradingsymbol", "M&M-EQ")),
        (
            {"symbol": "BSE:RELIANCE"},
            ("tradingsymbol", "RELIANCE"),
            ("symboltoken", "500325"),
        ),
        (
            {"symbol": "NFO:IOC29DEC26162.5CE"},
            ("tradingsymbol", "IOC26DEC162.5CE"),
            ("exchange", "NFO"),
        ),
    ],
)
async def test_every_kind_of_order_has_its_words(
    mstock, root, web, api_type, changes, a, b
):
    out = await sent(mstock, root, web, **changes)
    name, value = a if api_type == "A" else b
    assert out[name] == value


async def test_prices_go_out_digit_by_digit(mstock, root, web):
    out = await sent(mstock, root, web, price=Decimal("12345678901234567.05"))
    assert out["price"] == "12345678901234567.05"


@pytest.mark.parametrize("tag", ["", "with-hyphen", "A" * 20, "täg"])
async def test_a_tag_that_would_not_be_taken_stays_at_home(mstock, root, web, tag):
    await place(mstock, root, web, tag=tag)
    out = fields(web.calls.last.request)
    assert not {"tag", "ordertag"} & out.keys()


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": Decimal("1.5")},
        {"disclosed_quantity": Decimal("0.5")},
        {"symbol": "NSE_INDEX:NIFTY"},
        {"symbol": "NSE:NOSUCH"},
        {"symbol": "US:AAPL"},
        {"symbol": ""},
    ],
)
async def test_what_has_no_words_here_is_not_sent(mstock, root, web, changes):
    with pytest.raises(Unsupported):
        await place(mstock, root, web, order=replace(ORDER, **changes))
    assert not web.calls


async def test_without_a_master_nothing_has_a_name(api_type, web):
    settings = MstockSettings(api_type=api_type, api_key=Secret(KEY))
    broker = MstockBroker(settings, BrokerHttp(tls=TLS), NO_INSTRUMENTS)
    with pytest.raises(Unsupported, match="sync the instruments"):
        await broker.place(ORDER, TAG, look)
    await broker.aclose()


async def test_a_master_of_the_other_type_names_nothing(api_type, indexes, web):
    other = indexes["B" if api_type == "A" else "A"]
    settings = MstockSettings(api_type=api_type, api_key=Secret(KEY))
    broker = MstockBroker(settings, BrokerHttp(tls=TLS), other)
    with pytest.raises(Unsupported, match="the account of Type"):
        await broker.place(ORDER, TAG, look)
    await broker.aclose()


@pytest.mark.parametrize(
    "body",
    [
        {"status": "success", "data": {"order_id": ID}},
        [{"status": "true", "errorcode": "", "data": {"order_id": f" {ID} "}}],
        {"status": True, "errorcode": None, "data": {"order_id": int(ID)}},
        {"status": "True", "errorcode": "None", "data": {"order_id": ID}},
    ],
)
async def test_a_success_is_read_however_it_is_written(mstock, root, web, body):
    answer = httpx.Response(200, json=body)
    found = await place(mstock, root, web, answer)
    assert found == Acked(broker_order_id=ID, http_status=200)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"status": "success", "data": {"order_id": ""}}),
        (200, {"status": "success", "data": {"order_id": None}}),
        (200, {"status": "success", "data": {}}),
        (200, {"status": "success", "data": None}),
        (200, {"status": "success", "data": "1131"}),
        (200, {"status": "success"}),
        (202, {"status": "success", "data": {"order_id": ID}}),
        (200, [{"status": "success", "data": {"order_id": ID}}] * 2),
    ],
)
async def test_a_success_that_is_none_leaves_the_order_unknown(
    mstock, root, web, status, body
):
    with pytest.raises(SentUnknown):
        await place(mstock, root, web, httpx.Response(status, json=body))


async def change(mstock, root, web, order=ORDER, **cells):
    """Change the order that the book shows; gives the fields sent."""
    web.get(f"{root}/orders").respond(json=book(root, row(root, **cells)))
    web.put(f"{root}/orders/regular/{ID}").respond(
        json={"status": "true", "errorcode": "", "data": {"orderid": f" {ID}"}}
    )
    found = await mstock.modify(ID, order, look)
    assert found == Acked(broker_order_id=ID, http_status=200)
    return fields(web.calls.last.request)


async def test_a_change_sends_every_field(mstock, root, web, api_type):
    out = await change(mstock, root, web, replace(ORDER, price=Decimal("811.50")))
    if api_type == "A":
        assert out == {
            "tradingsymbol": "SBIN",
            "exchange": "NSE",
            "transaction_type": "BUY",
            "order_type": "LIMIT",
            "quantity": "10",
            "product": "MIS",
            "validity": "DAY",
            "price": "811.50",
            "trigger_price": "0",
            "disclosed_quantity": "0",
            "variety": "regular",
            "modqty_remng": "0",
        }
    else:
        assert out == {
            "variety": "NORMAL",
            "tradingsymbol": "SBIN-EQ",
            "symboltoken": "3045",
            "exchange": "NSE",
            "transactiontype": "BUY",
            "orderid": ID,
            "ordertype": "LIMIT",
            "quantity": "10",
            "producttype": "INTRADAY",
            "duration": "DAY",
            "price": "811.50",
            "triggerprice": "0",
            "disclosedquantity": "",
            "modqty_remng": "0",
        }


@pytest.mark.parametrize("quantity", [6, 10, 12])
async def test_after_a_part_fill_nothing_is_changed(mstock, root, web, quantity):
    cells = {"filled_quantity": 4} if root[-1] == "a" else {"filledshares": "4"}
    order = replace(ORDER, quantity=Decimal(quantity))
    with pytest.raises(Unsupported, match="4 of 10 filled"):
        await change(mstock, root, web, order, **cells)
    assert [call.request.method for call in web.calls] == ["GET"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502),
        httpx.Response(200, html="<html>"),
        httpx.Response(200, json={"status": "success"}),
        httpx.Response(200, json={"status": "success", "data": None}),
    ],
)
async def test_an_order_that_cannot_be_read_is_not_changed(mstock, root, web, answer):
    web.get(f"{root}/orders").mock(return_value=answer)
    with pytest.raises(NotSent):
        await mstock.modify(ID, ORDER, look)
    assert [call.request.method for call in web.calls] == ["GET"]


async def test_a_change_whose_book_is_refused_is_rejected(mstock, root, web):
    body = {"status": "false", "errorcode": "IA403", "message": "no"}
    web.get(f"{root}/orders").respond(403, json=body)
    assert await mstock.modify(ID, ORDER, look) == Rejected(
        code="IA403", text="no", http_status=403
    )


async def test_a_cancel_names_the_order(mstock, root, web, api_type):
    web.delete(f"{root}/orders/regular/{ID}").respond(json={"status": "success"})
    found = await mstock.cancel(ID)
    assert found == Acked(broker_order_id=ID, http_status=200)
    request = web.calls.last.request
    if api_type == "A":
        assert request.content == b""
    else:  # without a body the server fails
        assert fields(request) == {"variety": "NORMAL", "orderid": ID}


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_nothing_answers_a_cancel_at_type_b_alone(
    mstock, root, web, api_type, status
):
    web.delete(f"{root}/orders/regular/{ID}").respond(status)
    if api_type == "B":
        found = await mstock.cancel(ID)
        assert found == Acked(broker_order_id=ID, http_status=status)
    else:
        with pytest.raises(SentUnknown):
            await mstock.cancel(ID)


async def test_nothing_answers_no_change(mstock, root, web):
    web.get(f"{root}/orders").respond(json=book(root))
    web.put(f"{root}/orders/regular/{ID}").respond(200)
    with pytest.raises(SentUnknown):
        await mstock.modify(ID, ORDER, look)


async def test_a_name_that_more_than_one_bears_is_not_ordered(api_type, indexes, web):
    share = indexes[api_type].by_symbol("NSE:SBIN")
    odd = replace(share, symbol="NSE:SBIN-SM", tradable=False)
    settings = MstockSettings(api_type=api_type, api_key=Secret(KEY))
    broker = MstockBroker(settings, BrokerHttp(tls=TLS), MemoryIndex([odd]))
    with pytest.raises(Unsupported, match="could go to either"):
        await broker.place(replace(ORDER, symbol="NSE:SBIN-SM"), TAG, look)
    await broker.aclose()


async def test_nothing_answers_no_new_order(mstock, root, web):
    with pytest.raises(SentUnknown):
        await place(mstock, root, web, httpx.Response(200))


async def test_a_cancel_of_what_is_done_is_rejected(mstock, root, web):
    body = {
        "status": "false",
        "errorcode": "RS-00093",
        "message": "Order is Cancelled.",
    }
    web.delete(f"{root}/orders/regular/{ID}").respond(json=body)
    assert await mstock.cancel(ID) == Rejected(
        code="RS-00093", text="Order is Cancelled.", http_status=200
    )


@pytest.mark.parametrize("error", [NotSent("refused"), SentUnknown("reset")])
async def test_a_broken_connection_is_what_it_proves(mstock, root, web, error):
    web.post(f"{root}/orders/regular").mock(side_effect=error)
    with pytest.raises(type(error)) as caught:
        await mstock.place(ORDER, TAG, look)
    assert caught.value is error


async def test_without_a_token_nothing_is_sent(mstock, web):
    mstock.use(None)
    with pytest.raises(SessionExpired):
        await mstock.place(ORDER, TAG, look)
    assert not web.calls


async def test_no_order_is_looked_for_by_a_tag(mstock, web):
    assert mstock.capabilities.tag is None
    with pytest.raises(Unsupported, match="no tags"):
        await mstock.order_by_tag(TAG)
    assert not web.calls
