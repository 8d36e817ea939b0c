"""Messages delivered as a console does, in virtual time."""

from __future__ import annotations

from typing import Any

from adapters import AuditEntry, AuditQuery
from ordo.console.delivery import Wanted, deliver
from ordo.console.replies import Shown
from ordo.http.call import Call, Principal
from ordo.http.throttle import Throttles
from ordo.system import System
from ordo.tokens import Principal as Token
from ordo.tokens import Scope
from tests.support.memory_store import MemoryStore

WHO = Token(id="token:test", scope=Scope.ADMIN)
ORDER = (
    "brokers=one",
    "order.symbol=NSE:SBIN",
    "order.side=BUY",
    "order.quantity=10",
    "order.type=LIMIT",
    "order.price=700",
)
"""An order that rests."""


class Asker:
    """Asks in the name of *who*, with what is counted at the edge."""

    def __init__(self, system: System, who: Principal = WHO) -> None:
        self.call = Call(
            system=system,
            principal=who,
            request_id="request-1",
            headers={},
            query={},
            path={},
            address="127.0.0.1",
            throttles=Throttles(),
        )

    async def __call__(self, to: str, message: str, *args: str, **more: Any) -> Shown:
        """Ask, confirmed unless told otherwise."""
        wanted = Wanted("ask", to, message, args, confirmed=True)._replace(**more)
        return await deliver(self.call, wanted)

    async def tell(self, to: str, message: str, *args: str) -> Shown:
        return await self(to, message, *args, way="tell")


def on_record(store: MemoryStore, action: str = "console.asked") -> list[AuditEntry]:
    """What the audit log has of the console, oldest first."""
    rows = store.audit(AuditQuery(limit=1000))
    return [row.entry for row in rows if row.entry.action == action]


def actions(store: MemoryStore) -> list[str]:
    """All that the audit log has, in order."""
    return [row.entry.action for row in store.audit(AuditQuery(limit=1000))]
