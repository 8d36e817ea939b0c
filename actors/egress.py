"""Whether a broker's orders leave from the address registered with it.

Brokers take orders from registered static addresses alone (regulation.md, rules 1 and
2). What the world sees is looked at before the first order and every ten minutes; where
it is another address, new orders stay and say why, reads and cancels go on.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec
import trio

from actors.clockwork import Wall
from actors.line import Line
from actors.messages import Denial, EgressReport
from adapters import BrokerError, Stopped

log = logging.getLogger("ordo.egress")

Address = IPv4Address | IPv6Address
Look = Callable[[], Awaitable[Address]]

EVERY = 600.0
"""Seconds between looks while all is well. Source: the address changes at most weekly
(regulation.md, rule 3); a line or a proxy may fail over at any time."""
FIRST_AGAIN, LONGEST_AGAIN = 5.0, 60.0
"""Seconds after a look that gave nothing or a wrong address, and where doubling stops:
trading waits for it."""
TIMEOUT = 10.0
"""Seconds the echo has to answer."""


class EgressState(StrEnum):
    """What is known of the way out."""

    UNCHECKED = "unchecked"
    OK = "ok"
    MISMATCH = "mismatch"


class Egress:
    """One broker's way out, as senders read it; outlives each incarnation of its actor.

    Args:
        broker: its name.
        expected: the address registered with it.
        look: asks an echo which address is seen; None: nobody can be asked, and no
            order goes.
    """

    def __init__(self, broker: str, expected: str, look: Look | None) -> None:
        self.broker = broker
        self.expected = ip_address(expected)
        self.look = look
        self.state = EgressState.UNCHECKED
        self.found: Address | None = None
        self.checked_at: datetime | None = None
        self.error: str | None = None if look else "no echo to ask (address_echo)"

    def saw(self, address: Address, at: datetime) -> bool:
        """Note the address that was seen; whether that changes the state."""
        before = self.state, self.found
        self.found, self.checked_at, self.error = address, at, None
        same = address == self.expected
        self.state = EgressState.OK if same else EgressState.MISMATCH
        return before != (self.state, self.found)

    def failed(self, error: str) -> None:
        """Note that nothing was seen. What was known stays: an echo that is down is no
        reason to stop, and a broker refuses a wrong address itself."""
        self.error = error

    def denial(self) -> Denial | None:
        """Why no new order may leave; None: it may."""
        wanted = f"orders to {self.broker} must leave from {self.expected}"
        match self.state:
            case EgressState.OK:
                return None
            case EgressState.MISMATCH:
                words = (
                    f"{wanted} (expect_ip), they would leave from {self.found}; mend"
                    f" brokers.{self.broker}.egress or the network"
                )
                return Denial(code="egress_mismatch", message=words)
        why = self.error or "it is being asked"
        words = f"{wanted} (expect_ip), and from where is not known yet: {why}"
        return Denial(code="egress_mismatch", message=words, retry_after=1.0)

    def check(self) -> None:
        """Let an order go on, or not.

        Raises:
            Stopped: it would leave from another address, or nobody knows from which.
        """
        denial = self.denial()
        if denial is not None:
            raise Stopped(denial.code, denial.message)

    def report(self) -> EgressReport:
        """For status."""
        at = self.checked_at
        return EgressReport(
            state=self.state.value,
            wanted=str(self.expected),
            found=None if self.found is None else str(self.found),
            checked_at=None if at is None else msgspec.to_builtins(at),
            error=self.error,
        )


class EgressWatch:
    """Looks again and again, in the broker's actor.

    Args:
        egress: what is looked at; None: any address will do.
        line: to the broker, for the audit.
        wall: for stamps.
    """

    def __init__(self, egress: Egress | None, line: Line, wall: Wall) -> None:
        self._egress = egress
        self._line = line
        self._wall = wall

    async def run(self) -> None:
        """Look until cancelled."""
        egress, again = self._egress, FIRST_AGAIN
        if egress is None or egress.look is None:
            return
        while True:
            await self._look(egress, egress.look)
            if egress.state is EgressState.OK and egress.error is None:
                again = FIRST_AGAIN
                await trio.sleep(EVERY)
            else:
                await trio.sleep(again)
                again = min(LONGEST_AGAIN, 2 * again)

    async def _look(self, egress: Egress, look: Look) -> None:
        try:
            with trio.fail_after(TIMEOUT):
                address = await look()
        except (BrokerError, trio.TooSlowError) as error:
            late = isinstance(error, trio.TooSlowError)
            told = f"the echo gave no answer in {TIMEOUT:g} s" if late else f"{error}"
            if egress.error != told:
                log.warning(
                    "%s: its address is not seen: %s",
                    egress.broker,
                    told,
                    extra={"event": "egress.not_seen"},
                )
            egress.failed(told)
            return
        if egress.saw(address, self._wall()):
            self._tell(egress)

    def _tell(self, egress: Egress) -> None:
        well = egress.state is EgressState.OK
        log.log(
            logging.INFO if well else logging.CRITICAL,
            "orders to %s leave from %s, wanted %s%s",
            egress.broker,
            egress.found,
            egress.expected,
            "" if well else ": new ones are denied",
            extra={"event": "egress.checked", "broker": egress.broker},
        )
        detail = {"wanted": str(egress.expected), "found": str(egress.found)}
        self._line.note(f"egress.{egress.state}", detail, None)
