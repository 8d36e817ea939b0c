"""m.Stock's instrument files to instruments, a row at a time.

Neither file has indices, which the documentation lists by number, nor bands, ISINs and
freeze quantities. Source: dossier 11.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from adapters.brokers.mstock.dialect import API_TYPE, TRADINGSYMBOL
from adapters.brokers.mstock.files import (
    CARRIED,
    CASH,
    EQ,
    Terms,
    number,
    type_a,
    type_b,
)
from adapters.instruments import Instrument, InstrumentKind, future_name, option_name

TICK = Decimal("0.05")
"""Where the file names none, as for all shares on NSE in Type A's. It is what another
program takes; the exchange's own is 0.01 for cheap shares and more for dear ones."""

INDICES = {
    "NSE_INDEX:NIFTY": 26000,
    "NSE_INDEX:BANKNIFTY": 26009,
    "NSE_INDEX:FINNIFTY": 26037,
    "NSE_INDEX:MIDCPNIFTY": 26074,
    "NSE_INDEX:NIFTYNXT50": 26013,
    "NSE_INDEX:INDIAVIX": 26017,
    "NSE_INDEX:NIFTYIT": 26008,
    "NSE_INDEX:NIFTY100": 26012,
    "NSE_INDEX:NIFTY500": 26004,
    "BSE_INDEX:SENSEX": 51,
    "BSE_INDEX:BANKEX": 69,
    "BSE_INDEX:SNSX50": 83,
    "BSE_INDEX:BSE100": 65,
    "BSE_INDEX:BSE500": 67,
}
"""Numbers by symbol. Source: dossier 11, from the documentation's annexure."""

OPTIONS = {"CE": InstrumentKind.CE, "PE": InstrumentKind.PE}


def parse(paths: Sequence[Path]) -> Iterator[Instrument]:
    """The instruments of the files, and the indices; of two with one symbol or one key
    the first.

    Raises:
        ValueError: a file is no master, or not all of one; the text names it.
    """
    seen: set[str] = set()
    for path in paths:
        empty = True
        for terms in type_b(path) if path.suffix == ".json" else type_a(path):
            made = _made(terms)
            if made is None:
                continue
            empty = False
            if not seen & {made.symbol, f"key {made.key}"}:
                seen |= {made.symbol, f"key {made.key}"}
                yield made
        if empty:
            raise ValueError(f"{path.name}: wanted instruments, found none")
    yield from _indices()


def _indices() -> Iterator[Instrument]:
    for symbol, listed in INDICES.items():
        exchange, _, name = symbol.partition(":")
        yield Instrument(
            symbol=symbol,
            key=f"{exchange}:{listed}",
            kind=InstrumentKind.INDEX,
            lot_size=Decimal(1),
            tick_size=TICK,
            name=name,
            tradable=False,
        )


def _made(terms: Terms) -> Instrument | None:
    """None for a row of no use: another market, nothing to name it by, no lot."""
    kind = _kind(terms)
    lot = number(terms.lot) or (Decimal(1) if kind is InstrumentKind.EQ else None)
    if kind is None or lot is None or not terms.token or not terms.tradingsymbol:
        return None
    strike = number(terms.strike) if kind in OPTIONS.values() else None
    symbol = _symbol(terms, kind, strike)
    if symbol is None:
        return None
    return Instrument(
        symbol=symbol,
        key=f"{terms.exchange}:{terms.token}",
        kind=kind,
        lot_size=lot,
        tick_size=number(terms.tick) or TICK,
        name=terms.name or terms.underlying,
        underlying=terms.underlying or None,
        expiry=terms.expiry,
        strike=strike,
        tradable=_is_named(terms, kind),
        extra={API_TYPE: terms.api_type, TRADINGSYMBOL: terms.tradingsymbol},
    )


def _kind(terms: Terms) -> InstrumentKind | None:
    if terms.exchange in CASH:
        return InstrumentKind.EQ if terms.kind == EQ else None
    if terms.exchange in CARRIED:
        return InstrumentKind.FUT if terms.kind == "FUT" else OPTIONS.get(terms.kind)
    return None


def _symbol(terms: Terms, kind: InstrumentKind, strike: Decimal | None) -> str | None:
    name = terms.tradingsymbol
    if terms.exchange == "NSE":  # a series is a market of its own there
        bare = name.removesuffix(f"-{terms.series}")
        return f"NSE:{bare}" if terms.series == EQ else f"NSE:{bare}-{terms.series}"
    if kind is InstrumentKind.EQ:
        return f"{terms.exchange}:{name}"
    if terms.expiry is None or not terms.underlying:
        return None
    if kind is InstrumentKind.FUT:
        return f"{terms.exchange}:{future_name(terms.underlying, terms.expiry)}"
    if strike is None:
        return None
    named = option_name(terms.underlying, terms.expiry, strike, kind)
    return f"{terms.exchange}:{named}"


def _is_named(terms: Terms, kind: InstrumentKind) -> bool:
    """Whether the trading symbol can mean this row alone.

    Type A names shares without their series: `GOLDSTAR` is three of them.
    """
    if kind is not InstrumentKind.EQ or terms.exchange != "NSE":
        return True
    return terms.series == EQ or terms.tradingsymbol.endswith(f"-{terms.series}")
