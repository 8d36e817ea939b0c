"""The SQLite store: the contract, and what is its own: opening, failing, ageing."""

import os
import random
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from adapters import (
    Accepted,
    AuditQuery,
    Halted,
    KeyTaken,
    OrderQuery,
    OrderStatus,
    StoreFailed,
    StoreUnusable,
)
from adapters.stores import SqliteStore, StoredAudit, opening, schema
from adapters.stores.writing import Group
from tests.contracts.sqlite_kept import KEY, Kept
from tests.contracts.store_contract import *  # noqa: F403
from tests.contracts.writes import (
    START,
    accept,
    batch_id,
    note,
    record,
    save,
    scope,
    switch,
)

ROOT = Path(__file__).parents[2]
AT = "2026-03-02T04:15:00.000000Z"
OLD_ORDER = {
    **{"order_id": "O", "batch_id": "B", "order_index": 0, "broker": "fyers"},
    **{"symbol": "NSE:SBIN", "side": "BUY", "quantity": "10", "type": "MARKET"},
    **{"product": "CNC", "validity": "DAY", "client_tag": "O", "status": "acked"},
    **{"created_at": AT, "updated_at": AT, "saved_at": AT, "filled_quantity": "0"},
    **{"attempts": 1, "cancel_requested": 0},
}
"""An order as a database before `closes_for` holds it."""
TAKEN = KeyTaken(fingerprint="f" * 64, batch_id=batch_id(1), expired=False)
TOMBSTONE = KeyTaken(fingerprint="f" * 64, batch_id=batch_id(1), expired=True)


@pytest.fixture
def kept(tmp_path):
    kept = Kept(tmp_path)
    yield kept
    kept.store.close()


def count_orders(store):
    return len(store.orders(OrderQuery(limit=100_000)))


def accept_until_it_fails(store, number):
    """Accept *number*, the next, ...; the first that is not stored, and why."""
    while True:
        try:
            store.commit([accept(number)])
        except StoreFailed as failure:
            return number, failure
        number += 1


def run_child(script, *arguments, **options):
    """Start *script* in a Python of its own, with Ordo on its path."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def outcome_of(child):
    """What a child printed, once it has ended well."""
    out, errors = child.communicate(timeout=30)
    assert child.returncode == 0, errors
    return out.splitlines()


# Opening


def test_a_new_database_is_ours_alone_and_durable(kept):
    assert kept.path.stat().st_mode & 0o777 == 0o600
    assert kept.sql("PRAGMA journal_mode") == [("wal",)]
    assert kept.sql("PRAGMA synchronous") == [(2,)]  # FULL
    assert kept.sql("PRAGMA foreign_keys") == [(1,)]
    assert kept.sql("PRAGMA busy_timeout") == [(5000,)]
    assert kept.sql("PRAGMA journal_size_limit") == [(64 * 2**20,)]
    assert kept.sql("PRAGMA application_id") == [(0x4F72646F,)]
    assert kept.sql("PRAGMA user_version") == [(schema.VERSION,)]
    assert kept.store.check() == []


def test_the_reading_connection_cannot_write(kept):
    reader = kept.store._connection
    assert reader.execute("PRAGMA query_only").fetchone() == (1,)
    assert reader.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM orders")


def test_no_connection_keeps_more_than_a_few_megabytes_of_pages(kept):
    connections = kept.store._writer, kept.store._connection
    caches = [each.execute("PRAGMA cache_size").fetchone() for each in connections]
    assert caches == [(-4096,), (-2048,)]  # KiB


def test_reads_see_only_what_is_committed(kept):
    kept.store.commit([accept(1)])
    kept.sql("BEGIN IMMEDIATE")
    kept.sql("DELETE FROM order_events")
    kept.sql("DELETE FROM orders")
    assert count_orders(kept.store) == 1
    kept.sql("ROLLBACK")


@pytest.mark.parametrize(
    ("version", "has_bug"),
    [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False)],
)
def test_an_sqlite_with_the_wal_reset_bug_is_warned_of(
    tmp_path, monkeypatch, version, has_bug
):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    kept = Kept(tmp_path)
    assert kept.store.wal_reset_bug is has_bug
    assert len(kept.store.warnings) == has_bug
    kept.store.close()


DAMAGE = {
    "garbage in the header": (
        lambda good: b"not a database!!" + good[16:],
        "is not a SQLite database (its first bytes are others)",
    ),
    "another file": (
        lambda good: b"[server]\nbind = 1\n",
        "is not a SQLite database (its first bytes are others)",
    ),
    "half a header": (
        lambda good: good[:50],
        "is cut short, found 50 bytes of a header of 100",
    ),
    "half of it": (
        lambda good: good[: len(good) // 2],
        "the database is damaged (database disk image is malformed)",
    ),
    "one page too few": (
        lambda good: good[:-4096],
        "the database is damaged (database disk image is malformed)",
    ),
    "a page of garbage": (
        lambda good: good[:8192] + random.Random(1).randbytes(4096) + good[12288:],
        "is damaged (",
    ),
    "a schema of garbage": (
        lambda good: good[:100] + random.Random(1).randbytes(3996) + good[4096:],
        "the database is damaged (database disk image is malformed)",
    ),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_database_is_refused_in_one_line_and_left_as_it_was(
    kept, damage, words
):
    kept.store.commit([accept(number) for number in range(50)])
    kept.store.close()
    kept.path.write_bytes(damage(kept.path.read_bytes()))
    before = kept.path.read_bytes()
    with pytest.raises(StoreUnusable) as refusal:
        kept.open()
    text = str(refusal.value)
    assert text.startswith(f"{kept.path}: {words}")
    assert text.endswith(": restore it from a backup, or move it aside to start empty")
    assert "\n" not in text
    assert kept.path.read_bytes() == before


def test_a_large_database_is_not_read_through_at_the_start_but_when_asked(
    kept, monkeypatch
):
    kept.store.commit([accept(number) for number in range(50)])
    (page,) = kept.sql("SELECT rootpage FROM sqlite_master WHERE name = 'order_events'")
    kept.store.close()
    content = bytearray(kept.path.read_bytes())
    content[(page[0] - 1) * 4096 : page[0] * 4096] = b"\xff" * 4096
    kept.path.write_bytes(content)
    monkeypatch.setattr(opening, "QUICK_CHECK_BYTES", 0)
    assert kept.open().check() != []


def test_another_program_s_database_is_refused_and_left_as_it_was(tmp_path):
    path = tmp_path / "ordo.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE orders (id)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="another program's SQLite database"):
        Kept(tmp_path)
    assert path.read_bytes() == before


def test_a_database_of_a_newer_ordo_is_refused_and_left_as_it_was(kept):
    kept.sql("PRAGMA user_version = 99")
    kept.store.close()
    before = kept.path.read_bytes()
    words = f"schema version 99, .* knows up to {schema.VERSION}"
    with pytest.raises(StoreUnusable, match=words):
        kept.open()
    assert kept.path.read_bytes() == before


def test_a_database_that_lacks_a_table_is_refused(kept):
    kept.sql("DROP TABLE day_counts")
    kept.store.close()
    with pytest.raises(StoreUnusable, match="lacks the table day_counts"):
        kept.open()


def test_the_audit_of_another_program_s_database_is_not_read(tmp_path):
    other = sqlite3.connect(tmp_path / "ordo.db")
    other.execute("CREATE TABLE audit (seq)")
    other.close()
    with pytest.raises(StoreUnusable, match="another program's SQLite database"):
        StoredAudit(tmp_path / "ordo.db")


def test_a_time_without_a_zone_is_a_bug_and_stores_nothing(kept):
    naive = record(1, at=START.replace(tzinfo=None))
    with pytest.raises(ValueError, match="a time must be aware"):
        kept.store.commit([note(), accept(1, naive)])
    assert kept.store.audit(AuditQuery()) == []


def test_a_directory_that_is_missing_is_named(tmp_path):
    with pytest.raises(StoreUnusable, match="its directory is missing"):
        Kept(tmp_path / "nowhere")


def test_a_directory_in_the_place_of_the_database_is_named(tmp_path):
    (tmp_path / "ordo.db").mkdir()
    with pytest.raises(StoreUnusable, match="is not a file"):
        Kept(tmp_path)


def test_a_directory_where_nothing_can_be_made_is_named():
    with pytest.raises(StoreUnusable, match=r"/proc/ordo\.db: cannot be made"):
        Kept(Path("/proc"))


def test_a_database_that_another_program_writes_to_is_refused(kept, monkeypatch):
    monkeypatch.setattr(opening, "BUSY_TIMEOUT", 0.01)
    kept.sql("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnusable, match=r"cannot be written: .* stop whoever"):
        SqliteStore.open(kept.path, wall=kept.clock, boot="b", audit_key=KEY)


def test_another_audit_key_is_refused(kept):
    kept.store.commit([note()])
    kept.store.close()
    with pytest.raises(StoreUnusable, match=r"record 1 was not sealed with this audit"):
        SqliteStore.open(kept.path, wall=kept.clock, boot="b", audit_key=b"x" * 32)
    kept.open()


def test_a_read_only_directory_is_refused_and_says_what_to_do(tmp_path):
    """As nobody, in a child: permissions do not stop root."""
    kept = Kept(tmp_path)
    kept.store.close()
    script = """
import os, sys
from pathlib import Path
from adapters import StoreUnusable
from tests.contracts.sqlite_kept import Kept
directory = Path(sys.argv[1])
Kept(directory / "spare").store.close()  # imports the rest: nobody may not read Python
os.chdir(directory)  # its parents are closed to nobody
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for path in (Path("."), Path("new")):
    try:
        Kept(path)
    except StoreUnusable as refusal:
        print(refusal)
"""
    (tmp_path / "spare").mkdir()
    (tmp_path / "new").mkdir(mode=0o555)
    kept.path.chmod(0o444)
    tmp_path.chmod(0o555)
    here, new = outcome_of(run_child(script, tmp_path))
    tmp_path.chmod(0o755)
    assert here.endswith("give Ordo's user write access to the file and its directory")
    assert new.endswith("give Ordo's user write access to the file and its directory")


# Migrations


def test_migrations_run_once_each_and_a_failing_one_leaves_the_version_before(kept):
    def second(database):
        database.execute("ALTER TABLE meta ADD COLUMN more TEXT")

    def third(database):
        database.execute("CREATE TABLE half (a)")
        raise RuntimeError("stop")

    steps = (*schema.MIGRATIONS, second)
    connection = kept.store._writer
    schema.migrate(connection, steps)
    schema.migrate(connection, steps)
    assert kept.sql("PRAGMA user_version") == [(schema.VERSION + 1,)]
    with pytest.raises(RuntimeError):
        schema.migrate(connection, (*steps, third))
    assert kept.sql("PRAGMA user_version") == [(schema.VERSION + 1,)]
    assert kept.sql("SELECT name FROM sqlite_master WHERE name = 'half'") == []


def test_a_creation_that_was_cut_off_is_done_again(tmp_path):
    (tmp_path / "ordo.db").touch()
    kept = Kept(tmp_path)
    assert kept.store.commit([accept(1)]) == [Accepted()]
    kept.store.close()


# The kill-switch


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM trading_switch",
        "UPDATE trading_switch SET engaged = 'no'",
        "UPDATE trading_switch SET engaged = 2",
        "ALTER TABLE trading_switch RENAME TO gone",
    ],
)
def test_a_switch_that_is_missing_or_unreadable_means_halted(kept, damage):
    kept.sql(damage)
    assert kept.store.commit([accept(1), note()]) == [Halted(), None]
    assert count_orders(kept.store) == 0
    assert kept.store.switch() is None


@pytest.mark.parametrize("column", ["cancel_open", "close_positions"])
def test_a_switch_that_wants_nobody_knows_what_is_unreadable(kept, column):
    kept.sql(f"UPDATE trading_switch SET {column} = 2")  # noqa: S608
    assert kept.store.switch() is None


def test_a_missing_switch_is_not_made_by_a_restart(kept):
    kept.sql("DELETE FROM trading_switch")
    assert kept.restart().commit([accept(1)]) == [Halted()]
    kept.store.commit([switch(engaged=False)])
    assert kept.store.commit([accept(1)]) == [Accepted()]


# Keys growing old


def prune(kept, **length):
    """Let time pass, then prune; what became of keys: (expired, forgotten)."""
    pruned = kept.store.prune(kept.clock.pass_(**length))
    assert not pruned.more
    return pruned.expired, pruned.forgotten


def test_a_key_expires_seven_days_after_its_last_leg_is_settled(kept):
    kept.store.commit([accept(1, record(1, 0), record(1, 1))])
    kept.store.commit([save(record(1, 0), OrderStatus.FILLED)])
    kept.clock.pass_(hours=1)
    kept.store.commit([save(record(1, 1), OrderStatus.CANCELLED)])
    assert prune(kept, days=6, hours=23, minutes=59) == (0, 0)
    assert kept.store.commit([accept(2, key=scope(1))]) == [TAKEN]
    assert prune(kept, minutes=1) == (1, 0)
    assert kept.store.commit([accept(2, key=scope(1))]) == [TOMBSTONE]
    assert kept.store.key(scope(1)) == TOMBSTONE


def test_a_key_never_expires_before_its_orders_are_settled(kept):
    kept.store.commit([accept(1), save(record(1), OrderStatus.UNKNOWN)])
    assert [prune(kept, days=40) for _ in range(3)] == [(0, 0)] * 3
    kept.store.commit([save(record(1), OrderStatus.NOT_PLACED)])
    assert prune(kept, days=6) == (0, 0)
    assert prune(kept, days=1) == (1, 0)


def test_an_order_that_turns_up_after_all_keeps_its_key_alive(kept):
    kept.store.commit([accept(1), save(record(1), OrderStatus.NOT_PLACED)])
    kept.clock.pass_(days=6)
    kept.store.commit([save(record(1), OrderStatus.ACKED)])
    assert prune(kept, days=30) == (0, 0)
    assert kept.store.key(scope(1)) == TAKEN


def test_a_key_whose_legs_were_all_denied_at_once_expires_after_seven_days(kept):
    kept.store.commit([accept(1, record(1, status=OrderStatus.DENIED))])
    assert prune(kept, days=6, hours=23) == (0, 0)
    assert prune(kept, hours=1) == (1, 0)


def test_a_tombstone_stands_for_ninety_days_and_then_the_key_is_new(kept):
    kept.store.commit([accept(1), save(record(1), OrderStatus.FILLED)])
    assert prune(kept, days=7) == (1, 0)
    assert prune(kept, days=89, hours=23) == (0, 0)
    assert kept.store.commit([accept(2, key=scope(1))]) == [TOMBSTONE]
    assert prune(kept, hours=1) == (0, 1)
    assert kept.store.key(scope(1)) is None
    assert kept.store.commit([accept(2, key=scope(1))]) == [Accepted()]
    assert count_orders(kept.store) == 2  # orders are kept, only keys are forgotten


def test_a_clock_set_forward_once_does_not_skip_the_tombstone(kept):
    kept.store.commit([accept(1), save(record(1), OrderStatus.FILLED)])
    assert prune(kept, days=365) == (1, 0)
    assert prune(kept, days=0) == (0, 0)
    assert kept.store.key(scope(1)) == TOMBSTONE


def test_a_clock_set_back_neither_expires_a_key_nor_revives_one(kept):
    kept.store.commit([accept(1), save(record(1), OrderStatus.FILLED)])
    assert prune(kept, days=7) == (1, 0)
    kept.clock.pass_(days=-1000)
    store = kept.restart()  # what was seen outlives it
    store.commit([accept(2), save(record(2), OrderStatus.FILLED, at=kept.clock.now)])
    assert prune(kept, days=0) == (0, 0)
    assert store.key(scope(1)) == TOMBSTONE
    kept.clock.now = START + timedelta(days=7 + 6)
    assert prune(kept, days=0) == (0, 0)  # key 2 was stored when day 7 had been seen
    assert not store.key(scope(2)).expired
    assert prune(kept, days=1) == (1, 0)


def test_a_pruning_stops_after_so_many_keys_and_says_so(kept):
    denied = OrderStatus.DENIED
    kept.store.commit([accept(n, record(n, status=denied)) for n in range(3)])
    now = kept.clock.pass_(days=8)
    found = [kept.store.prune(now, 2) for _ in range(2)]
    assert [(one.expired, one.more) for one in found] == [(2, True), (1, False)]


# Failing


def test_a_commit_broken_off_at_any_point_stores_nothing_and_the_next_one_works(kept):
    """SQLite's own way: fail at the first step, the second, ... until it passes."""
    kept.store.commit([accept(1)])
    connection = kept.store._writer
    two = accept(2, record(2, 0), record(2, 1))
    writes = [two, save(record(2)), accept(3, key=scope(1))]
    failures = halts = 0
    answers = None
    while answers != [Accepted(), None, TAKEN]:
        assert count_orders(kept.store) == 1
        assert kept.store.key(scope(2)) is None
        assert len(kept.store.audit(AuditQuery())) == 1
        steps = iter([False] * (failures + halts) + [True])  # true breaks off, once
        connection.set_progress_handler(lambda: next(steps, False), 7)  # noqa: B023
        try:
            answers = kept.store.commit(writes)
        except StoreFailed as failure:
            assert "interrupted" in str(failure)  # noqa: PT017
            failures += 1
        else:
            # Halted: what was broken off, by this SQLite, was reading the switch.
            halts += answers[0] == Halted()
        connection.set_progress_handler(None, 0)
        assert not connection.in_transaction
    assert failures > 30
    assert [one.seq for one in kept.store.audit(AuditQuery())] == [1, 2, 3, 4]
    assert kept.verify().ok


def test_what_a_failed_rollback_left_open_is_ended_by_the_next_commit(kept):
    kept.sql("BEGIN IMMEDIATE")
    kept.sql("INSERT INTO meta VALUES ('left', 'open')")
    assert kept.store.commit([accept(1)]) == [Accepted()]
    assert kept.sql("SELECT * FROM meta WHERE name = 'left'") == []


def test_a_bug_in_a_write_leaves_nothing_and_is_not_called_a_store_failure(kept):
    with pytest.raises(TypeError):
        kept.store.commit([accept(1), note(not_json=object())])
    assert count_orders(kept.store) == 0
    assert kept.store.commit([accept(1)]) == [Accepted()]


def test_a_full_database_refuses_whole_commits_and_is_readable(kept):
    kept.store.commit([accept(1)])
    (pages,) = kept.sql("PRAGMA page_count")[0]
    kept.sql(f"PRAGMA max_page_count = {pages + 2}")
    stored, failure = accept_until_it_fails(kept.store, 2)
    assert str(failure).startswith("nothing was stored: the disk is full (")
    assert count_orders(kept.store) == stored - 1
    assert kept.store.key(scope(stored)) is None
    kept.sql("PRAGMA max_page_count = 1000000")
    assert kept.store.commit([accept(stored)]) == [Accepted()]
    assert kept.verify().records == stored
    assert kept.verify().ok


def test_the_reserve_is_room_on_the_disk_beside_the_database(tmp_path):
    kept = Kept(tmp_path, reserve_bytes=1_000_000)
    reserve = tmp_path / "reserve.bin"
    assert reserve.stat().st_size == 1_000_000
    assert reserve.stat().st_blocks * 512 >= 1_000_000  # not a sparse promise
    assert reserve.stat().st_mode & 0o777 == 0o600
    kept.store.release_reserve()
    assert not reserve.exists()
    kept.store.restore_reserve()
    assert reserve.stat().st_size == 1_000_000
    kept.store.close()


def test_without_room_for_the_reserve_cancels_are_stored_and_orders_refused(tmp_path):
    kept = Kept(tmp_path)
    kept.store.commit([accept(1)])
    kept.store.close()
    kept.settings["reserve_bytes"] = 2**60
    kept.open()
    assert "no new orders" in kept.store.warnings[-1]
    assert "no room for 1152921504606846976 bytes of reserve" in kept.store.warnings[-1]
    with pytest.raises(StoreFailed, match="no room for 1152921504606846976 bytes"):
        kept.store.restore_reserve()
    assert not (tmp_path / "reserve.bin").exists()
    with pytest.raises(StoreFailed, match="its last room is kept for cancels"):
        kept.store.commit([accept(2)])
    cancelled = save(record(1), OrderStatus.CANCELLED)
    assert kept.store.commit([cancelled, switch(engaged=True)]) == [None, None]
    kept.store.close()


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 3 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m,mode=0700", "none", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_on_a_full_disk_cancels_are_stored_once_the_reserve_is_released(small_disk):
    kept = Kept(small_disk, reserve_bytes=500_000)
    kept.store.commit([accept(number) for number in range(20)])
    with (small_disk / "filler").open("wb", buffering=0) as filler:
        fill(filler)
        stored, _ = accept_until_it_fails(kept.store, 20)
        kept.store.release_reserve()
        for number in range(10):
            kept.store.commit([save(record(number), OrderStatus.CANCELLED)])
        with pytest.raises(StoreFailed, match="no room for 500000 bytes of reserve"):
            kept.store.restore_reserve()
        with pytest.raises(StoreFailed, match="its last room is kept for cancels"):
            kept.store.commit([accept(stored)])
    (small_disk / "filler").unlink()
    kept.store.restore_reserve()
    assert kept.store.commit([accept(stored + 1)]) == [Accepted()]
    assert kept.store.degraded is None
    cancelled = OrderQuery(status=OrderStatus.CANCELLED)
    assert len(kept.store.orders(cancelled)) == 10
    for _ in range(2):
        assert kept.verify().problem is None
        assert kept.store.check() == []
        kept.restart()
    kept.store.close()


def fill(file):
    try:
        while file.write(b"x" * 4096):
            pass
    except OSError:
        return


def test_the_reserve_is_not_restored_where_that_would_fill_the_disk_again(small_disk):
    kept = Kept(small_disk, reserve_bytes=500_000)
    kept.store.release_reserve()
    with (small_disk / "filler").open("wb") as filler:
        disk = os.statvfs(small_disk)
        os.posix_fallocate(filler.fileno(), 0, disk.f_bavail * disk.f_frsize - 800_000)
    with pytest.raises(StoreFailed, match="no room for 500000 bytes of reserve"):
        kept.store.restore_reserve()
    assert not (small_disk / "reserve.bin").exists()
    kept.store.close()


def test_a_start_on_a_full_disk_can_still_cancel(small_disk):
    kept = Kept(small_disk, reserve_bytes=500_000)
    kept.store.commit([accept(number) for number in range(20)])
    kept.store.close()
    with (small_disk / "filler").open("wb", buffering=0) as filler:
        fill(filler)
    kept.open()
    with pytest.raises(StoreFailed, match="its last room is kept for cancels"):
        kept.store.commit([accept(20)])
    kept.store.commit([save(record(1), OrderStatus.CANCELLED)])
    assert kept.store.order(record(1).order_id).status is OrderStatus.CANCELLED
    kept.store.close()


def test_a_disk_that_stops_writing_is_a_store_failure_and_loses_nothing(tmp_path):
    """The kernel lets no file grow past 400 kB: in a child, for that sticks."""
    script = """
import resource, sys
from pathlib import Path
from adapters import StoreFailed
from tests.contracts.sqlite_kept import Kept
from tests.contracts.writes import accept
kept = Kept(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
stored = 0
try:
    while True:
        kept.store.commit([accept(stored)])
        stored += 1
except StoreFailed as failure:
    print(stored)
    print(failure)
try:
    kept.store.commit([accept(stored)])
except StoreFailed:
    print("still")
"""
    stored, failure, still = outcome_of(run_child(script, tmp_path))
    assert failure.startswith("nothing was stored: the disk failed (disk I/O error")
    assert still == "still"
    kept = Kept(tmp_path)
    assert count_orders(kept.store) == int(stored)
    assert kept.verify().ok
    assert kept.verify().records == int(stored)
    kept.store.close()


# The audit files behind


@pytest.fixture
def cut_off(tmp_path):
    """A store with three records, whose audit files have just become unwritable."""
    kept = Kept(tmp_path, audit_max_bytes=1)  # each record wants a file of its own
    kept.store.commit([accept(1), accept(2), note()])
    kept.files.rename(tmp_path / "away")
    kept.files.touch()
    yield kept
    kept.store.close()


def mend(kept):
    kept.files.unlink()
    kept.files.with_name("away").rename(kept.files)


def test_a_commit_stands_though_the_audit_files_could_not_be_written(cut_off):
    store = cut_off.store
    assert store.commit([accept(3)]) == [Accepted()]
    assert store.order(record(3).order_id) == record(3)
    assert "the audit files cannot be written: Not a directory" in store.degraded


def test_with_the_audit_files_behind_no_order_is_accepted_and_all_else_is_stored(
    cut_off,
):
    store = cut_off.store
    store.commit([accept(3)])
    with pytest.raises(StoreFailed, match="the audit files cannot be written"):
        store.commit([accept(4), save(record(1))])
    assert store.order(record(1).order_id) == record(1)
    cancelled = save(record(1), OrderStatus.CANCELLED)
    assert store.commit([cancelled, switch(engaged=True)]) == [None, None]
    assert store.order(record(1).order_id) == cancelled.order
    with pytest.raises(StoreFailed, match="the audit files cannot be written"):
        store.restore_reserve()  # by which the writer learns that it is not over


def test_audit_files_that_can_be_written_again_get_all_that_they_missed(cut_off):
    store = cut_off.store
    store.commit([accept(3)])
    store.commit([save(record(1))])
    mend(cut_off)
    assert store.commit([accept(4)]) == [Accepted()]
    assert store.degraded is None
    verdict = cut_off.verify()
    assert (verdict.problem, verdict.records) == (None, 6)


def test_restoring_the_reserve_lets_the_audit_files_catch_up(cut_off):
    cut_off.store.commit([accept(3)])
    mend(cut_off)
    cut_off.store.restore_reserve()
    assert cut_off.store.degraded is None
    assert cut_off.verify().ok


def test_an_audit_directory_that_cannot_be_made_is_refused_at_the_start(tmp_path):
    (tmp_path / "audit").touch()
    with pytest.raises(StoreUnusable, match="the audit files cannot be written"):
        Kept(tmp_path)


# Two threads


def test_reading_goes_on_beside_writing(kept):
    seen = []
    done = threading.Event()

    def read():
        while not (seen and done.is_set()):
            orders = kept.store.orders(OrderQuery(limit=1000))
            legs = {order.batch_id for order in orders}
            seen.append(len(orders) == 2 * len(legs))

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(100):
        kept.store.commit([accept(number, record(number, 0), record(number, 1))])
    done.set()
    thread.join()
    assert set(seen) == {True}  # never half a batch


# kill -9


KILLER = """
import os, random, signal, sys
from pathlib import Path
from adapters import OrderQuery, OrderStatus
from tests.contracts.sqlite_kept import Kept
from tests.contracts.writes import accept, record, save

def commit_for_ever(number, pipe):
    kept = Kept(directory, audit_max_bytes=4000)
    while True:
        (answer, _) = kept.store.commit([accept(number), save(record(number))])
        os.write(pipe, b"%d\\n" % number)
        number += 1

directory, rng, first = Path(sys.argv[1]), random.Random(int(sys.argv[2])), 0
for _ in range(10):
    out, pipe = os.pipe()
    child = os.fork()
    if not child:
        commit_for_ever(first, pipe)
    os.close(pipe)
    with os.fdopen(out) as spoken:
        for _ in range(rng.randrange(1, 60)):
            last = spoken.readline()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        last = ([last] + [line for line in spoken if line.endswith("\\n")])[-1]
    kept = Kept(directory, audit_max_bytes=4000)
    stored = len(kept.store.orders(OrderQuery(limit=100_000)))
    acked = OrderQuery(status=OrderStatus.ACKED, limit=100_000)
    both = len(kept.store.orders(acked)) == stored
    verdict = kept.verify()
    sound = verdict.ok and verdict.records >= 2 * stored and not kept.store.check()
    print(int(last) + 1, stored, both, sound)
    kept.store.close()
    first = stored
"""


def test_what_was_answered_survives_kill_9_and_the_audit_stays_whole(tmp_path):
    seed = 20260302
    lives = outcome_of(run_child(KILLER, tmp_path, seed))
    assert len(lives) == 10
    for answered, stored, both_writes_or_neither, sound in map(str.split, lives):
        # One commit may have been done and not been spoken of.
        assert int(answered) <= int(stored) <= int(answered) + 1, (seed, lives)
        assert (both_writes_or_neither, sound) == ("True", "True"), (seed, lives)


def test_a_write_of_no_kind_it_knows_stores_nothing_of_its_group(kept):
    with pytest.raises(AssertionError):
        kept.store.commit([accept(1), "what?"])
    assert kept.store.batch(batch_id(1)) is None


def test_an_older_database_gets_the_index_that_pruning_wants(tmp_path):
    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as old:
        schema.migrate(old, schema.MIGRATIONS[:3])
        ours = "SELECT name FROM sqlite_master WHERE name GLOB 'idempotency_*'"
        assert old.execute(ours).fetchall() == [("idempotency_expiry",)]
        schema.migrate(old)
        assert old.execute(ours).fetchall() == [("idempotency_ages",)]


def test_an_older_database_learns_what_a_halt_wants_and_keeps_its_rows(tmp_path):
    path = tmp_path / "ordo.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        schema.migrate(old, schema.MIGRATIONS[:4])
        old.execute("UPDATE trading_switch SET engaged = 1, version = 3")
        columns = [name for name in schema.ORDER if name not in schema.LATER]
        old.execute("INSERT INTO batches VALUES ('B', 'p', 'k', NULL, ?, 5000)", [AT])
        row = dict.fromkeys(columns, None) | OLD_ORDER
        places = ", ".join(f":{name}" for name in columns)
        old.execute(f"INSERT INTO orders VALUES ({places})", row)  # noqa: S608
    kept = Kept(tmp_path)
    older = kept.store.order("O")
    assert (older.closes_for, older.slice, older.cancel_by) == (None, None, None)
    found = kept.store.switch()
    assert (found.engaged, found.version) == (True, 3)
    assert (found.cancel_open, found.close_positions) == (False, False)
    late = msgspec.structs.replace(kept.store.order("O"), attempts=2)
    kept.store.commit([save(late)])
    assert kept.store.order("O").attempts == 2
    kept.store.close()


class Lost:
    """A cursor whose next read fails, and takes its transaction with it or not."""

    def __init__(self, in_transaction):
        self.in_transaction = in_transaction
        self.connection = self

    def execute(self, *args):
        raise sqlite3.DatabaseError("database disk image is malformed")


@pytest.mark.parametrize("in_transaction", [True, False])
def test_a_switch_that_cannot_be_read_halts_or_fails_the_whole_group(in_transaction):
    group = Group(Lost(in_transaction), START, START)
    if in_transaction:
        assert group.add(accept(1)) == Halted()
    else:
        with pytest.raises(sqlite3.DatabaseError):
            group.add(accept(1))
