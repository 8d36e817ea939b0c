"""Load the settings: file, environment over it, secrets, types, rules."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from adapters.errors import ConfigError
from ordo.config import files
from ordo.config.brokers import Broker, broker
from ordo.config.checked import checked
from ordo.config.environment import EnvText, inline, overlay, typed
from ordo.config.listen import check_listen
from ordo.config.market import check_expected, check_market
from ordo.config.outside import check_clock, check_telemetry
from ordo.config.references import resolved
from ordo.config.sections import (
    Alerts,
    Audit,
    Auth,
    Clock,
    Data,
    Events,
    Log,
    Market,
    Orders,
    Section,
    Server,
    Telemetry,
)
from ordo.config.wording import found
from ordo.secret_book import look_up, secret_book

DEFAULT_SECRETS = {
    "auth": {"token": "ORDO_API_TOKEN"},
    "data": {"master_key": "ORDO_MASTER_KEY"},
}
"""Secrets that are taken from a variable if it is set, where nothing is written."""

ALERT_SECRETS = frozenset({"webhook_secret", "smtp_password"})
STORES = ("postgresql://", "postgres://")


class Settings(Section, frozen=True, kw_only=True):
    """Everything Ordo is told, as it stands until the next start."""

    server: Server = Server()
    auth: Auth = Auth()
    data: Data = Data()
    orders: Orders = Orders()
    market: Market = Market()
    audit: Audit = Audit()
    log: Log = Log()
    brokers: dict[str, Broker] = msgspec.field(default_factory=dict)
    events: Events = Events()
    alerts: Alerts = Alerts()
    clock: Clock = Clock()
    telemetry: Telemetry = Telemetry()


def load(
    path: str | Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read and check everything, as a start does.

    Args:
        path: The file (`--config`); None: `ORDO_CONFIG`, else `./ordo.toml`, else
            defaults and the environment alone.
        environ: None means the process's own.

    Raises:
        ConfigError: One line: key, what was wanted, what was found.
    """
    environ = os.environ if environ is None else environ
    tables = _tables(path, environ)
    brokers = _table(tables.pop("brokers", {}), "brokers")
    settings = _sections(tables, environ, lenient=())
    check_listen(settings.server)
    _check_store(settings.data)
    check_market(settings.market)
    check_clock(settings.clock)
    check_telemetry(settings.telemetry)
    book = secret_book(settings.data)

    def stored(name: str, place: str) -> str:
        return look_up(book, name, place)

    settings = msgspec.structs.replace(
        settings,
        brokers={
            name: broker(
                name,
                _table(table, f"brokers.{name}"),
                environ,
                stored=stored,
                submit_timeout=settings.orders.submit_timeout,
            )
            for name, table in brokers.items()
        },
    )
    check_expected(settings.brokers, settings.market)
    return settings


def load_local(
    path: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    sealing: bool = False,
) -> Settings:
    """What a command beside the server needs to know: where it is, and its data.

    Brokers are left out, and a secret that is not there is None: the shell in which
    somebody types `ordo kill` need not hold every broker's password.

    Args:
        sealing: The command seals secrets: a master key that is named must be there,
            lest another one be made.

    Raises:
        ConfigError: One line: key, what was wanted, what was found.
    """
    environ = os.environ if environ is None else environ
    tables = _tables(path, environ)
    tables.pop("brokers", None)
    lenient = {"auth"} if sealing else {"auth", "data"}
    return _sections(tables, environ, lenient=lenient)


def adapters_of(
    path: str | Path | None = None, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Which adapter each broker has, by its name; no secret is needed for that.

    Raises:
        ConfigError: One line: key, what was wanted, what was found.
    """
    tables = _tables(path, os.environ if environ is None else environ)
    brokers = _table(tables.get("brokers", {}), "brokers")
    found = {}
    for name, table in brokers.items():
        place = f"brokers.{name}"
        adapter = _table(table, place).get("adapter")
        if not isinstance(adapter, str):
            raise ConfigError(f"{place}.adapter: wanted a name, found none")
        found[name] = adapter
    return found


def _tables(path: str | Path | None, environ: Mapping[str, str]) -> dict[str, Any]:
    file = files.find_file(path, environ)
    return overlay(files.read(file) if file else {}, environ)


def _table(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, EnvText):
        value = inline(value)
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: wanted a table, found {found(value, show=False)}")
    return value


def _sections(
    tables: dict[str, Any], environ: Mapping[str, str], *, lenient: Collection[str]
) -> Settings:
    """Every section but the brokers; *lenient* ones pass over secrets not there."""
    for section, names in DEFAULT_SECRETS.items():
        table = _table(tables.get(section, {}), section)
        written = {
            key: f"env:{name}" for key, name in names.items() if environ.get(name)
        }
        tables[section] = resolved(
            written | table, section, environ, lenient=section in lenient
        )
    _told_secrets(tables, environ, lenient=bool(lenient))
    return checked(typed(tables, Settings), Settings, "")


def _told_secrets(
    tables: dict[str, Any], environ: Mapping[str, str], *, lenient: bool
) -> None:
    """The secrets of those who are told events and alerts."""
    alerts = _table(tables.get("alerts", {}), "alerts")
    tables["alerts"] = resolved(
        alerts, "alerts", environ, ALERT_SECRETS, lenient=lenient
    )
    events = dict(_table(tables.get("events", {}), "events"))
    hook = _table(events.get("webhook", {}), "events.webhook")
    events["webhook"] = resolved(
        hook, "events.webhook", environ, frozenset({"secret"}), lenient=lenient
    )
    tables["events"] = events


def _check_store(data: Data) -> None:
    if data.store != "sqlite" and not data.store.startswith(STORES):
        raise ConfigError(
            "data.store: wanted sqlite or postgresql://USER@HOST/DB, found other text"
        )
