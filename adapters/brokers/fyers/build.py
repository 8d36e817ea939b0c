"""Makes a FYERS broker out of its settings and its surroundings."""

from __future__ import annotations

import msgspec

from adapters.brokers.fyers.adapter import FyersBroker
from adapters.brokers.fyers.settings import FyersSettings
from adapters.brokers.fyers.symbols import MasterSymbols
from adapters.catalogue import Surroundings
from adapters.http import BrokerHttp


def build(settings: FyersSettings, around: Surroundings) -> FyersBroker:
    """One account, its calls leaving by its own egress.

    Raises:
        ConfigError: an address of the settings is none.
    """
    http = BrokerHttp(
        base_url=around.base_url, egress=around.egress, tls=around.trust()
    )
    own = msgspec.structs.replace(settings, base_url=around.base_url)
    symbols = MasterSymbols(around.instruments)
    broker = FyersBroker(own, http, symbols, wall=around.wall)
    if around.access_token is not None:
        broker.use(broker.login.adopt(around.access_token, around.wall()))
    return broker
