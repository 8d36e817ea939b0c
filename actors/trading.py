"""The trading state: whether orders may leave, as every sender reads it.

One plain object, loaded before anything starts. The kill-switch actor alone changes it;
the others look, as the last thing before the bytes go, with no await in between. A
flag is read in time where a message might wait in a queue.
"""

import trio

from adapters import Stopped, TradingSwitch

UNREADABLE = "the stored state of the kill-switch could not be read"
OTHER_HALT = "the halt it was to close a position for is over"


class TradingState:
    """Whether trading is halted, and which orders are on the wire.

    Args:
        switch: as stored. None where it could not be read, and that means halted.
    """

    def __init__(self, switch: TradingSwitch | None) -> None:
        self._switch = switch or TradingSwitch(
            engaged=True, reason=UNREADABLE, since=None, by="ordo", version=0
        )
        self._on_the_wire: dict[str, None] = {}
        self._cancel_open = self._switch.engaged and self._switch.cancel_open
        self._cancels_wanted = int(self._cancel_open)
        self._turned = trio.Event()

    @property
    def switch(self) -> TradingSwitch:
        """The kill-switch as it stands."""
        return self._switch

    @property
    def engaged(self) -> bool:
        """Whether new orders are held back."""
        return self._switch.engaged

    @property
    def on_the_wire(self) -> tuple[str, ...]:
        """Order ids that have left and are not answered yet, oldest first."""
        return tuple(self._on_the_wire)

    @property
    def cancels_wanted(self) -> int:
        """Grows each time the kill-switch wants every open order cancelled."""
        return self._cancels_wanted

    @property
    def cancel_open(self) -> bool:
        """Whether the halt that is in force wants every open order cancelled."""
        return self._cancel_open

    @property
    def closes_for(self) -> int | None:
        """The version of the halt in force, if it wants positions closed."""
        switch = self._switch
        wants = switch.engaged and switch.close_positions
        return switch.version if wants else None

    def may_go(self, closes_for: int | None) -> bool:
        """Whether an order may leave; *closes_for* as `OrderRecord` has it.

        What closes for a halt goes while that very halt is in force, and not later.
        """
        if closes_for is None:
            return not self._switch.engaged
        return closes_for == self.closes_for

    def check(self, closes_for: int | None = None) -> None:
        """Let an order go on, or not.

        Raises:
            Stopped: trading is halted, or not any more as the order wants it.
        """
        if self.may_go(closes_for):
            return
        if closes_for is not None:
            raise Stopped("not_sent", OTHER_HALT)
        raise Stopped("kill_switch_engaged", f"halted: {self._switch.reason}")

    def depart(self, order_id: str, closes_for: int | None = None) -> None:
        """The last look of a sender: passes the order on to the wire, or stops it.

        Raises:
            Stopped: see `check`; not a byte may go.
        """
        self.check(closes_for)
        self._on_the_wire[order_id] = None

    def arrived(self, order_id: str) -> None:
        """The order is answered, or given up waiting for."""
        self._on_the_wire.pop(order_id, None)

    def change(self, switch: TradingSwitch, *, cancel_open: bool = False) -> None:
        """For the kill-switch alone: from this line on, all senders see it.

        *cancel_open*: all that is open now is to be cancelled, also where the halt
        before wanted that.
        """
        self._switch = switch
        self._cancel_open = switch.engaged and (cancel_open or self._cancel_open)
        if cancel_open:
            self._cancels_wanted += 1
        self._turned.set()
        self._turned = trio.Event()

    async def turned(self) -> None:
        """Wait for the next change."""
        await self._turned.wait()
