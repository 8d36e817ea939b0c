"""The three floors hold: imports point down only, and each floor keeps to its work.

Nor is there a circle of imports on any of them, those for the types counted too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Set
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent

MAY_NOT_IMPORT = {
    "adapters": {"actors", "ordo", "tests"},
    "actors": {"ordo", "tests"},
    "ordo": {"tests"},
}
"""What each floor may not name, on whichever line; what it may is below it."""

ACTORS_MAY_USE = {"adapters", "actors", "trio", "msgspec"}
"""All that is not the standard library's. No wire formats, no HTTP, no SQL."""

NOT_FOR_ACTORS = {"asyncio", "http", "json", "socket", "sqlite3", "ssl", "urllib"}
"""The standard library's ways to what is an adapter's work."""

ADAPTERS_WITH_TRIO = {
    "adapters/brokers/paper/adapter.py": "a simulated broker's own time: how late a"
    " fill is seen, what its answer waits for",
    "adapters/download.py": "a file is written in a thread: a disk can be slow",
    "adapters/brokers/paper/wire.py": "an answer that never comes is a sleep",
    "adapters/sockets.py": "a WebSocket's reading and its pings are tasks that end with"
    " it",
    "adapters/streams.py": "a connection is opened by Trio's own calls",
    "adapters/http1.py": "a request and its answer go over Trio's streams",
    "adapters/lanes.py": "to connect and to wait for a connection has a limit, which"
    " proves that nothing was sent",
    "adapters/brokers/fyers/updates.py": "pings are text, sent while nothing is heard",
    "adapters/publishers/addresses.py": "a host's name is looked up by Trio's own call",
    "adapters/publishers/kafka.py": "librdkafka waits, so it is called in a thread",
    "adapters/publishers/mail.py": "smtplib waits, so it is called in a thread",
    "adapters/sntp.py": "UDP is spoken over Trio's own sockets",
    "adapters/giving_way.py": "long work rests while orders are due",
}
"""Adapters start no tasks and set no deadlines, so they need no Trio; these do."""

MAKERS = ("ordo/system.py", "ordo/tree/")
"""Where actors are made. What they are made with, the store to write to among it, is
`System.means`: a face that took it would write past the writer."""

PRINTERS = ("ordo/cli/", "ordo/demo")
"""Where a person reads standard output."""


class Import(NamedTuple):
    """One absolute module name that a file imports."""

    file: str
    line: int
    module: str
    names: tuple[str, ...] = ()

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


class Source(NamedTuple):
    """A file of a floor, read."""

    file: str
    tree: ast.Module

    @property
    def floor(self) -> str:
        return self.file.partition("/")[0]

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def imports(self) -> Iterator[Import]:
        """Every import, wherever it stands: in a function or for the types only too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for name in node.names:
                    yield Import(self.file, node.lineno, name.name)
            elif isinstance(node, ast.ImportFrom):
                names = tuple(name.name for name in node.names)
                yield Import(self.file, node.lineno, self._absolute(node), names)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        above = self.file.split("/")[: -node.level]
        return ".".join([*above, *([node.module] if node.module else [])])


def source(file: str, text: str) -> Source:
    return Source(file, ast.parse(text, filename=file))


@pytest.fixture(scope="module")
def floors() -> list[Source]:
    """Every file of the three floors."""
    return [
        source(str(path.relative_to(ROOT)), path.read_text("utf-8"))
        for floor in MAY_NOT_IMPORT
        for path in sorted((ROOT / floor).rglob("*.py"))
    ]


def upward(sources: Iterable[Source]) -> list[str]:
    """Imports of a floor above, or of the tests."""
    return [
        str(found)
        for each in sources
        for found in each.imports()
        if found.top in MAY_NOT_IMPORT[each.floor]
    ]


def circle(sources: Iterable[Source]) -> list[str]:
    """The modules of one circle, the first again at the end; none where there is none.

    An import counts wherever it stands, in a function or for the types only too: who
    reads one module of a circle has to read them all. `from a import b` is one of `a.b`
    where that is a module, and of `a` else.
    """
    by_module = {each.module: each for each in sources}
    graph = {
        name: {
            wanted
            for found in each.imports()
            for wanted in modules_of(found, by_module.keys())
            if wanted != name
        }
        for name, each in by_module.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def modules_of(found: Import, modules: Set[str]) -> set[str]:
    """Which of *modules* an import names."""
    inner = {name: f"{found.module}.{name}" for name in found.names}
    named = {inner[name] if inner[name] in modules else found.module for name in inner}
    return (named or {found.module}) & modules


def outside(sources: Iterable[Source]) -> list[str]:
    """What actors import and should leave to adapters."""
    return [
        str(found)
        for each in sources
        if each.floor == "actors"
        for found in each.imports()
        if found.top in NOT_FOR_ACTORS
        or found.top not in ACTORS_MAY_USE | sys.stdlib_module_names
    ]


def with_trio(sources: Iterable[Source]) -> set[str]:
    """The adapters that import Trio."""
    return {
        each.file
        for each in sources
        if each.floor == "adapters"
        for found in each.imports()
        if found.top == "trio"
    }


def past_the_actors(sources: Iterable[Source]) -> list[str]:
    """Where a face takes from a system what only its actors are made with."""
    return [
        f"{each.file}:{node.lineno} takes the means"
        for each in sources
        if each.floor == "ordo" and not each.file.startswith(MAKERS)
        for node in ast.walk(each.tree)
        if isinstance(node, ast.Attribute) and node.attr == "means"
    ]


def undescribed(sources: Iterable[Source]) -> list[str]:
    """Modules with something in them, and no word on what they are for."""
    return [
        each.file
        for each in sources
        if each.tree.body and not ast.get_docstring(each.tree)
    ]


def prints(sources: Iterable[Source]) -> list[str]:
    """Calls of print() where standard output is nobody's to read."""
    return [
        f"{each.file}:{node.lineno} prints"
        for each in sources
        if not each.file.startswith(PRINTERS)
        for node in ast.walk(each.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]


def test_every_floor_is_there_to_be_looked_at(floors):
    assert {each.floor for each in floors} == {"adapters", "actors", "ordo"}


def test_imports_point_down_only(floors):
    assert upward(floors) == []


def test_no_imports_run_in_a_circle(floors):
    assert circle(floors) == []


def test_actors_leave_wire_formats_http_and_sql_to_adapters(floors):
    assert outside(floors) == []


def test_adapters_leave_tasks_and_time_to_actors(floors):
    assert with_trio(floors) - ADAPTERS_WITH_TRIO.keys() == set()


def test_no_adapter_is_excused_from_that_which_no_longer_needs_it(floors):
    assert ADAPTERS_WITH_TRIO.keys() - with_trio(floors) == set()


def test_every_module_says_what_it_is_for(floors):
    assert undescribed(floors) == []


def test_no_face_works_past_the_actors(floors):
    assert past_the_actors(floors) == []


def test_only_the_command_line_prints(floors):
    assert prints(floors) == []


@pytest.mark.parametrize(
    ("file", "text", "module"),
    [
        ("adapters/http.py", "import actors.mailbox", "actors.mailbox"),
        ("adapters/http.py", "from ordo import config", "ordo"),
        ("adapters/a/b.py", "def f():\n    from actors import x", "actors"),
        ("actors/broker.py", "if TYPE_CHECKING:\n    import ordo.run", "ordo.run"),
        ("ordo/run.py", "from tests.support import x", "tests.support"),
    ],
)
def test_an_import_that_points_up_is_found_wherever_it_stands(file, text, module):
    line = text.count("\n") + 1
    assert upward([source(file, text)]) == [f"{file}:{line} imports {module}"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("ordo/run.py", "import actors.router, adapters.model"),
        ("actors/broker.py", "from adapters import Order"),
        ("adapters/brokers/paper/wire.py", "from . import ordo"),
    ],
)
def test_an_import_that_points_down_or_sideways_is_not_held_against_it(file, text):
    assert upward([source(file, text)]) == []


@pytest.mark.parametrize(
    "back",
    [
        "import actors.a",
        "from actors import a",
        "from actors.a import A",
        "from . import a",
        "from .a import A",
        "if TYPE_CHECKING:\n    from actors.a import A",
        "def f():\n    from actors.a import A",
    ],
)
def test_a_circle_is_found_however_it_is_closed(back):
    texts = {"a": "from actors.b import B", "b": "from actors.c import C", "c": back}
    sources = [source(f"actors/{name}.py", text) for name, text in texts.items()]
    assert sorted(circle(sources)[1:]) == ["actors.a", "actors.b", "actors.c"]


def test_a_part_of_a_package_that_imports_the_package_runs_in_a_circle():
    sources = [
        source("actors/talk/__init__.py", "from actors.talk.words import Word"),
        source("actors/talk/words.py", "from actors.talk import Word"),
    ]
    assert sorted(circle(sources)[1:]) == ["actors.talk", "actors.talk.words"]


def test_two_that_import_the_same_are_no_circle():
    sources = [
        source("actors/__init__.py", ""),
        source("actors/a.py", "from actors import b, c"),
        source("actors/b.py", "from actors.c import C"),
        source("actors/c.py", "import trio"),
    ]
    assert circle(sources) == []


@pytest.mark.parametrize("module", ["httpx", "hypercorn", "sqlite_utils", "sqlite3"])
def test_an_actor_that_reaches_outside_is_found(module):
    found = outside([source("actors/broker.py", f"import {module}")])
    assert found == [f"actors/broker.py:1 imports {module}"]


def test_trio_in_an_adapter_is_found():
    sources = [source("adapters/http.py", "from trio import sleep")]
    assert with_trio(sources) == {"adapters/http.py"}


def test_a_face_that_takes_the_store_to_write_to_is_found():
    text = "call.system.means.store.commit(writes)"
    files = ("ordo/http/audit.py", "ordo/tree/root.py", "ordo/system.py")
    assert past_the_actors(source(file, text) for file in files) == [
        "ordo/http/audit.py:1 takes the means"
    ]


def test_a_module_without_a_docstring_is_found_and_an_empty_one_is_not():
    sources = [source("ordo/a.py", "x = 1"), source("ordo/__init__.py", "")]
    assert undescribed(sources) == ["ordo/a.py"]


def test_print_is_found_except_on_the_command_line():
    files = ("ordo/system.py", "ordo/cli/status.py", "ordo/demo.py")
    assert prints(source(file, "print('x')") for file in files) == [
        "ordo/system.py:1 prints"
    ]
