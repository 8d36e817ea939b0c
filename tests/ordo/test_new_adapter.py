"""`ordo new-adapter` writes an adapter that passes the first half of the contracts."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from adapters.errors import ConfigError
from ordo.skeleton import CATALOGUE, HERE, PLACES, write
from tests.support.processes import ROOT, run_ordo

NEEDED = ("adapters", "tests/contracts", "tests/__init__.py", "tests/conftest.py")
NEEDED += ("tests/adapters/__init__.py", "pyproject.toml")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """As much of a checkout as an adapter and the first half of its tests need."""
    root = tmp_path_factory.mktemp("checkout")
    for name in NEEDED:
        source, target = ROOT / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.pyc"))
        else:
            shutil.copy(source, target)
    return root


@pytest.fixture(scope="module")
def written(checkout):
    done = run_ordo("new-adapter", "acme", "--directory", str(checkout))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def python(checkout, *arguments):
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )


def test_it_names_every_file_that_it_wrote(checkout, written):
    named = re.findall(r"^wrote (.*)$", written, re.MULTILINE)
    wanted = [checkout / place.format(name="acme") for place in PLACES.values()]
    assert named == [str(path) for path in [*wanted, checkout / CATALOGUE]]
    assert [path for path in wanted if not path.is_file()] == []


def test_what_it_wrote_passes_the_first_half_of_the_contracts(checkout, written):
    done = python(checkout, "pytest", "tests/adapters/acme", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    passed = re.search(r"^(\d+) passed", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) >= 60


def test_what_it_wrote_is_formatted_and_keeps_the_rules(checkout, written):
    paths = ["adapters", "tests/adapters"]
    for arguments in (["check"], ["format", "--check"]):
        done = python(checkout, "ruff", *arguments, "--no-cache", *paths)
        assert done.returncode == 0, done.stdout


def test_a_name_that_is_taken_or_is_none_is_refused(checkout, written):
    before = (checkout / CATALOGUE).read_text()
    for name in ("acme", "fyers", "class", "Two Words", "../up", "", "x" * 17):
        with pytest.raises(ConfigError):
            write(name, checkout)
    assert (checkout / CATALOGUE).read_text() == before
    assert not (checkout / "up").exists()


def test_nothing_is_written_over_what_is_there(checkout, written):
    page = checkout / "docs/brokers/other.md"
    page.write_text("somebody's own")
    before = (checkout / CATALOGUE).read_text()
    with pytest.raises(ConfigError, match=re.escape(str(page))):
        write("other", checkout)
    assert page.read_text() == "somebody's own"
    assert (checkout / CATALOGUE).read_text() == before
    assert not (checkout / "adapters/brokers/other").exists()


def test_without_a_checkout_nothing_is_written(tmp_path):
    done = run_ordo("new-adapter", "acme", "--directory", str(tmp_path))
    assert done.returncode == 1
    assert "wanted a checkout of Ordo" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["aaa", "gamma", "zzz"])
def test_the_catalogue_stays_in_order(name, tmp_path):
    (tmp_path / "tests/contracts").mkdir(parents=True)
    (tmp_path / "adapters").mkdir()
    shutil.copy(ROOT / CATALOGUE, tmp_path / CATALOGUE)
    write(name, tmp_path)
    text = (tmp_path / CATALOGUE).read_text()
    names = re.findall(r'^    "([a-z-]+)": Adapter\(', text, re.MULTILINE)
    assert names == sorted(names)
    assert name in names


def test_every_template_is_written_somewhere():
    templates = {path.stem for path in HERE.glob("*.in")}
    assert templates == PLACES.keys() | {"entry"}
