"""From what was typed to a form: `symbols=NSE:SBIN,NSE:INFY`, `order.quantity=10`.

A dot goes into a structure, or into a list by a number. The singular of a list's name
is its first item: `order.price` is `orders.0.price`. A JSON object may come first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from adapters.secret import Secret
from ordo.console.shapes import item_of, named, plain, shape_of
from ordo.http.decoding import check_text
from ordo.http.errors import ApiError, invalid, printable

F = TypeVar("F", bound=msgspec.Struct)

MOST_ITEMS = 200
"""Of a list: the largest index that may be typed, plus one."""


def as_written(text: str) -> str:
    """A number as it stands: through a float a price would not be exact."""
    return text


_ANYTHING: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=as_written)
_OBJECT = msgspec.json.Decoder(dict[str, Any], float_hook=as_written)


def build(
    form: type[F], args: Sequence[str], fields: Mapping[str, Any] | None = None
) -> F:
    """A form, filled in.

    Args:
        form: its type.
        args: as typed.
        fields: as JSON has them; what is typed comes on top.

    Raises:
        ApiError: `validation_failed`, naming the field.
    """
    raw: dict[str, Any] = dict(fields or {})
    for arg in args:
        if arg.lstrip().startswith("{"):
            raw |= _json_object(arg)
        else:
            _put(raw, shape_of(form), arg)
    try:
        # Lax: what is typed is text, a number's too.
        return msgspec.convert(raw, form, strict=False, dec_hook=_secret)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).rpartition(" - at `")
        if not problem:
            problem, path = str(error), "$"
        raise invalid(path.rstrip("`"), problem) from None


def _json_object(text: str) -> dict[str, Any]:
    try:
        return _OBJECT.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ApiError("bad_request", f"this is no JSON object: {error}") from None


def _put(raw: dict[str, Any], shape: inspect.StructType, arg: str) -> None:
    """Put one `path=value` where it belongs."""
    path, equals, text = arg.partition("=")
    if not equals or not path:
        raise ApiError(
            "bad_request", f"wanted FIELD=VALUE, found {arg.split('=')[0]!r}"
        )
    check_text(text, printable(path))
    here: Any = raw
    kind: inspect.Type = shape
    parts = path.split(".")
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        here, kind = _step(here, kind, part, path, text if last else None)


def _step(
    here: Any, kind: inspect.Type, part: str, path: str, text: str | None
) -> tuple[Any, inspect.Type]:
    """Go to *part* of *here*, or put *text* there."""
    if isinstance(kind, inspect.StructType):
        found = named(kind, part)
        if found is None:
            there = ", ".join(field.encode_name for field in kind.fields) or "none"
            raise invalid(path, f"no such field; there are: {there}")
        name, below = found
        if name != part and part not in here:  # the singular: its first item
            if text is not None:
                here[name] = [_value(below, text, path)]
                return None, below
            items = here.setdefault(name, [])
            return _item(items, 0, below, path), below
        key: Any = name
    elif (item := item_of(kind)) is not None:
        if not part.isdecimal() or int(part) >= MOST_ITEMS:
            raise invalid(path, f"wanted a place in a list, found {part[:20]!r}")
        below = item
        if text is None:
            return _item(here, int(part), below, path), below
        _item(here, int(part), below, path)
        here[int(part)] = _value(below, text, path)
        return None, below
    elif isinstance(kind, inspect.DictType):
        key, below = part, plain(kind.value_type)
    else:
        raise invalid(path, f"there is nothing below it named {part[:40]!r}")
    if text is not None:
        here[key] = _value(below, text, path)
        return None, below
    return here.setdefault(key, [] if item_of(below) else {}), below


def _item(items: Any, index: int, below: inspect.Type, path: str) -> Any:
    """The item of a list, made where it is the next one."""
    if not isinstance(items, list) or index > len(items):
        raise invalid(path, "wanted the items of a list in order, from 0")
    if index == len(items):
        items.append([] if item_of(below) else {})
    return items[index]


def _value(kind: inspect.Type, text: str, path: str) -> Any:
    """What was typed: text; a list by its commas; JSON where structures are wanted."""
    item = item_of(kind)
    inner = kind if item is None else item
    if isinstance(inner, inspect.StructType | inspect.DictType):
        try:
            return _ANYTHING.decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            raise invalid(path, f"wanted JSON: {error}") from None
    if item is not None:
        return [part for part in text.split(",") if part]
    return text


def _secret(kind: type, value: Any) -> Any:
    if kind is not Secret:
        raise NotImplementedError(f"{kind.__name__} is not typed")
    if not isinstance(value, str):
        raise ValueError("Expected `str`")  # noqa: TRY004 - msgspec adds the path
    return Secret(value)
