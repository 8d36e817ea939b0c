"""A session that is taken over is checked, ends in time, and is renewed unattended."""

from datetime import timedelta

import trio
from trio.testing import wait_all_tasks_blocked

from actors.messages import Fetch, ReadSession
from actors.session_watch import FIRST_RENEWAL, LONGEST_RENEWAL, SessionWatch
from adapters import Grant, LoginRefused, NotSent
from adapters.secret import Secret
from tests.actors.test_logins import Desk
from tests.support.gateway import wall
from tests.support.logins import LIFE, TOKEN
from tests.support.memory_store import START


def a_grant(token=TOKEN, life=LIFE):
    return Grant(access_token=Secret(token), issued_at=START, expires_at=START + life)


async def state(desk):
    return (await desk.mailbox.ask(ReadSession())).state


async def test_a_session_of_before_is_good_at_once(autojump_clock):
    async with Desk(grant=a_grant()).running() as desk:
        assert await state(desk) == "active"
        assert desk.broker.calls.count("check") == 1
        assert (await desk.place()).error_code is None
        assert desk.door.said == []


async def test_a_session_of_before_that_the_broker_refuses_wants_a_login(
    autojump_clock,
):
    async with Desk(grant=a_grant("dead")).running() as desk:
        assert await state(desk) == "expired"
        assert (await desk.admit()).code == "login_required"
        assert desk.noted() == [("session.expired", "broker:one")]
        assert (await desk.log_in()).state == "active"


async def test_a_session_ends_when_its_time_is_up(autojump_clock, caplog):
    async with Desk(grant=a_grant()).running() as desk:
        await trio.sleep((START + LIFE - wall()).total_seconds() - 0.5)
        assert await state(desk) == "active"
        await trio.sleep(1)
        report = await desk.mailbox.ask(ReadSession())
        assert report.state == "expired"
        assert report.reason == "the session ended at 2026-11-23T11:45+00:00"
        assert (await desk.admit()).code == "login_required"
        assert desk.broker.used[-1] is None
        assert await desk.kept() is None
    assert "wants a new login" in caplog.text


async def test_a_clock_set_forward_is_noticed_within_half_a_minute(autojump_clock):
    desk = Desk(grant=a_grant())
    ahead = timedelta()
    desk.parts = desk.parts._replace(
        clockwork=desk.clockwork._replace(wall=lambda: wall() + ahead)
    )
    async with desk.running():
        ahead = LIFE
        await trio.sleep(31)
        assert await state(desk) == "expired"


async def test_news_of_an_earlier_grant_do_not_end_the_new_one(autojump_clock):
    async with Desk(grant=a_grant("dead")).running() as desk:
        desk.broker.good.add("dead")
        desk.session.answered(wall())
        async with trio.open_nursery() as reads:
            desk.broker.answers_after(5)
            reads.start_soon(desk.mailbox.ask, Fetch(kind="funds"))
            await trio.sleep(1)
            desk.broker.answers_after(0)
            await desk.log_in()
            desk.broker.good.remove("dead")
        assert await state(desk) == "active"


async def test_a_stored_seed_logs_in_without_a_prompt(autojump_clock):
    desk = Desk()
    desk.door.unattended = True
    async with desk.running():
        assert await state(desk) == "active"
        assert desk.door.said == ["begin"]
        assert desk.noted() == [("session.active", "broker:one")]
        desk.broker.good.clear()  # the broker ends it
        await desk.place()
        await wait_all_tasks_blocked()
        desk.broker.good.add(TOKEN)
        await trio.sleep(FIRST_RENEWAL)
        assert await state(desk) == "active"
        assert desk.door.said == ["begin", "begin"]


async def test_a_broker_that_is_down_is_tried_again_ever_more_seldom(autojump_clock):
    desk = Desk()
    desk.door.unattended = True
    desk.door.fails_with = NotSent("connection refused")
    async with desk.running(up=1000):
        assert len(desk.door.said) == 5  # at 0, 60, 180, 420 and 900 s


async def test_after_a_refusal_an_hour_passes_before_the_next_try(autojump_clock):
    desk = Desk()
    desk.door.unattended = True
    desk.door.fails_with = LoginRefused("E1", "wrong code")
    async with desk.running(up=LONGEST_RENEWAL - 1):
        assert desk.door.said == ["begin"]
        desk.door.fails_with = None
        await trio.sleep(10)
        assert await state(desk) == "active"


async def test_a_bug_in_the_watch_restarts_the_broker_and_keeps_the_session(
    autojump_clock, monkeypatch
):
    look, bugs = SessionWatch._end_if_due, [ValueError("a bug")]

    def end_if_due(self):
        if bugs and trio.current_time() > 10:
            raise bugs.pop()
        look(self)

    monkeypatch.setattr(SessionWatch, "_end_if_due", end_if_due)
    async with Desk(grant=a_grant()).running(up=100) as desk:
        assert len(desk.crashes) == 1
        assert await state(desk) == "active"
        assert (await desk.place()).error_code is None
        assert desk.door.said == []
        assert desk.broker.calls.count("check") == 2  # once in each life
