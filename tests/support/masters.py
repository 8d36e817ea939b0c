"""Made-up masters, and paper brokers that have them."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from adapters import Capabilities
from adapters.brokers.paper import PaperBroker
from adapters.instruments import (
    Built,
    Instrument,
    InstrumentKind,
    NotBuilt,
    future_name,
    option_name,
)
from adapters.instruments.writing import write
from ordo.masters import MasterStore

PARSER = "tests.support.masters:parse"
HEADER = ["symbol", "key", "kind", "lot", "tick", "name", "of", "day", "strike", "isin"]
FIRST = date(2026, 11, 24)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def an_instrument(symbol: str = "NSE:SBIN", **fields: object) -> Instrument:
    """A share, unless told otherwise; its key is made of its symbol."""
    plain: dict[str, object] = {
        "key": f"K-{symbol}",
        "kind": InstrumentKind.EQ,
        "lot_size": Decimal(1),
        "tick_size": Decimal("0.05"),
    }
    return Instrument(symbol=symbol, **(plain | fields))  # type: ignore[arg-type]


def generated(count: int, seed: int = 1) -> Iterator[Instrument]:
    """*count* instruments in about the mix of a broker's: options most of all."""
    rng = random.Random(seed)
    yield an_instrument("NSE_INDEX:NIFTY", kind=InstrumentKind.INDEX)
    names = _names(rng, 8000)
    shares = max(1, min(8000, count // 10))
    for number, name in enumerate(names[:shares]):
        exchange = "NSE" if number % 2 else "BSE"
        yield an_instrument(
            f"{exchange}:{name}",
            name=f"{rng.choice(names)} {rng.choice(names)} LIMITED",
            isin=f"INE{number:09}",
        )
    yield from _derivatives(count - shares - 1, ["NIFTY", "BANKNIFTY", *names[:200]])


def _names(rng: random.Random, count: int) -> list[str]:
    made: dict[str, None] = {}
    while len(made) < count:
        made["".join(rng.choices(LETTERS, k=rng.randint(4, 9)))] = None
    return list(made)


def _derivatives(count: int, underlyings: Sequence[str]) -> Iterator[Instrument]:
    """Futures and a ladder of options, the more of an underlying the further front."""
    made = 0
    lot = {"lot_size": Decimal(75), "freeze_quantity": Decimal(1800)}
    for step in range(1_000_000):
        for rank, underlying in enumerate(underlyings):
            if rank > 1 and step % 20:
                continue  # the two indices have twenty times as many
            expiry = FIRST + timedelta(days=7 * (step % 18))
            strike = Decimal(20000 + 50 * (step // 18))
            of = {"underlying": underlying, "expiry": expiry, **lot}
            for kind in (InstrumentKind.CE, InstrumentKind.PE, InstrumentKind.FUT):
                if made == count:
                    return
                if kind is InstrumentKind.FUT:
                    if step >= 18 or step % 4:
                        continue
                    name, extra = future_name(underlying, expiry), {}
                else:
                    name = option_name(underlying, expiry, strike, kind)
                    extra = {"strike": strike}
                made += 1
                yield an_instrument(f"NFO:{name}", kind=kind, **of, **extra)


def write_master(path: Path, instruments: Iterable[Instrument]) -> Path:
    """A made-up broker's file."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        for one in instruments:
            rows.writerow(
                [
                    one.symbol,
                    one.key,
                    one.kind,
                    one.lot_size,
                    one.tick_size,
                    one.name,
                    one.underlying or "",
                    one.expiry or "",
                    "" if one.strike is None else one.strike,
                    one.isin or "",
                ]
            )
    return path


def parse(paths: Sequence[Path]) -> Iterator[Instrument]:
    """Read made-up files, row by row.

    Raises:
        ValueError: a file is not whole, or is none of ours.
    """
    for path in paths:
        with path.open(newline="") as file:
            rows = csv.reader(file)
            if next(rows, None) != HEADER:
                raise ValueError(f"{path.name}: wanted the header, found none")
            for row in rows:
                if len(row) != len(HEADER):
                    where = f"{path.name}, line {rows.line_num}"
                    raise ValueError(f"{where}: wanted 10 columns, found {len(row)}")
                yield _instrument(row)


def _instrument(row: list[str]) -> Instrument:
    symbol, key, kind, lot, tick, name, of, day, strike, isin = row
    return Instrument(
        symbol=symbol,
        key=key,
        kind=InstrumentKind(kind),
        lot_size=Decimal(lot),
        tick_size=Decimal(tick),
        name=name,
        underlying=of or None,
        expiry=date.fromisoformat(day) if day else None,
        strike=Decimal(strike) if strike else None,
        isin=isin or None,
    )


def crash(paths: Sequence[Path]) -> Iterator[Instrument]:
    """A parser with a bug."""
    raise RuntimeError("a bug")


def stuck(paths: Sequence[Path]) -> Iterator[Instrument]:
    """A parser that never ends."""
    while True:
        yield an_instrument()


class MasteredPaper:
    """A paper broker with a master.

    Attributes:
        instruments: what the next download brings.
        error: what the next downloads raise instead.
    """

    def __init__(self, inside: PaperBroker) -> None:
        self._inside = inside
        self.instruments: Iterable[Instrument] = ()
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)

    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(self._inside.capabilities, master=True)

    async def download_master(self, directory: Path) -> Sequence[Path]:
        if self.error is not None:
            raise self.error
        return [write_master(directory / "m.csv", self.instruments)]


class InlineStore(MasterStore):
    """Builds in the loop: virtual time would outrun a process."""

    async def directory(self, adapter: str) -> Path:
        directory = self._downloads(adapter)
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    async def build(
        self,
        adapter: str,
        files: Sequence[Path],
        *,
        synced_at: datetime,
        force: bool,
    ) -> Built | NotBuilt:
        index = self.indexes.by_adapter[adapter]
        try:
            return write(
                index.path,
                parse(files),
                adapter=adapter,
                synced_at=synced_at,
                force=force,
            )
        except ValueError as error:
            return NotBuilt(reason=str(error))
        finally:
            index.reload()
