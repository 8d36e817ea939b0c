"""`ordo login` and `ordo logout`: sessions with the brokers, one after the other."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ordo.cli.failure import Failure
from ordo.cli.options import client_options
from ordo.cli.tables import table
from ordo.cli.waiting import line_or

if TYPE_CHECKING:
    from ordo.cli.client import Client

PATH = "/api/v1/sessions"
LOGIN_SECONDS = 60.0
"""For one step: Ordo itself gives a broker 20 s, and checks the session after it."""
TRIES = 3
"""Wrong answers to one question before the next broker has its turn."""
COLUMNS = {"broker": "BROKER", "state": "STATE", "until": "UNTIL", "reason": "REASON"}
LOOK_EVERY = 1.0
"""Seconds between looks whether a page in the browser has come back."""


@click.command()
@client_options
@click.argument("brokers", nargs=-1)
@click.option("--force", is_flag=True, help="Also where a session is still good.")
def login(client: Client, brokers: tuple[str, ...], force: bool) -> None:
    """Log in to BROKERS, or to all that want it: type only what the broker sent."""
    client.patience(LOGIN_SECONDS)
    for row in _wanted(client, brokers):
        if row["state"] == "active" and not force:
            continue
        try:
            _log_in(client, row["broker"])
        except Failure as failure:  # the others have their turn all the same
            click.echo(f"{row['broker']}: {failure.message}", err=True)
    rows = _wanted(client, brokers)
    _show(rows)
    if any(row["state"] != "active" for row in rows):
        raise Failure("not every broker is logged in")


@click.command()
@client_options
@click.argument("brokers", nargs=-1, required=True)
def logout(client: Client, brokers: tuple[str, ...]) -> None:
    """End the sessions of BROKERS."""
    client.patience(LOGIN_SECONDS)
    for row in _wanted(client, brokers):
        _checked(client.call("DELETE", f"{PATH}/{row['broker']}"))
        click.echo(f"{row['broker']} is logged out")


def _wanted(client: Client, brokers: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = client.call("GET", PATH)["data"]["sessions"]
    known = {row["broker"]: row for row in rows}
    for name in brokers:
        if name not in known:
            there = ", ".join(known) or "none"
            raise Failure(f"no broker {name!r} here; there are: {there}")
    return [known[name] for name in brokers] if brokers else rows


def _log_in(client: Client, name: str) -> None:
    """Ask the user whatever the broker asks for, until it lets us in."""
    click.echo(f"\n{name}")
    step = _checked(client.call("POST", f"{PATH}/{name}/login"))
    tries = 0
    while step["state"] == "challenge":
        body = _answered(client, name, step)
        if body is None:  # its page has come back to Ordo by itself
            return
        envelope = client.call("POST", f"{PATH}/{name}/verify", body)
        again = envelope["data"].get("challenge_id") == step["challenge_id"]
        if envelope["status"] == "error" and again and tries < TRIES - 1:
            tries += 1
            click.echo(f"  {_reason(envelope)}", err=True)
            continue
        step, tries = _checked(envelope), 0
    if step["state"] != "active":
        raise Failure(f"the broker let us in and does not take the session: {step}")
    click.echo(f"  logged in until {_local(step['expires_at'])}")


def _answered(client: Client, name: str, step: dict[str, Any]) -> dict[str, Any] | None:
    """What the user gives to a challenge; None where a page did it all."""
    click.echo(f"  {step['prompt']}")
    answer: dict[str, Any] = {"challenge_id": step["challenge_id"]}
    if step["kind"] == "redirect":
        click.echo(f"  Open: {step['login_url']}")
        pasted = _pasted(client, name)
        return None if pasted is None else answer | {"redirect_url": pasted}
    answer["fields"] = {
        field["name"]: click.prompt(
            f"  {field['label']}", hide_input=field["secret"], err=True
        ).strip()
        for field in step["fields"]
    }
    return answer


def _pasted(client: Client, name: str) -> str | None:
    """The address that is pasted, or None once the page has come back by itself."""

    def is_done() -> bool:
        row = _wanted(client, (name,))[0]
        return bool(row["state"] == "active")

    click.echo(
        "  It comes back by itself; if it does not, paste the address it led to: ",
        nl=False,
    )
    line = line_or(sys.stdin, is_done, every=LOOK_EVERY)
    click.echo("" if line is None else None, nl=line is None)
    if line == "":
        raise Failure("nothing was given")
    return line


def _checked(envelope: dict[str, Any]) -> dict[str, Any]:
    if envelope["status"] == "error":
        raise Failure(_reason(envelope))
    data: dict[str, Any] = envelope["data"]
    return data


def _reason(envelope: dict[str, Any]) -> str:
    results = envelope.get("results") or [{}]
    return str(results[0].get("message") or envelope.get("message"))


def _show(rows: list[dict[str, Any]]) -> None:
    """Who is logged in until when, by the clock of this machine."""
    click.echo()
    shown = [row | {"until": _local(row["expires_at"])} for row in rows]
    for line in table(shown, COLUMNS):
        click.echo(line)


def _local(at: str | None) -> str | None:
    if at is None:
        return None
    return datetime.fromisoformat(at).astimezone().strftime("%a %d %b %H:%M %Z")
