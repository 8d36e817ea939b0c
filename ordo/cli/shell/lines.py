"""From a line to a frame: `ask broker:fyers GetQuotes symbols=NSE:SBIN`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ordo.cli.failure import Failure

USAGE = """\
ls                                 the live tree of actors
ask ACTOR MESSAGE [FIELD=VALUE…]   send a message, show the reply
tell ACTOR MESSAGE [FIELD=VALUE…]  send it and go on
watch events [brokers=A,B] [after=ID]
help [MESSAGE]                     what there is; a message and its fields
exit                               so does Ctrl-D; Ctrl-C ends what is under way

Lists by commas, structures by dots (order.price=812.35), or a JSON object. within=30
waits so many seconds. FIELD=? asks for the value and does not show it."""
ASKED_FOR = "=?"
WITHIN = "within="
EXITS = frozenset({"exit", "quit"})


def frame_of(line: str) -> dict[str, Any] | None:
    """The frame that a line means; None for an empty one and a comment.

    Raises:
        Failure: it is no line of the shell.
    """
    words = line.split(maxsplit=3)
    if not words or words[0].startswith("#"):
        return None
    match words:
        case ["ls"]:
            return {"do": "ls"}
        case ["help"]:
            return {"do": "help"}
        case ["help", message]:
            return {"do": "help", "message": message}
        case ["watch", "events", *_]:
            return _watch(_split(line)[2:])
        case ["ask" | "tell" as do, to, message, *rest]:
            return {"do": do, "to": to, "message": message, **_sent("".join(rest))}
        case ["ask" | "tell" as do, *_]:
            raise Failure(f"wanted {do} ACTOR MESSAGE [FIELD=VALUE…]; see: help")
    wanted = "wanted ls, ask, tell, watch events, help or exit"
    raise Failure(f"{wanted}, found {words[0][:40]!r}")


def _sent(rest: str) -> dict[str, Any]:
    """The fields, and how long to wait."""
    if rest.startswith("{"):  # quotes of JSON are not the shell's
        return {"args": [rest.strip()]}
    args, seconds = [], None
    for word in _split(rest):
        if word.startswith(WITHIN):
            seconds = _number(word.removeprefix(WITHIN))
        else:
            args.append(word)
    return {"args": args} | ({} if seconds is None else {"seconds": seconds})


def _watch(args: Sequence[str]) -> dict[str, Any]:
    frame: dict[str, Any] = {"do": "watch"}
    for arg in args:
        name, _, value = arg.partition("=")
        if name == "after" and value.isdecimal():
            frame["after"] = int(value)
        elif name == "brokers" and value:
            frame["brokers"] = value.split(",")
        else:
            raise Failure(f"wanted brokers=A,B or after=ID, found {arg[:40]!r}")
    return frame


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise Failure(f"the line cannot be read: {error}") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Failure(f"{WITHIN}: wanted seconds, found {text[:40]!r}") from None


def kept(line: str, secrets: Mapping[str, Sequence[str]]) -> str:
    """A line as it may be kept: without what is secret, and without all after it.

    Args:
        line: as typed.
        secrets: the secret fields of each message.
    """
    names = "|".join(name for fields in secrets.values() for name in fields)
    found = re.search(rf"\b(?:{names})\b[\"']?\s*[.:=]", line) if names else None
    if found is not None:
        return line[: line.rfind(" ", 0, found.start()) + 1].rstrip()
    return line
