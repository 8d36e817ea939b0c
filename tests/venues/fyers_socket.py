"""The FYERS venue's order socket (dossier 12): raw keys, an ack for anything."""

from typing import Any

import msgspec

from .fyers_login import Login
from .fyers_rows import Entry
from .fyers_rules import Refused
from .server import encode
from .sockets import Message, Peer, SocketEnd
from .wire import Request

PATH = "/trade/v3"
ACK = '{"code":1605,"message":"Successfully subscribed","s":"ok"}'
INTERNAL_STATUS = 20


class OrderSocket(SocketEnd):
    """See `SocketEnd`; what is told are orders, to those who subscribed to them."""

    def __init__(self, login: Login) -> None:
        super().__init__(heard)
        self._login = login

    def refusal(self, request: Request) -> int:
        """The HTTP status that an upgrade is refused with; 0: it is not."""
        self.upgrades += 1
        if request.path != PATH:
            return 404
        try:
            self._login.check(request.headers.get("authorization", ""))
        except Refused:
            return 403
        return self.refuse

    def changed(self, entry: Entry) -> None:
        """Tell how an order stands now."""
        if self.peers:
            self.tell(frame(entry))


def heard(peer: Peer, message: Message) -> None:
    """Answer as FYERS does: what was wanted shows only in what is told."""
    if message == "ping":
        peer.say("pong")
        return
    wanted: Any = msgspec.json.decode(message)
    if wanted.get("T") == "SUB_ORD" and "orders" in wanted.get("SLIST", ()):
        peer.subscribed = wanted.get("SUB_T") == 1
    peer.say(ACK)


def frame(entry: Entry) -> str:
    """A message about one order, under the socket's own names."""
    row = entry.row
    report = "New Ack" if row.status == 6 and not row.filled_qty else "Update"
    order = {
        "client_id": row.client_id,
        "id": row.id,
        "id_fyers": row.id_fyers,
        "id_exchange": row.exch_ord_id,
        "exchange": row.exchange,
        "segment": row.segment,
        "fy_token": row.fy_token,
        "symbol": row.symbol,
        "symbol_exch": row.ex_sym,
        "symbol_desc": row.description,
        "instrument": row.instrument,
        "qty": row.qty,
        "qty_remaining": row.remaining_quantity,
        "qty_filled": row.filled_qty,
        "price_limit": row.limit_price,
        "price_stop": row.stop_price,
        "price_traded": row.traded_price,
        "ord_type": row.type,
        "tran_side": row.side,
        "product_type": row.product_type,
        "validity": row.order_validity,
        "offline_flag": row.offline_order,
        "ord_source": row.source,
        "ordertag": row.order_tag,
        "ord_status": INTERNAL_STATUS,
        "org_ord_status": row.status,
        "report_type": report,
        "status_msg": report,
        "oms_msg": row.message,
        "oms_flag": "K:1",
        "lot_size": 1,
        "tick_size": 0.05,
        "time_oms": row.order_date_time,
        "time_exch": "NA",
    }
    # Zeros may be left out (dossier 12), and so they are.
    return encode(
        {"s": "ok", "orders": {k: v for k, v in order.items() if v or k == "id"}}
    ).decode()
