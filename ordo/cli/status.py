"""`ordo status`: how a running Ordo and its brokers are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ordo.cli.options import client_options

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
    "last_login_at": "LAST LOGIN",
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
    for line in [*_summary(data), "", *_table(data.get("brokers") or [])]:
        click.echo(line)


def _summary(data: Mapping[str, Any]) -> list[str]:
    """A line for each thing that is not a broker's; whether trading goes on first."""
    switch = data.get("kill_switch") or {}
    halted = isinstance(switch, Mapping) and switch.get("engaged")
    cells = {"trading": _halt(switch) if halted else "allowed"}
    for name, value in data.items():
        if name not in ("brokers", "kill_switch"):
            cells[name.replace("_", " ")] = _cell(value)
    width = max(map(len, cells)) + 2
    return [f"{name:<{width}}{cell}" for name, cell in cells.items()]


def _halt(switch: Mapping[str, Any]) -> str:
    said = [f"{key} {switch[key]}" for key in ("reason", "since", "by") if switch[key]]
    return ", ".join(["HALTED", *said])


def _table(brokers: Sequence[Mapping[str, Any]]) -> list[str]:
    if not brokers:
        return ["no brokers"]
    rows = [list(COLUMNS.values())]
    rows += [[_cell(broker.get(key)) for key in COLUMNS] for broker in brokers]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_cell(below)}" for key, below in value.items())
    return str(value)
