"""Slices by HTTP: what an order over the freeze quantity becomes; its fingerprint."""

import msgspec
import pytest

from ordo.http.bodies import PlaceBody
from ordo.http.keys import fingerprint
from tests.ordo.http.caller import a_body, calling
from tests.support.market import an_index, an_option

OPTION = "NFO:NIFTY28NOV2625000CE"
PAPER = {"prices": {OPTION: 100}, "balance": 100_000_000}
MANY = {"symbol": OPTION, "quantity": 3900, "price": 110, "product": "MARGIN"}
SLICES = [
    {"number": 1, "of": 3, "quantity": 1755},
    {"number": 2, "of": 3, "quantity": 1755},
    {"number": 3, "of": 3, "quantity": 390},
]


def slicing(directory, **more):
    return calling(directory, paper=PAPER, index=an_index(an_option()), **more)


async def test_the_answer_has_a_row_for_each_part_and_so_has_the_batch(
    autojump_clock, tmp_path
):
    async with slicing(tmp_path) as caller:
        answer = await caller.place(a_body(**MANY, slice=True))
        legs = answer.legs
        batch = await caller.get(f"/api/v1/batches/{answer.data['batch_id']}")
        order = await caller.get(f"/api/v1/orders/{legs[1]['order_id']}")
    assert (answer.status, answer.json["status"]) == (200, "success")
    assert [leg["slice"] for leg in legs] == SLICES
    assert [leg["order_index"] for leg in legs] == [0, 0, 0]
    (parent,) = {leg["parent_id"] for leg in legs}
    rows = batch.data["orders"]
    assert [(row["slice"], row["parent_id"]) for row in rows] == [
        (part, parent) for part in SLICES
    ]
    assert [row["quantity"] for row in rows] == [1755, 1755, 390]
    assert (order.data["slice"], order.data["parent_id"]) == (SLICES[1], parent)


async def test_a_replay_has_the_same_rows(autojump_clock, tmp_path):
    async with slicing(tmp_path) as caller:
        first = await caller.place(a_body(**MANY, slice=True), key="key-1")
        again = await caller.place(a_body(**MANY, slice=True), key="key-1")
        other = await caller.place(a_body(**MANY), key="key-1")
        sent = caller.sent()
    assert again.data["replayed"] is True
    for name in ("order_id", "parent_id", "slice"):
        assert [leg[name] for leg in again.legs] == [leg[name] for leg in first.legs]
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert len(sent) == 3


async def test_a_dry_run_shows_the_parts(autojump_clock, tmp_path):
    async with slicing(tmp_path) as caller:
        body = {**a_body(**MANY, slice=True), "dry_run": True}
        answer = await caller.place(body)
        sent = caller.sent()
    assert [leg["slice"] for leg in answer.legs] == SLICES
    assert {leg["status"] for leg in answer.legs} == {"success"}
    assert {leg["parent_id"] for leg in answer.legs} == {None}
    assert sent == []


async def test_unless_it_is_asked_for_the_order_is_denied(autojump_clock, tmp_path):
    async with slicing(tmp_path) as caller:
        answer = await caller.place(a_body(**MANY))
    (leg,) = answer.legs
    assert (leg["status"], leg["error_code"]) == ("denied", "invalid_quantity")
    assert leg["message"].endswith('was 3900; split it, or ask for "slice": true')


async def test_an_order_that_fits_is_one_and_has_no_parent(autojump_clock, tmp_path):
    async with slicing(tmp_path) as caller:
        body = a_body(**{**MANY, "quantity": 65}, slice=True)
        (leg,) = (await caller.place(body)).legs
    assert (leg["status"], leg["slice"], leg["parent_id"]) == ("acked", None, None)


@pytest.mark.parametrize("value", ["yes", 1, None])
async def test_slice_is_true_or_false(autojump_clock, tmp_path, value):
    async with slicing(tmp_path) as caller:
        answer = await caller.place(a_body(**MANY, slice=value))
    assert (answer.status, answer.where) == (422, "$.orders[0].slice")


# The fingerprint: keys of before are known again


def body(**changes):
    return msgspec.convert(a_body(**changes), PlaceBody, strict=False)


def test_the_fingerprint_of_an_order_without_it_is_that_of_before():
    assert fingerprint(body()) == (
        "4c7d1c716c03ea4072fa10125c4ab59e0b6459d8f182d3d1bdc138829d8b3b92"
    )
    assert fingerprint(body(slice=False)) == fingerprint(body())


def test_an_order_with_it_is_another_request():
    assert fingerprint(body(slice=True)) != fingerprint(body())
