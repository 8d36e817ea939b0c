"""Three protocol servers in one process, their books full of open orders.

`python -m tests.tracking.venues --tags FILE` reads `{broker: [tag, ...]}`, enters one
resting order for each and prints `{"ports": {broker: N}}`. Published limits are kept
up where the server knows how: who reads too often is refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import trio

from tests.support.processes import VENUE_TOKEN, Process
from tests.venues.fyers import FyersVenue
from tests.venues.fyers_rules import PlaceBody
from tests.venues.hdfc import HdfcVenue
from tests.venues.hdfc_orders import Body
from tests.venues.mstock import MstockVenue
from tests.venues.mstock_rules import Terms
from tests.venues.server import Server

UNITS, PRICE = 100, Decimal(800)
"""Of each order; SBIN is at 812, so that a buy rests."""
FUNDS = 1e15


class Venues(Process):
    """The process; `urls` has one for each broker."""

    def __init__(self, log: Path, tags: Path) -> None:
        command = (sys.executable, "-m", "tests.tracking.venues")
        super().__init__(*command, "--tags", str(tags), log=log)
        ports = json.loads(self.line())["ports"]
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}


def fyers(tags: Sequence[str]) -> FyersVenue:
    """A FYERS with an order of each tag."""
    venue = FyersVenue(tokens=(VENUE_TOKEN,), funds=FUNDS, rate_limits=True)
    wire = {
        "symbol": "NSE:SBIN-EQ",
        "qty": UNITS,
        "type": 1,
        "side": 1,
        "productType": "INTRADAY",
        "limitPrice": float(PRICE),
        "stopPrice": 0,
        "disclosedQty": 0,
        "validity": "DAY",
        "offlineOrder": False,
    }
    for tag in tags:
        venue.book.place(msgspec.convert({**wire, "orderTag": tag}, PlaceBody))
    return venue


def hdfc(tags: Sequence[str]) -> HdfcVenue:
    """An HDFC with an order of each tag, which is a number there."""
    venue = HdfcVenue(tokens=(VENUE_TOKEN,), funds=FUNDS)
    for tag in tags:
        venue.book.place(
            Body(
                exchange="NSE",
                security_id="SBILTDEQNR",
                instrument_segment="EQUITY",
                transaction_type="Buy",
                product="INTRADAY",
                order_type="LIMIT",
                quantity=UNITS,
                validity="DAY",
                price=PRICE,
                external_reference_number=tag,
            )
        )
    return venue


def mstock(tags: Sequence[str]) -> MstockVenue:
    """An m.Stock with an order of each tag, which its book does not show."""
    venue = MstockVenue(tokens=(VENUE_TOKEN,), funds=Decimal(FUNDS))
    venue.rate_limits = True
    instrument = venue.market.named("NSE", "SBIN-EQ", "B")
    assert instrument is not None
    for tag in tags:
        terms = Terms(
            kind="LIMIT",
            side="BUY",
            quantity=Decimal(UNITS),
            product="INTRADAY",
            validity="DAY",
            price=PRICE,
            trigger=Decimal(0),
            disclosed=Decimal(0),
            tag=tag,
        )
        venue.book.place(terms, instrument)
    return venue


MAKERS = {"fyers": fyers, "hdfc": hdfc, "mstock": mstock}


async def _serve(servers: Mapping[str, Server]) -> None:
    async with trio.open_nursery() as nursery:
        for server in servers.values():
            await nursery.start(server.serve)
        ports = {name: server.port for name, server in servers.items()}
        print(json.dumps({"ports": ports}), flush=True)
        # Until standard input ends, with whoever started this.
        await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
        nursery.cancel_scope.cancel()


def main() -> None:
    """Fill the books and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=Path, required=True)
    tags = json.loads(parser.parse_args().tags.read_text())
    trio.run(_serve, {name: MAKERS[name](mine) for name, mine in tags.items()})


if __name__ == "__main__":
    main()
