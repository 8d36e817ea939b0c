"""The SDK as a distribution: built, installed alone, and needing only what it says."""

import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from ordo_client.version import __version__
from tests.support.processes import ROOT
from tests.test_repository import undeclared

SDK = ROOT / "sdk"
PROJECT = tomllib.loads((SDK / "pyproject.toml").read_text("utf-8"))["project"]
SOURCES = sorted((SDK / "src" / "ordo_client").rglob("*.py"))

BUILD = """
import sys
from setuptools import build_meta
print(getattr(build_meta, sys.argv[1])(sys.argv[2]))
"""


def ran(*command, cwd):
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=55, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist and the wheel, from a copy of what is in the repository."""
    directory = tmp_path_factory.mktemp("built")
    copy = directory / "sdk"
    files = [SDK / name for name in ("pyproject.toml", "README.md", "LICENSE")]
    for file in (*files, *SOURCES, SDK / "src" / "ordo_client" / "py.typed"):
        target = copy / file.relative_to(SDK)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    said = [
        ran(sys.executable, "-c", BUILD, hook, str(directory), cwd=copy)
        for hook in ("build_sdist", "build_wheel")
    ]
    return [directory / text.split()[-1] for text in said]


def test_sdist_and_wheel_hold_all_of_the_package_and_its_licence(built):
    wanted = {str(path.relative_to(SDK / "src")) for path in SOURCES}
    wanted.add("ordo_client/py.typed")
    sdist, wheel = built
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert wanted - names == set()
    assert [name for name in names if name.endswith("LICENSE")] != []
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in wanted} | {"LICENSE", "README.md"} <= inside


def test_the_version_stands_in_one_place(built):
    assert [path.name.split("-")[1].removesuffix(".tar.gz") for path in built] == [
        __version__
    ] * 2
    told = [path for path in (*SOURCES, SDK / "README.md", SDK / "pyproject.toml")
            if f'"{__version__}"' in path.read_text("utf-8")]  # fmt: skip
    assert [path.name for path in told] == ["version.py"]


def test_the_wheel_installs_alone_and_works_without_ordo(built, tmp_path):
    """In an environment of its own, that sees the packages of this one but no Ordo."""
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    [site] = (tmp_path / "env").glob("lib/*/site-packages")
    target = ("--target", str(site), "--no-deps", "--no-index", "--quiet")
    ran(sys.executable, "-m", "pip", "install", *target, str(built[1]), cwd=tmp_path)
    for name in ("anyio", "certifi", "h11", "httpcore", "httpx", "idna", "msgspec",
                 "typing_extensions.py"):  # fmt: skip
        (site / name).symlink_to(Path(sysconfig.get_path("purelib")) / name)
    program = (
        "import asyncio, sys, ordo_client\n"
        "ordo = ordo_client.Ordo('http://127.0.0.1:9', 't', retry_for=0)\n"
        "try:\n    ordo.status()\n"
        "except ordo_client.Unreachable:\n    print(ordo_client.__version__)\n"
        "print(ordo_client.__file__, {'ordo', 'trio'} & set(sys.modules))\n"
    )
    version, file, modules = ran(str(python), "-c", program, cwd=tmp_path).split()
    assert version == __version__
    assert Path(file) == site / "ordo_client" / "__init__.py"
    assert modules == "set()"


def test_it_imports_only_what_it_declares():
    ours = "ordo_client"
    assert undeclared(SOURCES, [*PROJECT["dependencies"], ours]) == []


def test_its_licence_is_ordos():
    assert (SDK / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
