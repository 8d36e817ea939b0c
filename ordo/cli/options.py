"""Options that several commands take."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def _config(ctx: click.Context, _: click.Parameter, value: Path | None) -> Path | None:
    """`ordo --config X serve` and `ordo serve --config X` mean the same."""
    root: Path | None = ctx.find_root().params.get("config_path")
    return value or root


config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_config,
    help="Settings file [default: $ORDO_CONFIG, else ./ordo.toml].",
)


def client_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--url` and the like; its first argument is the client."""

    @config_option
    @click.option(
        "--url",
        envvar="ORDO_URL",
        help="Where Ordo answers [default: [server] bind of the settings].",
    )
    @click.option(
        "--token",
        envvar="ORDO_TOKEN",
        help="Bearer token [default: [auth] token, else DATA/admin.token].",
    )
    @click.option(
        "--ca",
        envvar="ORDO_CA",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="CA to trust [default: DATA/tls/ca.pem].",
    )
    @click.option(
        "--cert",
        envvar="ORDO_CERT",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Certificate and key to show, one PEM file; for [server] client_ca.",
    )
    @functools.wraps(command)
    def with_client(
        *args: Any,
        config_path: Path | None,
        url: str | None,
        token: str | None,
        ca: Path | None,
        cert: Path | None,
        **kwargs: Any,
    ) -> Any:
        from ordo.cli.client import Client, find

        found = find(config_path, url=url, token=token, ca=ca, cert=cert)
        with Client(found) as client:
            return command(client, *args, **kwargs)

    return with_client
