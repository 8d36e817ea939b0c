"""The file of instruments: built whole, checked, and only then in its place."""

import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.instruments import Built, FileIndex, InstrumentKind
from adapters.instruments.build import main
from adapters.instruments.writing import write
from tests.support.masters import PARSER, an_instrument, generated, write_master
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 11, 23, 2, 45, tzinfo=UTC)


def shares(count, exchange="NSE", first=0):
    for number in range(first, first + count):
        yield an_instrument(f"{exchange}:S{number}")


def put(path, instruments, **more):
    return write(path, instruments, adapter="made-up", synced_at=AT, **more)


def symbols(path):
    index = FileIndex(path)
    there = index._connection.execute("SELECT symbol FROM instruments ORDER BY place")
    found = [symbol for (symbol,) in there]
    index.close()
    return found


def left_behind(directory):
    """What is in a directory besides the file and the lock."""
    return sorted(
        path.name
        for path in directory.iterdir()
        if path.suffix not in (".sqlite", ".lock")
    )


def test_a_file_says_what_it_holds_and_how_old_it_is(tmp_path, opened):
    path = tmp_path / "made-up.sqlite"
    built = put(path, [*shares(3), *shares(2, "BSE")])
    assert (built.left_out, built.remarks) == (0, ())
    index = opened(path)
    assert index.info == built.info
    assert built.info.adapter == "made-up"
    assert built.info.synced_at == AT
    assert built.info.rows == 5
    assert built.info.exchanges == {"BSE": 2, "NSE": 3}
    assert left_behind(tmp_path) == []


def test_every_field_of_an_instrument_comes_back_exactly(tmp_path, opened):
    option = an_instrument(
        "NFO:NIFTY24NOV2620800.5CE",
        key="NFO|12345",
        kind=InstrumentKind.CE,
        lot_size=Decimal(75),
        tick_size=Decimal("0.0025"),
        name="Nifty 50 option, Grün",
        freeze_quantity=Decimal(1800),
        lower_band=Decimal("0.05"),
        upper_band=Decimal("1234.10"),
        underlying="NIFTY",
        expiry=date(2026, 11, 24),
        strike=Decimal("20800.50"),
        isin="INE000000001",
        tradable=False,
        extra={"token": "42", "series": "XX"},
    )
    path = tmp_path / "made-up.sqlite"
    put(path, [option, an_instrument()])
    index = opened(path)
    assert index.by_symbol(option.symbol) == option
    assert str(index.by_key("NFO|12345").strike) == "20800.50"
    assert index.by_symbol("NSE:SBIN") == an_instrument()


def test_rows_stand_in_the_order_people_want_to_see_them(tmp_path):
    path = tmp_path / "made-up.sqlite"
    of = {"underlying": "NIFTY"}
    near, far = date(2026, 11, 24), date(2027, 1, 26)
    put(
        path,
        [
            an_instrument("NFO:D", kind=InstrumentKind.CE, expiry=far, **of),
            an_instrument(
                "NFO:C",
                kind=InstrumentKind.PE,
                expiry=near,
                strike=Decimal(10000),
                **of,
            ),
            an_instrument(
                "NFO:B", kind=InstrumentKind.CE, expiry=near, strike=Decimal(9000), **of
            ),
            an_instrument("NFO:A", kind=InstrumentKind.FUT, expiry=far, **of),
            an_instrument("NSE:B"),
            an_instrument("NSE:A"),
            an_instrument("BSE:B"),
            an_instrument("NSE_INDEX:Z", kind=InstrumentKind.INDEX),
        ],
    )
    assert symbols(path) == [
        "NSE_INDEX:Z",
        "NSE:A",
        "BSE:B",
        "NSE:B",
        "NFO:A",
        "NFO:B",
        "NFO:C",
        "NFO:D",
    ]


@pytest.mark.parametrize(
    ("odd", "remark"),
    [
        (an_instrument("sbin"), "sbin (K-sbin): wanted a symbol such as NSE:SBIN"),
        (
            an_instrument("NSE:A", key=""),
            "NSE:A (): wanted the broker's key, found none",
        ),
        (
            an_instrument("NSE:A", lot_size=Decimal(0)),
            "NSE:A (K-NSE:A): wanted a positive lot size, found 0",
        ),
        (
            an_instrument("NSE:A", tick_size=Decimal("NaN")),
            "NSE:A (K-NSE:A): wanted a positive tick size, found NaN",
        ),
        (
            an_instrument("NSE:S0", key="other"),
            "NSE:S0 (other): its symbol or its key is taken",
        ),
        (
            an_instrument("NSE:A", key="K-NSE:S0"),
            "NSE:A (K-NSE:S0): its symbol or its key is taken",
        ),
    ],
)
def test_an_odd_row_is_left_out_and_told_and_the_first_of_two_stays(
    tmp_path, opened, odd, remark
):
    path = tmp_path / "made-up.sqlite"
    built = put(path, [*shares(10), odd])
    assert (built.info.rows, built.left_out, built.remarks) == (10, 1, (remark,))
    assert opened(path).by_symbol("NSE:S0") == an_instrument("NSE:S0")


def test_an_index_needs_no_lot_and_no_tick(tmp_path):
    nifty = an_instrument(
        "NSE_INDEX:NIFTY",
        kind=InstrumentKind.INDEX,
        lot_size=Decimal(0),
        tick_size=Decimal(0),
    )
    assert put(tmp_path / "made-up.sqlite", [nifty]).left_out == 0


# What never replaces a good file


def refused(path, instruments, **more):
    """The reason; what stood there, if anything did, is there as it was."""
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(ValueError, match=r".") as refusal:
        put(path, instruments, **more)
    assert (path.read_bytes() if path.exists() else None) == before
    assert left_behind(path.parent) == []
    return str(refusal.value)


@pytest.mark.parametrize("there", [0, 10])
@pytest.mark.parametrize("force", [False, True])
def test_an_empty_master_is_refused_even_by_force(tmp_path, there, force):
    path = tmp_path / "made-up.sqlite"
    if there:
        put(path, shares(there))
    assert refused(path, [], force=force) == "wanted instruments, found none"


def test_less_than_half_of_what_there_was_is_refused_unless_forced(tmp_path):
    path = tmp_path / "made-up.sqlite"
    put(path, shares(11))
    assert refused(path, shares(5)) == (
        "wanted at least half of the 11 instruments there were, found 5;"
        " if that is right, sync with force"
    )
    assert put(path, shares(6)).info.rows == 6
    assert put(path, shares(1), force=True).info.rows == 1


def test_an_exchange_that_is_gone_is_missed_unless_forced(tmp_path):
    path = tmp_path / "made-up.sqlite"
    put(path, [*shares(500), *shares(100, "BSE"), *shares(99, "MCX")])
    assert refused(path, shares(600)) == (
        "wanted instruments of BSE, of which there were 100, found none;"
        " if that is right, sync with force"
    )
    assert put(path, [*shares(600), *shares(1, "BSE")]).info.rows == 601  # MCX had few
    assert put(path, shares(600), force=True).info.rows == 600


def test_a_master_of_which_every_tenth_row_is_odd_is_refused(tmp_path):
    path = tmp_path / "made-up.sqlite"
    odd = [an_instrument("x"), an_instrument("y")]
    assert put(path, [*shares(18), *odd]).left_out == 2
    assert refused(path, [*shares(17), *odd]) == (
        "wanted nearly every row to be of use, found 2 of 19 that are not:"
        " x (K-x): wanted a symbol such as NSE:SBIN;"
        " y (K-y): wanted a symbol such as NSE:SBIN"
    )


def test_a_parser_that_raises_half_way_leaves_all_as_it_was(tmp_path):
    def half():
        yield from shares(50)
        raise ValueError("m.csv, line 52: wanted 10 columns, found 3")

    path = tmp_path / "made-up.sqlite"
    put(path, shares(60))
    assert refused(path, half()) == "m.csv, line 52: wanted 10 columns, found 3"


def test_a_damaged_new_file_is_refused(tmp_path, monkeypatch):
    class Damaged(sqlite3.Connection):
        def execute(self, sql, *values):
            if "quick_check" in sql:
                sql = "SELECT '*** in database main *** page 7 is never used'"
            return super().execute(sql, *values)

    path = tmp_path / "made-up.sqlite"
    put(path, shares(10))
    real = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *a, **k: real(*a, **({"factory": Damaged} | k))
    )
    with pytest.raises(ValueError, match="the new file is damaged"):
        put(path, shares(10))
    monkeypatch.undo()
    assert len(symbols(path)) == 10
    assert left_behind(tmp_path) == []


def test_it_is_on_the_disk_before_it_takes_the_place(tmp_path, monkeypatch):
    steps = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: steps.append("fsync") or sync(file))
    monkeypatch.setattr(
        os, "replace", lambda *names: steps.append("replace") or replace(*names)
    )
    put(tmp_path / "made-up.sqlite", shares(1))
    assert steps == ["fsync", "replace", "fsync"]


def test_what_a_build_that_was_killed_left_behind_is_no_hindrance(tmp_path):
    path = tmp_path / "made-up.sqlite"
    (tmp_path / ".made-up.sqlite.part").write_bytes(b"half a file")
    assert put(path, shares(3)).info.rows == 3
    assert left_behind(tmp_path) == []


def waits_for(lock):
    """Whether somebody waits for a lock on this file."""
    inode = f":{lock.stat().st_ino} "
    held = Path("/proc/locks").read_text().splitlines()
    return any("-> FLOCK" in line and inode in line for line in held)


def test_a_build_waits_for_one_that_still_runs(tmp_path):
    path = tmp_path / "made-up.sqlite"
    lock = tmp_path / ".made-up.sqlite.lock"
    put(path, shares(3))
    with lock.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        second = threading.Thread(target=put, args=(path, shares(4)))
        second.start()
        until(lambda: waits_for(lock))
        assert len(symbols(path)) == 3
    second.join()
    assert len(symbols(path)) == 4


def test_a_damaged_or_foreign_old_file_is_no_measure_for_the_new_one(tmp_path):
    path = tmp_path / "made-up.sqlite"
    path.write_bytes(b"no database, but long enough to be taken for one" * 100)
    assert put(path, shares(1)).info.rows == 1
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    assert put(path, shares(1)).info.rows == 1


# The process


def build(out, *files, parser=PARSER, **environ):
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "adapters.instruments.build",
            "made-up",
            str(out),
            *map(str, files),
            "--parser",
            parser,
            "--synced-at",
            AT.isoformat(),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_the_process_says_in_one_line_what_it_built(tmp_path):
    out = tmp_path / "made-up.sqlite"
    done = build(out, write_master(tmp_path / "m.csv", generated(200)))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    said = json.loads(done.stdout)
    assert (said["type"], said["info"]["rows"], said["left_out"]) == ("Built", 200, 0)
    assert len(symbols(out)) == 200


def test_the_process_says_why_it_built_nothing(tmp_path):
    out, torn = tmp_path / "made-up.sqlite", tmp_path / "m.csv"
    put(out, shares(5))
    write_master(torn, generated(200))
    torn.write_text(torn.read_text()[:-20])
    done = build(out, torn)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout) == {
        "type": "NotBuilt",
        "reason": "m.csv, line 201: wanted 10 columns, found 7",
    }
    assert len(symbols(out)) == 5


def test_the_process_steps_back_for_the_orders(tmp_path, monkeypatch, capsys):
    nice = []
    monkeypatch.setattr(os, "nice", nice.append)
    monkeypatch.setattr(signal, "alarm", lambda seconds: None)
    monkeypatch.delenv("SQLITE_TMPDIR", raising=False)
    master = write_master(tmp_path / "m.csv", generated(20))
    words = ["made-up", str(tmp_path / "m.sqlite"), str(master), "--parser", PARSER]
    assert main([*words, "--synced-at", AT.isoformat()]) == 0
    assert nice == [10]
    assert os.environ.pop("SQLITE_TMPDIR") == str(tmp_path)
    assert json.loads(capsys.readouterr().out)["info"]["rows"] == 20


def test_a_build_that_hangs_and_has_lost_its_ordo_ends_itself(tmp_path):
    code = "from adapters.instruments import build\nbuild.LIFETIME = 1\nbuild.main()"
    words = ["made-up", str(tmp_path / "m.sqlite"), "m.csv", "--synced-at"]
    stuck = [AT.isoformat(), "--parser", "tests.support.masters:stuck"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words, *stuck],
        cwd=ROOT,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == -signal.SIGALRM
    assert put(tmp_path / "m.sqlite", shares(3)).info.rows == 3


def test_built_is_a_value_that_goes_over_a_pipe(tmp_path):
    built = put(tmp_path / "made-up.sqlite", shares(1))
    assert isinstance(built, Built)
    assert built.seconds < 50
