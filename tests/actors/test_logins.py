"""Logging in and out of one broker: one talk at a time, and nothing tried twice."""

from datetime import timedelta

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors.logins import LOGIN_TIMEOUT
from actors.messages import (
    BeginLogin,
    LoginFailed,
    Logout,
    ReadSession,
    SessionReport,
    VerifyLogin,
)
from actors.session import Session
from adapters import (
    ChallengeKind,
    LoginRefused,
    NotSent,
    OrderStatus,
    SaveOrder,
    SentUnknown,
)
from adapters.login import REDIRECT_URL
from adapters.secret import Secret
from tests.support.gateway import wall
from tests.support.logins import LIFE, OTP, TOKEN, Guarded
from tests.support.records import AT, a_record
from tests.support.stage import Stage


class Desk(Stage):
    """A stage whose broker has a door; sealed grants are their tokens in brackets."""

    def __init__(self, kind=ChallengeKind.OTP, grant=None):
        self.broker = Guarded(kind)
        super().__init__(
            self.broker,
            session=Session(required=True, grant=grant),
            seal=lambda grant: f"[{grant.access_token.reveal()}]",
        )
        self.broker.use(grant)

    @property
    def door(self):
        return self.broker.door

    async def begin(self):
        return await self.mailbox.ask(BeginLogin(by="token:me"))

    async def answer(self, challenge_id=None, *, state=None, **answers):
        return await self.mailbox.ask(
            VerifyLogin(
                challenge_id=challenge_id,
                state=state,
                answers={name: Secret(text) for name, text in answers.items()},
                by="token:me",
            )
        )

    async def log_in(self):
        begun = await self.begin()
        return await self.answer(begun.challenge.challenge_id, otp=OTP)

    async def kept(self):
        await wait_all_tasks_blocked()
        return self.store.sessions().get("one")

    def noted(self):
        return [
            (row.entry.action, row.entry.actor)
            for row in self.store._audit
            if row.entry.action.startswith("session.")
        ]


async def test_an_otp_logs_in_and_the_grant_is_used_and_kept(autojump_clock):
    async with Desk().running() as desk:
        assert (await desk.admit()).code == "login_required"
        begun = await desk.begin()
        assert begun.state == "challenge"
        assert [field.name for field in begun.challenge.fields] == ["otp"]
        done = await desk.answer(begun.challenge.challenge_id, otp=OTP)
        assert (done.state, done.expires_at) == ("active", wall() + LIFE)
        assert done.challenge is None
        assert desk.broker.used[-1].access_token == Secret(TOKEN)
        assert await desk.kept() == f"[{TOKEN}]"
        assert desk.noted() == [("session.active", "token:me")]
        order = await desk.place()
        assert order.status == "filled" or order.status == "acked"


async def test_a_wrong_otp_leaves_the_challenge_open_for_another_try(autojump_clock):
    async with Desk().running() as desk:
        begun = await desk.begin()
        challenge_id = begun.challenge.challenge_id
        refused = await desk.answer(challenge_id, otp="000000")
        assert refused.code == "rejected"
        assert refused.broker_code == "MA500"
        assert refused.broker_message == "wrong OTP, 2 attempts remaining"
        assert refused.session.challenge.challenge_id == challenge_id
        assert (await desk.answer(challenge_id, otp=OTP)).state == "active"
        assert desk.door.said == ["begin", "answer", "answer"]


async def test_a_refusal_for_good_ends_the_challenge(autojump_clock):
    async with Desk().running() as desk:
        begun = await desk.begin()
        desk.door.fails_with = LoginRefused("E1", "blocked")
        refused = await desk.answer(begun.challenge.challenge_id, otp=OTP)
        assert refused.session.challenge is None
        assert refused.session.state == "logged_out"
        desk.door.fails_with = None
        late = await desk.answer(begun.challenge.challenge_id, otp=OTP)
        assert late.code == "not_found"
        assert (await desk.log_in()).state == "active"


async def test_an_answer_that_may_have_arrived_is_not_given_again(autojump_clock):
    async with Desk().running() as desk:
        begun = await desk.begin()
        desk.door.fails_with = SentUnknown("no answer")
        failed = await desk.answer(begun.challenge.challenge_id, otp=OTP)
        assert failed.code == "broker_unavailable"
        assert failed.session.challenge is None


async def test_a_broker_that_was_not_reached_can_be_answered_again(autojump_clock):
    async with Desk().running() as desk:
        begun = await desk.begin()
        desk.door.fails_with = NotSent("connection refused")
        failed = await desk.answer(begun.challenge.challenge_id, otp=OTP)
        assert failed.code == "broker_unavailable"
        desk.door.fails_with = None
        done = await desk.answer(begun.challenge.challenge_id, otp=OTP)
        assert done.state == "active"


async def test_a_broker_that_says_nothing_is_given_up_in_time(autojump_clock):
    async with Desk().running() as desk:
        desk.door.takes = 99
        began = trio.current_time()
        failed = await desk.begin()
        assert failed.code == "deadline_exceeded"
        assert trio.current_time() - began == pytest.approx(LOGIN_TIMEOUT)
        desk.door.takes = 0
        assert (await desk.log_in()).state == "active"


async def test_two_steps_at_once_are_a_conflict(autojump_clock):
    async with Desk().running() as desk:
        desk.door.takes = 1
        async with trio.open_nursery() as both:
            both.start_soon(desk.begin)
            await trio.sleep(0.5)
            second = await desk.begin()
            gone = await desk.mailbox.ask(Logout(by="token:me"))
        assert (second.code, gone.code) == ("conflict", "conflict")
        assert desk.door.said == ["begin"]


async def test_a_newer_log_in_replaces_one_that_waits(autojump_clock):
    async with Desk().running() as desk:
        first = (await desk.begin()).challenge.challenge_id
        second = (await desk.begin()).challenge.challenge_id
        assert (await desk.answer(first, otp=OTP)).code == "not_found"
        assert (await desk.answer(second, otp=OTP)).state == "active"


async def test_a_late_answer_is_refused_without_asking_the_broker(autojump_clock):
    async with Desk().running() as desk:
        begun = await desk.begin()
        await trio.sleep(timedelta(minutes=5).total_seconds())
        late = await desk.answer(begun.challenge.challenge_id, otp=OTP)
        assert late.code == "not_found"
        assert late.session.state == "logged_out"
        assert desk.door.said == ["begin"]


async def test_a_redirect_is_taken_by_its_own_text_and_once(autojump_clock):
    async with Desk(ChallengeKind.REDIRECT).running() as desk:
        begun = await desk.begin()
        state = begun.challenge.login_url.partition("state=")[2]
        assert len(state) == 32
        url = {REDIRECT_URL: "https://x/?code=1"}
        assert (await desk.answer(state="0" * 32, **url)).code == "not_found"
        assert (await desk.answer(state="", **url)).code == "not_found"
        assert (await desk.answer(state=state, **url)).state == "active"
        assert (await desk.answer(state=state, **url)).code == "not_found"


async def test_a_log_out_counts_here_even_where_the_broker_cannot_be_told(
    autojump_clock,
):
    async with Desk().running() as desk:
        await desk.log_in()
        desk.door.fails_with = NotSent("connection refused")
        out = await desk.mailbox.ask(Logout(by="token:me"))
        assert (out.state, out.reason) == ("logged_out", "logged out by the user")
        assert desk.broker.used[-1] is None
        assert await desk.kept() is None
        assert (await desk.admit()).code == "login_required"
        assert desk.noted()[-1] == ("session.logged_out", "token:me")


async def test_a_broker_without_a_door_says_so(autojump_clock):
    async with Stage().running() as stage:
        for message in (BeginLogin(by="token:me"), Logout(by="token:me")):
            failed = await stage.mailbox.ask(message)
            assert isinstance(failed, LoginFailed)
            assert failed.code == "unsupported"
        report = await stage.mailbox.ask(ReadSession())
        assert isinstance(report, SessionReport)
        assert report.state == "active"


async def test_what_was_typed_is_in_no_record_and_no_log(autojump_clock, caplog):
    async with Desk().running() as desk:
        begun = await desk.begin()
        await desk.answer(begun.challenge.challenge_id, otp="777111")
        await desk.answer(begun.challenge.challenge_id, otp=OTP)
        await wait_all_tasks_blocked()
        told = repr(desk.store._audit) + caplog.text + repr(desk.store.__dict__)
    assert "777111" not in told
    assert OTP not in told


async def test_a_token_that_buys_nothing_shows_at_once(autojump_clock):
    async with Desk().running() as desk:
        desk.broker.good.clear()
        done = await desk.log_in()
        assert done.state == "expired"
        assert done.reason == "the token is dead"


async def test_what_waited_for_a_login_is_looked_up_right_after_it(autojump_clock):
    desk = Desk(grant=None)
    left = a_record(status=OrderStatus.UNKNOWN, sending_at=AT, broker="one")
    desk.store.commit([SaveOrder(order=left, events=(), audit=())])
    async with desk.running(up=100):
        assert (await desk.report()).recovering
        assert desk.broker.calls == []  # there is nobody to ask yet
        await desk.log_in()
        await trio.sleep(0.1)
        assert not (await desk.report()).recovering
