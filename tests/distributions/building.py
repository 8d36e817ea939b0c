"""Build both distributions from copies, by the setuptools that the lock holds."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from tests.support.processes import ROOT

FLOORS = ("adapters", "actors", "ordo")
BESIDE = (
    *("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md"),
    *("requirements.lock", "requirements-build.lock", "ordo.toml.example"),
)
HOOK = """
import sys
from setuptools import build_meta
print(getattr(build_meta, sys.argv[1])(sys.argv[2]))
"""


class Built(NamedTuple):
    """A project's two files."""

    sdist: Path
    wheel: Path


def gateway(work: Path) -> Path:
    """A copy of what ordo-gateway is made from: no caches, no leftovers of a build."""
    copy = work / "gateway"
    copy.mkdir()
    for name in BESIDE:
        shutil.copy2(ROOT / name, copy)
    for floor in FLOORS:
        _tree(ROOT / floor, copy / floor)
    return copy


def client(work: Path) -> Path:
    """The same for ordo-client."""
    copy = work / "client"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / "sdk" / name, copy)
    _tree(ROOT / "sdk" / "src" / "ordo_client", copy / "src" / "ordo_client")
    return copy


def _tree(source: Path, target: Path) -> None:
    shutil.copytree(
        source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    )


def built(source: Path, out: Path) -> Built:
    """The sdist of *source*, and the wheel that is built from that sdist."""
    out.mkdir(parents=True, exist_ok=True)
    sdist = _hook("build_sdist", source, out)
    unpacked = source.parent / f"{source.name}-unpacked"
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (inside,) = unpacked.iterdir()
    return Built(sdist, _hook("build_wheel", inside, out))


def wheel_of(source: Path, out: Path) -> Path:
    """The wheel of *source* itself, without an sdist in between."""
    out.mkdir(parents=True, exist_ok=True)
    return _hook("build_wheel", source, out)


def _hook(name: str, source: Path, out: Path) -> Path:
    """Call setuptools as a build tool does, in a process: it leaves things behind.

    Raises:
        RuntimeError: it failed; its last words are in the text.
    """
    done = subprocess.run(
        [sys.executable, "-c", HOOK, name, str(out)],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name} of {source.name}: {done.stderr[-2000:]}")
    return out / done.stdout.split()[-1]


def contents(wheel: Path) -> dict[str, str]:
    """What a wheel installs: each name and the SHA-256 of its bytes.

    Its RECORD, which says the same of all others, is left out.
    """
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in sorted(archive.namelist())
            if not name.endswith("/RECORD")
        }


def names(sdist: Path) -> set[str]:
    """The files of an sdist, from its top directory."""
    with tarfile.open(sdist) as archive:
        files = (member.name for member in archive.getmembers() if member.isfile())
        return {name.partition("/")[2] for name in files}
