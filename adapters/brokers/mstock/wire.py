"""m.Stock's JSON: the envelope around every answer, and rows of cells.

Success, numbers and emptiness are each written in several ways, by type of API and by
call: `"success"`, `"true"` or `true`; `812.3` or `"812.30"`; null, `""` or the text
`None`. All of them are read here, so that nobody above has to know. Source: dossier,
"Read this first", and 20.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import msgspec

from adapters.errors import SentUnknown
from adapters.rows import row_of

NOTHING = frozenset({"", "null", "none"})
GOOD, BAD = frozenset({"success", "true"}), frozenset({"error", "false"})

Cells = dict[str, msgspec.Raw]


class Envelope(msgspec.Struct):
    """What every answer begins with; a placed order's comes in a list of one.

    `error_type` is Type A's, `errorcode` Type B's, and some answers of B bear A's.
    `title` and `errors` stand in place of all else where a body could not be read.
    """

    status: str | bool | int | None = None
    message: str | None = None
    error_type: str | None = None
    errorcode: str | int | None = None
    data: msgspec.Raw = msgspec.Raw()
    title: str | None = None
    errors: msgspec.Raw = msgspec.Raw()

    @property
    def is_ok(self) -> bool:
        """A success that bears no code of an error."""
        return str(self.status).lower() in GOOD and not self.code

    @property
    def is_error(self) -> bool:
        return str(self.status).lower() in BAD

    @property
    def is_unread(self) -> bool:
        """A problem document: what was sent did not fit the call's model."""
        return self.status == 400 and bool(self.title) and bool(bytes(self.errors))

    @property
    def code(self) -> str:
        """Of an error, "" where there is none."""
        for code in (self.errorcode, self.error_type):
            if code is not None and str(code).strip().lower() not in NOTHING:
                return str(code).strip()
        return ""


class Row:
    """Cells by names of our own.

    Args:
        names: the broker's name of a cell by ours; what is not in it is never there.
        what: for messages, such as `order`.
    """

    __slots__ = ("_cells", "_names", "_what")

    def __init__(self, cells: Cells, names: Mapping[str, str], what: str) -> None:
        self._cells = cells
        self._names = names
        self._what = what

    def text(self, name: str) -> str:
        """The cell as text, "" where it says nothing."""
        raw = self._cells.get(self._names.get(name, ""))
        return "" if raw is None else plain(raw)

    def amount(self, name: str) -> Decimal | None:
        """The cell as a number, None where it says nothing.

        Raises:
            SentUnknown: it says something else.
        """
        text = self.text(name)
        if not text:
            return None
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            raise self._unread(name, f"a number, found {text[:40]!r}")
        return value

    def wanted(self, name: str) -> str:
        """The cell's text, without which the row is none.

        Raises:
            SentUnknown: it says nothing.
        """
        text = self.text(name)
        if not text:
            raise self._unread(name, "it, found nothing")
        return text

    def number(self, name: str) -> Decimal:
        """The cell's number, without which the row is none.

        Raises:
            SentUnknown: it says nothing, or something else.
        """
        value = self.amount(name)
        if value is None:
            raise self._unread(name, "a number, found nothing")
        return value

    def _unread(self, name: str, words: str) -> SentUnknown:
        cell = self._names.get(name, name)
        return SentUnknown(f"a row of {self._what}: {cell}: wanted {words}")


def plain(raw: msgspec.Raw) -> str:
    """A JSON value as bare text; "" for what says nothing, lists and objects too."""
    text = bytes(raw).decode().strip()
    if text[:1] == '"':
        text = msgspec.json.decode(raw, type=str).strip()
    elif text[:1] in ("[", "{"):
        return ""
    return "" if text.lower() in NOTHING else text


_lists = msgspec.json.Decoder(list[msgspec.Raw])
_objects = msgspec.json.Decoder(Cells)


def row(raw: msgspec.Raw, names: Mapping[str, str], what: str) -> Row:
    """A row as `raws` gives it.

    Raises:
        SentUnknown: it is no object.
    """
    return Row(row_of(raw, _objects, what), names, what)


def rows(data: msgspec.Raw, names: Mapping[str, str], what: str) -> list[Row]:
    """The rows of a short list; see `raws`."""
    return [row(raw, names, what) for raw in raws(data, what)]


def raws(data: msgspec.Raw, what: str) -> list[msgspec.Raw]:
    """The rows of a book as they came; null means that it is empty.

    A row's cells take 3.5 times its bytes, so a long book is decoded row by row.
    Source: dossier 8.1, 8.2.

    Raises:
        SentUnknown: there is nothing at all, or something else.
    """
    if not bytes(data):
        raise SentUnknown(f"{what}: a success without data")
    if bytes(data).strip()[:1] != b"[" and not plain(data):
        if bytes(data).strip()[:1] == b"{":
            raise SentUnknown(f"{what}: wanted a list, found an object")
        return []
    try:
        return _lists.decode(data)
    except msgspec.DecodeError as exc:
        raise SentUnknown(f"{what}: {exc}") from exc


def cells(data: msgspec.Raw, what: str) -> Cells:
    """An object's cells.

    Raises:
        SentUnknown: it is no object.
    """
    try:
        return _objects.decode(data)
    except msgspec.DecodeError as exc:
        raise SentUnknown(f"{what}: wanted an object: {exc}") from exc
