"""`ordo health`: for what restarts Ordo when it does not answer."""

from __future__ import annotations

from pathlib import Path

import click

from ordo.cli.options import config_option


@click.command()
@config_option
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=3.0,
    show_default=True,
    help="Seconds to connect, and seconds to answer.",
)
def health(config_path: Path | None, timeout: float) -> None:
    """Exit 0 where the Ordo of these settings answers on this machine, else 1.

    Needs no token. Trusts the certificate of the settings alone. Says nothing of
    brokers or the store, which a restart does not mend: see `ordo status`.
    """
    from ordo.config import load_local
    from ordo.health import look

    click.echo(f"ordo answers at {look(load_local(config_path), timeout)}")
