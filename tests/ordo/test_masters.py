"""Masters on the disk: built by a real process, in force when it says so."""

import json
import logging
import os
import sys
from datetime import UTC, datetime

import pytest
import trio

from adapters import catalogue
from adapters.instruments import Built, NotBuilt, Query
from ordo import masters
from ordo.masters import MasterStore, parsers
from tests.support.masters import PARSER, an_instrument, generated, write_master

AT = datetime(2026, 11, 23, 2, 45, tzinfo=UTC)


def make(directory, parser=PARSER):
    return MasterStore(
        directory / "instruments", {"made-up": parser}, run_sync=trio.to_thread.run_sync
    )


async def build(store, instruments=None, *, force=False):
    directory = await store.directory("made-up")
    if instruments is None:
        instruments = generated(50)
    file = write_master(directory / "m.csv", instruments)
    return await store.build("made-up", [file], synced_at=AT, force=force)


async def test_what_is_built_is_in_force_at_once_and_the_download_is_gone(tmp_path):
    store = make(tmp_path)
    index = store.indexes.of("made-up")
    assert (index.loaded, store.info("made-up")) == (False, None)
    built = await build(store)
    assert isinstance(built, Built)
    assert store.info("made-up") == built.info
    assert index.by_symbol("NSE_INDEX:NIFTY") is not None
    page = await store.search(Query(text="nifty"), ["made-up"])
    assert page.found[0].instrument.symbol == "NSE_INDEX:NIFTY"
    assert page.found[0].synced_at == AT
    assert sorted(path.name for path in (tmp_path / "instruments").iterdir()) == [
        ".made-up.sqlite.lock",
        "made-up.sqlite",
    ]
    store.close()


async def test_what_was_built_is_in_force_after_a_restart(tmp_path):
    first = make(tmp_path)
    await build(first)
    first.close()
    second = make(tmp_path)
    assert second.info("made-up").rows == 50
    page = await second.find("NSE_INDEX:NIFTY", ["made-up"])
    assert len(page.found) == 1
    second.close()


async def test_a_master_that_is_refused_leaves_the_old_one_in_force(tmp_path):
    store = make(tmp_path)
    await build(store)
    refusal = await build(store, [an_instrument()])
    assert isinstance(refusal, NotBuilt)
    assert refusal.reason.startswith("wanted at least half of the 50 instruments")
    assert store.info("made-up").rows == 50
    assert isinstance(await build(store, [an_instrument()], force=True), Built)
    assert store.info("made-up").rows == 1
    store.close()


async def test_a_build_that_crashes_is_told_and_nothing_is_replaced(tmp_path, caplog):
    store = make(tmp_path, "tests.support.masters:crash")
    assert await build(store) == NotBuilt(
        reason="the build ended with status 1: RuntimeError: a bug"
    )
    assert "Traceback" in caplog.text
    assert store.info("made-up") is None


async def test_a_build_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(masters, "BUILD_TIMEOUT", 0.5)
    store = make(tmp_path, "tests.support.masters:stuck")
    assert await build(store) == NotBuilt(reason="the build took more than 0.5 s")
    # Its lock is free: it is gone.
    again = make(tmp_path)
    monkeypatch.undo()
    assert isinstance(await build(again), Built)
    again.close()


async def test_a_build_gets_our_modules_no_secret_and_no_session_of_its_own(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("ORDO_AUTH__TOKEN", "planted")
    monkeypatch.setenv("FYERS_SECRET", "planted")
    given = []

    async def run_process(command, **options):
        given.append((command, options))
        raise trio.ClosedResourceError  # far enough

    store = make(tmp_path)
    monkeypatch.setattr(trio, "run_process", run_process)
    with pytest.raises(trio.ClosedResourceError):
        await build(store)
    ((command, options),) = given
    assert command[:4] == [sys.executable, "-P", "-m", "adapters.instruments.build"]
    assert "planted" not in json.dumps(options["env"])
    assert set(options["env"]) <= {"PYTHONPATH", *masters.PASSED_ON}
    assert options["process_group"] == 0
    assert "start_new_session" not in options
    assert os.getcwd() in options["env"]["PYTHONPATH"].split(os.pathsep)


async def test_a_directory_for_a_download_is_empty_and_ours_alone(tmp_path):
    store = make(tmp_path)
    directory = await store.directory("made-up")
    (directory / "half").write_text("of an earlier download")
    again = await store.directory("made-up")
    assert again == directory
    assert list(again.iterdir()) == []
    assert again.stat().st_mode & 0o777 == 0o700


def test_a_damaged_file_is_told_at_the_start(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    (tmp_path / "instruments").mkdir()
    (tmp_path / "instruments" / "made-up.sqlite").write_bytes(b"no database" * 999)
    make(tmp_path)
    assert caplog.messages == [
        "made-up.sqlite cannot be read: file is not a database;"
        " the next sync makes it anew"
    ]


@pytest.mark.parametrize("adapter", catalogue.ADAPTERS)
def test_an_adapter_with_a_master_says_what_reads_it_and_the_other_way_round(adapter):
    has = catalogue.capabilities(adapter).master
    assert bool(catalogue.find(adapter).master) is has
    assert (adapter in parsers([adapter])) is has
