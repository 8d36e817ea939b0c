"""Bytes become types once, here; past this point nobody checks shapes again.

A malformed value names its JSON path, what was wanted and what was found.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from ordo.http.errors import CONTROL, ApiError, invalid

T = TypeVar("T", bound=msgspec.Struct)

NUMBERS = frozenset(
    {
        "quantity",
        "price",
        "trigger_price",
        "disclosed_quantity",
        "fill_price",
        "fill_qty",
    }
)
MAY_HIDE_TEXT = re.compile(
    rb'"(?:(?:disclosed_)?quantity|(?:trigger_|fill_)?price|fill_qty)"\s*:\s*"|\\u'
)
"""msgspec takes a decimal from text as well; the contract does not. A name may be
spelled with escapes, so these are looked at closely too."""


def decode(raw: bytes, kind: type[T]) -> T:
    """The body as *kind*.

    Raises:
        ApiError: `bad_request` where it is not JSON, else `validation_failed`.
    """
    if not raw.strip():
        raise ApiError("bad_request", "wanted a JSON body, found none")
    try:
        body = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise _validation(str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _not_json(raw, error) from None
    if MAY_HIDE_TEXT.search(raw):
        _refuse_text(raw)
    return body


def check_text(value: str, path: str) -> None:
    """Refuse control characters, and halves of a surrogate pair.

    Raises:
        ApiError: `validation_failed`, naming the path.
    """
    if CONTROL.search(value):
        raise invalid(path, "wanted text without control characters")


def _validation(words: str) -> ApiError:
    problem, _, path = words.rpartition(" - at `")
    if not problem:
        problem, path = words, "$"
    path = path.rstrip("`")
    if found := re.search(r"unknown field `(.*)`", problem, re.DOTALL):
        path = f"{path}.{found[1][:60]}"
    return invalid(path, problem)


def _not_json(raw: bytes, error: Exception) -> ApiError:
    """NaN and Infinity are no JSON, but deserve the path of the field they stand in."""
    try:
        loose = json.loads(raw)
    except (ValueError, RecursionError):
        return ApiError("bad_request", f"the body is not JSON: {error}")
    for path, value in _leaves(loose):
        if isinstance(value, float) and not math.isfinite(value):
            return invalid(path, f"wanted a finite number, found {value}")
    return ApiError("bad_request", f"the body is not JSON: {error}")


def _refuse_text(raw: bytes) -> None:
    """Refuse numbers sent as text.

    Raises:
        ApiError: `validation_failed`, naming the path.
    """
    # Numbers are decoded already, and may be too large for floats: any value will do.
    loose = json.loads(raw, parse_int=len, parse_float=len)
    for path, value in _leaves(loose):
        if isinstance(value, str) and path.rpartition(".")[2] in NUMBERS:
            raise invalid(path, "wanted a number, found text")


def _leaves(root: Any) -> Iterator[tuple[str, Any]]:
    """Every value that holds no others, with its path; not recursive, for deep ones."""
    waiting = [("$", root)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{path}.{name}", inner) for name, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[{i}]", inner) for i, inner in enumerate(value)]
        else:
            yield path, value
