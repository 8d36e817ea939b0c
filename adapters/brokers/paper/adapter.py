"""The paper broker as a `BrokerPort`: a desk behind a wire that can be bad."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec
import trio

from adapters.brokers.paper.account import Account, trading_day
from adapters.brokers.paper.desk import Desk
from adapters.brokers.paper.faults import NO_FAULT, Fault
from adapters.brokers.paper.journal import Journal
from adapters.brokers.paper.ledger import Ledger
from adapters.brokers.paper.matching import Entry
from adapters.brokers.paper.prices import EXCHANGES, Market
from adapters.brokers.paper.rules import TAG
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
    OrderType,
    Position,
    Product,
    Quote,
    Rejected,
    Trade,
    Validity,
)
from adapters.ports import Capabilities, LastLook, PublishedLimits

T = TypeVar("T")

CAPABILITIES = Capabilities(
    limits=PublishedLimits(),
    tag=TAG,
    order_types=frozenset(OrderType),
    products=frozenset(Product),
    validities=frozenset(Validity),
    exchanges=EXCHANGES,
    book_poll=1.0,
    fractional=True,  # of US symbols; the rules refuse fractions of others
    simulated=True,
)


class PaperBroker:
    """One paper account: orders are matched in this process, against made-up prices.

    Same settings, same *rng*, same calls: same ids, same fills. There is no log-in,
    the market never closes and nothing expires or is delivered.

    Args:
        settings: The account, its market and how well the broker behaves.
        rng: For jitter and for `refuse_rate` and `fail_rate`; prices have their own.
        wall: Wall time, aware.
        sleep: Waits for seconds.
        journal: Where the account is kept; None forgets it.

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
    ) -> None:
        self.script = Script()
        self._settings = settings
        self._wall = wall
        self._wire = Wire(settings, rng, sleep)
        self._market = Market(
            seed=settings.seed,
            prices=settings.prices,
            volatility=settings.volatility,
            tick=settings.tick,
            liquidity=settings.liquidity,
            symbols=settings.symbols,
        )
        held = {symbol: row.quantity for symbol, row in settings.holdings.items()}
        ledger = Ledger(settings.balance, settings.margin, held)
        self._journal = Journal(journal)
        self._account = Account(ledger, self._journal)
        self._desk = Desk(self._account, self._market, fill=settings.fill, wall=wall)

    @property
    def capabilities(self) -> Capabilities:
        """All order types and products, no published limits; simulated."""
        return CAPABILITIES

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
        """Every fill of the orders that the book shows, oldest first."""
        entries = self._account.book.entries
        return await self._read(
            self.script.begin("trades"),
            lambda: [
                trade
                for trade in self._account.trades
                if self._shows(entries[trade.broker_order_id])
            ],
        )

    async def positions(self) -> Sequence[Position]:
        """Net positions of all fills, also of orders the book does not show yet."""
        return await self._read(
            self.script.begin("positions"),
            lambda: self._account.ledger.positions(
                self._market.last, trading_day(self._wall())
            ),
        )

    async def holdings(self) -> Sequence[Holding]:
        """What the account started with; a sale of it shows as a negative position."""
        return await self._read(
            self.script.begin("holdings"),
            lambda: [
                Holding(
                    symbol=symbol,
                    quantity=row.quantity,
                    t1_quantity=ZERO,
                    average_price=row.average_price,
                    last_price=self._market.last(symbol),
                )
                for symbol, row in self._settings.holdings.items()
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

    # The market, for tests and `simulate_fill`

    def set_price(self, symbol: str, price: Decimal | int | str) -> None:
        """Put a price where it stays, and match what waits for it.

        Raises:
            ValueError: It is not above one tick, or too high.
        """
        self._market.set_price(symbol, Decimal(price))
        self._desk.match(symbol)

    def free_price(self, symbol: str) -> None:
        """Let a set price walk on."""
        self._market.free_price(symbol)

    def set_liquidity(self, symbol: str, quantity: Decimal | int | None) -> None:
        """Let so many units trade at one price, and match; None is no bound."""
        bound = None if quantity is None else Decimal(quantity)
        self._market.set_liquidity(symbol, bound)
        self._desk.match(symbol)

    def step(self, symbol: str | None = None) -> None:
        """Let a price make a step, or those of all open orders, and match."""
        wanted = self._account.book.open_symbols() if symbol is None else [symbol]
        for each in wanted:
            self._desk.step(each)

    def fill(
        self,
        broker_order_id: str,
        quantity: Decimal | int | None = None,
        price: Decimal | int | str | None = None,
    ) -> Trade:
        """Fill an open order by hand, at any price; None is all, at its own price.

        Raises:
            Refused: It is not open, or not for that much, or the price is none.
        """
        return self._desk.fill(
            broker_order_id,
            None if quantity is None else Decimal(quantity),
            None if price is None else Decimal(price),
        )

    async def _read(self, fault: Fault | None, act: Callable[[], T]) -> T:
        answer = await self._wire.call(fault or NO_FAULT, act)
        if isinstance(answer, Rejected):
            raise Refused(answer.code, answer.text, answer.http_status)
        return answer

    def _shows(self, entry: Entry) -> bool:
        return entry.visible_at <= trio.current_time()

    def _newest(self, count: int) -> set[str]:
        return set(list(self._account.book.entries)[-count:]) if count else set()
