"""The FYERS venue's book: orders, trades and a simple matching (dossier 6, 8)."""

import heapq
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from .fyers_account import Account
from .fyers_market import IST, Market, to_rupees, to_units
from .fyers_rows import (
    CANCELLED,
    PENDING,
    REJECTED,
    TRADED,
    Entry,
    TradeRow,
    order_row,
    trade_row,
)
from .fyers_rules import (
    LIMIT,
    MARKET,
    STOP,
    STOP_LIMIT,
    ModifyBody,
    PlaceBody,
    Refused,
    check_place,
    check_prices,
    check_quantity,
    check_trigger,
)


class Handling(msgspec.Struct, frozen=True, kw_only=True):
    """How the next orders are treated; the default is: as the market would.

    Args:
        reject: The risk desk's words; the order stands in the book as rejected.
        late: Seconds until the order shows in the book.
        transit: Seconds the order stays in transit before the market sees it.
        fill: Units that fill at once, the rest waits for `fill`; None matches.
    """

    reject: str = ""
    late: float = 0.0
    transit: float = 0.0
    fill: int | None = None


NORMAL = Handling()


class Book:
    """All orders of the day, by id and by tag, and what they did to the account.

    Args:
        clock: Wall clock, epoch seconds.
    """

    def __init__(
        self, market: Market, account: Account, clock: Callable[[], float]
    ) -> None:
        self.market = market
        self.account = account
        self.orders: dict[str, Entry] = {}
        self.by_tag: dict[str, list[Entry]] = {}
        self.trades: list[TradeRow] = []
        self.handling = NORMAL
        self.fill_market = True  # whether market orders fill at once
        self.matching = True  # whether anything fills by itself
        self.risk = False  # whether funds are checked
        self.changed: Callable[[Entry], None] = lambda entry: None
        self._clock = clock
        self._resting: dict[str, dict[str, Entry]] = {}
        self._transit: list[tuple[float, str]] = []
        self._late: list[Entry] = []
        self._stamp = (0, "", "")  # the second last asked for, its text, its date

    # What clients ask for

    def place(self, body: PlaceBody, *, source: str = "ITS") -> Entry:
        """Take an order.

        Raises:
            Refused: it breaks a rule (no order exists), or `handling` and the risk
                desk say so (the order stands in the book as rejected).
        """
        instrument = self.market.instruments.get(body.symbol)
        price = self.market.prices.get(body.symbol)
        last = price.last if price else 0.0
        check_place(body, instrument, last, self.account.client_id)
        assert instrument is not None
        assert price is not None
        now = self._clock()
        when, date = self._times(now)
        number = len(self.orders) + 1
        row = order_row(
            body,
            instrument,
            price,
            client_id=self.account.client_id,
            order_id=f"{date}{number:08d}",
            number=number,
            when=when,
            source=source,
        )
        entry = Entry(row, instrument, now)
        self.orders[row.id] = entry
        self.by_tag.setdefault(row.order_tag, []).append(entry)
        how = self.handling
        if how.late:
            entry.visible_at = now + how.late
            self._late.append(entry)
        self.changed(entry)
        reason = how.reject or (self.risk and self._shortfall(entry))
        if reason:
            entry.become(REJECTED, reason)
            self.changed(entry)
            raise Refused(-99, reason, order_id=row.id)
        if how.transit:
            heapq.heappush(self._transit, (now + how.transit, row.id))
        else:
            self._open(entry, how.fill)
        return entry

    def modify(self, body: ModifyBody) -> Entry:
        """Change a resting order; *qty* is its total.

        Raises:
            Refused: no such order (-51), not open any more (-163), a bad value (-50).
        """
        self.settle()
        entry = self.orders.get(str(body.id))
        if entry is None:
            raise Refused(-51, "Invalid order id")
        if not entry.is_open:
            raise Refused(-163, "Order modification failed, order is not pending")
        row = entry.row
        qty = row.qty if body.qty is None else body.qty
        disclosed = row.disclosed_qty
        if body.disclosed_qty is not None:
            disclosed = body.disclosed_qty
        limit = row.limit_price if body.limit_price is None else body.limit_price
        stop = row.stop_price if body.stop_price is None else body.stop_price
        if not LIMIT <= body.type <= STOP_LIMIT:
            raise Refused(-50, "Invalid type")
        limit = limit if body.type in (LIMIT, STOP_LIMIT) else 0.0
        stop = stop if body.type in (STOP, STOP_LIMIT) else 0.0
        check_quantity(qty, disclosed, entry.instrument)
        check_prices(body.type, row.side, limit, stop, entry.instrument)
        check_trigger(body.type, row.side, stop, self.market.last(row.symbol))
        if qty <= row.filled_qty:
            raise Refused(-50, "Invalid qty")
        row.type, row.qty, row.limit_price, row.stop_price = body.type, qty, limit, stop
        row.remaining_quantity = qty - row.filled_qty
        row.disclosed_qty = row.disclose_qty = row.dq_qty_rem = disclosed
        entry.triggered = False
        self.account.block(entry)
        self.changed(entry)
        if row.status == PENDING:
            self._match(entry)
        return entry

    def cancel(self, order_id: str) -> Entry:
        """Take an open order out of the market.

        Raises:
            Refused: unknown (-159), cancelled (-161), traded (-162), rejected (-164).
        """
        self.settle()
        entry = self.orders.get(order_id)
        if entry is None:
            raise Refused(-159, "Order number not found in the order book")
        if not entry.is_open:
            code, word = {
                TRADED: (-162, "traded"),
                REJECTED: (-164, "rejected"),
            }.get(entry.row.status, (-161, "cancelled"))
            raise Refused(code, f"Order already {word}")
        self.end(entry, CANCELLED)
        return entry

    def rows(self, entries: list[Entry] | None = None, stale: int = 0) -> list[Any]:
        """Rows a reader sees now, oldest first; less the *stale* newest of all."""
        self.settle()
        now = self._clock()
        self._late = [entry for entry in self._late if entry.visible_at > now]
        found = list(self.orders.values()) if entries is None else entries
        if self._late:
            found = [entry for entry in found if entry.visible_at <= now]
        if stale:
            missing = {id(entry) for entry in list(self.orders.values())[-stale:]}
            found = [entry for entry in found if id(entry) not in missing]
        return [entry.row for entry in found]

    def trade_rows(self, tag: str | None = None) -> list[TradeRow]:
        """Trades a reader sees now; those of an order not yet visible are hidden."""
        self.settle()
        now = self._clock()
        hidden = {entry.row.id for entry in self._late if entry.visible_at > now}
        return [
            trade
            for trade in self.trades
            if trade.order_number not in hidden and tag in (None, trade.order_tag)
        ]

    # What the market and the operator do

    def set_price(self, symbol: str, price: float) -> None:
        """Trade *symbol* at *price* and fill what crosses it.

        Raises:
            KeyError: no such symbol.
        """
        self.market.prices[symbol].move(price)
        self.settle()
        if not self.matching:
            return
        for entry in list(self._resting.get(symbol, {}).values()):
            self._match(entry, resting=True)

    def fill(self, entry: Entry, qty: int, price: float) -> None:
        """Fill *qty* units of an open order at *price*.

        Raises:
            ValueError: the order is not open for that many.
        """
        row = entry.row
        if not (row.status == PENDING and 0 < qty <= row.remaining_quantity):
            raise ValueError(f"{row.id} is not open for {qty} units")
        entry.value += qty * to_units(price)
        row.filled_qty += qty
        row.remaining_quantity -= qty
        row.traded_price = round(to_rupees(entry.value) / row.filled_qty, 4)
        when, _ = self._times(self._clock())
        number = 2_000_000 + len(self.trades) + 1
        self.trades.append(trade_row(entry, qty, price, number, when))
        self.account.apply(entry, qty, price)
        if row.remaining_quantity == 0:
            self.end(entry, TRADED)
        else:
            self.changed(entry)

    def end(self, entry: Entry, status: int, message: str = "") -> None:
        """Give the order a last *status*: by its owner, or by the exchange."""
        entry.become(status, message)
        self._resting.get(entry.row.symbol, {}).pop(entry.row.id, None)
        self.account.release(entry)
        self.changed(entry)

    def settle(self) -> None:
        """Let orders through whose time in transit is over."""
        while self._transit and self._transit[0][0] <= self._clock():
            entry = self.orders[heapq.heappop(self._transit)[1]]
            if entry.is_open:
                self._open(entry, None)

    def find(self, order_id: str = "", tag: str = "") -> Entry:
        """The order by id or, as sent, by tag (the newest).

        Raises:
            KeyError: there is none.
        """
        self.settle()
        return self.orders[order_id] if order_id else self.by_tag[f"1:{tag}"][-1]

    # Matching

    def _open(self, entry: Entry, fill: int | None) -> None:
        row = entry.row
        entry.become(PENDING)
        row.exch_ord_id = f"11{row.sl_no:014d}"
        self.account.block(entry)
        self.changed(entry)
        if row.offline_order:
            return
        if fill is None:
            self._match(entry)
        elif fill:
            self.fill(entry, fill, row.limit_price or self.market.last(row.symbol))
        if row.status == PENDING and row.order_validity == "IOC":
            self.end(entry, CANCELLED)

    def _match(self, entry: Entry, *, resting: bool = False) -> None:
        row = entry.row
        last = self.market.last(row.symbol)
        price = self._fill_price(entry, last, resting) if self.matching else None
        if price is not None:
            self.fill(entry, row.remaining_quantity, price)
        elif not resting:
            self._resting.setdefault(row.symbol, {})[row.id] = entry

    def _fill_price(self, entry: Entry, last: float, resting: bool) -> float | None:
        row = entry.row
        if row.type in (STOP, STOP_LIMIT) and not entry.triggered:
            entry.triggered = row.side * (last - row.stop_price) >= 0
            if not entry.triggered:
                return None
            resting = False  # it reaches the market only now
        if row.type in (MARKET, STOP):
            return last if self.fill_market else None
        if row.side * (row.limit_price - last) < 0:
            return None
        return row.limit_price if resting else last

    def _shortfall(self, entry: Entry) -> str:
        need, free = self.account.need(entry), self.account.free()
        if need <= free:
            return ""
        return (
            f"RED:Margin Shortfall:INR {to_rupees(need):.2f} "
            f"Available:INR {to_rupees(free):.2f} "
            f"for C-{self.account.client_id} [FYERS_RISK_CUG]"
        )

    def _times(self, now: float) -> tuple[str, str]:
        second = int(now)
        if second != self._stamp[0]:
            at = datetime.fromtimestamp(second, IST)
            text = at.strftime("%d-%b-%Y %H:%M:%S")
            self._stamp = (second, text, at.strftime("%y%m%d"))
        return self._stamp[1], self._stamp[2]
