"""Logging in by HTTP: what is asked, what is answered, and nothing typed is shown."""

from contextlib import asynccontextmanager

import pytest
import trio

from adapters import ChallengeKind, ConfigError, LoginRefused
from tests.ordo.http.caller import a_body, calling
from tests.support.logins import OTP, Guarded

PATH = "/api/v1/sessions"
NOW, UNTIL = "2026-11-23T03:45:", "2026-11-23T11:45:"


@asynccontextmanager
async def banking(directory, kind=ChallengeKind.OTP):
    """A gateway with a simulated broker and one that wants a login."""
    bank = Guarded(kind)
    async with calling(directory, "one", guarded={"bank": bank}) as caller:
        yield caller, bank


async def log_in(caller, otp=OTP):
    begun = await caller.call("POST", f"{PATH}/bank/login", scope="trade")
    body = {"challenge_id": begun.data["challenge_id"], "otp": otp}
    return await caller.call("POST", f"{PATH}/bank/verify", body, scope="trade")


async def test_an_otp_login_from_its_start_to_an_order(tmp_path, autojump_clock):
    async with banking(tmp_path) as (caller, _):
        before = await caller.place(a_body("bank"))
        assert before.legs[0]["error_code"] == "login_required"
        begun = await caller.call("POST", f"{PATH}/bank/login", scope="trade")
        assert begun.data == {
            "broker": "bank",
            "state": "challenge",
            "challenge_id": begun.data["challenge_id"],
            "kind": "otp",
            "prompt": "Enter the OTP",
            "login_url": None,
            "fields": [{"name": "otp", "label": "OTP", "secret": True}],
            "good_until": begun.data["good_until"],
            "last_login_at": None,
            "expires_at": None,
        }
        assert begun.data["good_until"].startswith("2026-11-23T03:50:")
        done = await caller.call(
            "POST",
            f"{PATH}/bank/verify",
            {"challenge_id": begun.data["challenge_id"], "otp": OTP},
            scope="trade",
        )
        assert (done.json["status"], done.data["state"]) == ("success", "active")
        assert done.data["last_login_at"].startswith(NOW)
        assert done.data["expires_at"].startswith(UNTIL)
        after = await caller.place(a_body("bank"))
        assert after.legs[0]["error_code"] is None


async def test_the_sessions_are_listed(tmp_path, autojump_clock):
    async with banking(tmp_path) as (caller, _):
        done = await log_in(caller)
        listed = await caller.get(PATH, scope="read")
        assert listed.data["sessions"] == [
            {
                "broker": "one",
                "adapter": "paper",
                "state": "active",
                "last_login_at": listed.data["sessions"][0]["last_login_at"],
                "expires_at": None,
                "reason": None,
            },
            {
                "broker": "bank",
                "adapter": "paper",
                "state": "active",
                "last_login_at": done.data["last_login_at"],
                "expires_at": done.data["expires_at"],
                "reason": None,
            },
        ]


async def test_a_wrong_otp_is_the_brokers_no_and_can_be_given_again(
    tmp_path, autojump_clock
):
    async with banking(tmp_path) as (caller, _):
        refused = await log_in(caller, "000000")
        assert (refused.status, refused.json["status"]) == (200, "error")
        assert refused.code is None
        assert refused.legs == [
            {
                "broker": "bank",
                "status": "error",
                "error_code": "rejected",
                "message": "refused by bank: wrong OTP, 2 attempts remaining",
                "broker_code": "MA500",
                "broker_message": "wrong OTP, 2 attempts remaining",
                "http_status": None,
                "attempts": 1,
                "latency_ms": None,
                "data": None,
            }
        ]
        assert refused.data["state"] == "challenge"
        body = {"challenge_id": refused.data["challenge_id"], "otp": OTP}
        again = await caller.call("POST", f"{PATH}/bank/verify", body)
        assert again.data["state"] == "active"


async def test_an_answer_to_no_challenge_is_a_conflict(tmp_path, autojump_clock):
    async with banking(tmp_path) as (caller, _):
        body = {"challenge_id": "NOSUCH", "otp": OTP}
        answer = await caller.call("POST", f"{PATH}/bank/verify", body)
        assert (answer.status, answer.code) == (409, "conflict")
        assert "begin a new one" in answer.json["message"]


async def test_an_answer_that_gives_nothing_is_refused(tmp_path, autojump_clock):
    async with banking(tmp_path) as (caller, _):
        begun = await caller.call("POST", f"{PATH}/bank/login")
        body = {"challenge_id": begun.data["challenge_id"]}
        answer = await caller.call("POST", f"{PATH}/bank/verify", body)
        assert (answer.status, answer.where) == (422, "$")


async def test_a_second_step_at_once_is_a_conflict(tmp_path, autojump_clock):
    async with banking(tmp_path) as (caller, bank):
        bank.door.takes = 1
        codes = []

        async def begin():
            answer = await caller.call("POST", f"{PATH}/bank/login")
            codes.append(answer.code)

        async with trio.open_nursery() as both:
            both.start_soon(begin)
            both.start_soon(begin)
        assert sorted(codes, key=str) == [None, "conflict"]


async def test_a_log_out_ends_it(tmp_path, autojump_clock):
    async with banking(tmp_path) as (caller, _):
        await log_in(caller)
        gone = await caller.call("DELETE", f"{PATH}/bank", scope="trade")
        assert gone.data["state"] == "logged_out"
        order = await caller.place(a_body("bank"))
        assert order.legs[0]["error_code"] == "login_required"


async def test_a_setting_that_is_missing_is_named(tmp_path, autojump_clock):
    async with banking(tmp_path) as (caller, bank):
        bank.door.fails_with = ConfigError("secret: a log-in wants it, found nothing")
        answer = await caller.call("POST", f"{PATH}/bank/login")
        assert answer.legs[0]["error_code"] == "unsupported"
        words = "brokers.bank.secret: a log-in wants it, found nothing"
        assert answer.legs[0]["message"] == words


async def test_a_simulated_broker_wants_no_login(tmp_path, autojump_clock):
    async with banking(tmp_path) as (caller, _):
        answer = await caller.call("POST", f"{PATH}/one/login")
        assert answer.legs[0]["error_code"] == "unsupported"
        assert answer.data["state"] == "active"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{PATH}/other/login"),
        ("POST", f"{PATH}/other/verify"),
        ("DELETE", f"{PATH}/other"),
    ],
)
async def test_a_broker_that_is_not_there_is_not_found(
    tmp_path, autojump_clock, method, path
):
    async with banking(tmp_path) as (caller, _):
        answer = await caller.call(method, path)
        assert (answer.status, answer.code) == (404, "not_found")


# The redirect -------------------------------------------------------------------------


async def state_of(caller):
    begun = await caller.call("POST", f"{PATH}/bank/login")
    assert begun.data["kind"] == "redirect"
    return begun.data["login_url"].partition("state=")[2]


async def test_a_redirect_logs_in_once_without_a_token(tmp_path, autojump_clock):
    async with banking(tmp_path, ChallengeKind.REDIRECT) as (browser, _):
        state = await state_of(browser)
        url = f"{PATH}/bank/callback?s=ok&auth_code=CODE&state={state}"
        status, page = await browser.page(url)
        assert (status, "bank is logged in until" in page) == (200, True)
        assert "CODE" not in page
        status, page = await browser.page(url)
        assert status == 409
        assert "Not logged in" in page


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("?auth_code=CODE", 400), ("?state=", 400)]
)
async def test_a_redirect_without_its_text_is_for_the_command_line(
    tmp_path, autojump_clock, query, status
):
    async with banking(tmp_path, ChallengeKind.REDIRECT) as (browser, _):
        await state_of(browser)
        told, page = await browser.page(f"{PATH}/bank/callback{query}")
        assert told == status
        assert "ordo login bank" in page


async def test_a_redirect_of_somebody_else_changes_nothing(tmp_path, autojump_clock):
    async with banking(tmp_path, ChallengeKind.REDIRECT) as (browser, page_bank):
        await state_of(browser)
        url = f"{PATH}/bank/callback?auth_code=CODE&state={'0' * 32}"
        assert (await browser.page(url))[0] == 409
        assert page_bank.door.said == ["begin"]


async def test_what_the_page_is_told_is_shown_as_text(tmp_path, autojump_clock):
    async with banking(tmp_path, ChallengeKind.REDIRECT) as (browser, page_bank):
        state = await state_of(browser)
        page_bank.door.fails_with = LoginRefused("E1", "<script>alert(1)</script>")
        url = f"{PATH}/bank/callback?state={state}"
        status, page = await browser.page(url)
        assert status == 400
        assert "<script>" not in page
        assert "&lt;script&gt;" in page


async def test_the_pages_address_can_be_pasted_too(tmp_path, autojump_clock):
    async with banking(tmp_path, ChallengeKind.REDIRECT) as (browser, _):
        begun = await browser.call("POST", f"{PATH}/bank/login")
        body = {
            "challenge_id": begun.data["challenge_id"],
            "redirect_url": "https://127.0.0.1:8443/callback?auth_code=CODE",
        }
        done = await browser.call("POST", f"{PATH}/bank/verify", body)
        assert done.data["state"] == "active"


@pytest.mark.parametrize("query", ["x=1&" * 60, "state=", "state", "%ff=%fe", "&;&"])
async def test_a_redirect_that_is_none_is_told_so_and_no_fault(
    autojump_clock, tmp_path, query
):
    async with calling(tmp_path, guarded={"door": Guarded()}) as caller:
        status, text = await caller.page(f"/api/v1/sessions/door/callback?{query}")
    assert status == 400
    assert "does not say which log-in" in text
