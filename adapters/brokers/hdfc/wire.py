"""HDFC's JSON, names untouched; of its answers only what is used.

Money and quantities are `Decimal`, read from the text of the number. A field without a
default is one that no row can do without: an answer that lacks it is unreadable as a
whole, for a book with a row left out is not a book.
"""

# Names are the broker's.
# ruff: noqa: N815

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

ZERO = Decimal(0)


class OrderBody(msgspec.Struct, omit_defaults=True):
    """`POST /orders/regular`. The last four are of derivatives. Source: dossier 7.1."""

    exchange: str
    security_id: str
    instrument_segment: str
    transaction_type: str
    product: str
    order_type: str
    price: Decimal
    trigger_price: Decimal
    quantity: int
    disclosed_quantity: int
    validity: str
    amo: bool
    external_reference_number: int
    underlying_symbol: str | UnsetType = UNSET
    expiry_date: str | UnsetType = UNSET
    strike_price: Decimal | UnsetType = UNSET
    option_type: str | UnsetType = UNSET


class ChangeBody(msgspec.Struct):
    """`PUT /orders/regular/ID`: all that peers send. Source: dossier 7.2."""

    quantity: int
    order_type: str
    price: Decimal
    trigger_price: Decimal
    disclosed_quantity: int
    validity: str
    product: str
    amo: bool = False


class Made(msgspec.Struct):
    """What a success of an order holds."""

    order_id: str | int | None = None


class OrderRow(msgspec.Struct):
    """A row of the order book. Source: dossier 9.1."""

    order_id: str | int
    status: str
    exchange: str
    security_id: str
    instrument_segment: str
    transaction_type: str
    product: str
    order_type: str
    quantity: Decimal
    filled_quantity: Decimal
    pending_quantity: Decimal
    cancelled_quantity: Decimal = ZERO
    price: Decimal = ZERO
    trigger_price: Decimal = ZERO
    average_price: Decimal = ZERO
    total_traded_value: Decimal = ZERO
    validity: str | None = None
    status_message: str | None = None
    status_message_raw: str | None = None
    order_timestamp: str | None = None
    underlying_symbol: str | None = None
    expiry_date: str | None = None
    strike_price: Decimal = ZERO
    option_type: str | None = None
    external_reference_number: str | int | None = None
    external_reference_rumber: str | int | None = None


class TradeRow(msgspec.Struct):
    """A row of the trade book; `security_id` of a derivative is its underlying's name.

    Source: dossier 9.3.
    """

    trade_id: str | int
    order_id: str | int
    exchange: str
    product: str
    transaction_type: str
    average_price: Decimal
    filled_quantity: Decimal
    security_id: str
    instrument_segment: str
    fill_timestamp: str | None = None
    underlying_symbol: str | None = None
    expiry_date: str | None = None
    strike_price: Decimal = ZERO
    option_type: str | None = None


class PositionRow(msgspec.Struct):
    """A row of `data.net`. Source: dossier 10.1."""

    security_id: str
    instrument_segment: str
    exchange: str
    product: str
    net_qty: Decimal
    underlying_symbol: str | None = None
    expiry_date: str | None = None
    option_type: str | None = None
    strike_price: Decimal = ZERO
    average_buy_price: Decimal = ZERO
    average_sell_price: Decimal = ZERO
    t_day_net_qty: Decimal = ZERO
    realised_pl_overall_position: Decimal = ZERO


class Net(msgspec.Struct):
    """What `cumulative-positions` holds."""

    net: list[PositionRow]


class HoldingRow(msgspec.Struct):
    """A row of the holdings; `security_id` is often empty. Source: dossier 10.2."""

    exchange: str
    company_name: str
    quantity: Decimal
    average_price: Decimal
    security_id: str | None = None
    isin: str | None = None
    close_price: Decimal | None = None


class CashLimits(msgspec.Struct):
    """Where the ledger stands."""

    ledger_balance: msgspec.Raw


class EquityLimits(msgspec.Struct):
    """The only ledger there is; an amount may be text with commas (dossier 10.3)."""

    total_available_limit: msgspec.Raw
    total_utilised_limit: msgspec.Raw
    total_limit: msgspec.Raw
    totalLimitDetails: CashLimits


class Limits(msgspec.Struct):
    """What `user/margins` holds."""

    equity: EquityLimits


class LastPrice(msgspec.Struct):
    """A row of `fetch-ltp`. Source: dossier 11."""

    exchange: str
    token: str | int
    ltp: Decimal | None = None
    prev_close: Decimal | None = None


class Meta(msgspec.Struct):
    """How `fetch-ltp` says that all went well, or not."""

    statusCode: str | None = None
    statusMsg: str | None = None
    displayMessage: str | None = None


class Prices(msgspec.Struct):
    """The answer of `fetch-ltp`, which has no `status`."""

    data: list[LastPrice] | UnsetType = UNSET
    meta: Meta | None = None


class Item(msgspec.Struct):
    """What is wrong with one field; whatever else it bears may be what was sent."""

    msg: str
    loc: list[str | int] = []


class Said(msgspec.Struct):
    """All places where an answer may say yes or no; a page server's own `status` is
    HTTP's. Source: dossier 5."""

    status: str | int | None = None
    message: str | None = None
    error: str | None = None
    reason: str | None = None
    displayMessage: str | None = None
    statusMsg: str | None = None
    error_code: str | int | None = None
    detail: msgspec.Raw | UnsetType = UNSET
    meta: Meta | None = None


class TokenId(msgspec.Struct):
    """Step 1 of a log-in."""

    tokenId: str


class Question(msgspec.Struct):
    """What step 2 asks for."""

    question: str


class TwoFa(msgspec.Struct):
    """The questions of step 2."""

    questions: list[Question] = []


class Validated(msgspec.Struct):
    """Step 2: the password was right."""

    recaptcha: bool = False
    twofa: TwoFa | None = None


class RequestToken(msgspec.Struct):
    """Steps 3 and 4: what buys the next one."""

    requestToken: str


class AccessToken(msgspec.Struct):
    """Step 5; one of these names. Source: dossier 4.3."""

    accessToken: str = ""
    access_token: str = ""
    data: AccessToken | None = None


class Claims(msgspec.Struct):
    """What is read of the token itself."""

    exp: int
