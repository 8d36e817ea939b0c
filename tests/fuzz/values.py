"""Values from a schema: good ones, and ones that programs have fallen over."""

from __future__ import annotations

import json
import random
import string
from typing import Any

Json = Any

TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\n",
    "\r\nX-Injected: yes",
    "\u2028",
    "\u202e",
    "\ufeff",
    "\ud800",
    "\U0010ffff",
    "é" * 40,
    "\u017f",  # a capital S, to some
    "\u0130",
    "'; DROP TABLE orders; --",
    "%s%s%n",
    "{0.__class__}",
    "${jndi:ldap://127.0.0.1/a}",
    "../../../../etc/passwd",
    "<script>alert(1)</script>",
    "-1",
    "0",
    "null",
    "NaN",
    "9" * 400,
    "A" * 300,
    "A" * 20_000,
)
NUMBERS = (
    *(0, -0.0, -1, 1, 0.1, 1.5, 1e-5, 1e-400, 1e12, 1e308, -1e308),
    *(2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400),
)
ODDITIES = (*TEXTS, *NUMBERS, None, True, False, [], {}, [[]], [None], {"": None})
RAW = (
    *(b"NaN", b"-Infinity", b"1e999999999", b"-1e-999999999", b"1" * 5000, b"1e400"),
    *(b"0" * 50, b"1.", b".5", b"+1", b"0x10", b"1_000", b"'a'", b"\xff", b'"\xff"'),
    *(b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\\u0000"', b'"\x00"'),
    *(b"[" * 5000, b'{"a":' * 5000, b"[" * 2000 + b"]" * 2000, b"undefined", b""),
    b"1." + b"0" * 4000,
)
"""What a JSON library does not write, put where a value stands."""
HOLE = "HOLE-5b1f"

SYMBOLS = ("NSE:SBIN", "NSE:INFY", "BSE:RELIANCE", "NFO:NIFTY26NOV24FUT", "US:AAPL")
BROKERS = ("one", "two", "door")


class Values:
    """Makes values.

    Args:
        rng: all chance comes from it.
        schemas: `components.schemas` of the document.
    """

    def __init__(self, rng: random.Random, schemas: dict[str, Json]) -> None:
        self._rng, self._schemas = rng, schemas

    def good(self, schema: Json, name: str = "") -> Json:
        """A value that *schema* allows; a real one, where the *name* tells of one."""
        rng = self._rng
        if (real := self._real(name)) is not None and rng.random() < 0.8:
            return real
        if "$ref" in schema:
            return self._of(schema["$ref"].rpartition("/")[2])
        if "anyOf" in schema:
            return self.good(rng.choice(schema["anyOf"]), name)
        if "enum" in schema:
            return rng.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema)
        if kind == "array":
            least, most = schema.get("minItems", 0), min(schema.get("maxItems", 3), 3)
            items = range(rng.randint(least, most))
            return [self.good(schema.get("items", {}), name) for _ in items]
        if kind in ("integer", "number"):
            return self._number(schema, kind)
        return {"boolean": rng.random() < 0.5, "null": None}.get(
            kind, self._text(schema) if kind == "string" else rng.choice(ODDITIES)
        )

    def _of(self, name: str) -> Json:
        value = self.good(self._schemas[name])
        if name == "OrderBody" and self._rng.random() < 0.8:
            return self._sensible(value)
        return value

    def _sensible(self, order: Json) -> Json:
        """An order whose type and prices go together."""
        kind = self._rng.choice(("MARKET", "LIMIT", "LIMIT", "LIMIT", "SL", "SL-M"))
        order |= {"type": kind, "quantity": self._rng.randint(1, 20)}
        order["price"] = 800 if kind in ("LIMIT", "SL") else None
        order["trigger_price"] = 801 if kind in ("SL", "SL-M") else None
        return order | {"disclosed_quantity": None}

    def _object(self, schema: Json) -> Json:
        needed = schema.get("required", ())
        made = {
            name: self.good(inner, name)
            for name, inner in schema.get("properties", {}).items()
            if name in needed or self._rng.random() < 0.5
        }
        more = schema.get("additionalProperties")
        if isinstance(more, dict):
            made[self._text({})] = self.good(more)
        return made

    def _number(self, schema: Json, kind: str) -> Json:
        low, high = schema.get("minimum", 1), schema.get("maximum", 1000)
        number = self._rng.randint(int(low), int(high))
        return number if kind == "integer" else number + 0.5 * (number < high)

    def _text(self, schema: Json) -> str:
        most = min(schema.get("maxLength", 12), 12)
        letters = string.ascii_letters + string.digits
        size = self._rng.randint(max(1, schema.get("minLength", 1)), most)
        return "".join(self._rng.choices(letters, k=size))

    def _real(self, name: str) -> Json:
        rng = self._rng
        real = {
            "symbol": rng.choice(SYMBOLS),
            "brokers": rng.sample(BROKERS[:2], rng.randint(1, 2)),
            "broker": rng.choice(BROKERS),
            "price": rng.choice((799, 800, 800.05, 801)),
            "deadline_ms": rng.randint(1, 1500),
            "wait_seconds": rng.choice((0, 0.05)),
        }
        return real.get(name)

    def spoilt(self, value: Json) -> bytes:
        """JSON of *value* with one thing wrong in it; it may not be JSON any more."""
        rng = self._rng
        way = rng.choice(("odd", "odd", "raw", "raw", "drop", "add", "twice", "cut"))
        text = dumped(value)
        if way == "cut":
            return text[: rng.randrange(len(text) + 1)]
        if way == "twice":
            return text.replace(b"{", b'{"brokers": ["one"], "brokers": 7, ', 1)
        places = list(_places(value))
        if not places:
            return rng.choice(RAW)
        holder, key = rng.choice(places)
        if way == "drop":
            del holder[key]
        elif way == "add" and isinstance(holder, dict):
            holder[rng.choice(TEXTS)] = rng.choice(ODDITIES)
        elif way == "odd":
            holder[key] = rng.choice(ODDITIES)
        else:
            holder[key] = HOLE
        return dumped(value).replace(b'"' + HOLE.encode() + b'"', rng.choice(RAW))


def dumped(value: Json) -> bytes:
    """As JSON, with lone surrogates as escapes."""
    return json.dumps(value).encode()


def _places(value: Json) -> Any:
    """Every (holder, key) in it."""
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, dict):
            keys: Any = list(holder)
        elif isinstance(holder, list):
            keys = range(len(holder))
        else:
            continue
        for key in keys:
            yield holder, key
            waiting.append(holder[key])
