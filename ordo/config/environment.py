"""Settings from the environment: `ORDO_` and the path, `__` between its levels.

`ORDO_BROKERS__FYERS_MAIN__SECRET` is `secret` in `[brokers.fyers-main]`. Names are
matched to those of the file with dashes read as underscores; what the file does not
name gets the lower-case name.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from adapters.errors import ConfigError

PREFIX = "ORDO_"
NOT_SETTINGS = frozenset(
    {
        "ORDO_API_TOKEN",
        "ORDO_CA",
        "ORDO_CONFIG",
        "ORDO_MASTER_KEY",
        "ORDO_TOKEN",
        "ORDO_URL",
    }
)
"""Names of our own that are read elsewhere: the file, default secrets, the client."""

SERVICE_LINK = re.compile(r"ORDO_(SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP)\w*)?)")
"""What Kubernetes sets in every pod beside a service that is named `ordo`."""


class EnvText(str):
    """A value from the environment, which still has to become its key's type."""

    __slots__ = ("variable",)
    variable: str

    @classmethod
    def of(cls, variable: str, value: str) -> EnvText:
        text = cls(value)
        text.variable = variable
        return text


def variable_of(value: Any) -> str | None:
    """The variable that a value, or something below it, came from, if one did."""
    if isinstance(value, EnvText):
        return value.variable
    if isinstance(value, dict):
        return next(filter(None, map(variable_of, value.values())), None)
    return None


def overlay(tables: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The tables of the file with the environment's values over them.

    Raises:
        ConfigError: A variable reaches below a value, or fits two names.
    """
    out: dict[str, Any] = _copied(tables)
    variables = _settings(tables, environ)
    for variable in sorted(variables, key=lambda name: (name.count("__"), name)):
        _put(out, variable, EnvText.of(variable, environ[variable]))
    return out


def typed(value: Any, wanted: Any) -> Any:
    """Give every `EnvText` in *value* the type that *wanted* has there.

    One that does not fit stays as it is, for the strict conversion to refuse.
    """
    if isinstance(value, EnvText):
        return _parsed(value, wanted)
    if isinstance(value, dict) and is_struct(wanted):
        types = {f.encode_name: f.type for f in msgspec.structs.fields(wanted)}
        return {
            key: typed(below, types[key]) if key in types else below
            for key, below in value.items()
        }
    return value


def inline(text: str) -> Any:
    """Read one value as TOML or JSON writes it in a line; None where it is neither."""
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        pass
    else:
        return found["value"] if len(found) == 1 else None
    try:
        return json.loads(text)
    except ValueError:
        return None


def is_struct(wanted: Any) -> bool:
    """Whether a type is one of msgspec's structs."""
    return isinstance(wanted, type) and issubclass(wanted, msgspec.Struct)


def _settings(tables: dict[str, Any], environ: Mapping[str, str]) -> set[str]:
    """The variables that are settings: not our other ones, nor what `env:` names."""
    named = {
        text.removeprefix("env:")
        for text in (*_texts(tables), *environ.values())
        if text.startswith("env:")
    }
    return {
        name
        for name, value in environ.items()
        if name.startswith(PREFIX)
        and name not in NOT_SETTINGS | named
        and not _is_service_link(name, value)
    }


def _is_service_link(name: str, value: str) -> bool:
    if name == "ORDO_PORT":
        return "://" in value
    return SERVICE_LINK.fullmatch(name) is not None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for below in value.values():
            yield from _texts(below)


def _put(tables: dict[str, Any], variable: str, value: EnvText) -> None:
    at, rest = tables, variable.removeprefix(PREFIX).lower()
    while True:
        key, rest = _next_key(at, rest, variable)
        if not rest:
            at[key] = value
            return
        below = at.setdefault(key, {})
        if isinstance(below, EnvText):
            below = at[key] = inline(below)
        if not isinstance(below, dict):
            raise ConfigError(f"{variable}: wanted a table at {key}, found a value")
        at = below


def _next_key(table: dict[str, Any], rest: str, variable: str) -> tuple[str, str]:
    """The key that *rest* begins with, and what is left behind its `__`."""
    fits = [key for key in table if (rest + "__").startswith(_flat(key) + "__")]
    longest = max((len(key) for key in fits), default=0)
    fits = [key for key in fits if len(key) == longest]
    if len(fits) > 1:
        raise ConfigError(f"{variable}: names both {' and '.join(sorted(fits))}")
    if fits:
        return fits[0], rest[longest + 2 :]
    key, _, below = rest.partition("__")
    return key, below


def _flat(key: str) -> str:
    return key.lower().replace("-", "_")


def _parsed(text: EnvText, wanted: Any) -> Any:
    try:
        return msgspec.convert(str(text), wanted, strict=False)
    except (msgspec.ValidationError, TypeError):
        found = inline(text)
        return text if found is None else typed(found, wanted)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _copied(below) for key, below in value.items()}
    return value
