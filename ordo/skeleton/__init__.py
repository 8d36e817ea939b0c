"""`ordo new-adapter`: an adapter to begin with, out of the templates beside this file.

Each `*.in` is a file of the new adapter; `PLACES` says where it goes. `${name}` is the
adapter's name, `${Name}` the beginning of its classes'.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template

from adapters.errors import ConfigError

HERE = Path(__file__).parent
NAME = re.compile(r"[a-z][a-z0-9_]{1,15}")
CODE, TESTS = "adapters/brokers/{name}", "tests/adapters/{name}"
PLACES = {
    "package": f"{CODE}/__init__.py",
    "settings": f"{CODE}/settings.py",
    "wire": f"{CODE}/wire.py",
    "codes": f"{CODE}/codes.py",
    "answers": f"{CODE}/answers.py",
    "symbols": f"{CODE}/symbols.py",
    "translate": f"{CODE}/translate.py",
    "session": f"{CODE}/session.py",
    "login": f"{CODE}/login.py",
    "adapter": f"{CODE}/adapter.py",
    "build": f"{CODE}/build.py",
    "tests_package": f"{TESTS}/__init__.py",
    "test_pure_contract": f"{TESTS}/test_pure_contract.py",
    "page": "docs/brokers/{name}.md",
}
CATALOGUE = "adapters/catalogue.py"
ENTRY = re.compile(r'^    "([a-z0-9_-]+)": Adapter\(\n.*?^    \),\n', re.M | re.S)


def write(name: str, root: Path) -> list[Path]:
    """Write the files of a new adapter, and its entry in the catalogue.

    Args:
        name: of the adapter, and of its package.
        root: of a checkout of Ordo.

    Raises:
        ConfigError: the name cannot be one, something of it is there, or *root* is no
            checkout; nothing was written.
    """
    _check_name(name)
    catalogue = root / CATALOGUE
    if not catalogue.is_file() or not (root / "tests/contracts").is_dir():
        raise ConfigError(
            f"{root}: wanted a checkout of Ordo, with its adapters and tests, for an"
            " adapter is written beside them; name one by --directory"
        )
    listed = _listed(name, catalogue.read_text("utf-8"))
    files = {root / place.format(name=name): one for one, place in PLACES.items()}
    if there := next((file for file in files if file.exists()), None):
        raise ConfigError(f"{there}: wanted to write it, found it there already")
    for file, template in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(filled(template, name), "utf-8")
    catalogue.write_text(listed, "utf-8")
    return [*files, catalogue]


def filled(template: str, name: str) -> str:
    """A template's text for that adapter."""
    text = (HERE / f"{template}.in").read_text("utf-8")
    title = name.replace("_", " ").title().replace(" ", "")
    return Template(text).substitute(name=name, Name=title)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(
            "the name of an adapter is up to 16 of a-z, 0-9 and _, begins with a letter"
            f" and is no word of Python, found {name[:40]!r}"
        )


def _listed(name: str, text: str) -> str:
    """The catalogue's text with the new entry, where its name belongs.

    Raises:
        ConfigError: it has that name, or no entry is found in it.
    """
    entries = list(ENTRY.finditer(text))
    if not entries:
        raise ConfigError(f"{CATALOGUE}: wanted its entries, found none to add to")
    if name in (entry[1] for entry in entries):
        raise ConfigError(f"{CATALOGUE}: wanted a new name, found {name} there already")
    later = (entry.start() for entry in entries if entry[1] > name)
    at = next(later, entries[-1].end())
    return text[:at] + filled("entry", name) + text[at:]
