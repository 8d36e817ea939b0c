"""When a call is made again: the machine alone, with the time handed in."""

import random

import pytest

from ordo_client import KillSwitchEngaged, OrdoError, Overloaded, Unreachable, calls
from ordo_client.call import Reply
from ordo_client.tries import Tries, Wait
from tests.sdk_client.stub import SBIN, batch, refused

LOST = "no answer"


class Clock:
    """Shows what it is set to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Middle:
    """Always the middle of the range: no jitter."""

    def uniform(self, low, high):
        return (low + high) / 2


def reply(response):
    after = response.headers.get("Retry-After")
    return Reply(response.status_code, response.content, after and float(after))


def lost(may_have_arrived=True):
    return Unreachable(LOST, may_have_arrived=may_have_arrived)


def tries(call=None, retry_for=10, rng=None):
    clock = Clock()
    call = call or calls.place(SBIN, "alpha")
    rng = rng or Middle()
    return clock, Tries(call, retry_for=retry_for, clock=clock, rng=rng)


BUSY = reply(refused("overloaded", 503, retry_after="2"))


def test_delays_double_up_to_two_seconds():
    _, machine = tries()
    delays = [machine.judge(lost()).seconds for _ in range(7)]
    assert delays == pytest.approx([0.075, 0.15, 0.3, 0.6, 1.2, 1.5, 1.5])


def test_delays_are_jittered_between_a_half_and_the_whole():
    firsts = [
        tries(rng=random.Random(seed))[1].judge(lost()).seconds for seed in range(50)
    ]
    assert 0.05 <= min(firsts) < 0.06
    assert 0.09 < max(firsts) <= 0.1


def test_what_ordo_told_to_wait_comes_on_top():
    _, machine = tries()
    assert machine.judge(BUSY) == Wait(pytest.approx(2.075))


def test_no_try_begins_later_than_the_time_after_the_first_failure():
    clock, machine = tries(retry_for=10)
    assert isinstance(machine.judge(lost()), Wait)
    clock.now += 9.8
    assert isinstance(machine.judge(lost()), Wait)
    with pytest.raises(Unreachable, match=LOST):
        machine.judge(lost())


def test_a_first_try_that_took_long_is_still_followed_by_another():
    clock, machine = tries(retry_for=10)
    clock.now += 60
    assert isinstance(machine.judge(lost()), Wait)


def test_with_no_time_for_it_there_is_one_try():
    _, machine = tries(retry_for=0)
    with pytest.raises(Unreachable):
        machine.judge(lost())


def test_a_wait_that_is_too_long_is_not_begun():
    _, machine = tries(retry_for=10)
    with pytest.raises(Overloaded):
        machine.judge(reply(refused("overloaded", 503, retry_after="60")))


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("rate_limited", 429),
        ("overloaded", 503),
        ("shutting_down", 503),
        ("idempotency_in_progress", 409),
    ],
)
def test_what_passes_is_tried_again(code, status):
    _, machine = tries()
    assert isinstance(machine.judge(reply(refused(code, status))), Wait)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_without_an_ordo_behind_it_is_tried_again(status):
    _, machine = tries()
    assert isinstance(machine.judge(Reply(status, b"<html>")), Wait)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("bad_request", 400),
        ("conflict", 409),
        ("validation_failed", 422),
        ("idempotency_key_reused", 422),
        ("internal", 500),
        ("storage_unavailable", 507),
    ],
)
def test_what_does_not_pass_is_not_tried_again(code, status):
    _, machine = tries()
    with pytest.raises(OrdoError):
        machine.judge(reply(refused(code, status)))


def test_an_order_does_not_wait_for_the_end_of_a_halt():
    _, machine = tries()
    with pytest.raises(KillSwitchEngaged):
        machine.judge(reply(refused("kill_switch_engaged", 503, retry_after="1")))


def test_what_must_not_be_done_twice_is_tried_once():
    for call in (calls.login("alpha"), calls.verify("alpha", "c", otp="1")):
        _, machine = tries(call)
        with pytest.raises(Unreachable):
            machine.judge(lost(may_have_arrived=False))


def test_a_certificate_of_another_ca_is_not_tried_again():
    _, machine = tries()
    error = lost()
    error.lasting = True
    with pytest.raises(Unreachable):
        machine.judge(error)


def test_a_refusal_does_not_undo_what_an_earlier_try_may_have_done():
    call = calls.place(SBIN, "alpha", key="k-1")
    _, machine = tries(call)
    machine.judge(lost(may_have_arrived=True))
    with pytest.raises(KillSwitchEngaged) as raised:
        machine.judge(reply(refused("kill_switch_engaged", 503)))
    assert raised.value.may_have_arrived is True
    assert raised.value.idempotency_key == "k-1"


def test_tries_that_never_left_prove_that_nothing_arrived():
    _, machine = tries(retry_for=0)
    with pytest.raises(Unreachable) as raised:
        machine.judge(lost(may_have_arrived=False))
    assert raised.value.may_have_arrived is False


def test_an_error_without_an_answer_still_has_the_request_id():
    call = calls.status()
    _, machine = tries(call, retry_for=0)
    with pytest.raises(Unreachable) as raised:
        machine.judge(lost())
    assert raised.value.request_id == call.request_id
    assert raised.value.idempotency_key is None


def test_the_result_ends_it():
    _, machine = tries()
    machine.judge(lost())
    assert machine.judge(reply(batch("acked"))).batch_id == "B"
