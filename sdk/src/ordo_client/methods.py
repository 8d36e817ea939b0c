"""From the description of a call to a method: one that waits, or one to await."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from ordo_client.call import Call

P = ParamSpec("P")
R = TypeVar("R")


class Waits(Protocol):
    """A client whose calls return."""

    def run(self, call: Call[R]) -> R:
        """Make the call."""


class Awaits(Protocol):
    """A client whose calls are awaited."""

    async def run(self, call: Call[R]) -> R:
        """Make the call."""


def method(describe: Callable[P, Call[R]]) -> Callable[Concatenate[Waits, P], R]:
    """A method that makes the call which *describe* describes."""

    @functools.wraps(describe)
    def make(self: Waits, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.run(describe(*args, **kwargs))

    return _signed(make, describe)


def async_method(
    describe: Callable[P, Call[R]],
) -> Callable[Concatenate[Awaits, P], Coroutine[Any, Any, R]]:
    """The same, to be awaited."""

    @functools.wraps(describe)
    async def make(self: Awaits, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self.run(describe(*args, **kwargs))

    return _signed(make, describe)


def _signed(make: Callable[P, R], describe: Callable[..., Any]) -> Callable[P, R]:
    """With the signature of a method, for `help()` and for editors."""
    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    told = inspect.signature(describe)
    result = told.return_annotation
    if isinstance(result, str):
        result = result.removeprefix("Call[").removesuffix("]")
    signature = told.replace(
        parameters=[me, *told.parameters.values()], return_annotation=result
    )
    make.__signature__ = signature  # type: ignore[attr-defined]
    return make
