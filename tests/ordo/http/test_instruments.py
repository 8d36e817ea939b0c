"""Instruments by HTTP: search, one, sync, and how the masters are."""

from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal

import msgspec
import pytest
import trio

from adapters import SentUnknown
from adapters.brokers.paper import PaperSettings
from adapters.instruments import InstrumentKind
from ordo.config import Broker, Settings
from ordo.system import System
from ordo.tokens import Scope, TokenBook
from tests.ordo.http.caller import NOW, Caller
from tests.support.gateway import inline, make_clockwork, make_paper, running, wall
from tests.support.masters import PARSER, InlineStore, MasteredPaper, an_instrument
from tests.support.memory_store import MemoryStore

PATH = "/api/v1/instruments"
SYNC = f"{PATH}/sync"
SBIN = an_instrument("NSE:SBIN", name="STATE BANK OF INDIA", isin="INE062A01020")
CALL = an_instrument(
    "NFO:NIFTY24NOV2620800.5CE",
    kind=InstrumentKind.CE,
    lot_size=Decimal(75),
    freeze_quantity=Decimal(1800),
    underlying="NIFTY",
    expiry=date(2026, 11, 24),
    strike=Decimal("20800.5"),
)
NIFTY = an_instrument("NSE_INDEX:NIFTY", kind=InstrumentKind.INDEX)
UNKNOWN = {"SBIN", "nse:sbin", "NSE:NONE", "NSE:", "x" * 100}


@asynccontextmanager
async def calling(directory, *instruments, synced=True, error=None):
    """Brokers one and two at adapter a, three at b, and plain, which has no master."""
    adapters = {"one": "a", "two": "a", "three": "b", "plain": "paper"}
    papers = {name: make_paper(seed) for seed, name in enumerate(adapters, 1)}
    ports = {
        name: papers[name] if adapter == "paper" else MasteredPaper(papers[name])
        for name, adapter in adapters.items()
    }
    for name in ("one", "two", "three"):
        ports[name].instruments = instruments or (SBIN, CALL, NIFTY)
        ports[name].error = error
    store = InlineStore(
        directory / "instruments", dict.fromkeys("ab", PARSER), run_sync=inline
    )
    tables = {
        name: Broker(name=name, adapter=adapter, own=PaperSettings())
        for name, adapter in adapters.items()
    }
    system = System(
        Settings(brokers=tables),
        MemoryStore(),
        TokenBook(directory / "tokens.json", now=wall),
        ports,
        make_clockwork(),
        write_sync=inline,
        read_sync=inline,
        instruments=store,
    )
    caller = Caller(system, papers)
    caller.ports = ports
    caller.tokens = {str(scope): system.tokens.new(scope) for scope in Scope}
    async with running(system):
        await trio.sleep(2)
        if synced:
            answer = await caller.call("POST", SYNC)
            assert answer.json["status"] == "success"
        yield caller
    store.close()


def symbols(answer):
    return [row["symbol"] for row in answer.data["instruments"]]


# Search


async def test_a_search_shows_every_field_and_who_trades_it(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        answer = await caller.get(f"{PATH}?query=20800", scope="read")
    assert (answer.status, answer.json["status"]) == (200, "success")
    assert answer.data == {
        "instruments": [
            {
                "symbol": "NFO:NIFTY24NOV2620800.5CE",
                "exchange": "NFO",
                "type": "CE",
                "name": "",
                "lot_size": 75,
                "tick_size": 0.05,
                "freeze_quantity": None,
                "lower_band": None,
                "upper_band": None,
                "underlying": "NIFTY",
                "expiry": "2026-11-24",
                "strike": 20800.5,
                "isin": None,
                "brokers": ["one", "two", "three"],
                "synced_at": NOW,
            }
        ],
        "next_cursor": None,
    }
    assert [(row["broker"], row["status"]) for row in answer.legs] == [
        ("one", "success"),
        ("two", "success"),
        ("three", "success"),
    ]


async def test_filters_hold_and_pages_follow_each_other(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        by = {
            name: symbols(await caller.get(f"{PATH}?{name}"))
            for name in (
                "exchange=NSE",
                "type=CE",
                "expiry=2026-11-24",
                "exchange=NSE&type=CE",
                "query=state+ban",
            )
        }
        first = await caller.get(f"{PATH}?limit=2")
        rest = await caller.get(f"{PATH}?limit=2&cursor={first.data['next_cursor']}")
    assert by == {
        "exchange=NSE": ["NSE:SBIN"],
        "type=CE": ["NFO:NIFTY24NOV2620800.5CE"],
        "expiry=2026-11-24": ["NFO:NIFTY24NOV2620800.5CE"],
        "exchange=NSE&type=CE": [],
        "query=state+ban": ["NSE:SBIN"],
    }
    assert symbols(first) + symbols(rest) == [
        "NSE_INDEX:NIFTY",
        "NSE:SBIN",
        "NFO:NIFTY24NOV2620800.5CE",
    ]
    assert rest.data["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("query=%26%26", "query"),
        (f"query={'x' * 65}", "query"),
        ("type=OPT", "type"),
        ("type=", "type"),
        ("expiry=24-11-2026", "expiry"),
        ("exchange=nse", "exchange"),
        ("exchange=", "exchange"),
        ("limit=0", "limit"),
        ("cursor=", "cursor"),
        ("cursor=%C3%A4", "cursor"),
        ("cursor=x", "cursor"),
        ("cursor=Mg", "cursor"),
        ("cursor=__8", "cursor"),
        ("brokers=four", "brokers"),
    ],
)
async def test_a_value_that_makes_no_sense_is_named(
    autojump_clock, tmp_path, query, where
):
    async with calling(tmp_path, synced=False) as caller:
        answer = await caller.get(f"{PATH}?{query}")
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.where == where


async def test_only_the_named_brokers_masters_are_searched(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        caller.ports["three"].instruments = (an_instrument("NSE:ONLYB"),)
        await caller.call("POST", SYNC, {"brokers": ["three"], "force": True})
        b = await caller.get(f"{PATH}?brokers=three")
        a = await caller.get(f"{PATH}?brokers=two&query=sbin")
        plain = await caller.get(f"{PATH}?brokers=plain,one&query=sbin")
    assert symbols(b) == ["NSE:ONLYB"]
    assert a.data["instruments"][0]["brokers"] == ["two"]
    assert plain.json["status"] == "partial"
    assert [(row["broker"], row["error_code"]) for row in plain.legs] == [
        ("plain", "unsupported"),
        ("one", None),
    ]


async def test_before_the_first_sync_each_broker_says_what_is_missing(
    autojump_clock, tmp_path
):
    error = SentUnknown("HTTP 502", 502)
    async with calling(tmp_path, synced=False, error=error) as caller:
        answer = await caller.get(f"{PATH}?query=sbin")
        single = await caller.get(f"{PATH}/NSE:SBIN")
    assert (answer.status, answer.json["status"], symbols(answer)) == (200, "error", [])
    assert {(row["error_code"], row["message"]) for row in answer.legs} == {
        (
            "broker_unavailable",
            "its instrument master was not synced yet;"
            " see POST /api/v1/instruments/sync",
        )
    }
    assert (single.status, single.code) == (404, "not_found")
    assert "was not synced yet" in single.json["message"]


# One


async def test_one_instrument_by_its_symbol(autojump_clock, tmp_path):
    odd = an_instrument("NSE:M&M")
    async with calling(tmp_path, SBIN, odd, NIFTY) as caller:
        sbin = await caller.get(f"{PATH}/NSE:SBIN", scope="read")
        mm = await caller.get(f"{PATH}/NSE%3AM%26M")
        index = await caller.get(f"{PATH}/NSE_INDEX:NIFTY")
        some = await caller.get(f"{PATH}/NSE:SBIN?brokers=two,plain")
    assert (sbin.data["isin"], sbin.data["type"]) == ("INE062A01020", "EQ")
    assert sbin.data["brokers"] == ["one", "two", "three"]
    assert mm.data["symbol"] == "NSE:M&M"
    assert index.data["brokers"] == []
    assert some.data["brokers"] == ["two"]
    assert [row["error_code"] for row in some.legs] == [None, "unsupported"]


@pytest.mark.parametrize("symbol", sorted(UNKNOWN))
async def test_a_symbol_that_is_none_or_not_there_is_not_found(
    autojump_clock, tmp_path, symbol
):
    async with calling(tmp_path) as caller:
        answer = await caller.get(f"{PATH}/{symbol}")
    assert (answer.status, answer.code) == (404, "not_found")


# Sync


async def test_a_sync_tells_per_broker_what_came_of_it(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        caller.ports["three"].error = SentUnknown("HTTP 502", 502)
        answer = await caller.call("POST", SYNC, X_Request_ID="r-sync")
        audit = await caller.get("/api/v1/audit?request_id=r-sync")
    assert (answer.status, answer.json["status"]) == (200, "partial")
    one, two, three = answer.legs
    assert (one["status"], one["data"]["rows"], one["data"]["adapter"]) == (
        "success",
        3,
        "a",
    )
    assert two["data"] == one["data"]
    assert (three["status"], three["error_code"], three["http_status"]) == (
        "error",
        "broker_unavailable",
        502,
    )
    a, b = answer.data["masters"]
    assert (a["adapter"], a["brokers"], a["rows"], a["error"]) == (
        "a",
        ["one", "two"],
        3,
        None,
    )
    assert (a["stale"], a["stage"], a["synced_at"]) == (False, "idle", NOW)
    assert (b["rows"], b["error"]) == (3, "no answer to use: HTTP 502")
    assert sorted(row["action"] for row in audit.data["audit"]) == [
        "instruments.not_synced",
        "instruments.synced",
    ]
    assert {row["actor"].partition(":")[0] for row in audit.data["audit"]} == {"token"}


async def test_a_master_far_smaller_than_before_takes_force(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        caller.ports["one"].instruments = (SBIN,)
        refused = await caller.call("POST", SYNC, {"brokers": ["two"]})
        kept = await caller.get(f"{PATH}?brokers=two")
        forced = await caller.call("POST", SYNC, {"brokers": ["two"], "force": True})
        after = await caller.get(f"{PATH}?brokers=two")
    (leg,) = refused.legs
    assert (leg["broker"], leg["error_code"]) == ("two", "instruments_refused")
    assert leg["message"].startswith("wanted at least half of the 3 instruments")
    assert len(symbols(kept)) == 3
    assert forced.json["status"] == "success"
    assert symbols(after) == ["NSE:SBIN"]


async def test_who_does_not_wait_gets_202_and_looks_again(autojump_clock, tmp_path):
    async with calling(tmp_path, synced=False) as caller:
        begun = await caller.call("POST", SYNC, {"wait_seconds": 0})
        await trio.sleep(3)
        later = await caller.get(SYNC, scope="read")
    assert (begun.status, begun.json["status"]) == (202, "pending")
    assert {row["status"] for row in begun.legs} == {"unknown"}
    assert {row["stage"] for row in begun.data["masters"]} == {"downloading"}
    assert [(row["rows"], row["stage"]) for row in later.data["masters"]] == [
        (3, "idle"),
        (3, "idle"),
    ]


async def test_a_wait_that_is_too_short_is_202_and_the_sync_goes_on(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, synced=False) as caller:

        async def slow(directory):
            await trio.sleep(20)
            return await MasteredPaper.download_master(caller.ports["one"], directory)

        caller.ports["one"].download_master = slow
        began = trio.current_time()
        body = {"brokers": ["one"], "wait_seconds": 2.5}
        answer = await caller.call("POST", SYNC, body)
        took = trio.current_time() - began
        await trio.sleep(30)
        later = await caller.get(SYNC)
    assert (answer.status, took) == (202, 2.5)
    assert later.data["masters"][0]["rows"] == 3


async def test_a_broker_without_a_master_is_told_so_and_the_others_synced(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        answer = await caller.call("POST", SYNC, {"brokers": ["plain", "one"]})
        alone = await caller.call("POST", SYNC, {"brokers": ["plain"]})
    assert [(row["broker"], row["error_code"]) for row in answer.legs] == [
        ("plain", "unsupported"),
        ("one", None),
    ]
    assert (alone.status, alone.json["status"]) == (200, "error")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"brokers": ["four"]}, "$.brokers[0]"),
        ({"wait_seconds": 301}, "$.wait_seconds"),
        ({"now": True}, "$.now"),
    ],
)
async def test_a_sync_of_no_sense_is_refused(autojump_clock, tmp_path, body, where):
    async with calling(tmp_path, synced=False) as caller:
        answer = await caller.call("POST", SYNC, body)
    assert (answer.status, answer.where) == (422, where)


@pytest.mark.parametrize("scope", ["read", "trade"])
async def test_a_sync_takes_admin(autojump_clock, tmp_path, scope):
    async with calling(tmp_path, synced=False) as caller:
        answer = await caller.call("POST", SYNC, scope=scope)
    assert (answer.status, answer.code) == (403, "forbidden")


# Status


async def test_status_shows_a_stale_master_and_why(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        for port in caller.ports.values():
            port.error = SentUnknown("HTTP 502", 502)
        await trio.sleep(24 * 3600)
        answer = await caller.get("/api/v1/status")
    a, _ = answer.data["masters"]
    assert (a["adapter"], a["rows"], a["stale"]) == ("a", 3, True)
    assert a["error"] == "no answer to use: HTTP 502"


async def test_masters_that_crash_take_nothing_else_down(
    autojump_clock, tmp_path, monkeypatch
):
    async with calling(tmp_path) as caller:
        monkeypatch.setattr(caller.system.instruments, "info", lambda adapter: 1 / 0)
        status = await caller.get("/api/v1/status")
        state = await caller.get(SYNC)
        found = await caller.get(f"{PATH}?query=sbin")
        order = await caller.place()
    assert status.data["masters"] is None
    assert (state.status, state.code) == (503, "overloaded")
    assert symbols(found) == ["NSE:SBIN"]
    assert order.legs[0]["error_code"] is None


async def test_a_gateway_without_masters_finds_nothing_and_syncs_nothing(
    autojump_clock, tmp_path
):
    from tests.ordo.http.caller import calling as plainly

    async with plainly(tmp_path) as caller:
        found = await caller.get(f"{PATH}?query=sbin")
        synced = await caller.call("POST", SYNC)
        state = await caller.get(SYNC)
    assert (found.data, found.legs) == ({"instruments": [], "next_cursor": None}, [])
    assert (synced.status, synced.legs, state.data) == (200, [], {"masters": []})


def test_bodies_are_as_documented():
    from ordo.http.bodies import SyncBody

    assert msgspec.structs.asdict(SyncBody()) == {
        "brokers": [],
        "force": False,
        "wait_seconds": 30.0,
    }
