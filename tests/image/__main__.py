"""`python -m tests.image`: build the image, weigh it, try it; a line for each check."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tests.image.engines import Engine, base, find
from tests.image.smoke import Check, Life

ADDS = 80
"""MB (10**6 bytes) that ours may add to its base."""


def main() -> int:
    """Run everything; the exit status tells whether all of it held."""
    options = _options()
    engine = find(os.environ.get("IMAGE_TOOL"), os.environ.get("DOCKER"))
    if isinstance(engine, str):
        print(f"image-test: {engine}", file=sys.stderr)
        return 1
    if not options.no_build:
        engine.build(options.tag)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="ordo-image-") as directory:
        life = Life(engine, options.tag, Path(directory))
        for check in chain(_size(engine, options.tag), life.checks()):
            failed += not check.held
            word = "held  " if check.held else "FAILED"
            print(f"{word}  {check.what}: {check.seen}", flush=True)
    return 1 if failed else 0


def _size(engine: Engine, tag: str) -> Iterator[Check]:
    adds = (engine.size(tag) - engine.size(base())) / 1e6
    yield Check(f"it adds <= {ADDS} MB to {base()}", adds <= ADDS, f"{adds:.0f} MB")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", default="ordo:image-test")
    parser.add_argument("--no-build", action="store_true", help="try what TAG is")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
