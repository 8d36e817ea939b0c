"""Market protection: what an order without a price limit goes out as.

A pure machine. Pure market orders of programs are refused or fined since April 2026
(regulation.md, sections 3 and 4), so MARKET leaves as a limit at a protected price, and
SL-M as a stop-limit. All sums are exact decimals.
"""

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import Enum, auto
from typing import Literal, NamedTuple

import msgspec

from adapters import ZERO, Capabilities, Order, OrderType, Quote, SentAs, Side
from adapters.instruments import Instrument, InstrumentKind
from adapters.market import ProtectionTable

Policy = Literal["protected", "native", "reject"]

DERIVATIVES = frozenset({"NFO", "BFO", "CDS", "BCD", "MCX"})
NAME = re.compile(r"(?P<underlying>.+?)\d{2}[A-Z]{3}\d{2}(?:FUT|[\d.]+(?:CE|PE))")
"""Of a derivative. Source: api.md, "Accounts and market data"."""


PROTECTED_TYPES = {OrderType.MARKET: OrderType.LIMIT, OrderType.SL_M: OrderType.SL}
"""What a protected order goes out as."""


class Way(Enum):
    """How an order leaves."""

    AS_IT_IS = auto()
    PROTECTED = auto()
    REFUSED = auto()


class Terms(NamedTuple):
    """What an instrument's protected prices must keep to; rupees.

    `lower`, `upper`: of the day; None where they are not known.
    """

    kind: InstrumentKind
    exchange: str
    underlying: str | None
    tick: Decimal
    lower: Decimal | None = None
    upper: Decimal | None = None


def way(order: Order, policy: Policy, can: Capabilities, table: ProtectionTable) -> Way:
    """How *order* leaves, by the broker's policy and by what the broker itself does."""
    if order.type.has_price or order.symbol.partition(":")[0] in table.exempt:
        return Way.AS_IT_IS
    if policy == "reject":
        return Way.REFUSED
    if policy == "native" or can.protects_market:
        return Way.AS_IT_IS
    return Way.PROTECTED


def terms(
    symbol: str, instrument: Instrument | None, table: ProtectionTable, *, bands: bool
) -> Terms:
    """The terms of an instrument; without one, those that its symbol tells.

    Args:
        bands: whether the instrument's bands are of today.
    """
    exchange, _, name = symbol.partition(":")
    if instrument is None:
        kind, underlying = _by_name(exchange, name)
        return Terms(kind, exchange, underlying, table.tick_of(exchange))
    return Terms(
        instrument.kind,
        exchange,
        instrument.underlying,
        # A row without a tick must not divide by nothing.
        max(instrument.tick_size, ZERO) or table.tick_of(exchange),
        instrument.lower_band if bands else None,
        instrument.upper_band if bands else None,
    )


def reference(quote: Quote, side: Side) -> Decimal | None:
    """The price that a market order would meet: the best one opposite, else the last.

    None where there is neither.
    """
    best = quote.ask if side is Side.BUY else quote.bid
    for price in (best, quote.last_price):
        if price is not None and price > 0:
            return price
    return None


def protect_market(
    side: Side, at: Decimal, last: Decimal, terms: Terms, table: ProtectionTable
) -> SentAs:
    """MARKET as a limit, the slab's width beyond the reference *at*.

    Args:
        last: the last price, which the exchange's own band lies around.
    """
    price = _beyond(side, at, terms, table)
    price = _clamped(side, price, last, terms, table)
    return SentAs(type=OrderType.LIMIT, price=price, trigger_price=None)


def protect_stop(
    side: Side, trigger: Decimal, terms: Terms, table: ProtectionTable
) -> SentAs:
    """SL-M as a stop-limit: the limit the slab's width, and a tick, beyond *trigger*.

    Where a band ends nearer than a tick, the limit stays inside the band.
    """
    a_tick = trigger + side.sign * terms.tick
    price = _beyond(side, trigger, terms, table)
    price = max(price, a_tick) if side is Side.BUY else min(price, a_tick)
    price = _clamped(side, price, trigger, terms, table)
    return SentAs(type=OrderType.SL, price=price, trigger_price=trigger)


def outgoing(order: Order, sent_as: SentAs | None) -> Order:
    """What is sent for *order*: itself, or what market protection made of it."""
    if sent_as is None:
        return order
    return msgspec.structs.replace(
        order,
        type=sent_as.type,
        price=sent_as.price,
        trigger_price=sent_as.trigger_price,
    )


def _beyond(side: Side, at: Decimal, terms: Terms, table: ProtectionTable) -> Decimal:
    return at * (1 + side.sign * table.share(terms.kind, at))


def _clamped(
    side: Side, price: Decimal, last: Decimal, terms: Terms, table: ProtectionTable
) -> Decimal:
    """On the tick, a buy's upwards; inside the day's band and the exchange's own.

    A tick is kept from the exchange's band: its reference has moved when we arrive.
    """
    tick = terms.tick
    lpp = table.lpp_of(terms.kind, terms.exchange, terms.underlying)
    if side is Side.BUY:
        bounds = [_up(price, tick)]
        if terms.upper is not None:
            bounds.append(_down(terms.upper, tick))
        if lpp is not None:
            bounds.append(_down(last + lpp.width(last), tick) - tick)
        return max(min(bounds), tick)
    bounds = [_down(price, tick)]
    if terms.lower is not None:
        bounds.append(_up(terms.lower, tick))
    if lpp is not None:
        bounds.append(_up(last - lpp.width(last), tick) + tick)
    return max(*bounds, tick)


def _up(price: Decimal, tick: Decimal) -> Decimal:
    return (price / tick).to_integral_value(ROUND_CEILING) * tick


def _down(price: Decimal, tick: Decimal) -> Decimal:
    return (price / tick).to_integral_value(ROUND_FLOOR) * tick


def _by_name(exchange: str, name: str) -> tuple[InstrumentKind, str | None]:
    """What a symbol says of itself."""
    parts = NAME.fullmatch(name)
    if exchange not in DERIVATIVES or parts is None:
        return InstrumentKind.EQ, None
    ends = {"CE": InstrumentKind.CE, "PE": InstrumentKind.PE}
    return ends.get(name[-2:], InstrumentKind.FUT), parts["underlying"]
