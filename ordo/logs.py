"""Structured logs: one JSON object a line, or short lines for a person.

Every record names its `event`, and carries the ids of what it is about. All fields and
events stand in docs/logging.md.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from adapters import correlation
from ordo.config import Log
from ordo.log_thread import Behind

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""What every log record has; the rest was given with `extra`."""
IDS = ("request_id", "batch_id", "order_id", "broker")
COLOURS = {
    "WARNING": "\x1b[33m",
    "ERROR": "\x1b[31m",
    "CRITICAL": "\x1b[1;31m",
    "DEBUG": "\x1b[2m",
}
PLAIN = "\x1b[0m"


class JsonLines(logging.Formatter):
    """`at`, `level`, `logger`, `event`, `message`, the ids, and what `extra` gave."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        row: dict[str, Any] = {
            "at": _stamp(record),
            "level": record.levelname,
            "logger": record.name,
            "event": record.name,  # of other libraries, which name none
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            row["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(row, enc_hook=str).decode()


class Lines(logging.Formatter):
    """For a terminal: time, level, message, and what `extra` gave.

    Args:
        colour: levels other than INFO stand out.
    """

    def __init__(self, *, colour: bool = False) -> None:
        super().__init__()
        self._colours = COLOURS if colour else {}

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback where there is one."""
        extra = " ".join(f"{key}={value}" for key, value in _extra(record).items())
        level = f"{record.levelname:<8}"
        if (colour := self._colours.get(record.levelname)) is not None:
            level = f"{colour}{level}{PLAIN}"
        line = f"{_stamp(record)[11:23]} {level} {record.getMessage()}"
        line = f"{line}  [{extra}]" if extra else line
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


@contextmanager
def kept(settings: Log, stream: TextIO | None = None) -> Iterator[None]:
    """Send all logs to *stream*, standard error by default, for as long as this lasts.

    What is logged at the end is written before it returns, unless nobody reads it.
    """
    handler = Behind(stream or sys.stderr)
    handler.setFormatter(formatter(settings, stream or sys.stderr, os.environ))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level)
    for noisy in ("httpx", "httpcore", "hypercorn", "trio-websocket"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


def flush() -> None:
    """Write what waits, before a process ends on the spot."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def formatter(
    settings: Log, stream: TextIO, environ: Mapping[str, str]
) -> logging.Formatter:
    """How records look: `auto` is for a person on a terminal, else for machines.

    Colours are for terminals alone, and not where NO_COLOR is set (no-color.org).
    """
    terminal = stream.isatty()
    wanted = settings.format
    if wanted == "json" or (wanted == "auto" and not terminal):
        return JsonLines()
    return Lines(colour=terminal and not environ.get("NO_COLOR"))


def _stamp(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    """The event first, then the ids of the work at hand, then the rest; no nulls."""
    given = {key: value for key, value in vars(record).items() if key not in STANDARD}
    known = {**correlation.ids(), **given}
    first = ("event", *IDS)
    ordered = {key: known[key] for key in first if key in known} | known
    return {key: value for key, value in ordered.items() if value is not None}
