"""The line to a broker: reads with their retries, the breaker, the session, 429."""

import math
import random
from datetime import date

import pytest
import trio

from actors.breaker import Breaker, BreakerSettings, BreakerState, CallResult
from actors.limiter import Limiter
from actors.line import Line, Tries, backoff, denial_of, result_of
from actors.mailbox import Mailbox
from actors.messages import Denial
from actors.pacer import Pacer
from actors.session import Session, SessionState
from actors.windows import SECOND, Kind, Window
from adapters import (
    BrokerError,
    LoginRefused,
    NotSent,
    RateLimited,
    Refused,
    SentUnknown,
    SessionExpired,
    Stopped,
    Unsupported,
)
from tests.support.gateway import wall


class Desk:
    """A line whose calls go as *script* says: an exception, seconds, or an answer."""

    def __init__(self, *script, windows=(), breaker=None):
        self.script = list(script)
        self.at = []
        self.writer = Mailbox("writer", 100)
        self.pacer = Pacer(Limiter(windows), lambda: date(2026, 11, 23))
        settings = breaker or BreakerSettings(jitter=0)
        self.breaker = Breaker(settings, random.Random(1))
        self.session = Session()
        self.line = Line(
            "one",
            None,
            self.pacer,
            self.breaker,
            self.session,
            self.writer,
            wall,
            random.Random(1),
        )

    async def call(self):
        self.at.append(trio.current_time())
        step = self.script.pop(0) if self.script else "answer"
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, int | float):
            await trio.sleep(step)
            return "answer"
        return step

    async def read(self, kind=Kind.READ, tries=None):
        """Read, while slots are granted."""
        answer = error = None
        async with trio.open_nursery() as tree:
            tree.start_soon(self.pacer.run)
            try:
                answer = await self.line.read(kind, self.call, tries)
            except Exception as exc:  # for the caller, and not in a group
                error = exc
            tree.cancel_scope.cancel()
        if error is not None:
            raise error
        return answer

    def noted(self):
        """What was told to the audit."""
        notes = []
        for request in self.writer.drain(100):
            (write,) = request.message.writes
            notes += [(entry.action, entry.detail) for entry in write.audit]
        return notes


async def failing(desk, error):
    with pytest.raises(type(error)) as raised:
        await desk.read()
    return raised.value


async def test_a_read_gives_what_the_broker_answers(autojump_clock):
    desk = Desk("book")
    tries = Tries()
    assert await desk.read(tries=tries) == "book"
    assert tries.made == 1
    assert desk.line.last_call_at == wall()
    assert not desk.line.last_failed
    assert desk.session.since == wall()


@pytest.mark.parametrize("error", [NotSent("no"), SentUnknown("reset")])
async def test_what_may_pass_is_tried_three_times_with_growing_waits(
    autojump_clock, error
):
    desk = Desk(error, error, error, breaker=BreakerSettings(failures=99))
    tries = Tries()
    with pytest.raises(type(error)):
        await desk.read(tries=tries)
    first, second, third = desk.at
    assert tries.made == 3
    assert 0.1 <= second - first <= 0.2
    assert 0.2 <= third - second <= 0.4


async def test_the_third_try_may_succeed(autojump_clock):
    desk = Desk(NotSent("no"), SentUnknown("reset"), "book")
    assert await desk.read() == "book"
    assert not desk.line.last_failed


@pytest.mark.parametrize(
    "error",
    [
        SessionExpired("log in"),
        Refused("E1", "no such account"),
        Unsupported("no holdings"),
        Stopped("kill_switch_engaged", "halted"),
    ],
)
async def test_what_will_not_pass_is_tried_once(autojump_clock, error):
    desk = Desk(error)
    await failing(desk, error)
    assert len(desk.at) == 1


async def test_a_retry_that_would_come_after_the_deadline_is_not_waited_for(
    autojump_clock,
):
    desk = Desk(NotSent("no"), "book")
    with pytest.raises(NotSent):
        with trio.fail_after(0.05):
            await desk.read()
    assert trio.current_time() == 0


async def test_ten_seconds_of_silence_are_an_unknown_answer(autojump_clock):
    desk = Desk(99, 99, 99, breaker=BreakerSettings(failures=2, jitter=0))
    tries = Tries()
    with pytest.raises(Stopped):
        await desk.read(tries=tries)
    assert tries.made == 2
    assert tries.latency == 10
    assert desk.line.last_failed
    assert desk.breaker.state(trio.current_time()) is BreakerState.OPEN


async def test_a_caller_who_gives_up_tells_nothing_about_the_broker(autojump_clock):
    desk = Desk(99, breaker=BreakerSettings(failures=1))
    with trio.move_on_after(3):
        await desk.read()
    assert desk.line.closed
    assert not desk.line.last_failed


async def test_a_bug_passes_through_and_frees_the_probe(autojump_clock):
    desk = Desk(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        await desk.read()
    assert desk.line.closed


@pytest.mark.parametrize(
    ("error", "result", "denial"),
    [
        (NotSent("x"), CallResult.CONNECT_FAILED, "broker_unavailable"),
        (SentUnknown("x"), CallResult.UNKNOWN, "broker_unavailable"),
        (SessionExpired("x"), CallResult.LOGIN_EXPIRED, "session_expired"),
        (RateLimited("x", 3.0), CallResult.LIMITED, "rate_queue_full"),
        (SentUnknown("a page", 429), CallResult.LIMITED, "broker_unavailable"),
        (SentUnknown("a page", 401), CallResult.LOGIN_EXPIRED, "broker_unavailable"),
        (SentUnknown("a page", 500), CallResult.UNKNOWN, "broker_unavailable"),
        (LoginRefused("E1", "x"), CallResult.REJECTED, "broker_unavailable"),
        (Refused("E1", "x"), CallResult.REJECTED, "rejected"),
        (Unsupported("x"), CallResult.DENIED, "unsupported"),
        (Stopped("kill_switch_engaged", "x"), CallResult.DENIED, "kill_switch_engaged"),
        (BrokerError("x"), CallResult.UNKNOWN, "broker_unavailable"),
    ],
)
def test_each_error_has_its_verdict_and_its_code(error, result, denial):
    assert result_of(error) is result
    assert denial_of(error).code == denial


def test_a_refusal_for_pace_says_when_to_come_again():
    assert denial_of(RateLimited("too many", 3.0)) == Denial(
        code="rate_queue_full",
        message="the broker refused for pace: too many",
        retry_after=3.0,
    )


@pytest.mark.parametrize(
    ("error", "opens"),
    [
        (NotSent("x"), True),
        (SentUnknown("x"), True),
        (SessionExpired("x"), False),
        (RateLimited("x"), False),
        (Refused("E1", "x"), False),
        (Unsupported("x"), False),
    ],
)
async def test_only_what_speaks_against_the_broker_opens_the_breaker(
    autojump_clock, error, opens
):
    desk = Desk(error, error, error, breaker=BreakerSettings(failures=1))
    with pytest.raises(BrokerError):
        await desk.read()
    assert desk.line.closed is not opens
    assert desk.line.last_failed is opens


async def test_an_open_breaker_refuses_reads_without_a_slot_or_a_call(autojump_clock):
    desk = Desk(windows=(Window(10, SECOND),))
    desk.breaker.force_open(0)
    stopped = await failing(desk, Stopped("x", "x"))
    assert stopped.code == "broker_unavailable"
    assert stopped.message == ("one failed too often and is left alone; try in 30 s")
    assert desk.at == []
    assert desk.pacer.headroom().windows[0].used == 0


async def test_a_breaker_that_opens_while_a_read_waits_for_its_slot_stops_it(
    autojump_clock,
):
    desk = Desk(windows=(Window(10, SECOND),))
    desk.pacer.limited(5)

    async def open_it():
        await trio.sleep(1)
        desk.breaker.force_open(1)

    async with trio.open_nursery() as tree:
        tree.start_soon(open_it)
        await failing(desk, Stopped("x", "x"))
    assert trio.current_time() == 5
    assert desk.at == []
    assert desk.pacer.headroom().windows[0].used == 0


async def test_a_429_pauses_every_call_to_the_broker(autojump_clock):
    desk = Desk(RateLimited("too many", 7), "book", windows=(Window(10, SECOND),))
    assert await desk.read() == "book"
    assert desk.at == [0, 7]


async def test_a_pause_beyond_the_deadline_ends_the_read(autojump_clock):
    desk = Desk(RateLimited("too many", 60))
    with trio.fail_after(5):
        stopped = await failing(desk, Stopped("x", "x"))
    assert stopped.code == "deadline_exceeded"
    assert trio.current_time() < 1


async def test_reads_side_by_side_wait_under_names_of_their_own(autojump_clock):
    desk = Desk(windows=(Window(2, SECOND),))
    async with trio.open_nursery() as tree:
        tree.start_soon(desk.pacer.run)
        async with trio.open_nursery() as reads:
            for _ in range(3):
                reads.start_soon(desk.line.read, Kind.READ, desk.call)
        tree.cancel_scope.cancel()
    assert desk.at == [0, 1.05, 2.1]


# The session


async def test_an_expired_session_is_told_once_and_ends_with_the_next_answer(
    autojump_clock, caplog
):
    expired = SessionExpired("token is old")
    desk = Desk(expired, expired, "book")
    await failing(desk, expired)
    await failing(desk, expired)
    assert desk.session.state is SessionState.EXPIRED
    assert desk.session.reason == "token is old"
    assert desk.noted() == [("session.expired", {"reason": "token is old"})]
    assert caplog.text.count("wants a new login") == 1
    await trio.sleep(5)
    await desk.read()
    assert desk.session.active
    assert desk.session.reason is None
    assert desk.session.since == wall()


async def test_a_refusal_proves_the_session_as_well_as_an_answer(autojump_clock):
    refused = Refused("E1", "no")
    desk = Desk(refused)
    desk.session.expired("old")
    await failing(desk, refused)
    assert desk.session.active


async def test_since_when_we_are_in_does_not_move_with_each_answer(autojump_clock):
    desk = Desk("a", "b")
    await desk.read()
    since = desk.session.since
    await trio.sleep(60)
    await desk.read()
    assert desk.session.since == since


# What status shows


async def test_our_own_doing_does_not_clear_a_failure(autojump_clock):
    desk = Desk(SentUnknown("x"), SentUnknown("x"), SentUnknown("x"), 99)
    with pytest.raises(SentUnknown):
        await desk.read()
    assert desk.line.last_failed
    with trio.move_on_after(1):
        await desk.read()
    assert desk.line.last_failed
    await desk.read()
    assert not desk.line.last_failed


async def test_each_move_of_the_breaker_is_audited_with_its_reason(autojump_clock):
    desk = Desk(*[NotSent("x")] * 3, breaker=BreakerSettings(failures=3, jitter=0))
    with pytest.raises(NotSent):
        await desk.read()
    desk.breaker.force_closed(trio.current_time())
    desk.line.note_transitions(by="token:test")
    assert desk.noted() == [
        (
            "breaker.changed",
            {"from": "CLOSED", "to": "OPEN", "reason": "failures"},
        ),
        (
            "breaker.changed",
            {"from": "OPEN", "to": "CLOSED", "reason": "forced_closed"},
        ),
    ]


async def test_a_breaker_that_opens_three_times_in_ten_minutes_is_an_alert(
    autojump_clock, caplog
):
    desk = Desk(breaker=BreakerSettings(failures=1, jitter=0, good_probes=1))
    for _ in range(3):
        assert "flapping" not in caplog.text
        desk.script = [NotSent("refused")]
        with pytest.raises(Stopped):  # from the second try on
            await desk.read()
        await trio.sleep(31)
        await desk.read()
        assert desk.line.closed
    assert "one is flapping: its breaker opened 3 times in 6" in caplog.text


async def test_one_that_opens_now_and_then_or_by_hand_does_not_flap(
    autojump_clock, caplog
):
    desk = Desk(breaker=BreakerSettings(failures=1, jitter=0, good_probes=1))
    for _ in range(3):
        desk.script = [NotSent("refused")]
        with pytest.raises(Stopped):
            await desk.read()
        await trio.sleep(301)
        await desk.read()
    desk.script = [NotSent("refused")]
    with pytest.raises(Stopped):
        await desk.read()
    for _ in range(4):  # one outage, and probes that fail
        await trio.sleep(301)
        desk.script = [NotSent("refused")]
        with pytest.raises(Stopped):
            await desk.read()
    for _ in range(3):
        desk.breaker.force_open(trio.current_time())
        desk.breaker.auto(trio.current_time())
        desk.line.note_transitions()
    assert "flapping" not in caplog.text


async def test_an_audit_that_cannot_be_told_stops_nothing(autojump_clock, caplog):
    desk = Desk(*[NotSent("x")] * 3, breaker=BreakerSettings(failures=3, jitter=0))
    desk.writer.close()
    with pytest.raises(NotSent):
        await desk.read()
    assert "not stored" in caplog.text


async def test_it_names_when_a_read_should_prove_the_broker_well(autojump_clock):
    desk = Desk(*[NotSent("x")] * 3, breaker=BreakerSettings(failures=3, jitter=0))
    assert desk.line.probe_at == math.inf
    with pytest.raises(NotSent):
        await desk.read()
    opened = trio.current_time()
    assert desk.line.probe_at == pytest.approx(opened + 30)
    await trio.sleep(31)
    assert desk.line.probe_at == trio.current_time()
    desk.breaker.force_open(trio.current_time())
    assert desk.line.probe_at == math.inf


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 0.2), (2, 0.4), (3, 0.8), (5, 3.2), (6, 5), (50, 5)]
)
def test_waits_double_to_five_seconds_and_half_of_each_is_chance(attempt, longest):
    waits = [backoff(attempt, random.Random(seed)) for seed in range(200)]
    assert longest / 2 <= min(waits) < longest * 0.52
    assert longest * 0.98 < max(waits) <= longest
