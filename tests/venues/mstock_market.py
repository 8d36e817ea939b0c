"""m.Stock instruments and prices, and the two instrument files made of them.

Instruments are the shared test universe in the layout of Type B's file (dossier 11);
prices are invented and settable.
"""

import csv
import io
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "mstock"
IST = timezone(timedelta(hours=5, minutes=30))
HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,"
    "tick_size,lot_size,instrument_type,segment,exchange"
)
CASH = {"NSE": "NSE", "BSE": "BSE", "NFO": "NSE", "BFO": "BSE"}
INDICES = {("NSE", "26000"): "25900.5", ("BSE", "51"): "84500"}


class Instrument(msgspec.Struct, frozen=True):
    """One row of the universe; *name* is Type B's trading symbol."""

    exchange: str
    token: str
    symbol: str
    name: str
    kind: str
    expiry: str
    strike: str
    lot: int
    tick: Decimal

    @property
    def is_share(self) -> bool:
        return self.kind == "EQ"

    @property
    def bare(self) -> str:
        """Type A's trading symbol: shares on NSE go without their series."""
        return self.name.removesuffix("-EQ") if self.is_share else self.name

    @property
    def cash_exchange(self) -> str:
        """The exchange as books of Type B name it, also for derivatives."""
        return CASH[self.exchange]

    @property
    def book_kind(self) -> str:
        return "EQUITY" if self.is_share else self.kind

    @property
    def option(self) -> str:
        return self.name[-2:] if self.kind.startswith("OPT") else "XX"


class Price(msgspec.Struct):
    """What is known of one instrument's trading, in rupees."""

    last: Decimal
    close: Decimal
    open: Decimal
    high: Decimal
    low: Decimal

    def move(self, last: Decimal) -> None:
        self.last = last
        self.high, self.low = max(self.high, last), min(self.low, last)


class Market:
    """Instruments with their present prices, by exchange and number."""

    def __init__(self) -> None:
        rows = sample("typeb_instrument_master_head.json")
        found = [_instrument(row) for row in rows]
        self.instruments = {(one.exchange, one.token): one for one in found}
        with (SAMPLES / "prices.csv").open(newline="") as lines:
            listed = {row["key"]: row["price"] for row in csv.DictReader(lines)}
        prices = {tuple(key.split(":")): text for key, text in listed.items()}
        self.prices = {
            key: Price(*[Decimal(text)] * 5) for key, text in (prices | INDICES).items()
        }

    def named(self, exchange: str, name: str, api_type: str) -> Instrument | None:
        """The instrument that an order of that type of API names so."""
        for one in self.instruments.values():
            known = one.bare if api_type == "A" else one.name
            if (one.exchange, known) == (exchange, name):
                return one
        return None

    def last(self, instrument: Instrument) -> Decimal:
        return self.prices[instrument.exchange, instrument.token].last

    def quoted(self, text: str) -> tuple[str, str] | None:
        """The key of `NSE:ACC` or `NSE:26000`."""
        exchange, _, name = text.partition(":")
        one = self.named(exchange, name, "A")
        if one is not None:
            return one.exchange, one.token
        return (exchange, name) if (exchange, name) in self.prices else None

    # The instrument files

    def csv(self) -> bytes:
        """Type A's: no tick for shares on NSE, no name for derivatives."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(HEADER.split(","))
        writer.writerows(self._line(one) for one in self.instruments.values())
        return out.getvalue().encode() + b'""\n'

    def json(self) -> list[dict[str, str]]:
        """Type B's."""
        return sample("typeb_instrument_master_head.json")  # type: ignore[no-any-return]

    def _line(self, one: Instrument) -> Iterable[Any]:
        expiry = _day(one.expiry).isoformat() if one.expiry else ""
        tick: Any = "" if one.exchange == "NSE" else one.tick
        kind, segment = {"NSE": ("EQ", "EQ"), "BSE": ("Equity", "A")}.get(
            one.exchange, (one.option, one.kind)
        )
        name = one.symbol if one.is_share else ""
        last = "" if one.is_share else self.last(one)
        strike = "" if one.is_share else one.strike
        head = (one.token, one.token, one.bare, name, last, expiry, strike)
        return (*head, tick, one.lot, kind, segment, one.exchange)


def _instrument(row: dict[str, str]) -> Instrument:
    return Instrument(
        exchange=row["exch_seg"],
        token=row["token"],
        symbol=row["symbol"],
        name=row["name"],
        kind=row["instrumenttype"],
        expiry=row["expiry"],
        strike=row["strike"],
        lot=int(row["lotsize"]),
        tick=Decimal(row["tick_size"] or "0.05"),
    )


def _day(text: str) -> Any:
    return datetime.strptime(text, "%d%b%Y").replace(tzinfo=IST).date()


def sample(name: str) -> Any:
    """The sample *name*, afresh."""
    return msgspec.json.decode((SAMPLES / name).read_bytes())
