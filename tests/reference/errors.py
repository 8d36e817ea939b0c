"""Error codes: global ones with their HTTP status, and those of a broker's entry."""

from __future__ import annotations

from adapters import OrderStatus
from ordo.http.errors import STATUS_OF
from tests.reference.source import broker_codes
from tests.reference.words import code, table

INTRODUCTION = """# Errors

A *global* error stands in `error_code` at the top of the answer: nothing was attempted.
A *broker's* error stands in its own entry of `results`. 429 and 503 bear `Retry-After`.
"""
GLOBAL = {
    "bad_request": "no JSON at all; an empty or malformed key; two keys that differ",
    "unauthorized": "no token, or one that is not good",
    "forbidden": "the token's scope is too small",
    "not_found": "no such path, order, batch, broker or instrument",
    "method_not_allowed": "the path has no such method; `Allow` names those it has",
    "conflict": "it does not go with how things stand",
    "idempotency_in_progress": "the first request with this key still runs: ask again "
    "with the same key",
    "payload_too_large": "the body is too long",
    "validation_failed": "a value is not as wanted; `data.path` names it",
    "idempotency_key_reused": "the key was used with another body",
    "idempotency_key_expired": "the key was used long ago, and only that is known",
    "rate_limited": "too many calls came from this token or address",
    "internal": "a fault of Ordo: the log has it under the request's id",
    "kill_switch_engaged": "trading is halted",
    "overloaded": "too much to do: come back",
    "shutting_down": "Ordo is stopping",
    "storage_unavailable": "nothing can be recorded, so nothing is sent",
}
BROKER = {
    "broker_recovering": "orders of before the restart are looked up first",
    "broker_unavailable": "its breaker is open, or it does not answer",
    "conflict": "it does not go with how things stand, such as a second log-in",
    "deadline_exceeded": "its turn would have come after the deadline; never sent",
    "egress_mismatch": "orders would leave from another address than `expect_ip`",
    "instrument_not_tradable": "it exists, and cannot be ordered there",
    "instrument_unknown": "the broker's master does not have it",
    "insufficient_funds": "the broker's own figures do not cover it",
    "invalid_price": "off the tick, outside the band, or missing",
    "invalid_quantity": "no whole lots, or over the freeze quantity",
    "kill_switch_engaged": "halted before it left",
    "login_required": "nobody is logged in there",
    "not_found": "it does not have this, or nothing waits for the answer",
    "not_sent": "given up before anything left",
    "overloaded": "too much waits for this broker",
    "price_unavailable": "no price to protect a market order with",
    "rate_queue_full": "no slot within its limits in time",
    "rejected": "the broker said no, in `broker_code` and `broker_message`",
    "session_expired": "its session ended before the order left",
    "storage_unavailable": "nothing can be recorded, so nothing is sent",
    "unknown": "it may have arrived; it is being looked for",
    "unsupported": "that broker cannot do it",
}
STATUSES = {
    "placed": ("recorded, being sent", "wait"),
    "acked": ("the broker has it", "none"),
    "partially_filled": ("a part is filled", "none"),
    "filled": ("all of it is filled", "none"),
    "settled": ("filled, and one trading day has passed (T+1)", "none"),
    "cancelled": ("cancelled; what was filled before stays", "none"),
    "rejected": ("the broker said no", "mend the order, new key"),
    "denied": ("Ordo said no, nothing left", "see the code; a new key is safe"),
    "unknown": ("it may have arrived", "read it again; never send it anew"),
    "not_placed": ("was unknown, provably is not there", "a new key is safe"),
}


def page() -> str:
    """The page.

    Raises:
        AssertionError: the code has other codes than are told of here.
    """
    _agree(GLOBAL.keys(), STATUS_OF.keys())
    _agree(BROKER.keys(), broker_codes())
    _agree(STATUSES.keys(), {str(status) for status in OrderStatus})
    rows = [
        (code(name), str(status), GLOBAL[name])
        for name, status in sorted(STATUS_OF.items(), key=lambda item: item[::-1])
    ]
    return "\n\n".join(
        [
            INTRODUCTION,
            "## Global",
            table(("code", "HTTP", "means"), rows),
            "## Of a broker",
            table(("code", "means"), [(code(k), v) for k, v in sorted(BROKER.items())]),
            "## An order's status",
            table(
                ("status", "means", "your next step"),
                [(code(name), *words) for name, words in STATUSES.items()],
            ),
        ]
    )


def _agree(told: set[str], there: set[str]) -> None:
    odd = sorted(set(told) ^ set(there))
    assert not odd, f"tests/reference/errors.py and the code differ in {odd}"
