"""FYERS's public JSON masters, made of the sample rows (dossier 11.3).

Keys and kinds of values are as others have seen them: numbers as numbers, the expiry
and the freeze quantity as text, "" or -1.0 where a thing does not apply.
"""

import csv
from typing import Any

from .fyers_market import INDEX, MASTERS, SAMPLES, Market
from .server import ok
from .wire import Request, Response

FREEZE = {"NIFTY": 1800, "BANKNIFTY": 600, "FINNIFTY": 1800, "SENSEX": 1000}
"""Units, by underlying: invented for SENSEX, the others of August 2026."""


class MasterFiles:
    """The files as they are made each morning, with the prices of *market*."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.edits: dict[str, dict[str, Any]] = {}
        """Changes of rows, by ticker; a test's hand."""

    def serve(self, request: Request) -> Response:
        """`GET /sym_details/NAME_sym_master.json`, open to everybody."""
        name = request.params["file"].removesuffix("_sym_master.json")
        if name not in MASTERS or name == request.params["file"]:
            return Response(404, b"<Error>NoSuchKey</Error>")
        return ok(self.rows(name))

    def rows(self, name: str) -> dict[str, dict[str, Any]]:
        """One master, by ticker."""
        with (SAMPLES / f"{name}_head.csv").open(newline="") as lines:
            made = [self._row(line) for line in csv.reader(lines)]
        return {row["symTicker"]: row | self._edit(row) for row in made}

    def _edit(self, row: dict[str, Any]) -> dict[str, Any]:
        return self.edits.get(row["symTicker"], {})

    def _row(self, line: list[str]) -> dict[str, Any]:
        ticker, kind, underlying = line[9], int(line[2]), line[13]
        name = ticker.partition(":")[2]
        cash = int(line[11]) == 10
        price = self._market.prices[ticker]
        banded = kind != INDEX
        return {
            "lastUpdate": line[7],
            "exSymbol": underlying,
            "qtyMultiplier": 1.0,
            "previousClose": price.previous_close,
            "exchange": int(line[10]),
            "exSeries": name.rpartition("-")[2] if cash else "XX",
            "optType": line[16],
            "mtf_margin": 0.0,
            "is_mtf_tradable": int(line[19]),
            "exSymName": name,
            "symTicker": ticker,
            "exInstType": kind,
            "fyToken": line[0],
            "upperPrice": round(price.previous_close * 1.1, 2) if banded else 0.0,
            "lowerPrice": round(price.previous_close * 0.9, 2) if banded else 0.0,
            "segment": int(line[11]),
            "symbolDesc": line[1],
            "symDetails": line[1],
            "exToken": int(line[12]),
            "strikePrice": float(line[15]),
            "minLotSize": int(line[3]),
            "underFyTok": line[17],
            "currencyCode": "INR",
            "underSym": underlying,
            "expiryDate": line[8],
            "tradingSession": line[6],
            "asmGsmVal": "",
            "faceValue": 0.0,
            "tickSize": float(line[4]),
            "exchangeName": ticker.partition(":")[0],
            "originalExpDate": None,
            "isin": line[5],
            "tradeStatus": 1,
            "qtyFreeze": "" if cash else str(FREEZE.get(underlying, 20_000)),
            "previousOi": 0.0,
            "stream": "Group 1",
        }
