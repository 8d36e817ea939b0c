"""What HDFC says of an account and of prices, as the trading model has it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

from adapters.brokers.hdfc.symbols import Symbols
from adapters.brokers.hdfc.translate import product_of, symbol_of
from adapters.brokers.hdfc.wire import HoldingRow, LastPrice, Limits, PositionRow
from adapters.errors import SentUnknown
from adapters.model import ZERO, Funds, Holding, Position, Quote


def position(row: PositionRow, symbols: Symbols) -> Position:
    """A net position; HDFC gives no last price, and so nothing unrealised."""
    average = row.average_buy_price if row.net_qty >= 0 else row.average_sell_price
    return Position(
        symbol=symbol_of(row, symbols),
        product=product_of(row.product),
        quantity=row.net_qty,
        day_quantity=row.t_day_net_qty,
        average_price=average,
        last_price=None,
        realised_pnl=row.realised_pl_overall_position,
        unrealised_pnl=ZERO,
    )


def holding(row: HoldingRow, symbols: Symbols) -> Holding:
    """A holding: by its ISIN, else by its id, else as the company is called."""
    isin, ours = row.isin or "", None
    if isin:
        ours = symbols.of_isin(isin, row.exchange)
    if ours is None and row.security_id:
        ours = symbols.of_id(row.exchange, "EQUITY", row.security_id)
    return Holding(
        symbol=ours or row.security_id or row.company_name,
        quantity=row.quantity,
        t1_quantity=ZERO,
        average_price=row.average_price,
        last_price=row.close_price or None,
        isin=isin or None,
    )


def funds(limits: Limits) -> Funds:
    """The equity ledger, which is the only one.

    Raises:
        SentUnknown: an amount is none.
    """
    ledger = limits.equity
    return Funds(
        available=_rupees(ledger.total_available_limit),
        used=_rupees(ledger.total_utilised_limit),
        cash=_rupees(ledger.totalLimitDetails.ledger_balance),
        total=_rupees(ledger.total_limit),
    )


def quote(row: LastPrice, symbol: str) -> Quote | None:
    """Last price and the close before; there is no more over HTTP.

    None for a row without a price, so that no order is priced by it.
    """
    if row.ltp is None or row.ltp <= 0:
        return None
    return Quote(
        symbol=symbol, last_price=row.ltp, previous_close=row.prev_close or None
    )


def _rupees(raw: msgspec.Raw) -> Decimal:
    """`50210.4`, `"50210.40"` or `"50,210.40"`."""
    text = bytes(raw).decode(errors="replace").strip('"').replace(",", "")
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise SentUnknown(f"funds: wanted an amount, found {text[:20]!r}")
    return amount
