"""What could not be done: one line on standard error, and exit status 1."""

from __future__ import annotations

import errno
from typing import IO, Any

import click

from adapters.errors import OrdoError


class Failure(click.ClickException):
    """The command could not do it; the message is its only line."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the reason, whatever it holds, as one line."""
        click.echo(f"ordo: {' '.join(self.message.split())}", file=file, err=True)


class Group(click.Group):
    """A group whose commands may raise Ordo's own errors and the system's."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an expected error ends it as a `Failure`."""
        try:
            return super().invoke(ctx)
        except OrdoError as exc:
            raise Failure(str(exc)) from exc
        except OSError as exc:
            if exc.errno == errno.EPIPE or exc.strerror is None:
                raise
            place = f"{exc.filename}: " if exc.filename else ""
            raise Failure(f"{place}{exc.strerror}") from exc
