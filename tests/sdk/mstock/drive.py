"""Drive an official m.Stock SDK, unchanged, against a server, and print what it says.

Runs under the SDK's own environment: standard library and SDK only.
"""

import argparse
import contextlib
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

PASSWORD, OTP, USER = "hunter2", "123456", "MA0000001"


class Driver:
    """Calls the SDK, and keeps a copy of each answer or of each error."""

    def __init__(self, sdk: Any) -> None:
        self.sdk = sdk
        self.said: dict[str, Any] = {}

    def __call__(self, name: str, method: str, *data: Any) -> Any:
        call: Callable[..., Any] = getattr(self.sdk, method)
        try:
            with contextlib.redirect_stdout(sys.stderr):  # it prints its own errors
                answer = call(*data)
        except Exception as exc:  # whatever it raises is what it says
            self.said[name] = {"raised": type(exc).__name__, "words": str(exc)[-300:]}
            return None
        if isinstance(answer, bytes):
            self.said[name] = answer.decode()
        else:
            self.said[name] = answer.json()
        return self.said[name]


def type_a(call: Driver, key: str) -> None:
    def order(kind: str, price: str, trigger: str, tag: str) -> tuple[str, ...]:
        start = ("regular", "SBIN", "NSE", "BUY", kind, "10", "MIS", "DAY")
        return (*start, price, trigger, "0", tag)

    call("login_wrong", "login", USER, "not-it")
    call("login", "login", USER, PASSWORD)
    call("otp_wrong", "generate_session", key, "000", "L")
    call("login_again", "login", USER, PASSWORD)
    call("session", "generate_session", key, OTP, "W")
    call("funds", "get_fund_summary")
    call("holdings", "get_holdings")
    call("orderbook_empty", "get_order_book")
    limit = order("LIMIT", "812.35", "0", "ordolimit")
    placed = call("place_limit", "place_order", *limit)
    number = placed[0]["data"]["order_id"]
    call("place_market", "place_order", *order("MARKET", "0", "0", "ordomarket"))
    call("place_stop", "place_order", *order("SL", "830", "825", "ordostop"))
    call("place_bad", "place_order", *order("LIMIT", "812.33", "0", "ordobad"))
    call("modify", "modify_order", number, "LIMIT", "20", "811.5", "DAY", "0", "0")
    call("orderbook", "get_order_book")
    call("details", "get_order_details", number)
    call("cancel", "cancel_order", number)
    call("cancel_again", "cancel_order", number)
    call("trades", "get_trade_book")
    call("positions", "get_net_position")
    margin = ("NSE", "SBIN", "BUY", "regular", "MIS", "LIMIT", "10", "800", "0")
    call("margin", "calculate_order_margin", *margin)
    call("ohlc", "get_ohlc", ["NSE:SBIN", "NSE:26000", "NSE:NOSUCH"])
    call("ltp", "get_ltp", ["NSE:SBIN"])
    call("master", "get_instruments")
    call("history", "get_trade_history", "2026-11-01", "2026-11-30")
    call("cancel_all", "cancel_all")
    call("cancel_all_again", "cancel_all")
    call("logout", "logout")
    call("after_logout", "get_fund_summary")


def type_b(call: Driver, key: str) -> None:
    def order(kind: str, price: str, trigger: str, tag: str) -> tuple[str, ...]:
        variety = "STOPLOSS" if "LOSS" in kind else "NORMAL"
        start = (variety, "SBIN-EQ", "3045", "NSE", "BUY", kind, "10", "INTRADAY")
        return (*start, price, trigger, "0", "0", "", "", "DAY", tag)

    call("login_wrong", "login", USER, "not-it")
    handle = call("login", "login", USER, PASSWORD)["data"]["jwtToken"]
    call("otp_wrong", "generate_session", key, handle, "000")
    handle = call("login_again", "login", USER, PASSWORD)["data"]["jwtToken"]
    call("session", "generate_session", key, handle, OTP)
    call("funds", "get_fund_summary")
    call("holdings", "get_holdings")
    call("orderbook_empty", "get_order_book")
    limit = order("LIMIT", "812.35", "0", "ordolimit")
    placed = call("place_limit", "place_order", *limit)
    number = placed[0]["data"]["orderid"]
    call("place_market", "place_order", *order("MARKET", "0", "0", "ordomarket"))
    call("place_stop", "place_order", *order("STOP_LOSS", "830", "825", "ordostop"))
    call("place_bad", "place_order", *order("LIMIT", "812.33", "0", "ordobad"))
    named = ("DAY", "811.5", "20", "SBIN-EQ", "3045", "NSE", "0")
    call("modify", "modify_order", "NORMAL", number, "LIMIT", "INTRADAY", *named)
    call("orderbook", "get_order_book")
    call("details", "get_order_details", number)
    call("cancel", "cancel_order", "NORMAL", number)
    call("cancel_again", "cancel_order", "NORMAL", number)
    call("trades", "get_trade_book")
    call("positions", "get_net_position")
    margin = ("INTRADAY", "BUY", "10", "800", "NSE", "SBIN", "3045", 0)
    call("margin", "calculate_order_margin", *margin)
    call("quote", "get_market_quote", "OHLC", {"NSE": ["3045", "0"]})
    call("master", "get_instruments")
    call("history", "get_trade_history", "2026-11-01", "2026-11-30")
    call("cancel_all", "cancel_all")
    call("cancel_all_again", "cancel_all")
    call("logout", "logout")
    call("after_logout", "get_fund_summary")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--type", required=True, choices=["a", "b"])
    parser.add_argument("--key", required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as logs:
        os.chdir(logs)  # the SDK writes its log, tokens among it, where it is imported
        module = importlib.import_module(f"tradingapi_{args.type}.mconnect")
        sdk = (module.MConnect if args.type == "a" else module.MConnectB)(debug=False)
        sdk.default_root_uri = args.url + "/"
        call = Driver(sdk)
        (type_a if args.type == "a" else type_b)(call, args.key)
        os.chdir("/")
    json.dump(call.said, sys.stdout)


if __name__ == "__main__":
    main()
