"""The watch over our own clock: seldom, patient, and told once."""

from __future__ import annotations

import trio

from actors.clock_watch import ClockWatch
from adapters.sntp import NoTime, Reading
from tests.support.gateway import wall


def watch(*answers):
    """A watch, and how often it asked; the last of *answers* stays."""
    asked = []
    left = list(answers)

    async def ask():
        asked.append(trio.current_time())
        answer = left.pop(0) if len(left) > 1 else left[0]
        if answer is None:
            await trio.sleep_forever()
        if isinstance(answer, str):
            raise NoTime(answer)
        return answer

    return ClockWatch("ntp.example.org", ask, wall, limit=1.0), asked


def events(caplog):
    return [row.event for row in caplog.records]


async def test_it_looks_soon_after_a_start_and_then_each_hour(autojump_clock):
    clock, asked = watch(Reading(0.2, 0.1))
    with trio.move_on_after(4000):
        await clock.run()
    assert asked == [5.0, 3605.0]
    assert not clock.report.wrong
    assert clock.report.words == "our clock is 0.2 s behind ntp.example.org"


async def test_one_that_is_off_is_told_of_until_it_is_right(autojump_clock, caplog):
    clock, _ = watch(Reading(-2.0, 0.1), Reading(0.0, 0.1))
    assert await clock.look()
    assert clock.report.wrong
    assert clock.report.words == "our clock is 2.0 s ahead of ntp.example.org"
    assert clock.report.checked_at == wall()
    assert await clock.look()
    assert not clock.report.wrong
    assert events(caplog) == ["clock.wrong", "clock.right"]


async def test_what_a_long_way_may_explain_is_not_wrong(autojump_clock):
    clock, _ = watch(Reading(1.2, 0.3))
    assert await clock.look()
    assert not clock.report.wrong


async def test_an_answer_that_is_lost_is_asked_for_again(autojump_clock):
    clock, asked = watch(None, "not reached: no way", Reading(0.0, 0.0))
    assert await clock.look()
    assert asked == [0.0, 2.0, 4.0]
    assert clock.report.error is None


async def test_a_server_that_is_silent_leaves_what_was_known(autojump_clock, caplog):
    clock, asked = watch(Reading(3.0, 0.0), None)
    with trio.move_on_after(3605 + 400):
        await clock.run()
    assert asked == [5.0, *(3605.0, 3607.0, 3609.0), *(3911.0, 3913.0, 3915.0)]
    assert clock.report.wrong
    assert clock.report.error == "no answer in 2 s"


async def test_one_that_was_never_seen_is_not_called_wrong(autojump_clock):
    clock, _ = watch("its own clock is not set")
    assert not await clock.look()
    assert not clock.report.wrong
    assert clock.report.words == (
        "our clock was not compared yet: its own clock is not set"
    )
