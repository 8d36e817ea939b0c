"""A paper account outlives its process: the journal, torn lines and a full disk."""

import errno
import os
import stat

import pytest

from adapters import BookStatus, ConfigError, NotSent, SentUnknown, Validity
from adapters.brokers.paper import Fault, PaperHolding
from adapters.brokers.paper import journal as journal_module
from adapters.model import Product
from tests.adapters.paper.family import (
    SBIN,
    dec,
    fills,
    make_broker,
    order,
    pass_by,
    place,
    row,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "paper" / "demo.jsonl"


async def account(broker):
    """All that can be read of it, prices aside."""
    broker.set_price(SBIN, 812)
    return (
        await broker.order_book(),
        await broker.trades(),
        await broker.positions(),
        await broker.holdings(),
        await broker.funds(),
    )


async def trade_a_while(broker):
    """One order of every fate."""
    await place(broker, "BUY", 2, tag="A0")
    broker.set_liquidity(SBIN, 4)
    await place(broker, "BUY", 10, tag="A1")  # partly filled
    await place(broker, "SELL", 10, 900, tag="A2")
    await broker.modify("PAPER-000003", order("SELL", 5, 905), pass_by)
    await place(broker, "BUY", 7, 820, trigger=815, tag="A3")
    broker.set_price(SBIN, 816)  # triggers it and fills more
    await place(broker, "BUY", 10**6, product=Product.CNC, tag="A4")  # rejected
    await place(broker, "BUY", 9, validity=Validity.IOC, tag="A5")
    await place(broker, "BUY", 3, 700, product=Product.CNC, tag="A6")
    await place(broker, "BUY", 3, 700, product=Product.CNC, tag="")
    await broker.cancel("PAPER-000007")
    await place(broker, "BUY", 2, 950, trigger=940, tag="A8")
    broker.set_liquidity(SBIN, 0)


async def test_an_account_stands_after_a_restart_where_it_stood(path):
    held = {SBIN: PaperHolding(quantity=dec(5), average_price=dec(700))}
    before = make_broker(journal=path, holdings=held)
    await trade_a_while(before)
    after = make_broker(journal=path, holdings=held, at=None)
    after.set_liquidity(SBIN, 0)
    assert await account(after) == await account(before)
    assert {entry.status for entry in await before.order_book()} == {
        BookStatus.OPEN,
        BookStatus.FILLED,
        BookStatus.CANCELLED,
        BookStatus.REJECTED,
    }


async def test_a_restarted_account_goes_on_as_the_first_would_have(path):
    brokers = [make_broker(journal=path)]
    await trade_a_while(brokers[0])
    brokers.append(make_broker(journal=path))
    path.unlink()  # each for itself from here on
    results = []
    for broker in brokers:
        broker.set_price(SBIN, 812)
        broker.set_liquidity(SBIN, None)
        for price in (690, 950):
            broker.set_price(SBIN, price)
        await place(broker, "SELL", 1, tag="B1")
        results.append(await account(broker))
    assert results[0] == results[1]
    assert results[0][0][-1].broker_order_id == "PAPER-000010"


async def test_a_stop_order_not_triggered_before_a_restart_trades_like_a_new_one(path):
    await place(make_broker(journal=path), "BUY", 10, 816, trigger=815)
    broker = make_broker(journal=path)
    broker.set_price(SBIN, 815)
    assert await fills(broker) == [(10, "815.05")]


async def test_what_a_killed_process_had_accepted_is_there_without_a_close(path):
    broker = make_broker(journal=path)
    broker.script.on("place", Fault.lose_answer())
    with pytest.raises(SentUnknown):
        await place(broker)
    assert (await row(make_broker(journal=path))).tag == "A1"


async def test_without_a_journal_nothing_is_kept(tmp_path):
    await place(make_broker())
    assert list(tmp_path.iterdir()) == []
    assert await make_broker().order_book() == []


async def test_a_line_torn_by_a_kill_is_cut_off(path):
    broker = make_broker(journal=path)
    await place(broker, "BUY", 10, 800, tag="A1")
    whole = path.read_bytes()
    await place(broker, "BUY", 10, 800, tag="A2")
    torn = path.read_bytes()
    for length in range(len(whole), len(torn)):
        path.write_bytes(torn[:length])
        broker = make_broker(journal=path)
        assert [entry.tag for entry in await broker.order_book()] == ["A1"]
        assert path.read_bytes() == whole
        await broker.aclose()


async def test_after_a_torn_line_the_journal_goes_on(path):
    await place(make_broker(journal=path), "BUY", 10, 800, tag="A1")
    path.write_bytes(path.read_bytes() + b'{"type":"placed","id"')
    await place(make_broker(journal=path), "BUY", 10, 800, tag="A2")
    broker = make_broker(journal=path)
    assert [entry.tag for entry in await broker.order_book()] == ["A1", "A2"]


async def test_an_order_killed_before_its_fill_is_filled_at_the_next_read(path):
    await place(make_broker(journal=path), "BUY", 10)
    placed, filled = path.read_bytes().splitlines(keepends=True)
    assert b'"filled"' in filled
    path.write_bytes(placed)
    broker = make_broker(journal=path, at=812)
    assert (await row(broker)).status is BookStatus.FILLED


async def test_a_broken_line_before_the_last_stops_the_start(path):
    await place(make_broker(journal=path))
    path.write_bytes(b"{}\n" + path.read_bytes())
    with pytest.raises(ConfigError) as refused:
        make_broker(journal=path)
    assert str(refused.value) == (
        f"the paper journal {path} cannot be read at line 1;"
        " move it away to start with a new account"
    )


async def test_a_journal_that_cannot_be_opened_stops_the_start(tmp_path):
    with pytest.raises(ConfigError, match="cannot be opened: Is a directory"):
        make_broker(journal=tmp_path)


async def test_the_journal_is_for_its_owner_alone(path):
    make_broker(journal=path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_prices_go_on_from_the_last_trade_unless_the_settings_say_where(path):
    await place(make_broker(journal=path, at="899.95"))
    again = make_broker(journal=path, at=None)
    (quote,) = await again.quotes([SBIN])
    assert quote.last_price == 900
    told = make_broker(journal=path, at=None, prices={SBIN: dec(750)})
    (quote,) = await told.quotes([SBIN])
    assert quote.last_price == 750


def no_space(file, line):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def half_a_line(file, line):
    return os.write(file, line[: len(line) // 2])


def failing_after(lines, how):
    """A stand-in for `os.write` that fails after so many whole lines."""
    left = [lines]

    def write(file, line):
        left[0] -= 1
        return os.write(file, line) if left[0] >= 0 else how(file, line)

    return write


class Os:
    """The `os` of the journal with another `write`."""

    def __init__(self, write):
        self.write = write

    def __getattr__(self, name):
        return getattr(os, name)


def test_the_stand_in_is_only_for_the_journal():
    assert journal_module.os is os


@pytest.mark.parametrize("how", [no_space, half_a_line])
async def test_an_order_that_cannot_be_written_down_is_not_sent(path, monkeypatch, how):
    broker = make_broker(journal=path)
    await place(broker, "BUY", 10, 800, tag="A1")
    whole = path.read_bytes()
    monkeypatch.setattr(journal_module, "os", Os(failing_after(0, how)))
    with pytest.raises(NotSent, match="the paper journal could not be written: "):
        await place(broker, "BUY", 10, 800, tag="A2")
    monkeypatch.undo()
    assert path.read_bytes() == whole
    assert [entry.tag for entry in await broker.order_book()] == ["A1"]
    await place(broker, "BUY", 10, 800, tag="A3")
    again = make_broker(journal=path)
    assert [entry.tag for entry in await again.order_book()] == ["A1", "A3"]


async def test_an_order_written_down_whose_fill_cannot_be_is_unknown(path, monkeypatch):
    broker = make_broker(journal=path)
    monkeypatch.setattr(journal_module, "os", Os(failing_after(1, no_space)))
    with pytest.raises(SentUnknown, match="the paper journal could not be written: "):
        await place(broker, "BUY", 10)
    monkeypatch.undo()
    assert (await row(broker)).status is BookStatus.FILLED  # by the read's own match
    assert await fills(broker) == [(10, "812.05")]


async def test_a_change_that_cannot_be_written_down_is_not_done(path, monkeypatch):
    broker = make_broker(journal=path)
    await place(broker, "BUY", 10, 800)
    before = await account(broker)
    monkeypatch.setattr(journal_module, "os", Os(failing_after(0, no_space)))
    with pytest.raises(NotSent):
        await broker.modify("PAPER-000001", order("BUY", 5, 801), pass_by)
    with pytest.raises(NotSent):
        await broker.cancel("PAPER-000001")
    monkeypatch.undo()
    assert await account(broker) == before


async def test_closing_twice_does_no_harm(path):
    broker = make_broker(journal=path)
    await broker.aclose()
    await broker.aclose()
