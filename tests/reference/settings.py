"""Settings: types and defaults of the code's own structs, words of the example file."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from adapters import catalogue
from adapters.secret import Secret
from ordo.config import BrokerKeys, Settings
from tests.reference.source import ROOT
from tests.reference.words import arguments, code, prose, table

INTRODUCTION = """# Settings

Every key of `ordo.toml`; [the example](../../ordo.toml.example) has them as a file. Any
key can come from the environment, and wins there: `ORDO_`, its path with `__` between
the levels, upper case, dashes as underscores. An unknown key, a wrong type or a missing
secret stops the start with one line that names the key. `ordo config check` does the
same without starting.
"""
BROKERS = """## [brokers.NAME], every broker

One table for each account; the name is yours. Beside these it has the keys of its
adapter, below.
"""
HEADER = re.compile(r"#?\[([a-z.-]+)\]")
VALUE = re.compile(r"[a-z]+: ")
KEY = re.compile(r"#?([a-z_]+) = ")
PLAIN = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    Decimal: "number",
    str: "text",
}
HEAD = ("key", "type", "default", "means")


def page() -> str:
    """The page."""
    said = words()
    parts = [INTRODUCTION]
    for name, struct in sections(Settings):
        rows = [
            _row(field, said.get((name, field.name), "")) for field in _keys(struct)
        ]
        parts += [f"## [{name}]", table(HEAD, rows)]
    parts += [BROKERS, table(HEAD, list(_broker_rows(said)))]
    for adapter in sorted(catalogue.ADAPTERS):
        own = catalogue.settings_type(adapter)
        told = _told(own)
        rows = [_row(field, told.get(field.name, "")) for field in fields(own)]
        parts += [f'## adapter = "{adapter}"', prose(own.__doc__), table(HEAD, rows)]
    return "\n\n".join(parts)


def sections(
    struct: type[msgspec.Struct], path: str = ""
) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Every table but the brokers', by its path; those within a table come after it."""
    for field in fields(struct):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            name = f"{path}{field.name}"
            if list(_keys(field.type)):
                yield name, field.type
            yield from sections(field.type, f"{name}.")


def words() -> dict[tuple[str, str], str]:
    """What the example says of each (table, key); keys in a row share their words."""
    found: dict[tuple[str, str], str] = {}
    section, said = "", []
    open_ = True  # whether a comment line goes on, or begins anew after a key
    for line in (ROOT / "ordo.toml.example").read_text("utf-8").splitlines():
        if header := HEADER.fullmatch(line):
            section, said = header[1], []
        elif key := KEY.match(line):
            found.setdefault((section, key[1]), _joined(said))
            open_ = False
        elif line.startswith("# "):
            said = [*said, line[2:]] if open_ else [line[2:]]
            open_ = True
        elif not line:
            said, open_ = [], True
    return found


def _joined(said: list[str]) -> str:
    """The lines as one; each that begins with a value and a colon is a new thought."""
    parts = [f"; {line}" if VALUE.match(line) else f" {line}" for line in said]
    return "".join(parts).strip("; ")


def _told(own: type[msgspec.Struct]) -> dict[str, str]:
    """What its docstring, and those that it derives from, say of each key."""
    told: dict[str, str] = {}
    for kind in reversed(own.__mro__):
        told |= arguments(kind.__doc__)
    return told


def _keys(struct: type[msgspec.Struct]) -> Iterator[FieldInfo]:
    """Its keys that are no tables."""
    for field in fields(struct):
        kind = field.type
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            yield field


def _broker_rows(said: dict[tuple[str, str], str]) -> Iterator[tuple[str, ...]]:
    for field in fields(BrokerKeys):
        if field.name == "adapter":
            there = ", ".join(code(name) for name in sorted(catalogue.ADAPTERS))
            yield code("adapter"), "text", "", f"which broker it is: {there}"
        else:
            yield _row(field, said.get(("brokers.fyers-main", field.name), ""))


def _row(field: FieldInfo, means: str) -> tuple[str, str, str, str]:
    return code(field.name), kind_of(field.type), code(_default(field)), means


def kind_of(kind: Any) -> str:
    """A type in plain words."""
    outer, inner = get_origin(kind), get_args(kind)
    if kind is Secret or Secret in inner:
        return "secret"
    if outer is Literal:
        return " or ".join(code(str(one)) for one in inner)
    if outer in (Union, types.UnionType):
        return " or ".join(kind_of(one) for one in inner if one is not type(None))
    if outer is dict:
        return "table"
    if outer in (tuple, list):
        return f"list of {kind_of(inner[0])}"
    if outer is not None:  # a type with its bounds
        return kind_of(inner[0])
    if issubclass(kind, msgspec.Struct):
        return "table: " + ", ".join(code(field.name) for field in fields(kind))
    return PLAIN.get(kind) or kind.__name__


def _default(field: FieldInfo) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        return ""
    value = field.default
    if value is msgspec.NODEFAULT or value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, msgspec.Struct):
        return ""
    return str(value)
