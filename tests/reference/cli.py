"""The command line: every command as its `--help` says it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from ordo.cli import main
from tests.reference.words import code, prose, table

INTRODUCTION = """# Command line

`ordo COMMAND --help` says the same. Exit status: 0 done, 1 it could not be done (the
reason in one line on standard error), 2 wrong use. Commands that talk to a running Ordo
find its address, its CA and a token by the settings; `--url`, `--token` and `--ca`
say otherwise.
"""


def page() -> str:
    """The page."""
    rows = [
        (f"[`ordo {name}`](#{anchor(name)})", command.get_short_help_str(200))
        for name, command in commands()
    ]
    parts = [INTRODUCTION, table(("command", "does"), rows)]
    parts += [_section(name, command) for name, command in commands()]
    return "\n\n".join(parts)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its whole name."""
    for name, command in sorted(main.commands.items()):
        if isinstance(command, click.Group):
            for part, inner in sorted(command.commands.items()):
                yield f"{name} {part}", inner
        else:
            yield name, command


def anchor(name: str) -> str:
    """Of the command's section."""
    return "ordo-" + name.replace(" ", "-")


def _section(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"ordo {name}")
    usage = " ".join([f"ordo {name}", *command.collect_usage_pieces(context)])
    parts = [
        f"## ordo {name}",
        code(usage),
        prose(inspect.cleandoc(command.help or "")),
    ]
    options = [one for one in command.params if isinstance(one, click.Option)]
    if options:
        rows = [_row(option) for option in options]
        parts.append(table(("option", "means", "environment"), rows))
    return "\n\n".join(part for part in parts if part)


def _row(option: click.Option) -> tuple[str, str, str]:
    kind = option.type
    value = ""
    if isinstance(kind, click.Choice):
        value = " " + "|".join(map(str, kind.choices))
    elif not option.is_flag:
        value = " " + (option.metavar or kind.name.upper())
    words = option.help or ""
    if option.show_default and option.default is not None:
        words += f" [default: {option.default}]"
    variable = option.envvar if isinstance(option.envvar, str) else ""
    return code(", ".join(option.opts) + value), words, code(variable)
