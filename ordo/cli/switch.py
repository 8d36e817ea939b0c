"""`ordo kill` and `ordo resume`: the kill-switch of a running Ordo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ordo.cli.options import client_options

if TYPE_CHECKING:
    from ordo.cli.client import Client

PATH = "/api/v1/kill-switch"


@click.command()
@client_options
@click.option("--reason", default="ordo kill", help="Why; kept in the audit log.")
@click.option("--cancel-open", is_flag=True, help="Cancel every open order too.")
@click.option(
    "--close-positions",
    is_flag=True,
    help="Cancel every open order, then square off every open position.",
)
def kill(client: Client, reason: str, cancel_open: bool, close_positions: bool) -> None:
    """Halt trading: when this returns, no new order leaves."""
    body = {"engaged": True, "reason": reason, "cancel_open": cancel_open}
    if close_positions:
        body["close_positions"] = True
    data = _put(client, body)
    click.echo("Halted: no new order leaves until: ordo resume")
    left = data.get("on_the_wire") or []
    if left:
        click.echo(f"Sent before it ({len(left)}): {', '.join(left)}")
    progress = data.get("progress") or {}
    for name, wanted in (
        ("cancels", cancel_open or close_positions),
        ("closes", close_positions),
    ):
        counts = progress.get(name)
        if wanted and counts:
            click.echo(
                f"{name.capitalize()} go on: {counts['done']} of {counts['wanted']}"
                f" done, {counts['failed']} failed"
            )


@click.command()
@client_options
@click.option("--reason", default="ordo resume", help="Why; kept in the audit log.")
def resume(client: Client, reason: str) -> None:
    """Allow trading again."""
    _put(client, {"engaged": False, "reason": reason})
    click.echo("Resumed: new orders are taken")


def _put(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    return client.call("PUT", PATH, body).get("data") or {}
