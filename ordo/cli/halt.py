"""`ordo halt`: the kill-switch by a file, for when HTTP does not answer."""

from __future__ import annotations

from pathlib import Path

import click

from ordo.cli.failure import Failure
from ordo.cli.options import config_option


@click.command()
@config_option
@click.option("--reason", default="ordo halt", help="Why; kept in the audit log.")
def halt(config_path: Path | None, reason: str) -> None:
    """Halt trading by a file in the data directory; HTTP is not needed.

    A running Ordo sees it within a second, one that is started later starts halted.
    Where HTTP answers, `ordo kill` also says when it is done.
    """
    from ordo.config import load_local
    from ordo.doors import Door

    data = load_local(config_path).data.path
    door = Door(data)
    if not data.is_dir():
        raise Failure(f"wanted Ordo's data directory at {data}, found none")
    try:
        door.shut(reason)
    except OSError as exc:
        why = exc.strerror or type(exc).__name__
        raise Failure(f"wanted to write {door.path}, found: {why}") from None
    click.echo(f"Halted by the file {door.path}: a running Ordo sees it within 1 s")
    click.echo("HTTP was not asked, so nothing has confirmed it: see ordo status")
    click.echo(f"To trade again: rm {door.path}, then: ordo resume")
