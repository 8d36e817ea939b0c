"""`help`: what there is, and what one message says of itself."""

from __future__ import annotations

import inspect
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from actors import messages
from ordo.console import confirming
from ordo.console.delivery import actors_of
from ordo.console.registry import ENTRIES, INTERNAL, SHORT, Entry, names_for
from ordo.console.shapes import Place, is_secret, places_of, shape_of, words_of
from ordo.http.errors import ApiError

if TYPE_CHECKING:
    from ordo.system import System


class FieldHelp(msgspec.Struct, frozen=True, kw_only=True):
    """A field; `takes` says what. `default` is null where it has to be given."""

    name: str
    takes: str
    required: bool
    default: Any = None
    secret: bool = False


class MessageHelp(msgspec.Struct, frozen=True, kw_only=True):
    """A message: `to` whom it goes, its docstring, its fields.

    `confirmed`: it may want a second look. `told`: it may also be told.
    """

    message: str
    to: str
    about: str
    fields: list[FieldHelp]
    replies: str
    confirmed: bool
    told: bool


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What may be sent to each actor, and the messages that only actors send."""

    actors: dict[str, list[str]]
    internal: dict[str, str]


def overview(system: System) -> Overview:
    """What there is."""
    return Overview(
        actors={
            address: names_for(actor.taker)
            for address, actor in actors_of(system).items()
        },
        internal={message.__name__: reason for message, reason in INTERNAL.items()},
    )


def of_message(name: str) -> list[MessageHelp]:
    """The message of that name, once for each kind of actor that takes it.

    Raises:
        ApiError: `not_found`.
    """
    kind = SHORT.get(name)
    wanted = ("Fetch", "FetchAll") if kind else (name,)
    found = [_help(entry) for entry in ENTRIES if entry.name in wanted]
    for message, reason in INTERNAL.items():
        if message.__name__ == name:
            raise ApiError("not_found", f"{name} is not sent by hand: {reason}")
    if not found:
        words = f"no message {name[:64]!r}; help alone lists them"
        raise ApiError("not_found", words)
    return found


def secret_fields() -> dict[str, list[str]]:
    """Fields that must not be kept as typed, by message."""
    found = {
        entry.name: [
            field.encode_name
            for field in shape_of(entry.form).fields
            if is_secret(field.type)
        ]
        for entry in ENTRIES
    }
    return {name: fields for name, fields in found.items() if fields}


def _help(entry: Entry) -> MessageHelp:
    return MessageHelp(
        message=entry.name,
        to="broker:NAME" if entry.taker == "broker" else entry.taker,
        about=inspect.getdoc(entry.message) or "",
        fields=[_field(place) for place in places_of(shape_of(entry.form))],
        replies=_replies(entry),
        confirmed=entry.words is not confirming.nothing,
        told=entry.told,
    )


def _field(place: Place) -> FieldHelp:
    return FieldHelp(
        name=place.path,
        takes=words_of(place.type),
        required=place.required,
        default=place.default,
        secret=is_secret(place.type),
    )


def _replies(entry: Entry) -> str:
    """What `Ask[…]` says, as it is written."""
    for base in getattr(entry.message, "__orig_bases__", ()):
        (reply,) = getattr(base, "__args__", (None,))
        if reply is not None:
            text = str(getattr(reply, "__forward_arg__", reply))
            named = getattr(messages, text, None)  # a union may have a name
            if isinstance(named, UnionType):
                return " | ".join(kind.__name__ for kind in get_args(named))
            return text
    return "nothing"
