"""Faults on demand: what a protocol server does wrong, where, and how often."""

from collections.abc import Iterable

import msgspec

# Kinds every broker's server knows, and whether the request reaches the broker's
# book when the fault does not say so itself with `accepted`.
REACHES_THE_BOOK = {
    "delay_before_accept": True,
    "delay_after_accept": True,
    "drop_before_accept": False,
    "drop_after_accept": True,
    "reset": True,
    "http_error": False,
    "html_200": True,
    "error_200": False,
    "rate_limited": False,
    "truncated_body": True,
    "wrong_length": True,
}


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One fault, taken by the next `count` requests to `on`.

    Args:
        on: Endpoint name (`place`, `orders`, ...), or `*` for any of the broker's.
        kind: One of `REACHES_THE_BOOK` or of the broker's own kinds.
        count: Requests that get it; -1 means all from now on.
        skip: Requests let through untouched first.
        seconds: How long to wait (delays), to hold the connection before it ends
            (all other transport kinds), or what the broker's own kind says.
        accepted: Whether the request reaches the book; None takes the kind's own.
        status: HTTP status, where the kind has one to choose.
        code: The broker's error code, where the kind has one to choose.
        html: Answer with a web page in place of JSON (`http_error`).
        quantity: Units, where the kind fills something.
        late: Seconds an accepted order stays invisible in the book.
        text: The broker's words, where the kind has some.
    """

    on: str
    kind: str
    count: int = 1
    skip: int = 0
    seconds: float = 0.0
    accepted: bool | None = None
    status: int = 0
    code: int = 0
    html: bool = False
    quantity: int = 0
    late: float = 0.0
    text: str = ""

    @property
    def reaches_the_book(self) -> bool:
        """Whether the request is carried out although its answer is spoiled."""
        if self.accepted is not None:
            return self.accepted
        return REACHES_THE_BOOK.get(self.kind, True)


class Faults:
    """The faults still to come, in the order they were asked for.

    Args:
        extra: Kinds the broker adds to the common ones.
    """

    def __init__(self, extra: Iterable[str] = ()) -> None:
        self.kinds = frozenset(REACHES_THE_BOOK) | frozenset(extra)
        self.pending: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Queue *fault*.

        Raises:
            ValueError: its kind is not known here.
        """
        if fault.kind not in self.kinds:
            wanted = ", ".join(sorted(self.kinds))
            raise ValueError(f"kind must be one of {wanted}, was {fault.kind}")
        self.pending.append(fault)

    def take(self, name: str) -> Fault | None:
        """The fault this request to *name* gets, if any; the oldest goes first."""
        for fault in self.pending:
            if fault.on not in (name, "*"):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                return None
            if fault.count > 0:
                fault.count -= 1
                if fault.count == 0:
                    self.pending.remove(fault)
            return fault
        return None
