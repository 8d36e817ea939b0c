"""Which call of the port answers which read."""

from collections.abc import Awaitable, Callable
from typing import Any

from actors.messages import Fetch
from adapters import BrokerPort, Unsupported

Reading = Callable[[], Awaitable[tuple[Any, ...]]]


def reading(port: BrokerPort, message: Fetch) -> Reading:
    """The call that answers *message* with a tuple of model rows.

    Raises:
        Unsupported: no adapter reads that yet.
    """

    async def call() -> tuple[Any, ...]:
        match message.kind:
            case "orderbook":
                return tuple(await port.order_book())
            case "trades":
                return tuple(await port.trades())
            case "positions":
                return tuple(await port.positions())
            case "holdings":
                return tuple(await port.holdings())
            case "funds":
                return (await port.funds(),)
            case "quotes":
                return tuple(await port.quotes(message.symbols))
        raise Unsupported(f"{message.kind} cannot be read here")

    return call
