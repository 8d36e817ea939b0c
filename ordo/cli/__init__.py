"""The `ordo` command. What a command needs is imported when it runs, not before."""

from __future__ import annotations

from pathlib import Path

import click

from ordo.cli.adapters import adapters
from ordo.cli.audit import audit
from ordo.cli.config import config
from ordo.cli.doctor import doctor
from ordo.cli.failure import Group
from ordo.cli.halt import halt
from ordo.cli.health import health
from ordo.cli.init import init
from ordo.cli.instruments import instruments
from ordo.cli.keys import keys
from ordo.cli.login import login, logout
from ordo.cli.new_adapter import new_adapter
from ordo.cli.secret import secret
from ordo.cli.serve import demo, serve
from ordo.cli.shell import shell
from ordo.cli.status import status
from ordo.cli.switch import kill, resume
from ordo.cli.telemetry import telemetry
from ordo.cli.tokens import token
from ordo.version import __version__


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ordo")
@click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings file [default: $ORDO_CONFIG, else ./ordo.toml].",
)
def main(config_path: Path | None) -> None:
    """Ordo: send an order once, to every broker you name, and know what happened."""


for command in (
    demo,
    serve,
    login,
    logout,
    status,
    health,
    kill,
    halt,
    resume,
    shell,
    token,
    secret,
    keys,
    audit,
    config,
    adapters,
    new_adapter,
    instruments,
    telemetry,
    doctor,
    init,
):
    main.add_command(command)
