"""`ordo init`: a first settings file, by a few questions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ordo.cli.failure import Failure

if TYPE_CHECKING:
    from ordo.first_settings import Answers

TLS = ("auto", "files", "proxy", "off")
NTP = "pool.ntp.org"


@click.command()
@click.argument("path", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--defaults", is_flag=True, help="Ask nothing; for scripts.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--brokers", metavar="A,B", help="Adapters, instead of being asked.")
@click.option("--data", metavar="DIR", help="Where data lives, instead of being asked.")
@click.option("--tls", type=click.Choice(TLS), help="Instead of being asked.")
@click.pass_context
def init(
    ctx: click.Context,
    path: Path | None,
    defaults: bool,
    force: bool,
    brokers: str | None,
    data: str | None,
    tls: str | None,
) -> None:
    """Write a commented settings file to PATH, ./ordo.toml by default.

    Asks which brokers, where data lives, and how TLS is done. The file never holds a
    secret, is readable to you alone, and is good to start with as it is.
    """
    from ordo.config import load
    from ordo.first_settings import render, write

    file = path or ctx.find_root().params.get("config_path") or Path("ordo.toml")
    if file.suffix != ".toml":
        raise click.UsageError(f"wanted a file NAME.toml, found {file.name}")
    if file.exists() and not force:
        raise Failure(f"{file} is there already; --force writes over it")
    if not defaults and not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask at; add --defaults")
    answers = _answers(brokers, data, tls, asking=not defaults)
    write(file, render(answers), force=force)
    _say_next(file, len(load(file).brokers))


def _answers(
    brokers: str | None, data: str | None, tls: str | None, *, asking: bool
) -> Answers:
    from ordo.first_settings import Answers

    plain = Answers()
    there = ", ".join(_adapters())
    if brokers is None and asking:
        brokers = _ask(f"Brokers, separated by commas ({there})", "paper", _brokers)
    if data is None and asking:
        data = _ask("Where does data live", plain.data, _path)
    if tls is None and asking:
        words = "TLS: auto (a CA of our own), files, proxy (in front), off (loopback)"
        tls = click.prompt(words, default="auto", type=click.Choice(TLS), err=True)
    cert = key = ""
    if tls == "files":
        if not asking:
            raise click.UsageError("--tls files wants its files; set them in the file")
        cert, key = (_ask(f"{what} (PEM)", None, _file) for what in ("cert", "key"))
    ntp = ""
    if asking:
        words = "Time server to hold the clock against, - for none"
        ntp = _ask(words, NTP, _server).removeprefix("-")
    return Answers(
        brokers=plain.brokers if brokers is None else _list(_brokers(brokers)),
        data=plain.data if data is None else _path(data),
        tls=tls or plain.tls,
        cert=cert,
        key=key,
        ntp=ntp,
    )


def _ask(words: str, default: str | None, check: Callable[[str], str]) -> str:
    """Ask on the terminal until *check* takes the answer."""
    told: str = click.prompt(words, default=default, value_proc=check, err=True)
    return told


def _adapters() -> list[str]:
    from adapters.catalogue import ADAPTERS

    return sorted(ADAPTERS)


def _brokers(text: str) -> str:
    """The text, if it names adapters."""
    for name in _list(text):
        if name not in _adapters():
            there = ", ".join(_adapters())
            raise click.UsageError(f"wanted some of {there}; found {name[:40]!r}")
    return text


def _list(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _path(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise click.UsageError("wanted the name of a directory")
    return text.strip()


def _file(text: str) -> str:
    if not Path(text).expanduser().is_file():
        raise click.UsageError(f"wanted a file, found none at {text[:80]!r}")
    return text


def _server(text: str) -> str:
    from adapters import ConfigError
    from adapters.sntp import server_of

    try:
        if text != "-":
            server_of(text)
        return text
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


def _say_next(file: Path, brokers: int) -> None:
    """What to type now; *brokers* are switched on."""
    named = "" if file == Path("ordo.toml") else f" --config {file}"
    click.echo(f"wrote {file}")
    if not brokers:
        click.echo("no broker is switched on yet; the file says how")
    click.echo(f"is this machine fit to trade from:  ordo doctor{named}")
    click.echo(f"a token for your program:           ordo token new{named}")
    click.echo(f"start:                              ordo serve{named}")
