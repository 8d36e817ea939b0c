"""Every call of the API, in one table: the application and OpenAPI are made from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple

import msgspec

from actors.ownership import ShownOrder
from adapters import Depth, Funds, Holding, Margin, Position, Quote, Trade
from ordo.http import (
    accounts,
    events,
    instruments,
    margin,
    masters,
    metrics,
    modifying,
    openapi,
    orders,
    placing,
    reconciling,
    report,
    safety,
    sessions,
    simulate,
    squareoff,
    status,
)
from ordo.http.bodies import (
    BreakerBody,
    CancelBody,
    CloseBody,
    PlaceBody,
    ReconcileBody,
    SwitchBody,
    SyncBody,
    VerifyBody,
)
from ordo.http.call import Call
from ordo.http.envelope import Reply
from ordo.http.views import BatchData, BatchView, OrderList, OrderView

Scope = Literal["none", "read", "trade", "admin"]


class Route(NamedTuple):
    """One call. `path` names its parts in braces; `query` its parameters,
    of which it `needs` some.

    `data` is what it answers with; or the rows under which name, each with a `broker`.
    `page`: others write its query, so that every name is taken. `events`: it answers
    with a stream of them; `text`: with plain text. `may_pend`: it
    may answer 202, its work still under way.
    """

    method: str
    path: str
    scope: Scope
    handler: Callable[[Call], Awaitable[Reply]]
    summary: str
    body: type[msgspec.Struct] | None = None
    query: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    data: type[msgspec.Struct] | tuple[str, type[msgspec.Struct]] | None = None
    page: bool = False
    events: bool = False
    text: bool = False
    may_pend: bool = False


V1 = "/api/v1"
B = ("brokers",)

ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        f"{V1}/orders",
        "trade",
        placing.place,
        "Place orders",
        PlaceBody,
        data=BatchData,
    ),
    Route(
        "GET",
        f"{V1}/orders",
        "read",
        orders.list_orders,
        "List orders, newest first",
        query=(
            "broker",
            "status",
            "symbol",
            "batch_id",
            "portfolio_id",
            "since",
            "limit",
            "cursor",
        ),
        data=OrderList,
    ),
    Route(
        "GET",
        f"{V1}/orders/{{order_id}}",
        "read",
        orders.get_order,
        "One order",
        data=OrderView,
    ),
    Route(
        "PATCH",
        f"{V1}/orders/{{order_id}}",
        "trade",
        modifying.modify_order,
        "Change an open order",
        body=modifying.ModifyBody,
        data=OrderView,
        may_pend=True,
    ),
    Route(
        "DELETE",
        f"{V1}/orders/{{order_id}}",
        "trade",
        orders.cancel_order,
        "Cancel an order",
        data=OrderView,
    ),
    Route(
        "POST",
        f"{V1}/orders/{{order_id}}/simulate_fill",
        "trade",
        simulate.simulate_fill,
        "Fill an open order of a simulated broker",
        simulate.SimulateBody,
        data=OrderView,
        may_pend=True,
    ),
    Route(
        "POST",
        f"{V1}/orders/cancel",
        "trade",
        squareoff.cancel_open,
        "Cancel every open order that matches",
        CancelBody,
        data=squareoff.CancelView,
        may_pend=True,
    ),
    Route(
        "GET",
        f"{V1}/batches/{{batch_id}}",
        "read",
        orders.get_batch,
        "One batch",
        data=BatchView,
    ),
    Route(
        "GET",
        f"{V1}/kill-switch",
        "read",
        safety.read_switch,
        "The kill-switch",
        data=safety.SwitchView,
    ),
    Route(
        "PUT",
        f"{V1}/kill-switch",
        "trade",
        safety.turn_switch,
        "Engage (trade) or release (admin) the kill-switch",
        SwitchBody,
        data=safety.SwitchView,
    ),
    Route(
        "PUT",
        f"{V1}/brokers/{{broker}}/breaker",
        "admin",
        safety.set_breaker,
        "Force a breaker",
        BreakerBody,
        data=safety.BreakerView,
    ),
    Route(
        "GET",
        f"{V1}/portfolio",
        "read",
        accounts.portfolio,
        "Holdings, positions and funds with totals",
        query=B,
        data=accounts.PortfolioView,
    ),
    Route(
        "GET",
        f"{V1}/positions",
        "read",
        accounts.listing("positions", "positions"),
        "Positions",
        query=B,
        data=("positions", Position),
    ),
    Route(
        "POST",
        f"{V1}/positions/close",
        "trade",
        squareoff.close_positions,
        "Square off every open position that matches",
        CloseBody,
        data=BatchData,
    ),
    Route(
        "GET",
        f"{V1}/holdings",
        "read",
        accounts.listing("holdings", "holdings"),
        "Holdings",
        query=B,
        data=("holdings", Holding),
    ),
    Route(
        "GET",
        f"{V1}/funds",
        "read",
        accounts.listing("funds", "funds"),
        "Funds",
        query=B,
        data=("funds", Funds),
    ),
    Route(
        "GET",
        f"{V1}/trades",
        "read",
        accounts.listing("trades", "trades"),
        "Trades of the day",
        query=B,
        data=("trades", Trade),
    ),
    Route(
        "GET",
        f"{V1}/orderbook",
        "read",
        accounts.listing("orderbook", "orders"),
        "The brokers' own order books",
        query=B,
        data=("orders", ShownOrder),
    ),
    Route(
        "GET",
        f"{V1}/quotes",
        "read",
        accounts.quotes,
        "Quotes",
        query=("symbols", "brokers"),
        needs=("symbols",),
        data=("quotes", Quote),
    ),
    Route(
        "GET",
        f"{V1}/depth",
        "read",
        accounts.depth,
        "The order book of a symbol",
        query=("symbol", "brokers"),
        needs=("symbol",),
        data=("depth", Depth),
    ),
    Route(
        "POST",
        f"{V1}/margin",
        "read",
        margin.margin,
        "What orders would block",
        PlaceBody,
        data=("margins", Margin),
    ),
    Route(
        "POST",
        f"{V1}/reconcile",
        "trade",
        reconciling.reconcile,
        "Hold Ordo's orders against the brokers' books now",
        ReconcileBody,
        data=reconciling.ReconcileView,
    ),
    Route(
        "GET",
        f"{V1}/sessions",
        "read",
        sessions.list_sessions,
        "Who is logged in, until when",
        data=sessions.SessionList,
    ),
    Route(
        "POST",
        f"{V1}/sessions/{{broker}}/login",
        "trade",
        sessions.begin,
        "Start a log-in",
        data=sessions.LoginView,
    ),
    Route(
        "POST",
        f"{V1}/sessions/{{broker}}/verify",
        "trade",
        sessions.verify,
        "Answer what a log-in asks for",
        VerifyBody,
        data=sessions.LoginView,
    ),
    Route(
        "GET",
        f"{V1}/sessions/{{broker}}/callback",
        "none",
        sessions.callback,
        "Where a broker's page comes back to; a page for people",
        page=True,
    ),
    Route(
        "DELETE",
        f"{V1}/sessions/{{broker}}",
        "trade",
        sessions.log_out,
        "Log out",
        data=sessions.LoginView,
    ),
    Route(
        "GET",
        f"{V1}/instruments",
        "read",
        instruments.search,
        "Search instruments",
        query=(
            "query",
            "exchange",
            "type",
            "expiry",
            "brokers",
            "limit",
            "cursor",
        ),
        data=instruments.InstrumentList,
    ),
    Route(
        "GET",
        f"{V1}/instruments/sync",
        "read",
        masters.sync_state,
        "How the instrument masters are",
        data=masters.MasterList,
    ),
    Route(
        "POST",
        f"{V1}/instruments/sync",
        "admin",
        masters.sync,
        "Fetch the instrument masters now",
        SyncBody,
        data=masters.MasterList,
        may_pend=True,
    ),
    Route(
        "GET",
        f"{V1}/instruments/{{symbol}}",
        "read",
        instruments.one,
        "One instrument",
        query=B,
        data=instruments.InstrumentView,
    ),
    Route(
        "GET",
        f"{V1}/status",
        "read",
        status.status,
        "How Ordo does",
        data=status.StatusView,
    ),
    Route(
        "GET",
        f"{V1}/audit",
        "admin",
        status.audit,
        "Audit records, oldest first",
        query=("since", "request_id", "order_id", "limit", "cursor"),
        data=status.AuditList,
    ),
    Route(
        "GET",
        f"{V1}/events",
        "read",
        events.stream,
        "What happens, as it happens",
        query=("brokers", "after"),
        events=True,
    ),
    Route(
        "GET",
        f"{V1}/reconcile/{{batch_id}}",
        "read",
        report.batch_report,
        "What became of a batch",
        data=report.BatchReport,
    ),
    Route(
        "GET",
        "/metrics",
        "read",
        metrics.metrics,
        "How it does, for Prometheus",
        text=True,
    ),
    Route("GET", "/health", "none", status.health, "Liveness", data=status.Alive),
    Route("GET", "/openapi.json", "read", openapi.document, "This document"),
)
