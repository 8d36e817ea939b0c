"""The instruments on the disk: built in a process of its own, searched in a thread.

`DATA/instruments/ADAPTER.sqlite` is the master in force; beside it stands, while a sync
runs, what it downloads.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import trio

from actors.writer import RunSync
from adapters import catalogue
from adapters.instruments import (
    Built,
    Indexes,
    MasterInfo,
    NotBuilt,
    Page,
    Query,
    find,
    search,
)

log = logging.getLogger("ordo.masters")

BUILD_TIMEOUT = 180.0
"""Seconds. 100,000 rows take some four of a free processor."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SQLITE_TMPDIR")
"""What a build gets of our environment; our secrets may stand in the rest."""


class MasterStore:
    """The masters of all adapters that have one; `MasterFiles` to the actors.

    Args:
        directory: where to keep them; made when first needed.
        parsers: what reads a master, `module:name`, by adapter.
        run_sync: how searches leave the loop, one at a time.

    Attributes:
        indexes: for look-ups on the loop.
    """

    def __init__(
        self, directory: Path, parsers: Mapping[str, str], *, run_sync: RunSync
    ) -> None:
        self._directory = directory
        self._parsers = dict(parsers)
        self._run_sync = run_sync
        self.indexes = Indexes(directory, parsers)
        for adapter in parsers:
            self._tell_problem(adapter)

    @property
    def adapters(self) -> tuple[str, ...]:
        """Those that have a master, in the order in which they are believed."""
        return tuple(self._parsers)

    def info(self, adapter: str) -> MasterInfo | None:
        """What is in force."""
        return self.indexes.by_adapter[adapter].info

    async def directory(self, adapter: str) -> Path:
        """An empty directory for a download.

        Raises:
            OSError: there is none to be had.
        """
        directory = self._downloads(adapter)
        await trio.to_thread.run_sync(_emptied, directory)
        return directory

    async def build(
        self,
        adapter: str,
        files: Sequence[Path],
        *,
        synced_at: datetime,
        force: bool,
    ) -> Built | NotBuilt:
        """Put *files* in force, and remove them."""
        options = ["--parser", self._parsers[adapter]]
        options += ["--synced-at", synced_at.isoformat()]
        options += ["--force"] if force else []
        index = self.indexes.by_adapter[adapter]
        try:
            return await _in_process([adapter, index.path, *files], options)
        finally:
            index.reload()  # also where its word did not reach us
            self._tell_problem(adapter)
            # Not waited for when we are stopped: the next download empties it too.
            await trio.to_thread.run_sync(
                _removed, self._downloads(adapter), abandon_on_cancel=True
            )

    async def search(self, query: Query, adapters: Iterable[str]) -> Page:
        """Search these adapters' instruments.

        Raises:
            ValueError: what is wrong with the query's text.
        """
        page: Page = await self._run_sync(search, self._paths(adapters), query)
        return page

    async def find(self, symbol: str, adapters: Iterable[str]) -> Page:
        """The instrument of that very symbol, if one of these adapters has it."""
        page: Page = await self._run_sync(find, self._paths(adapters), symbol)
        return page

    def close(self) -> None:
        """Let go of the files."""
        self.indexes.close()

    def _paths(self, adapters: Iterable[str]) -> dict[str, Path]:
        return {name: self.indexes.by_adapter[name].path for name in adapters}

    def _downloads(self, adapter: str) -> Path:
        return self._directory / f"{adapter}.download"

    def _tell_problem(self, adapter: str) -> None:
        problem = self.indexes.by_adapter[adapter].problem
        if problem is not None:
            log.warning(
                "%s; the next sync makes it anew",
                problem,
                extra={"event": "instruments.unreadable"},
            )


def parsers(adapters: Iterable[str]) -> dict[str, str]:
    """What reads the masters of these *adapters*; those without one are left out."""
    places = {name: catalogue.find(name).master for name in adapters}
    return {name: place for name, place in places.items() if place}


def no_masters() -> MasterStore:
    """A store for a gateway whose adapters have no masters."""
    return MasterStore(Path(), {}, run_sync=trio.to_thread.run_sync)


async def _in_process(
    places: Sequence[str | Path], options: Sequence[str]
) -> Built | NotBuilt:
    """Run a build and read what it says."""
    # -P: its modules are found where ours are, and not where Ordo was started.
    command = [sys.executable, "-P", "-m", "adapters.instruments.build", *options]
    with trio.move_on_after(BUILD_TIMEOUT):
        done = await trio.run_process(
            [*command, "--", *(str(place) for place in places)],
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            env=_environ(),
            # A Ctrl-C is for us; we end it in order. Not by a session of its own: Linux
            # weighs sessions against each other, and its low priority would be lost.
            process_group=0,
        )
        try:
            return msgspec.json.decode(done.stdout, type=Built | NotBuilt)
        except msgspec.DecodeError:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            log.error(  # noqa: TRY400 - its trace
                "a build crashed: %s",
                "\n".join(said),
                extra={"event": "instruments.build_crashed"},
            )
            last = said[-1] if said else "it said nothing"
            words = f"the build ended with status {done.returncode}: {last}"
            return NotBuilt(reason=words)
    return NotBuilt(reason=f"the build took more than {BUILD_TIMEOUT:g} s")


def _environ() -> dict[str, str]:
    """Our way of finding modules, and nothing secret."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    paths = [os.path.abspath(path) for path in sys.path]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)}


def _emptied(directory: Path) -> None:
    _removed(directory)
    directory.mkdir(mode=0o700, parents=True)


def _removed(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
