"""Which global errors a route can meet, and with which headers."""

from __future__ import annotations

import re

from ordo.http.bodies import SwitchBody
from ordo.http.errors import STATUS_OF
from ordo.http.route import Route
from ordo.http.views import BatchData

SOMETIMES = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    409: ("Retry-After", "Location"),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
EVERYWHERE = ("bad_request", "payload_too_large", "validation_failed", "internal")
MAY_CONFLICT = re.compile("/sessions/|/simulate_fill$")
OF_A_TOKEN = ("unauthorized", "forbidden", "rate_limited")
OF_ACTORS = ("overloaded", "storage_unavailable")


def codes_of(route: Route) -> list[str]:
    """The codes of `STATUS_OF` that it may answer with."""
    codes = [*EVERYWHERE, *OF_ACTORS]
    if route.scope != "none":
        codes += OF_A_TOKEN
    if "{" in route.path:
        codes.append("not_found")
    if places(route):
        codes += [code for code in STATUS_OF if code.startswith("idempotency_")]
        codes += ["kill_switch_engaged", "shutting_down"]
    elif _may_conflict(route):
        codes.append("conflict")
    if route.method == "PATCH":
        codes.append("shutting_down")
    return codes


def _may_conflict(route: Route) -> bool:
    changes = route.method in ("DELETE", "PATCH") or route.body is SwitchBody
    return changes or MAY_CONFLICT.search(route.path) is not None


def places(route: Route) -> bool:
    """Whether it answers with a batch of orders, under an idempotency key."""
    return route.data is BatchData
