"""The settings file: which one it is, and its tables as plain values.

What a parser says of a broken file may quote it, and the file may hold secrets: so
our line names the place and none of the words there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.errors import ConfigError

DEFAULT = Path("ordo.toml")
AT_LINE = re.compile(r"at line (\d+)")


def find_file(path: str | Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: *path*, else `ORDO_CONFIG`, else `./ordo.toml` if it is there.

    None means that there is none, and none was asked for.
    """
    named = path or environ.get("ORDO_CONFIG")
    if named:
        return Path(named).expanduser()
    return DEFAULT if DEFAULT.exists() else None


def read(path: Path) -> dict[str, Any]:
    """Read a TOML or YAML file; `.yaml` and `.yml` are YAML.

    Raises:
        ConfigError: It cannot be read, or is not what its name says.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as exc:
        why = exc.strerror or type(exc).__name__
        raise ConfigError(f"{path}: wanted a settings file, found: {why}") from None
    except ValueError:
        raise ConfigError(f"{path}: wanted UTF-8 text, found other bytes") from None
    if path.suffix.lower() in (".yaml", ".yml"):
        return _yaml(text, path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        line = AT_LINE.search(str(exc))
        place = f" at line {line[1]}" if line else ""
        raise ConfigError(f"{path}: not valid TOML{place}") from None


def _yaml(text: str, path: Path) -> dict[str, Any]:
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads `off` and `no` as words, as YAML 1.2 does: `tls: off` is a mode."""

    Loader.yaml_implicit_resolvers = {
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:bool"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:bool", re.compile(r"true|false", re.IGNORECASE), list("tTfF")
    )
    try:
        found = yaml.load(text, Loader)  # noqa: S506 -- a SafeLoader
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}: not valid YAML{place}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: wanted sections with keys, found something else")
    return found
