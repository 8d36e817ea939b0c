"""The repository's frame: what is locked, declared and packaged agree."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
RUNTIME = PROJECT["project"]["dependencies"]
GROUPS = PROJECT["dependency-groups"]
OURS = {"adapters", "actors", "ordo", "tests"}
SDK = "ordo-client"  # of sdk/, a distribution of its own: tests/sdk_client

EXTRAS = PROJECT["project"]["optional-dependencies"]["kafka"]
COMES_WITH = {
    "mypy_extensions": "mypy",
}
"""Packages that are imported under another's name in pyproject.toml."""

ELSEWHERE = ("tests/sdk/*/drive.py",)
"""Files that run in an environment of their own."""

LOCKS = {
    "requirements.lock": RUNTIME,
    "requirements-test.lock": RUNTIME + GROUPS["test"],
    "requirements-build.lock": GROUPS["build"],
}
PYTHONS = ("3.11", "3.12", "3.13")


def locked(name: str) -> list[Requirement]:
    """The pins of the lock *name*, without their hashes."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    lines = (line.partition(" --hash")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line and line[0] != "#"]


def on(python: str, marker: Marker | None) -> bool:
    """Whether a line holds on Linux under *python*."""
    if marker is None:
        return True
    where = {"python_version": python, "python_full_version": f"{python}.0"}
    return marker.evaluate(where | {"sys_platform": "linux", "os_name": "posix"})


def pins(name: str, python: str) -> dict[str, str]:
    """What the lock *name* installs under *python*: package to version."""
    return {
        canonicalize_name(pin.name): next(iter(pin.specifier)).version
        for pin in locked(name)
        if on(python, pin.marker)
    }


def unmet(wanted: Iterable[str], versions: dict[str, str]) -> list[str]:
    """The requirements that *versions* does not hold."""
    return [
        text
        for text in wanted
        for one in [Requirement(text)]
        if versions.get(canonicalize_name(one.name), "none") == "none"
        or not one.specifier.contains(versions[canonicalize_name(one.name)])
    ]


def imported(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Each (file, top-level module) that is neither ours nor the standard library's."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                if top not in OURS | sys.stdlib_module_names:
                    yield str(path.relative_to(ROOT)), top


def undeclared(paths: Iterable[Path], wanted: Iterable[str]) -> list[str]:
    """Imports of packages that *wanted* does not name."""
    names = {canonicalize_name(Requirement(text).name) for text in wanted}
    homes = packages_distributions()
    return [
        f"{file} imports {module}"
        for file, module in imported(paths)
        if not names
        & {
            canonicalize_name(home)
            for home in [COMES_WITH.get(module, module), *homes.get(module, [])]
        }
    ]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_every_dependency_at_a_version_that_is_allowed(name, python):
    assert unmet(LOCKS[name], pins(name, python)) == []


@pytest.mark.parametrize("python", PYTHONS)
def test_the_tests_run_on_the_very_versions_that_are_deployed(python):
    runtime = pins("requirements.lock", python)
    test = pins("requirements-test.lock", python)
    assert runtime.items() - test.items() == set()


def test_every_python_runs_on_the_same_versions():
    one, *others = [pins("requirements.lock", python) for python in PYTHONS]
    assert [other for other in others if other != one] == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_a_lock_has_a_hash(name):
    entries = re.split(r"\n(?=[a-z])", (ROOT / name).read_text("utf-8"))[1:]
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_host_no_index_and_no_place_on_a_machine(name):
    text = (ROOT / name).read_text("utf-8")
    assert re.findall(r"://.*|^--.*| @ .*|[ =]/\w.*", text, re.MULTILINE) == []


def test_the_build_needs_what_is_locked_for_it():
    assert PROJECT["build-system"]["requires"] == GROUPS["build"]


def test_ordo_imports_only_what_it_declares():
    paths = [
        path for floor in OURS - {"tests"} for path in (ROOT / floor).rglob("*.py")
    ]
    assert undeclared(paths, [*RUNTIME, *EXTRAS]) == []


def test_the_tests_import_only_what_is_declared():
    elsewhere = {path for pattern in ELSEWHERE for path in ROOT.glob(pattern)}
    paths = set((ROOT / "tests").rglob("*.py")) - elsewhere
    assert undeclared(sorted(paths), [*RUNTIME, *GROUPS["test"], SDK]) == []


def test_every_dependency_has_its_reason_written_down():
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    told = set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))
    wanted = {Requirement(one).name for group in LOCKS.values() for one in group}
    assert told == wanted


def test_every_file_of_a_floor_is_packaged():
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    files = [
        path
        for floor in OURS - {"tests"}
        for path in (ROOT / floor).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    left = [
        str(path.relative_to(ROOT))
        for path in files
        if not any(path.match(pattern) for pattern in patterns)
    ]
    assert left == []


def test_every_folder_of_a_floor_with_code_is_a_package():
    folders = {path.parent for floor in OURS for path in (ROOT / floor).rglob("*.py")}
    folders -= {path.parent for pattern in ELSEWHERE for path in ROOT.glob(pattern)}
    left = [str(folder) for folder in folders if not (folder / "__init__.py").exists()]
    assert left == []


def test_a_lock_that_lags_behind_is_found():
    wanted = ["trio>=0.31", "httpx[socks]>=0.28,<0.29", "trio-websocket"]
    assert unmet(wanted, {"trio": "0.30", "httpx": "0.28.1"}) == [
        "trio>=0.31",
        "trio-websocket",
    ]
