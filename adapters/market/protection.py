"""The table of market protection: widths by kind and price, bands, ticks.

It is data, `protection.toml` beside this file, and may be replaced by a file of the
same form: brokers and exchanges change these numbers by notice.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from adapters.errors import ConfigError
from adapters.instruments import InstrumentKind

SHIPPED = Path(__file__).with_name("protection.toml")

OPTIONS = frozenset({InstrumentKind.CE, InstrumentKind.PE})


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; a key that it does not name is an error."""


class Slab(_Table, frozen=True, kw_only=True):
    """A width in percent, for prices (rupees) below or up to a bound, or all others."""

    percent: Decimal
    below: Decimal | None = None
    up_to: Decimal | None = None

    def __post_init__(self) -> None:
        _check_numbers(percent=self.percent, below=self.below, up_to=self.up_to)
        if self.percent >= 100:
            raise ValueError(f"percent must be below 100, was {self.percent}")
        if self.below is not None and self.up_to is not None:
            raise ValueError("a slab has `below` or `up_to`, found both")

    @property
    def bound(self) -> Decimal | None:
        """Where it ends; None: nowhere."""
        return self.up_to if self.below is None else self.below

    def fits(self, price: Decimal) -> bool:
        """Whether the price is one of this slab's, those before it being asked."""
        if self.below is not None:
            return price < self.below
        return self.up_to is None or price <= self.up_to


class Lpp(_Table, frozen=True, kw_only=True):
    """A band for limit prices: percent of the reference, and at least some rupees."""

    percent: Decimal
    least: Decimal

    def __post_init__(self) -> None:
        _check_numbers(percent=self.percent, least=self.least)

    def width(self, reference: Decimal) -> Decimal:
        """Rupees on either side."""
        return max(reference * self.percent / 100, self.least)


class _Bands(_Table, frozen=True, kw_only=True):
    exchanges: frozenset[str] = frozenset()
    indices: frozenset[str] = frozenset()
    index_option: Lpp | None = None
    index_future: Lpp | None = None
    stock_option: Lpp | None = None
    stock_future: Lpp | None = None


class ProtectionTable(_Table, frozen=True, kw_only=True):
    """All of the file."""

    equity: tuple[Slab, ...]
    future: tuple[Slab, ...]
    option: tuple[Slab, ...]
    tick: Mapping[str, Decimal]
    exempt: frozenset[str] = frozenset()
    lpp: _Bands = _Bands()

    def share(self, kind: InstrumentKind, price: Decimal) -> Decimal:
        """How far a protected order may go from *price*, as a share of it."""
        return (
            next(slab.percent for slab in self._slabs(kind) if slab.fits(price)) / 100
        )

    def tick_of(self, exchange: str) -> Decimal:
        """The tick to go by where no master tells."""
        return self.tick.get(exchange) or self.tick["other"]

    def lpp_of(
        self, kind: InstrumentKind, exchange: str, underlying: str | None
    ) -> Lpp | None:
        """The exchange's band for limits of such an instrument; None: none is known."""
        if exchange not in self.lpp.exchanges or underlying is None:
            return None
        of_index = underlying in self.lpp.indices
        if kind in OPTIONS:
            return self.lpp.index_option if of_index else self.lpp.stock_option
        if kind is InstrumentKind.FUT:
            return self.lpp.index_future if of_index else self.lpp.stock_future
        return None

    def _slabs(self, kind: InstrumentKind) -> Sequence[Slab]:
        if kind in OPTIONS:
            return self.option
        return self.future if kind is InstrumentKind.FUT else self.equity


def load_protection(path: str | Path | None = None) -> ProtectionTable:
    """Read a table and check it.

    Args:
        path: None or empty: the one that Ordo comes with.

    Raises:
        ConfigError: it cannot be read, or is none; one line, which names the file.
    """
    file = Path(path).expanduser() if path else SHIPPED
    try:
        text = file.read_text("utf-8")
        # As Decimal from the text: 0.1 must not become the float beside it.
        plain = tomllib.loads(text, parse_float=Decimal)
        table = msgspec.convert(plain, ProtectionTable)
        _check(table)
    except OSError as exc:
        why = exc.strerror or type(exc).__name__
        raise ConfigError(f"wanted a file to read at {file}, found: {why}") from None
    except ValueError as exc:  # not UTF-8, not TOML, or not this table
        said = str(exc).splitlines()[0]
        raise ConfigError(f"wanted a protection table in {file}: {said}") from None
    return table


def _check(table: ProtectionTable) -> None:
    """Refuse a table with a price that no slab fits, or with a slab never reached.

    Raises:
        ValueError: what is wrong.
    """
    _check_numbers(**table.tick)
    if "other" not in table.tick:
        raise ValueError("tick has no `other`, for exchanges that it does not name")
    for name in ("equity", "future", "option"):
        slabs: tuple[Slab, ...] = getattr(table, name)
        if not slabs or slabs[-1].bound is not None:
            raise ValueError(f"the last slab of {name} must be for all other prices")
        bounds = [slab.bound for slab in slabs[:-1] if slab.bound is not None]
        if len(bounds) != len(slabs) - 1 or sorted(set(bounds)) != bounds:
            raise ValueError(
                f"the slabs of {name} must be in order, the cheapest first"
            )


def _check_numbers(**numbers: Decimal | None) -> None:
    for name, value in numbers.items():
        if value is not None and not (value.is_finite() and value > 0):
            raise ValueError(f"{name} must be above 0, was {value}")
