"""Housekeeping over the real store: orders do not wait, and keys expire for callers."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import perf_counter

import trio

from actors import housekeeping
from actors.housekeeping import Housekeeping
from actors.mailbox import Mailbox
from actors.messages import BatchDone, Commit, Committed, KeyReused
from actors.writer import StoreHealth, Writer
from adapters import Note
from adapters.stores.sqlite import SqliteStore
from tests.support.gateway import a_batch, make_paper, make_system, place, running

NOW = datetime(2026, 11, 23, 3, 45, tzinfo=UTC)
KEY = "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?, 0)"


@contextmanager
def a_store(directory, wall):
    store = SqliteStore.open(
        directory / "ordo.db",
        wall=wall,
        boot="test",
        audit_key=b"k" * 32,
        audit_dir=directory / "audit",
        reserve_bytes=4096,
    )
    try:
        yield store
    finally:
        store.close()


def fill(store, count):
    """Keys whose batches were settled a month ago."""
    old = (NOW - timedelta(days=30)).isoformat(timespec="microseconds")
    rows = [
        ("token:a", "POST", f"key-{n:06}", "print", f"batch-{n}", old, old)
        for n in range(count)
    ]
    store._writer.execute("BEGIN")
    store._writer.executemany(KEY, rows)
    store._writer.execute("COMMIT")


async def test_commits_do_not_wait_while_a_hundred_thousand_keys_are_pruned(
    tmp_path, monkeypatch, capsys
):
    """In real time, and without the pauses: the worst that could be."""
    monkeypatch.setattr(housekeeping, "AFTER_START", 0)
    monkeypatch.setattr(housekeeping, "PAUSE", 0)
    health, mailbox = StoreHealth(), Mailbox("writer", 100)
    took = []
    with a_store(tmp_path, lambda: NOW) as store:
        fill(store, 100_000)
        thread = trio.to_thread.run_sync
        keeper = Housekeeping(
            mailbox, store, health, lambda: NOW, keep_days=9, run_sync=thread
        )
        writer = Writer(mailbox, store, health, run_sync=thread)

        async def left():
            count = "SELECT count(*) FROM idempotency WHERE expired = 0"
            return store._connection.execute(count).fetchone()[0]

        async with trio.open_nursery() as tree:
            await tree.start(writer.run)
            await tree.start(keeper.run)
            while await left():
                began = perf_counter()
                answer = await mailbox.ask(Commit(writes=(Note(audit=()),)))
                took.append(perf_counter() - began)
                assert isinstance(answer, Committed)
                await trio.sleep(0.002)
            tree.cancel_scope.cancel()
    took.sort()
    p99 = took[int(len(took) * 0.99)]
    with capsys.disabled():
        print(f"\n{len(took)} commits beside the pruning, p99 {p99 * 1000:.1f} ms")
    assert len(took) > 100
    assert p99 < 0.1  # one portion and one commit; the margin is for a busy machine


async def test_a_key_that_was_pruned_is_refused_as_expired_and_then_free_again(
    tmp_path, autojump_clock
):
    clock = [NOW]
    paper = make_paper()
    with a_store(tmp_path, lambda: clock[0]) as store:
        system = make_system({"one": paper}, store)
        async with running(system):
            first = await place(system, a_batch("one"))
            assert isinstance(first, BatchDone)
            await trio.sleep(40)  # the book has settled it
            again = await place(system, a_batch("one"))
            assert again.replayed

            clock[0] += timedelta(days=7, hours=1)
            assert store.prune(clock[0]).expired == 1
            assert await place(system, a_batch("one")) == KeyReused(expired=True)
            other = await place(system, a_batch("one", fingerprint="other"))
            assert other == KeyReused(expired=False)  # nothing is told of the first

            clock[0] += timedelta(days=90, hours=1)
            assert store.prune(clock[0]).forgotten == 1
            anew = await place(system, a_batch("one"))
    assert not anew.replayed
    assert anew.batch.batch_id != first.batch.batch_id
    assert len(paper._account.book.entries) == 2


async def test_the_nightly_check_reads_beside_everything_else(tmp_path):
    with a_store(tmp_path, lambda: NOW) as store:
        fill(store, 100)
        store._connection.execute("BEGIN")
        store._writer.execute("BEGIN IMMEDIATE")
        assert await trio.to_thread.run_sync(store.check) == []
        store._writer.execute("ROLLBACK")
        store._connection.execute("ROLLBACK")
