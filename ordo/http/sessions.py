"""Sessions with the brokers, by HTTP: who is logged in, and the way in and out."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec
import trio

from actors.mailbox import Mailbox, MailboxError
from actors.messages import (
    BeginLogin,
    LoginFailed,
    LoginReply,
    Logout,
    ReadSession,
    SessionReport,
    VerifyLogin,
)
from adapters.login import REDIRECT_URL
from adapters.secret import Secret
from ordo.http.answers import Page
from ordo.http.bodies import VerifyBody
from ordo.http.call import Call
from ordo.http.decoding import decode
from ordo.http.envelope import BrokerResult, Reply
from ordo.http.errors import ApiError, invalid
from ordo.http.masters import refresh_stale
from ordo.http.throttle import Throttle
from ordo.http.views import moment

REPORT_SECONDS = 1.0
LOGIN_SECONDS = 45.0
"""For a step at the broker and the call that checks what came of it."""
BROWSER = "the page of the broker"
MOST_FIELDS = 32
"""Of a redirect's query; brokers send up to six."""


class FieldView(msgspec.Struct, kw_only=True):
    """A value that is asked for; a secret one is not to be echoed."""

    name: str
    label: str
    secret: bool


class LoginView(msgspec.Struct, kw_only=True):
    """What a step of a log-in came to: `active`, or what is wanted next."""

    broker: str
    state: str
    challenge_id: str | None = None
    kind: str | None = None
    prompt: str | None = None
    login_url: str | None = None
    fields: list[FieldView] = []
    good_until: str | None = None
    last_login_at: str | None = None
    expires_at: str | None = None


class SessionView(msgspec.Struct, kw_only=True):
    """A session; `reason` says why it is not active."""

    broker: str
    adapter: str | None = None
    state: str | None = None
    last_login_at: str | None = None
    expires_at: str | None = None
    reason: str | None = None


class SessionList(msgspec.Struct, kw_only=True):
    """Every broker's session."""

    sessions: list[SessionView]


async def list_sessions(call: Call) -> Reply:
    """Who is logged in, until when."""
    rows: dict[str, SessionView] = {}

    async def ask(name: str, mailbox: Mailbox) -> None:
        rows[name] = await _session(name, mailbox)

    async with trio.open_nursery() as asks:
        for name, mailbox in call.system.brokers.items():
            asks.start_soon(ask, name, mailbox)
    ranked = [rows[name] for name in call.system.brokers]
    return Reply(data=SessionList(sessions=ranked))


async def begin(call: Call) -> Reply:
    """Start a log-in."""
    name, mailbox = _broker(call)
    count(call.throttles.logins, name, "log-ins begun")
    message = BeginLogin(by=call.principal.id, request_id=call.request_id)
    return _reply(await _ask(call, name, mailbox, message))


async def verify(call: Call) -> Reply:
    """Go on with what the user gave."""
    name, mailbox = _broker(call)
    body = decode(call.body, VerifyBody)
    answers = _answers(body)
    count(call.throttles.codes, name, "answers given")
    message = VerifyLogin(
        challenge_id=body.challenge_id,
        answers=answers,
        by=call.principal.id,
        request_id=call.request_id,
    )
    return _reply(await _ask(call, name, mailbox, message))


async def log_out(call: Call) -> Reply:
    """End a session."""
    name, mailbox = _broker(call)
    message = Logout(by=call.principal.id, request_id=call.request_id)
    return _reply(await _ask(call, name, mailbox, message))


async def callback(call: Call) -> Reply:
    """The broker's page comes back; what it brings is shown to nobody.

    Only a redirect with the text of the log-in that waits is taken, and only once.
    """
    name = call.path["broker"]
    mailbox = call.system.brokers.get(name)
    state = _state_in(call.raw_query)
    if mailbox is None or not state:
        words = (
            "This address does not say which log-in it belongs to. Copy all of it, as"
            f" it stands in the browser, into: ordo login {name[:64]}"
        )
        return _page("Not logged in", words, 400)
    if call.throttles.callbacks.take(call.address, trio.current_time()) > 0:
        words = "Too many came here in one minute. Wait a minute, and log in again."
        return _page("Not logged in", words, 429)
    came_to = f"https://callback/?{call.raw_query}"
    message = VerifyLogin(
        state=state,
        answers={REDIRECT_URL: Secret(came_to)},
        by=BROWSER,
        request_id=call.request_id,
    )
    try:
        answer = await _ask(call, name, mailbox, message)
    except ApiError as error:
        return _page("Not logged in", error.message, error.status)
    if isinstance(answer, LoginFailed):
        return _page("Not logged in", f"{answer.message}.", 400)
    until = moment(answer.expires_at)
    words = f"{name} is logged in until {until}. This page can be closed."
    return _page("Logged in", words, 200)


def _state_in(raw_query: str) -> str | None:
    """The text of a log-in that a redirect brings; None without, and of a flood."""
    try:
        pairs = parse_qsl(raw_query, max_num_fields=MOST_FIELDS)
    except ValueError:
        return None
    return dict(pairs).get("state")


def count(tries: Throttle, name: str, what: str) -> None:
    """A broker locks an account after some wrong codes; and each code is a message.

    Raises:
        ApiError: `rate_limited`.
    """
    wait = tries.take(name, trio.current_time())
    if wait > 0:
        words = f"too many {what} at {name}; again in {math.ceil(wait)} s"
        raise ApiError("rate_limited", words, retry_after=wait)


def _answers(body: VerifyBody) -> Mapping[str, Secret]:
    """What was typed, by the names of the challenge's fields."""
    given = {name: Secret(text) for name, text in body.fields.items()}
    if body.otp is not None:
        given["otp"] = Secret(body.otp)
    if body.redirect_url is not None:
        given[REDIRECT_URL] = Secret(body.redirect_url)
    if not given:
        raise invalid("$", "wanted otp, redirect_url or fields, found none of them")
    return given


def _broker(call: Call) -> tuple[str, Mailbox]:
    name = call.path["broker"]
    mailbox = call.system.brokers.get(name)
    if mailbox is None:
        there = ", ".join(call.system.broker_names) or "none"
        raise ApiError("not_found", f"no broker {name[:64]!r}; there are: {there}")
    return name, mailbox


async def _ask(
    call: Call, name: str, mailbox: Mailbox, message: BeginLogin | VerifyLogin | Logout
) -> LoginReply:
    try:
        with trio.fail_after(LOGIN_SECONDS):
            answer = await mailbox.ask(message, urgent=True)
    except (MailboxError, trio.TooSlowError):
        words = f"{name} does not answer; ask again, and see GET /api/v1/sessions"
        raise ApiError("overloaded", words) from None
    if isinstance(answer, LoginFailed) and answer.code in ("conflict", "not_found"):
        raise ApiError("conflict", answer.message)
    logs_in = not isinstance(message, Logout)
    if logs_in and isinstance(answer, SessionReport) and answer.state == "active":
        await refresh_stale(call, name)
    return answer


def _reply(answer: LoginReply) -> Reply:
    if isinstance(answer, SessionReport):
        return Reply(data=_login_view(answer))
    result = BrokerResult(
        broker=answer.session.broker,
        status="error",
        error_code=answer.code,
        message=answer.message,
        broker_code=answer.broker_code,
        broker_message=answer.broker_message,
        http_status=answer.http_status,
        attempts=1,
    )
    return Reply(status="error", data=_login_view(answer.session), results=[result])


def _login_view(report: SessionReport) -> LoginView:
    view = LoginView(
        broker=report.broker,
        state=report.state,
        last_login_at=moment(report.last_login_at),
        expires_at=moment(report.expires_at),
    )
    challenge = report.challenge
    if challenge is not None:
        view.state = "challenge"
        view.challenge_id, view.kind = challenge.challenge_id, challenge.kind.value
        view.prompt, view.login_url = challenge.prompt, challenge.login_url
        view.good_until = moment(challenge.good_until)
        view.fields = [
            FieldView(name=field.name, label=field.label, secret=field.secret)
            for field in challenge.fields
        ]
    return view


async def _session(name: str, mailbox: Mailbox) -> SessionView:
    try:
        with trio.fail_after(REPORT_SECONDS):
            report = await mailbox.ask(ReadSession(), urgent=True)
    except (MailboxError, trio.TooSlowError):
        return SessionView(broker=name, reason="its actor does not answer just now")
    return SessionView(
        broker=name,
        adapter=report.adapter,
        state=report.state,
        last_login_at=moment(report.last_login_at),
        expires_at=moment(report.expires_at),
        reason=report.reason,
    )


def _page(title: str, words: str, status: int) -> Reply:
    """A page for the browser that was sent here."""
    body = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Ordo: {title}</title>"
        "<meta name=viewport content='width=device-width'>"
        f"<h1>{title}</h1><p>{html.escape(words)}</p></html>"
    )
    return Reply(data=Page(body), http_status=status)
