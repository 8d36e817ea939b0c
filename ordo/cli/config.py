"""`ordo config`: look at the settings without starting."""

from __future__ import annotations

from pathlib import Path

import click

from ordo.cli.options import config_option


@click.group()
def config() -> None:
    """Look at the settings without starting."""


@config.command()
@config_option
def check(config_path: Path | None) -> None:
    """Check every setting and secret, as a start does."""
    import os

    from adapters.catalogue import capabilities
    from ordo.config import find_file, load
    from ordo.pace import windows

    settings = load(config_path)
    for broker in settings.brokers.values():
        windows(broker, capabilities(broker.adapter))
    source = find_file(config_path, os.environ) or "defaults and environment"
    names = ", ".join(settings.brokers) or "none"
    click.echo(f"{source}: good; brokers: {names}")
