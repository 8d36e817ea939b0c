"""What the code says in words of its own: error codes, actions of the audit."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from actors.egress import EgressState
from adapters import OrderStatus
from adapters.events import PRIVATE, RENAMED, SUBJECTS

ROOT = Path(__file__).parents[2]
FLOORS = ("adapters", "actors", "ordo")
ACTION = re.compile(f"(?:{'|'.join(map(re.escape, SUBJECTS))})[a-z_]+")
MADE = {
    "order.": {f"order.{status}" for status in OrderStatus},
    # It is told once an address was seen, so never as unchecked.
    "egress.": {f"egress.{s}" for s in EgressState if s is not EgressState.UNCHECKED},
}
"""Actions that are put together, by what they begin with."""
SAYS_CODE = {"Denial", "Stopped", "LoginFailed", "FetchFailed", "FillResult"}
"""Calls whose `code`, or first argument, is a broker-level error code."""
CODE = re.compile(r"[a-z]+(_[a-z]+)*")
NO_CODES = {"cancelled"}
"""The sender's word for an order that its owner took back: a status, and no error."""


@functools.cache
def trees() -> tuple[ast.Module, ...]:
    """Every module of the floors."""
    files = [file for floor in FLOORS for file in sorted((ROOT / floor).rglob("*.py"))]
    return tuple(ast.parse(file.read_text("utf-8")) for file in files)


def event_types() -> set[str]:
    """Every type that an event can have."""
    actions = {action for tree in trees() for action in _actions(tree)}
    return {RENAMED.get(action, action) for action in actions - PRIVATE}


def broker_codes() -> set[str]:
    """Every code that the entry of a broker can have."""
    return {code for tree in trees() for code in _codes(tree)} - NO_CODES


def _actions(tree: ast.Module) -> Iterator[str]:
    """Texts that are actions, but for those that only a log line bears."""
    logged = {
        id(value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "event"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            yield from MADE.get(str(node.values[0].value), ())
        elif (
            isinstance(node, ast.Constant)
            and id(node) not in logged
            and ACTION.fullmatch(str(node.value))
        ):
            yield str(node.value)


def _codes(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        texts = [word.value for word in node.keywords if word.arg == "error_code"]
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in SAYS_CODE:
            texts += node.args[:1]
            texts += [word.value for word in node.keywords if word.arg == "code"]
        for text in texts:
            yield from (code for code in _texts(text) if CODE.fullmatch(code))


def _texts(node: ast.AST) -> Iterator[str]:
    """The texts of an expression, but for the names of keys."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif not isinstance(node, ast.Subscript):
        for inner in ast.iter_child_nodes(node):
            yield from _texts(inner)
