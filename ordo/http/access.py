"""Who calls, and whether they may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import trio

from ordo.http.call import Principal
from ordo.http.errors import ApiError
from ordo.http.throttle import Throttle

if TYPE_CHECKING:
    from ordo.system import System

SCOPES = ("none", "read", "trade", "admin")
"""Each holds the ones before it."""


class Guarded(Protocol):
    """What takes a token of some scope: a route, or the console."""

    @property
    def path(self) -> str: ...

    @property
    def scope(self) -> str: ...


class Nobody:
    """Who calls where no token is asked for."""

    id = "anonymous"
    scope = "none"


def principal_of(
    system: System,
    route: Guarded,
    headers: Mapping[str, str],
    *,
    address: str,
    wrong: Throttle,
) -> Principal:
    """Who calls *route*.

    Args:
        address: where the call comes from.
        wrong: counts wrong tokens by address.

    Raises:
        ApiError: `unauthorized`, `forbidden`, or `rate_limited` for one wrong token too
            many.
    """
    if (
        route.scope == "none"
        or (system.settings.server.public_status and route.path == "/api/v1/status")
        or (system.settings.server.public_metrics and route.path == "/metrics")
    ):
        return Nobody()
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise ApiError(
            "unauthorized",
            "wanted the header Authorization: Bearer TOKEN",
            headers={"WWW-Authenticate": "Bearer"},
        )
    principal = system.tokens.principal(token.strip())
    if principal is None:
        raise _not_known(wrong.take(address, trio.current_time()))
    if SCOPES.index(principal.scope) < SCOPES.index(route.scope):
        raise ApiError(
            "forbidden",
            f"wanted scope {route.scope}, found {principal.scope}",
            headers={
                "WWW-Authenticate": (
                    f'Bearer error="insufficient_scope", scope="{route.scope}"'
                )
            },
        )
    return principal


def _not_known(wait: float) -> ApiError:
    if wait > 0:
        words = "too many wrong tokens from this address; a good one is taken at once"
        return ApiError("rate_limited", words, retry_after=wait)
    return ApiError(
        "unauthorized",
        "this token is not known, revoked or expired",
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )
