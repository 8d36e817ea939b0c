"""From a path to the routes that stand there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ordo.http.route import Route

PART = re.compile(r"{(\w+)}")
Methods = Mapping[str, Route]


class Match(NamedTuple):
    """The routes of one path, by method, and the path's named parts."""

    methods: Methods
    parts: Mapping[str, str]


class Table:
    """Finds routes. A path without named parts goes before one with them."""

    def __init__(self, routes: Iterable[Route]) -> None:
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            by_path.setdefault(route.path, {})[route.method] = route
        self._plain: dict[str, Match] = {}
        self._with_parts: list[tuple[re.Pattern[str], Methods]] = []
        for path, methods in by_path.items():
            if PART.search(path):
                pattern = PART.sub(r"(?P<\1>[^/]+)", path)
                self._with_parts.append((re.compile(pattern), methods))
            else:
                self._plain[path] = Match(methods, {})

    def find(self, path: str) -> Match | None:
        """What stands at *path*, decoded; None for nothing."""
        if (plain := self._plain.get(path)) is not None:
            return plain
        for pattern, methods in self._with_parts:
            if (found := pattern.fullmatch(path)) is not None:
                return Match(methods, found.groupdict())
        return None
