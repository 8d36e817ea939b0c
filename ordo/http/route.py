"""One call of the API, as data: where it stands, who may, what it takes and gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple

import msgspec

from ordo.http.call import Call
from ordo.http.envelope import Reply

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
