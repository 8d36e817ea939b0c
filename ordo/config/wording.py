"""What is wrong with a setting, in one line and in a trader's words, not msgspec's."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec.structs import fields

from adapters.secret import Secret
from ordo.config.environment import is_struct, variable_of
from ordo.config.references import SECRET_KEYS

PLACE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
UNKNOWN = re.compile(r"^Object contains unknown field `(?P<key>.*)`$", re.DOTALL)
MISSING = re.compile(r"^Object missing required field `(?P<key>.*)`$")
EXPECTED = re.compile(
    r"^Expected `(?P<type>[^`]*)`(?P<bound>(?: [<>]=? .+)?)(?:, got `(?P<got>.*)`)?"
)
WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "object": "a table",
    "array": "a list",
    "secret": "text",
}
PRIVATE = SECRET_KEYS | {"base_url", "egress", "redis", "store", "webhook"}
"""Keys whose value no message shows: secrets, and addresses that may hold one."""


def complaint(text: str, table: Any, struct: Any, path: str, *, show: bool) -> str:
    """Say msgspec's complaint in our words, with the whole path of the key."""
    place = PLACE.search(text)
    keys = place["path"].replace("[...]", "[*]").split(".") if place else []
    text = PLACE.sub("", text)
    if absent := (UNKNOWN.match(text) or MISSING.match(text)):
        keys.append(absent["key"])
    name = ".".join([path, *keys] if path else keys)
    value = _value(table, keys)
    if variable := variable_of(value):
        name = f"{name} ({variable})"
    if UNKNOWN.match(text):
        within = _type(struct, keys[:-1])
        there = [f.encode_name for f in fields(within)] if is_struct(within) else []
        return unknown(name, keys[-1], there)
    if not (MISSING.match(text) or EXPECTED.match(text) or text.startswith("Invalid")):
        return f"{name}: {text.splitlines()[0]}"
    visible = show and not PRIVATE.intersection(keys)
    wanted = _wanted(text, _type(struct, keys))
    expected = EXPECTED.match(text)
    if any("[" in key for key in keys):  # inside a list or a table of any names
        got = expected["got"] if expected else None
        return f"{name}: wanted {wanted}" + (
            f", found {WORDS.get(got, got)}" if got else ""
        )
    return f"{name}: wanted {wanted}, found {found(value, show=visible)}"


def found(value: Any, *, show: bool = True) -> str:
    """Say what a value is; only a plain one that may be shown is quoted."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Secret) or not show:
        return "text" if isinstance(value, str | Secret) else "a number"
    return repr(str(value)[:60] if isinstance(value, str) else value)


def unknown(name: str, key: str, there: Iterable[str]) -> str:
    """Say that a key is not there, and which one may have been meant."""
    there = list(there)
    near = difflib.get_close_matches(key, there, n=1)
    if near:
        return f"{name}: no such setting; did you mean {near[0]}?"
    return f"{name}: no such setting; there are: {', '.join(there) or 'none'}"


def _wanted(text: str, wanted: Any) -> str:
    choices = [str(choice) for choice in _choices(wanted)]
    if choices:
        return " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))
    expected = EXPECTED.match(text)
    if expected is None:
        return WORDS.get(getattr(wanted, "__name__", "").lower(), "a value")
    words = [WORDS.get(part, part) for part in expected["type"].split(" | ")]
    return " or ".join(w for w in words if w != "null") + expected["bound"]


def _choices(wanted: Any) -> tuple[Any, ...]:
    if get_origin(wanted) is Literal:
        return get_args(wanted)
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return tuple(member.value for member in wanted)
    if get_origin(wanted) in (Union, types.UnionType):
        parts = get_args(wanted)
        if any(get_origin(part) is Literal for part in parts):
            return tuple(
                choice
                for part in parts
                for choice in (_choices(part) or (WORDS.get(part.__name__, part),))
            )
    return ()


def _type(struct: Any, keys: list[str]) -> Any:
    """The type at a path below a struct, without its bounds and its None."""
    at = struct
    for key in keys:
        name, _, brackets = key.partition("[")
        below = fields(at) if is_struct(at) else ()
        at = _bare(next((f.type for f in below if f.encode_name == name), None))
        if brackets:
            inner = [arg for arg in get_args(at) if arg is not Ellipsis]
            at = _bare(inner[-1]) if inner else None
    return at


def _bare(wanted: Any) -> Any:
    if get_origin(wanted) is Annotated:
        return _bare(get_args(wanted)[0])
    if get_origin(wanted) in (Union, types.UnionType):
        some = [arg for arg in get_args(wanted) if arg is not type(None)]
        return _bare(some[0]) if len(some) == 1 else wanted
    return wanted


def _value(table: Any, keys: list[str]) -> Any:
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table
