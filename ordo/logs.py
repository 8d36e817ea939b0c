"""Structured logs: one JSON object a line, or short lines for a person."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from ordo.config import Log

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""What every log record has; the rest was given with `extra`."""


class JsonLines(logging.Formatter):
    """`at`, `level`, `logger`, `message`, then whatever `extra` gave."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        row: dict[str, Any] = {
            "at": _stamp(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            row["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(row, enc_hook=str).decode()


class Lines(logging.Formatter):
    """For a terminal: time, level, message, and what `extra` gave."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback where there is one."""
        extra = " ".join(f"{key}={value}" for key, value in _extra(record).items())
        line = f"{_stamp(record)[11:23]} {record.levelname:<8} {record.getMessage()}"
        line = f"{line}  [{extra}]" if extra else line
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def set_up(settings: Log, stream: TextIO | None = None) -> None:
    """Send all logs to *stream*, standard error by default."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if settings.format == "json" else Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level)
    for noisy in ("httpx", "httpcore", "hypercorn", "quart", "trio-websocket"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def _stamp(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in STANDARD}
