"""Wrong tokens and log-in codes: so many a minute; a good token is never held up."""

import pytest
import trio

from ordo.http.throttle import MOST_KEYS, Throttle, address_of
from tests.ordo.http.caller import calling
from tests.support.logins import Guarded

WRONG = {"scope": None, "Authorization": "Bearer ordo_0000000000_nonsense"}
PATH = "/api/v1/sessions/door"
ANSWER = {"challenge_id": "c", "otp": "000000"}


async def test_the_eleventh_wrong_token_of_a_minute_is_told_to_wait(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        first = [await caller.get("/api/v1/orders", **WRONG) for _ in range(10)]
        await trio.sleep(20)
        more = await caller.get("/api/v1/orders", **WRONG)
        await trio.sleep(40)
        later = await caller.get("/api/v1/orders", **WRONG)
    assert {answer.status for answer in first} == {401}
    assert (more.status, more.code) == (429, "rate_limited")
    assert more.headers["Retry-After"] == "40"
    assert later.status == 401


async def test_a_good_token_is_taken_at_once_where_others_guess(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        for _ in range(20):
            wrong = await caller.get("/api/v1/orders", **WRONG)
        good = await caller.place()
    assert (wrong.status, good.status) == (429, 200)


async def test_no_token_at_all_is_no_guess(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        statuses = [
            (await caller.get("/api/v1/orders", scope=None)).status for _ in range(20)
        ]
    assert statuses == [401] * 20


@pytest.mark.parametrize("step", ["login", "verify"])
async def test_a_log_in_has_five_tries_a_minute(autojump_clock, tmp_path, step):
    body = ANSWER if step == "verify" else None
    doors = {"door": Guarded(), "other": Guarded()}
    async with calling(tmp_path, guarded=doors) as caller:
        path = f"{PATH}/{step}"
        first = [await caller.call("POST", path, body) for _ in range(5)]
        asked = len(doors["door"].door.said)
        more = await caller.call("POST", path, body)
        other = await caller.call("POST", path.replace("door", "other"), body)
        assert len(doors["door"].door.said) == asked
        await trio.sleep(60)
        later = await caller.call("POST", path, body)
    assert 429 not in {answer.status for answer in first}
    assert (more.status, more.code) == (429, "rate_limited")
    assert more.headers["Retry-After"] == "60"
    assert (other.status, later.status) == (first[0].status, first[0].status)


async def test_a_malformed_answer_to_a_log_in_is_no_try(autojump_clock, tmp_path):
    async with calling(tmp_path, guarded={"door": Guarded()}) as caller:
        for _ in range(10):
            answer = await caller.call("POST", f"{PATH}/verify", {"challenge_id": "c"})
    assert answer.status == 422


async def test_redirects_of_one_address_are_counted(autojump_clock, tmp_path):
    async with calling(tmp_path, guarded={"door": Guarded()}) as caller:
        pages = [await caller.page(f"{PATH}/callback?state=no") for _ in range(21)]
    assert [status for status, _ in pages] == [409] * 20 + [429]
    assert "Wait a minute" in pages[-1][1]


def test_tries_are_forgotten_one_by_one_as_their_minute_ends():
    throttle = Throttle(2, 60.0)
    assert [throttle.take("a", now) for now in (0, 10, 20)] == [0, 0, 40]
    assert throttle.take("a", 60) == 0
    assert throttle.take("a", 61) == 9
    assert throttle.take("b", 61) == 0


def test_a_try_that_was_refused_counts_for_nothing():
    throttle = Throttle(1, 60.0)
    assert throttle.take("a", 0) == 0
    assert throttle.take("a", 59) == 1
    assert throttle.take("a", 60) == 0


def test_memory_is_bounded_and_who_tried_last_is_kept():
    throttle = Throttle(1, 60.0)
    for number in range(MOST_KEYS):
        throttle.take(str(number), 0)
    throttle.take("0", 60)
    throttle.take("new", 60)
    assert len(throttle._tries) == MOST_KEYS
    assert (throttle.wait("0", 60), throttle.wait("1", 30)) == (60, 0)


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.7", 4711), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 4711), "2001:db8:1:2::"),
        (("::ffff:192.0.2.7", 4711), "::ffff:192.0.2.7"),
        (("<local>", None), "<local>"),
        (None, ""),
    ],
)
def test_an_address_is_one_or_a_network_of_ipv6(client, address):
    assert address_of(client) == address
