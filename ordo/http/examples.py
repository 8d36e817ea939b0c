"""Examples for the OpenAPI document: requests that were sent, and what came back.

`examples.json` is written by `make examples`, which sends every request to a running
Ordo over paper brokers; a test does the same, and fails where a field is missing here.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import msgspec


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a route, and its answer; `parameters` are by their names."""

    parameters: dict[str, str] = {}
    body: Any = None
    status: int
    answer: Any


class Examples(msgspec.Struct, frozen=True, kw_only=True):
    """By route, such as `GET /health`; and an answer for each global error's code."""

    calls: dict[str, Example] = {}
    errors: dict[str, Any] = {}


FILE = Path(__file__).with_name("examples.json")


@functools.cache
def examples() -> Examples:
    """All of them."""
    return msgspec.json.decode(FILE.read_bytes(), type=Examples)
