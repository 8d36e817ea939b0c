"""`ordo secret`: values that the settings name as `stored:NAME`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ordo.cli.failure import Failure
from ordo.cli.options import config_option

if TYPE_CHECKING:
    from ordo.secret_book import SecretBook


@click.group()
def secret() -> None:
    """Keep passwords and keys, encrypted under the master key."""


@secret.command("set")
@config_option
@click.argument("name")
def set_(config_path: Path | None, name: str) -> None:
    """Store a value as NAME: asked for without echo, or read from standard input.

    The settings then say "stored:NAME". A running Ordo takes it at its next start.
    """
    from adapters.secret import Secret

    value = _typed(name) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    _book(config_path).put(name, Secret(value))
    click.echo(f"stored {name}")


@secret.command("list")
@config_option
def list_(config_path: Path | None) -> None:
    """Show the names, and when each was set; never a value."""
    for name, kept in sorted(_book(config_path).stored().items()):
        click.echo(f"{name}  set {kept.set_at:%Y-%m-%d %H:%M} UTC")


@secret.command()
@config_option
@click.argument("name")
def delete(config_path: Path | None, name: str) -> None:
    """Forget the value stored as NAME."""
    if not _book(config_path).delete(name):
        raise Failure(f"there is no secret {name[:64]!r}; see: ordo secret list")
    click.echo(f"deleted {name}")


def _typed(name: str) -> str:
    text: str = click.prompt(name, hide_input=True, confirmation_prompt=True, err=True)
    return text


def _book(config_path: Path | None) -> SecretBook:
    from ordo.config import load_local
    from ordo.secret_book import secret_book

    data = load_local(config_path, sealing=True).data
    data.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return secret_book(data)
