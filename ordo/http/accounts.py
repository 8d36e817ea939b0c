"""Reads of the brokers' own books: side by side, and partial where one is down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import trio

from actors.mailbox import MailboxError
from actors.messages import FetchAll, Fetched, FetchFailed, ReadKind
from ordo.http.call import Call
from ordo.http.envelope import BrokerResult, Reply, Status, overall
from ordo.http.errors import ApiError, query_error
from ordo.http.legs import SYMBOL
from ordo.http.portfolio import Totals, totals
from ordo.http.rows import read_result, rows_of

READ_SECONDS = 10.0
MOST_SYMBOLS = 200

Answers = tuple[Fetched | FetchFailed, ...]


class PortfolioView(msgspec.Struct, kw_only=True):
    """All accounts as one: the brokers' own rows, and their sums."""

    holdings: list[dict[str, Any]]
    positions: list[dict[str, Any]]
    funds: list[dict[str, Any]]
    totals: Totals


def listing(kind: ReadKind, plural: str) -> Callable[[Call], Awaitable[Reply]]:
    """A handler that lists one kind of row from every broker, under *plural*."""

    async def handler(call: Call) -> Reply:
        return _listed(await _fetch(call, kind), plural)

    return handler


async def quotes(call: Call) -> Reply:
    """The market in some symbols, as each broker sees it."""
    text = call.query.get("symbols", "")
    symbols = tuple(dict.fromkeys(text.split(","))) if text else ()
    if not 1 <= len(symbols) <= MOST_SYMBOLS:
        wanted = f"wanted 1 to {MOST_SYMBOLS} such as NSE:SBIN,NSE:INFY"
        raise query_error("symbols", f"{wanted}, found {len(symbols)}")
    for symbol in symbols:
        if not SYMBOL.fullmatch(symbol):
            raise query_error("symbols", f"wanted EXCHANGE:NAME, found {symbol[:64]!r}")
    return _listed(await _fetch(call, "quotes", symbols), "quotes")


async def depth(call: Call) -> Reply:
    """The order book of one symbol, as each broker sees it."""
    symbol = call.query.get("symbol", "")
    if not SYMBOL.fullmatch(symbol):
        raise query_error("symbol", f"wanted EXCHANGE:NAME, found {symbol[:64]!r}")
    return _listed(await _fetch(call, "depth", (symbol,)), "depth")


async def portfolio(call: Call) -> Reply:
    """Holdings, positions and funds of all brokers, with totals."""
    parts: dict[ReadKind, Answers] = {}
    refused: list[ApiError] = []  # a nursery would raise them as a group

    async def part(kind: ReadKind) -> None:
        try:
            parts[kind] = await _fetch(call, kind)
        except ApiError as error:
            refused.append(error)

    async with trio.open_nursery() as reads:
        for kind in ("holdings", "positions", "funds"):
            reads.start_soon(part, kind)
    if refused:
        raise refused[0]
    rows = {kind: rows_of(parts[kind]) for kind in parts}
    results = [_worst([parts[kind][i] for kind in parts]) for i in _indexes(parts)]
    return Reply(
        status=_all_told(parts, results),
        data=PortfolioView(
            holdings=rows["holdings"],
            positions=rows["positions"],
            funds=rows["funds"],
            totals=totals(rows["positions"], rows["holdings"], rows["funds"]),
        ),
        results=results,
        broker_ms=_longest([answer for part in parts.values() for answer in part]),
    )


def _all_told(parts: dict[ReadKind, Answers], results: list[BrokerResult]) -> Status:
    """`partial` too where one broker told of its holdings and not of its funds."""
    some = any(isinstance(row, Fetched) for part in parts.values() for row in part)
    whole = overall(results)
    return "partial" if whole == "error" and some else whole


async def _fetch(call: Call, kind: ReadKind, symbols: tuple[str, ...] = ()) -> Answers:
    message = FetchAll(kind=kind, brokers=call.brokers(), symbols=symbols)
    try:
        with trio.fail_after(READ_SECONDS):
            return await call.system.router.ask(message)
    except (MailboxError, trio.TooSlowError):
        raise ApiError("overloaded", "the router gave no answer; ask again") from None


def _listed(answers: Answers, plural: str) -> Reply:
    results = [read_result(answer) for answer in answers]
    return Reply(
        status=overall(results),
        data={plural: rows_of(answers), "next_cursor": None},
        results=results,
        broker_ms=_longest(answers),
    )


def _longest(answers: Answers | list[Fetched | FetchFailed]) -> float:
    return max((answer.latency_ms for answer in answers), default=0.0)


def _indexes(parts: dict[ReadKind, Answers]) -> range:
    return range(len(next(iter(parts.values()))))


def _worst(answers: list[Fetched | FetchFailed]) -> BrokerResult:
    """One entry for a broker's three reads: the first that failed, if any did."""
    failed = [answer for answer in answers if isinstance(answer, FetchFailed)]
    return read_result(failed[0] if failed else answers[0])
