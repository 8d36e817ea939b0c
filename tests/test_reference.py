"""`docs/reference` says what the code says."""

import msgspec
import pytest

import actors.messages
from ordo.cli import main
from ordo.http.routes import ROUTES
from tests.reference import cli, messages, metrics, settings
from tests.reference.pages import MADE, PLACE, pages


@pytest.fixture(scope="module")
def made():
    return pages()


@pytest.mark.parametrize("name", MADE)
def test_a_page_of_the_reference_is_as_the_code_is(made, name):
    file = (PLACE / name).read_text("utf-8")
    assert file == made[name], f"{name} is not as the code is: make reference"


def test_every_page_of_the_reference_is_made():
    assert {path.name for path in PLACE.glob("*.md")} == MADE.keys()


def test_every_call_message_command_and_metric_is_told_of(made):
    for route in ROUTES:
        assert f"`{route.method} {route.path}`" in made["http.md"]
    for name in messages.names():
        assert f"### {name}\n" in made["messages.md"]
    for name, _ in cli.commands():
        assert f"## ordo {name}\n" in made["cli.md"]
    assert {name.split()[0] for name, _ in cli.commands()} == main.commands.keys()
    for name in metrics.names():
        assert f"`{name}" in made["metrics.md"]


def test_every_file_of_messages_is_told_of_and_may_be_imported_from_the_package():
    files = {path.stem for path in messages.PACKAGE.glob("*.py")}
    assert files - {"__init__"} == set(messages.FILES)
    assert messages.names() <= set(actors.messages.__all__)


def test_every_setting_is_told_of_and_explained(made):
    rows = [line.split(" | ") for line in made["settings.md"].splitlines()]
    rows = [row for row in rows if row[0].startswith("| `")]
    wanted = [
        field.name
        for _, struct in settings.sections(settings.Settings)
        for field in msgspec.structs.fields(struct)
    ]
    assert {f"| `{name}`" for name in wanted} <= {row[0] for row in rows} | {
        "| `kafka`",
        "| `webhook`",
    }
    unexplained = [row[0] for row in rows if not row[-1].strip(" |")]
    assert unexplained == []
