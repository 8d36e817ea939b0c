"""Makes the mocks out of their settings and surroundings."""

from __future__ import annotations

from adapters.brokers.mock.alpaca import Alpaca
from adapters.brokers.mock.settings import AlpacaMockSettings, ZerodhaMockSettings
from adapters.brokers.mock.zerodha import Zerodha
from adapters.brokers.paper import PaperBroker, PaperSettings
from adapters.brokers.paper.house import House
from adapters.catalogue import Surroundings
from adapters.ports import SimulatedPort


def zerodha(settings: ZerodhaMockSettings, around: Surroundings) -> SimulatedPort:
    """A Zerodha-like account, kept in `DATA/zerodha-mock`.

    Raises:
        ConfigError: what is kept there cannot be read.
    """
    house = Zerodha(settings.id_day)
    return _kept(settings.paper(), house, "zerodha-mock", around)


def alpaca(settings: AlpacaMockSettings, around: Surroundings) -> SimulatedPort:
    """An Alpaca-like account, kept in `DATA/alpaca-mock`.

    Raises:
        ConfigError: what is kept there cannot be read.
    """
    house = Alpaca(around.name)
    return _kept(settings.paper(), house, "alpaca-mock", around)


def _kept(
    settings: PaperSettings, house: House, adapter: str, around: Surroundings
) -> SimulatedPort:
    directory = around.data / adapter
    directory.mkdir(mode=0o700, exist_ok=True)
    return PaperBroker(
        settings,
        rng=around.rng,
        wall=around.wall,
        journal=directory / f"{around.name}.jsonl",
        house=house,
    )
