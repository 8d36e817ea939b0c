"""The FYERS venue's public masters."""

import httpx
import pytest

from .fyers import FyersVenue


async def master(client: httpx.AsyncClient, name: str) -> httpx.Response:
    # Nobody has to log in for it.
    path = f"/sym_details/{name}"
    return await client.get(path, headers={"Authorization": ""})


async def test_a_master_is_open_to_everybody_and_keyed_by_ticker(
    client: httpx.AsyncClient,
) -> None:
    answer = await master(client, "NSE_FO_sym_master.json")
    assert answer.status_code == 200
    rows = answer.json()
    assert [row["symTicker"] for row in rows.values()] == list(rows)
    option = rows["NSE:NIFTY26D0125500CE"]
    names = ("fyToken", "exInstType", "minLotSize", "tickSize", "qtyFreeze", "optType")
    assert [option[name] for name in names] == [
        "101126120141010",
        14,
        65,
        0.05,
        "1800",
        "CE",
    ]
    assert (option["strikePrice"], option["expiryDate"]) == (25500.0, "1796119200")


@pytest.mark.parametrize("name", ["NSE_CM", "NSE_FO", "BSE_CM", "BSE_FO"])
async def test_the_masters_hold_all_that_trades_here(
    client: httpx.AsyncClient, venue: FyersVenue, name: str
) -> None:
    rows = (await master(client, f"{name}_sym_master.json")).json()
    assert rows
    assert set(rows) <= set(venue.market.instruments)


@pytest.mark.parametrize("name", ["MCX_COM_sym_master.json", "NSE_CM", "NSE_CM.csv"])
async def test_other_files_are_not_there(client: httpx.AsyncClient, name: str) -> None:
    assert (await master(client, name)).status_code == 404


async def test_a_tests_hand_changes_a_row(
    client: httpx.AsyncClient, venue: FyersVenue
) -> None:
    venue.masters.edits["NSE:SBIN-EQ"] = {"tradeStatus": 0}
    rows = (await master(client, "NSE_CM_sym_master.json")).json()
    assert rows["NSE:SBIN-EQ"]["tradeStatus"] == 0
    assert rows["NSE:INFY-EQ"]["tradeStatus"] == 1
