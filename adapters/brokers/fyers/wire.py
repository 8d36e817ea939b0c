"""FYERS's JSON, names untouched; of its answers only what is used.

Money and quantities are `Decimal`, read from the text of the number. Unknown fields are
passed over. A field without a default is one that no row can do without: an answer that
lacks it is unreadable as a whole, for a book with a row left out is not a book.
"""

# Names are the broker's.
# ruff: noqa: N815

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType


class PlaceBody(msgspec.Struct):
    """`POST /api/v3/orders/sync`; `stopLoss` and `takeProfit` 0 mean no overlay."""

    symbol: str
    qty: int
    type: int
    side: int
    productType: str
    limitPrice: Decimal
    stopPrice: Decimal
    disclosedQty: int
    validity: str
    orderTag: str
    offlineOrder: bool = False
    stopLoss: int = 0
    takeProfit: int = 0


class ModifyBody(msgspec.Struct):
    """`PATCH /api/v3/orders/sync`; what is left out keeps its value."""

    id: str
    type: int
    qty: int | UnsetType = UNSET
    limitPrice: Decimal | UnsetType = UNSET
    stopPrice: Decimal | UnsetType = UNSET
    disclosedQty: int | UnsetType = UNSET


class MarginOrder(msgspec.Struct):
    """One order of the margin calculator; nothing is placed."""

    symbol: str
    qty: int
    side: int
    type: int
    productType: str
    limitPrice: Decimal
    stopPrice: Decimal
    stopLoss: int = 0
    takeProfit: int = 0


class MarginBody(msgspec.Struct):
    """`POST /api/v3/multiorder/margin`; the order of the list matters for hedges."""

    data: list[MarginOrder]


class CancelBody(msgspec.Struct):
    """`DELETE /api/v3/orders/sync`."""

    id: str


class Envelope(msgspec.Struct):
    """What every answer begins with. `s` is `ok` (once seen as `OK`) or `error`.

    `id` is text; one official sample shows a number.
    """

    s: str = ""
    code: int | None = None
    message: str | None = None
    id: str | int | None = None


class TokenBody(msgspec.Struct):
    """`POST /api/v3/validate-authcode`."""

    grant_type: str
    appIdHash: str
    code: str


class TokenAnswer(Envelope):
    """Its answer; a `refresh_token` may stand beside, and is good for nothing."""

    access_token: str = ""


class OrderRow(msgspec.Struct):
    """A row of the order book."""

    id: str | int
    symbol: str
    qty: Decimal
    filledQty: Decimal
    status: int
    type: int
    side: int
    productType: str
    limitPrice: Decimal = Decimal(0)
    stopPrice: Decimal = Decimal(0)
    tradedPrice: Decimal = Decimal(0)
    orderValidity: str = ""
    orderDateTime: str | int = ""
    orderTag: str | None = None
    message: str | None = None


class OrderBook(Envelope):
    """`GET /api/v3/orders`; each row is an `OrderRow`, decoded when it is due."""

    orderBook: list[msgspec.Raw] | UnsetType = UNSET


class TradeRow(msgspec.Struct):
    """A row of the trade book; `orderDateTime` is the trade's."""

    orderNumber: str | int
    tradeNumber: str | int
    symbol: str
    side: int
    productType: str
    tradedQty: Decimal
    tradePrice: Decimal
    orderDateTime: str | int = ""
    orderTag: str | None = None


class TradeBook(Envelope):
    """`GET /api/v3/tradebook`; each row is a `TradeRow`, decoded when it is due."""

    tradeBook: list[msgspec.Raw] | UnsetType = UNSET


class PositionRow(msgspec.Struct):
    """A net position of today."""

    symbol: str
    productType: str
    netQty: Decimal
    dayBuyQty: Decimal
    daySellQty: Decimal
    netAvg: Decimal
    realized_profit: Decimal
    unrealized_profit: Decimal
    ltp: Decimal = Decimal(0)


class Positions(Envelope):
    """`GET /api/v3/positions`."""

    netPositions: list[PositionRow] | UnsetType = UNSET


class HoldingRow(msgspec.Struct):
    """A holding; `quantity` is at the start of the day."""

    symbol: str
    holdingType: str
    quantity: Decimal
    costPrice: Decimal
    ltp: Decimal = Decimal(0)
    qty_t1: Decimal = Decimal(0)
    isin: str | None = None


class Holdings(Envelope):
    """`GET /api/v3/holdings`."""

    holdings: list[HoldingRow] | UnsetType = UNSET


class FundRow(msgspec.Struct):
    """One figure of the account, known by its `id`."""

    id: int
    equityAmount: Decimal


class FundLimits(Envelope):
    """`GET /api/v3/funds`."""

    fund_limit: list[FundRow] | UnsetType = UNSET


class QuoteValues(msgspec.Struct):
    """`v` of a quote; a symbol that is not known has no `lp`."""

    lp: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    open_price: Decimal | None = None
    high_price: Decimal | None = None
    low_price: Decimal | None = None
    prev_close_price: Decimal | None = None
    volume: Decimal | None = None


class QuoteRow(msgspec.Struct):
    """One symbol's quote, with a state of its own; `n` is the ticker."""

    n: str
    s: str
    v: msgspec.Raw = msgspec.Raw()


class Quotes(Envelope):
    """`GET /data/quotes`."""

    d: list[QuoteRow] | UnsetType = UNSET


class DepthLevel(msgspec.Struct):
    """One price and what waits there; a level that is not there has price 0."""

    price: Decimal
    volume: Decimal
    ord: int | None = None


class DepthRow(msgspec.Struct):
    """The five best levels of one symbol; plural and singular are the broker's."""

    bids: list[DepthLevel]
    ask: list[DepthLevel]
    ltp: Decimal = Decimal(0)
    lower_ckt: Decimal = Decimal(0)
    upper_ckt: Decimal = Decimal(0)


class Depths(Envelope):
    """`GET /data/depth`, by ticker; it asks for one."""

    d: dict[str, DepthRow] | UnsetType = UNSET


class MarginRow(msgspec.Struct):
    """`margin_total`: for these orders; `margin_new_order`: with what is held too.

    The names read the other way round; the reference describes them so (dossier 10.1).
    """

    margin_total: Decimal
    margin_new_order: Decimal
    margin_avail: Decimal | None = None


class Margins(Envelope):
    """`POST /api/v3/multiorder/margin`."""

    data: MarginRow | UnsetType = UNSET
