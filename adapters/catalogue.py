"""Which broker adapters there are, as data: nothing is imported until it is used."""

from __future__ import annotations

import importlib
import random
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from adapters.errors import ConfigError
from adapters.instruments import NO_INSTRUMENTS, InstrumentIndex
from adapters.ports import BrokerPort, Capabilities
from adapters.secret import Secret
from adapters.trust import usual_trust


class Surroundings(NamedTuple):
    """What an adapter is given besides its own settings.

    Args:
        name: The broker's, as configured.
        base_url: Replaces scheme and host of every endpoint; empty: the broker's own.
        egress: How calls leave: `direct`, `bind:ADDRESS`, a proxy's URL.
        access_token: A session token got elsewhere.
        data: Ordo's data directory.
        wall: Wall time, aware UTC.
        rng: Chance.
        instruments: What the adapter's master says, as of the last good sync.
        trust: Gives whom to trust over TLS: asked by an adapter that calls anybody, and
            to be the same for all of them.
    """

    name: str
    base_url: str
    egress: str
    access_token: Secret | None
    data: Path
    wall: Callable[[], datetime]
    rng: random.Random
    instruments: InstrumentIndex = NO_INSTRUMENTS
    trust: Callable[[], ssl.SSLContext] = usual_trust


class Adapter(NamedTuple):
    """Where an adapter's parts are, as `module:name`.

    Args:
        settings: Its msgspec struct: the keys of a broker table that are its own.
        factory: Makes the adapter, a `BrokerPort`, from these and its `Surroundings`.
        capabilities: What it can do, for a look without making it.
        master: Reads what `download_master` fetched: `Callable[[Sequence[Path]],
            Iterator[Instrument]]`; empty where there is no master.
    """

    settings: str
    factory: str
    capabilities: str
    master: str = ""


ADAPTERS: dict[str, Adapter] = {
    "alpaca-mock": Adapter(
        settings="adapters.brokers.mock.settings:AlpacaMockSettings",
        factory="adapters.brokers.mock.build:alpaca",
        capabilities="adapters.brokers.mock.alpaca:CAPABILITIES",
    ),
    "fyers": Adapter(
        settings="adapters.brokers.fyers.settings:FyersSettings",
        factory="adapters.brokers.fyers.build:build",
        capabilities="adapters.brokers.fyers.adapter:CAPABILITIES",
        master="adapters.brokers.fyers.master:parse",
    ),
    "hdfc": Adapter(
        settings="adapters.brokers.hdfc.settings:HdfcSettings",
        factory="adapters.brokers.hdfc.build:build",
        capabilities="adapters.brokers.hdfc.adapter:CAPABILITIES",
        master="adapters.brokers.hdfc.master:parse",
    ),
    "mstock": Adapter(
        settings="adapters.brokers.mstock.settings:MstockSettings",
        factory="adapters.brokers.mstock.build:build",
        capabilities="adapters.brokers.mstock.adapter:CAPABILITIES",
        master="adapters.brokers.mstock.master:parse",
    ),
    "paper": Adapter(
        settings="adapters.brokers.paper.settings:PaperSettings",
        factory="adapters.brokers.paper.build:build",
        capabilities="adapters.brokers.paper.adapter:CAPABILITIES",
    ),
    "zerodha-mock": Adapter(
        settings="adapters.brokers.mock.settings:ZerodhaMockSettings",
        factory="adapters.brokers.mock.build:zerodha",
        capabilities="adapters.brokers.mock.zerodha:CAPABILITIES",
    ),
}


def find(name: str) -> Adapter:
    """The adapter of that name.

    Raises:
        ConfigError: This version has no such adapter; the text names those it has.
    """
    try:
        return ADAPTERS[name]
    except KeyError:
        there = ", ".join(sorted(ADAPTERS))
        raise ConfigError(
            f"adapter {name!r} is not in this version; there are: {there}"
        ) from None


def settings_type(name: str) -> type[msgspec.Struct]:
    """The struct of the adapter's own settings.

    Raises:
        ConfigError: This version has no such adapter.
    """
    struct: type[msgspec.Struct] = _load(find(name).settings)
    return struct


def factory(name: str) -> Callable[..., BrokerPort]:
    """What makes an adapter from its settings.

    Raises:
        ConfigError: This version has no such adapter.
    """
    make: Callable[..., BrokerPort] = _load(find(name).factory)
    return make


def capabilities(name: str) -> Capabilities:
    """What the adapter can do, the limits its broker publishes among it.

    Raises:
        ConfigError: This version has no such adapter.
    """
    can: Capabilities = _load(find(name).capabilities)
    return can


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
