"""Makes a paper broker out of its settings and its surroundings."""

from __future__ import annotations

from adapters.brokers.paper.adapter import PaperBroker
from adapters.brokers.paper.settings import PaperSettings
from adapters.catalogue import Surroundings


def build(settings: PaperSettings, around: Surroundings) -> PaperBroker:
    """A paper account that is kept in `DATA/paper`, so that it outlives the process.

    Raises:
        ConfigError: what is kept there cannot be read.
    """
    directory = around.data / "paper"
    directory.mkdir(mode=0o700, exist_ok=True)
    return PaperBroker(
        settings,
        rng=around.rng,
        wall=around.wall,
        journal=directory / f"{around.name}.jsonl",
    )
