"""`ordo audit`: the audit log, away from the server."""

from __future__ import annotations

from pathlib import Path

import click

from ordo.cli.options import config_option


@click.group()
def audit() -> None:
    """Work with the audit log."""


@audit.command()
@config_option
def verify(config_path: Path | None) -> None:
    """Check that no record of the audit log was changed, removed or added."""
