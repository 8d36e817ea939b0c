"""`ordo doctor`: whether this machine is fit to trade from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ordo.cli.options import config_option

if TYPE_CHECKING:
    from ordo.doctor import Finding

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@config_option
@click.option("--json", "raw", is_flag=True, help="One JSON object, for programs.")
@click.option(
    "--ntp",
    metavar="HOST[:PORT]",
    help="Time server; empty: ask none [default: [clock] server, else pool.ntp.org].",
)
@click.pass_context
def doctor(
    ctx: click.Context, config_path: Path | None, raw: bool, ntp: str | None
) -> None:
    """Check clock, disk, SQLite, addresses, certificates, permissions, limits.

    Says of each what was found and what to do. Nothing is changed. Ends with 1 where
    something fails; what cannot be told is a warning.
    """
    from msgspec import to_builtins

    from ordo.doctor import examine

    findings: list[Finding] = []
    for finding in examine(config_path, ntp=ntp):
        findings.append(finding)
        if not raw:
            _show(finding)
    failed = sum(finding.verdict == "fail" for finding in findings)
    warned = sum(finding.verdict == "warn" for finding in findings)
    if raw:
        rows = {"ok": not failed, "findings": to_builtins(findings)}
        click.echo(json.dumps(rows, ensure_ascii=False))
    else:
        click.echo(f"{len(findings)} looked at, {failed} failed, {warned} to look at")
    ctx.exit(1 if failed else 0)


def _show(finding: Finding) -> None:
    colour = None if os.environ.get("NO_COLOR") else COLOURS[finding.verdict]
    verdict = click.style(f"{finding.verdict:<4}", fg=colour)
    click.echo(f"{verdict}  {finding.check}: {finding.found}")
    if finding.advice:
        click.echo(f"      -> {finding.advice}")
