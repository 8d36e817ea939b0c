"""`ordo status`: how a running Ordo and its brokers are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ordo.cli.options import client_options
from ordo.cli.tables import cell, table

if TYPE_CHECKING:
    from ordo.cli.client import Client

COLUMNS = {
    "broker": "BROKER",
    "connection": "CONNECTION",
    "breaker": "BREAKER",
    "queue_depth": "QUEUE",
    "open_orders": "OPEN",
    "unknown_orders": "UNKNOWN",
    "restarts": "RESTARTS",
    "last_call_at": "LAST CALL",
    "session": "SESSION",
    "session_expires_at": "UNTIL",
}


@click.command()
@client_options
@click.option("--json", "raw", is_flag=True, help="Print the answer as it came.")
def status(client: Client, raw: bool) -> None:
    """Show how Ordo and its brokers are."""
    envelope = client.call("GET", "/api/v1/status")
    if raw:
        click.echo(json.dumps(envelope, ensure_ascii=False))
        return
    data = envelope.get("data") or {}
    for line in [*_summary(data), "", *_brokers(data.get("brokers") or [])]:
        click.echo(line)


def _summary(data: Mapping[str, Any]) -> list[str]:
    """A line for each thing that is not a broker's; whether trading goes on first."""
    switch = data.get("kill_switch") or {}
    halted = isinstance(switch, Mapping) and switch.get("engaged")
    cells = {"trading": _halt(switch) if halted else "allowed"}
    for name, value in data.items():
        if name == "masters":
            cells["instruments"] = ", ".join(map(_master, value or ())) or "-"
        elif name == "warnings":
            cells |= {"WARNING": "; ".join(value)} if value else {}
        elif name not in ("brokers", "kill_switch"):
            cells[name.replace("_", " ")] = cell(value)
    width = max(map(len, cells)) + 2
    return [f"{name:<{width}}{cell}" for name, cell in cells.items()]


def _master(master: Mapping[str, Any]) -> str:
    """Such as `fyers 182345, STALE: no files in 600 s`."""
    said = f"{master['adapter']} {master['rows']}"
    if master["stale"]:
        said += ", STALE"
    return f"{said}: {master['error']}" if master["error"] else said


def _halt(switch: Mapping[str, Any]) -> str:
    said = [f"{key} {switch[key]}" for key in ("reason", "since", "by") if switch[key]]
    return ", ".join(["HALTED", *said])


def _brokers(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return table(rows, COLUMNS) if rows else ["no brokers"]
