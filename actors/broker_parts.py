"""What a broker actor is made of: its settings, and what outlives it."""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

import msgspec

from actors.breaker import Breaker
from actors.clockwork import Clockwork
from actors.egress import Egress
from actors.limiter import Limiter
from actors.mailbox import Mailbox
from actors.records import Records
from actors.recovery import TookUp
from actors.session import Session
from actors.session_keeper import Seal
from actors.trading import TradingState
from actors.traffic import Traffic
from actors.writer import StoreHealth
from adapters import BrokerPort


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is set for one broker; lengths are seconds."""

    name: str
    adapter: str
    submit_timeout: float = 10.0
    rest_after: float = 30.0
    today: Callable[[], date]
    order_updates: bool = True


class BrokerParts(NamedTuple):
    """What outlives each incarnation of the actor, and what it is handed."""

    settings: BrokerSettings
    port: BrokerPort
    limiter: Limiter
    breaker: Breaker
    session: Session
    mailbox: Mailbox
    writer: Mailbox
    killswitch: Mailbox
    records: Records
    trading: TradingState
    store: StoreHealth
    clockwork: Clockwork
    seal: Seal | None = None
    egress: Egress | None = None
    took_up: TookUp = lambda done, total: None
    traffic: Traffic | None = None
