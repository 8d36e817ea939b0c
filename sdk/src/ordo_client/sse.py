"""Server-Sent Events, from bytes to events, as the standard says.

Source: the HTML standard, "Server-sent events", "Interpreting an event stream".
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

END_OF_LINE = re.compile(r"\r\n|\r|\n")
"""These three and no other: JSON may hold U+2028 and its like inside a line."""


class Message(NamedTuple):
    """One event; `last_id` is the last id seen, this event's or an earlier one's."""

    type: str
    data: str
    last_id: str


class Parser:
    """Reads one stream; feed it bytes as they come.

    Attributes:
        last_id: what to resume from; an id without data counts too.
        retry: seconds to wait before connecting again, where that was told.
    """

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry: float | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._text = ""
        self._after_cr = False
        self._id = last_id
        self._type = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The messages that are whole now. What the stream ends in the middle of is
        dropped, as it comes again."""
        for line in self._lines(self._decoder.decode(chunk)):
            if line:
                self._field(line)
            elif (message := self._dispatch()) is not None:
                yield message

    def _lines(self, text: str) -> list[str]:
        """The lines that are whole now."""
        if self._after_cr:
            text = text.removeprefix("\n")  # the other half of a line's end
        if text:
            self._after_cr = text.endswith("\r")
        *lines, self._text = END_OF_LINE.split(self._text + text)
        return lines

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = int(value) / 1000

    def _dispatch(self) -> Message | None:
        self.last_id = self._id
        kind, data = self._type or "message", self._data
        self._type, self._data = "", []
        return Message(kind, "\n".join(data), self.last_id) if data else None
