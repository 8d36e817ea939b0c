"""Which messages may be sent by hand: each is known, and goes where it is taken."""

import ast
from pathlib import Path

import msgspec
import pytest

from actors import messages
from ordo.console import registry
from ordo.console.registry import ENTRIES, INTERNAL, SHORT
from ordo.console.shapes import places_of, shape_of

ROOT = Path(messages.__file__).parents[1]
ACTORS = {
    "writer": "writer.py",
    "kill-switch": "killswitch.py",
    "broker": "broker.py",
    "router": "router.py",
    "masters": "masters.py",
}
"""Where each actor's `match request.message` stands."""


def of_system():
    """Every message: a tagged structure of `actors.messages`."""
    found = vars(messages).values()
    kinds = [each for each in found if isinstance(each, type)]
    structs = [each for each in kinds if issubclass(each, msgspec.Struct)]
    return {each for each in structs if each.__struct_config__.tag is not None}


def taken_by(file):
    """The names of the messages that an actor's code matches."""
    tree = ast.parse((ROOT / file).read_text())
    kinds = [
        node.cls.id
        for node in ast.walk(tree)
        if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name)
    ]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    checked = [
        call.args[1].id
        for call in calls
        if isinstance(call.func, ast.Name)
        and call.func.id == "isinstance"
        and isinstance(call.args[1], ast.Name)
    ]
    names = {each.__name__ for each in of_system()}
    return {*kinds, *checked} & names


def test_every_message_may_be_sent_by_hand_or_says_why_not():
    sendable = {entry.message for entry in ENTRIES}
    assert sendable | set(INTERNAL) == of_system()
    assert sendable & set(INTERNAL) == set()
    assert [name for name, why in INTERNAL.items() if len(why) < 20] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_message_goes_to_an_actor_whose_code_takes_it(entry):
    assert entry.name in taken_by(ACTORS[entry.taker])


def test_what_would_break_a_promise_is_not_sent_by_hand():
    names = {each.__name__ for each in INTERNAL}
    assert {"SendOrder", "Commit", "Admit", "ReturnSlot", "ChangeOrder"} <= names
    assert {"DropAudit", "PruneKeys", "DownloadMaster"} <= names


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_nobody_says_who_they_are_or_speaks_for_the_closer(entry):
    names = {place.path for place in places_of(shape_of(entry.form))}
    filled = {"by", "request_id", "principal", "key", "fingerprint", "route"}
    assert names & (filled | {"closes_for", "exits", "key_given", "state_in"}) == set()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_no_field_is_named_as_the_shells_own_word(entry):
    names = {place.path for place in places_of(shape_of(entry.form))}
    assert "within" not in names


def test_what_moves_money_wants_a_second_look_and_is_never_only_told():
    looked_at = {e.name for e in ENTRIES if e.words is not registry.confirming.nothing}
    assert looked_at == {
        "PlaceBatch",
        "ClosePositions",
        "ModifyOrder",
        "CancelOpen",
        "EngageSwitch",
        "ReleaseSwitch",
        "SetBreaker",
    }
    told = {entry.name for entry in ENTRIES if entry.told}
    assert told & looked_at == {"CancelOpen", "EngageSwitch", "SetBreaker"}


def test_halts_and_cancels_wait_for_nothing():
    assert {entry.name for entry in ENTRIES if entry.lessens} == {
        "EngageSwitch",
        "CancelOrder",
        "CancelOpen",
    }


@pytest.mark.parametrize("name", SHORT)
def test_a_short_name_is_a_read_with_its_kind(name):
    entry, fields = registry.find("broker", name)
    assert (entry.name, fields) == ("Fetch", {"kind": SHORT[name]})


def test_margin_is_asked_of_one_broker():
    assert registry.find("router", "GetMargin") is None
    entry, fields = registry.find("router", "GetFunds")
    assert (entry.name, fields) == ("FetchAll", {"kind": "funds"})
