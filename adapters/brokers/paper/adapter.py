"""The paper broker as a `SimulatedPort`: a desk behind a wire that can be bad."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec
import trio

from adapters.brokers.paper.account import Account
from adapters.brokers.paper.delivery import Nets, delivered
from adapters.brokers.paper.desk import Desk
from adapters.brokers.paper.faults import NO_FAULT, Fault
from adapters.brokers.paper.hands import Hands
from adapters.brokers.paper.house import PAPER, House
from adapters.brokers.paper.journal import Journal
from adapters.brokers.paper.ledger import Ledger, position
from adapters.brokers.paper.matching import Entry
from adapters.brokers.paper.prices import Market
from adapters.brokers.paper.script import Script
from adapters.brokers.paper.settings import PaperSettings
from adapters.brokers.paper.wire import Wire
from adapters.errors import Refused, Unsupported
from adapters.login import Grant, LoginPort
from adapters.model import (
    ZERO,
    Acked,
    BookOrder,
    Depth,
    Funds,
    Holding,
    Margin,
    Order,
    Position,
    Product,
    Quote,
    Rejected,
    Trade,
)
from adapters.ports import Capabilities, LastLook

T = TypeVar("T")

CAPABILITIES = PAPER.capabilities


class PaperBroker(Hands):
    """One paper account: orders are matched in this process, against made-up prices.

    Same settings, same *rng*, same calls: same ids, same fills. There is no log-in,
    the market never closes and nothing expires or is delivered.

    Args:
        settings: The account, its market and how well the broker behaves.
        rng: For jitter and for `refuse_rate` and `fail_rate`; prices have their own.
        wall: Wall time, aware.
        sleep: Waits for seconds.
        journal: Where the account is kept; None forgets it.
        house: How the broker speaks, and what it can do.

    Raises:
        ConfigError: The journal cannot be opened or read.
    """

    def __init__(
        self,
        settings: PaperSettings,
        *,
        rng: random.Random,
        wall: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = trio.sleep,
        journal: Path | None = None,
        house: House = PAPER,
    ) -> None:
        self.script = Script()
        self._settings = settings
        self._wall = wall
        self._wire = Wire(settings, rng, sleep)
        self._house = house
        market = Market(
            seed=settings.seed,
            prices=settings.prices,
            volatility=settings.volatility,
            tick=settings.tick,
            liquidity=settings.liquidity,
            symbols=settings.symbols,
        )
        held = {symbol: row.quantity for symbol, row in settings.holdings.items()}
        ledger = Ledger(
            settings.balance,
            settings.margin,
            held,
            currency=house.currency,
            shorts=house.shorts,
        )
        self._journal = Journal(journal)
        self._account = Account(ledger, self._journal, house.zone)
        desk = Desk(self._account, market, fill=settings.fill, wall=wall, house=house)
        super().__init__(market, desk)

    @property
    def capabilities(self) -> Capabilities:
        """Simulated, without published limits; the rest is the house's."""
        return self._house.capabilities

    # The port

    @property
    def login(self) -> LoginPort | None:
        """None: nobody has to log in here."""
        return None

    def use(self, grant: Grant | None) -> None:
        """Nothing: no call here bears a token."""

    async def place(
        self, order: Order, tag: str, last_look: LastLook
    ) -> Acked | Rejected:
        """Place an order; an empty *tag* is none, a known one makes a second order."""
        fault = self.script.begin("place", order=order, tag=tag) or self._wire.chance()
        refusal = fault.refusal if fault.in_book else None
        if refusal is not None:  # the desk enters the order and then says so itself
            fault = msgspec.structs.replace(fault, carried_out=True, refusal=None)

        def act() -> Acked | Rejected:
            hidden_for = max(fault.hidden_for, self._settings.book_delay)
            visible_at = trio.current_time() + hidden_for
            if refusal is not None:
                return self._desk.refuse(order, tag, refusal, visible_at=visible_at)
            return self._desk.place(order, tag, visible_at=visible_at)

        return await self._wire.call(fault, act, last_look)

    async def modify(
        self, broker_order_id: str, order: Order, last_look: LastLook
    ) -> Acked | Rejected:
        """Let an open order become *order*; its quantity is the total."""
        fault = self.script.begin(
            "modify", order=order, broker_order_id=broker_order_id
        )
        return await self._wire.call(
            fault or NO_FAULT,
            lambda: self._desk.change(broker_order_id, order),
            last_look,
        )

    async def cancel(self, broker_order_id: str) -> Acked | Rejected:
        """Cancel what is left of an open order."""
        fault = self.script.begin("cancel", broker_order_id=broker_order_id)
        return await self._wire.call(
            fault or NO_FAULT, lambda: self._desk.cancel(broker_order_id)
        )

    async def order_book(self) -> Sequence[BookOrder]:
        """Every order, oldest first; prices of open ones make a step before."""
        fault = self.script.begin("order_book") or NO_FAULT

        def act() -> Sequence[BookOrder]:
            self.step()
            left_out = self._newest(fault.leaves_out)
            return [
                entry.row()
                for entry in self._account.book.entries.values()
                if self._shows(entry) and entry.id not in left_out
            ]

        return await self._read(fault, act)

    async def order_by_tag(self, tag: str) -> BookOrder | None:
        """The newest order of that tag."""
        fault = self.script.begin("order_by_tag", tag=tag) or NO_FAULT

        def act() -> BookOrder | None:
            left_out = self._newest(fault.leaves_out)
            for entry in self._account.book.tagged(tag):
                if self._shows(entry) and entry.id not in left_out:
                    return entry.row()
            return None

        return await self._read(fault, act)

    async def trades(self) -> Sequence[Trade]:
        """Today's fills of the orders that the book shows, oldest first."""
        entries = self._account.book.entries
        return await self._read(
            self.script.begin("trades"),
            lambda: [
                trade
                for trade in self._account.trades
                if self._is_todays(trade)
                and self._shows(entries[trade.broker_order_id])
            ],
        )

    async def positions(self) -> Sequence[Position]:
        """Net positions of all fills, also of orders the book does not show yet.

        Where shares are delivered, those of CNC are of today's fills alone.
        """

        def act() -> Sequence[Position]:
            last, today = self._market.last, self._today()
            rows = self._account.ledger.positions(last, today)
            if not self._house.delivers:
                return rows
            return [row for row in rows if row.product is not Product.CNC] + [
                position(symbol, Product.CNC, net, last(symbol), today)
                for symbol, net in self._demat()[1].items()
            ]

        return await self._read(self.script.begin("positions"), act)

    async def holdings(self) -> Sequence[Holding]:
        """The demat account as the day began: what the account started with, and what
        was delivered since; a sale of it shows as a negative position."""
        return await self._read(
            self.script.begin("holdings"),
            lambda: [
                Holding(
                    symbol=symbol,
                    quantity=net.quantity,
                    t1_quantity=ZERO,
                    average_price=net.cost / net.quantity,
                    last_price=self._market.last(symbol),
                )
                for symbol, net in self._demat()[0].items()
                if net.quantity > 0
            ],
        )

    async def funds(self) -> Funds:
        """The money; see `Ledger.funds` for what is counted where."""
        return await self._read(self.script.begin("funds"), self._account.ledger.funds)

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        """The symbols' prices, each a step further; unknown symbols are left out."""

        def act() -> Sequence[Quote]:
            known = [s for s in dict.fromkeys(symbols) if self._market.lists(s)]
            for symbol in known:
                self._desk.step(symbol)
            return [self._market.quote(symbol, self._wall()) for symbol in known]

        return await self._read(self.script.begin("quotes"), act)

    async def depth(self, symbol: str) -> Depth:
        """There is no book at this broker, only its prices."""
        raise Unsupported("a paper broker has prices, and no depth behind them")

    async def margin(self, orders: Sequence[Order]) -> Margin:
        """There is no margin here: funds are checked as an order is placed."""
        raise Unsupported("a paper broker reckons no margin before an order")

    async def download_master(self, directory: Path) -> Sequence[Path]:
        """There is none: what trades here is made up as it is asked for."""
        raise Unsupported("a paper broker has no instrument files")

    async def check(self) -> None:
        """Answer, unless the script says otherwise."""
        await self._read(self.script.begin("check"), lambda: None)

    async def aclose(self) -> None:
        """Let go of the journal."""
        self._journal.close()

    async def simulate_fill(
        self, broker_order_id: str, quantity: Decimal, price: Decimal
    ) -> Trade:
        """Fill some of an open order by hand, at any price; no fault befalls this."""
        await trio.lowlevel.checkpoint()
        return self.fill(broker_order_id, quantity, price)

    def _today(self) -> date:
        return self._account.day(self._wall())

    def _is_todays(self, trade: Trade) -> bool:
        return trade.traded_at is not None and (
            self._account.day(trade.traded_at) == self._today()
        )

    def _demat(self) -> tuple[Nets, Nets]:
        """The demat account as the day began, and what today's CNC fills make."""
        trades = self._account.trades if self._house.delivers else ()
        held, zone = self._settings.holdings, self._house.zone
        return delivered(held, trades, self._today(), zone)

    async def _read(self, fault: Fault | None, act: Callable[[], T]) -> T:
        answer = await self._wire.call(fault or NO_FAULT, act)
        if isinstance(answer, Rejected):
            raise Refused(answer.code, answer.text, answer.http_status)
        return answer

    def _shows(self, entry: Entry) -> bool:
        return entry.visible_at <= trio.current_time()

    def _newest(self, count: int) -> set[str]:
        return set(list(self._account.book.entries)[-count:]) if count else set()
