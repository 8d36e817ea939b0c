"""What comes back: typed, exact, and forgiving where the API has grown."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

import ordo_client
from ordo.http.errors import STATUS_OF
from ordo_client import LegsFailed, OrdoError, ServerError, errors
from tests.sdk_client.stub import AT, SBIN, Stub, batch, envelope, refused

FUNDS = {"available": 0.1, "used": 0, "cash": 12.3400, "total": 1e3, "new": {"a": 1}}


def place(*answers, **options):
    with Stub(*answers).client(retry_for=0, **options) as ordo:
        return ordo.place(SBIN, ["b0", "b1"])


def test_money_is_decimal_and_times_are_aware():
    with Stub(envelope({"funds": [{"broker": "b0", **FUNDS}]})).client() as ordo:
        [row] = ordo.funds()
    assert (row.available, row.used, row.total) == (Decimal("0.1"), 0, 1000)
    assert row.cash == Decimal("12.34")
    created = place(batch("acked")).created_at
    assert created == datetime(2026, 11, 21, 9, 15, tzinfo=UTC)


def test_numbers_of_no_declared_type_stay_exact_too():
    answer = envelope({"orders": [{"price": 0.1}], "differences": []})
    with Stub(answer).client() as ordo:
        assert ordo.reconcile().orders == ({"price": Decimal("0.1")},)


def test_fields_that_this_client_does_not_know_are_let_be():
    answer = batch("acked", answer={"status": 1}, shard=7)
    assert place(answer).batch_id == "B"


def test_a_batch_tells_its_legs_apart():
    said = ["acked", "rejected", "unknown", "denied", "placed", "filled", "brand_new"]
    result = place(batch(*said, status="pending"))
    assert (result.ok, result.pending) == (False, True)
    assert [leg.status for leg in result.legs] == said
    assert [leg.status for leg in result.failed] == ["rejected", "denied"]
    assert [leg.status for leg in result.unknown] == ["unknown", "placed", "brand_new"]


def test_legs_that_are_not_good_raise_only_when_asked_to():
    result = place(batch("acked", "rejected", "unknown", status="pending"))
    with pytest.raises(LegsFailed, match="2 of 3 legs are not good") as raised:
        result.raise_for_legs()
    error = raised.value
    assert [leg.broker for leg in error.failed] == ["b1"]
    assert [leg.broker for leg in error.unknown] == ["b2"]
    assert "do not place it again" in str(error)
    assert (error.idempotency_key, error.may_have_arrived) == ("K", True)
    place(batch("acked", "filled")).raise_for_legs()


def test_legs_that_all_failed_left_no_order():
    with pytest.raises(LegsFailed) as raised:
        place(batch("denied", "rejected", status="error")).raise_for_legs()
    assert raised.value.may_have_arrived is False


def test_a_refused_cancel_is_no_exception_and_no_success():
    order = {
        "order_id": "O",
        "batch_id": "B",
        "broker": "b0",
        "client_tag": "O",
        "symbol": "NSE:SBIN",
        "side": "BUY",
        "quantity": 10,
        "type": "LIMIT",
        "product": "CNC",
        "validity": "DAY",
        "status": "acked",
        "created_at": AT,
        "updated_at": AT,
    }
    leg = {"broker": "b0", "status": "acked", "error_code": "broker_unavailable"}
    with Stub(envelope(order, status="error", results=[leg])).client() as ordo:
        result = ordo.cancel("O")
    assert (result.ok, result.status) == (False, "acked")
    assert [said.error_code for said in result.failed] == ["broker_unavailable"]


def test_every_error_code_of_ordo_has_its_class():
    assert errors.BY_CODE.keys() == STATUS_OF.keys()


@pytest.mark.parametrize("code", sorted(STATUS_OF))
def test_an_error_carries_what_ordo_told(code):
    answer = refused(code, STATUS_OF[code], "why", {"path": "$.x"}, retry_after="3")
    with pytest.raises(OrdoError) as raised:
        place(answer)
    error = raised.value
    assert type(error) is errors.BY_CODE[code]
    assert (error.error_code, error.message) == (code, "why")
    assert (error.http_status, error.retry_after) == (STATUS_OF[code], 3.0)
    assert (error.request_id, error.data) == ("r-1", {"path": "$.x"})
    maybe = {"idempotency_in_progress", "internal", "storage_unavailable"}
    assert error.may_have_arrived is (code in maybe)
    assert error.idempotency_key is not None
    assert error.idempotency_key in str(error)


def test_a_code_that_is_new_is_sorted_by_its_status():
    with pytest.raises(errors.BadRequest):
        place(refused("brand_new", 418))
    with pytest.raises(ServerError):
        place(refused("brand_new", 599))


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>hello"),
        httpx.Response(200, json={"status": "success"}),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(302, headers={"Location": "https://elsewhere.test"}),
        httpx.Response(404, text="nginx"),
    ],
)
def test_an_answer_that_is_not_ordos_proves_nothing(answer):
    with pytest.raises(ServerError, match="wanted an answer of Ordo, found") as raised:
        place(answer)
    assert raised.value.may_have_arrived is True


def test_what_the_package_names_is_there():
    assert [
        name for name in ordo_client.__all__ if not hasattr(ordo_client, name)
    ] == []
