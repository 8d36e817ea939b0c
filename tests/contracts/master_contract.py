"""What every adapter with instrument files must do.

A test module imports all names of this one beside those of `broker_contract`, and its
fixture `subject` is a `MasterSubject`.
"""

import importlib
import re
from decimal import Decimal

import pytest
from msgspec.structs import replace

from adapters import catalogue
from adapters.errors import NotSent, RateLimited, SentUnknown, Unsupported
from adapters.instruments import InstrumentKind, future_name, option_name
from adapters.model import Acked
from tests.contracts.broker_contract import look, tag_of
from tests.contracts.broker_subject import Mishap
from tests.contracts.memory_index import MemoryIndex

SYMBOL = re.compile(r"(NSE|BSE|NFO|BFO|CDS|BCD|MCX|NSE_INDEX|BSE_INDEX):[^\s:]+( \S+)*")
OPTIONS = (InstrumentKind.CE, InstrumentKind.PE)
DERIVATIVES = (InstrumentKind.FUT, *OPTIONS)


def parse(subject, paths):
    """All instruments of *paths*, by the adapter's own reader."""
    module, _, name = catalogue.find(subject.adapter).master.partition(":")
    return list(getattr(importlib.import_module(module), name)(paths))


async def fetched(subject, directory):
    return await subject.port.download_master(directory)


async def everything(subject, directory):
    return parse(subject, await fetched(subject, directory))


async def test_the_files_come_where_they_were_wanted_and_nothing_else(
    subject, tmp_path
):
    paths = await fetched(subject, tmp_path)
    assert paths
    assert sorted(paths) == sorted(tmp_path.iterdir())


async def test_symbols_and_keys_are_unique(subject, tmp_path):
    found = await everything(subject, tmp_path)
    assert len({one.symbol for one in found}) == len(found)
    assert len({one.key for one in found}) == len(found)


async def test_known_symbols_have_the_brokers_keys(subject, tmp_path):
    keys = {one.symbol: one.key for one in await everything(subject, tmp_path)}
    assert {symbol: keys.get(symbol) for symbol in subject.known} == subject.known


async def test_every_symbol_is_written_as_everywhere(subject, tmp_path):
    found = await everything(subject, tmp_path)
    assert [one.symbol for one in found if not SYMBOL.fullmatch(one.symbol)] == []
    for one in found:
        assert one.exchange.endswith("_INDEX") is (one.kind is InstrumentKind.INDEX)


async def test_a_derivatives_name_is_made_of_its_own_terms(subject, tmp_path):
    derivatives = [
        one for one in await everything(subject, tmp_path) if one.kind in DERIVATIVES
    ]
    assert derivatives
    for one in derivatives:
        assert one.underlying is not None
        assert one.expiry is not None
        if one.kind in OPTIONS:
            assert one.strike is not None
            name = option_name(one.underlying, one.expiry, one.strike, one.kind)
        else:
            assert one.strike is None
            name = future_name(one.underlying, one.expiry)
        assert one.symbol.partition(":")[2] == name


async def test_what_can_be_ordered_has_a_lot_and_a_tick(subject, tmp_path):
    tradable = [one for one in await everything(subject, tmp_path) if one.tradable]
    assert tradable
    for one in tradable:
        assert one.kind is not InstrumentKind.INDEX
        for amount in (one.lot_size, one.tick_size):
            assert type(amount) is Decimal
            assert amount > 0
        freeze = one.freeze_quantity
        assert freeze is None or freeze >= one.lot_size


async def test_orders_everywhere_come_back_under_their_symbols(subject, tmp_path):
    port = subject.with_master(MemoryIndex(await everything(subject, tmp_path)))
    for number, order in enumerate(subject.orders):
        answer = await port.place(order, tag_of(subject, number), look)
        assert isinstance(answer, Acked), (order.symbol, answer)
    wanted = [order.symbol for order in subject.orders]
    assert sorted(one.symbol for one in await port.order_book()) == sorted(wanted)
    quotes = await port.quotes(wanted)
    assert sorted(quote.symbol for quote in quotes) == sorted(wanted)
    await port.aclose()


async def test_what_the_master_does_not_have_is_not_sent(subject, tmp_path):
    port = subject.with_master(MemoryIndex(await everything(subject, tmp_path)))
    before = subject.heard()
    order = replace(subject.order, symbol=subject.nobody_knows)
    with pytest.raises(Unsupported, match=re.escape(subject.nobody_knows)):
        await port.place(order, tag_of(subject), look)
    with pytest.raises(Unsupported):
        await port.quotes([subject.nobody_knows])
    assert subject.heard() == before
    await port.aclose()


async def test_a_row_of_the_book_that_the_master_does_not_have_is_not_lost(subject):
    port = subject.with_master(MemoryIndex([]))
    await subject.port.place(subject.order, tag_of(subject), look)
    [found] = await port.order_book()
    assert found.symbol
    assert found.quantity == subject.order.quantity
    await port.aclose()


@pytest.mark.parametrize(
    "text", [b"", b"<html>busy</html>", b'{"status":"error"}', b"\x00\xff" * 50, b"{"]
)
async def test_what_is_no_master_is_none(subject, tmp_path, text):
    paths = await fetched(subject, tmp_path)
    paths[-1].write_bytes(text)
    with pytest.raises(ValueError, match=re.escape(paths[-1].name)):
        parse(subject, paths)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
async def test_a_master_that_breaks_off_within_a_row_is_none(subject, tmp_path, share):
    paths = await fetched(subject, tmp_path)
    text = paths[-1].read_bytes()
    paths[-1].write_bytes(text[: _within_a_row(text, int(len(text) * share))])
    with pytest.raises(ValueError, match=re.escape(paths[-1].name)):
        parse(subject, paths)


def _within_a_row(text, at):
    """A place near *at* where the first half of a row, or of a line, ends."""
    start = max(text.rfind(mark, 0, at) for mark in (b"\n", b"{"))
    ends = [end for mark in (b"\n", b"}") if (end := text.find(mark, start + 1)) > 0]
    return start + (min(ends, default=len(text)) - start) // 2


@pytest.mark.parametrize(
    ("mishap", "error"),
    [
        (Mishap.LOST_ANSWER, SentUnknown),
        (Mishap.SERVER_ERROR, SentUnknown),
        (Mishap.PAGE, SentUnknown),
        (Mishap.CUT_OFF, SentUnknown),
        (Mishap.TOO_FAST, RateLimited),
        (Mishap.NOBODY_THERE, NotSent),
    ],
)
async def test_a_download_that_goes_wrong_leaves_nothing(
    subject, tmp_path, mishap, error
):
    await subject.go_wrong(mishap, "download_master")
    with pytest.raises(error) as caught:
        await fetched(subject, tmp_path)
    assert caught.type is error
    assert list(tmp_path.iterdir()) == []
