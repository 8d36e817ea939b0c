"""Completion and help: what may come next, and what a message says of itself."""

import pytest
import trio

from actors import messages
from ordo.console import completing, helping
from ordo.http.errors import ApiError
from tests.ordo.console.asking import ORDER, Asker
from tests.support.gateway import make_paper, make_system, running


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", ["ask ", "exit ", "help ", "ls ", "tell ", "watch "]),
        ("l", ["ls "]),
        ("ask bro", ["broker:one ", "broker:two "]),
        ("ask  k", ["kill-switch "]),
        ("ask broker:one Re", ["ReadBroker ", "ReadSession ", "Reconcile "]),
        ("tell broker:one Re", ["Reconcile "]),
        ("ask nobody Re", []),
        ("ask broker:one Nope x", []),
        ("ask broker:one Fetch ki", ["kind="]),
        ("ask broker:one GetQuotes ki", []),
        ("ask broker:one Fetch kind=fu", ["kind=funds "]),
        ("ask router CancelOpen brokers=", ["brokers=one", "brokers=two"]),
        ("ask router CancelOpen brokers=one,", ["brokers=one,two"]),
        ("ask router PlaceBatch order.si", ["order.side="]),
        ("ask router PlaceBatch order.side=B", ["order.side=BUY "]),
        ("ask router PlaceBatch dry_run=t", ["dry_run=true "]),
        ("ask router PlaceBatch nope=t", []),
        ("ask broker:one GetQuotes symbols=NSE:S", ["symbols=NSE:SBIN"]),
        ("ask broker:one GetQuotes symbols=NSE:INFY,N", ["symbols=NSE:INFY,NSE:SBIN"]),
        ("help Sen", ["SendOrder "]),
        ("watch e", ["events "]),
        ("watch events b", ["brokers="]),
        ("watch events brokers=t", ["brokers=two"]),
        ("nope x", []),
    ],
)
async def test_a_line_is_completed(autojump_clock, line, words):
    system = make_system({"one": make_paper(), "two": make_paper()})
    async with running(system):
        await trio.sleep(2)
        await Asker(system)("router", "PlaceBatch", *ORDER)
        assert await completing.complete(system, line) == words


async def test_ids_of_open_orders_are_completed(autojump_clock):
    system = make_system({"one": make_paper()})
    async with running(system):
        await trio.sleep(2)
        placed = await Asker(system)("router", "PlaceBatch", *ORDER)
        order_id = placed.reply["orders"][0]["order_id"]
        found = await completing.complete(system, "ask router CancelOrder order_id=")
    assert found == [f"order_id={order_id} "]


def test_help_has_a_messages_own_words_and_fields():
    (found,) = helping.of_message("SetBreaker")
    assert found.about == messages.SetBreaker.__doc__
    assert (found.to, found.replies) == ("broker:NAME", "BrokerReport")
    assert [(f.name, f.takes, f.required) for f in found.fields] == [
        ("state", "AUTO | CLOSED | OPEN", True)
    ]


def test_help_takes_structures_apart_and_names_every_reply():
    (found,) = helping.of_message("PlaceBatch")
    fields = {field.name: field for field in found.fields}
    assert fields["order.price"].takes == "number"
    assert fields["order.validity"].default == "DAY"
    assert found.replies.startswith("BatchDone | NothingAccepted | KeyReused")


def test_help_of_a_short_name_is_of_what_it_stands_for():
    assert [each.to for each in helping.of_message("GetQuotes")] == [
        "router",
        "broker:NAME",
    ]


def test_help_says_why_a_message_is_not_sent():
    with pytest.raises(ApiError) as error:
        helping.of_message("SendOrder")
    assert error.value.message.startswith("SendOrder is not sent by hand: it sends")


def test_a_shell_is_told_which_fields_are_secret():
    assert helping.secret_fields() == {"VerifyLogin": ["answers"]}
