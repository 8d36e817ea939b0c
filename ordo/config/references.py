"""Secrets in the settings: given plainly, or as `env:NAME`, `file:PATH`, `stored:NAME`.

No message here ever holds a value: what a reference points to is a secret, and what
is not a reference may be one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from adapters.errors import ConfigError
from adapters.secret import Secret

SECRET_KEYS = frozenset(
    {
        "access_token",
        "api_key",
        "api_secret",
        "master_key",
        "password",
        "pin",
        "secret",
        "token",
        "totp_seed",
    }
)
"""Keys whose value may be a reference, and is shown in no message."""

Stored = Callable[[str, str], str]
"""What `stored:NAME` means, for the setting of a path; raises `ConfigError`."""

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def resolved(
    table: dict[str, Any],
    path: str,
    environ: Mapping[str, str],
    keys: frozenset[str] = SECRET_KEYS,
    *,
    stored: Stored | None = None,
    lenient: bool = False,
) -> dict[str, Any]:
    """The table with `Secret` values under *keys*; an empty one is left out.

    Args:
        table: A section or a broker's table.
        path: Where it stands.
        environ: What `env:NAME` names.
        keys: Which of its keys are secrets.
        stored: Looks stored secrets up; None where there can be none.
        lenient: Leave out a reference that leads nowhere too.

    Raises:
        ConfigError: A reference leads nowhere; the line names the key and the place.
    """
    out = dict(table)
    for key in keys & table.keys():
        value = table[key]
        if value is None or value == "":
            del out[key]
        elif isinstance(value, str):
            try:
                text = _look_up(str(value), f"{path}.{key}", environ, stored)
                out[key] = Secret(text)
            except ConfigError:
                if not lenient:
                    raise
                del out[key]
    return out


def reference(value: str, path: str, environ: Mapping[str, str]) -> str:
    """What `env:NAME` or `file:PATH` holds.

    Raises:
        ConfigError: it is no such reference, or leads nowhere.
    """
    if not value.startswith(("env:", "file:")):
        raise ConfigError(f"{path}: wanted env:NAME or file:PATH, found other text")
    return _look_up(value, path, environ, None)


def _look_up(
    value: str, path: str, environ: Mapping[str, str], stored: Stored | None
) -> str:
    kind, colon, place = value.partition(":")
    if not colon or kind not in ("env", "file", "stored"):
        return value
    if kind == "env":
        if not VARIABLE.fullmatch(place):  # or the secret itself, put there by mistake
            raise ConfigError(f"{path}: wanted env:NAME with the name of a variable")
        text = environ.get(place, "")
    elif kind == "file":
        text = _read(place, path)
    elif stored is not None:
        return stored(place, path)
    else:
        raise ConfigError(
            f"{path}: wanted env:NAME or file:PATH, found stored:…, which brokers"
            " alone can have"
        )
    if not text:
        where = f"variable {place}" if kind == "env" else f"file {place}"
        raise ConfigError(
            f"{path}: wanted a secret in {where}, found it"
            f" {'empty' if kind == 'file' or place in environ else 'not set'}"
        )
    return text


def _read(place: str, path: str) -> str:
    try:
        return Path(place).expanduser().read_text("utf-8").rstrip("\r\n")
    except OSError as exc:
        why = exc.strerror or type(exc).__name__
        raise ConfigError(
            f"{path}: wanted a secret in file {place}, found: {why}"
        ) from None
    except ValueError:
        raise ConfigError(
            f"{path}: wanted a secret as UTF-8 text in file {place}, found other bytes"
        ) from None
