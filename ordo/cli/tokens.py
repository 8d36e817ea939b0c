"""`ordo token`: make, list and revoke the stored bearer tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ordo.cli.failure import Failure
from ordo.cli.options import config_option

if TYPE_CHECKING:
    from ordo.tokens import StoredToken, TokenBook


@click.group()
def token() -> None:
    """Make, list and revoke bearer tokens."""


@token.command()
@config_option
@click.option(
    "--scope",
    type=click.Choice(["read", "trade", "admin"]),
    default="trade",
    show_default=True,
    help="What it may do.",
)
@click.option("--name", help="A label, shown in the list.")
@click.option("--days", type=click.IntRange(min=1), help="How long it is good.")
def new(
    config_path: Path | None, scope: str, name: str | None, days: int | None
) -> None:
    """Print a new token. It is shown this once; only its hash is kept."""
    from ordo.tokens import Scope

    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    click.echo(_book(config_path).new(Scope(scope), name=name, expires=expires))


@token.command("list")
@config_option
def list_(config_path: Path | None) -> None:
    """Show the stored tokens, without what makes them work."""
    for stored in _book(config_path).stored():
        click.echo(_line(stored))


@token.command()
@config_option
@click.argument("token_id", metavar="ID")
def revoke(config_path: Path | None, token_id: str) -> None:
    """Revoke the token of that ID; it stops working at once."""
    if not _book(config_path).revoke(token_id):
        raise Failure(f"there is no token {token_id[:20]}; see: ordo token list")
    click.echo(f"revoked {token_id}")


def _book(config_path: Path | None) -> TokenBook:
    from ordo.config import load_local
    from ordo.tokens import TokenBook

    directory = load_local(config_path).data.path
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return TokenBook(directory / "tokens.json")


def _line(stored: StoredToken) -> str:
    until = f"until {stored.expires:%Y-%m-%d}" if stored.expires else "no expiry"
    made = f"made {stored.created:%Y-%m-%d}"
    name = f"  {stored.name}" if stored.name else ""
    return f"{stored.id}  {stored.scope:<5}  {made}  {until}{name}"
