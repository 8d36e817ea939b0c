"""`ordo telemetry`: what is told of this Ordo, where somebody has switched it on."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from ordo.cli.options import config_option


@click.group()
def telemetry() -> None:
    """Look at the anonymous counts, which are off by default."""


@telemetry.command()
@config_option
def show(config_path: Path | None) -> None:
    """Print exactly the bytes that would be sent now, and where to on standard error.

    Nothing is sent. Secrets are not needed, and a server that runs is not disturbed.
    """
    from actors.clockwork import utc_now
    from adapters.stores.opening import FILE, open_reader
    from adapters.stores.reading import Reader
    from ordo.config import adapters_of, load_local
    from ordo.telemetry import counts

    settings, brokers = load_local(config_path), adapters_of(config_path)
    store = settings.data.store
    told = settings.telemetry
    if told.enabled and told.url:
        said = f"sent once a day to {told.url.partition('?')[0]}:"
    else:
        said = "not sent, since [telemetry] does not say enabled = true and a url:"
    click.echo(said, err=True)
    database = settings.data.path / FILE
    if not database.exists():
        content = counts(store, brokers, utc_now(), lambda broker, since: ())
    else:
        with closing(open_reader(database)) as connection:
            sent = Reader(connection, utc_now).sent_since
            content = counts(store, brokers, utc_now(), sent)
    click.echo(content, nl=False)
