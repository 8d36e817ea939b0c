"""The m.Stock venue's rows as each type of API shows them (dossier 8, 9)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from .mstock_book import Book, Fill, Held, Order
from .mstock_market import IST
from .mstock_rules import PRODUCTS

# What is sent as MIS has been seen to come back as INTRADAY at Type A too.
SHOWN_A = {"CNC": "CNC", "INTRADAY": "INTRADAY", "MARGIN": "NRML"}
SHOWN_B = {ours: theirs for theirs, ours in PRODUCTS["B"].items()}
TYPES_B = {"MARKET": "MARKET", "LIMIT": "LIMIT", "SL": "SL", "SL-M": "STOPLOSS_MARKET"}


def order_a(order: Order, client: str, tag: Any) -> dict[str, Any]:
    terms, one = order.terms, order.instrument
    return {
        "placed_by": client,
        "order_id": order.id,
        "exchange_order_id": f"13{order.id}",
        "parent_order_id": None,
        "status": order.status,
        "status_message": order.message,
        "status_message_raw": None,
        "order_timestamp": when(order.at, "%d-%m-%Y %H:%M:%S"),
        "exchange_update_timestamp": None,
        "exchange_timestamp": None,
        "variety": None,
        "modified": "false",
        "exchange": one.cash_exchange,
        "tradingsymbol": one.bare,
        "instrument_token": int(one.token),
        "order_type": terms.kind,
        "transaction_type": terms.side,
        "validity": terms.validity,
        "product": SHOWN_A[terms.product],
        "quantity": int(terms.quantity),
        "disclosed_quantity": int(terms.disclosed),
        "price": float(terms.price),
        "trigger_price": float(terms.trigger),
        "average_price": float(order.average),
        "filled_quantity": int(order.filled),
        "pending_quantity": int(order.left) if order.is_open else 0,
        "cancelled_quantity": int(order.left) if order.status == "Cancelled" else 0,
        "market_protection": 0,
        "meta": {},
        "tag": tag,
        "guid": "",
    }


def order_b(order: Order) -> dict[str, Any]:
    terms, one = order.terms, order.instrument
    # The mock has blanks after the colons.
    at = when(order.at, "%Y-%b-%d %H: %M: %S")
    cancelled = order.left if order.status == "Cancelled" else 0
    return {
        "variety": None,
        "ordertype": TYPES_B[terms.kind],
        "producttype": SHOWN_B[terms.product],
        "duration": terms.validity,
        "price": f"{terms.price:.2f}",
        "triggerprice": str(terms.trigger),
        "quantity": str(terms.quantity),
        "disclosedquantity": str(terms.disclosed),
        "squareoff": "0",
        "stoploss": "0",
        "trailingstoploss": "0",
        "tradingsymbol": book_name(order),
        "transactiontype": terms.side,
        "exchange": one.cash_exchange,
        "symboltoken": one.token,
        "instrumenttype": one.book_kind,
        "strikeprice": one.strike or "0",
        "optiontype": one.option,
        "expirydate": when(order.at, "%Y-%b-%d"),
        "lotsize": "0",
        "cancelsize": str(cancelled),
        "averageprice": str(order.average),
        "filledshares": str(order.filled),
        "unfilledshares": str(order.left if order.is_open else 0),
        "orderid": order.id,
        "text": order.message,
        "status": order.status,
        "orderstatus": order.status,
        "updatetime": at,
        "exchtime": "",
        "exchorderupdatetime": at,
        "fillid": "",
        "filltime": "",
        "parentorderid": "",
        "uniqueorderid": "",
        "exchangeorderid": f"13{order.id}",
    }


def book_name(order: Order) -> str:
    """Not the trading symbol: `ACC`, `ACC-28Nov2024-2400-CE`, `ACC-28Nov2024-FUT`."""
    one = order.instrument
    if one.is_share:
        return one.symbol
    if one.kind.startswith("FUT"):
        return f"{one.symbol}-{one.expiry}-FUT"
    return f"{one.symbol}-{one.expiry}-{one.strike}-{one.option}"


def trade(fill: Fill, client: str) -> dict[str, Any]:
    """The same rows in both types."""
    order, one = fill.order, fill.order.instrument
    return {
        "ALGO_ID": "0",
        "BUY_SELL": order.terms.side.capitalize(),
        "CLIENT_ID": client,
        "ENCASH_FLG": "N",
        "EXCHANGE": one.cash_exchange,
        "EXCH_ORDER_NUMBER": f"13{order.id}",
        "EXPIRY_DATE": "0",
        "FULL_SYMBOL": f"{one.symbol} LIMITED",
        "GTC_FLG": "N",
        "INSTRUMENT_NAME": one.book_kind,
        "MKT_PROTECT_FLG": "N",
        "MKT_PROTECT_VAL": 0,
        "MKT_TYPE": "NL",
        "OPT_TYPE": one.option,
        "ORDER_DATE_TIME": when(fill.at, "%d-%m-%Y %H:%M:%S"),
        "ORDER_NUMBER": order.id,
        "ORDER_TYPE": order.terms.kind,
        "PAN_NO": "XXXXX0000X",
        "PARTICIPANT_TYPE": "B",
        "PRICE": float(fill.price),
        "PRODUCT": order.terms.product,
        "QUANTITY": int(fill.quantity),
        "R": 1,
        "REMARKS1": "NA",
        "REMARKS2": "NA",
        "SEC_ID": one.token,
        "SEGMENT": "E" if one.is_share else "D",
        "SETTLOR": "90144",
        "SOURCE_FLG": "API",
        "STRIKE_PRICE": 0,
        "SYMBOL": one.symbol,
        "TRADE_NUMBER": fill.number,
        "TRADE_VALUE": float(fill.price * fill.quantity),
    }


def position_a(held: Held, last: Decimal) -> dict[str, Any]:
    """`pnl` stays 0 while `m2m` moves, as in the sample."""
    one, net = held.instrument, held.net
    average = held.buy_average if net > 0 else held.sell_average if net < 0 else 0
    return {
        "tradingsymbol": one.bare,
        "exchange": one.cash_exchange,
        "instrument_token": int(one.token),
        "product": SHOWN_A[held.product],
        "quantity": int(net),
        "overnight_quantity": 0,
        "multiplier": 1,
        "average_price": float(average),
        "close_price": float(last),
        "last_price": float(last),
        "value": float(abs(net) * average),
        "pnl": 0,
        "m2m": float(net * (last - average)),
        "unrealised": 0,
        "realised": 0,
        "buy_quantity": int(held.bought),
        "buy_price": float(held.buy_average),
        "buy_value": float(held.bought_value),
        "buy_m2m": 0,
        "sell_quantity": int(held.sold),
        "sell_price": float(held.sell_average),
        "sell_value": float(held.sold_value),
        "sell_m2m": 0,
        "day_buy_quantity": int(held.bought),
        "day_buy_price": float(held.buy_average),
        "day_buy_value": float(held.bought_value),
        "day_sell_quantity": int(held.sold),
        "day_sell_price": float(held.sell_average),
        "day_sell_value": float(held.sold_value),
    }


def position_b(held: Held) -> dict[str, str]:
    """No price of the market in it; empty texts where a thing does not apply."""
    one, net = held.instrument, held.net
    empty = "tradingsymbol priceden pricenum genden gennum precision expirydate"
    buy, sell = f"{held.buy_average:.2f}", f"{held.sell_average:.2f}"
    value = held.sold_value - held.bought_value
    return dict.fromkeys(empty.split(), "") | {
        "exchange": one.cash_exchange,
        "symboltoken": one.token,
        "producttype": SHOWN_B[held.product],
        "symbolname": one.symbol,
        "instrumenttype": one.book_kind,
        "multiplier": "1",
        "boardlotsize": str(one.lot),
        "buyqty": str(held.bought),
        "sellqty": str(held.sold),
        "buyamount": buy,
        "sellamount": sell,
        "symbolgroup": "EQ" if one.is_share else "",
        "strikeprice": one.strike or "0",
        "optiontype": one.option,
        "lotsize": str(one.lot),
        "cfbuyqty": "0",
        "cfsellqty": "0",
        "cfbuyamount": "0",
        "cfsellamount": "0",
        "buyavgprice": buy,
        "sellavgprice": sell,
        "avgnetprice": buy if net > 0 else sell,
        "netvalue": f"{value:.2f}",
        "netqty": str(net),
        "totalbuyvalue": f"{held.bought_value:.2f}",
        "totalsellvalue": f"{held.sold_value:.2f}",
        "cfbuyavgprice": "0",
        "cfsellavgprice": "0",
        "totalbuyavgprice": buy,
        "totalsellavgprice": sell,
        "netprice": buy if net > 0 else sell,
    }


def holdings(book: Book, api_type: str) -> list[dict[str, Any]]:
    """Under the company's name, not a symbol, and without an exchange."""
    rows = []
    for key, quantity, cost in book.holdings:
        one, last = book.market.instruments[key], book.market.prices[key].last
        name = f"{one.symbol} LIMITED"
        row: dict[str, Any] = {"tradingsymbol": name, "exchange": None, "isin": ""}
        if api_type == "A":
            row |= {"instrument_token": int(one.token), "product": None}
            row |= {"quantity": quantity, "used_quantity": 0, "t1_quantity": 0}
            row |= {"average_price": float(cost), "last_price": float(last)}
            row |= {"close_price": float(last), "pnl": 0, "discrepancy": False}
        else:
            row |= {"symboltoken": one.token, "product": "DELIVERY"}
            row |= {"quantity": str(quantity), "t1quantity": "0"}
            row |= {"averageprice": cost, "ltp": str(last), "close": str(last)}
        rows.append(row)
    return rows


def funds(book: Book) -> dict[str, Any]:
    """Numbers as text, and null for what is not there, in both types."""
    names = "ADDITIONAL_MARGIN MTM_COMBINED OFS_UTILIZED REALISED_PROFITS RECEIVABLES"
    return dict.fromkeys(names.split()) | {
        "AMOUNT_UTILIZED": str(book.used),
        "AVAILABLE_BALANCE": str(book.free),
        "COLLATERALS": str(book.collateral) if book.collateral else None,
        "LIMIT_SOD": str(book.funds),
        "LIMIT_TYPE": "CAPITAL",
        "MF_COLLATERAL": "0.0",
        "SEG": "A",
        "SUM_OF_ALL": str(book.funds + book.collateral),
    }


def when(at: float, form: str) -> str:
    return datetime.fromtimestamp(at, IST).strftime(form)
