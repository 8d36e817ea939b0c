"""`ordo doctor`: whether this machine is fit to trade from, and what to do if not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from actors.clockwork import utc_now
from adapters import ConfigError
from ordo.config import Settings, find_file, load, load_local
from ordo.doctor import data, machine, network
from ordo.doctor.finding import Finding as Finding
from ordo.doctor.finding import fail, ok

NTP = "pool.ntp.org"
"""Asked where neither `--ntp` nor [clock] names one; by a person's command alone."""


def examine(
    path: Path | None, *, ntp: str | None, environ: Mapping[str, str] = os.environ
) -> Iterator[Finding]:
    """Look at everything, one thing after the other; nothing is changed.

    Args:
        path: the settings file; None: as a start finds it.
        ntp: time server; "": do not ask; None: the settings', else the usual one.
    """
    settings, verdict = _settings(path, environ)
    yield verdict
    if settings is None:
        return
    place = settings.data.path
    server = (settings.clock.server or NTP) if ntp is None else ntp
    yield machine.clock(server, settings.clock.limit, utc_now)
    yield machine.open_files()
    yield data.directory(place)
    there = place if place.is_dir() else _nearest(place)
    yield machine.space(there)
    yield machine.sync_speed(there)
    yield from data.sqlite(there)
    yield from data.secret_files(place, find_file(path, environ))
    yield from network.certificates(settings, utc_now())
    yield from network.addresses(settings)


def _settings(
    path: Path | None, environ: Mapping[str, str]
) -> tuple[Settings | None, Finding]:
    """As a start reads them; where that fails, as far as they can be read."""
    name = "settings"
    try:
        settings = load(path, environ)
    except ConfigError as error:
        advice = "mend it, and look again with: ordo config check"
        verdict = fail(name, str(error), advice)
    else:
        brokers = ", ".join(settings.brokers) or "none"
        return settings, ok(name, f"good; brokers: {brokers}")
    try:
        return load_local(path, environ), verdict
    except ConfigError:
        return None, verdict


def _nearest(place: Path) -> Path:
    """The directory in which the data directory would be made."""
    return next(parent for parent in place.absolute().parents if parent.is_dir())
