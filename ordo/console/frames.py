"""What goes over the console's socket: JSON, one object a frame.

A client numbers its frames; each is answered by one with the same `id`, and a watch by
many. What the server says without being asked has no `id`: its greeting.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ordo.console.building import as_written
from ordo.console.replies import Shown
from ordo.http.envelope import ENCODER
from ordo.http.errors import ApiError

Id = (
    Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    | Annotated[str, msgspec.Meta(max_length=64)]
)
Arg = Annotated[str, msgspec.Meta(max_length=32_768)]


class Frame(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="do",
    forbid_unknown_fields=True,
):
    """What a client wants done."""

    id: Id


class Ls(Frame, frozen=True, kw_only=True, tag="ls"):
    """The live tree."""


class Send(Frame, frozen=True, kw_only=True):
    """A message to an actor: `args` as typed, `fields` as JSON, or both.

    `seconds` to wait for the reply. `confirmed`: it was looked at twice.
    """

    to: str
    message: str
    args: Annotated[list[Arg], msgspec.Meta(max_length=200)] = []
    fields: dict[str, Any] = {}
    seconds: float | None = None
    confirmed: bool = False


class AskFrame(Send, frozen=True, kw_only=True, tag="ask"):
    """Send, and wait for the reply."""


class TellFrame(Send, frozen=True, kw_only=True, tag="tell"):
    """Send, and go on."""


class Watch(Frame, frozen=True, kw_only=True, tag="watch"):
    """Events as they happen, after number `after`, of some `brokers`."""

    after: Annotated[int, msgspec.Meta(ge=0)] | None = None
    brokers: list[str] = []


class Stop(Frame, frozen=True, kw_only=True, tag="stop"):
    """No longer wait for `what`, the id of a frame."""

    what: Id


class Help(Frame, frozen=True, kw_only=True, tag="help"):
    """What there is, or what one message says of itself."""

    message: str | None = None


class Complete(Frame, frozen=True, kw_only=True, tag="complete"):
    """Words that the last one of `line` may become."""

    line: Annotated[str, msgspec.Meta(max_length=4096)]


class Ping(Frame, frozen=True, kw_only=True, tag="ping"):
    """Still here."""


AnyFrame = Ls | AskFrame | TellFrame | Watch | Stop | Help | Complete | Ping


_DECODER: msgspec.json.Decoder[AnyFrame] = msgspec.json.Decoder(
    AnyFrame, float_hook=as_written
)


def decode(raw: str | bytes) -> AnyFrame:
    """A frame of a client.

    Raises:
        ApiError: `bad_request`.
    """
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ApiError("bad_request", f"this is no frame: {error}") from None


class _OnlyId(msgspec.Struct):
    id: Id | None = None


def id_in(raw: str | bytes) -> Id | None:
    """The id of a frame that may be wrong in all else."""
    try:
        return msgspec.json.decode(raw, type=_OnlyId).id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def done(frame_id: Id, shown: Shown, request_id: str) -> bytes:
    """The answer to a frame."""
    return _encoded(
        {"id": frame_id, "request_id": request_id, **msgspec.structs.asdict(shown)}
    )


def plain(frame_id: Id, kind: str, reply: Any) -> bytes:
    """The answer to a frame that went to no actor."""
    return _encoded({"id": frame_id, "status": "success", "type": kind, "reply": reply})


def failed(frame_id: Id | None, error: ApiError, request_id: str) -> bytes:
    """Why there is none."""
    words = {"code": error.code, "message": error.message, "data": error.data}
    return _encoded(
        {"id": frame_id, "request_id": request_id, "status": "error", "error": words}
    )


def unconfirmed(frame_id: Id, words: str) -> bytes:
    """It wants a second look; `words` say what it would do."""
    error = {
        "code": "confirmation_wanted",
        "message": f"it {words}; confirm it",
        "data": {"would": words},
    }
    return _encoded({"id": frame_id, "status": "error", "error": error})


def stopped(frame_id: Id) -> bytes:
    """Its client no longer waits for it."""
    error = {
        "code": "stopped",
        "message": "no longer waited for; it may have been done",
        "data": {"may_be_done": True},
    }
    return _encoded({"id": frame_id, "status": "error", "error": error})


def event(frame_id: Id, what: Any) -> bytes:
    """One event of a watch."""
    return _encoded({"id": frame_id, "event": what})


def end(frame_id: Id, why: str) -> bytes:
    """The end of a watch."""
    return _encoded({"id": frame_id, "end": why})


def hello(version: str, principal: str, secrets: dict[str, list[str]]) -> bytes:
    """The greeting: fields in `secrets` are not to be kept as typed."""
    words = {"version": version, "principal": principal, "secrets": secrets}
    return _encoded({"hello": words})


def _encoded(frame: dict[str, Any]) -> bytes:
    return ENCODER.encode(frame)
