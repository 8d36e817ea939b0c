"""`ordo instruments`: what can be traded, and fetching it from the brokers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from ordo.cli.failure import Failure
from ordo.cli.options import client_options
from ordo.progress import Progress

if TYPE_CHECKING:
    from ordo.cli.client import Client

PATH = "/api/v1/instruments"
LOOK_EVERY = 0.5
"""Seconds between looks at a sync under way."""
STEPS = {"downloading": 0, "building": 1, "idle": 2}
"""How many of an adapter's two steps are done."""
COLUMNS = {
    "symbol": "SYMBOL",
    "type": "TYPE",
    "lot_size": "LOT",
    "tick_size": "TICK",
    "freeze_quantity": "FREEZE",
    "name": "NAME",
}


@click.group()
def instruments() -> None:
    """Search what can be traded, and fetch it from the brokers."""


@instruments.command()
@client_options
@click.argument("words", nargs=-1)
@click.option("--exchange", help="Such as NSE, NFO, NSE_INDEX.")
@click.option("--type", "kind", type=click.Choice(["EQ", "INDEX", "FUT", "CE", "PE"]))
@click.option("--expiry", help="YYYY-MM-DD.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--json", "raw", is_flag=True, help="Print the answer as it came.")
def search(
    client: Client,
    words: tuple[str, ...],
    exchange: str | None,
    kind: str | None,
    expiry: str | None,
    limit: int,
    raw: bool,
) -> None:
    """Find instruments by beginnings of WORDS in symbol, name or underlying."""
    asked = {
        "query": " ".join(words),
        "exchange": exchange,
        "type": kind,
        "expiry": expiry,
        "limit": limit,
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    envelope = client.call("GET", f"{PATH}?{query}")
    if raw:
        click.echo(json.dumps(envelope, ensure_ascii=False))
        return
    _tell_failures(envelope["results"])
    data = envelope["data"]
    for line in _table(data["instruments"]):
        click.echo(line)
    if data["next_cursor"]:
        click.echo(f"There are more: --limit {min(1000, limit * 5)}", err=True)


@instruments.command()
@client_options
@click.argument("brokers", nargs=-1)
@click.option(
    "--force", is_flag=True, help="Take a master too that is far smaller than before."
)
def sync(client: Client, brokers: tuple[str, ...], force: bool) -> None:
    """Fetch the instrument masters of BROKERS, by default of all, and wait for it."""
    body = {"brokers": brokers, "force": force, "wait_seconds": 0}
    begun = client.call("POST", f"{PATH}/sync", body)
    failed = _tell_failures(begun["results"])
    waited_for = {
        row["broker"] for row in begun["results"] if row["status"] == "unknown"
    }
    for master in _ended(client, waited_for):
        name = f"{master['adapter']} ({', '.join(master['brokers'])})"
        if master["error"]:
            failed = True
            kept = "the old ones stay" if master["rows"] else "there are none"
            click.echo(f"{name}: not synced, {kept}: {master['error']}", err=True)
        else:
            click.echo(f"{name}: {master['rows']} instruments")
    if failed:
        raise Failure("not everything was synced")
    if not begun["results"]:
        click.echo("no broker has an instrument master")


def _ended(client: Client, brokers: set[str]) -> list[dict[str, Any]]:
    """The masters of these brokers, once none is being synced any more."""
    with Progress("instruments", "steps") as bar:
        while brokers:
            masters = [
                master
                for master in client.call("GET", f"{PATH}/sync")["data"]["masters"]
                if brokers & set(master["brokers"])
            ]
            _show(bar, masters)
            if all(master["stage"] == "idle" for master in masters):
                return masters
            time.sleep(LOOK_EVERY)
    return []


def _show(bar: Progress, masters: Sequence[Mapping[str, Any]]) -> None:
    """Two steps an adapter, and what is done at the moment."""
    doing = [
        f"{master['adapter']} {master['stage']}"
        for master in masters
        if master["stage"] != "idle"
    ]
    done = sum(STEPS[master["stage"]] for master in masters)
    bar.at(done, total=2 * len(masters), doing=", ".join(doing))


def _tell_failures(results: Sequence[Mapping[str, Any]]) -> bool:
    """A line for each broker that could not; whether there was one."""
    failed = [row for row in results if row["status"] == "error"]
    for row in failed:
        click.echo(f"{row['broker']}: {row['message']} ({row['error_code']})", err=True)
    return bool(failed)


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return ["nothing found"]
    cells = [[*COLUMNS.values(), "BROKERS"]]
    cells += [
        [*(_cell(row[key]) for key in COLUMNS), ", ".join(row["brokers"]) or "-"]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


def _cell(value: Any) -> str:
    return "-" if value in (None, "") else str(value)
