"""What happened in a paper account, one JSON line each, so that it outlives a kill.

A line is written before what it tells of is done. It is with the operating system
when the call is answered: that survives `kill -9`; only a power cut may take the last
lines, for an fsync here would hold up the whole gateway.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from adapters.errors import ConfigError, NotSent
from adapters.model import BookStatus, Order


class Placed(msgspec.Struct, frozen=True, kw_only=True, tag="placed"):
    """An order entered the book. `blocked` is rupees; *refused*: as rejected, why."""

    id: str
    order_tag: str | None
    order: Order
    at: datetime
    blocked: Decimal
    refused: str | None = None


class Changed(msgspec.Struct, frozen=True, kw_only=True, tag="changed"):
    """An open order became another. `blocked` is rupees for what is still to trade."""

    id: str
    order: Order
    blocked: Decimal


class Triggered(msgspec.Struct, frozen=True, kw_only=True, tag="triggered"):
    """A stop order's trigger was met."""

    id: str


class Filled(msgspec.Struct, frozen=True, kw_only=True, tag="filled"):
    """An order traded."""

    id: str
    quantity: Decimal
    price: Decimal
    at: datetime


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """An order left the book unfilled, or what was left of it."""

    id: str
    status: BookStatus
    message: str | None


Event = Placed | Changed | Triggered | Filled | Ended


class Journal:
    """The file; without a path nothing is kept.

    Args:
        path: Made where it is not there, mode 0600.

    Raises:
        ConfigError: It cannot be opened.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None
        self._size = 0
        if path is None:
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, flags, 0o600)
        except OSError as exc:
            text = f"the paper journal {path} cannot be opened: {exc.strerror}"
            raise ConfigError(text) from exc

    def replay(self) -> Iterator[Event]:
        """Everything written so far; a torn last line is cut off.

        Raises:
            ConfigError: A line before the last cannot be read.
        """
        if self._file is None or self._path is None:
            return
        text = self._path.read_bytes()
        self._size = text.rfind(b"\n") + 1
        if self._size < len(text):
            os.ftruncate(self._file, self._size)
        decoder = msgspec.json.Decoder(Event)
        for number, line in enumerate(text[: self._size].splitlines(), start=1):
            try:
                yield decoder.decode(line)
            except msgspec.DecodeError as exc:
                raise ConfigError(
                    f"the paper journal {self._path} cannot be read at line {number};"
                    " move it away to start with a new account"
                ) from exc

    def append(self, event: Event) -> None:
        """Write one line whole, or nothing of it.

        Raises:
            NotSent: It could not be written, so what it tells of is not done.
        """
        if self._file is None:
            return
        line = msgspec.json.encode(event) + b"\n"
        try:
            _write(self._file, line)
        except OSError as exc:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise NotSent(f"the paper journal could not be written: {exc}") from exc
        self._size += len(line)

    def close(self) -> None:
        """Let go of the file; a second time does nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _write(file: int, line: bytes) -> None:
    written = os.write(file, line)
    if written < len(line):  # a disk fills up without an error
        raise OSError(f"{written} of {len(line)} bytes written")
