"""`python -m adapters.instruments.build`: a broker's files into the instruments file.

A process of its own, at low priority: to parse 100,000 rows in a thread would fight
the loop for the interpreter, order by order, and its memory would stay. Prints one line
of JSON: `Built`, or `NotBuilt` and exit status 1.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

import msgspec

from adapters.instruments.model import Instrument
from adapters.instruments.writing import Built, NotBuilt, write

NICE = 10
"""Orders first."""
LIFETIME = 300
"""Seconds after which a build ends itself, longer than Ordo waits for it: one whose
Ordo was killed would else hold the lock of its file for as long as it hangs."""

Parse = Callable[[Sequence[Path]], Iterator[Instrument]]


def main(words: Sequence[str] | None = None) -> int:
    """Build; the exit status."""
    options = _options(words)
    os.nice(NICE)
    signal.alarm(LIFETIME)
    # Rows are sorted on the disk that is to take them, not in a /tmp in memory.
    os.environ.setdefault("SQLITE_TMPDIR", str(options.out.parent.resolve()))
    result = _result(options)
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    return 0 if isinstance(result, Built) else 1


def _result(options: argparse.Namespace) -> Built | NotBuilt:
    try:
        return write(
            options.out,
            parser(options.parser)(options.files),
            adapter=options.adapter,
            synced_at=options.synced_at,
            force=options.force,
        )
    except (OSError, ValueError, sqlite3.Error) as error:
        return NotBuilt(reason=f"{error}" or type(error).__name__)


def parser(place: str) -> Parse:
    """What reads a broker's files, by its place: `module:name`, as in the catalogue."""
    module, _, name = place.partition(":")
    return cast(Parse, getattr(importlib.import_module(module), name))


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="adapters.instruments.build")
    options.add_argument("adapter", help="its name in the catalogue")
    options.add_argument("out", type=Path, help="the file to replace")
    options.add_argument("files", type=Path, nargs="+", help="as downloaded")
    options.add_argument("--parser", required=True, help="module:name")
    options.add_argument("--synced-at", type=datetime.fromisoformat, required=True)
    options.add_argument("--force", action="store_true")
    return options.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
