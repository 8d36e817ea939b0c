"""`ordo shell`: messages to the actors of a running Ordo, by hand or from a script."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ordo.cli.options import client_options

if TYPE_CHECKING:
    from ordo.cli.client import Client


@click.command()
@client_options
@click.option(
    "-c", "lines", multiple=True, metavar="LINE", help="Do this, and end; may repeat."
)
@click.option("--yes", is_flag=True, help="Confirm what wants a second look.")
@click.option("--keep-going", is_flag=True, help="In a script: go on after a failure.")
@click.option("--table", is_flag=True, help="In a script: tables instead of JSON.")
@click.option(
    "--history",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where lines are kept [default: ordo/shell_history of the state directory].",
)
def shell(
    client: Client,
    lines: tuple[str, ...],
    yes: bool,
    keep_going: bool,
    table: bool,
    history: Path | None,
) -> None:
    """Send messages to Ordo's actors: ls, ask, tell, watch, help.

    At a terminal it asks for lines. From a pipe (ordo shell < file) or with -c it
    prints a line of JSON for each, and stops at the first that is not done. Exit
    status: 0 all is done, 1 something is not, 3 something may have been done.
    """
    from ordo.cli.shell.link import Link

    with Link(client.target) as link:
        if lines or not sys.stdin.isatty():
            from ordo.cli.shell.script import run

            source = iter(lines) if lines else iter(sys.stdin)
            status = run(link, source, yes=yes, keep_going=keep_going, table=table)
        else:
            from ordo.cli.shell.history import History, default_path
            from ordo.cli.shell.prompt import Prompt

            kept = History(history or default_path())
            status = Prompt(link, kept, yes=yes).run()
    sys.exit(status)
