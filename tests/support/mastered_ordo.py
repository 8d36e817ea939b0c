"""`ordo`, with three more adapters: paper brokers whose masters are files of a test's.

`MASTER_1` to `MASTER_3` in the environment name the files of `made-up-1` to
`made-up-3`. Run as `python -m tests.support.mastered_ordo serve ...`.
"""

from __future__ import annotations

import csv
import itertools
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import trio

from adapters import BrokerPort, Holding
from adapters.brokers.paper import PaperSettings
from adapters.brokers.paper.adapter import CAPABILITIES as PAPER
from adapters.brokers.paper.build import build
from adapters.catalogue import ADAPTERS, Adapter, Surroundings
from adapters.instruments.index import KEPT
from ordo.cli import main
from tests.support.masters import PARSER, MasteredPaper

CAPABILITIES = msgspec.structs.replace(PAPER, master=True)
NUMBERS = ("1", "2", "3")


class Filed(MasteredPaper):
    """Gives the file that it is told of."""

    def __init__(
        self, settings: PaperSettings, around: Surroundings, file: str
    ) -> None:
        super().__init__(build(settings, around))
        self._file = file
        self._index = around.instruments

    async def download_master(self, directory: Path) -> Sequence[Path]:
        copy = directory / "m.csv"
        await trio.to_thread.run_sync(shutil.copyfile, self._file, copy)
        return [copy]

    async def holdings(self) -> Sequence[Holding]:
        """None; but as many instruments are looked up as an index keeps in memory."""
        for symbol in _symbols(self._file):
            self._index.by_symbol(symbol)
        return []


def _symbols(file: str) -> list[str]:
    with open(file, newline="") as rows:
        return [row[0] for row in itertools.islice(csv.reader(rows), 1, 1 + KEPT)]


def _maker(number: str) -> Callable[[PaperSettings, Surroundings], BrokerPort]:
    def make(settings: PaperSettings, around: Surroundings) -> BrokerPort:
        return Filed(settings, around, os.environ[f"MASTER_{number}"])  # type: ignore[return-value]

    return make


make_1, make_2, make_3 = (_maker(number) for number in NUMBERS)

for _number in NUMBERS:
    ADAPTERS[f"made-up-{_number}"] = Adapter(
        settings="adapters.brokers.paper.settings:PaperSettings",
        factory=f"tests.support.mastered_ordo:make_{_number}",
        capabilities="tests.support.mastered_ordo:CAPABILITIES",
        master=PARSER,
    )

if __name__ == "__main__":
    main()
