"""Running the mutants: each in a copy of the tree, against tests that must notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.mutants.catalogue import Mutant

ROOT = Path(__file__).parents[2]
PACKAGES = ("adapters", "actors", "ordo", "tests")
TIMEOUT = 240.0
"""Seconds for a mutant's tests; one that hangs them was noticed too."""
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


class Outcome(NamedTuple):
    """How a mutant fared; `noticed` by a test that failed."""

    mutant: Mutant
    noticed: bool
    words: str


def unfit(mutant: Mutant) -> str | None:
    """Why the mutant does not fit the code any more; None where it does."""
    path = ROOT / mutant.file
    count = path.read_text().count(mutant.old) if path.is_file() else 0
    if count != 1:
        return f"{mutant.file}: its text is there {count} times, wanted once"
    missing = [test for test in mutant.tests if not (ROOT / test).exists()]
    return f"no such tests: {missing}" if missing else None


def run(mutant: Mutant) -> Outcome:
    """Remove the rule in a copy of the tree, and see whether a test fails."""
    if why := unfit(mutant):
        return Outcome(mutant, False, why)
    with tempfile.TemporaryDirectory(prefix="ordo-mutant-") as place:
        _copy(Path(place), mutant)
        return _tested(mutant, Path(place))


def _copy(place: Path, mutant: Mutant) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, place / package, ignore=LEFT_OUT)
    for name in ("pyproject.toml", "docs", "README.md", "ordo.toml.example"):
        (place / name).symlink_to(ROOT / name)
    file = place / mutant.file
    file.write_text(file.read_text().replace(mutant.old, mutant.new))


def _tested(mutant: Mutant, place: Path) -> Outcome:
    for tests in mutant.tests:  # the likeliest first
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        environment = {**os.environ, "PYTHONPATH": str(place)}
        try:
            done = subprocess.run(
                [*command, tests],
                cwd=place,
                env=environment,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome(mutant, True, f"{tests} hung")
        if done.returncode == 1:
            return Outcome(mutant, True, _first_failure(done.stdout) or tests)
        if done.returncode != 0:
            return Outcome(mutant, False, f"{tests} did not run: {done.stdout[-300:]}")
    return Outcome(mutant, False, f"nobody noticed: {', '.join(mutant.tests)}")


def _first_failure(output: str) -> str | None:
    for line in output.splitlines():
        if line.startswith("FAILED "):
            return line.removeprefix("FAILED ").partition(" - ")[0]
    return None
