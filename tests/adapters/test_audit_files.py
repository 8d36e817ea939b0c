"""The audit files: copied by number, turned over, taken up again after anything."""

import errno
import json
import os
from datetime import timedelta
from itertools import pairwise

import pytest

from adapters import Accepted, AuditQuery, StoreFailed, StoreUnusable
from adapters.stores import AuditFiles, StoredAudit, verify
from adapters.stores import audit_files as module
from adapters.stores.audit_chain import GENESIS, seal, written
from adapters.stores.audit_header import Header, files_in, read_header, sealed
from adapters.stores.audit_trail import AuditTrail
from tests.contracts.sqlite_kept import KEY, Kept
from tests.contracts.writes import START, accept, note

DAY_1 = "audit-20260302-000001.jsonl"


@pytest.fixture
def kept(tmp_path):
    kept = Kept(tmp_path)
    yield kept
    kept.store.close()


@pytest.fixture
def small(tmp_path):
    """A store whose audit files hold two notes each."""
    kept = Kept(tmp_path, audit_max_bytes=1200)
    yield kept
    kept.store.close()


def names(kept):
    return [path.name for path in files_in(kept.files)]


def lines(kept, name):
    return [json.loads(line) for line in (kept.files / name).read_text().splitlines()]


def seqs(kept):
    """The record numbers in each file."""
    return [[line["seq"] for line in lines(kept, name)[1:]] for name in names(kept)]


def fill(kept, count):
    for number in range(count):
        kept.store.commit([note(n=number)])


def stored_lines(kept):
    """The rows that the files are copied from."""
    with StoredAudit(kept.path) as rows:
        return list(rows)


def actions(kept):
    return [one.entry.action for one in kept.store.audit(AuditQuery())]


# Writing


def test_no_file_is_made_before_there_is_a_record(kept):
    assert names(kept) == []
    assert kept.files.stat().st_mode & 0o777 == 0o700


def test_the_files_hold_the_records_of_the_store_and_nobody_else_may_read_them(kept):
    kept.store.commit([accept(1), note()])
    kept.store.commit([note()])
    assert names(kept) == [DAY_1]
    assert (kept.files / DAY_1).stat().st_mode & 0o777 == 0o600
    header, *records = lines(kept, DAY_1)
    assert header | {"hash": ""} == {
        "file": DAY_1,
        "first_seq": 1,
        "hash": "",
        "previous": None,
        "previous_head": "0" * 64,
        "previous_lines": 0,
    }
    stored = kept.store.audit(AuditQuery())
    assert [(one["seq"], one["hash"], one["prev"]) for one in records] == [
        (one.seq, one.hash, one.prev) for one in stored
    ]
    assert [one["entry"]["action"] for one in records] == actions(kept)
    assert {one["boot"] for one in records} == {"boot-1"}


def test_a_commit_that_fails_leaves_nothing_in_the_files(kept):
    kept.store.commit([note()])
    with pytest.raises(StoreFailed):
        kept.store.commit([note(), accept(1, *[accept(1).orders[0]] * 2)])
    assert seqs(kept) == [[1]]


def test_a_full_file_is_followed_by_one_that_names_it(small):
    fill(small, 5)
    assert names(small) == [
        f"audit-20260302-{number:06d}.jsonl" for number in (1, 2, 3)
    ]
    assert seqs(small) == [[1, 2], [3, 4], [5]]
    for before, after in pairwise(names(small)):
        header, last = lines(small, after)[0], lines(small, before)[-1]
        assert header["previous"] == before
        assert header["previous_lines"] == 3
        assert header["previous_head"] == last["hash"]
        assert header["first_seq"] == last["seq"] + 1
        assert (small.files / before).stat().st_size <= 1200


def test_one_commit_may_fill_several_files(small):
    small.store.commit([note(n=number) for number in range(7)])
    assert seqs(small) == [[1, 2], [3, 4], [5, 6], [7]]
    assert small.verify().ok


def test_a_record_larger_than_a_file_has_one_to_itself(small):
    small.store.commit([note(), note(text="x" * 5000), note()])
    assert seqs(small) == [[1], [2], [3]]
    assert small.verify().ok


def test_each_day_has_a_file_of_its_own_and_the_number_goes_on(kept):
    fill(kept, 1)
    kept.clock.now = START.replace(hour=23, minute=59)
    fill(kept, 1)
    kept.clock.pass_(minutes=1)
    fill(kept, 2)
    kept.clock.pass_(days=-2)  # set back: the number says which came later
    fill(kept, 1)
    assert names(kept) == [
        "audit-20260302-000001.jsonl",
        "audit-20260303-000002.jsonl",
        "audit-20260301-000003.jsonl",
    ]
    assert seqs(kept) == [[1, 2], [3, 4], [5]]
    assert kept.verify().ok


def test_files_are_made_durable_once_a_second_and_when_they_are_closed(
    kept, monkeypatch
):
    kept.store.commit([note()])
    synced = []
    monkeypatch.setattr(module.os, "fsync", synced.append)
    for _ in range(5):
        kept.clock.pass_(milliseconds=500)
        kept.store.commit([note()])
    assert len(synced) == 2
    kept.store.close()
    assert len(synced) == 3


def test_a_file_and_the_one_that_follows_it_are_durable_before_it_is_left(
    small, monkeypatch
):
    fill(small, 2)
    synced, real = [], os.fsync

    def watched(handle):
        synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{handle}")))
        real(handle)

    monkeypatch.setattr(module.os, "fsync", watched)
    fill(small, 1)
    first, second = names(small)
    assert synced == [second, "audit", first]


# Going on


def test_a_restart_goes_on_in_the_same_file(kept):
    fill(kept, 2)
    kept.restart()
    fill(kept, 2)
    assert seqs(kept) == [[1, 2, 3, 4]]
    assert kept.verify().ok


def test_a_restart_goes_on_where_the_file_is_full_or_of_another_day(small):
    fill(small, 2)
    small.restart()
    fill(small, 1)
    small.clock.pass_(days=1)
    small.restart()
    fill(small, 1)
    assert seqs(small) == [[1, 2], [3], [4]]
    assert small.verify().ok


@pytest.mark.parametrize("lost", range(1, 6))
def test_records_the_files_have_not_got_are_appended_at_the_start(small, lost):
    fill(small, 5)
    small.store.close()
    for name in names(small)[::-1]:
        path = small.files / name
        records = path.read_bytes().splitlines(keepends=True)
        drop = min(lost, len(records) - 1)
        lost -= drop
        path.write_bytes(b"".join(records[: len(records) - drop]))
        if lost or drop == len(records) - 1:
            path.unlink()
        if not lost:
            break
    small.open()
    assert seqs(small) == [[1, 2], [3, 4], [5]]
    assert small.verify().ok


def test_the_files_are_written_anew_where_all_are_gone(small):
    fill(small, 5)
    small.store.close()
    before = {name: (small.files / name).read_bytes() for name in names(small)}
    for name in before:
        (small.files / name).unlink()
    small.open()
    assert {name: (small.files / name).read_bytes() for name in names(small)} == before


def test_a_file_with_nothing_but_its_header_is_written_on(small):
    """Killed between the header and the first record."""
    fill(small, 3)
    small.store.close()
    path = small.files / names(small)[1]
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    small.open()
    assert seqs(small) == [[1, 2], [3]]
    assert small.verify().ok


def test_a_first_file_with_nothing_but_its_header_is_written_on(kept):
    fill(kept, 1)
    kept.store.close()
    path = kept.files / DAY_1
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    kept.open()
    assert seqs(kept) == [[1]]
    assert kept.verify().ok


@pytest.mark.parametrize("torn", [b"{", b'{"at":"2026', b"\0" * 9000, b"\xff\xfe"])
def test_a_torn_last_line_is_cut_kept_aside_and_noted(kept, torn):
    fill(kept, 2)
    kept.store.close()
    with (kept.files / DAY_1).open("ab") as file:
        file.write(torn)
    kept.open()
    assert (kept.files / f"{DAY_1}.torn").read_bytes() == torn
    assert (kept.files / f"{DAY_1}.torn").stat().st_mode & 0o777 == 0o600
    assert seqs(kept) == [[1, 2, 3]]
    entry = kept.store.audit(AuditQuery())[-1].entry
    assert (entry.actor, entry.action) == ("ordo", "audit.torn_line")
    assert entry.detail == {
        "file": DAY_1,
        "kept_in": f"{DAY_1}.torn",
        "bytes": len(torn),
    }
    assert "audit.torn_line" in kept.store.warnings[-1]
    verdict = kept.verify()
    assert verdict.ok
    assert verdict.notes == (f"{DAY_1}.torn: a torn line, kept aside at a start",)


def test_every_way_of_tearing_the_end_of_the_file_is_mended(kept):
    fill(kept, 2)
    kept.store.close()
    path = kept.files / DAY_1
    good = path.read_bytes()
    for cut in range(1, len(good), 97):
        path.write_bytes(good[:-cut])
        kept.open()
        assert kept.verify().problem is None, cut
        numbers = [seq for file in seqs(kept) for seq in file]
        assert numbers == list(range(1, len(numbers) + 1)), cut
        kept.store.close()
        for name in names(kept)[1:]:
            (kept.files / name).unlink()


def test_a_second_torn_line_does_not_overwrite_the_first(kept):
    fill(kept, 1)
    for torn in (b"first", b"second", b"third"):
        kept.store.close()
        with (kept.files / DAY_1).open("ab") as file:
            file.write(torn)
        kept.open()
    kept_aside = [path.read_bytes() for path in sorted(kept.files.glob("*.torn"))]
    assert sorted(kept_aside) == [b"first", b"second", b"third"]


def test_damage_before_the_end_is_left_to_be_seen_and_a_new_file_goes_on(kept):
    fill(kept, 3)
    kept.store.close()
    path = kept.files / DAY_1
    spoilt = path.read_bytes().replace(b'{"n":2}', b'{"n":7}')
    path.write_bytes(spoilt)
    kept.open()
    fill(kept, 1)
    assert path.read_bytes() == spoilt
    assert seqs(kept) == [[1, 2, 3], [3, 4, 5]]
    assert actions(kept)[3] == "audit.file_damaged"
    problem = kept.verify().problem
    assert (problem.seq, problem.file, problem.line) == (3, DAY_1, 4)
    assert problem.what == "its content is not what was sealed"


def test_files_that_know_more_than_the_database_stop_the_start(kept):
    """A database restored from an old backup has lost orders: it must not trade."""
    fill(kept, 1)
    kept.store.close()
    old = kept.path.read_bytes()
    kept.open()
    fill(kept, 1)
    kept.store.close()
    new = kept.path.read_bytes()
    kept.path.write_bytes(old)
    with pytest.raises(StoreUnusable, match="record 2, which the database has not got"):
        kept.open()
    kept.settings["audit_dir"] = None
    kept.open()
    kept.store.commit([note(another="history")])
    kept.store.close()
    kept.settings["audit_dir"] = kept.files
    with pytest.raises(StoreUnusable, match="record 2, which the database has other"):
        kept.open()
    kept.path.write_bytes(new)
    kept.open()
    assert kept.verify().ok


def test_a_last_file_that_is_all_garbage_is_gone_past(small):
    fill(small, 3)
    small.store.close()
    last = small.files / names(small)[-1]
    last.write_bytes(b"garbage\n" * 3)
    small.open()
    assert last.read_bytes() == b"garbage\n" * 3
    found = small.store.audit(AuditQuery())[-1].entry
    assert found.detail == {"file": last.name, "good_through": 2}
    assert names(small)[2:] == ["audit-20260302-000003.jsonl"]
    assert [line["seq"] for line in lines(small, names(small)[2])[1:]] == [3, 4]
    problem = small.verify().problem
    assert (problem.seq, problem.file, problem.line) == (3, last.name, 1)


def test_a_log_that_is_all_garbage_is_left_and_written_anew(kept):
    fill(kept, 2)
    kept.store.close()
    (kept.files / DAY_1).write_bytes(b"garbage\n")
    kept.open()
    assert (kept.files / DAY_1).read_bytes() == b"garbage\n"
    second = names(kept)[1]
    assert [line["seq"] for line in lines(kept, second)[1:]] == [1, 2, 3]


def test_a_header_alone_that_does_not_fit_the_store_is_not_written_on(kept):
    fill(kept, 2)
    kept.store.close()
    path = kept.files / DAY_1
    stranger = Header(
        file=DAY_1,
        first_seq=2,
        previous="audit-20260301-000000.jsonl",
        previous_lines=2,
        previous_head="f" * 64,
    )
    path.write_bytes(sealed(KEY, stranger))
    kept.open()
    assert path.read_bytes() == sealed(KEY, stranger)
    assert len(names(kept)) == 2


def test_a_database_that_is_gone_is_not_made_anew_beside_its_audit_files(kept):
    fill(kept, 2)
    kept.store.close()
    kept.path.rename(kept.path.with_name("away"))
    with pytest.raises(StoreUnusable, match="record 2, which the database has not got"):
        kept.open()
    kept.path.with_name("away").rename(kept.path)
    kept.open()
    assert kept.verify().ok


# Failing


def test_a_gap_before_what_is_appended_is_closed_from_the_store(kept):
    fill(kept, 4)
    kept.store.close()
    rows = stored_lines(kept)
    (kept.files / DAY_1).unlink()
    files = AuditFiles(kept.files, KEY, 10**6, kept.clock, lambda seq: iter(rows[seq:]))
    files.append(rows[:1])  # the first call looks at the disk, and copies all there is
    files.append(rows[2:3])  # what is there already is not written twice
    files.append([])
    files.close()
    files.close()
    assert seqs(kept) == [[1, 2, 3, 4]]


def test_files_exchanged_under_a_running_store_are_a_failure_and_no_crash(
    kept, monkeypatch
):
    fill(kept, 1)

    def fail(*arguments):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", fail)
        fill(kept, 1)
    path = kept.files / DAY_1
    good = path.read_bytes()
    other = seal(KEY, GENESIS, at="2026", boot="b", entry={"another": "history"})
    path.write_bytes(good.splitlines(keepends=True)[0] + written(other))
    for call in (lambda: kept.store.commit([accept(1)]), kept.store.restore_reserve):
        with pytest.raises(StoreFailed, match="record 1, which the database has other"):
            call()
    path.write_bytes(good)
    assert kept.store.commit([accept(1)]) == [Accepted()]
    assert kept.verify().records == 3


def test_a_commit_of_more_than_one_write_s_worth_is_copied_whole(kept):
    kept.store.commit([note(text="x" * 400_000) for _ in range(6)])
    assert seqs(kept) == [[1, 2, 3, 4, 5, 6]]
    assert kept.verify().ok


def test_a_line_that_was_written_in_part_is_cut_and_written_again(kept, monkeypatch):
    kept.store.commit([note()])
    real, left = os.write, iter([40])

    def short(handle, data):
        if (most := next(left, None)) is None:
            raise OSError(28, "No space left on device")
        return real(handle, data[:most])

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", short)
        kept.store.commit([note()])
    assert kept.store.degraded == (
        f"{kept.files}: the audit files cannot be written: No space left on device"
    )
    kept.store.commit([note()])
    assert kept.store.degraded is None
    assert seqs(kept) == [[1, 2, 3]]
    assert list(kept.files.glob("*.torn")) == []


def test_short_writes_are_written_on(kept, monkeypatch):
    real = os.write
    monkeypatch.setattr(
        module.os, "write", lambda handle, data: real(handle, data[:50])
    )
    fill(kept, 3)
    assert kept.verify().ok


@pytest.mark.parametrize("failing", ["write", "fsync", "open"])
def test_a_new_file_that_cannot_be_begun_is_begun_later(small, monkeypatch, failing):
    fill(small, 2)

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, failing, fail)
        small.store.commit([note()])
        assert small.store.degraded is not None
    assert seqs(small) == [[1, 2]]
    small.store.commit([note()])
    assert seqs(small) == [[1, 2], [3, 4]]
    assert small.verify().ok


# Growing old


def aged(kept):
    """Three days of two notes each; the clock stands at the last."""
    for _ in range(3):
        fill(kept, 2)
        kept.clock.pass_(days=1)
    kept.clock.pass_(days=-1)
    return names(kept)


def test_files_older_than_wanted_are_deleted_and_a_record_says_so(kept):
    first, second, third = aged(kept)
    now = kept.clock.now
    assert kept.store.expire_audit(now, keep_days=2) == ()
    later = now + timedelta(microseconds=1)
    assert kept.store.expire_audit(later, keep_days=2) == (first,)
    entry = kept.store.audit(AuditQuery())[-1].entry
    assert (entry.actor, entry.action) == ("ordo", "audit.expired")
    assert entry.detail == {"files": [first], "through": 2}
    assert names(kept) == [second, third]
    assert kept.verify().ok
    assert kept.store.expire_audit(later, keep_days=2) == ()
    kept.restart()
    fill(kept, 1)
    assert kept.verify().ok


def test_several_old_files_go_together_and_the_one_in_use_stays(kept):
    first, second, third = aged(kept)
    far = kept.clock.now + timedelta(days=1000)
    assert kept.store.expire_audit(far, keep_days=1) == (first, second)
    assert kept.store.expire_audit(far, keep_days=1) == ()
    assert names(kept) == [third]
    assert kept.verify().ok
    assert len(kept.store.audit(AuditQuery())) == 7  # the table keeps them all


def test_the_record_of_an_expiry_is_stored_before_the_files_go(kept):
    before = aged(kept)
    kept.sql("PRAGMA query_only = ON")
    with pytest.raises(StoreFailed, match="the database cannot be written to"):
        kept.store.expire_audit(kept.clock.pass_(days=1000), keep_days=1)
    assert names(kept) == before


def test_the_files_alone_expire_and_say_what_must_be_noted(tmp_path):
    kept = Kept(tmp_path)
    first, second, third = aged(kept)
    kept.store.close()
    rows = stored_lines(kept)
    files = AuditFiles(kept.files, KEY, 10**6, kept.clock, lambda seq: iter(rows[seq:]))
    files.catch_up()
    far = kept.clock.now + timedelta(days=1000)
    assert files.expire(far, 1) == ((first, 2), (second, 4))
    assert names(kept) == [third]
    files.close()
    problem = verify(kept.files, KEY, rows).problem
    assert (problem.seq, problem.file, problem.line) == (4, second, 0)
    assert problem.what == "it and all before it are gone, and no record says why"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace(b'{"n":1}', b'{"n":7}'),
        lambda text: text[: text.rindex(b"\n", 0, -1) + 1],
        lambda text: text + b"more\n",
        lambda text: text.replace(b'"previous_lines"', b'"previous_line"'),
        lambda text: b"",
    ],
)
def test_a_file_that_is_not_whole_is_never_deleted_nor_any_after_it(kept, spoil):
    first, second, _ = aged(kept)
    path = kept.files / second
    path.write_bytes(spoil(path.read_bytes()))
    far = kept.clock.now + timedelta(days=1000)
    gone = kept.store.expire_audit(far, keep_days=1)
    header_spoilt = (
        read_header(KEY, path.read_bytes().partition(b"\n")[0] + b"\n") is None
    )
    assert gone == (() if header_spoilt else (first,))
    assert second in names(kept)


def test_old_files_that_cannot_be_read_stay_and_the_one_in_use_is_written_on(
    kept, monkeypatch
):
    before = aged(kept)
    far = kept.clock.pass_(days=1000)

    def fail(*args):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("adapters.stores.audit_files.old_files", fail)
        with pytest.raises(StoreFailed, match="cannot be read: Input/output error"):
            kept.store.old_audit(far, 1)
    kept.store.commit([note(99)])
    assert kept.store.degraded is None
    assert names(kept)[: len(before)] == before


def test_an_old_file_whose_header_is_spoilt_is_never_deleted(kept):
    first, *_ = aged(kept)
    path = kept.files / first
    path.write_bytes(b"{}" + path.read_bytes())
    assert kept.store.old_audit(kept.clock.pass_(days=1000), 1) == ()


def test_old_files_are_told_a_few_at_a_time(kept):
    first, second, _ = aged(kept)
    far = kept.clock.pass_(days=1000)
    assert [file.name for file in kept.store.old_audit(far, 1, 1)] == [first]
    kept.store.drop_audit(kept.store.old_audit(far, 1, 1))
    assert [file.name for file in kept.store.old_audit(far, 1, 1)] == [second]
    kept.store.drop_audit(kept.store.old_audit(far, 1, 1))
    assert first not in names(kept)
    assert second not in names(kept)
    assert kept.verify().ok


def test_without_files_there_is_nothing_old_to_delete(tmp_path):
    trail = AuditTrail(None)
    assert trail.due(START, 1, 1) == ()
    trail.delete(())
    trail.follow(())
    trail.close()
    assert trail.behind is None


def test_a_last_file_without_a_single_byte_is_gone_past(kept):
    """The power went between its making and its header."""
    kept.store.commit([note(1)])
    kept.store.close()
    (kept.files / DAY_1.replace("000001", "000002")).touch()
    store = kept.open()
    store.commit([note(2)])
    assert names(kept) == [DAY_1]
    assert kept.verify().ok


class Stuck:
    """Audit files that a disk does not take."""

    def __init__(self, number):
        self._number = number

    def catch_up(self):
        raise StoreFailed("not written") from OSError(self._number, "no")


def test_a_full_disk_lets_the_files_lag_and_any_other_fault_stops_the_start():
    trail = AuditTrail(Stuck(errno.ENOSPC))
    assert trail.start() == ()
    assert trail.behind == "not written"
    with pytest.raises(StoreUnusable, match="not written"):
        AuditTrail(Stuck(errno.EIO)).start()
