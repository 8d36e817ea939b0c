"""The writer: one commit for all that waits, answers after it, a store that fails."""

import pytest
import trio
import trio.testing

from actors.mailbox import Mailbox
from actors.messages import Commit, Committed, StoreDown
from actors.writer import BUSY, GATHER, StoreHealth, Writer, tell
from adapters import (
    Accept,
    Accepted,
    AuditEntry,
    Batch,
    KeyScope,
    KeyTaken,
    Note,
    StoreFailed,
)
from tests.support.memory_store import MemoryStore
from tests.support.records import AT, a_record


class Disk(MemoryStore):
    """A store that is slow and counts what is asked of it."""

    def __init__(self):
        super().__init__()
        self.reserve_released = 0
        self.full = False
        self.tries = []

    def commit(self, writes):
        self.tries.append(trio.current_time())
        return super().commit(writes)

    def release_reserve(self):
        self.reserve_released += 1

    def restore_reserve(self):
        if self.full:
            raise StoreFailed("no room for the reserve")


class Desk:
    """A writer at work on a `Disk`; *takes* seconds for each call."""

    def __init__(self, takes=0.0):
        self.disk = Disk()
        self.health = StoreHealth()
        self.mailbox = Mailbox("writer", 1000)
        self.takes = takes
        self.writer = Writer(self.mailbox, self.disk, self.health, run_sync=self._run)

    async def _run(self, call, *args):
        await trio.sleep(self.takes)
        return call(*args)

    async def ask(self, *writes):
        return await self.mailbox.ask(Commit(writes=writes))

    def notes(self):
        """The actions noted so far."""
        return [row.entry.action for row in self.disk._audit]


def note(action):
    return Note(audit=(AuditEntry(actor="test", action=action),))


def accept(key="key-1"):
    batch = Batch(
        batch_id="BATCH1",
        principal="token:test",
        idempotency_key=key,
        portfolio_id=None,
        created_at=AT,
        deadline_ms=5000,
    )
    scope = KeyScope(principal="token:test", route="POST", key=key)
    return Accept(
        scope=scope, fingerprint="F", batch=batch, orders=(a_record(),), audit=()
    )


async def at_work(desk, nursery):
    await nursery.start(desk.writer.run)


async def test_what_waits_goes_in_one_commit_and_each_gets_its_own_answer(
    autojump_clock,
):
    desk = Desk(takes=1)
    answers = {}

    async def ask(name, *writes):
        answers[name] = await desk.ask(*writes)
        answers[f"{name} at"] = trio.current_time()

    async with trio.open_nursery() as tree:
        await at_work(desk, tree)
        async with trio.open_nursery() as askers:
            askers.start_soon(ask, "first", note("first"))
            await trio.sleep(0.5)
            askers.start_soon(ask, "accept", note("a"), accept())
            await trio.sleep(0.1)
            askers.start_soon(ask, "again", accept())
            await trio.sleep(0.1)
            askers.start_soon(ask, "note", note("b"))
        tree.cancel_scope.cancel()
    assert [len(writes) for writes in desk.disk.commits] == [1, 4]
    assert answers["first"] == Committed(results=(None,))
    assert answers["accept"] == Committed(results=(None, Accepted()))
    taken = KeyTaken(fingerprint="F", batch_id="BATCH1", expired=False)
    assert answers["again"] == Committed(results=(taken,))
    assert answers["note"] == Committed(results=(None,))
    assert [answers["first at"], answers["note at"]] == [1, 2]


async def test_the_answer_comes_after_the_commit_and_never_before(autojump_clock):
    desk = Desk(takes=3)
    async with trio.open_nursery() as tree:
        await at_work(desk, tree)
        with trio.move_on_after(2.9) as early:
            await desk.ask(note("x"))
        assert early.cancelled_caught
        assert desk.disk.commits == []
        await trio.sleep(1)
        assert desk.notes() == ["x"]
        tree.cancel_scope.cancel()


async def test_at_most_128_requests_go_in_one_commit(autojump_clock):
    desk = Desk(takes=1)
    for _ in range(300):
        tell(desk.mailbox, note("n"))
    async with trio.open_nursery() as tree:
        await at_work(desk, tree)
        await trio.sleep(10)
        tree.cancel_scope.cancel()
    assert [len(writes) for writes in desk.disk.commits] == [128, 128, 44]


async def test_a_request_without_writes_is_answered_after_all_before_it(
    autojump_clock,
):
    desk = Desk(takes=1)
    tell(desk.mailbox, note("before"))
    async with trio.open_nursery() as tree:
        await at_work(desk, tree)
        await trio.sleep(0.5)
        assert await desk.ask() == Committed(results=())
        assert trio.current_time() == 1
        assert desk.notes() == ["before"]
        tree.cancel_scope.cancel()


async def test_a_failed_commit_is_told_to_all_of_it_and_latches_the_store_down(
    autojump_clock,
):
    desk = Desk(takes=1)
    desk.disk.failing = "disk full"
    answers = []

    async def ask(write):
        answers.append(await desk.ask(write))

    async with trio.open_nursery() as tree:
        async with trio.open_nursery() as askers:
            askers.start_soon(ask, note("a"))
            askers.start_soon(ask, accept())
            await trio.sleep(0.1)
            await at_work(desk, tree)
        tree.cancel_scope.cancel()
    assert answers == [StoreDown(message="disk full")] * 2
    assert desk.health.failure == "disk full"
    assert not desk.health.ok
    assert desk.disk.reserve_released == 1


async def test_while_it_is_down_only_new_orders_are_refused(autojump_clock):
    desk = Desk()
    desk.disk.failing = "disk full"
    async with trio.open_nursery() as tree:
        await at_work(desk, tree)
        assert await desk.ask(note("lost")) == StoreDown(message="disk full")
        desk.disk.failing = None
        tried = len(desk.disk.tries)
        assert await desk.ask(note("a"), accept()) == StoreDown(message="disk full")
        assert len(desk.disk.tries) == tried
        assert await desk.ask(note("kept")) == Committed(results=(None,))
        assert not desk.health.ok
        assert desk.notes() == ["kept"]
        assert desk.disk.reserve_released == 1
        tree.cancel_scope.cancel()


async def test_a_second_failure_while_down_frees_no_second_reserve(autojump_clock):
    desk = Desk()
    desk.disk.failing = "disk full"
    async with trio.open_nursery() as tree:
        await at_work(desk, tree)
        await desk.ask(note("a"))
        desk.disk.failing = "worse"
        assert await desk.ask(note("b")) == StoreDown(message="worse")
        assert desk.health.failure == "disk full"
        assert desk.disk.reserve_released == 1
        tree.cancel_scope.cancel()


async def test_a_probe_each_five_seconds_finds_the_store_back(autojump_clock):
    desk = Desk()
    desk.disk.failing = "disk full"
    async with trio.open_nursery() as tree:
        await at_work(desk, tree)
        await desk.ask(note("a"))
        await trio.sleep(5.5)
        assert not desk.health.ok
        desk.disk.failing = None
        await trio.sleep(5)
        assert desk.health.ok
        assert desk.notes() == ["store.recovered"]
        assert desk.disk.tries == [0, 5, 10]
        assert await desk.ask(accept()) == Committed(results=(Accepted(),))
        await trio.sleep(60)
        assert len(desk.disk.tries) == 4
        tree.cancel_scope.cancel()


async def test_a_store_without_room_for_its_reserve_stays_down(autojump_clock):
    desk = Desk()
    desk.disk.failing = "disk full"
    async with trio.open_nursery() as tree:
        await at_work(desk, tree)
        await desk.ask(note("a"))
        desk.disk.failing, desk.disk.full = None, True
        await trio.sleep(20)
        assert not desk.health.ok
        assert desk.notes() == []
        desk.disk.full = False
        await trio.sleep(5)
        assert desk.health.ok
        tree.cancel_scope.cancel()


async def test_the_probe_comes_in_time_though_requests_keep_coming(autojump_clock):
    desk = Desk()
    desk.disk.failing = "disk full"
    async with trio.open_nursery() as tree:
        await at_work(desk, tree)
        await desk.ask(note("a"))
        desk.disk.failing = None
        for _ in range(6):
            await trio.sleep(0.9)
            await desk.ask(note("busy"))
        assert trio.current_time() == pytest.approx(5.4)
        assert desk.health.ok
        tree.cancel_scope.cancel()


async def test_what_was_told_last_before_a_stop_is_stored(autojump_clock):
    desk = Desk(takes=1)
    answers = []

    async def ask():
        answers.append(await desk.ask(note("asked")))

    async with trio.open_nursery() as askers, trio.open_nursery() as tree:
        await at_work(desk, tree)
        tell(desk.mailbox, note("first"))
        await trio.sleep(0.5)
        askers.start_soon(ask)
        await trio.sleep(0.1)
        tell(desk.mailbox, note("last"))
        tree.cancel_scope.cancel()
    assert desk.notes() == ["first", "asked", "last"]
    assert answers == [Committed(results=(None,))]


async def test_a_stop_does_not_cut_a_commit_short(autojump_clock):
    desk = Desk(takes=2)
    answers = []

    async def ask():
        answers.append(await desk.ask(note("asked")))

    async with trio.open_nursery() as askers, trio.open_nursery() as tree:
        await at_work(desk, tree)
        askers.start_soon(ask)
        await trio.sleep(1)
        tree.cancel_scope.cancel()
    assert answers == [Committed(results=(None,))]
    assert trio.current_time() == 2


async def test_a_commit_that_does_not_end_is_called_failed_after_five_seconds(
    autojump_clock,
):
    desk = Desk(takes=1000)
    async with trio.open_nursery() as tree:
        await at_work(desk, tree)
        answer = await desk.ask(note("a"))
        assert answer == StoreDown(message="no commit within 5.0 s")
        assert trio.current_time() == 5
        tree.cancel_scope.cancel()


async def test_what_cannot_even_be_queued_is_logged(autojump_clock, caplog):
    mailbox = Mailbox("writer", 1)
    tell(mailbox, note("a"))
    tell(mailbox, note("b"))
    assert mailbox.depth == 1
    assert "not stored" in caplog.text
    assert "writer holds 1 messages" in caplog.text


async def test_a_bug_in_the_store_is_not_taken_for_a_full_disk(autojump_clock):
    desk = Desk()

    def commit(writes):
        raise ValueError("a bug")

    desk.disk.commit = commit
    tell(desk.mailbox, note("a"))
    with pytest.raises(ExceptionGroup) as crash:  # noqa: PT012 - the tree is one thing
        async with trio.open_nursery() as tree:
            await at_work(desk, tree)
            await trio.sleep(1)
    assert crash.group_contains(ValueError, match="a bug")
    assert desk.health.ok


async def test_under_load_a_moment_is_waited_so_that_one_commit_serves_many(
    autojump_clock,
):
    desk = Desk()
    async with trio.open_nursery() as nursery:
        await at_work(desk, nursery)
        for number in range(BUSY):
            nursery.start_soon(desk.ask, note(f"first {number}"))
        await trio.testing.wait_all_tasks_blocked()
        desk.mailbox.tell(Commit(writes=(note("second"),)))
        await trio.sleep(GATHER / 2)
        assert desk.disk.tries == [0.0]
        await desk.ask(note("third"))
        assert desk.disk.tries == [0.0, GATHER]
        await desk.ask(note("alone"))  # not under load any more: at once
        assert desk.disk.tries == [0.0, GATHER, GATHER]
        nursery.cancel_scope.cancel()


async def test_what_is_told_while_the_writer_waits_for_more_survives_a_stop(
    autojump_clock,
):
    desk = Desk()
    async with trio.open_nursery() as nursery:
        await at_work(desk, nursery)
        for number in range(BUSY):
            nursery.start_soon(desk.ask, note(f"first {number}"))
        await trio.testing.wait_all_tasks_blocked()
        desk.mailbox.tell(Commit(writes=(note("last"),)))
        nursery.cancel_scope.cancel()
    assert desk.notes()[-1] == "last"
