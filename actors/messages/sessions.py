"""A broker's session: logging in and out, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from actors.request import Ask
from adapters import ChallengeKind, Field
from adapters.secret import Secret

# A broker's session -------------------------------------------------------------------


class BeginLogin(
    msgspec.Struct, Ask["LoginReply"], frozen=True, kw_only=True, tag=True
):
    """Start a log-in; the reply says whether it is done or what is wanted next."""

    by: str
    request_id: str | None = None


class VerifyLogin(
    msgspec.Struct, Ask["LoginReply"], frozen=True, kw_only=True, tag=True
):
    """Answer a challenge, named by its id or by the text that its redirect brought.

    *answers* are by the names of the challenge's fields.
    """

    answers: Mapping[str, Secret]
    by: str
    challenge_id: str | None = None
    state: str | None = None
    request_id: str | None = None


class Logout(msgspec.Struct, Ask["LoginReply"], frozen=True, kw_only=True, tag=True):
    """End the session."""

    by: str
    request_id: str | None = None


class ReadSession(
    msgspec.Struct, Ask["SessionReport"], frozen=True, kw_only=True, tag=True
):
    """How the session stands."""


class ChallengeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the user is asked for."""

    challenge_id: str
    kind: ChallengeKind
    prompt: str
    login_url: str | None
    fields: tuple[Field, ...]
    good_until: datetime


class SessionReport(msgspec.Struct, frozen=True, kw_only=True):
    """A session; *reason* says why it is not active. Times are aware UTC."""

    broker: str
    adapter: str
    state: str
    last_login_at: datetime | None
    expires_at: datetime | None
    reason: str | None
    challenge: ChallengeReport | None = None


class LoginFailed(msgspec.Struct, frozen=True, kw_only=True):
    """It did not go on; *session* says whether the challenge still stands.

    `code` is a broker-level one, or `conflict`: another step is under way, or
    `not_found`: nothing waits for this answer.
    """

    code: str
    message: str
    session: SessionReport
    broker_code: str | None = None
    broker_message: str | None = None
    http_status: int | None = None


LoginReply = SessionReport | LoginFailed
