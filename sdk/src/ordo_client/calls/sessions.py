"""Sessions with the brokers: who is logged in, and the way in and out."""

from __future__ import annotations

from collections.abc import Mapping

from ordo_client.answers import Rows
from ordo_client.call import Call, encode, path
from ordo_client.gateway import Login, Session
from ordo_client.reading import one, rows

LOGIN_SECONDS = 45.0
"""For a step at the broker, and the call that checks what came of it."""


def sessions() -> Call[Rows[Session]]:
    """Who is logged in, until when."""
    return Call("GET", path("sessions"), rows("sessions", Session))


def login(broker: str) -> Call[Login]:
    """Start a log-in: `state` is `active`, or `challenge` with what to answer.

    Never tried again by itself: each asks the broker for a new one-time password.
    """
    return Call(
        "POST",
        path("sessions", broker, "login"),
        one(Login),
        seconds=LOGIN_SECONDS,
        repeat=False,
    )


def verify(
    broker: str,
    challenge_id: str,
    *,
    otp: str | None = None,
    redirect_url: str | None = None,
    fields: Mapping[str, str] | None = None,
) -> Call[Login]:
    """Answer what a log-in asks for.

    Never tried again by itself: brokers lock accounts after some wrong codes.

    Args:
        broker: whose log-in it is.
        challenge_id: the one that the log-in told.
        otp: the one-time password.
        redirect_url: where the broker's page led to, all of it.
        fields: what else the challenge names.
    """
    given = {"challenge_id": challenge_id, "otp": otp, "redirect_url": redirect_url}
    return Call(
        "POST",
        path("sessions", broker, "verify"),
        one(Login),
        body=encode({**given, "fields": dict(fields or {})}),
        seconds=LOGIN_SECONDS,
        repeat=False,
    )


def logout(broker: str) -> Call[Login]:
    """End a session."""
    return Call("DELETE", path("sessions", broker), one(Login), seconds=LOGIN_SECONDS)
