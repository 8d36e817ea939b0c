"""`ordo serve` for tests: dies at a named point, or runs on a clock that is set.

`python -m tests.crash.ordo_at --config ordo.toml --point NAME --count 3`. Production
code knows nothing of it: it wraps one function and starts what `ordo serve` starts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ordo.data
import ordo.run
from ordo.config import load
from tests.crash.points import POINTS, Fuse


def set_clock(shift: Path) -> Callable[[], datetime]:
    """A wall clock that is off by the seconds that stand in the file *shift*."""

    def wall() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(shift.read_text()))

    return wall


def main() -> int:
    """Install what is asked for, and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--point", choices=POINTS)
    parser.add_argument("--count", type=int, default=1, help="die at the n-th time")
    parser.add_argument("--clock", type=Path, help="a file: seconds the clock is off")
    options = parser.parse_args()
    if options.point is not None:
        POINTS[options.point].install(Fuse(options.count))
    if options.clock is not None:
        wall = set_clock(options.clock)
        ordo.run.utc_now = ordo.data.utc_now = wall  # type: ignore[attr-defined]
    return ordo.run.serve(load(options.config))


if __name__ == "__main__":
    sys.exit(main())
