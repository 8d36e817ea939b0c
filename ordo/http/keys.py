"""Idempotency: the key of a request, and what makes two requests the same."""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from typing import Any

import msgspec

from ordo.http.bodies import Body, OrderBody, PlaceBody
from ordo.http.call import Call
from ordo.http.errors import ApiError

KEY = re.compile(r"[\x21-\x7e]{1,255}")
API_VERSION = "v1"
CANONICAL = msgspec.json.Encoder(decimal_format="string")
"""Fields stand as their type has them: no body that has a key holds a mapping or a set.
"""
NOTHING = PlaceBody(orders=[])
LATER = ("sequential",)
"""Fields that came after keys were stored: left out of a fingerprint at their default,
so that a retry over an upgrade is known again."""
LATER_OF_ORDERS = {"slice": False}
"""The same of an order's fields, with their defaults."""


def key_of(call: Call, inside: str | None) -> str | None:
    """The client's key: the header's, or *inside* (the body's); None without either.

    Raises:
        ApiError: `bad_request`, where they differ, or are no 1 to 255 visible ASCII
            characters, or where the settings want one and there is none.
    """
    header = call.header("idempotency-key")
    if header is not None and inside is not None and header != inside:
        raise ApiError(
            "bad_request", "Idempotency-Key and $.idempotency_key differ; send one"
        )
    key, where = (
        (inside, "$.idempotency_key") if header is None else (header, "Idempotency-Key")
    )
    if key is None:
        if call.system.settings.orders.require_idempotency_key:
            raise ApiError(
                "bad_request",
                "Idempotency-Key: wanted one (orders.require_idempotency_key is set), "
                "found none",
            )
        return None
    if not KEY.fullmatch(key):
        raise ApiError(
            "bad_request",
            f"{where}: wanted 1 to 255 visible ASCII characters, "
            f"found {len(key)} that are not all of these",
        )
    return key


def fingerprint(body: PlaceBody) -> str:
    """What makes two requests the same: all of the body but the key, in one form.

    Its numbers have been checked: normalizing them loses nothing.
    """
    fields = msgspec.structs.asdict(body)
    fields["idempotency_key"] = None
    fields["orders"] = [_normal(order) for order in body.orders]
    for name in LATER:
        if fields[name] == getattr(NOTHING, name):
            del fields[name]
    return digest(fields)


def digest(plain: Body | dict[str, Any]) -> str:
    """The SHA-256, in hex, of a body that bears no key any more, field by field."""
    return hashlib.sha256(CANONICAL.encode((API_VERSION, plain))).hexdigest()


def _normal(order: OrderBody) -> dict[str, Any]:
    numbers = {
        name: value.normalize()
        for name in ("quantity", "price", "trigger_price", "disclosed_quantity")
        if isinstance(value := getattr(order, name), Decimal)
    }
    fields = msgspec.structs.asdict(order) | numbers
    for name, default in LATER_OF_ORDERS.items():
        if fields[name] == default:
            del fields[name]
    return fields
