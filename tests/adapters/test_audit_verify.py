"""Tampering with the audit log, in every way and everywhere: all of it is found."""

import random
import shutil
import threading
from itertools import combinations, count

import pytest

from adapters import StoreUnusable
from adapters.stores import StoredAudit, Verdict, verify
from adapters.stores.audit_chain import read, seal, written
from adapters.stores.audit_header import Header, files_in, sealed
from tests.contracts.sqlite_kept import KEY, Kept
from tests.contracts.writes import note

SEED = 20260302
RECORDS = 10
PER_FILE = 3  # records in a file: the last file has one


class Log:
    """A log of ten records in four files, its rows as the store has them."""

    def __init__(self, directory):
        kept = Kept(directory, audit_max_bytes=1500)
        for number in range(RECORDS):
            kept.store.commit([note(n=number)])
        kept.store.close()
        self.directory = kept.files
        with StoredAudit(kept.path) as rows:
            self.rows = list(rows)
        self.good = {path.name: path.read_bytes() for path in files_in(kept.files)}
        self.names = list(self.good)

    def verify(self, files, *, rows=True):
        """What `verify` says of these files instead."""
        shutil.rmtree(self.directory)
        self.directory.mkdir()
        for name, content in files.items():
            (self.directory / name).write_bytes(content)
        return verify(self.directory, KEY, self.rows if rows else None)

    def lines(self, name):
        return self.good[name].splitlines(keepends=True)

    def with_lines(self, name, lines):
        return self.good | {name: b"".join(lines)}

    def places(self):
        """(file, index of the line, its record; for a header the record after it)."""
        for at, name in enumerate(self.names):
            for index in range(len(self.lines(name))):
                yield name, index, at * PER_FILE + max(index, 1)

    def end_of(self, name):
        """Where a record is found missing at a file's end: no line bears it."""
        return name, 0


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    log = Log(tmp_path_factory.mktemp("log"))
    assert [len(log.lines(name)) for name in log.names] == [4, 4, 4, 2]
    return log


def found(verdict):
    """The first fault, as (record, file, line)."""
    problem = verdict.problem
    return problem and (problem.seq, problem.file, problem.line)


def flips(log):
    rng = random.Random(SEED)
    for name, index, seq in log.places():
        lines = log.lines(name)
        ends = {0, len(lines[index]) - 1}  # the end of line is flipped as well
        for at in ends | set(rng.sample(range(len(lines[index])), 24)):
            line = bytearray(lines[index])
            line[at] ^= 1 << rng.randrange(8)
            yield (
                log.with_lines(name, [*lines[:index], line, *lines[index + 1 :]]),
                (*(seq, name, index + 1),),
            )


def deletions(log):
    for name, index, seq in log.places():
        lines = log.lines(name)
        place = (name, index + 1) if index < len(lines) - 1 else (name, 0)
        rest = lines[:index] + lines[index + 1 :]
        yield log.with_lines(name, rest), (seq, *place)


def swaps(log):
    places = list(log.places())
    for (name, one, seq), (other, two, _) in combinations(places, 2):
        mine, theirs = log.lines(name), log.lines(other)
        if name == other:
            mine[one], mine[two] = mine[two], mine[one]
            files = log.with_lines(name, mine)
        else:
            mine[one], theirs[two] = theirs[two], mine[one]
            files = log.with_lines(name, mine) | {other: b"".join(theirs)}
        yield files, (seq, name, one + 1)


def insertions(log):
    last = read(log.lines(log.names[-1])[-1])
    forged = seal(b"x" * 32, last.head, at=last.at, boot="b", entry={"forged": True})
    for name, index, seq in log.places():
        lines = log.lines(name)
        wanted = (seq if index else max(seq, 1), name, index + 1)
        for line in (written(forged), b"\n", b"{}\n", lines[-1], lines[0]):
            if line == lines[index]:
                continue  # that is a doubled line, below
            more = [*lines[:index], line, *lines[index:]]
            yield log.with_lines(name, more), wanted
        doubled = [*lines[: index + 1], *lines[index:]]
        after = seq + 1 if index else seq
        yield log.with_lines(name, doubled), (after, name, index + 2)


def truncations(log):
    """Every file, cut off after each line, and within each line."""
    rng = random.Random(SEED)
    for name, index, seq in log.places():
        lines = log.lines(name)
        before, line = b"".join(lines[:index]), lines[index]
        if index:
            yield log.good | {name: before}, (seq, name, 0)
        for length in {1, len(line) - 1, *rng.sample(range(1, len(line)), 6)}:
            yield log.good | {name: before + line[:length]}, (seq, name, index + 1)


def files_gone(log):
    for at, name in enumerate(log.names):
        files = {other: log.good[other] for other in log.names if other != name}
        first = at * PER_FILE + 1
        if at == 0:
            yield files, (PER_FILE, name, 0)
        elif at == len(log.names) - 1:
            yield files, (first, log.names[at - 1], 0)
        else:
            yield files, (first, name, 0)
    for gone in (2, 3):
        left = log.names[gone:]
        wanted = (gone * PER_FILE, log.names[gone - 1], 0)
        yield {name: log.good[name] for name in left}, wanted
    yield {}, (1, "audit files", 0)


def files_changed(log):
    first, second, third, last = log.names
    good = log.good
    yield good | {first: b""}, (1, first, 1)
    yield good | {third: b""}, (7, third, 1)
    yield good | {second: good[third], third: good[second]}, (4, second, 1)
    yield good | {second: good[first]}, (4, second, 1)
    yield (
        good | {"audit-20260302-000005.jsonl": good[last]},
        (*(11, "audit-20260302-000005.jsonl", 1),),
    )
    yield (
        good | {"audit-20260101-000002.jsonl": good[second]},
        (*(4, "audit-20260101-000002.jsonl", 1),),
    )
    forged = Header(
        file=second,
        first_seq=4,
        previous=None,
        previous_lines=0,
        previous_head="0" * 64,
    )
    lines = log.lines(second)
    spaced = lines[0].replace(b'{"file":', b'{"file": ')
    yield log.with_lines(second, [spaced, *lines[1:]]), (4, second, 1)
    yield (
        log.with_lines(second, [sealed(b"x" * 32, forged), *lines[1:]]),
        (*(4, second, 1),),
    )


KINDS = {
    "flipped bits": (flips, 14 * 24),
    "deleted lines": (deletions, 14),
    "swapped lines": (swaps, 91),
    "inserted lines": (insertions, 14 * 5),
    "cut off": (truncations, 14 * 6),
    "files deleted": (files_gone, 7),
    "files put in or exchanged": (files_changed, 8),
}


def test_a_log_that_nobody_touched_is_whole(log):
    assert log.verify(log.good) == Verdict(
        records=RECORDS,
        files=4,
        head=log.rows[-1].head,
        problem=None,
        notes=(),
    )
    assert log.verify(log.good, rows=False).ok


@pytest.mark.parametrize(("tamper", "least"), KINDS.values(), ids=KINDS)
def test_tampering_is_found_and_its_first_place_named(log, tamper, least):
    tried = 0
    for files, place in tamper(log):
        verdict = log.verify(files)
        assert found(verdict) == place, (SEED, tried, verdict)
        assert not verdict.ok
        tried += 1
    assert tried >= least


@pytest.mark.parametrize(("tamper", "least"), KINDS.values(), ids=KINDS)
def test_without_the_store_all_is_found_but_what_is_missing_at_the_end(
    log, tamper, least
):
    last, one_before = log.names[-1], log.names[-2]
    blind = [(10, last, 0), (10, one_before, 0), (1, "audit files", 0)]
    for files, place in tamper(log):
        verdict = log.verify(files, rows=False)
        assert verdict.ok is (place in blind), (SEED, place, verdict)


def test_a_key_that_is_not_the_log_s_finds_nothing_good(log):
    log.verify(log.good)
    verdict = verify(log.directory, b"x" * 32, log.rows)
    assert found(verdict) == (1, log.names[0], 1)


@pytest.mark.parametrize(
    ("rows", "place", "what"),
    [
        (lambda x: x[:-1], (10, 3, 2), "the database has not got it"),
        (lambda x: x[:4], (5, 1, 3), "the database has not got it"),
        (lambda x: [], (1, 0, 2), "the database has not got it"),
        (lambda x: x[:4] + x[5:], (5, 1, 3), "the database has not got it"),
        (lambda x: [x[0], x[0], *x[1:]], (2, 0, 3), "the database has it otherwise"),
        (
            lambda x: [*x[:4], seal(KEY, x[3].head, at="", boot="", entry={}), *x[5:]],
            (5, 1, 3),
            "the database has it otherwise",
        ),
        (
            lambda x: [*x, seal(KEY, x[-1].head, at="", boot="", entry={})],
            (11, 3, 0),
            "they end here, and the database goes on",
        ),
    ],
)
def test_a_database_that_differs_from_the_files_is_found(log, rows, place, what):
    log.verify(log.good)
    verdict = verify(log.directory, KEY, rows(log.rows))
    seq, file, line = place
    assert found(verdict) == (seq, log.names[file], line)
    assert verdict.problem.what == what


def test_a_log_that_begins_late_is_checked_against_the_rows_before_it(log):
    """Files before it expired: that is recorded, and the rows lead up to it."""
    entry = {
        "actor": "ordo",
        "action": "audit.expired",
        "detail": {"files": [log.names[0]], "through": 3},
    }
    said = seal(KEY, log.rows[-1].head, at="", boot="", entry=entry)
    last = log.names[-1]
    files = log.good | {last: log.good[last] + written(said)}
    del files[log.names[0]]
    rows, log.rows = log.rows, [*log.rows, said]
    try:
        assert log.verify(files).ok
        log.rows = [*rows[:1], rows[0], *rows[2:], said]
        verdict = log.verify(files)
        assert found(verdict) == (2, "the database", 0)
        assert verdict.problem.what == "record 2 was wanted, found 1"
        log.rows = rows[:2]
        verdict = log.verify(files)
        assert found(verdict) == (3, "the database", 0)
        assert verdict.problem.what == "it ends before the files begin"
        other = seal(KEY, rows[1].head, at="", boot="", entry={})
        log.rows = [*rows[:2], other]
        verdict = log.verify(files)
        assert found(verdict) == (4, log.names[1], 1)
        assert verdict.problem.what == "the database has another record before it"
        log.rows = [*rows, said]
        del files[log.names[1]]  # one more than was recorded
        assert found(log.verify(files)) == (6, log.names[1], 0)
    finally:
        log.rows = rows


def test_a_log_of_nothing_is_whole(tmp_path):
    nothing = verify(tmp_path / "nowhere", KEY, [])
    assert (nothing.ok, nothing.records, nothing.files) == (True, 0, 0)


# Beside a running Ordo


def test_a_log_is_verified_while_it_is_written(tmp_path):
    kept = Kept(tmp_path, audit_max_bytes=3000)
    kept.store.commit([note()])
    done, well_under_way = threading.Event(), threading.Event()

    def write():
        for number in count():
            kept.store.commit([note(), note()])
            if number == 10:
                well_under_way.set()
            if done.is_set():
                break

    writer = threading.Thread(target=write)
    writer.start()
    verdicts = []
    for _ in range(6):
        with StoredAudit(kept.path) as rows:
            verdicts.append(verify(kept.files, KEY, rows, patience=5))
    assert well_under_way.wait(10)
    with StoredAudit(kept.path) as rows:
        verdicts.append(verify(kept.files, KEY, rows, patience=5))
    done.set()
    writer.join()
    assert [verdict.problem for verdict in verdicts] == [None] * 7
    assert verdicts[-1].records >= 21
    kept.store.close()


def test_verifying_ends_though_more_is_written_than_it_can_read(tmp_path):
    kept = Kept(tmp_path)
    kept.store.commit([note(), note()])
    kept.store.close()
    (path,) = files_in(kept.files)

    def rows():
        """For each row that is read, one more is stored and copied: none is last."""
        with StoredAudit(kept.path) as stored:
            lines = list(stored)
        for number in range(20):
            lines.append(seal(KEY, lines[-1].head, at="2026", boot="b", entry={}))
            with path.open("ab") as file:
                file.write(written(lines[-1]))
            yield lines[number]
        pytest.fail("it follows the writer for ever")

    assert verify(kept.files, KEY, rows(), patience=5).records == 3


def test_a_file_that_is_followed_while_its_end_is_read_is_read_to_the_end(
    log, monkeypatch
):
    """The next file appears just after this one was found to have no more, for now."""
    first, second = log.names[:2]
    looks = []

    def look(directory):
        looks.append(directory)
        if len(looks) == 3:  # the start, the list of files, and then at the first's end
            (directory / first).write_bytes(log.good[first])
            (directory / second).write_bytes(log.good[second])
        return files_in(directory)

    shutil.rmtree(log.directory)
    log.directory.mkdir()
    (log.directory / first).write_bytes(b"".join(log.lines(first)[:2]))
    monkeypatch.setattr("adapters.stores.audit_verify.files_in", look)
    verdict = verify(log.directory, KEY, log.rows[:6], patience=5)
    assert verdict.problem is None
    assert len(looks) >= 3
    assert verdict.records >= 2


def test_files_that_are_begun_while_the_last_is_read_are_read_too(log, monkeypatch):
    """The log rotates just after its end was read: the list of files is made again."""
    first, second = log.names[:2]
    looks = []

    def look(directory):
        looks.append(files_in(directory))
        if len(looks) == 3:  # the start, the list of files, and then at the first's end
            (directory / second).write_bytes(log.good[second])
        return files_in(directory)

    shutil.rmtree(log.directory)
    log.directory.mkdir()
    (log.directory / first).write_bytes(log.good[first])
    monkeypatch.setattr("adapters.stores.audit_verify.files_in", look)
    verdict = verify(log.directory, KEY, log.rows[:4], patience=5)
    assert [path.name for path in looks[1]] == [first]
    assert (verdict.problem, verdict.records, verdict.files) == (None, 4, 2)


def test_a_line_that_is_just_being_written_is_waited_for(tmp_path):
    kept = Kept(tmp_path)
    kept.store.commit([note(), note()])
    kept.store.close()
    (path,) = files_in(kept.files)
    whole = path.read_bytes()
    path.write_bytes(whole[:-50])
    assert found(kept.verify()) == (2, path.name, 3)
    rest = threading.Timer(0.2, path.write_bytes, [whole])
    rest.start()
    with StoredAudit(kept.path) as rows:
        assert verify(kept.files, KEY, rows, patience=5).ok
    path.write_bytes(whole[:-50])
    rest = threading.Timer(0.2, path.write_bytes, [whole])
    rest.start()
    assert verify(kept.files, KEY, patience=5).records == 2
    rest.join()


def test_a_log_left_by_a_killed_ordo_can_be_read_without_writing_to_it(tmp_path):
    kept = Kept(tmp_path)
    kept.store.commit([note()])
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("ordo.db", "ordo.db-wal"):  # as a kill leaves it: no -shm either
        shutil.copy(tmp_path / name, copy / name)
    kept.store.close()
    log = (copy / "ordo.db-wal").read_bytes()
    with StoredAudit(copy / "ordo.db") as rows:
        assert verify(kept.files, KEY, rows).records == 1
    assert (copy / "ordo.db-wal").read_bytes() == log


def test_a_database_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(StoreUnusable, match=r"ordo\.db: cannot be read"):
        StoredAudit(tmp_path / "ordo.db")
    assert list(tmp_path.iterdir()) == []
