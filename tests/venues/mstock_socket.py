"""The m.Stock venue's socket (dossier 13, 14): a log-in by text, orders by text."""

from typing import Any

from .mstock_book import Order
from .mstock_login import Login
from .mstock_rows import order_a, order_b
from .server import encode
from .sockets import Message, Peer, SocketEnd
from .wire import Request

LOGIN = "LOGIN:"
HEARTBEAT = b"\x00\x00"
MADE_UP = "logged in"
"""The answer to a log-in is not documented."""


class OrderSocket(SocketEnd):
    """See `SocketEnd`; no subscription is wanted for orders.

    Attributes:
        api_type: in whose words orders are told; an account is of one type.
    """

    def __init__(self, login: Login, client: str) -> None:
        super().__init__(self._listen)
        self.api_type = "A"
        self._login = login
        self._client = client

    def refusal(self, request: Request) -> int:
        """The HTTP status that an upgrade is refused with; 0: it is not."""
        self.upgrades += 1
        query = request.query
        known = query.get("API_KEY") == self._login.user.api_key
        return self.refuse or (0 if known and "ACCESS_TOKEN" in query else 403)

    def changed(self, order: Order) -> None:
        """Tell how an order stands now."""
        if self.peers:
            self.tell(encode(self.frame(order)).decode())

    def frame(self, order: Order) -> dict[str, Any]:
        """A message about one order."""
        if self.api_type == "A":
            row = order_a(order, self._client, None)
            del row["tag"], row["meta"]
            return {"type": "order", "data": row}
        data = order_b(order) | {"ordertag": order.terms.tag}
        return {"order_status": "order", "orderData": data}

    def _listen(self, peer: Peer, message: Message) -> None:
        """Whoever does not log in first is dropped."""
        text = message if isinstance(message, str) else ""
        if not peer.subscribed and not self._lets_in(text):
            peer.drop()
            return
        peer.subscribed = True
        peer.say(HEARTBEAT)
        peer.say(MADE_UP)

    def _lets_in(self, text: str) -> bool:
        return text.startswith(LOGIN) and self._login.alive(text.removeprefix(LOGIN))
