"""`ordo keys`: the master key that stored secrets and sessions are sealed with."""

from __future__ import annotations

from pathlib import Path

import click

from ordo.cli.options import config_option


@click.group()
def keys() -> None:
    """Change the master key."""


@keys.command()
@config_option
@click.option(
    "--new",
    "new",
    metavar="env:NAME|file:PATH",
    help="The new key, where the settings hold the old one.",
)
def rotate(config_path: Path | None, new: str | None) -> None:
    """Seal everything with a new master key. Ordo must not be running.

    Stopped half-way, run it again: it goes on.
    """
    import os

    from adapters.sealing import Keyring
    from ordo.config import load_local
    from ordo.config.references import reference
    from ordo.rotation import rotate as rotated

    given = None
    if new is not None:
        given = Keyring.parse(reference(new, "--new", os.environ), "--new")
    settings = load_local(config_path, sealing=True)
    done = rotated(settings, given)
    click.echo(f"sealed {done.resealed} secret(s) and session(s) with the new key")
    for broker in done.left:
        click.echo(f"the session of {broker} opens with neither key: log in there anew")
    if settings.data.master_key is not None:
        click.echo("start Ordo with the new key alone from now on")
