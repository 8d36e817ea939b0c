"""FYERS instruments and prices: the table, quotes, depth (dossier sections 10, 11).

Instruments are the shared test universe in the layout of the public masters, prices
are invented and settable.
"""

import csv
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "fyers"
MASTERS = ("NSE_CM", "NSE_FO", "BSE_CM", "BSE_FO")
IST = timezone(timedelta(hours=5, minutes=30))
UNITS = 10_000  # money is kept in whole ten-thousandths of a rupee
CAPITAL_MARKET = 10  # the segment of shares and indices
INDEX = 10  # the instrument type of an index, which nobody can order


def to_units(rupees: float) -> int:
    """Whole ten-thousandths of a rupee; prices on a tick convert exactly."""
    return round(rupees * UNITS)


def to_rupees(units: int) -> float:
    return units / UNITS


class Instrument(msgspec.Struct, frozen=True):
    """One row of a symbol master; *tick* in ten-thousandths of a rupee."""

    symbol: str
    fy_token: str
    description: str
    kind: int
    lot: int
    tick: int
    isin: str
    exchange: int
    segment: int
    underlying: str

    @property
    def is_equity(self) -> bool:
        return self.segment == CAPITAL_MARKET


class Price(msgspec.Struct):
    """What is known of one symbol's trading, in rupees."""

    last: float
    previous_close: float
    open: float
    high: float
    low: float

    def move(self, last: float) -> None:
        self.last = last
        self.high = max(self.high, last)
        self.low = min(self.low, last)

    @property
    def change(self) -> float:
        return round(self.last - self.previous_close, 4)

    @property
    def percent(self) -> float:
        if not self.previous_close:
            return 0.0
        return round(100 * self.change / self.previous_close, 2)


def load_instruments() -> dict[str, Instrument]:
    """The shared test universe, by symbol ticker."""
    table = {}
    for name in MASTERS:
        with (SAMPLES / f"{name}_head.csv").open(newline="") as rows:
            for row in csv.reader(rows):
                table[row[9]] = Instrument(
                    symbol=row[9],
                    fy_token=row[0],
                    description=row[1],
                    kind=int(row[2]),
                    lot=int(row[3]),
                    tick=to_units(float(row[4])),
                    isin=row[5],
                    exchange=int(row[10]),
                    segment=int(row[11]),
                    underlying=row[13],
                )
    return table


def load_prices() -> dict[str, Price]:
    with (SAMPLES / "prices.csv").open(newline="") as rows:
        table = {}
        for row in csv.DictReader(rows):
            last = float(row["price"])
            table[row["symbol"]] = Price(last, last, last, last, last)
    sbin = table["NSE:SBIN-EQ"]  # the day the dossier's samples tell of
    sbin.previous_close, sbin.open, sbin.high, sbin.low = 811.8, 810.0, 815.0, 808.5
    return table


class Market:
    """Instruments with their present prices."""

    def __init__(self) -> None:
        self.instruments = load_instruments()
        self.prices = load_prices()

    def last(self, symbol: str) -> float:
        return self.prices[symbol].last

    def quote(self, symbol: str, now: float) -> dict[str, Any]:
        """One row of `/data/quotes`; an unknown symbol's row has no prices."""
        instrument = self.instruments.get(symbol)
        if instrument is None:
            return {"n": symbol, "s": "error", "v": {}}
        price = self.prices[symbol]
        bid, ask = self._spread(instrument)
        values = {
            "ch": price.change,
            "chp": price.percent,
            "lp": price.last,
            "spread": round(ask - bid, 4),
            "ask": ask,
            "bid": bid,
            "open_price": price.open,
            "high_price": price.high,
            "low_price": price.low,
            "prev_close_price": price.previous_close,
            "atp": price.last,
            "volume": 1234567,
            "short_name": symbol.partition(":")[2],
            "exchange": symbol.partition(":")[0],
            "description": symbol,
            "original_name": symbol,
            "symbol": symbol,
            "fyToken": instrument.fy_token,
            "tt": str(int(now)),
        }
        return {"n": symbol, "s": "ok", "v": values}

    def depth(self, symbol: str, now: float) -> dict[str, Any]:
        """The object under the symbol in `/data/depth`: five levels each way."""
        instrument, price = self.instruments[symbol], self.prices[symbol]
        bid, ask = self._spread(instrument)
        tick = to_rupees(instrument.tick) or 0.05
        lot = instrument.lot or 1
        levels = range(5)
        return {
            "totalbuyqty": 15 * lot * 100,
            "totalsellqty": 15 * lot * 100,
            "bids": [_level(bid - tick * n, (n + 1) * lot * 100, n) for n in levels],
            "ask": [_level(ask + tick * n, (n + 1) * lot * 100, n) for n in levels],
            "o": price.open,
            "h": price.high,
            "l": price.low,
            "c": price.previous_close,
            "chp": price.percent,
            "tick_Size": tick,
            "ch": price.change,
            "ltq": lot,
            "ltt": int(now),
            "ltp": price.last,
            "v": 1234567,
            "atp": price.last,
            "lower_ckt": _on_tick(price.previous_close * 0.9, tick),
            "upper_ckt": _on_tick(price.previous_close * 1.1, tick),
            "expiry": "",
            "oi": 0,
            "oiflag": False,
            "pdoi": 0,
            "oipercent": 0.0,
        }

    def _spread(self, instrument: Instrument) -> tuple[float, float]:
        last, tick = to_units(self.last(instrument.symbol)), instrument.tick or 500
        return to_rupees(last - tick), to_rupees(last + tick)


def _level(price: float, volume: int, depth: int) -> dict[str, Any]:
    return {"price": round(price, 4), "volume": volume, "ord": depth + 1}


def _on_tick(price: float, tick: float) -> float:
    return round(round(price / tick) * tick, 4)


def sample(name: str) -> dict[str, Any]:
    """The dossier's representative answer *name*, afresh."""
    return msgspec.json.decode((SAMPLES / name).read_bytes(), type=dict[str, Any])
