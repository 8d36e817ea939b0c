"""`ordo new-adapter`: the files of an adapter that is to be written."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("new-adapter")
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=Path(),
    help="A checkout of Ordo [default: where you are].",
)
def new_adapter(name: str, directory: Path) -> None:
    """Write the skeleton of an adapter for the broker NAME into a checkout of Ordo.

    It passes the first half of the contracts, which needs no wire, and sends nothing
    that is not written yet. docs/adapters.md says how it goes on.
    """
    from ordo.skeleton import write

    for file in write(name, directory):
        click.echo(f"wrote {file}")
    tests = f"tests/adapters/{name}"
    click.echo(f"Next: make tests ARGS={tests}; then see docs/adapters.md")
