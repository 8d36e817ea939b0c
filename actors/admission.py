"""Whether a broker would take an order now: the checks that cost no call."""

from actors.line import Line
from actors.messages import Admission, Admit, Denial
from actors.reconciler import Reconciler
from actors.windows import Kind
from actors.writer import StoreHealth
from adapters import Capabilities, Order


class Gate:
    """Lets orders in, or says why not.

    Args:
        line: to the broker.
        reconciler: knows whether the last run's orders are accounted for.
        store: whether an order could be recorded at all.
    """

    def __init__(self, line: Line, reconciler: Reconciler, store: StoreHealth) -> None:
        self._line = line
        self._reconciler = reconciler
        self._store = store

    def admit(self, message: Admit) -> Admission | Denial:
        """Answer for one order; takes a rate slot where one is free and wanted."""
        denial = self._closed() or unsupported(
            self._line.port.capabilities, message.order, self._line.name
        )
        if denial is not None:
            return denial
        slot = None
        if message.reserve and self._store.ok:
            slot = self._line.pacer.try_take(message.order_id, Kind.PLACE)
        return Admission(client_tag=message.order_id, slot=slot)

    def _closed(self) -> Denial | None:
        name, session = self._line.name, self._line.session
        if not session.active:
            words = f"{name} wants a login ({session.reason}); run: ordo login {name}"
            return Denial(code="login_required", message=words)
        if not self._reconciler.recovered:
            words = f"{name} is being asked what became of earlier orders"
            return Denial(code="broker_recovering", message=words, retry_after=1.0)
        if not self._line.closed:
            return Denial(
                code="broker_unavailable",
                message=self._line.unavailable(Kind.PLACE).message,
            )
        return None


def unsupported(can: Capabilities, order: Order, name: str) -> Denial | None:
    """What of the order this broker cannot do, said before anything is sent."""
    exchange = order.symbol.partition(":")[0]
    for what, value, known in (
        ("exchange", exchange, can.exchanges),
        ("type", order.type, can.order_types),
        ("product", order.product, can.products),
        ("validity", order.validity, can.validities),
    ):
        if value not in known:
            some = ", ".join(sorted(known))
            return Denial(
                code="unsupported",
                message=f"{name} has no {what} {value}; it has {some}",
            )
    if not can.fractional and order.quantity != order.quantity.to_integral_value():
        return Denial(
            code="invalid_quantity",
            message=f"{name} trades whole units, was {order.quantity}",
        )
    return None
