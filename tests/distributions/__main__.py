"""`make dist`: both distributions into dist/, installed and tried first."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from ordo.version import __version__
from tests.distributions.building import (
    Built,
    built,
    client,
    contents,
    gateway,
    wheel_of,
)
from tests.distributions.claims import unlike, unready
from tests.distributions.trying import Environment, client_lock, trade, version
from tests.support.processes import ROOT


def main() -> int:
    """Build, try, and only then put the four files where they are asked for."""
    options = _options()
    wrong = unready(options.tag) if options.tag else unlike()
    if wrong:
        print(*(f"dist: {line}" for line in wrong), sep="\n", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="ordo-dist-") as directory:
        work = Path(directory)
        both = [_build(make(work), work) for make in (gateway, client)]
        _try(work, *both)
        options.out.mkdir(exist_ok=True)
        for file in (file for one in both for file in one):
            shutil.copy2(file, options.out)
            print(f"dist: {options.out / file.name}")
    return 0


def _build(source: Path, work: Path) -> Built:
    straight = contents(wheel_of(source, work / "straight"))
    made = built(source, work / "out")
    if contents(made.wheel) != straight:
        raise SystemExit(f"dist: {made.sdist.name} does not give the wheel of the tree")
    print(f"dist: {made.wheel.name}: {len(straight)} files, as its sdist gives them")
    return made


def _try(work: Path, server: Built, sdk: Built) -> None:
    print("dist: fetching what both need into environments of their own")
    here, there = work / "server", work / "program"
    for place in (here, there):
        place.mkdir()
    running, calling = Environment(here), Environment(there)
    running.install(ROOT / "requirements.lock", server.wheel)
    calling.install(client_lock(work), sdk.wheel)
    found = version(running)
    if found != __version__:
        raise SystemExit(f"dist: wanted ordo --version {__version__}, found {found}")
    said = trade(running, calling).split()
    if said != [__version__, "True", "acked", "acked"]:
        raise SystemExit(f"dist: the order by ordo-client ended as {' '.join(said)}")
    print("dist: an order by the one wheel at the other: acked twice, and replayed")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--tag", help="the release it has to be, such as v0.1.0")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
