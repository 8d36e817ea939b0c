"""`ordo audit`: the audit log, also beside a server that runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ordo.cli.failure import Failure
from ordo.cli.options import config_option

if TYPE_CHECKING:
    from adapters.stores import Problem

PATIENCE = 5.0
"""Seconds to wait for lines that a running server is just writing."""


@click.group()
def audit() -> None:
    """Work with the audit log."""


@audit.command()
@config_option
def verify(config_path: Path | None) -> None:
    """Check that the audit log is whole and agrees with the store.

    Prints how many records are good and the last one's hash, or names the first
    record that is not as it was written.
    """
    from adapters.stores import StoredAudit, load_or_make_key
    from adapters.stores import verify as verified
    from ordo.config import load_local
    from ordo.progress import Progress

    data = load_local(config_path).data.path
    key = data / "audit.key"
    if not key.exists():  # a new one would call every record forged
        raise Failure(f"{key}: wanted the key of the audit log, found none")
    with (
        StoredAudit(data / "ordo.db") as rows,
        Progress("audit verify", "records", rows.newest()) as bar,
    ):
        verdict = verified(
            data / "audit", load_or_make_key(key), bar.over(rows), patience=PATIENCE
        )
    for note in verdict.notes:
        click.echo(note)
    if verdict.problem:
        raise Failure(_problem(verdict.problem))
    click.echo(f"{verdict.records} records in {verdict.files} files are whole")
    click.echo(f"head {verdict.head.seq} {verdict.head.hash}")


def _problem(found: Problem) -> str:
    """Name the first bad record, and where it stands."""
    line = f", line {found.line}" if found.line else ""
    return f"record {found.seq} in {found.file}{line}: {found.what}"
