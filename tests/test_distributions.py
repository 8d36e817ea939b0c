"""The server's distribution: whole, the same by either way, and working where it is."""

import hashlib
import subprocess
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from ordo.version import __version__
from tests.distributions import claims
from tests.distributions.building import (
    FLOORS,
    Built,
    built,
    contents,
    gateway,
    names,
)
from tests.distributions.trying import clean, client_lock
from tests.support.processes import ROOT


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Built:
    work = tmp_path_factory.mktemp("dist")
    source = gateway(work)
    (source / "tests").mkdir()  # as they are in the repository itself
    (source / "tests" / "test_one.py").write_text("")
    return built(source, work / "out")


def wanted() -> set[str]:
    """Every file of the three floors."""
    return {
        str(path.relative_to(ROOT))
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_every_file_of_the_floors_and_nothing_of_others(both):
    found = set(contents(both.wheel))
    assert wanted() - found == set()
    others = {name for name in found - wanted() if ".dist-info/" not in name}
    assert others == set()
    assert [name for name in found if name.endswith("licenses/LICENSE")] != []


def test_by_way_of_the_sdist_every_byte_is_still_that_of_the_tree(both):
    found = contents(both.wheel)
    for name in wanted():
        digest = hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
        assert (name, found[name]) == (name, digest)


def test_the_sdist_holds_the_locks_and_no_tests(both):
    found = names(both.sdist)
    beside = {"CHANGELOG.md", "requirements.lock", "requirements-build.lock"}
    assert wanted() | beside | {"LICENSE", "README.md", "pyproject.toml"} <= found
    assert [name for name in found if name.startswith("tests")] == []


def test_installed_elsewhere_it_starts_with_all_that_it_reads(both, tmp_path):
    """With the packages of this environment, and without this repository."""
    venv.create(tmp_path / "env", with_pip=False)
    (site,) = (tmp_path / "env").glob("lib/*/site-packages")
    with zipfile.ZipFile(both.wheel) as archive:
        archive.extractall(site)
    (site / "packages.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    program = (
        "import ordo, ordo.cli, adapters, pathlib\n"
        "from adapters.market import Calendar, ProtectionTable\n"
        "print(pathlib.Path(ordo.__file__).parent)\n"
    )
    python = tmp_path / "env" / "bin" / "python"
    ran = {"cwd": tmp_path, "env": clean(), "text": True, "timeout": 50}
    told = subprocess.run(
        [python, "-c", program], capture_output=True, check=True, **ran
    )
    assert told.stdout == f"{site / 'ordo'}\n"
    told = subprocess.run(
        [python, "-m", "ordo", "--version"], capture_output=True, check=True, **ran
    )
    assert told.stdout == f"ordo, version {__version__}\n"
    (tmp_path / "ordo.toml").write_text('[brokers.paper]\nadapter = "paper"\n')
    subprocess.run(
        [python, "-m", "ordo", "config", "check"],
        stdout=subprocess.DEVNULL,
        check=True,
        **ran,
    )


def test_the_version_stands_in_one_place_and_the_clients_is_the_same(both):
    assert both.wheel.name == f"ordo_gateway-{__version__}-py3-none-any.whl"
    assert claims.unlike() == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["dynamic"] == ["version"]
    told = [
        path.relative_to(ROOT)
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*.py")
        if f'"{__version__}"' in path.read_text("utf-8")
    ]
    assert told == [Path("ordo/version.py")]


def test_a_tag_of_another_version_is_not_released():
    assert f"wanted the tag v{__version__} of ordo/version.py, found v9.9.9" in (
        claims.unready("v9.9.9")
    )


def test_a_version_without_its_day_in_the_changelog_is_not_released(monkeypatch):
    monkeypatch.setattr(claims, "sections", lambda: {"Unreleased": None})
    assert claims.unready(f"v{__version__}") == [
        f"CHANGELOG.md: wanted ## [{__version__}] - YEAR-MM-DD, found none"
    ]
    monkeypatch.setattr(claims, "sections", lambda: {__version__: "2026-11-21"})
    assert claims.unready(f"v{__version__}") == []


def test_the_client_is_tried_with_what_the_lock_holds(tmp_path):
    text = client_lock(tmp_path).read_text()
    names = [line.partition("==")[0] for line in text.splitlines() if "==" in line]
    assert {"anyio", "certifi", "h11", "httpcore", "httpx", "idna", "msgspec"} <= set(
        names
    )
    assert "trio" not in names
    assert text.count("--hash=sha256:") >= len(names)
