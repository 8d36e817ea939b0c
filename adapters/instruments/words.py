"""Words of a search: how the text of an instrument, and what is typed, fall apart.

Both are cut between letters and digits, so `NIFTY28MAR2420800CE` is the five words
NIFTY, 28, MAR, 2420800 and CE. That keeps the list of different words short, which is
what makes beginnings of words quick to find: with whole names as words, all that begins
with N took 50 ms among 250,000 rows, and this way 1 ms. An index of three-letter pieces
is as quick, and cannot find CE or M&M.
"""

from __future__ import annotations

import re
from datetime import date

from adapters.instruments.model import Instrument, InstrumentKind

RUN = re.compile(r"[^\W\d_]+|\d+")
MOST_WORDS = 8
"""Of one search; more make it slow and find nothing more."""


class Facets:
    """Filters as words of a column of their own: the index answers them too."""

    @staticmethod
    def exchange(exchange: str) -> str:
        """`xnseindex` for NSE_INDEX."""
        return f"x{exchange.replace('_', '')}".lower()

    @staticmethod
    def kind(kind: InstrumentKind) -> str:
        """`tce` for CE."""
        return f"t{kind.value}".lower()

    @staticmethod
    def expiry(expiry: date) -> str:
        """`e20261124`."""
        return f"e{expiry.isoformat().replace('-', '')}"


def indexed(one: Instrument) -> tuple[str, str, str, str]:
    """What is indexed of an instrument: symbol, name, more, facets."""
    more = [one.underlying or "", "" if one.strike is None else f"{one.strike:f}"]
    facets = [Facets.exchange(one.exchange), Facets.kind(one.kind)]
    if one.expiry is not None:
        facets.append(Facets.expiry(one.expiry))
    return _cut(one.symbol), _cut(one.name), _cut(" ".join(more)), " ".join(facets)


def words_of(text: str) -> list[str]:
    """The words typed, each perhaps of several runs; at most `MOST_WORDS` of them."""
    cut = [_cut(word) for word in text.split()]
    return [word for word in cut if word][:MOST_WORDS]


def expression(words: list[str], facets: list[str]) -> str:
    """The search as FTS5 has it; empty where there is nothing to search for.

    Runs of one word must follow each other, and the last may go on:
    `NIFTY28M` finds NIFTY28MAR2420800CE.
    """
    parts = [f'{{symbol name more}} : "{word}" *' for word in words]
    parts += [f'facets : "{facet}"' for facet in facets]
    return " AND ".join(parts)


def _cut(text: str) -> str:
    return " ".join(RUN.findall(text))
