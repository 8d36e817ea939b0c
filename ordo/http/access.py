"""Who calls, and whether they may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ordo.http.call import Principal
from ordo.http.errors import ApiError
from ordo.http.routes import Route

if TYPE_CHECKING:
    from ordo.system import System

SCOPES = ("none", "read", "trade", "admin")
"""Each holds the ones before it."""


class Nobody:
    """Who calls where no token is asked for."""

    id = "anonymous"
    scope = "none"


def principal_of(system: System, route: Route, headers: Mapping[str, str]) -> Principal:
    """Who calls *route*.

    Raises:
        ApiError: `unauthorized` or `forbidden`.
    """
    if route.scope == "none" or (
        system.settings.server.public_status and route.path == "/api/v1/status"
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
        raise ApiError(
            "unauthorized",
            "this token is not known, revoked or expired",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
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
