"""An order on its way to the wire, as those see it who send, cancel and wait for it."""

import trio

from adapters import OrderRecord


class Flight:
    """One order on its way. `deadline` is on the Trio clock."""

    def __init__(
        self, record: OrderRecord, slot: float | None, deadline: float
    ) -> None:
        self.order_id = record.order_id
        self.closes_for = record.closes_for
        self.slot = slot
        self.deadline = deadline
        self.departed = False  # a byte may have left
        self.cancel_wanted = False
        self.renewal: bool | None = None  # True while it waits for a new session
        self.landed = trio.Event()
        self.answered = False
        self.attempts = 0
        self.latency = 0.0  # seconds at the broker, all tries
