"""What a form's field takes, as far as it is typed: lists, structures, plain values."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

LISTS = (
    inspect.ListType,
    inspect.VarTupleType,
    inspect.SetType,
    inspect.FrozenSetType,
)


@functools.cache
def shape_of(form: type[msgspec.Struct]) -> inspect.StructType:
    """The shape of a form."""
    found = inspect.type_info(form)
    assert isinstance(found, inspect.StructType)  # noqa: S101 - of a struct it is one
    return found


def plain(shape: inspect.Type) -> inspect.Type:
    """Without what surrounds it: extra facts, and that it may be left out."""
    if isinstance(shape, inspect.Metadata):
        return plain(shape.type)
    if isinstance(shape, inspect.UnionType):
        kinds = [
            kind
            for kind in map(plain, shape.types)
            if not isinstance(kind, inspect.NoneType)
        ]
        if len(kinds) == 1:
            return kinds[0]
    return shape


def item_of(shape: inspect.Type) -> inspect.Type | None:
    """What a list holds; None where it is no list."""
    shape = plain(shape)
    return plain(shape.item_type) if isinstance(shape, LISTS) else None


def named(shape: inspect.StructType, name: str) -> tuple[str, inspect.Type] | None:
    """A field by its name, or by the singular of a list's: `order` is one of `orders`.

    With the singular the type is that of one item.
    """
    for field in shape.fields:
        if field.encode_name == name:
            return name, plain(field.type)
    for field in shape.fields:
        item = item_of(field.type)
        if item is not None and field.encode_name == f"{name}s":
            return field.encode_name, item
    return None


class Place(NamedTuple):
    """A place that can be typed: `order.price`. *default* only where not *required*."""

    path: str
    type: inspect.Type
    required: bool
    default: Any


def places_of(shape: inspect.StructType, before: str = "") -> Iterator[Place]:
    """Every place of a form, structures taken apart; of lists of them the first."""
    for field in shape.fields:
        item = item_of(field.type)
        if isinstance(item, inspect.StructType):
            singular = field.encode_name.removesuffix("s")
            yield from places_of(item, f"{before}{singular}.")
        else:
            path = f"{before}{field.encode_name}"
            yield Place(path, field.type, field.required, _default(field))


def _default(field: inspect.Field) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    blank = field.default in (msgspec.NODEFAULT, msgspec.UNSET)
    return None if blank else field.default


def values_of(shape: inspect.Type) -> Iterator[str]:
    """The values that a field may have, where there are only a few."""
    shape = plain(shape)
    if isinstance(shape, inspect.EnumType):
        yield from (str(member.value) for member in shape.cls)
    elif isinstance(shape, inspect.LiteralType):
        yield from map(str, shape.values)
    elif isinstance(shape, inspect.BoolType):
        yield from ("true", "false")
    elif (item := item_of(shape)) is not None:
        yield from values_of(item)


def is_secret(shape: inspect.Type) -> bool:
    """Whether what is typed there must not be shown or kept."""
    shape = plain(shape)
    if isinstance(shape, inspect.DictType):
        return is_secret(shape.value_type)
    return isinstance(shape, inspect.CustomType) and shape.cls.__name__ == "Secret"


def words_of(shape: inspect.Type) -> str:
    """What a field takes, for a person: `number`, `BUY | SELL`, `text, …`."""
    shape = plain(shape)
    if few := " | ".join(values_of(shape)):
        return f"{few}, …" if item_of(shape) is not None else few
    if is_secret(shape):
        return "secret"
    if (item := item_of(shape)) is not None:
        return f"{words_of(item)}, …"
    names: dict[type[inspect.Type], str] = {
        inspect.DecimalType: "number",
        inspect.IntType: "whole number",
        inspect.FloatType: "number",
        inspect.DateTimeType: "time",
        inspect.DictType: "name=value",
    }
    if isinstance(shape, inspect.StructType):
        return "{" + ", ".join(field.encode_name for field in shape.fields) + "}"
    return names.get(type(shape), "text")
