"""Metrics: each family that `/metrics` can show, with its labels."""

from __future__ import annotations

from collections.abc import Iterable

import trio
from prometheus_client.metrics_core import Metric

from ordo.http.metrics import Now
from ordo.metrics import Meters
from tests.reference.words import code, table
from tests.support.gateway import make_paper, make_system

INTRODUCTION = """# Metrics

What `GET /metrics` shows ([how to read it](../operations/metrics.md)). A histogram has
`_bucket`, `_sum` and `_count`; its bounds are seconds unless its name says otherwise.
"""


def page() -> str:
    """The page."""
    head = ("metric", "kind", "labels", "is")
    return f"{INTRODUCTION}\n\n{table(head, sorted(_rows()))}"


def names() -> set[str]:
    """Every family of ours, without what Prometheus appends."""
    return {family.name for family, _ in _families() if family.name.startswith("ordo_")}


def _rows() -> Iterable[tuple[str, str, str, str]]:
    for family, labels in _families():
        if family.name.startswith("ordo_"):
            end = "_total" if family.type == "counter" else ""
            shown = ", ".join(map(code, labels))
            yield code(family.name + end), family.type, shown, family.documentation


def _families() -> Iterable[tuple[Metric, Iterable[str]]]:
    counted = Meters()
    for collector in list(counted.registry._collector_to_names):
        for family in collector.collect():
            yield family, getattr(collector, "_labelnames", ())
    for family in trio.run(_now):
        yield family, getattr(family, "_labelnames", ())


async def _now() -> list[Metric]:
    """Those that tell how it stands; a gateway is made under a clock of Trio's."""
    return list(Now(make_system({"one": make_paper()}), {}, {}).collect())
