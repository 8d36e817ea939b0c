"""`ordo adapters`: what it lists, and the table of codes."""

import json

import pytest
from click.testing import CliRunner

from adapters.catalogue import ADAPTERS
from ordo.cli import main


def run(*arguments, status=0):
    done = CliRunner().invoke(main, ["adapters", *arguments])
    assert done.exit_code == status, done.output
    return done


def test_every_adapter_has_a_line():
    head, *lines = run().stdout.splitlines()
    assert head.split()[:3] == ["ADAPTER", "ORDERS/S", "CALLS/MIN"]
    assert [line.split()[0] for line in lines] == sorted(ADAPTERS)
    (fyers,) = [line for line in lines if line.startswith("fyers ")]
    assert fyers.split() == [
        *("fyers", "10", "200", "30", "yes", "yes", "yes"),
        *("BFO", "BSE", "NFO", "NSE"),
    ]


def test_one_adapter_shows_all_that_it_can():
    lines = run("fyers").stdout.splitlines()
    facts = dict(line.split("  ", 1) for line in lines)
    facts = {name: value.strip() for name, value in facts.items()}
    assert facts["order types"] == "LIMIT MARKET SL SL-M"
    assert facts["per day"] == "100000"
    assert facts["no ioc"] == "MCX"
    assert facts["simulated"] == "no"


def test_json_holds_the_same():
    found = {one["adapter"]: one for one in json.loads(run("--json").stdout)}
    assert list(found) == sorted(ADAPTERS)
    assert found["fyers"]["validities"] == ["DAY", "IOC"]
    assert found["paper"]["per_second"] is None


@pytest.mark.parametrize(
    ("code", "call", "outcome"),
    [
        ("-50", "place", "rejected"),
        ("-159", "place", "unknown"),
        ("-161", "cancel", "acked"),
        ("-16", "read", "session_expired"),
        ("-429", "modify", "rate_limited"),
        ("-371", "login", "login_refused"),
        ("any other", "place", "unknown"),
    ],
)
def test_the_codes_of_an_adapter_say_what_they_count_as(code, call, outcome):
    rows = json.loads(run("--codes", "fyers", "--json").stdout)
    told = {
        row["outcome"]
        for row in rows
        if (row["code"], row["call"], row["http_status"]) == (code, call, None)
    }
    assert outcome in told
    assert {row["broker"] for row in rows} == {"fyers"}


def test_the_codes_are_a_table_for_people():
    head, first, *_ = run("fyers", "--codes").stdout.splitlines()
    columns = [*("BROKER", "CALL", "HTTP", "STATUS"), *("CODE", "TEXT", "OUTCOME")]
    assert head.split() == [*columns, "MARK"]
    cells = [*("fyers", "place", "-", "-8"), *("token", "expired", "session_expired")]
    assert first.split() == [*cells, "doc"]


def test_codes_of_all_adapters_are_those_of_each():
    everything = json.loads(run("--codes", "--json").stdout)
    each = [json.loads(run("--codes", "--json", name).stdout) for name in ADAPTERS]
    assert sorted(map(str, everything)) == sorted(str(row) for of in each for row in of)


def test_an_adapter_without_codes_says_so():
    assert run("--codes", "paper").stdout == "no codes: this broker is a part of Ordo\n"


def test_an_adapter_that_is_not_there_is_named_with_those_that_are():
    done = run("robinhood", status=1)
    assert done.stderr.startswith("ordo: adapter 'robinhood' is not in this version;")
    assert "fyers" in done.stderr
