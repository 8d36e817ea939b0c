"""Makes an m.Stock broker out of its settings and its surroundings."""

from __future__ import annotations

from adapters.brokers.mstock.adapter import MstockBroker
from adapters.brokers.mstock.settings import MstockSettings
from adapters.catalogue import Surroundings
from adapters.http import BrokerHttp


def build(settings: MstockSettings, around: Surroundings) -> MstockBroker:
    """One account, its calls leaving by its own egress.

    Raises:
        ConfigError: an address of the settings is none.
    """
    http = BrokerHttp(
        base_url=around.base_url, egress=around.egress, tls=around.trust()
    )
    broker = MstockBroker(settings, http, around.instruments, wall=around.wall)
    if around.access_token is not None:
        broker.use(broker.login.adopt(around.access_token, around.wall()))
    return broker
