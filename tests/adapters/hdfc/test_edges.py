"""HDFC's edges: doubles, indices, texts that are not ours, rows that are no share."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
from msgspec.structs import replace

from adapters.brokers.hdfc import master
from adapters.brokers.hdfc.translate import tag_of
from adapters.brokers.hdfc.wire import OrderRow
from adapters.errors import SentUnknown, Unsupported
from adapters.secret import Secret
from tests.adapters.hdfc.test_contract import NOON, ORDER
from tests.adapters.hdfc.test_samples import (
    API,
    PLACE,
    ROW,
    broker,  # noqa: F401 - a fixture
    hdfc,  # noqa: F401 - a fixture
    look,
    sample,
)

HEADER = ",".join(master.COLUMNS)


def masters(tmp_path, *rows):
    """The symbols of a master of *rows*, and the ids they stand for."""
    file = tmp_path / "security-master.csv"
    file.write_text("\n".join([HEADER, *rows]) + "\n")
    found = master.parse([file])
    return {one.symbol: one.extra["security_id"] for one in found}


async def test_a_success_with_a_failing_status_is_believed_in_neither(broker, hdfc):  # noqa: F811
    body = b'{"status":"success","data":{"order_id":"1"}}'
    hdfc.post(PLACE).mock(return_value=httpx.Response(400, content=body))
    with pytest.raises(SentUnknown):
        await broker.place(ORDER, "1" * 15, look)


async def test_two_orders_of_one_reference_are_told_and_not_chosen_from(broker, hdfc):  # noqa: F811
    book = sample("ir_order_book").decode()
    rows = book[book.index("[") + 1 : book.rindex("]")]
    twice = f'{{"status":"success","data":[{rows},{rows}]}}'
    hdfc.get(f"{API}/orders").mock(return_value=httpx.Response(200, text=twice))
    tag = (await broker.order_book())[0].tag
    with pytest.raises(SentUnknown, match="wanted one order with the tag"):
        await broker.order_by_tag(tag)


async def test_a_token_that_says_when_it_dies_is_believed(broker):  # noqa: F811
    early = "e30.eyJleHAiOjE3OTYwMjM4MDB9.c2ln"  # exp: half an hour on
    grant = broker.login.adopt(Secret(early), NOON)
    assert grant.expires_at == datetime.fromtimestamp(1796023800, UTC)


@pytest.mark.parametrize(
    ("shown", "tag"),
    [("179460000000017", "179460000000017"), ("STAPI00000001", None), ("", None)],
)
def test_a_reference_that_hdfc_made_is_no_tag_of_ours(shown, tag):
    row = OrderRow(
        **ROW,
        status="Pending",
        filled_quantity=Decimal(0),
        pending_quantity=Decimal(10),
        external_reference_number=shown,
    )
    assert tag_of(row) == tag


async def test_an_index_is_not_ordered(broker):  # noqa: F811
    with pytest.raises(Unsupported, match="an index cannot be ordered"):
        await broker.place(replace(ORDER, symbol="NSE_INDEX:NIFTY"), "1" * 15, look)


@pytest.mark.parametrize("share_first", [True, False])
def test_of_several_rows_of_one_name_the_share_is_taken(tmp_path, share_first):
    rows = [
        "NSE,SBILTDEQNR,EQUITY,,,,1,5,812,3045,SBIN,,",
        "NSE,SBIBONDN5NR,EQUITY,,,,1,5,1000,9999,SBIN,,",
    ]
    found = masters(tmp_path, *(rows if share_first else reversed(rows)))
    assert found == {"NSE:SBIN": "SBILTDEQNR"}


def test_rows_of_no_use_are_left_out(tmp_path):
    assert masters(
        tmp_path,
        "NSE,SBILTDEQNR,EQUITY,,,,1,5,812,3045,SBIN,,",
        "NSE,FUNDAEQNR,EQUITY,,,,1,1,10,DUMMY101,FUNDA,,",
        "NSE,FUNDBEQNR,EQUITY,,,,999999999,1,10,777,FUNDB,,",
        "MCX,41092,FUTCOM,2026-12-31,0,XX,1,100,12840.0,41092,GOLD,GOLD,0",
    ) == {"NSE:SBIN": "SBILTDEQNR"}
