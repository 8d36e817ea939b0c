"""Drive the official FYERS SDK, unchanged, against a server, and print what it says.

Runs under the SDK's own environment: standard library and SDK only.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from fyers_apiv3 import fyersModel

LIMIT = {
    "symbol": "NSE:SBIN-EQ",
    "qty": 10,
    "type": 1,
    "side": 1,
    "productType": "INTRADAY",
    "limitPrice": 812.35,
    "stopPrice": 0,
    "disclosedQty": 0,
    "validity": "DAY",
    "offlineOrder": False,
    "stopLoss": 0,
    "takeProfit": 0,
    "orderTag": "ordolimit",
}
MARKET = LIMIT | {"type": 2, "limitPrice": 0, "qty": 5, "orderTag": "ordomarket"}


def drive(model: Any) -> dict[str, Any]:
    """Call what needs no login page, in an order that leaves something to see."""
    said: dict[str, Any] = {}

    def call(name: str, method: Callable[..., Any], *data: Any) -> Any:
        # Errors of the SDK are one shared, mutated dict: keep a copy of each answer.
        said[name] = json.loads(json.dumps(method(*data)))
        return said[name]

    call("profile", model.get_profile)
    call("funds", model.funds)
    call("holdings", model.holdings)
    limit = call("place_limit", model.place_order, LIMIT)["id"]
    call("place_market", model.place_order, MARKET)
    call("place_bad_tag", model.place_order, LIMIT | {"orderTag": "no-hyphens"})
    change = {"id": limit, "type": 1, "limitPrice": 811.5, "qty": 20}
    call("modify", model.modify_order, change)
    call("orderbook", model.orderbook)
    call("orderbook_by_id", model.orderbook, {"id": limit})
    call("orderbook_by_tag", model.orderbook, {"order_tag": "1:ordolimit"})
    call("get_orders", model.get_orders, {"id": limit})
    call("cancel", model.cancel_order, {"id": limit})
    call("cancel_again", model.cancel_order, {"id": limit})
    call("tradebook", model.tradebook)
    call("positions", model.positions)
    call("exit", model.exit_positions, {})
    call("exit_again", model.exit_positions, {"id": "NSE:SBIN-EQ-INTRADAY"})
    basket = [LIMIT | {"orderTag": "basket1"}, LIMIT | {"orderTag": "basket2"}]
    placed = call("basket", model.place_basket_orders, [*basket, MARKET | {"qty": 0}])
    ids = [row["body"]["id"] for row in placed["data"][:2]]
    changes = [{"id": ids[0], "type": 1, "limitPrice": 810}]
    call("basket_modify", model.modify_basket_orders, changes)
    call("basket_cancel", model.cancel_basket_orders, [{"id": ids[0]}, {"id": ids[1]}])
    call("quotes", model.quotes, {"symbols": "NSE:SBIN-EQ,NSE:M&M-EQ"})
    call("quotes_v2", model.quotes_v2, {"symbols": ["NSE:SBIN-EQ"]})
    call("depth", model.depth, {"symbol": "NSE:SBIN-EQ", "ohlcv_flag": "1"})
    call("market_status", model.market_status)
    call("logout", model.logout)
    call("after_logout", model.get_profile)
    return said


def log_in(app: str, secret: str) -> str:
    """The SDK's own login, with the redirect read in place of a browser's."""
    session = fyersModel.SessionModel(
        client_id=app,
        secret_key=secret,
        redirect_uri="http://127.0.0.1/back",
        response_type="code",
        grant_type="authorization_code",
        state="s1",
    )
    redirect = requests.get(
        session.generate_authcode(), allow_redirects=False, timeout=10
    )
    back = parse_qs(urlsplit(redirect.headers["location"]).query)
    session.set_token(back["auth_code"][0])
    return str(session.generate_token()["access_token"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--app", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--secret", required=True)
    args = parser.parse_args()
    fyersModel.Config.API = args.url + "/api/v3"
    fyersModel.Config.DATA_API = args.url + "/data"
    with tempfile.TemporaryDirectory() as logs:  # the SDK insists on its log files

        def model(token: str) -> Any:
            return fyersModel.FyersModel(
                client_id=args.app, token=token, log_path=logs, log_level="CRITICAL"
            )

        said = drive(model(args.token))
        fresh = model(log_in(args.app, args.secret))
        said["profile_after_login"] = fresh.get_profile()
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
