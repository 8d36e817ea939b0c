"""Rows of the FYERS order and trade books, in the order of the samples (dossier 8)."""

from typing import Any

import msgspec

from .fyers_market import Instrument, Price
from .fyers_rules import PlaceBody

CANCELLED, TRADED, TRANSIT, REJECTED, PENDING, EXPIRED = 1, 2, 4, 5, 6, 7
NOT_CAMEL = {"id_fyers": "id_fyers", "ex_sym": "ex_sym"}


def wire_name(name: str) -> str:
    first, *rest = name.split("_")
    return NOT_CAMEL.get(name) or first + "".join(part.capitalize() for part in rest)


class OrderRow(msgspec.Struct, rename=wire_name, gc=False):
    """One row of `orderBook`."""

    client_id: str
    id: str
    id_fyers: str
    exch_ord_id: str
    qty: int
    remaining_quantity: int
    filled_qty: int
    disclose_qty: int
    limit_price: float
    stop_price: float
    traded_price: float
    type: int
    fy_token: str
    exchange: int
    segment: int
    symbol: str
    instrument: int
    message: str
    offline_order: bool
    order_date_time: str
    order_validity: str
    pan: str
    product_type: str
    side: int
    status: int
    source: str
    ex_sym: str
    description: str
    ch: float
    chp: float
    lp: float
    sl_no: int
    dq_qty_rem: int
    order_num_status: str
    disclosed_qty: int
    order_tag: str
    take_profit: float
    stop_loss: float


class TradeRow(msgspec.Struct, rename=wire_name, gc=False):
    """One row of `tradeBook`."""

    client_id: str
    order_date_time: str
    order_number: str
    exchange_order_no: str
    exchange: int
    side: int
    segment: int
    order_type: int
    fy_token: str
    product_type: str
    traded_qty: int
    trade_price: float
    trade_value: float
    trade_number: str
    row: int
    symbol: str
    order_tag: str


class Entry:
    """An order as the venue keeps it: its row, and what no answer shows."""

    __slots__ = ("arrived", "instrument", "row", "triggered", "value", "visible_at")

    def __init__(self, row: OrderRow, instrument: Instrument, arrived: float) -> None:
        self.row = row
        self.instrument = instrument
        self.arrived = arrived
        self.visible_at = 0.0
        self.triggered = False
        self.value = 0  # of its fills, in ten-thousandths of a rupee

    @property
    def is_open(self) -> bool:
        return self.row.status in (PENDING, TRANSIT)

    def become(self, status: int, message: str = "") -> None:
        self.row.status = status
        self.row.order_num_status = f"{self.row.id}:{status}"
        if message:
            self.row.message = message

    def raw(self) -> dict[str, Any]:
        """The full state, for checkers: the tag as sent, None where none was."""
        number, _, tag = self.row.order_tag.partition(":")
        return {
            "id": self.row.id,
            "tag": tag if number == "1" else None,
            "arrived": self.arrived,
            "visible_at": self.visible_at,
            "status": self.row.status,
            "filled": self.row.filled_qty,
            "row": self.row,
        }


def order_row(
    body: PlaceBody,
    instrument: Instrument,
    price: Price,
    *,
    client_id: str,
    order_id: str,
    number: int,
    when: str,
    source: str,
) -> OrderRow:
    """The row of an order just taken: in transit, nothing filled."""
    # By position: ten times faster than by keyword, and a bench places thousands.
    return OrderRow(
        client_id,
        order_id,
        f"7d4a2c1e-0000-4000-8000-{number:012x}",
        "",
        body.qty,
        body.qty,
        0,
        body.disclosed_qty,
        body.limit_price,
        body.stop_price,
        0.0,
        body.type,
        instrument.fy_token,
        instrument.exchange,
        instrument.segment,
        body.symbol,
        instrument.kind,
        "",
        body.offline_order,
        when,
        body.validity,
        "",
        body.product_type,
        body.side,
        TRANSIT,
        source,
        instrument.underlying,
        instrument.description,
        price.change,
        price.percent,
        price.last,
        number,
        body.disclosed_qty,
        f"{order_id}:{TRANSIT}",
        body.disclosed_qty,
        f"1:{body.order_tag}" if body.order_tag else "2:Untagged",
        body.take_profit,
        body.stop_loss,
    )


def trade_row(entry: Entry, qty: int, price: float, number: int, when: str) -> TradeRow:
    row = entry.row
    untagged = row.order_tag == "2:Untagged"
    return TradeRow(
        client_id=row.client_id,
        order_date_time=when,
        order_number=row.id,
        exchange_order_no=row.exch_ord_id,
        exchange=row.exchange,
        side=row.side,
        segment=row.segment,
        order_type=row.type,
        fy_token=row.fy_token,
        product_type=row.product_type,
        traded_qty=qty,
        trade_price=price,
        trade_value=round(qty * price, 4),
        trade_number=f"{row.id}-{number}",
        row=int(entry.arrived),
        symbol=row.symbol,
        # The two books word an untagged order differently (dossier section 7).
        order_tag="1:Untagged" if untagged else row.order_tag,
    )
