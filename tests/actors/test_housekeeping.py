"""Housekeeping: when it comes, in what portions, and what it does about damage."""

from datetime import UTC, datetime, timedelta

import pytest
import trio

from actors.housekeeping import (
    AFTER_START,
    FILES_AT_ONCE,
    KEYS_AT_ONCE,
    LONGEST_WAIT,
    Housekeeping,
    next_quiet,
)
from actors.mailbox import Mailbox
from actors.messages import Commit, DropAudit, Dropped, PruneKeys, StoreDown
from actors.supervisor import ChildGivenUp
from actors.writer import StoreHealth, Writer
from adapters import Note, OldFile, Pruned, StoreFailed
from tests.support.gateway import (
    a_batch,
    inline,
    make_paper,
    make_system,
    place,
    running,
    wall,
)
from tests.support.memory_store import START, MemoryStore

QUIET = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
"""03:30 in India, the first after the tests' start."""


class Littered(MemoryStore):
    """A store with something to tidy.

    Attributes:
        keys: to be aged.
        files: old enough to go.
        done: what was done, and when on the Trio clock.
    """

    def __init__(self, keys=0, files=()):
        super().__init__()
        self.keys, self.files = keys, list(files)
        self.problems, self.done, self.fails = [], [], None

    def prune(self, now, most):
        self._did("prune")
        some = min(most, self.keys)
        self.keys -= some
        return Pruned(expired=some, forgotten=0, more=some == most)

    def old_audit(self, now, keep_days, most):
        assert keep_days == 9
        return self.files[:most]

    def drop_audit(self, files):
        self._did("drop")
        self.files = [file for file in self.files if file not in files]

    def check(self):
        self._did("check")
        return self.problems

    def commit(self, writes):
        self.done.append(("commit", trio.current_time()))
        return super().commit(writes)

    def _did(self, what):
        self.done.append((what, trio.current_time()))
        if what == self.fails:
            raise StoreFailed("the disk failed")

    def at(self, what):
        return [at for did, at in self.done if did == what]


class House:
    """The actor and its writer over a store; `clock` may set the wall clock."""

    def __init__(self, store):
        self.store, self.health = store, StoreHealth()
        self.writer = Mailbox("writer", 100)
        self.ahead = timedelta()

    async def keep(self, seconds, *others, served=True):
        keeper = Housekeeping(
            self.writer,
            self.store,
            self.health,
            lambda: wall() + self.ahead,
            keep_days=9,
            run_sync=inline,
        )
        writer = Writer(self.writer, self.store, self.health, run_sync=inline)
        async with trio.open_nursery() as tree:
            if served:
                await tree.start(writer.run)
            await tree.start(keeper.run)
            for other in others:
                tree.start_soon(other)
            await trio.sleep(seconds)
            tree.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (START, QUIET),
        (QUIET, QUIET + timedelta(days=1)),
        (QUIET - timedelta(seconds=1), QUIET),
        (QUIET + timedelta(seconds=1), QUIET + timedelta(days=1)),
    ],
)
def test_the_quiet_hour_is_half_past_three_in_india(now, due):
    assert next_quiet(now) == due


async def test_it_tidies_a_minute_after_the_start_and_each_night_and_checks_then(
    autojump_clock,
):
    house = House(Littered())
    await house.keep(2 * 86_400)
    night = (QUIET - START).total_seconds()
    assert house.store.at("prune") == [AFTER_START, night, night + 86_400]
    assert house.store.at("check") == [night, night + 86_400]


async def test_keys_are_aged_in_portions_and_commits_go_between_them(autojump_clock):
    house = House(Littered(keys=5 * KEYS_AT_ONCE))

    async def order():
        await trio.sleep(AFTER_START + 0.07)
        await house.writer.ask(Commit(writes=(Note(audit=()),)))

    await house.keep(100, order)
    portions = house.store.at("prune")
    assert [round(at - AFTER_START, 3) for at in portions] == [
        0,
        0.05,
        0.1,
        0.15,
        0.2,
        0.25,
    ]
    assert house.store.at("commit") == [AFTER_START + 0.07]
    assert house.store.keys == 0


async def test_a_commit_that_waits_beside_a_portion_goes_first(autojump_clock):
    house = House(Littered(keys=1))
    house.writer.tell(PruneKeys(now=START, most=1))
    house.writer.tell(Commit(writes=(Note(audit=()),)))
    house.writer.tell(DropAudit(files=()))
    await house.keep(1)
    assert [did for did, _ in house.store.done] == ["commit", "prune", "drop"]


async def test_audit_files_go_one_at_a_time(autojump_clock, caplog):
    caplog.set_level("INFO")
    house = House(Littered(files=[OldFile(f"file-{n}", n) for n in range(3)], keys=7))
    await house.keep(100)
    assert FILES_AT_ONCE == 1
    assert len(house.store.at("drop")) == 3
    assert house.store.files == []
    assert "7 keys expired, 0 forgotten, 3 audit files deleted" in caplog.text


@pytest.mark.parametrize("fails", ["prune", "drop"])
async def test_what_fails_is_left_for_the_next_night_and_orders_go_on(
    autojump_clock, caplog, fails
):
    house = House(Littered(keys=1, files=[OldFile("file", 1)]))
    house.store.fails = fails
    await house.keep(1000)
    assert "housekeeping stopped early: the disk failed" in caplog.text
    assert house.health.ok
    assert len(house.store.at(fails)) == 1
    house.store.fails = None
    await house.keep(1000)
    assert (house.store.keys, house.store.files) == (0, [])


async def test_a_writer_that_is_gone_ends_the_round_and_no_more(autojump_clock, caplog):
    house = House(Littered())
    house.writer.close()
    await house.keep(100, served=False)
    assert "housekeeping stopped early: writer is closed" in caplog.text


async def test_a_damaged_database_takes_no_new_order_until_ordo_is_restarted(
    autojump_clock, caplog
):
    house = House(Littered())
    house.store.problems = ["page 7: never used", "page 9: never used"]
    await house.keep(86_400)
    assert house.health.reason == "the database is damaged: page 7: never used"
    assert not house.health.ok
    assert "page 7: never used; page 9: never used; stop Ordo" in caplog.text
    (record,) = house.store._audit
    assert record.entry.action == "store.damaged"
    assert record.entry.detail == {"found": house.store.problems}


async def test_a_check_that_cannot_be_made_says_so_and_condemns_nothing(
    autojump_clock, caplog
):
    house = House(Littered())
    house.store.fails = "check"
    await house.keep(86_400)
    assert house.health.ok
    assert "the database could not be checked: the disk failed" in caplog.text


async def test_a_store_that_comes_back_is_still_damaged(autojump_clock):
    house = House(Littered())
    house.health.damage = "the database is damaged: page 7"

    async def use():
        house.store.failing = "disk full"
        await house.writer.ask(Commit(writes=(Note(audit=()),)))
        assert house.health.failure == "disk full"
        house.store.failing = None
        await trio.sleep(10)

    await house.keep(30, use)
    assert house.health.failure is None
    assert house.health.reason == "the database is damaged: page 7"


async def test_a_clock_that_is_set_is_noticed_within_ten_minutes(autojump_clock):
    house = House(Littered())

    async def set_clock():
        await trio.sleep(1000)
        house.ahead = QUIET - wall()

    await house.keep(3000, set_clock)
    (at,) = house.store.at("check")
    assert at <= 1000 + LONGEST_WAIT


async def test_the_writer_answers_a_chore_with_what_came_of_it(autojump_clock):
    house = House(Littered(keys=3))
    answers = []

    async def ask():
        answers.append(await house.writer.ask(PruneKeys(now=START, most=2)))
        answers.append(await house.writer.ask(DropAudit(files=())))
        house.store.fails = "drop"
        answers.append(await house.writer.ask(DropAudit(files=())))

    await house.keep(10, ask)
    assert answers == [
        Pruned(expired=2, forgotten=0, more=True),
        Dropped(),
        StoreDown(message="the disk failed"),
    ]


async def test_a_message_of_no_kind_it_knows_crashes_the_writer(autojump_clock):
    house = House(Littered())
    house.writer.tell("what?")
    with pytest.raises(ExceptionGroup) as crash:
        await house.keep(1)
    assert "no message for the writer: 'what?'" in str(crash.value.exceptions)


async def test_housekeeping_that_crashes_again_and_again_leaves_trading_alone(
    autojump_clock, monkeypatch, caplog
):
    async def bug(self):
        raise ValueError("a bug")

    monkeypatch.setattr(Housekeeping, "_tidy", bug)
    system = make_system({"one": make_paper()})
    async with running(system):
        await trio.sleep(12 * 3600)
        done = await place(system, a_batch("one"))
    assert done.orders[0].status == "acked"
    assert f"{ChildGivenUp('housekeeping', 5).name} is given up" in caplog.text
