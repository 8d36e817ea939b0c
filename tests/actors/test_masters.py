"""The masters actor: when masters are fetched, from whom, and what a failure means."""

import logging
import random
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio

from actors.clockwork import Clockwork, Ids
from actors.mailbox import Mailbox
from actors.master_times import is_stale, is_wanted_at_start, last_due, next_due
from actors.masters import Masters
from actors.messages import (
    Denial,
    Downloaded,
    DownloadMaster,
    FetchFailed,
    ReadMasters,
    SyncInstruments,
)
from adapters import NotSent, RateLimited, SentUnknown, SessionExpired
from adapters.instruments import Built, MasterInfo, NotBuilt
from tests.support.stage import Stage

NINE = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
"""Monday, 9:00 in India."""
DAY = timedelta(days=1)
HOUR = 3600.0


def india(day, hour, minute=0, second=0):
    """A moment of November 2026 by India's clock."""
    local = datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)
    return local - timedelta(hours=5, minutes=30)


# When


@pytest.mark.parametrize(
    ("now", "last", "coming"),
    [
        (india(23, 9), india(23, 8, 15), india(24, 8, 15)),
        (india(23, 8, 15), india(23, 8, 15), india(24, 8, 15)),
        (india(23, 8, 14, 59), india(22, 8, 15), india(23, 8, 15)),
        (india(23, 0), india(22, 8, 15), india(23, 8, 15)),
    ],
)
def test_a_master_is_due_each_morning_at_a_quarter_past_eight_in_india(
    now, last, coming
):
    assert (last_due(now), next_due(now)) == (last, coming)


@pytest.mark.parametrize(
    ("synced_at", "now", "stale", "at_start"),
    [
        (None, india(23, 9), True, True),
        (india(23, 8, 16), india(23, 9), False, False),
        (india(23, 8, 14), india(23, 9), True, True),
        (india(23, 6), india(23, 8), False, False),
        (india(22, 9), india(23, 6), False, True),  # not of today
        (india(22, 9), india(23, 8, 15), True, True),
    ],
)
def test_a_start_wants_the_master_of_today_and_after_the_morning_the_mornings(
    synced_at, now, stale, at_start
):
    assert is_stale(synced_at, now) is stale
    assert is_wanted_at_start(synced_at, now) is at_start


# The actor


class Files:
    """`MasterFiles` without files.

    Attributes:
        infos: what is in force, by adapter.
        built: (adapter, files, force, Trio time) of each build.
        takes: seconds for a build.
        reasons: for the next builds: why they build nothing; None for one that works.
    """

    def __init__(self):
        self.infos = {}
        self.built = []
        self.takes = 5.0
        self.reasons = []
        self.no_directory = None

    def info(self, adapter):
        return self.infos.get(adapter)

    async def directory(self, adapter):
        if self.no_directory:
            raise OSError(self.no_directory)
        return Path(f"/downloads/{adapter}")

    async def build(self, adapter, files, *, synced_at, force):
        self.built.append((adapter, files, force, trio.current_time()))
        await trio.sleep(self.takes)
        reason = self.reasons.pop(0) if self.reasons else None
        if reason is not None:
            return NotBuilt(reason=reason)
        rows = 100 * len(self.built)
        self.there(adapter, synced_at, rows)
        return Built(
            info=self.infos[adapter],
            left_out=1 if rows == 700 else 0,
            remarks=("NSE:X (1): odd",),
            seconds=self.takes,
        )

    def there(self, adapter, synced_at, rows=50):
        self.infos[adapter] = MasterInfo(
            adapter=adapter, synced_at=synced_at, rows=rows, exchanges={}
        )


class Rig:
    """The actor over brokers that are scripted.

    Attributes:
        asked: (broker, Trio time) of each download.
        answers: what a broker answers, by its name; files by default.
    """

    def __init__(self, adapters=None, now=NINE):
        self.files = Files()
        self.adapters = adapters or {"made-up": ["one"]}
        self.start = now
        self.asked = []
        self.answers = {}
        self.download_takes = 10.0
        self.mailbox = Mailbox("masters", 100)
        self.writer = Mailbox("writer", 1000)
        rng = random.Random(1)
        self.clockwork = Clockwork(wall=self.wall, ids=Ids(self.wall, rng), rng=rng)

    def wall(self):
        return self.start + timedelta(seconds=trio.current_time())

    @asynccontextmanager
    async def running(self):
        boxes = {
            adapter: {name: Mailbox(name, 10) for name in names}
            for adapter, names in self.adapters.items()
        }
        actor = Masters(self.mailbox, boxes, self.files, self.writer, self.clockwork)
        async with trio.open_nursery() as nursery:
            for brokers in boxes.values():
                for name, box in brokers.items():
                    nursery.start_soon(self._broker, name, box)
            await nursery.start(actor.run)
            yield self
            nursery.cancel_scope.cancel()

    async def _broker(self, name, box):
        while True:
            with await box.receive() as request:
                message = request.message
                assert isinstance(message, DownloadMaster)
                self.asked.append((name, trio.current_time()))
                await trio.sleep(self.download_takes)
                failure = self.answers.get(name)
                if failure == "nothing":
                    continue
                request.reply(
                    failure
                    or Downloaded(
                        broker=name, files=(message.directory / name,), seconds=1.0
                    )
                )

    async def sync(self, *brokers, **more):
        message = SyncInstruments(brokers=brokers or ("one",), by="token:me", **more)
        return await self.mailbox.ask(message)

    async def report(self):
        (report,) = await self.mailbox.ask(ReadMasters())
        return report

    def notes(self):
        return [
            (entry.actor, entry.action, entry.broker, entry.detail)
            for request in self.writer.drain(1000)
            for write in request.message.writes
            for entry in write.audit
        ]

    def times(self):
        return [at for _, at in self.asked]


def no(broker, code="broker_unavailable", message="HTTP 503"):
    return FetchFailed(broker=broker, denial=Denial(code=code, message=message))


async def test_a_start_without_a_master_fetches_one_within_seconds(autojump_clock):
    async with Rig().running() as rig:
        await trio.sleep(60)
    ((broker, at),) = rig.asked
    assert broker == "one"
    assert 0 < at < 10
    assert rig.files.built == [
        ("made-up", (Path("/downloads/made-up/one"),), False, at + 10)
    ]
    info = rig.files.infos["made-up"]
    assert info.synced_at == NINE + timedelta(seconds=at)
    assert rig.notes() == [
        (
            "masters",
            "instruments.synced",
            "one",
            {"adapter": "made-up", "rows": 100, "seconds": 15.0},
        )
    ]


async def test_a_start_with_the_mornings_master_waits_for_the_next_morning(
    autojump_clock,
):
    rig = Rig()
    rig.files.there("made-up", india(23, 8, 20))
    async with rig.running():
        await trio.sleep(22 * HOUR)
        assert rig.asked == []
        await trio.sleep(2 * HOUR)
    (at,) = rig.times()
    due = (india(24, 8, 15) - NINE).total_seconds()
    assert due < at < due + 300


async def test_every_morning_it_is_fetched_once_and_not_on_the_dot(autojump_clock):
    rig = Rig()
    async with rig.running():
        await trio.sleep(4 * 24 * HOUR)
    _, *mornings = rig.times()
    late = [
        at - (india(24 + n, 8, 15) - NINE).total_seconds()
        for n, at in enumerate(mornings)
    ]
    assert len(late) == 4
    assert len(set(late)) == 4
    assert all(0 < seconds < 300 for seconds in late)


async def test_yesterdays_master_is_fetched_at_a_start_before_the_morning_and_again(
    autojump_clock,
):
    rig = Rig(now=india(23, 6))
    rig.files.there("made-up", india(22, 9))
    async with rig.running():
        await trio.sleep(2 * HOUR)
        assert len(rig.asked) == 1
        await trio.sleep(1 * HOUR)
    assert len(rig.asked) == 2


async def test_midnight_alone_is_no_reason_to_fetch(autojump_clock):
    rig = Rig(now=india(23, 23))
    rig.files.there("made-up", india(23, 9))
    async with rig.running():
        await trio.sleep(8 * HOUR)
    assert rig.asked == []


async def test_a_failure_keeps_the_old_one_and_is_tried_again_later_and_later(
    autojump_clock, caplog
):
    rig = Rig()
    rig.files.there("made-up", NINE - DAY)
    rig.answers["one"] = no("one")
    async with rig.running():
        await trio.sleep(4 * HOUR)
        report = await rig.report()
    gaps = [b - a - 10 for a, b in zip(rig.times(), rig.times()[1:], strict=False)]
    assert [round(gap) for gap in gaps] == [300, 600, 1200, 2400, 3600, 3600]
    assert rig.files.built == []
    assert (report.rows, report.synced_at, report.stale) == (50, NINE - DAY, True)
    assert (report.error, report.stage) == ("HTTP 503", "idle")
    assert rig.notes()[0] == (
        "masters",
        "instruments.not_synced",
        "one",
        {"adapter": "made-up", "rows": 50, "seconds": 10.0, "reason": "HTTP 503"},
    )
    assert caplog.messages[0] == (
        "made-up: its instruments are not synced, those of before stay: HTTP 503"
    )


async def test_for_a_login_it_waits_in_short_steps_and_says_so_once(
    autojump_clock, caplog
):
    rig = Rig()
    rig.answers["one"] = no("one", "session_expired", "log in first")
    async with rig.running():
        await trio.sleep(2 * HOUR)
        assert len(caplog.messages) == len(rig.notes()) == 1
        await rig.sync()
        assert len(rig.notes()) == 1  # who asks is told each time
        del rig.answers["one"]
        await trio.sleep(80)
        assert (await rig.report()).rows == 100
    gaps = [b - a - 10 for a, b in zip(rig.times(), rig.times()[1:], strict=False)]
    assert max(gaps) == pytest.approx(60)


async def test_after_a_success_the_pauses_begin_anew(autojump_clock):
    rig = Rig()
    rig.files.reasons = ["half a file"] * 3
    async with rig.running():
        await trio.sleep(HOUR)
        assert len(rig.asked) == 4
        rig.files.reasons = ["half a file"]
        await trio.sleep(24 * HOUR)
    *_, failed, again = rig.times()
    assert again - failed == pytest.approx(315)


async def test_what_cannot_be_built_is_a_failure_with_its_reason(autojump_clock):
    rig = Rig()
    rig.files.reasons = ["wanted instruments, found none"]
    async with rig.running():
        (end,) = await rig.sync()
    assert (end.rows, end.synced_at, end.asked) == (0, None, "one")
    assert end.failure == no(
        "one", "instruments_refused", "wanted instruments, found none"
    )


async def test_a_file_that_cannot_be_read_back_is_a_failure_and_no_loop(
    autojump_clock, monkeypatch
):
    rig = Rig()
    monkeypatch.setattr(rig.files, "info", lambda adapter: None)
    async with rig.running():
        await trio.sleep(600)
    assert len(rig.asked) == 2


async def test_without_a_directory_nobody_is_asked(autojump_clock):
    rig = Rig()
    rig.files.no_directory = "No space left on device"
    async with rig.running():
        (end,) = await rig.sync()
    assert end.failure == no("one", "storage_unavailable", "No space left on device")
    assert rig.asked == []


# From whom


async def test_the_brokers_of_an_adapter_are_asked_in_turn_until_one_gives(
    autojump_clock,
):
    rig = Rig({"made-up": ["one", "two", "three"]})
    rig.answers["one"] = no("one", "login_required", "log in first")
    async with rig.running():
        (end,) = await rig.sync("three")
    assert [name for name, _ in rig.asked] == ["one", "two"]
    assert (end.asked, end.failure, end.rows) == ("two", None, 100)
    assert end.brokers == ("one", "two", "three")


async def test_where_all_fail_the_last_ones_words_are_told(autojump_clock):
    rig = Rig({"made-up": ["one", "two"]})
    rig.answers = {"one": no("one"), "two": no("two", "session_expired", "log in")}
    async with rig.running():
        (end,) = await rig.sync()
    assert end.failure == no("two", "session_expired", "log in")


async def test_a_broker_that_restarts_is_passed_over(autojump_clock):
    rig = Rig({"made-up": ["one", "two"]})
    rig.answers["one"] = "nothing"
    async with rig.running():
        (end,) = await rig.sync()
    assert (end.asked, end.failure) == ("two", None)


async def test_a_download_has_ten_minutes(autojump_clock):
    rig = Rig()
    rig.download_takes = 10_000
    async with rig.running():
        (end,) = await rig.sync()
        assert trio.current_time() == pytest.approx(600)
    assert end.failure == no("one", "deadline_exceeded", "no files in 600 s")


async def test_adapters_are_synced_side_by_side(autojump_clock):
    rig = Rig({"a": ["one"], "b": ["two", "three"]})
    async with rig.running():
        ends = await rig.sync("three", "one", "two")
        assert trio.current_time() == 15
    assert [end.adapter for end in ends] == ["b", "a"]


# When asked for


async def test_it_is_fetched_when_asked_for_although_it_is_of_today(autojump_clock):
    rig = Rig()
    rig.files.there("made-up", india(23, 8, 30))
    async with rig.running():
        (end,) = await rig.sync(request_id="r1")
        await trio.sleep(HOUR)
    assert (end.rows, end.synced_at, end.seconds) == (100, NINE, 15.0)
    assert rig.times() == [0.0]
    assert [note[0] for note in rig.notes()] == ["token:me"]


async def test_who_asks_while_one_is_under_way_gets_its_end(autojump_clock):
    rig = Rig()
    ends = []

    async def ask():
        ends.extend(await rig.sync())

    async with rig.running():
        async with trio.open_nursery() as asks:
            asks.start_soon(ask)
            await trio.sleep(12)
            asks.start_soon(ask)
        assert trio.current_time() == 15
    assert ends[0] is ends[1]
    assert len(rig.asked) == 1


async def test_force_is_passed_on_and_does_not_join_one_without_it(autojump_clock):
    rig = Rig()
    async with rig.running():
        async with trio.open_nursery() as asks:
            asks.start_soon(rig.sync)
            await trio.sleep(1)
            (forced,) = await rig.sync(force=True)
        assert trio.current_time() == 30
        (last,) = await rig.sync()
    assert [force for _, _, force, _ in rig.files.built] == [False, True, False]
    assert (forced.rows, last.rows) == (200, 300)


async def test_an_asker_that_leaves_takes_nothing_with_it(autojump_clock):
    rig = Rig()
    async with rig.running():
        with trio.move_on_after(2):
            await rig.sync()
        await trio.sleep(20)
        assert (await rig.report()).rows == 100


async def test_the_report_tells_how_far_it_is_from_the_moment_it_is_asked_for(
    autojump_clock,
):
    rig = Rig()
    rig.files.there("made-up", india(23, 8, 30), rows=7)
    async with rig.running():
        first = await rig.report()
        rig.mailbox.tell(SyncInstruments(brokers=("one",), by="token:me"))
        stages = [(await rig.report()).stage]
        await trio.sleep(12)
        stages.append((await rig.report()).stage)
        await trio.sleep(12)
        last = await rig.report()
    assert stages == ["downloading", "building"]
    assert (first.adapter, first.brokers) == ("made-up", ("one",))
    assert (first.rows, first.stale, first.error, first.stage) == (
        7,
        False,
        None,
        "idle",
    )
    assert timedelta() < first.next_sync_at - india(24, 8, 15) < timedelta(minutes=5)
    assert (last.rows, last.stage) == (100, "idle")


async def test_rows_left_out_are_told_in_the_log(autojump_clock, caplog):
    caplog.set_level(logging.WARNING)
    rig = Rig()
    rig.files.built = [None] * 6
    async with rig.running():
        await rig.sync()
    assert caplog.messages == [
        "made-up: 1 rows of its master are of no use, such as NSE:X (1): odd"
    ]


# Through the broker actor


class Mastered:
    """A paper broker with a master."""

    def __init__(self, inside):
        self._inside = inside
        self.error = None
        self.takes = 0.0
        self.calls = 0

    def __getattr__(self, name):
        return getattr(self._inside, name)

    async def download_master(self, directory):
        self.calls += 1
        await trio.sleep(self.takes)
        if self.error is not None:
            raise self.error
        return [directory / "m.csv"]


async def download(stage, within=600.0):
    with trio.fail_after(within):
        return await stage.mailbox.ask(DownloadMaster(directory=Path("/d")))


def mastered():
    stage = Stage()
    port = stage.paper = Mastered(stage.paper)
    stage.parts = stage.parts._replace(port=port)
    return stage, port


async def test_a_broker_fetches_its_files_however_long_it_takes(autojump_clock):
    stage, port = mastered()
    port.takes = 120
    async with stage.running():
        answer = await download(stage)
    assert answer == Downloaded(broker="one", files=(Path("/d/m.csv"),), seconds=120.0)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotSent("refused"), "broker_unavailable"),
        (SentUnknown("HTTP 502", 502), "broker_unavailable"),
        (RateLimited("slow down", 30, 429), "rate_queue_full"),
        (SessionExpired("log in", "S1", 401), "session_expired"),
        (OSError("No space left on device"), "storage_unavailable"),
    ],
)
async def test_a_download_that_fails_is_tried_once_and_harms_no_order(
    autojump_clock, error, code
):
    stage, port = mastered()
    port.error = error
    async with stage.running():
        for _ in range(6):  # one more than opens the breaker
            answer = await download(stage)
            assert (answer.denial.code, answer.broker) == (code, "one")
        assert port.calls == 6
        report = await stage.report()
        assert (report.connection, report.breaker) == ("connected", "CLOSED")
        assert (await stage.place()).error_code is None


async def test_a_download_is_no_proof_of_a_session(autojump_clock):
    stage, _ = mastered()
    async with stage.running():
        stage.session.expired("token is old")
        assert isinstance(await download(stage), Downloaded)
        assert not stage.session.active


async def test_a_broker_that_is_left_alone_is_not_asked_for_files_either(
    autojump_clock,
):
    stage, port = mastered()
    async with stage.running():
        stage.breaker.force_open(2)
        answer = await download(stage)
    assert answer.denial.code == "broker_unavailable"
    assert port.calls == 0


async def test_a_download_ends_with_its_deadline(autojump_clock):
    stage, port = mastered()
    port.takes = 1000
    async with stage.running():
        with pytest.raises(trio.TooSlowError):
            await download(stage, within=5)
        await trio.sleep(0.1)
        assert stage.mailbox.in_hand == 0
