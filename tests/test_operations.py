"""Alerting rules and dashboard name metrics that there are."""

import json
import re
from pathlib import Path

import yaml

from ordo.http.metrics import Now
from ordo.metrics import Meters
from tests.support.gateway import make_paper, make_system

PLACE = Path(__file__).parents[1] / "docs" / "operations"
NAME = re.compile(r"\b(?:ordo|process)_[a-z_]+\b")
SUFFIX = re.compile(r"_(total|bucket|count|sum)$")


def known():
    """Every metric, without what Prometheus appends."""
    system = make_system({"one": make_paper()})
    families = [*Meters().registry.collect(), *Now(system, {}, {}).collect()]
    return {family.name for family in families}


def named(text):
    return {SUFFIX.sub("", name) for name in NAME.findall(text)}


async def test_the_rules_are_rules_and_name_what_there_is():
    (group,) = yaml.safe_load((PLACE / "alerts.yml").read_text())["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert len(set(names)) == len(names) >= 10
    for rule in group["rules"]:
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert named(rule["expr"]) <= known()


async def test_the_dashboard_shows_what_there_is():
    board = json.loads((PLACE / "dashboard.json").read_text())
    shown = set()
    for panel in board["panels"]:
        for target in panel["targets"]:
            shown |= named(target["expr"])
    assert len(shown) >= 12
    assert shown <= known()


async def test_the_page_names_every_metric_of_ours():
    page = (PLACE / "metrics.md").read_text()
    ours = {name for name in known() if name.startswith("ordo_")}
    assert ours <= named(page)
