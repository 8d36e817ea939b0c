"""`ordo serve` and `ordo demo`: start Ordo in the foreground."""

from __future__ import annotations

from pathlib import Path

import click

from ordo.cli.options import config_option


@click.command()
@config_option
@click.pass_context
def serve(ctx: click.Context, config_path: Path | None) -> None:
    """Run the gateway until it is told to stop."""
    from ordo.config import load
    from ordo.run import serve as run

    ctx.exit(run(load(config_path)) or 0)


@click.command()
@config_option
@click.pass_context
def demo(ctx: click.Context, config_path: Path | None) -> None:
    """Run with paper brokers and everything made on the spot."""
    from ordo.config import check_listen, load_local
    from ordo.demo import run

    settings = load_local(config_path)  # the demo brings brokers of its own
    check_listen(settings.server)
    ctx.exit(run(settings) or 0)
