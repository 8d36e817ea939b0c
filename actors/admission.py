"""Whether a broker would take an order now: the checks that cost no call."""

from actors.checks import supported
from actors.egress import Egress
from actors.line import Line
from actors.messages import Admission, Admit, Denial
from actors.protection import outgoing
from actors.reconciler import Reconciler
from actors.tags import Tags
from actors.windows import Kind
from actors.writer import StoreHealth


class Gate:
    """Lets orders in, or says why not.

    Args:
        line: to the broker.
        reconciler: knows whether the last run's orders are accounted for.
        store: whether an order could be recorded at all.
        tags: makes the orders' client tags.
        egress: where orders would leave from; None: any address will do.
    """

    def __init__(
        self,
        line: Line,
        reconciler: Reconciler,
        store: StoreHealth,
        tags: Tags,
        egress: Egress | None = None,
    ) -> None:
        self._line = line
        self._reconciler = reconciler
        self._store = store
        self._tags = tags
        self._egress = egress

    def admit(self, message: Admit) -> Admission | Denial:
        """Answer for one order; takes a rate slot where one is free and wanted."""
        sent = outgoing(message.order, message.sent_as)
        denial = self._closed() or supported(
            self._line.port.capabilities, sent, self._line.name
        )
        if denial is not None:
            return denial
        slot = None
        # Without tags it may have to wait for an equal one: it is not SENDING before.
        at_once = self._line.port.capabilities.tag is not None
        if message.reserve and self._store.ok and at_once:
            slot = self._line.pacer.try_take(message.order_id, Kind.PLACE)
        tag = self._tags.tag(message.order_id)
        return Admission(client_tag=tag, slot=slot, sent_as=message.sent_as)

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
        return None if self._egress is None else self._egress.denial()
