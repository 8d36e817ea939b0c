"""`ordo adapters`: which brokers this version speaks to, and what they can do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from adapters.brokers.code_table import CodeRow
    from adapters.ports import Capabilities


@click.command()
@click.argument("name", required=False)
@click.option("--codes", is_flag=True, help="Every error code, and what it counts as.")
@click.option("--json", "raw", is_flag=True, help="Print JSON.")
def adapters(name: str | None, codes: bool, raw: bool) -> None:
    """List the adapters and what they can do; of one, all that it can.

    With --codes: what each of the broker's error codes, and what an answer without
    one, counts as for each kind of call. An order is sent again after none of them
    but not_sent and rate_limited; unknown is looked up in the broker's book.
    """
    from adapters.catalogue import ADAPTERS, capabilities, find

    if name is not None:
        find(name)
    names = sorted(ADAPTERS) if name is None else [name]
    if codes:
        rows = [row for each in names for row in _codes(each)]
        lines = _code_lines(rows) if not raw else _json([r._asdict() for r in rows])
    elif raw:
        lines = _json([_facts(each, capabilities(each)) for each in names])
    elif name is not None:
        lines = _all_of(_facts(name, capabilities(name)))
    else:
        lines = _table(
            [list(COLUMNS.values())]
            + [_cells(_facts(each, capabilities(each))) for each in names]
        )
    for line in lines:
        click.echo(line)


COLUMNS = {
    "adapter": "ADAPTER",
    "orders_per_second": "ORDERS/S",
    "per_minute": "CALLS/MIN",
    "tag_length": "TAG",
    "margin": "MARGIN",
    "depth": "DEPTH",
    "master": "MASTER",
    "exchanges": "EXCHANGES",
}


def _facts(name: str, can: Capabilities) -> dict[str, Any]:
    """What an adapter can do, in plain values; None is no limit, or no tag."""
    return {
        "adapter": name,
        "exchanges": sorted(can.exchanges),
        "order_types": [str(kind) for kind in sorted(can.order_types)],
        "products": [str(product) for product in sorted(can.products)],
        "validities": [str(validity) for validity in sorted(can.validities)],
        "no_ioc": sorted(can.no_ioc),
        "orders_per_second": can.limits.orders_per_second,
        "orders_per_minute": can.limits.orders_per_minute,
        "orders_per_hour": can.limits.orders_per_hour,
        "per_second": can.limits.per_second,
        "per_minute": can.limits.per_minute,
        "per_hour": can.limits.per_hour,
        "per_day": can.limits.per_day,
        "tag_length": None if can.tag is None else can.tag.max_length,
        "book_poll_seconds": can.book_poll,
        "protects_market": can.protects_market,
        "fractional": can.fractional,
        "margin": can.margin,
        "depth": can.depth,
        "master": can.master,
        "simulated": can.simulated,
    }


def _cells(facts: dict[str, Any]) -> list[str]:
    return [_cell(facts[key]) for key in COLUMNS]


def _all_of(facts: dict[str, Any]) -> list[str]:
    width = max(map(len, facts)) + 2
    return [
        f"{key.replace('_', ' '):<{width}}{_cell(value)}"
        for key, value in facts.items()
    ]


def _codes(name: str) -> Iterable[CodeRow]:
    """The rows of an adapter's table; none where its broker has no codes."""
    import importlib
    import importlib.util

    from adapters.catalogue import find

    package = find(name).factory.partition(":")[0].rpartition(".")[0]
    if importlib.util.find_spec(f"{package}.codes") is None:
        return []
    rows: Iterable[CodeRow] = importlib.import_module(f"{package}.codes").table()
    return rows


def _code_lines(rows: Sequence[CodeRow]) -> list[str]:
    if not rows:
        return ["no codes: this broker is a part of Ordo"]
    head = [field.replace("_", " ").upper() for field in rows[0]._fields]
    return _table([head] + [[_cell(value) for value in row] for row in rows])


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(value) or "-"
    return "-" if value in (None, "") else str(value)


def _json(value: Any) -> list[str]:
    return [json.dumps(value, ensure_ascii=False)]
