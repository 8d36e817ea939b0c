"""The FYERS venue fails on demand, and its book shows what really happened."""

from typing import Any

import httpx
import pytest
import trio

from .conftest import AUTHORIZATION, BOOK, NOON, ONE, Clock, Make
from .faults import Fault
from .fyers import FyersVenue


def tags(venue: FyersVenue) -> list[Any]:
    return [entry.raw()["tag"] for entry in venue.book.orders.values()]


async def rows(client: httpx.AsyncClient) -> Any:
    return (await client.get(BOOK)).json()["orderBook"]


@pytest.mark.parametrize(
    ("kind", "error", "booked"),
    [
        ("drop_after_accept", httpx.RemoteProtocolError, True),
        ("drop_before_accept", httpx.RemoteProtocolError, False),
        ("reset", httpx.ReadError, True),
        ("truncated_body", httpx.RemoteProtocolError, True),
    ],
)
async def test_an_answer_that_never_comes_leaves_the_truth_in_the_book(
    venue: FyersVenue,
    client: httpx.AsyncClient,
    order: Make,
    kind: str,
    error: type[Exception],
    booked: bool,
) -> None:
    venue.faults.add(Fault(on="place", kind=kind))
    with pytest.raises(error):
        await client.post(ONE, json=order())
    assert tags(venue) == (["ordo7f3k29qx"] if booked else [])
    assert [seen.status for seen in venue.seen] == [
        200 if kind == "truncated_body" else 0
    ]
    assert (await client.post(ONE, json=order())).json()["code"] == 1101


async def test_a_reset_can_come_before_the_order_is_taken(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make
) -> None:
    venue.faults.add(Fault(on="place", kind="reset", accepted=False))
    with pytest.raises(httpx.ReadError):
        await client.post(ONE, json=order())
    assert tags(venue) == []


async def test_a_wrong_length_cuts_the_body(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make
) -> None:
    venue.faults.add(Fault(on="place", kind="wrong_length"))
    answer = await client.post(ONE, json=order())
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()
    assert tags(venue) == ["ordo7f3k29qx"]


@pytest.mark.parametrize("kind", ["delay_before_accept", "delay_after_accept"])
async def test_a_delayed_order_is_booked_although_its_client_has_gone(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make, kind: str
) -> None:
    venue.faults.add(Fault(on="place", kind=kind, seconds=1))
    with pytest.raises(httpx.ReadTimeout):
        await client.post(ONE, json=order(), timeout=0.1)
    assert len(tags(venue)) == (kind == "delay_after_accept")
    with trio.fail_after(5):
        while not tags(venue):
            await client.get(BOOK)
    assert tags(venue) == ["ordo7f3k29qx"]


@pytest.mark.parametrize(
    ("fault", "status", "kind_of_body", "booked"),
    [
        ({"kind": "http_error"}, 500, "application/json", 0),
        ({"kind": "http_error", "status": 503}, 503, "application/json", 0),
        ({"kind": "http_error", "html": True}, 502, "text/html", 0),
        ({"kind": "http_error", "html": True, "accepted": True}, 502, "text/html", 1),
        ({"kind": "html_200"}, 200, "text/html", 1),
    ],
)
async def test_server_errors_come_as_json_or_as_a_page(
    venue: FyersVenue,
    client: httpx.AsyncClient,
    order: Make,
    fault: dict[str, Any],
    status: int,
    kind_of_body: str,
    booked: int,
) -> None:
    await client.post("/_venue/faults", json={"on": "place"} | fault)
    answer = await client.post(ONE, json=order())
    assert answer.status_code == status
    assert answer.headers["content-type"] == kind_of_body
    assert ("html" in answer.text) is (kind_of_body == "text/html")
    assert len(tags(venue)) == booked


async def test_an_error_can_come_with_http_200(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make
) -> None:
    venue.faults.add(Fault(on="place", kind="error_200", code=-201, text="no reply"))
    answer = await client.post(ONE, json=order())
    expected = {"s": "error", "code": -201, "message": "no reply"}
    assert (answer.status_code, answer.json()) == (200, expected)
    assert tags(venue) == []


async def test_too_many_requests_name_the_wait_on_order_endpoints(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make
) -> None:
    venue.faults.add(Fault(on="place", kind="rate_limited", seconds=1.5))
    answer = await client.post(ONE, json=order())
    assert (answer.status_code, answer.json()["code"]) == (429, -429)
    assert answer.headers["Retry-After"] == "2"
    assert answer.headers["X-Retry-After-Ms"] == "1500"
    assert tags(venue) == []


@pytest.mark.parametrize("code", [-8, -15, -16, -17])
async def test_a_token_can_die_for_one_request(
    venue: FyersVenue, client: httpx.AsyncClient, code: int
) -> None:
    venue.faults.add(Fault(on="*", kind="token_expired", code=code))
    answer = await client.get("/api/v3/profile")
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert (await client.get("/api/v3/profile")).status_code == 200


async def test_tokens_can_be_ended_and_added(client: httpx.AsyncClient) -> None:
    await client.post("/_venue/tokens", json={"expire_all": True, "code": -17})
    assert (await client.get(BOOK)).json()["code"] == -17
    await client.post("/_venue/tokens", json={"add": [AUTHORIZATION["Authorization"]]})
    assert (await client.get(BOOK)).status_code == 200


async def test_no_acknowledgement_says_201_without_an_id(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make
) -> None:
    venue.faults.add(Fault(on="place", kind="no_ack_201"))
    answer = (await client.post(ONE, json=order())).json()
    assert (answer["s"], answer["code"], "id" in answer) == ("ok", 201, False)
    assert tags(venue) == ["ordo7f3k29qx"]


async def test_a_rejection_with_an_id_is_in_the_book_with_its_reason(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make
) -> None:
    venue.faults.add(Fault(on="place", kind="reject_with_id", text="RED:RULE:no"))
    answer = await client.post(ONE, json=order())
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "s": "error",
            "code": -99,
            "message": "RED:RULE:no",
            "id": "26113000000001",
        },
    )
    [row] = await rows(client)
    assert (row["id"], row["status"]) == ("26113000000001", 5)
    assert (row["message"], row["exchOrdId"]) == ("RED:RULE:no", "")


async def test_a_rejection_without_an_id_leaves_no_order(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make
) -> None:
    venue.faults.add(Fault(on="place", kind="reject"))
    answer = (await client.post(ONE, json=order())).json()
    assert (answer["code"], "id" in answer) == (-99, False)
    assert tags(venue) == []


async def test_an_order_can_show_late_in_the_book_but_not_in_the_positions(
    venue: FyersVenue, client: httpx.AsyncClient, clock: Clock, order: Make
) -> None:
    venue.faults.add(Fault(on="place", kind="late_in_book", seconds=5))
    await client.post(ONE, json=order(type=2, limitPrice=0))
    clock.now = NOON + 4.9
    assert await rows(client) == []
    assert (await client.get("/api/v3/tradebook")).json()["tradeBook"] == []
    positions = (await client.get("/api/v3/positions")).json()["netPositions"]
    assert [row["netQty"] for row in positions] == [10]
    clock.now = NOON + 5
    assert [row["status"] for row in await rows(client)] == [2]
    assert len((await client.get("/api/v3/tradebook")).json()["tradeBook"]) == 1


async def test_a_dropped_order_can_be_late_as_well(
    venue: FyersVenue, client: httpx.AsyncClient, clock: Clock, order: Make
) -> None:
    venue.faults.add(Fault(on="place", kind="drop_after_accept", late=3))
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post(ONE, json=order())
    assert await rows(client) == []
    clock.now = NOON + 3
    assert [row["orderTag"] for row in await rows(client)] == ["1:ordo7f3k29qx"]


async def test_one_stale_read_leaves_out_the_newest_order(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make
) -> None:
    await client.post(ONE, json=order(orderTag="old"))
    await client.post(ONE, json=order(orderTag="new"))
    venue.faults.add(Fault(on="orders", kind="stale_book"))
    assert [row["orderTag"] for row in await rows(client)] == ["1:old"]
    assert [row["orderTag"] for row in await rows(client)] == ["1:old", "1:new"]


async def test_an_order_in_transit_becomes_pending_then_traded(
    venue: FyersVenue, client: httpx.AsyncClient, clock: Clock, order: Make
) -> None:
    venue.faults.add(Fault(on="place", kind="transit", seconds=2))
    await client.post(ONE, json=order())
    [row] = await rows(client)
    assert (row["status"], row["exchOrdId"]) == (4, "")
    clock.now = NOON + 2
    [row] = await rows(client)
    assert (row["status"], row["exchOrdId"] != "") == (6, True)
    await client.post("/_venue/prices", json={"NSE:SBIN-EQ": 800})
    assert [row["status"] for row in await rows(client)] == [2]


async def test_an_order_fills_in_parts(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make
) -> None:
    venue.faults.add(Fault(on="place", kind="partial_fill", quantity=4))
    await client.post(ONE, json=order())
    [row] = await rows(client)
    assert (row["status"], row["filledQty"], row["remainingQuantity"]) == (6, 4, 6)
    body = {"tag": "ordo7f3k29qx", "quantity": 5, "price": 812.25}
    assert (await client.post("/_venue/fill", json=body)).status_code == 200
    assert (await client.post("/_venue/fill", json=body)).status_code == 400
    await client.post("/_venue/fill", json={"id": row["id"]})
    [row] = await rows(client)
    assert (row["status"], row["tradedPrice"]) == (2, 812.3)
    trades = (await client.get("/api/v3/tradebook")).json()["tradeBook"]
    assert [trade["tradedQty"] for trade in trades] == [4, 5, 1]


async def test_the_exchange_can_end_an_order(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make
) -> None:
    await client.post(ONE, json=order())
    await client.post("/_venue/end", json={"tag": "ordo7f3k29qx", "status": 7})
    assert [row["status"] for row in await rows(client)] == [7]


async def test_an_order_given_on_the_web_is_in_the_book_untagged(
    client: httpx.AsyncClient, order: Make
) -> None:
    body = order(orderTag=None)
    await client.post("/_venue/orders", json=body)
    [row] = await rows(client)
    assert (row["source"], row["orderTag"]) == ("W", "2:Untagged")


async def test_faults_count_skip_and_keep_to_their_endpoint(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make
) -> None:
    fault = {"on": "place", "kind": "http_error", "count": 2, "skip": 1}
    await client.post("/_venue/faults", json=[fault])
    assert (await client.get(BOOK)).status_code == 200
    answers = [(await client.post(ONE, json=order())).status_code for _ in range(4)]
    assert answers == [200, 500, 500, 200]
    await client.post("/_venue/faults", json=fault | {"count": -1, "skip": 0})
    assert (await client.post(ONE, json=order())).status_code == 500
    assert (await client.get("/_venue/faults")).json()[0]["count"] == -1
    await client.delete("/_venue/faults")
    assert (await client.post(ONE, json=order())).status_code == 200


async def test_a_request_that_is_not_let_in_uses_up_no_fault(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make
) -> None:
    venue.faults.add(Fault(on="place", kind="http_error"))
    nobody = {"Authorization": "nobody"}
    assert (await client.post(ONE, json=order(), headers=nobody)).status_code == 401
    assert (await client.post(ONE, json=order())).status_code == 500


async def test_an_unknown_kind_of_fault_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/_venue/faults", json={"on": "place", "kind": "odd"})
    assert answer.status_code == 400
    assert "was odd" in answer.json()["error"]


async def test_checkers_see_every_order_and_request_in_arrival_order(
    venue: FyersVenue, client: httpx.AsyncClient, clock: Clock, order: Make
) -> None:
    venue.faults.add(Fault(on="place", kind="late_in_book", seconds=9))
    await client.post(ONE, json=order(orderTag="one"))
    clock.now += 1
    await client.post(ONE, json=order(orderTag="two"))
    book = (await client.get("/_venue/book")).json()
    assert [(o["tag"], o["arrived"]) for o in book["orders"]] == [
        ("one", NOON),
        ("two", NOON + 1),
    ]
    log = (await client.get("/_venue/requests")).json()["requests"]
    assert log == [
        {"at": NOON, "name": "place", "status": 200},
        {"at": NOON + 1, "name": "place", "status": 200},
    ]
