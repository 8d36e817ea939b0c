"""A broker's live orders, by id, by the broker's number and by tag."""

from adapters import OrderRecord


class Live(dict[str, OrderRecord]):
    """Orders by id. The other two ways only lead to an order that is in here.

    Records are replaced, never changed; an order's number may come late or be another
    after a change of it, its tag stays.
    """

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[str, str] = {}
        self._tags: dict[str, str] = {}

    def __setitem__(self, order_id: str, record: OrderRecord) -> None:
        before = self.get(order_id)
        if before is not None and before.broker_order_id != record.broker_order_id:
            self._forget_number(before)
        super().__setitem__(order_id, record)
        self._tags[record.client_tag] = order_id
        if record.broker_order_id is not None:
            self._numbers[record.broker_order_id] = order_id

    def __delitem__(self, order_id: str) -> None:
        record = self[order_id]
        super().__delitem__(order_id)
        self._tags.pop(record.client_tag, None)
        self._forget_number(record)

    def numbered(self, number: str) -> OrderRecord | None:
        """The order that bears this number of the broker's now."""
        record = self.get(self._numbers.get(number, ""))
        return record if record and record.broker_order_id == number else None

    def tagged(self, tag: str) -> OrderRecord | None:
        """The order that bears this tag."""
        return self.get(self._tags.get(tag, ""))

    def _forget_number(self, record: OrderRecord) -> None:
        number = record.broker_order_id
        if number is not None and self._numbers.get(number) == record.order_id:
            del self._numbers[number]
