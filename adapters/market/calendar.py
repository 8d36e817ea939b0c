"""The trading calendar: on which days an exchange trades.

It is data, `calendar.toml` beside this file, and may be replaced by a file of the same
form: exchanges publish their holidays year by year, and change them by notice.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import msgspec

from adapters.errors import ConfigError

log = logging.getLogger("ordo.market")

SHIPPED = Path(__file__).with_name("calendar.toml")
SATURDAY = 5
A_DAY = timedelta(days=1)


class CalendarTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The days of exchanges that keep the same ones."""

    exchanges: tuple[str, ...]
    holidays: frozenset[date]
    also_open: frozenset[date] = frozenset()


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    calendar: tuple[CalendarTable, ...]


class Calendar:
    """Knows the trading days of each exchange.

    Args:
        tables: no exchange in two of them. One that is in none trades on weekdays.
    """

    def __init__(self, tables: Iterable[CalendarTable]) -> None:
        self._tables = {name: table for table in tables for name in table.exchanges}
        self._years = {
            name: {day.year for day in table.holidays}
            for name, table in self._tables.items()
        }
        self._told: set[tuple[tuple[str, ...], int]] = set()

    def is_trading_day(self, day: date, exchange: str) -> bool:
        """Whether *exchange* (the symbol's, such as NSE) trades on *day*.

        A year without data counts weekdays; the log says so once.
        """
        table = self._tables.get(exchange)
        if table is None:
            return day.weekday() < SATURDAY
        if day in table.also_open:
            return True
        if day.year not in self._years[exchange]:
            self._tell(table, day.year)
        return day.weekday() < SATURDAY and day not in table.holidays

    def next_trading_day(self, day: date, exchange: str) -> date:
        """The first trading day of *exchange* after *day*."""
        following = day + A_DAY
        while not self.is_trading_day(following, exchange):
            following += A_DAY
        return following

    def _tell(self, table: CalendarTable, year: int) -> None:
        if (table.exchanges, year) in self._told:
            return
        self._told.add((table.exchanges, year))
        log.warning(
            "the calendar has no holidays of %s for %d: every weekday counts as a"
            " trading day; name a newer one in [market] calendar_file",
            ", ".join(table.exchanges),
            year,
            extra={"event": "calendar.without_data"},
        )


def load_calendar(path: str | Path | None = None) -> Calendar:
    """Read a calendar and check it.

    Args:
        path: None or empty: the one that Ordo comes with.

    Raises:
        ConfigError: it cannot be read, or is none; one line, which names the file.
    """
    file = Path(path).expanduser() if path else SHIPPED
    try:
        plain = tomllib.loads(file.read_text("utf-8"))
        tables = msgspec.convert(plain, _File).calendar
        _check(tables)
    except OSError as exc:
        why = exc.strerror or type(exc).__name__
        raise ConfigError(f"wanted a file to read at {file}, found: {why}") from None
    except ValueError as exc:  # not UTF-8, not TOML, or not this file
        said = str(exc).splitlines()[0]
        raise ConfigError(f"wanted a trading calendar in {file}: {said}") from None
    return Calendar(tables)


def _check(tables: Iterable[CalendarTable]) -> None:
    """Refuse what would be read as something else than was meant.

    Raises:
        ValueError: what is wrong.
    """
    seen: set[str] = set()
    for table in tables:
        if not table.exchanges:
            raise ValueError("a table names no exchange")
        for name in table.exchanges:
            if name in seen:
                raise ValueError(f"{name} is named twice")
            seen.add(name)
