"""The rows of the HDFC venue's books, in the words that its answers use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from .hdfc_orders import SIDES, WORDS, Order

IST = timezone(timedelta(hours=5, minutes=30))


def order_row(order: Order) -> dict[str, Any]:
    body, row = order.body, order.row
    return {
        "client_id": "1234567",
        "order_id": order.order_id,
        "exchange_order_id": "1100000018273645",
        "status": order.status,
        "status_message": order.words,
        "status_message_raw": "",
        "order_timestamp": when(order.at, "%d/%m/%Y %H:%M:%S"),
        "exchange": body.exchange,
        "tradingsymbol": body.security_id,
        "security_id": body.security_id,
        **_terms(row, "%d %b %Y"),
        "instrument_segment": body.instrument_segment,
        "transaction_type": SIDES[body.transaction_type.upper()],
        "validity": body.validity,
        "product": body.product,
        "order_type": body.order_type,
        "quantity": body.quantity,
        "disclosed_quantity": body.disclosed_quantity,
        "price": float(body.price),
        "trigger_price": float(body.trigger_price),
        "filled_quantity": order.filled,
        "pending_quantity": order.left if order.open else 0,
        "cancelled_quantity": order.cancelled,
        "average_price": 0.0,
        "total_traded_value": float(order.value),
        "order_slot": "Online",
        "external_reference_number": order.reference,
    }


def trade_row(
    order: Order, number: int, quantity: int, price: Decimal, at: float
) -> dict[str, Any]:
    body, row = order.body, order.row
    terms = _terms(row, "%d %b %Y")
    return {
        "client_id": "1234567",
        "trade_id": str(318442907 + number),
        "order_id": order.order_id,
        "exchange": body.exchange,
        "product": body.product,
        "average_price": float(price),
        "filled_quantity": quantity,
        "pending_quantity": order.left,
        "transaction_type": body.transaction_type.upper(),
        "fill_timestamp": when(at, "%d/%m/%Y %H:%M:%S"),
        "security_id": terms["underlying_symbol"] or body.security_id,
        **terms,
        "instrument_segment": body.instrument_segment,
        "status": "Traded",
        "validity": body.validity,
        "order_type": body.order_type,
    }


def position_row(
    row: dict[str, str],
    product: str,
    bought: Decimal,
    paid: Decimal,
    sold: Decimal,
    got: Decimal,
) -> dict[str, Any]:
    matched = min(bought, sold)
    buy = paid / bought if bought else Decimal(0)
    sell = got / sold if sold else Decimal(0)
    return {
        "client_id": "1234567",
        "security_id": row["security_id"],
        "instrument_segment": row["instrument_segment"],
        **_terms(row, "%d-%b-%y"),
        "product": product,
        "exchange": row["exchange"],
        "total_buy_quantity": int(bought),
        "total_sell_qty": int(sold),
        "net_qty": int(bought - sold),
        "average_buy_price": float(buy),
        "average_sell_price": float(sell),
        "t_day_net_qty": int(bought - sold),
        "realised_pl_overall_position": float(matched * (sell - buy)),
    }


def _terms(row: dict[str, str], form: str) -> dict[str, Any]:
    """How answers tell of a contract: names and words, not what was sent."""
    contract = bool(row["expiry_date"])
    day = datetime.fromisoformat(row["expiry_date"]) if contract else None
    return {
        "company_name": row["symbol_name"],
        "underlying_symbol": row["symbol_name"] if contract else "",
        "expiry_date": day.strftime(form).upper() if day else "",
        "strike_price": float(row["strike_price"] or 0) if contract else 0.0,
        "option_type": WORDS.get(row["option_type"], ""),
    }


def when(at: float, form: str) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(IST).strftime(form)
