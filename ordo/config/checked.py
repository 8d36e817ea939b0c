"""From plain tables to a struct, strictly, or a `ConfigError` of one line."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import msgspec

from adapters.errors import ConfigError
from adapters.secret import Secret
from ordo.config.wording import complaint

T = TypeVar("T", bound=msgspec.Struct)


def checked(table: Any, struct: type[T], path: str, *, show: bool = True) -> T:
    """Convert a table strictly.

    Args:
        table: Plain values as the file gave them.
        struct: What to make of it.
        path: Where the table stands, such as `brokers.paper`; "" for the whole.
        show: Whether a message may show a value that does not fit.

    Raises:
        ConfigError: One line that names the key by its whole path.
    """
    if endless := _not_finite(table, path):
        raise ConfigError(f"{endless}: wanted a finite number")
    try:
        return msgspec.convert(table, struct, dec_hook=_make)
    except msgspec.ValidationError as exc:
        raise ConfigError(complaint(str(exc), table, struct, path, show=show)) from None


def _make(wanted: type, value: Any) -> Any:
    """Make a `Secret` of text; nothing else is made of anything."""
    if isinstance(value, wanted):
        return value
    if wanted is Secret and isinstance(value, str):
        return Secret(str(value))
    raise TypeError("Expected `str`, got something else")


def _not_finite(value: Any, path: str) -> str | None:
    """Where `nan` or `inf` stands: TOML has both, and msgspec's bounds pass both."""
    if isinstance(value, float) and not math.isfinite(value):
        return path
    if isinstance(value, dict):
        below = (_not_finite(v, f"{path}.{k}".lstrip(".")) for k, v in value.items())
        return next(filter(None, below), None)
    return None
