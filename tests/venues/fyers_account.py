"""What the FYERS venue's orders did to the account: positions, holdings, funds."""

from typing import Any

import msgspec

from .fyers_market import Instrument, Market, to_rupees, to_units
from .fyers_rows import Entry
from .fyers_rules import MarginOrder, PlaceBody

FUND_TITLES = (
    "Total Balance",
    "Utilized Amount",
    "Clear Balance",
    "Realized Profit and Loss",
    "Collaterals",
    "Fund Transfer",
    "Receivables",
    "Adhoc Limit",
    "Limit at start of the day",
    "Available Balance",
)


class Position(msgspec.Struct):
    """What was bought and sold today; values in ten-thousandths of a rupee."""

    instrument: Instrument
    product: str
    bought: int = 0
    bought_value: int = 0
    sold: int = 0
    sold_value: int = 0

    @property
    def net(self) -> int:
        return self.bought - self.sold

    @property
    def cost(self) -> int:
        """What the open quantity stands at, never negative."""
        total, value = (self.bought, self.bought_value)
        if self.net < 0:
            total, value = (self.sold, self.sold_value)
        return abs(self.net) * value // total if total else 0

    def row(self, last: float) -> dict[str, Any]:
        net = self.net
        side = (net > 0) - (net < 0)
        buy_average = to_rupees(self.bought_value) / self.bought if self.bought else 0.0
        sell_average = to_rupees(self.sold_value) / self.sold if self.sold else 0.0
        average = round((0.0, buy_average, sell_average)[side], 4)
        closed = min(self.bought, self.sold)
        realized = round(closed * (sell_average - buy_average), 4) + 0.0  # never -0.0
        unrealized = round(net * (last - average), 4) + 0.0
        symbol = self.instrument.symbol
        return {
            "netQty": net,
            "qty": abs(net),
            "avgPrice": average,
            "netAvg": average,
            "side": side,
            "productType": self.product,
            "realized_profit": realized,
            "unrealized_profit": unrealized,
            "pl": round(realized + unrealized, 4),
            "ltp": last,
            "buyQty": self.bought,
            "buyAvg": round(buy_average, 4),
            "buyVal": to_rupees(self.bought_value),
            "sellQty": self.sold,
            "sellAvg": round(sell_average, 4),
            "sellVal": to_rupees(self.sold_value),
            "slNo": 0,
            "fyToken": self.instrument.fy_token,
            "crossCurrency": "N",
            "rbiRefRate": 1.0,
            "qtyMulti_com": 1.0,
            "segment": self.instrument.segment,
            "symbol": symbol,
            "id": f"{symbol}-{self.product}",
            "cfBuyQty": 0,
            "cfSellQty": 0,
            "dayBuyQty": self.bought,
            "daySellQty": self.sold,
            "exchange": self.instrument.exchange,
        }


class Holding(msgspec.Struct):
    symbol: str
    quantity: int
    cost: float
    sold: int = 0


class Account:
    """One client's money and shares.

    Args:
        funds: Limit at the start of the day, rupees.
    """

    def __init__(self, client_id: str, market: Market, funds: float) -> None:
        self.client_id = client_id
        self.market = market
        self.funds = funds
        self.positions: dict[str, Position] = {}
        self.holdings = [
            Holding("NSE:TATASTEEL-EQ", 2, 151.87),
            Holding("NSE:ITC-EQ", 5, 410.0),
        ]
        self._blocked: dict[str, int] = {}
        self._blocked_in_all = 0

    # Orders come and go

    def need(self, entry: Entry) -> int:
        """What an order blocks: its whole value, as no leverage is modelled."""
        row = entry.row
        if row.side == -1 and row.product_type == "CNC":
            return 0
        price = row.limit_price or row.stop_price or self.market.last(row.symbol)
        return row.remaining_quantity * to_units(price)

    def block(self, entry: Entry) -> None:
        self.release(entry)
        need = self.need(entry)
        self._blocked[entry.row.id] = need
        self._blocked_in_all += need

    def release(self, entry: Entry) -> None:
        self._blocked_in_all -= self._blocked.pop(entry.row.id, 0)

    def apply(self, entry: Entry, qty: int, price: float) -> None:
        """Book a fill."""
        row = entry.row
        self.block(entry)
        key = f"{row.symbol}-{row.product_type}"
        position = self.positions.get(key)
        if position is None:
            position = Position(entry.instrument, row.product_type)
            self.positions[key] = position
        value = qty * to_units(price)
        if row.side == 1:
            position.bought += qty
            position.bought_value += value
            return
        position.sold += qty
        position.sold_value += value
        for holding in self.holdings:
            if row.product_type == "CNC" and holding.symbol == row.symbol:
                holding.sold = min(holding.quantity, holding.sold + qty)

    # Answers

    def free(self) -> int:
        return to_units(self.funds) - self._used()

    def position_answer(self) -> dict[str, Any]:
        rows = [p.row(self.market.last(p.instrument.symbol)) for p in self._all()]
        realized = round(sum(row["realized_profit"] for row in rows), 4)
        unrealized = round(sum(row["unrealized_profit"] for row in rows), 4)
        overall = {
            "count_total": len(rows),
            "count_open": sum(row["netQty"] != 0 for row in rows),
            "pl_total": round(realized + unrealized, 4),
            "pl_realized": realized,
            "pl_unrealized": unrealized,
        }
        return _ok(netPositions=rows, overall=overall)

    def holding_answer(self) -> dict[str, Any]:
        rows = [self._holding(n, held) for n, held in enumerate(self.holdings, 1)]
        cost = sum(row["costPrice"] * row["quantity"] for row in rows)
        value = sum(row["marketVal"] for row in rows)
        overall = {
            "count_total": len(rows),
            "total_investment": round(cost, 2),
            "total_current_value": round(value, 2),
            "total_pl": round(value - cost, 2),
            "pnl_perc": round(100 * (value - cost) / cost, 2) if cost else 0,
        }
        return _ok(holdings=rows, overall=overall)

    def funds_answer(self) -> dict[str, Any]:
        """Row 4 stays 0 while profit is booked, as live answers were seen to do."""
        used, free = to_rupees(self._used()), to_rupees(self.free())
        amounts = (self.funds, used, free, 0, 0, 0, 0, 0, self.funds, free)
        rows = [
            {"id": n, "title": title, "equityAmount": amount, "commodityAmount": 0}
            for n, (title, amount) in enumerate(
                zip(FUND_TITLES, amounts, strict=True), 1
            )
        ]
        return _ok(fund_limit=rows)

    def margin_answer(self, orders: list[MarginOrder]) -> dict[str, Any]:
        """Whole value of *orders*, alone and with what is used already."""
        total = 0
        for order in orders:
            price = order.limit_price or self.market.last(order.symbol)
            total += order.qty * to_units(price)
        data = {
            "margin_avail": to_rupees(self.free()),
            "margin_total": to_rupees(total),
            "margin_new_order": to_rupees(total + self._used()),
        }
        return _ok(data=data)

    def _all(self) -> list[Position]:
        return list(self.positions.values())

    def _used(self) -> int:
        return self._blocked_in_all + sum(p.cost for p in self._all())

    def _holding(self, number: int, held: Holding) -> dict[str, Any]:
        instrument = self.market.instruments[held.symbol]
        last = self.market.last(held.symbol)
        return {
            "holdingType": "HLD",
            "quantity": held.quantity,
            "costPrice": held.cost,
            "marketVal": round(held.quantity * last, 2),
            "remainingQuantity": held.quantity - held.sold,
            "pl": round(held.quantity * (last - held.cost), 2),
            "ltp": last,
            "id": number,
            "fyToken": int(instrument.fy_token),  # a number here, text elsewhere
            "exchange": instrument.exchange,
            "symbol": held.symbol,
            "segment": instrument.segment,
            "isin": instrument.isin,
            "qty_t1": 0,
            "remainingPledgeQuantity": -1,
            "collateralQuantity": 0,
        }


def exit_order(position: Position) -> PlaceBody:
    """The market order that closes *position*."""
    return PlaceBody(
        symbol=position.instrument.symbol,
        qty=abs(position.net),
        type=2,
        side=-1 if position.net > 0 else 1,
        product_type=position.product,
        limit_price=0.0,
        stop_price=0.0,
        disclosed_qty=0,
        validity="DAY",
        offline_order=False,
    )


def _ok(**payload: Any) -> dict[str, Any]:
    return {"s": "ok", "code": 200, "message": "", **payload}
